"""What a store holds, read once, and where it was made."""

from __future__ import annotations

import base64
import json
import logging
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gmbench.contract import ContractError
from gmbench.results.frames import absent

if TYPE_CHECKING:
    import pandas

WRONG = "wrong.json"  # in the store: which check catches which wrong implementation
SURFACES = ("target", "fit", "residual")
CHEATS = "cheats.json"  # in the store: what catches an implementation that only looks fast

FAULTS = "faults.json"  # in the store: what was done to runs, and what they lost by it


@dataclass(frozen=True)
class Pictures:
    """Pictures with one scale: ``images`` (n x side x side), of which ``low`` and ``high`` are the extremes."""

    images: np.ndarray
    low: float
    high: float


@dataclass
class Results:
    """The frames of a store, in an order that does not depend on names of files.

    Each has a column ``run``, which tells machines apart. ``wrong`` is the file of wrong implementations, or None;
    ``cheats`` that of implementations that only look fast, or None; ``faults`` that of faults in runs, or None.
    ``extras`` has, by the cell, what does not fit a table, each only where it is there and whole: ``tests``, pairs of
    a step and the test error there; ``paths``, see :func:`paths_of`; ``neurons``, see :func:`neurons_of`, and alike
    ``surfaces``, ``lines`` and ``photographs``; ``measured``, the names of its measures.
    """

    checks: pandas.DataFrame
    timings: pandas.DataFrame
    cells: pandas.DataFrame
    claims: pandas.DataFrame
    wrong: dict[str, Any] | None = None
    extras: dict[str, dict[str, Any]] = field(default_factory=dict)
    cheats: dict[str, Any] | None = None
    faults: dict[str, Any] | None = None


def read(store: str | os.PathLike | None = None) -> Results:
    """Everything in a store.

    :raises ContractError: if there is no such folder
    """
    import gmbench
    from gmbench.store.files import store_folder

    folder = store_folder(store)
    if not folder.is_dir():
        raise ContractError(f"there is no store {folder}; `gmbench verify gm/eager --store {folder}` makes one")
    frames = {kind: gmbench.load(kind, folder) for kind in ("checks", "timings", "cells", "claims")}
    return Results(
        checks=_latest(frames["checks"], ["layer_type", "implementation", "device", "dtype", "profile"], ["check"]),
        timings=_latest(
            _with_allocators(frames["timings"]),
            ["layer_type", "dtype", "device", "size", "batch", "pass", "implementation", "allocator"],
        ),
        cells=_latest(
            frames["cells"],
            [
                *("experiment", "version", "data", "digest", "budget", "epochs", "arm", "implementation"),
                *("initialisation", "implementation_sha256", "initialisation_sha256", "device", "seed"),
            ],
            ["epoch"],
            machines=False,
        ),
        claims=frames["claims"],
        wrong=_single(folder / WRONG, "wrong"),
        extras=_extras(folder),
        cheats=_single(folder / CHEATS, "cheats"),
        faults=_single(folder / FAULTS, "faults"),
    )


def _single(path: Path, kind: str) -> dict[str, Any] | None:
    """A file of which a store holds one, if it is there and whole."""
    from gmbench.store.files import read_json

    if not path.exists():
        return None
    try:
        return read_json(path, kind)
    except ContractError as error:
        logging.getLogger("gmbench").warning("gmbench: ignored %s", error)
        return None


