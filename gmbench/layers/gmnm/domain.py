"""The inputs on which the `gmnm` layer types and their Laplacians must be right, and what they share of limits.

Entries are 0 or of size 1e-4 to 1e4. A unit's distance is |y|, by which its Gaussian falls: f = exp(-|y|^2 / 2). At 38
float64 has no such number left.
"""

import dataclasses

import numpy as np

from gmbench.layers import relations
from gmbench.layers.draws import entries, strew_zeros

REGIMES = {
    "bulk": "distances of order 1",
    "tail": "every distance in 3 to 38",
    "both": "distances of 1e-3 to 38",
    "vanished": "every distance in 30 to 1e4: f is 0, or nearly so",
    "turn": "distances at which the Laplacian changes its sign",
    "cancelling": "terms far larger than the distance that they leave",
    "offset": "a large offset shared by all of x",
    "means": "x on the centres or ridges",
    "equal": "units that are all the same, with weights of both signs",
    "flat": "units without a slope",
}
BATCHES = (1, 2, 3, 5)
FALL = {"tail": (3, 38), "both": (1e-3, 38), "vanished": (30, 1e4)}
LAST = {"float64": 37.5, "float32": 12.9, "bfloat16": 12.0}  # the distance at which f is just a normal number
REACH = {"float64": 2.0**20, "float32": 2.0**6, "bfloat16": 1.0}  # of shifts


def of_laplacian(domain):
    """The same for the Laplacian, without many inputs and outputs at once: autograd, which is to be checked too, takes
    a pass for each pair.
    """
    large = tuple(each for each in domain.large if each[0]["d"] * each[0]["C"] <= 100)
    return dataclasses.replace(domain, wide={**domain.wide, "d": (1, 2, 3, 12), "C": (1, 2)}, large=large)


def distances(regime, shape, rng, turn):
    """Distances of the units (M,) from the first row of x, in the regimes that prescribe them; else None.

    :param turn: where the Laplacian changes its sign
    """
    if regime in FALL:
        low, high = FALL[regime]
        if regime == "tail":
            return rng.uniform(low, high, shape)
        return np.exp(rng.uniform(np.log(low), np.log(high), shape))
    if regime == "turn":
        return turn * (1 + 10 ** rng.uniform(-6, -1, shape) * rng.choice([-1.0, 1.0], shape))
    return None


def nearby(x, slopes, regime, rng):
    """Rows so near the first one that distances stay what they are: steps of a part of a slope (..., d)."""
    if regime not in (*FALL, "turn", "cancelling", "means"):
        return x
    steepest = np.abs(slopes).reshape(-1, x.shape[1]).max(0) * x.shape[1]
    steps = rng.uniform(-1, 1, x.shape) * 0.1 / np.maximum(steepest, 1e-3)
    steps[0] = 0.0
    return x[0] + steps


def common(sizes, batch, regime, spread, zeros, rng, names):
    """x, pi and tensors of the given shapes, as the spread and zeros have them, before anything is steered."""
    d, M, C = sizes["d"], sizes["M"], sizes["C"]
    found = {"x": entries(rng, (batch, d), spread), "pi": entries(rng, (C, M), spread)}
    found |= {name: entries(rng, shape, spread) for name, shape in names.items()}
    strew_zeros(rng, found.values(), zeros)
    if regime == "cancelling":
        found["x"] = entries(rng, (batch, d)) * 10 ** rng.uniform(0, 3)
    elif regime == "offset":
        found["x"] = entries(rng, (batch, d)) + 10 ** rng.uniform(1, 3.5)
    return found


def equal(inputs, regime):
    """In that regime every unit made the first one, all but its weights."""
    if regime == "equal":
        for name, tensor in inputs.items():
            if name not in ("x", "pi"):
                tensor[:] = tensor[:1]
    return inputs


# Properties: relations as in gmbench.layers.relations.


def permutation(inputs, dtype, rng):
    """The order of the units does not matter."""
    order = rng.permutation(inputs["pi"].shape[1])
    changed = {name: tensor[order] for name, tensor in inputs.items() if name not in ("x", "pi")}
    return [(1.0, inputs), (-1.0, {**changed, "x": inputs["x"], "pi": inputs["pi"][:, order]})], None


def linearity(inputs, dtype, rng):
    """The layer is linear in pi."""
    return relations.linearity(inputs, rng, ("pi",), (-20, 0, 20))


def shift(inputs, dtype, rng):
    """x and the centres moved together do not matter."""
    return relations.shift(inputs, dtype, rng, REACH)


def scale(inputs, dtype, rng, grows, shrinks, power=0):
    """Tensors times 2^n (x and the centres) and another over 2^n (the directions) leave the value; ``power`` 2: they
    divide its Laplacian by 4^n.
    """
    n = int(rng.choice([-6, -1, 1, 6]))
    changed = {**{name: inputs[name] * 2.0**n for name in grows}, shrinks: inputs[shrinks] / 2.0**n}
    return [(1.0, inputs), (-(2.0 ** (power * n)), {**inputs, **changed})], None
