"""The outputs of timed calls against the reference, in units of the error measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gmbench.contract import EPS, TINY, LayerType
from gmbench.timing.inputs import draw
from gmbench.timing.sizes import Size

ROWS = 8  # of a value that is compared alone
WORDS = 2**23  # float64 numbers that one temporary of the reference may hold


class Mismatch(Exception):  # noqa: N818 (it is a finding)
    """A timed call returned something else than the reference; the text says what."""


class Undecided(Exception):  # noqa: N818
    """The reference is not sharp enough to tell."""


def worst(kind: LayerType, size: Size, dtype: str, claim: float, seed: int, call: int, outputs: Path) -> float:
    """The largest error of one timed call, in ulps of the error measure.

    The inputs are drawn again. A forward call is compared in a random part of its rows, one with gradients in
    all, since the gradients of the parameters are sums over the rows.

    :param outputs: the ``.npz`` file that the timing process wrote
    :raises Mismatch: beyond the claim, or of another shape
    :raises Undecided: if the reference cannot decide it
    """
    from gmbench.checks.measure import rounded

    exact = rounded(draw(kind, size, seed, call), dtype)
    G = exact.pop("G")
    with np.load(outputs, allow_pickle=False) as file:
        arrays = list(file.values())
    names = ["value"]
    if len(arrays) > 1:
        names += ["x", *kind.names] if size.input_gradient else kind.names
    got = dict(zip(names, arrays, strict=True))
    for name, array in got.items():
        expected = G.shape if name == "value" else exact[name].shape
        if name != "value" and array.shape == (0,):
            got[name] = np.zeros(expected)  # autograd says: unused
        elif array.shape != expected:
            raise Mismatch(f"{name} has the shape {array.shape}, expected {expected}")
    if len(arrays) == 1:
        rows = np.random.default_rng().permutation(len(G))[:ROWS]
        exact, G, got = {**exact, "x": exact["x"][rows]}, G[rows], {"value": got["value"][rows]}
    return compared(kind, got, exact, G, dtype, claim)


def compared(kind: LayerType, got, inputs, G, dtype: str, claim: float) -> float:
    """The largest error in ulps, of the quantities in ``got``.

    At these sizes ball arithmetic is out of reach, so an error counts as within the claim only with the
    reference's own bound added to it, and as beyond only with that bound taken off.
    """
    from gmbench.checks.measure import bound

    truth = enclosures(kind, inputs, G)
    S, S64 = (bound(kind, inputs, G, each, claim) for each in (dtype, "float64"))
    kinks = kind.kinks(inputs, EPS[dtype], claim)
    largest = 0.0
    for name, value in got.items():
        unit, radius = EPS[dtype] * S[name], truth[name].radius + 4 * EPS["float64"] * S64[name]
        gap = np.abs((value - truth[name].mid) - truth[name].rest)
        gap[kinks.get(name, np.zeros(gap.shape, bool)) & np.isfinite(value)] = 0.0
        # written so that NaN is wrong; a difference of exactly 0 is right whatever the unit
        ulps = np.where(gap == 0, 0.0, gap / np.maximum(unit, TINY["float64"]))
        wrong = ~(gap - radius <= claim * unit) & (gap != 0)
        if wrong.any():
            at = np.unravel_index(int(np.where(np.isnan(ulps), np.inf, ulps).argmax()), ulps.shape)
            place = ", ".join(map(str, at))
            raise Mismatch(
                f"a timed call is off by {ulps[at]:.3g} ulps of {claim:g}: {name}[{place}] = "
                f"{value[at]:.9g}, the reference has {truth[name].mid[at]:.9g}"
            )
        if (~(gap + radius <= claim * unit) & (gap != 0)).any():
            raise Undecided(f"the reference is not sharp enough for {claim:g} ulps of {dtype} ({name})")
        largest = max(largest, float(ulps.max(initial=0.0)))
    return largest


def enclosures(kind: LayerType, inputs, G):
    """The float64 reference, a few rows at a time: its temporaries grow with the rows and the parameters."""
    from gmbench.checks.measure import reference
    from gmbench.references import Enclosure

    step = max(1, WORDS // sum(inputs[name].size for name in kind.names))
    parts = [
        reference(kind, {**inputs, "x": inputs["x"][i : i + step]}, G[i : i + step]) for i in range(0, len(G), step)
    ]

    def join(name, what):
        arrays = [getattr(part[name], what) for part in parts]
        return np.concatenate(arrays) if name in ("value", "x") else np.sum(arrays, axis=0)

    return {name: Enclosure(*(join(name, what) for what in ("mid", "rest", "radius"))) for name in parts[0]}
