"""What a cell keeps for pages to draw, as arrays: each only where it is there and whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmbench.runs.cell import CellResult
from gmbench.store.levels import levels

SURFACES = ("target", "fit", "residual")


@dataclass(frozen=True)
class Pictures:
    """Pictures with one scale: ``images`` (n x side x side), of which ``low`` and ``high`` are the extremes."""

    images: np.ndarray
    low: float
    high: float


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
                images = np.stack([levels(each) / 255 for each in kind["neurons"]]).squeeze(1)
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
            (points,) = levels(each["levels"]) / 255
        except (KeyError, TypeError, ValueError):
            continue
        if name in SURFACES and len(points) == side and np.isfinite([low, high]).all():
            fields[name] = low + (high - low) * points
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
        images = {
            name: np.stack([levels(each) / 255 for each in found[name]]) for name in ("originals", "reconstructions")
        }
    except (KeyError, TypeError, ValueError):
        return {}
    if len({each.shape for each in images.values()}) > 1:
        return {}
    return {name: each[:, 0] if each.shape[1] == 1 else np.moveaxis(each, 1, 3) for name, each in images.items()}


def _array(value: Any, shape: tuple[int | None, ...]) -> np.ndarray | None:
    """Finite numbers in an array of that shape (None: any length but 0), or None."""
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None
    fits = array.ndim == len(shape) and all(n in (None, found) for n, found in zip(shape, array.shape, strict=True))
    return array if fits and array.size and np.isfinite(array).all() else None


READERS = {
    "tests": tests_of,
    "paths": paths_of,
    "neurons": neurons_of,
    "surfaces": surfaces_of,
    "lines": lines_of,
    "photographs": photographs_of,
}


def kept(result: CellResult, kind: str) -> Any:
    """What a cell keeps of a kind (of :data:`READERS`); empty if it is not there or not whole."""
    return READERS[kind](getattr(result, kind))
