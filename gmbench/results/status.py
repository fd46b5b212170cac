"""How far the runs in a store are: what is done, what runs, what failed, what is left."""

from __future__ import annotations

import os
from typing import Any

from gmbench.contract import ContractError
from gmbench.experiments import experiments
from gmbench.names import one_of
from gmbench.runs.estimates import Past
from gmbench.runs.failures import failures
from gmbench.runs.running import running
from gmbench.runs.spec import cell_id
from gmbench.store.files import read_all, store_folder

KEY = ("experiment", "data", "budget")


def status(store: str | os.PathLike | None = None, only: str | None = None) -> list[dict[str, Any]]:
    """One row for each experiment, data set and budget of which the store has a cell, done, running or failed.

    ``of`` counts the cells of all arms and seeds of the budget, and what was run beside those; ``left`` are the
    seconds that each of those not done still takes, None where nothing is known; ``others`` counts cells of another
    version.

    :raises ContractError: if there is no such store or experiment
    """
    folder = store_folder(store)
    if not folder.is_dir():
        raise ContractError(f"there is no store {folder}: `gmbench run EXPERIMENT` makes one")
    if only is not None:
        one_of("experiment", only, experiments())
    known: dict[str, tuple[dict, str, dict]] = {}  # by the cell's id; what runs again is not also done
    for file in failures(folder):
        known[file["id"]] = (file["spec"], "failed", file)
    files = [file for _, file in read_all("cells", folder)]
    for file in files:
        if "spec" in file:
            known[file["id"]] = (file["spec"], "done", file)
    for cell in running(folder):
        known[cell_id(cell["spec"])] = (cell["spec"], "running", cell)
    groups: dict[tuple, list[tuple[dict, str, dict]]] = {}
    for spec, state, cell in known.values():
        groups.setdefault(tuple(str(spec.get(name)) for name in KEY), []).append((spec, state, cell))
    past = Past(files=files)
    return [_row(key, groups[key], past) for key in sorted(groups) if only in (None, key[0])]


def _row(key: tuple[str, ...], cells: list[tuple[dict, str, dict]], past: Past) -> dict[str, Any]:
    chosen = experiments().get(key[0])
    own = [each for each in cells if not chosen or each[0].get("version") == chosen.version]
    of = {state: [cell for _, found, cell in own if found == state] for state in ("done", "running", "failed")}
    missing = _missing(key, {(spec.get("arm"), spec.get("seed")) for spec, _, _ in own})
    left = [past.seconds(spec) for spec in (*missing, *(cell["spec"] for cell in of["failed"]))]
    for cell in of["running"]:
        whole, at = past.seconds(cell["spec"]), cell["progress"]
        if at.get("step") and at.get("steps"):
            whole = cell["seconds"] * at["steps"] / at["step"]
        left.append(None if whole is None else max(0.0, whole - cell["seconds"]))
    return dict(zip(KEY, key, strict=True)) | {
        "done": len(of["done"]),
        "of": len(own) + len(missing),
        "others": len(cells) - len(own),
        "left": left,
        "running": of["running"],
        "failed": of["failed"],
    }


def _missing(key: tuple[str, ...], known: set[tuple]) -> list[dict[str, Any]]:
    """What of the budget's arms and seeds the store knows nothing of yet, as far as estimates have to know."""
    chosen = experiments().get(key[0])
    budget = chosen and chosen.budgets.get(key[2])
    if not chosen or not budget:
        return []
    shared = dict(zip(KEY, key, strict=True)) | {"device": "cpu"}
    return [
        shared | {"arm": arm, "seed": seed, "epochs": budget.epochs_of(arm)}
        for arm in chosen.arms
        for seed in budget.seeds
        if (arm, seed) not in known and not chosen.absent(arm)
    ]
