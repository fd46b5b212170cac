"""The inputs on which the `gmnm` layer types and their Laplacians must be right, and what they share of limits.

Entries are 0 or of size 1e-4 to 1e4. A unit's distance is |y|, by which its Gaussian falls: f = exp(-|y|^2 / 2). At 38
float64 has no such number left.
"""

import dataclasses

import numpy as np

from gmbench.layers.draws import clip, entries

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


def beside(x, slopes, regime, rng):
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
    for tensor in found.values():
        tensor[rng.random(tensor.shape) < zeros / 4] = 0.0
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


def inside(inputs):
    """All of it in the domain."""
    return {name: clip(tensor) for name, tensor in inputs.items()}


# Relations: each returns [(weight, inputs), ...] and a constant; sum of weight * h(inputs) = constant.


def permutation(inputs, dtype, rng):
    """The order of the units does not matter."""
    order = rng.permutation(inputs["pi"].shape[1])
    changed = {name: tensor[order] for name, tensor in inputs.items() if name not in ("x", "pi")}
    return [(1.0, inputs), (-1.0, {**changed, "x": inputs["x"], "pi": inputs["pi"][:, order]})], None


def linearity(inputs, dtype, rng):
    """The layer is linear in pi: two parts with disjoint entries, one of them scaled by a power of two."""
    scale = 2.0 ** int(rng.choice([-20, 0, 20]))
    first = rng.random(inputs["pi"].shape) < 0.5
    return [
        (1.0, inputs),
        (-1.0 / scale, {**inputs, "pi": scale * np.where(first, inputs["pi"], 0)}),
        (-1.0, {**inputs, "pi": np.where(first, 0, inputs["pi"])}),
    ], None


def shift(inputs, dtype, rng):
    """x and the centres moved together do not matter, exactly: on a grid that holds both."""
    x, mu = (np.round(np.clip(inputs[name], -8, 8) * 16) / 16 for name in ("x", "mu"))
    constants = np.round(
        rng.uniform(-8, 8, x.shape[1]) * {"float64": 2.0**20, "float32": 2.0**6, "bfloat16": 1.0}[dtype]
    )
    fixed = {**inputs, "x": x, "mu": mu}
    return [(1.0, fixed), (-1.0, {**fixed, "x": x + constants, "mu": mu + constants})], None
