"""What a store holds, read once, and where it was made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gmbench.contract import ContractError
from gmbench.results import frames
from gmbench.results.frames import absent
from gmbench.results.latest import latest
from gmbench.results.ledger import LedgerRow, ledger
from gmbench.results.selftests import CHEATS, FAULTS, WRONG, Cheats, Faults, Wrong
from gmbench.runs.cell import CellResult
from gmbench.store.reading import Store

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Results:
    """What a store says, in an order that does not depend on names of files.

    The frames have a column ``run``, which tells machines apart. ``results`` has what a cell came to by its id, for
    what does not fit a table.
    """

    checks: pandas.DataFrame
    timings: pandas.DataFrame
    cells: pandas.DataFrame
    claims: Sequence[LedgerRow]
    results: Mapping[str, CellResult] = field(default_factory=dict)
    wrong: Wrong | None = None
    cheats: Cheats | None = None
    faults: Faults | None = None


def read(store: Store | str | os.PathLike | None = None) -> Results:
    """Everything in a store.

    :raises ContractError: if there is no such folder
    """
    store = Store.of(store)
    if not store.exists():
        folder = store.folder
        raise ContractError(f"there is no store {folder}; `gmbench verify gm/eager --store {folder}` makes one")
    cells = sorted((result for _, result in latest(store)), key=lambda each: each.id)
    return Results(
        checks=_latest(
            frames.load("checks", store),
            ["layer_type", "implementation", "source", "device", "dtype", "profile"],
            ["check"],
        ),
        timings=_latest(
            frames.load("timings", store),
            ["layer_type", "dtype", "device", "size", "batch", "pass", "implementation", "allocator"],
        ),
        cells=_ordered(
            frames.of_cells(cells),
            [
                *("experiment", "version", "data", "digest", "budget", "epochs", "arm", "implementation"),
                *("initialisation", "implementation_sha256", "initialisation_sha256", "device", "seed"),
                *("settings", "split", "images", "cell", "epoch"),
            ],
        ),
        claims=ledger(store),
        results={result.id: result for result in cells},
        wrong=store.one(WRONG),
        cheats=store.one(CHEATS),
        faults=store.one(FAULTS),
    )


def _latest(frame: pandas.DataFrame, keys: Iterable[str], inner: Iterable[str] = ()) -> pandas.DataFrame:
    """The rows of the latest run of each key on each machine, sorted by it; within a run as they were."""
    keys = [*keys, "machine", "torch"]
    if not frame.empty:
        # the latest file of a key, and of two of the same second always the same one
        stamp = known(frame, "when") + known(frame, "commit")
        newest = stamp.groupby([frame[key] for key in keys], dropna=False, sort=False).transform("max")
        frame = frame[stamp == newest].drop_duplicates([*keys, *inner], keep="last")
    return _ordered(frame, keys)


def _ordered(frame: pandas.DataFrame, keys: Sequence[str]) -> pandas.DataFrame:
    """Sorted by columns, whatever the order of files."""
    if frame.empty:
        return frame.assign(run="")
    return _marked(frame.sort_values(list(keys), kind="stable", ignore_index=True))


def known(frame: pandas.DataFrame, column: str) -> pandas.Series:
    """A column as text; what is absent is empty, so that it can be added and compared."""
    return frame[column].astype(object).map(lambda value: "" if absent(value) else str(value))


def machines(frame: pandas.DataFrame) -> dict[tuple[str, str], str]:
    """A letter for every machine and version of torch in a frame."""
    found = sorted(set(zip(known(frame, "machine"), known(frame, "torch"), strict=True)))
    return {key: _letter(position) for position, key in enumerate(found)}


def _marked(frame: pandas.DataFrame) -> pandas.DataFrame:
    """With a column ``run``: the letter of the machine, or nothing where there is one machine only."""
    letters = machines(frame)
    each = zip(known(frame, "machine"), known(frame, "torch"), strict=True)
    return frame.assign(run=[letters[key] if len(letters) > 1 else "" for key in each])


def _letter(position: int) -> str:
    return chr(ord("A") + position) if position < 26 else f"run {position + 1}"
