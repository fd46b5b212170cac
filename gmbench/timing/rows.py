"""A row of a timing: what is kept of one implementation in one pass at one size."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from gmbench.timing.statistics import Interval, median_interval

_COLUMNS = {"direction": "pass"}  # fields that the store knows by another name
_SPREAD = ("axes", "yardsticks")  # fields of which every entry is a column of the store


@dataclass(frozen=True)
class TimingStatus:
    """Whether there is a time: ``passed``, or else why there is none."""

    status: str
    message: str = ""


@dataclass(frozen=True)
class Figures:
    """What was measured of one implementation beside what was timed together with it; of several runs, of them all.

    Times are in seconds, ``median`` with its 95 % interval ``low`` to ``high``; of several runs these are of the
    medians of each.
    """

    ulps: float  # the largest error of the verified outputs, in ulps of the error measure
    claim: float  # ulps
    verified: int  # timed calls whose outputs were compared
    load: list[float]  # load average of the machine: the lowest and the highest that was seen
    threads: int  # of torch
    capability: str  # of the CPU, as torch names it
    samples: list[list[float]]  # a list a run
    median: float
    low: float
    high: float
    ratios: dict[str, Interval]  # of times, to the yardsticks and the other implementations that are right
    ratio: float  # to the floor
    yardsticks: dict[str, float]  # median times, by column
    peak_bytes: int | None  # that one call takes; None where the system does not tell
    dropped: int  # calls that were interrupted, and do not count
    disturbed: bool  # whether too few were not, so that all of them count
    runs: int = 1


@dataclass(frozen=True)
class TimingRow:
    """One implementation in one pass at one size: what was timed, how it ended, and its figures where it passed."""

    implementation: str
    layer_type: str
    axes: dict[str, int]  # their lengths
    batch: int
    size: str
    dtype: str
    device: str
    allocator: str | None  # None on a GPU
    source: str  # "built in", the package, or "file"
    direction: str
    status: str
    message: str = ""
    figures: Figures | None = None
    group: str | None = None  # the same in all rows that were timed together

    def to_dict(self) -> dict[str, Any]:
        """The columns, as the store keeps them; without a time those of the figures are left out."""
        row = _columns(self)
        figures, group = row.pop("figures"), row.pop("group")
        return row | (_columns(figures) if figures else {}) | ({"group": group} if group else {})

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> TimingRow:
        """The row of these columns.

        :raises KeyError: if one is missing
        """
        known = {_COLUMNS.get(each.name, each.name) for each in (*fields(cls), *fields(Figures))}
        further = {name: value for name, value in row.items() if name not in known}
        axes = {name: value for name, value in further.items() if isinstance(value, int)}  # the others are seconds
        figures = None
        if row["status"] == "passed":
            ratios = {name: tuple(interval) for name, interval in row["ratios"].items()}
            yardsticks = {name: value for name, value in further.items() if name not in axes}
            figures = Figures(**_fields(Figures, row, ratios=ratios, yardsticks=yardsticks))
        return cls(**_fields(cls, row, axes=axes, figures=figures, group=row.get("group")))


def _columns(record: TimingRow | Figures) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in fields(record):
        value = getattr(record, each.name)
        found |= value if each.name in _SPREAD else {_COLUMNS.get(each.name, each.name): value}
    return found


def _fields(kind: type, row: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    return {
        each.name: row[_COLUMNS.get(each.name, each.name)] for each in fields(kind) if each.name not in given
    } | given


def merge(runs: Sequence[TimingStatus | Figures]) -> TimingStatus | Figures:
    """Several runs as one: the first that did not pass, else medians over the runs with their interval."""
    figures = []
    for run in runs:
        if isinstance(run, TimingStatus):
            return run
        figures.append(run)
    first = figures[0]
    if len(figures) == 1:
        return first
    median, low, high = median_interval([run.median for run in figures])
    ratios = {
        name: median_interval([run.ratios[name][0] for run in figures])
        for name in first.ratios
        if all(name in run.ratios for run in figures)
    }
    peaks = [run.peak_bytes for run in figures if run.peak_bytes is not None]
    loads = [load for run in figures for load in run.load]
    return replace(
        first,
        samples=[samples for run in figures for samples in run.samples],
        median=median,
        low=low,
        high=high,
        ratios=ratios,
        ratio=ratios["floor"][0],
        yardsticks={
            name: median_interval([run.yardsticks[name] for run in figures if name in run.yardsticks])[0]
            for name in first.yardsticks
        },
        ulps=max(run.ulps for run in figures),
        verified=sum(run.verified for run in figures),
        peak_bytes=max(peaks, default=None),
        dropped=sum(run.dropped for run in figures),
        disturbed=any(run.disturbed for run in figures),
        load=[min(loads), max(loads)],
        runs=len(figures),
    )


def four_digits(number: float) -> float:
    """More would be noise in the store."""
    return float(f"{number:.4g}")


def store_rows(rows: Iterable[TimingRow], folder: str | os.PathLike | None = None) -> Path:
    """Write rows to ``timings/`` of a store, beside what they were measured with; returns the file.

    :raises ContractError: if it cannot be written
    """
    from gmbench.store.files import SCHEMA, store_folder, write_json
    from gmbench.store.provenance import provenance

    content = {"schema": SCHEMA, "kind": "timings", **provenance(), "rows": [row.to_dict() for row in rows]}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return write_json(store_folder(folder) / "timings" / f"{digest}.json", content)
