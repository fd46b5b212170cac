"""The inputs on which `gmnm-agp` must be right, the relations that must hold there, and its limits."""

import numpy as np

from gmbench.layers.draws import entries, inside
from gmbench.layers.gmnm import domain as gmnm

SIZES = {"M": (1, 2, 3, 5, 8, 17), "n": (1, 3, 4, 2, 5, 8), "d": (1, 3, 5, 2, 8, 17), "C": (1, 2, 3, 1, 5, 1)}
WIDE = {"M": (2, 3, 30, 300), "n": (1, 2, 3, 8), "d": (1, 2, 3, 30, 100), "C": (1, 3, 33)}
LARGE = (  # the first one for compiled implementations too
    ({"M": 100, "n": 8, "d": 64, "C": 1}, 9, "tail"),
    ({"M": 900, "n": 2, "d": 2, "C": 1}, 64, "bulk"),
    ({"M": 64, "n": 10, "d": 10, "C": 10}, 130, "both"),
    ({"M": 1100, "n": 3, "d": 3, "C": 5}, 5, "cancelling"),
)


def draw(sizes, batch, regime, spread, zeros, rng):
    """One input of the regime: float64 arrays x (batch, d), mu (M, d), a (M, n, d), b, alpha (M, n), beta (M,),
    pi (C, M).
    """
    d, M, n = sizes["d"], sizes["M"], sizes["n"]
    shapes = {"mu": (M, d), "a": (M, n, d), "b": (M, n), "alpha": (M, n), "beta": (M,)}
    found = gmnm.common(sizes, batch, regime, spread, zeros, rng, shapes)
    if regime == "bulk" and spread == 0:
        found["a"] /= np.sqrt(d)
        found["alpha"] /= np.sqrt(n)
    elif regime == "cancelling":
        found["a"], found["b"] = (tensor * 10 ** rng.uniform(0, 2) for tensor in (found["a"], found["b"]))
    elif regime == "offset":
        found["mu"] = entries(rng, (M, d)) + found["x"].mean()
        found["a"] = entries(rng, (M, n, d)) / np.sqrt(n * d)
    elif regime == "flat":
        found["a"][rng.random(M) < 0.7] = 0.0
    found = inside(found)
    z, a, alpha = found["x"][0] - found["mu"], found["a"], found["alpha"]
    without = (alpha * ((a * z[:, None]).sum(-1) + found["b"])).sum(-1)  # y of the first row, but for beta
    wanted = gmnm.distances(regime, M, rng, turn=1.0)
    if wanted is not None:
        found["beta"] = wanted * rng.choice([-1.0, 1.0], M) - without
    elif regime in ("cancelling", "offset"):
        found["beta"] = rng.standard_normal(M) - without
    elif regime == "means":
        found["beta"] = np.where(rng.random(M) < 0.7, -without, found["beta"])
    found["x"] = gmnm.nearby(found["x"], (alpha[..., None] * a).sum(1), regime, rng)
    return inside(gmnm.equal(found, regime))


def limits(dtype):
    """Inputs where the formula degenerates, by name: M = 2, n = 2, d = 3, C = 2 and four rows where nothing else is
    said.
    """
    rng = np.random.default_rng(20251012)
    shapes = {"x": (4, 3), "mu": (2, 3), "a": (2, 2, 3), "b": (2, 2), "alpha": (2, 2), "beta": (2,), "pi": (2, 2)}
    base = {name: entries(rng, shape) for name, shape in shapes.items()}
    none = {name: np.zeros(shape) for name, shape in shapes.items()}
    last = gmnm.LAST[dtype]
    one = {name: tensor[tuple(slice(1) for _ in tensor.shape)] for name, tensor in base.items()}
    return {
        **{f"{name} = 0": {**base, name: none[name]} for name in shapes},
        "everything 0": none,
        "alpha = 0 and beta = 0": {**base, "alpha": none["alpha"], "beta": none["beta"]},
        "x = mu": {**base, "x": none["x"] + base["mu"][0]},
        "alpha and beta negative": {**base, "alpha": -np.abs(base["alpha"]), "beta": -np.abs(base["beta"])},
        "one of everything": {**one, "x": base["x"][:, :1]},
        "more projections than inputs": {
            **base,
            "a": entries(rng, (2, 5, 3)),
            "b": entries(rng, (2, 5)),
            "alpha": entries(rng, (2, 5)),
        },
        "projections that cancel": {**base, "a": base["a"][:, [0, 0]], "alpha": base["alpha"][:, :1] * [1.0, -1.0]},
        f"y = {last}": {**base, "alpha": none["alpha"], "beta": none["beta"] + last},
        f"y = -{last}": {**base, "alpha": none["alpha"], "beta": none["beta"] - last},
        "y = 40": {**base, "alpha": none["alpha"], "beta": none["beta"] + 40},
        "y to 1e4": {**base, "beta": none["beta"] + 1e4},
    }


def projections(inputs, dtype, rng):
    """The order of a unit's projections does not matter, nor does a sign that alpha has too."""
    order = rng.permutation(inputs["b"].shape[1])
    a, b, alpha = (inputs[name][:, order] for name in ("a", "b", "alpha"))
    signs = rng.choice([-1.0, 1.0], b.shape)
    changed = {"a": signs[..., None] * a, "b": signs * b, "alpha": signs * alpha}
    return [(1.0, inputs), (-1.0, {**inputs, **changed})], None


def collapse(inputs, dtype, rng):
    """It is a ridge: one projection with alpha = 1 and w = sum over n of alpha_n a_n, exactly: on a grid."""
    grid = {name: np.round(np.clip(inputs[name], -2, 2) * 4) / 4 for name in ("a", "b", "alpha", "beta")}
    fixed = {**inputs, **grid}
    alpha = fixed["alpha"]
    one = {
        "a": (alpha[..., None] * fixed["a"]).sum(1, keepdims=True),
        "b": np.zeros_like(alpha[:, :1]),
        "alpha": np.ones_like(alpha[:, :1]),
        "beta": fixed["beta"] + (alpha * fixed["b"]).sum(1),
    }
    return [(1.0, fixed), (-1.0, {**fixed, **one})], None


def reflection(inputs, dtype, rng):
    """The sign of y does not matter."""
    signs = rng.choice([-1.0, 1.0], len(inputs["beta"]))
    changed = {"alpha": signs[:, None] * inputs["alpha"], "beta": signs * inputs["beta"]}
    return [(1.0, inputs), (-1.0, {**inputs, **changed})], None


PROPERTIES = {
    "permutation": gmnm.permutation,
    "linearity": gmnm.linearity,
    "projections": projections,
    "collapse": collapse,
    "reflection": reflection,
    "shift": gmnm.shift,
}
