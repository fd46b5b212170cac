"""How long cells will take, from those that are there."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable

from gmbench.runs.cell import CELLS
from gmbench.runs.spec import Spec
from gmbench.runs.wording import clock
from gmbench.store.reading import Store


class Past:
    """What the cells of a store took, in seconds of one core or GPU."""

    def __init__(self, store: Store | str | os.PathLike | None = None):
        self.exact: dict[tuple, list[float]] = {}
        self.rates: dict[tuple, list[float]] = {}
        for _, result in Store.of(store).read(CELLS, quietly=True):
            spec, seconds = result.spec, result.seconds
            if seconds is not None:
                if spec.device == "cpu":  # without the time that others had the core
                    seconds = result.cpu_seconds or seconds
                for name in {spec.layer, None}:
                    self.exact.setdefault((*_alike(spec), spec.budget, spec.epochs, name), []).append(seconds)
                    if spec.epochs:
                        self.rates.setdefault((*_alike(spec), name), []).append(seconds / spec.epochs)

    def seconds(self, spec: Spec) -> float | None:
        """What a cell will take: the median of the same arm at this budget, else by the epoch at any other.

        Cells with the same implementation go before those with another. None if there is no such cell.
        """
        for name in (spec.layer, None):
            if found := self.exact.get((*_alike(spec), spec.budget, spec.epochs, name)):
                return statistics.median(found)
        for name in (spec.layer, None):
            if found := self.rates.get((*_alike(spec), name)):
                return statistics.median(found) * spec.epochs
        return None


def _alike(spec: Spec) -> tuple[str, ...]:
    return spec.experiment, spec.arm, spec.data, spec.device


def about(seconds: Iterable[float | None], jobs: int = 1) -> str:
    """What all cells together take, ``jobs`` at a time, in words."""
    every = list(seconds)
    known = [value for value in every if value is not None]
    if not known:
        return "how long they take is not known yet"
    unknown = len(every) - len(known)
    text = f"about {clock(max(sum(known) / max(1, jobs), *known))}"
    return f"{text} without {unknown} of which that is not known yet" if unknown else text
