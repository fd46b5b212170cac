"""Which result of a cell counts, and what claims take from it."""

from __future__ import annotations

from pathlib import Path

from gmbench.claims.statistics import Run
from gmbench.experiments.contract import Experiment
from gmbench.runs.cell import CELLS, CellResult
from gmbench.store.reading import Store

BUDGET = "paper"  # of the cells that verdicts rest on


def latest(store: Store) -> list[tuple[Path, CellResult]]:
    """The results of the cells in a store, each with its file, the oldest first; of several results of one cell the
    latest.
    """

    def age(each: tuple[Path, CellResult]) -> tuple[str, str, str]:
        return str(each[1].when), str(each[1].commit), each[1].id  # of two of the same second always the same one

    newest = {each[1].spec.id: each for each in sorted(store.read(CELLS), key=age)}
    return sorted(newest.values(), key=age)


def run_of(result: CellResult, chosen: Experiment) -> Run:
    """What claims are about in a cell.

    :raises ValueError: if it is not that of a whole training, in one line
    """
    spec = result.spec
    if result.id != spec.id:
        raise ValueError("its id is not that of its spec")
    return Run.of(
        spec.seed, spec.epochs, result.epochs, result.measures, result.paths, data=spec.data, metric=chosen.metric
    )
