"""A row of a timing: what is kept of one implementation in one pass at one size, dtype, device and allocator."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from gmbench.store.provenance import Made, provenance
from gmbench.store.reading import Kind
from gmbench.store.typed import FieldsError, typed


@dataclass(frozen=True)
class TimingStatus:
    """Whether there is a time: ``passed``, or else why there is none."""

    status: str
    message: str = ""


@dataclass(frozen=True)
class Timing:
    """The timing of one implementation; what comes after ``message``, only a row that passed has.

    :param direction: the pass: ``forward``, ``forward+backward`` or ``training step``
    :param allocator: glibc's regime; None on a GPU
    :param source: ``built in``, the package, or ``file``
    :param axes: the lengths of the layer's axes
    :param ulps, claim, verified: the worst error of the timed calls that were compared, what is claimed, and how many
    :param load: the least and the largest load average beside it
    :param threads, capability: torch's, and the CPU's as torch names it
    :param samples: seconds of the calls, a list a run
    :param median, low, high: seconds, and the ends of their 95 % interval; of several runs, of the medians of each
    :param ratios: of times to each other candidate that is right, by its name, with the ends of its 95 % interval;
        ``ratio``: to the floor
    :param yardsticks: medians in seconds of what was timed beside it, by its name in columns
    :param peak_bytes: that a call takes on top; None where the system does not tell
    :param dropped: calls that other work interrupted; ``disturbed`` if those count for want of others
    :param group: the same for rows that were timed in turns
    """

    implementation: str
    layer_type: str
    batch: int
    size: str
    dtype: str
    device: str
    direction: str
    status: str
    allocator: str | None = None
    source: str | None = None
    message: str = ""
    axes: Mapping[str, int] = field(default_factory=dict)
    ulps: float | None = None
    claim: float | None = None
    verified: int | None = None
    load: Sequence[float] | None = None
    threads: int | None = None
    capability: str | None = None
    samples: Sequence[Sequence[float]] | None = None
    median: float | None = None
    low: float | None = None
    high: float | None = None
    ratios: Mapping[str, Sequence[float | None]] | None = None
    ratio: float | None = None
    yardsticks: Mapping[str, float | None] = field(default_factory=dict)
    peak_bytes: float | None = None
    dropped: int | None = None
    disturbed: bool | None = None
    runs: int | None = None
    group: str | None = None

    @classmethod
    def of(cls, row: Any) -> Timing:
        """From a row of a file, where the pass is called ``pass``, and axes and yardsticks are entries like others.

        :raises ValueError: if an entry is missing or of another type
        """
        if not isinstance(row, dict):
            raise FieldsError("rows")
        own = {field.name for field in fields(cls)} - {"direction", "axes", "yardsticks"}
        others = {name: value for name, value in row.items() if name not in own and name != "pass"}
        axes = {name: value for name, value in others.items() if type(value) is int}
        yardsticks = {name: value for name, value in others.items() if name not in axes}
        further = {"direction": row.get("pass"), "axes": axes, "yardsticks": yardsticks}
        found = typed(cls, {name: row[name] for name in own & row.keys()} | further)
        if any(len(each) != 3 for each in (found.ratios or {}).values()):
            raise FieldsError("ratios")
        return found

    def as_dict(self) -> dict[str, Any]:
        """The row as it stands in tables; what it lacks is None."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        further = {"pass": found.pop("direction"), **found.pop("axes"), **found.pop("yardsticks")}
        return found | further

    def stored(self) -> dict[str, Any]:
        """The row as it stands in a file, which leaves out what is None."""
        return {name: value for name, value in self.as_dict().items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Timings(Made):
    """The rows of one session: a file of kind ``timings``."""

    rows: tuple[Timing, ...]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Timings:
        """From a file.

        :raises ValueError: if an entry of it, or of a row, is missing or of another type
        """
        rows = found.get("rows")
        if not isinstance(rows, list):
            raise FieldsError("rows")
        return replace(typed(cls, {**found, "rows": []}), rows=tuple(map(Timing.of, rows)))


TIMINGS = Kind[Timings]("timings", Timings.of)


def store_rows(rows: Iterable[Timing], folder: str | os.PathLike | None = None) -> Path:
    """Write rows to ``timings/`` of a store, beside what they were measured with; returns the file.

    :raises ContractError: if it cannot be written
    """
    content = {**provenance(), "rows": [row.stored() for row in rows]}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return TIMINGS.write(content, folder, digest)
