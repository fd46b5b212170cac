"""The gate of many implementations: each in a fork of one process, which has drawn the cases and knows the references.

``python tests/cheats/gate.py`` reads a JSON list of ``[file, key, every]`` from standard input and writes one of
``{"status": ..., "message": ...}``, as `gmbench.timing.gate.gate` gives them. Without ``every`` it runs the
checks that see whether a result follows from its inputs. ``layouts``, which takes longer than all the others together,
is always left out: of what it sees here others see enough.
"""

import json
import os
import sys

import torch

from gmbench.checks.plan import plan
from gmbench.timing.worker import load

FEW = {"form", "value", "limits", "inputs-unchanged", "deterministic", "no-state", "global-state"}
RIGHT = (None, "gm/eager", True)


def status(file, key, every):
    """The first check that is not green, else passed."""
    for check in plan(load(key, file)):
        wanted = check.name != "layouts" if every else check.name in FEW or check.name.startswith("gradient-")
        if check.dtype == "float32" and wanted:
            record = check("smoke")
            if not record.ok:
                return {"status": record.status, "message": f"{record.check}: {record.message}"}
    return {"status": "passed", "message": ""}


def forked(*request):
    """The status that a process gives which ends with it."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            found = status(*request)
        except BaseException as error:
            found = {"status": "failed", "message": f"the gate raised {type(error).__name__}: {error}"}
        os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return json.loads(text or '{"status": "failed", "message": "no status"}')


def main():
    requests = json.load(sys.stdin)
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    torch.set_num_threads(1)
    status(*RIGHT)
    with results:
        json.dump([forked(*request) for request in requests], results)


if __name__ == "__main__":
    main()
