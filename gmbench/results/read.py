"""What a store holds, read once, and where it was made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmbench.contract import ContractError
from gmbench.results import frames
from gmbench.results.frames import absent
from gmbench.results.ledger import LedgerRow, ledger
from gmbench.runs.cell import CELLS, CellResult
from gmbench.store.files import read_json, warn
from gmbench.store.reading import Store

if TYPE_CHECKING:
    import pandas

WRONG = "wrong.json"  # in the store: which check catches which wrong implementation
CHEATS = "cheats.json"  # in the store: what catches an implementation that only looks fast
FAULTS = "faults.json"  # in the store: what was done to runs, and what they lost by it


@dataclass(frozen=True)
class Results:
    """What a store says, in an order that does not depend on names of files.

    The frames have a column ``run``, which tells machines apart. ``results`` has what a cell came to by its id, for
    what does not fit a table. ``wrong`` is the file of wrong implementations, or None; ``cheats`` that of
    implementations that only look fast, or None; ``faults`` that of faults in runs, or None.
    """

    checks: pandas.DataFrame
    timings: pandas.DataFrame
    cells: pandas.DataFrame
    claims: Sequence[LedgerRow]
    results: Mapping[str, CellResult] = field(default_factory=dict)
    wrong: dict[str, Any] | None = None
    cheats: dict[str, Any] | None = None
    faults: dict[str, Any] | None = None


def read(store: Store | str | os.PathLike | None = None) -> Results:
    """Everything in a store.

    :raises ContractError: if there is no such folder
    """
    store = Store.of(store)
    if not store.exists():
        folder = store.folder
        raise ContractError(f"there is no store {folder}; `gmbench verify gm/eager --store {folder}` makes one")
    return Results(
        checks=_latest(
            frames.load("checks", store),
            ["layer_type", "implementation", "source", "device", "dtype", "profile"],
            ["check"],
        ),
        timings=_latest(
            _with_allocators(frames.load("timings", store)),
            ["layer_type", "dtype", "device", "size", "batch", "pass", "implementation", "allocator"],
        ),
        cells=_latest(
            frames.load("cells", store),
            [
                *("experiment", "version", "data", "digest", "budget", "epochs", "arm", "implementation"),
                *("initialisation", "implementation_sha256", "initialisation_sha256", "device", "seed"),
                *("settings", "split", "images"),
            ],
            ["epoch"],
            by_machine=False,
        ),
        claims=ledger(store),
        results=_results(store),
        wrong=_single(store.folder / WRONG, "wrong"),
        cheats=_single(store.folder / CHEATS, "cheats"),
        faults=_single(store.folder / FAULTS, "faults"),
    )


def _single(path: Path, kind: str) -> dict[str, Any] | None:
    """A file of which a store holds one, if it is there and whole."""
    if not path.exists():
        return None
    try:
        return read_json(path, kind)
    except ContractError as error:
        warn(str(error))
        return None


def _results(store: Store) -> dict[str, CellResult]:
    """What each cell came to; of two files of one cell the latest one's."""
    found = (result for _, result in store.read(CELLS))
    return {result.id: result for result in sorted(found, key=lambda each: (str(each.when), str(each.commit)))}


def _with_allocators(timings: pandas.DataFrame) -> pandas.DataFrame:
    """Rows of the older schema name no allocator: on a CPU that was the default one."""
    if timings.empty:
        return timings
    named = timings["allocator"].astype(object)
    named = named.where(named.notna(), None)
    return timings.assign(allocator=named.mask(named.isna() & (timings["device"] == "cpu"), "default"))


def _latest(
    frame: pandas.DataFrame, keys: Iterable[str], inner: Iterable[str] = (), by_machine: bool = True
) -> pandas.DataFrame:
    """The rows of the latest run of each key (on each machine), sorted by it; within a run as they were."""
    keys = [*keys, *(["machine", "torch"] if by_machine else [])]
    wanted = [*keys, *inner, "when", *([] if by_machine else ["cell"])]
    frame = frame.reindex(columns=[*frame.columns, *(c for c in wanted if c not in frame)])
    if frame.empty:
        return frame.assign(run="")
    # the latest file of a key, and of two of the same second always the same one
    stamp = known(frame, "when") + known(frame, "commit")
    if not by_machine:
        stamp += known(frame, "cell")
    newest = stamp.groupby([frame[key] for key in keys], dropna=False, sort=False).transform("max")
    frame = frame[stamp == newest]
    frame = frame.drop_duplicates([*keys, *inner], keep="last")
    order = keys + [c for c in inner if c == "epoch"]
    return _marked(frame.sort_values(order, kind="stable", ignore_index=True))


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
