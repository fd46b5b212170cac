"""How far the runs in a store are: what is done, what runs, what failed, what is left."""

from __future__ import annotations

import os
from typing import Any

from gmbench.contract import ContractError
from gmbench.experiments import experiments
from gmbench.names import nearest
from gmbench.runs.cell import CELLS
from gmbench.runs.estimates import Past
from gmbench.runs.failures import failures
from gmbench.runs.running import Running, running
from gmbench.runs.spec import Spec
from gmbench.store.reading import Store

KEY = ("experiment", "data", "budget")


def status(store: Store | str | os.PathLike | None = None, only: str | None = None) -> list[dict[str, Any]]:
    """One row for each experiment, data set and budget of which the store has a cell, done, running or failed.

    ``of`` counts the cells of all arms and seeds of the budget, and what was run beside those; ``left`` are the
    seconds that each of those not done still takes, None where nothing is known; ``others`` counts cells of another
    version; ``running`` and ``failed`` are records of :mod:`gmbench.runs`.

    :raises ContractError: if there is no such store or experiment
    """
    store = Store.of(store)
    if not store.exists():
        raise ContractError(f"there is no store {store.folder}: `gmbench run EXPERIMENT` makes one")
    if only is not None and only not in experiments():
        raise ContractError(f"there is no experiment {only!r}{nearest(only, experiments())}")
    known: dict[str, tuple[Spec, str, Any]] = {}  # by the cell's id; what runs again is not also done
    known |= {failure.id: (failure.spec, "failed", failure) for failure in failures(store)}
    known |= {result.id: (result.spec, "done", result) for _, result in store.read(CELLS)}
    known |= {cell.spec.id: (cell.spec, "running", cell) for cell in running(store)}
    groups: dict[tuple[str, ...], list[tuple[Spec, str, Any]]] = {}
    for spec, state, cell in known.values():
        groups.setdefault((spec.experiment, spec.data, spec.budget), []).append((spec, state, cell))
    past = Past(store)
    return [_row(key, groups[key], past) for key in sorted(groups) if only in (None, key[0])]


def _row(key: tuple[str, ...], cells: list[tuple[Spec, str, Any]], past: Past) -> dict[str, Any]:
    chosen = experiments().get(key[0])
    own = [each for each in cells if not chosen or each[0].version == chosen.version]
    of = {state: [cell for _, found, cell in own if found == state] for state in ("done", "running", "failed")}
    missing = _missing(key, {(spec.arm, spec.seed) for spec, _, _ in own})
    left = [past.seconds(spec) for spec in (*missing, *(cell.spec for cell in of["failed"]))]
    left += [_left(cell, past) for cell in of["running"]]
    return dict(zip(KEY, key, strict=True)) | {
        "done": len(of["done"]),
        "of": len(own) + len(missing),
        "others": len(cells) - len(own),
        "left": left,
        "running": of["running"],
        "failed": of["failed"],
    }


def _left(cell: Running, past: Past) -> float | None:
    """The seconds that a cell still runs."""
    whole, at = past.seconds(cell.spec), cell.progress
    if at.get("step") and at.get("steps"):
        whole = cell.seconds * at["steps"] / at["step"]
    return None if whole is None else max(0.0, whole - cell.seconds)


def _missing(key: tuple[str, ...], known: set[tuple[str, int]]) -> list[Spec]:
    """What of the budget's arms and seeds the store knows nothing of yet, as far as estimates have to know."""
    name, data, budget = key
    chosen = experiments().get(name)
    spending = chosen and chosen.budgets.get(budget)
    if not chosen or not spending:
        return []
    return [
        Spec(name, chosen.version, data, "", budget, spending.epochs_of(arm), arm, seed, "cpu")
        for arm in chosen.arms
        for seed in spending.seeds
        if (arm, seed) not in known and not chosen.absent(arm)
    ]
