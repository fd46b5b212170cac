"""The table of wrong implementations: which check catches which, over every file in this folder.

``python tests/wrong/table.py --store STORE [--family ugmm] [--missing] [--profile ci] [--corpus]`` runs every check of
every one (no stop at the first failure), prints a line each, and writes ``STORE/wrong.json``, from which the report
makes its table. With ``--family`` the rows of other families stay as they are, with ``--missing`` all rows of what is
still there. With ``--corpus`` the shrunk counter-examples
become the corpus that ships with the layer type.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def wrong():
    """Every wrong implementation with its file, for each check the one that it alone catches, and the check that is
    known to catch one, where a file says so.
    """
    from gmbench import registry

    found, alone, caught = [], {}, {}
    for path in sorted(HERE.glob("*.py")):
        if path.name == Path(__file__).name:
            continue
        module = registry.load_file(path)
        found += [(path.stem, record) for record in registry.records(module, path.name)]
        for check, key in getattr(module, "ALONE", {}).items():
            alone[key.partition("/")[0], check] = key
        caught |= getattr(module, "CAUGHT_BY", {})
    return found, alone, caught


def family(key: str) -> str:
    """The family of a layer type, or of an implementation's key: `ugmm` of `ugmm-tied/eager`."""
    return key.partition("/")[0].partition("-")[0]


def kept(path: Path, stays) -> list[dict]:
    """The rows of an old file that ``stays`` says yes to, each with the run it came from."""
    if not path.is_file():
        return []
    old = json.loads(path.read_text("utf-8"))
    run = {name: old.get(name) for name in ("profile", "commit", "when")}
    return [{"run": run, **row} for row in old["rows"] if stays(row)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", required=True, help="the store to write wrong.json into")
    parser.add_argument("--family", help="run those of one family alone")
    parser.add_argument("--missing", action="store_true", help="run those alone that have no row yet")
    parser.add_argument("--profile", default="ci", choices=["smoke", "ci", "deep"])
    parser.add_argument("--corpus", action="store_true", help="rewrite the corpus of the layer types")
    options = parser.parse_args()
    if options.missing and options.corpus:
        parser.error("the corpus comes from all of a layer type: --missing is not for it")

    folder = tempfile.TemporaryDirectory()
    os.environ["GMBENCH_CORPUS"] = folder.name
    import torch

    from gmbench.checks import corpus
    from gmbench.checks.plan import plan
    from gmbench.results.selftests import WRONG
    from gmbench.store.provenance import provenance

    torch.set_num_threads(1)
    if options.corpus:
        corpus._shipped = lambda name: ()  # found anew, or what is known already would be left out of the new one
    path, every = WRONG.path(options.store), wrong()[0]
    found = [(file, record) for file, record in every if options.family in (None, family(record.key))]
    if not found:
        sys.exit(f"no wrong implementation is of the family {options.family}")
    if options.missing:
        known = {(file, record.key) for file, record in every}
        old = kept(path, lambda row: (row["file"], row["implementation"]) in known)
        there = {(row["file"], row["implementation"]) for row in old}
        found = [(file, record) for file, record in found if (file, record.key) not in there]
        if not found:
            sys.exit("every one has its row")
    else:
        old = kept(path, lambda row: options.family not in (None, family(row["implementation"])))
    run = {"profile": options.profile, **provenance()}
    rows, missed = [], []
    for file, record in found:
        caught = {}
        for check in plan(record):
            outcome = check(options.profile)
            if not outcome.ok:
                caught.setdefault(check.name, f"{check.dtype}: {outcome.message}")
        rows.append(
            {
                "implementation": record.key,
                "file": file,
                "mistake": record.summary,
                "first": next(iter(caught), None),
                "all": list(caught),
                "message": next(iter(caught.values()), ""),
                "run": {name: run[name] for name in ("profile", "commit", "when")},
            }
        )
        print(f"{record.key:40} {', '.join(caught) or 'NOT CAUGHT'}", flush=True)
        if not caught:
            missed.append(record.key)
    rows = old + rows
    WRONG.write({**run, "rows": rows}, options.store)
    if options.corpus:
        for layer in sorted({record.layer_type for _, record in found}):
            entries = [json.loads(p.read_text()) for p in sorted(Path(folder.name, layer).glob("*.json"))]
            entries.sort(key=lambda entry: (entry["implementation"], entry["check"], str(entry["case"])))
            print(f"{layer}: {len(entries)} cases in the corpus")
            shipped = corpus.shipped_file(layer)
            there = json.loads(shipped.read_text("utf-8")) if shipped.is_file() else []
            entries = [entry for entry in there if entry["case"]["layer_type"] != layer] + entries
            entries.sort(key=lambda entry: entry["case"]["layer_type"])
            lines = ",\n".join(json.dumps(entry) for entry in entries)
            shipped.write_text(f"[\n{lines}\n]\n", "utf-8")
    if missed:
        sys.exit(f"not caught: {', '.join(missed)}")


if __name__ == "__main__":
    main()
