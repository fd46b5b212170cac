"""The table of faults: what is injected into runs, and what came of it.

``python tests/faults/table.py --store STORE [--times N]`` injects more than two hundred faults, N times over, prints
a line for each kind, and writes ``STORE/faults.json``, from which the report makes its page. It takes about a quarter
of an hour; as root it can also fill a disk, one made for the purpose.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

from gmbench import registry
from gmbench.results.selftests import FAULTS
from gmbench.store.files import read_json
from gmbench.store.provenance import provenance

TRIALS = registry.load_file(Path(__file__).parent / "trials.py")


def row_of(name, times, folder):
    """Every trial of one kind, as a row."""
    row = {"kind": name, "what": TRIALS.title(name), "trials": 0, "injected": 0, "lost": 0, "half": 0, "problems": []}
    for number in range(TRIALS.TRIALS.get(name, 2) * times):
        place = Path(folder, f"{name}-{number}")
        outcome = TRIALS.try_(name, place, number)
        shutil.rmtree(place, ignore_errors=True)
        row["trials"] += 1
        row["problems"] += [problem.replace(str(place), "TRIAL") for problem in outcome.problems]
        for key in ("injected", "lost", "half"):
            row[key] += getattr(outcome, key)
    return row | {"commit": provenance()["commit"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", required=True, help="the store to write faults.json into")
    parser.add_argument("--times", type=int, default=1, help="so often all of it (default: 1)")
    parser.add_argument("--only", nargs="*", metavar="KIND", help="these kinds alone, in the place of their rows")
    options = parser.parse_args()
    if os.geteuid() == 0 and not TRIALS.can_mount() and shutil.which("unshare"):
        # what is mounted from here on, nobody else sees, and it goes with this process
        os.environ["GMBENCH_FAULTS_ALONE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])
    lacking = {name: "root" for name in TRIALS.KINDS if name.startswith("disk") and not TRIALS.can_mount()}
    lacking |= {
        name: package
        for name, package in TRIALS.NEEDS.items()
        if importlib.util.find_spec(package) is None
    }  # fmt: skip
    rows = []
    with tempfile.TemporaryDirectory(prefix="gmbench-faults-") as folder:
        for name in options.only or TRIALS.KINDS:
            if name in lacking:
                print(f"{name:24} not tried: it takes {lacking[name]}", flush=True)
                continue
            rows.append(row_of(name, options.times, folder))
            print("{kind:24} {injected:4} injected, {lost} lost, {half} half-read".format(**rows[-1]), flush=True)
            for problem in rows[-1]["problems"]:
                print(f"    {problem}", flush=True)
    injected, lost = (sum(row[key] for row in rows) for key in ("injected", "lost"))
    print(f"{injected} faults, {lost} finished cells lost")
    path = FAULTS.path(options.store)
    if options.only and path.exists():
        new = {row["kind"]: row for row in rows}
        file = read_json(path, "faults")
        old = {
            row["kind"]: {"commit": file["commit"], **row} for row in file["rows"]
        }  # each says what it was made with
        rows = [(old | new)[name] for name in TRIALS.KINDS if name in old | new]
        lacking = {name: need for name, need in lacking.items() if name not in old}
    FAULTS.write({**provenance(), "rows": rows, "not_tried": lacking}, options.store)
    if lost or any(row["half"] or row["problems"] for row in rows):
        sys.exit("not as it has to be")


if __name__ == "__main__":
    main()
