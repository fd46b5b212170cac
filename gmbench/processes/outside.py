"""What an outside file declares, read in a process of its own, so that importing it can end or hang only that one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import gmbench
from gmbench import registry
from gmbench.contract import ContractError, Implementation, Initialisation

SECONDS = 120.0  # that a file may take to be imported
KINDS = {kind.__name__: kind for kind in (Implementation, Initialisation)}


def declared(path: str | os.PathLike, seconds: float = SECONDS) -> list[Implementation | Initialisation]:
    """The records of a Python file; each is whole but for its function, which is in the other process.

    :param seconds: after which that process is ended
    :raises ContractError: if the file cannot be imported, or its process dies, hangs or says nothing, in one line
    """
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        raise ContractError(f"{path}: there is no such file")
    # files rather than pipes: what the child started and left behind cannot hold them open
    with tempfile.TemporaryFile() as answers, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "gmbench.processes.outside", str(answers.fileno()), str(path)],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            pass_fds=(answers.fileno(),),
            env=environment(),
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ContractError(f"{path}: its import did not end within {seconds:g} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # a group of its own: this child's, and nothing else
            process.wait()
        answer, said = _text(answers), _text(errors).splitlines()
    try:
        found = json.loads(answer)
        reason = found.get("error")
        records = [] if reason else [_record(record) for record in found["records"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        last = next((f": {line.strip()[:300]}" for line in reversed(said) if line.strip()), "")
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"
        raise ContractError(f"{path}: the process that imports it {how} and declared nothing{last}") from None
    if reason:
        raise ContractError(reason)
    return records


def _text(file) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def environment() -> dict[str, str]:
    """A child finds this very package, and no outside file but the one it is told."""
    root = str(Path(gmbench.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {k: v for k, v in os.environ.items() if k != registry.VARIABLE} | {"PYTHONPATH": path}


def _plain(record: Implementation | Initialisation) -> dict:
    known = {field.name: getattr(record, field.name) for field in fields(record) if field.name != "function"}
    return {"kind": type(record).__name__, **known}


def _record(plain: dict) -> Implementation | Initialisation:
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    return KINDS[plain.pop("kind")](function=_elsewhere, **plain)


def _elsewhere(*_, **__):
    raise ContractError("this function was declared in another process, and cannot be called here")


def main() -> None:
    """Answer on the descriptor with one JSON text: the records of the file, or why there are none."""
    writer, path = int(sys.argv[1]), sys.argv[2]
    answer: dict[str, Any]
    try:
        answer = {"records": [_plain(record) for record in registry.records(registry.load_file(path), path)]}
    except ContractError as error:
        answer = {"error": str(error)}
    with open(writer, "w") as out:
        # claims are read-only mappings, which JSON does not know
        json.dump(answer, out, default=dict)


if __name__ == "__main__":
    main()