def _extras(folder: Path) -> dict[str, dict[str, Any]]:
    """What cells keep beside their epochs and measures; of two files of one cell, the latest one's."""
    from gmbench.store.files import read_json

    found = []
    for path in sorted(folder.joinpath("cells").glob("[!.]*.json")):
        try:
            file = read_json(path, "cells")
        except ContractError:
            continue  # loading the cells said so already
        kept = {
            "tests": tests_of(file.get("tests")),
            "paths": paths_of(file.get("paths")),
            "neurons": neurons_of(file.get("neurons")),
            "surfaces": surfaces_of(file.get("surfaces")),
            "lines": lines_of(file.get("lines")),
            "photographs": photographs_of(file.get("photographs")),
        }
        kept["measured"] = sorted(file["measures"]) if isinstance(file.get("measures"), dict) else []
        stamp = (str(file.get("when")), json.dumps(file.get("commit"), sort_keys=True), str(file.get("id")))
        found.append((stamp, {key: value for key, value in kept.items() if value}))
    return {cell: kept for (_, _, cell), kept in sorted(found, key=lambda row: row[0])}


def tests_of(tests: Any) -> list[tuple[int, float]]:
    """Pairs of a step and the test error there, in %, in the order of the steps; none if anything is not as it is to
    be.
    """
    array = _array(tests, (None, 2))
    if array is None or (np.diff(array[:, 0]) <= 0).any():
        return []
    return [(int(step), float(error)) for step, error in array]


def paths_of(paths: Any) -> dict[str, Any]:
    """The paths of components as arrays: ``means`` (epochs x K x 2), ``covariances`` (epochs x K x 2 x 2), ``moved``,
    ``distance`` and ``size`` (epochs), and ``basis_share`` or None; empty if anything is not as it is to be.
    """
    if not isinstance(paths, dict):
        return {}
    means = _array(paths.get("means"), (None, None, 2))
    if means is None:
        return {}
    epochs, components, _ = means.shape
    found: dict[str, Any] = {"means": means}
    found["covariances"] = _array(paths.get("covariances"), (epochs, components, 2, 2))
    found |= {key: _array(paths.get(key), (epochs,)) for key in ("moved", "distance", "size")}
    if any(array is None for array in found.values()) or found["size"][0] <= 0:
        return {}
    share = _array(paths.get("basis_share"), ())
    return {**found, "basis_share": None if share is None else float(share)}


def neurons_of(neurons: Any) -> dict[str, dict[str, Pictures]]:
    """Pictures of neurons, ``when`` -> quantity -> :class:`Pictures`; those that are whole and square."""
    found: dict[str, dict[str, Pictures]] = {}
    for when, kinds in neurons.items() if isinstance(neurons, dict) else ():
        for name, kind in kinds.items() if isinstance(kinds, dict) else ():
            try:
                levels = [_levels(each) for each in kind["neurons"]]
                side = math.isqrt(len(levels[0]))
                images = np.stack(levels).reshape(len(levels), side, side)
                low, high = float(kind["low"]), float(kind["high"])
            except (IndexError, KeyError, TypeError, ValueError):
                continue
            if images.size and math.isfinite(low) and math.isfinite(high):
                found.setdefault(str(when), {})[str(name)] = Pictures(low + (high - low) * images, low, high)
    return found


def surfaces_of(found: Any) -> dict[str, np.ndarray]:
    """Square fields by their names (of :data:`SURFACES`), from what :func:`~gmbench.training.pictures.picture` made;
    those that are not whole are left out.
    """
    fields = {}
    for name, each in found.items() if isinstance(found, dict) else ():
        try:
            side, low, high = int(each["side"]), float(each["low"]), float(each["high"])
            levels = _levels(each["levels"]).reshape(side, side)
        except (KeyError, TypeError, ValueError):
            continue
        if name in SURFACES and levels.size and np.isfinite([low, high]).all():
            fields[name] = low + (high - low) * levels
    return fields


def lines_of(found: Any) -> dict[str, np.ndarray]:
    """``x``, ``target`` and ``fit``, as long as each other; empty if anything is not as it is to be."""
    try:
        lines = {name: np.asarray(found[name], float) for name in ("x", "target", "fit")}
    except (KeyError, TypeError, ValueError):
        return {}
    whole = len({line.shape for line in lines.values()}) == 1 and all(
        line.ndim == 1 and line.size and np.isfinite(line).all() for line in lines.values()
    )
    return lines if whole else {}


