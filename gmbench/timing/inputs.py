"""The inputs of a timed call: drawn by the parent for each round, and handed over in a file.

The process that measures never knows what comes next, and the parent need not trust it when it verifies.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from gmbench.contract import EPS, LayerType
from gmbench.timing.sizes import Size, layer_axes

MOST_ROWS = 64  # of a batch decide the gradients of the parameters where the reference does
MOST_WORDS = 2**26  # those rows times parameters
SMALL = 2.0**-20  # times eps: the cotangents of the other rows
NEAR = 2.0**-10  # relative distance of their x from that of one of the deciding rows
# bound before an implementation is imported
_load: Any = np.load
_savez: Any = np.savez


def draw(kind: LayerType, size: Size, dtype: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Float64 arrays of numbers that ``dtype`` holds exactly, of the regime "bulk" of the layer type's domain.

    One layer: ``x (batch, in_features)``, every parameter, the cotangent ``G (batch, out_features)``. A stack:
    ``x``, ``labels (batch,)`` and the parameters as ``0.mu``, ``1.mu`` and so on.

    The gradient of a parameter is a sum over the rows. In float32 the formula in float64 decides it; in float64 only
    the reference can, for which large batches are too long: there a few random rows of G decide it, and the others
    are too small to matter. The x of each of those lies beside that of a row which decides, so that they are no more
    sensitive to any parameter.
    """
    from gmbench.checks.errors import rounded

    if size.widths:
        return rounded(_stack(kind, size, rng), dtype)
    inputs = kind.domain.draw(size.axes, size.batch, "bulk", 0, 0, rng)
    G = rng.standard_normal((size.batch, size.axes[kind.out_features]))
    if reference_decides(dtype):
        words = sum(inputs[name].size for name in kind.names)
        few = min(size.batch, MOST_ROWS, max(4, MOST_WORDS // words))
        order = rng.permutation(size.batch)
        G[order[few:]] *= SMALL * EPS[dtype]
        beside = inputs["x"][rng.choice(order[:few], size.batch - few)]
        inputs["x"][order[few:]] = beside * (1 + NEAR * rng.standard_normal(beside.shape))
    return rounded({**inputs, "G": G}, dtype)


def reference_decides(dtype: str) -> bool:
    """Whether the formula in float64 is too coarse to decide what is computed in a dtype."""
    return EPS[dtype] < 2.0**-40


def deciding_rows(G: np.ndarray, dtype: str) -> np.ndarray:
    """Indices of the rows of a cotangent ``(batch, out_features)`` that decide the gradients of the parameters."""
    return np.flatnonzero(np.abs(G).max(1) > 64 * SMALL * EPS[dtype])


def _stack(kind: LayerType, size: Size, rng: np.random.Generator) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    scale = kind.stack.scale if kind.stack else {}
    for place, axes in enumerate(layer_axes(kind, size)):
        drawn = kind.domain.draw(axes, size.batch if place == 0 else 1, "bulk", 0, 0, rng)
        if place == 0:
            found["x"] = drawn["x"]
        for name in kind.names:
            found[f"{place}.{name}"] = drawn[name] * axes[kind.in_features] ** scale.get(name, 0.0)
    found["labels"] = rng.integers(size.widths[-1], size=size.batch).astype(float)
    return found


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Put arrays by name where the other process finds them, all at once."""
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        _savez(file, **arrays)
    os.replace(part, path)


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays of such a file."""
    with _load(path, allow_pickle=False) as file:
        return dict(file.items())


def outputs_path(folder: str | os.PathLike, candidate: int, round_: int) -> Path:
    """Where the outputs of a candidate in a round are saved; both by their numbers."""
    return Path(folder, f"outputs-{candidate}-{round_}.npz")
