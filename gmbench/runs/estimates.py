"""How long cells will take, from those that are there."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from gmbench.runs.wording import duration
from gmbench.store.files import read_all


class Past:
    """What the cells of a store took, in seconds of one core or GPU.

    :param files: what the store's files say, where they have been read already
    """

    def __init__(self, store: str | os.PathLike | None = None, files: Iterable[Mapping[str, Any]] | None = None):
        self.exact: dict[tuple, list[float]] = {}
        self.rates: dict[tuple, list[float]] = {}
        for file in (file for _, file in read_all("cells", store, quietly=True)) if files is None else files:
            spec, seconds = file.get("spec"), file.get("seconds")
            if isinstance(spec, Mapping) and isinstance(seconds, int | float):
                if spec.get("device") == "cpu":  # without the time that others had the core
                    seconds = file.get("cpu_seconds") or seconds
                for name in {_layer(spec), None}:
                    self.exact.setdefault((_same(spec), name), []).append(seconds)
                    if spec.get("epochs"):
                        self.rates.setdefault((_alike(spec), name), []).append(seconds / spec["epochs"])

    def seconds(self, spec: Mapping[str, Any]) -> float | None:
        """What a cell will take: the median of the same arm at this budget, else by the epoch at any other.

        Cells with the same implementation go before those with another. None if there is no such cell.
        """
        for name in (_layer(spec), None):
            if found := self.exact.get((_same(spec), name)):
                return statistics.median(found)
        for name in (_layer(spec), None):
            if found := self.rates.get((_alike(spec), name)):
                return statistics.median(found) * spec["epochs"]
        return None


def _alike(spec: Mapping[str, Any]) -> tuple:
    return tuple(spec.get(name) for name in ("experiment", "arm", "data", "device"))


def _same(spec: Mapping[str, Any]) -> tuple:
    return (*_alike(spec), spec.get("budget"), spec.get("epochs"))


def _layer(spec: Mapping[str, Any]) -> str:
    return (spec.get("implementation") or {}).get("name", "")


def about(seconds: Iterable[float | None], jobs: int = 1) -> str:
    """What all cells together take, ``jobs`` at a time, in words."""
    every = list(seconds)
    known = [value for value in every if value is not None]
    if not known:
        return "how long they take is not known yet"
    unknown = len(every) - len(known)
    text = f"about {duration(max(sum(known) / max(1, jobs), *known))}"
    return f"{text} without {unknown} of which that is not known yet" if unknown else text
