"""Results as tidy frames, made from the records of a store and from nothing else."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gmbench.checks.records import CHECKS, CheckedImplementation
from gmbench.names import choose
from gmbench.results.columns import COLUMNS
from gmbench.results.ledger import ledger
from gmbench.runs.cell import CELLS, CellResult
from gmbench.runs.spec import PARTS, said
from gmbench.store.reading import Store
from gmbench.timing.records import TIMINGS, Timings

if TYPE_CHECKING:
    import pandas
    from typing_extensions import TypeIs

NONE = "–"


def absent(value: Any) -> TypeIs[None]:
    """Whether there is no value: None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def load(kind: str, store: Store | str | os.PathLike | None = None) -> pandas.DataFrame:
    """All results of a kind as a tidy frame, whose columns :data:`~gmbench.results.columns.COLUMNS` describes.

    ``cells``: one row per cell and epoch, with the spec's fields and the cell's measures as columns.
    ``checks`` and ``timings``: one row per record. ``claims``: one row per claim.

    :raises ContractError: if there is no such kind, with the nearest one
    """
    return _whole(kind, choose("kind of results", kind, FRAMES)(store))


def of_cells(results: Iterable[CellResult]) -> pandas.DataFrame:
    """The frame of these cells."""
    return _whole("cells", _epochs(list(results)))


def _whole(kind: str, frame: pandas.DataFrame) -> pandas.DataFrame:
    """With every column that there is of a kind."""
    missing = [column for column in COLUMNS[kind] if column not in frame]
    return frame.reindex(columns=[*frame.columns, *missing]) if missing else frame


def _checks(store: Store | str | os.PathLike | None) -> pandas.DataFrame:
    import pandas

    def rows(run: CheckedImplementation) -> Iterable[dict[str, Any]]:
        about = run.implementation
        shared = {"layer_type": about.layer_type, "source": about.source, "profile": run.profile}
        return (shared | vars(record) | run.made() for record in run.records)

    return pandas.DataFrame([row for _, run in Store.of(store).read(CHECKS) for row in rows(run)])


def _timings(store: Store | str | os.PathLike | None) -> pandas.DataFrame:
    import pandas

    def rows(session: Timings) -> Iterable[dict[str, Any]]:
        return (row.as_dict() | session.made() for row in session.rows)

    return pandas.DataFrame([row for _, session in Store.of(store).read(TIMINGS) for row in rows(session)])


def _cells(store: Store | str | os.PathLike | None) -> pandas.DataFrame:
    return _epochs([result for _, result in Store.of(store).read(CELLS)])


def _epochs(results: Sequence[CellResult]) -> pandas.DataFrame:
    import pandas

    # of a number that an experiment has both of every epoch and of the whole cell, a row has that of the epoch
    both = {name for result in results for row in result.epochs for name in row} & {
        name for result in results for name in result.measures
    }
    epochs = pandas.DataFrame([_of(result.measures, both) | dict(row) for result in results for row in result.epochs])
    cells = pandas.DataFrame(map(_cell, results))
    each = [place for place, result in enumerate(results) for _ in result.epochs]
    frame = pandas.concat([cells.drop(columns=[*both]).iloc[each].reset_index(drop=True), epochs], axis=1)
    return frame[[*dict.fromkeys([*cells.columns, *epochs.columns])]]


def _cell(result: CellResult) -> dict[str, Any]:
    """What all rows of a cell have in common."""
    spec = result.spec
    row = {"cell": result.id, **spec.as_dict()}
    row |= {"settings": said(spec.settings or {}) or None, "split": spec.split, "images": spec.images}
    for part in PARTS:
        found = row[part] or {}
        row |= {part: found.get("name"), f"{part}_sha256": found.get("sha256")}
    row |= {**result.measures, "cell_seconds": result.seconds, "cell_cpu_seconds": result.cpu_seconds}
    return row | result.made()


def _of(found: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name in names}


def _claims(store: Store | str | os.PathLike | None) -> pandas.DataFrame:
    import pandas

    return pandas.DataFrame([row.as_dict() for row in ledger(store)])


FRAMES: Mapping[str, Callable[..., pandas.DataFrame]] = {
    "checks": _checks,
    "timings": _timings,
    "cells": _cells,
    "claims": _claims,
}
