"""The table of cheats: implementations that look right or fast without being it, and what catches each of them.

``python tests/cheats/table.py --store STORE`` runs every file in this folder as `gmbench time` would, gate first,
prints a line each, and writes ``STORE/cheats.json``, from which the report makes its table. It takes about ten
minutes.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from gmbench import registry
from gmbench.results.selftests import CHEATS
from gmbench.store.provenance import provenance
from gmbench.timing.gate import gate, select_implementations
from gmbench.timing.records import TimingStatus
from gmbench.timing.session import measure
from gmbench.timing.turns import TimingLimits

HERE = Path(__file__).parent
SIZE = registry.load_file(HERE / "kit.py").SIZE
TOGETHER = 16  # processes that are timed side by side
LIMITS = TimingLimits(rounds=10, budget=1.5, memory=3 * 2**30)
UNDEFENDED = [
    "There is no sandbox: an implementation is Python in the process that measures, so it can rewrite whatever it finds"
    " there; what a patient author can still do is listed above as not caught.",
    "A compiled extension can write to the pipe's descriptor, read the parent's memory or its files, or change the"
    " process in ways that Python does not see.",
    "Processes that leave the process group, and work on another machine, are not followed.",
    "The reference can be read from its file by its path: the result is right then, and slow.",
    "An implementation may claim any accuracy up to 2^-6: a row shows the claim and what was measured.",
    "In float64, in a batch of more than 64 rows, the gradients of the parameters are decided by at most 64 random"
    " rows, for the cotangents of the others are tiny: an implementation that leaves out such rows passes. In float32"
    " every row counts.",
    "The inputs are normally distributed, and an implementation may be tuned to that and to the sizes that are timed.",
]


def cheats():
    """Every cheat with its file."""
    paths = [path for path in sorted(HERE.glob("*.py")) if path.stem not in ("kit", "gate", Path(__file__).stem)]
    return [(str(path), cheat) for path in paths for cheat in registry.load_file(path).CHEATS]


def quick_statuses(found):
    """What the gate says by key, from one process for all: every check for what it is to catch, a few for the rest.

    The last one, under ``gm/eager``, is of an implementation that is right.
    """
    wanted = [[file, cheat.key, cheat.by == "gate"] for file, cheat in found] + [[None, "gm/eager", True]]
    program = [sys.executable, str(HERE / "gate.py")]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}  # no fork once there is a GPU
    done = subprocess.run(program, input=json.dumps(wanted), capture_output=True, text=True, env=environment)
    assert not done.returncode, done.stderr
    return {key: TimingStatus(**said) for (_, key, _), said in zip(wanted, json.loads(done.stdout), strict=True)}


def groups(found):
    """The cheats of the CPU in groups to be timed together; one that is given less time than others stands alone."""
    usual = max(cheat.seconds for _, cheat in found)
    here = [(file, cheat) for file, cheat in found if cheat.device == "cpu"]
    patient = [each for each in here if each[1].seconds == usual]
    alone = [[each] for each in here if each[1].seconds < usual]
    return [patient[start : start + TOGETHER] for start in range(0, len(patient), TOGETHER)] + alone


def timed(group, implementations, statuses):
    """Rows by key, as the store keeps them, of a group and of ``gm/eager``, which is right.

    On a busy machine the two clocks may disagree by accident; then the group is timed again, twice at the most.
    """
    keys = [cheat.key for _, cheat in group] + ["gm/eager"] * (len(group) > 1)
    limits = replace(LIMITS, seconds=min(cheat.seconds for _, cheat in group))
    for _ in range(3):
        found = measure([implementations[key] for key in keys], SIZE, statuses=statuses, limits=limits)
        rows = [row.stored() for row in found.rows]
        if not any("by the parent's" in row["message"] for row in rows if row["implementation"] == "gm/eager"):
            break
    return {key: [row for row in rows if row["implementation"] == key] for key in keys}


def judged(cheat, status, rows):
    """What catches a cheat (None: nothing), and what it says.

    :param status: what the gate says
    :param rows: of its timing, if the gate let it pass
    """
    if status.status != "passed":
        check, _, message = status.message.partition(": ")
        return f"gate: {check}", message
    messages = []
    for row in rows:
        has_time = row["status"] == "passed"
        if row["pass"] not in cheat.passes:
            continue
        if has_time and not (cheat.least and row["median"] >= cheat.least):
            return None, cheat.through
        if not has_time:
            assert "median" not in row and "samples" not in row
            messages.append(row["message"])
        else:
            messages.append(f"it gains nothing: a call takes {cheat.least:g} s, and {row['median']:g} s are reported")
    return ("timing", messages[0]) if messages else (None, cheat.through)


def expected(cheat, by, message):
    """Whether what caught a cheat is what was to catch it, for the reason that was meant."""
    gained_nothing = cheat.least and message.startswith("it gains nothing")
    return bool(by and by.startswith(cheat.by) and (gained_nothing or re.search(cheat.says, message)))


def implementations_of(found):
    """The cheats and ``gm/eager``, by key; the files are imported by a child."""
    files = dict.fromkeys(file for file, _ in found)
    return {implementation.key: implementation for implementation in select_implementations([*files, "gm/eager"])}


def quick_implementations(found):
    """The same, imported here: the files do nothing to a process that only reads them."""
    records = [registry.load().implementation("gm", "eager")]
    for file in dict.fromkeys(file for file, _ in found):
        records += registry.records(registry.load_file(file), file)
    return {record.key: record for record in records}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", required=True, help="the store to write cheats.json into")
    parser.add_argument("--quick", action="store_true", help="the gate's checks in one warm process, as the tests do")
    options = parser.parse_args()

    kept = tempfile.TemporaryDirectory()
    os.environ["GMBENCH_CORPUS"] = kept.name
    os.environ["OMP_NUM_THREADS"] = "1"

    found = cheats()
    implementations = implementations_of(found)
    if options.quick:
        statuses = quick_statuses(found)
    else:
        statuses = {key: gate(implementations[key]) for key in [*(cheat.key for _, cheat in found), "gm/eager"]}
    table, unexpected, undefended = {}, [], list(UNDEFENDED)
    for group in groups(found):
        passed = [each for each in group if statuses[each[1].key].status == "passed"]
        rows = timed(passed, implementations, statuses) if passed else {}
        for _, cheat in group:
            by, message = judged(cheat, statuses[cheat.key], rows.get(cheat.key, []))
            name = cheat.key.partition("/")[2]
            table[cheat.key] = {"cheat": name, "what": cheat.what, "caught_by": by, "message": message}
            print(f"{name:24} {by or 'NOT CAUGHT':24} {message[:120]}", flush=True)
            if not expected(cheat, by, message) and not cheat.through:
                unexpected.append(name)
        unexpected += [row["pass"] for row in rows.get("gm/eager", []) if row["status"] != "passed"]
    elsewhere = [cheat.key.partition("/")[2] for _, cheat in found if cheat.device != "cpu"]
    if elsewhere:
        undefended.append(f"Not tried here, since it takes a GPU: {', '.join(elsewhere)}.")
    rows = [table[cheat.key] for _, cheat in found if cheat.key in table]
    CHEATS.write({**provenance(), "rows": rows, "undefended": undefended}, options.store)
    if unexpected:
        sys.exit(f"not as designated: {', '.join(unexpected)}")


if __name__ == "__main__":
    main()