def photographs_of(found: Any) -> dict[str, np.ndarray]:
    """``originals`` and ``reconstructions``, each ``(n, side, side)`` or, in colours, ``(n, side, side, 3)``, with
    pixels in [0, 1]; empty if anything is not as it is to be.
    """
    try:
        images = {name: np.stack([_levels(each) for each in found[name]]) for name in ("originals", "reconstructions")}
    except (KeyError, TypeError, ValueError):
        return {}
    if len({each.shape for each in images.values()}) > 1 or not images["originals"].size:
        return {}
    many, pixels = images["originals"].shape
    for channels in (1, 3):
        side = math.isqrt(pixels // channels)
        if channels * side**2 == pixels:
            shaped = {name: each.reshape(many, channels, side, side) for name, each in images.items()}
            return {name: each[:, 0] if channels == 1 else np.moveaxis(each, 1, 3) for name, each in shaped.items()}
    return {}


def _levels(text: str) -> np.ndarray:
    """Numbers from 0 to 1, from base64 of one byte each."""
    return np.frombuffer(base64.b64decode(text), np.uint8) / 255


def _array(value: Any, shape: tuple[int | None, ...]) -> np.ndarray | None:
    """Finite numbers in an array of that shape (None: any length but 0), or None."""
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None
    fits = array.ndim == len(shape) and all(n in (None, found) for n, found in zip(shape, array.shape, strict=True))
    return array if fits and array.size and np.isfinite(array).all() else None


def _with_allocators(timings: pandas.DataFrame) -> pandas.DataFrame:
    """Rows of the older schema name no allocator: on a CPU that was the default one."""
    if timings.empty or "device" not in timings:
        return timings
    known = timings.reindex(columns=["allocator"])["allocator"].astype(object)
    known = known.where(known.notna(), None)
    return timings.assign(allocator=known.mask(known.isna() & (timings["device"] == "cpu"), "default"))


def _latest(frame, keys, inner=(), machines=True):
    """The rows of the latest run of each key (on each machine), sorted by it; within a run as they were."""
    keys = [*keys, *(["machine", "torch"] if machines else [])]
    wanted = [*keys, *inner, "when", *([] if machines else ["cell"])]
    frame = frame.reindex(columns=[*frame.columns, *(c for c in wanted if c not in frame)])
    if frame.empty:
        return frame.assign(run="")
    # the latest file of a key, and of two of the same second always the same one
    stamp = _known(frame, "when") + _known(frame, "commit")
    if not machines:
        stamp += _known(frame, "cell")
    newest = stamp.groupby([frame[key] for key in keys], dropna=False, sort=False).transform("max")
    frame = frame[stamp == newest]
    frame = frame.drop_duplicates([*keys, *inner], keep="last")
    order = keys + [c for c in inner if c == "epoch"]
    return _marked(frame.sort_values(order, kind="stable", ignore_index=True))


def _known(frame: pandas.DataFrame, column: str) -> pandas.Series:
    """A column as text; what is absent is empty, so that it can be added and compared."""
    return frame[column].astype(object).map(lambda value: "" if absent(value) else str(value))


def runs(frame: pandas.DataFrame) -> dict[tuple[str, str], str]:
    """A letter for every machine and version of torch in a frame."""
    found = sorted(set(zip(_known(frame, "machine"), _known(frame, "torch"), strict=True)))
    return {key: _letter(position) for position, key in enumerate(found)}


def _marked(frame: pandas.DataFrame) -> pandas.DataFrame:
    """With a column ``run``: the letter of the machine, or nothing where there is one machine only."""
    letters = runs(frame)
    machines = zip(_known(frame, "machine"), _known(frame, "torch"), strict=True)
    return frame.assign(run=[letters[key] if len(letters) > 1 else "" for key in machines])


def _letter(position: int) -> str:
    return chr(ord("A") + position) if position < 26 else f"run {position + 1}"
