"""The outputs of timed calls against the reference, in units of the error measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gmbench.contract import LayerType
from gmbench.timing.inputs import draw
from gmbench.timing.sizes import Size

ROWS = 8  # of a value that is compared alone
WORDS = 2**23  # float64 numbers that one temporary of the reference may hold


class Mismatch(Exception):  # noqa: N818 (it is a finding)
    """A timed call returned something else than the reference; the text says what."""


class Undecided(Exception):  # noqa: N818
    """The reference is not sharp enough to tell."""


def worst(
    kind: LayerType, size: Size, dtype: str, claim: float, seed: int, call: int, outputs: Path
) -> float:
    """The largest error of one timed call, in ulps of the error measure.

    The inputs are drawn again. A forward call is compared in a random part of its rows, one with gradients in
    all, since the gradients of the parameters are sums over the rows.

    :param outputs: the ``.npz`` file that the timing process wrote
    :raises Mismatch: beyond the claim, or of another shape
    :raises Undecided: if the reference cannot decide it
    """
    from gmbench.checks.measure import compare, rounded

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
    reference = enclosures(kind, size, exact, G)
    result = compare(kind, got, exact, G, dtype, claim, reference, lambda: blind(reference))
    name = max(result.ulps, key=result.ulps.__getitem__)
    if not result.ulps[name] <= claim:
        where = result.where.get(name, name)
        raise Mismatch(f"a timed call is off by {result.ulps[name]:.3g} ulps of {claim:g}: {where}")
    if result.undecided:
        raise Undecided(f"the reference cannot decide {', '.join(sorted(result.undecided))}")
    return result.ulps[name]


def enclosures(kind: LayerType, size: Size, inputs, G):
    """The float64 reference, a few rows at a time: its temporaries grow with the rows and the parameters."""
    from gmbench.checks.measure import reference
    from gmbench.references import Enclosure

    step = max(1, WORDS // max(1, kind.work(size.axes, 1, 8).multiply_adds))
    parts = [
        reference(kind, {**inputs, "x": inputs["x"][i : i + step]}, G[i : i + step])
        for i in range(0, len(G), step)
    ]

    def join(name, what):
        arrays = [getattr(part[name], what) for part in parts]
        return np.concatenate(arrays) if name in ("value", "x") else np.sum(arrays, axis=0)

    return {name: Enclosure(*(join(name, what) for what in ("mid", "rest", "radius"))) for name in parts[0]}


def blind(reference):
    """What stands for ball arithmetic, which is too slow at timed sizes: nothing is known."""
    from gmbench.references import Enclosure

    return {n: Enclosure(e.mid, e.rest, np.full_like(e.mid, np.inf)) for n, e in reference.items()}
