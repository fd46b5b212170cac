"""The inputs on which `gmnm-ridge` must be right, the relations that must hold there, and its limits."""

import functools

import numpy as np

from gmbench.layers import relations
from gmbench.layers.draws import entries, inside
from gmbench.layers.gmnm import domain as gmnm

SIZES = {"M": (1, 2, 3, 5, 8, 17, 40), "d": (1, 3, 5, 8, 2, 17, 80), "C": (1, 2, 3, 1, 5, 1)}
WIDE = {"M": (2, 3, 30, 300, 900), "d": (1, 2, 3, 30, 300), "C": (1, 3, 33)}
LARGE = (  # the first one for compiled implementations too
    ({"M": 100, "d": 64, "C": 1}, 33, "tail"),
    ({"M": 900, "d": 2, "C": 1}, 64, "bulk"),
    ({"M": 64, "d": 10, "C": 10}, 300, "both"),
    ({"M": 3, "d": 1500, "C": 2}, 9, "bulk"),
    ({"M": 1100, "d": 3, "C": 5}, 5, "cancelling"),
    ({"M": 5, "d": 3, "C": 33}, 3, "bulk"),
)


def draw(sizes, batch, regime, spread, zeros, rng):
    """One input of the regime: float64 arrays x (batch, d), W (M, d), b (M,), pi (C, M)."""
    d, M = sizes["d"], sizes["M"]
    shapes = {"W": (M, d), "b": (M,)}
    found = gmnm.common(sizes, batch, regime, spread, zeros, rng, shapes)
    if regime == "bulk" and spread == 0:
        found["W"] /= np.sqrt(d)
    elif regime == "cancelling":
        found["W"] = entries(rng, (M, d)) * 10 ** rng.uniform(0, 2)
    elif regime == "offset":
        found["W"] = entries(rng, (M, d)) * 10 ** rng.uniform(-3, 0)
    elif regime == "flat":
        found["W"][rng.random(M) < 0.7] = 0.0
    found = inside(found)
    x, W = found["x"], found["W"]
    wanted = gmnm.distances(regime, M, rng, turn=1.0)
    if wanted is not None:
        found["b"] = wanted * rng.choice([-1.0, 1.0], M) - W @ x[0]
    elif regime in ("cancelling", "offset"):
        found["b"] = rng.standard_normal(M) - W @ x[0]
    elif regime == "means":
        found["b"] = np.where(rng.random(M) < 0.7, -W @ x[0], found["b"])
    found["x"] = gmnm.nearby(x, W, regime, rng)
    return inside(gmnm.equal(found, regime))


def limits(dtype):
    """Inputs where the formula degenerates, by name: M = 2, d = 3, C = 2 and four rows where nothing else is said."""
    rng = np.random.default_rng(20251012)
    x, W, b, pi = (entries(rng, shape) for shape in ((4, 3), (2, 3), (2,), (2, 2)))
    base = {"x": x, "W": W, "b": b, "pi": pi}
    none = np.zeros_like
    last = gmnm.LAST[dtype]
    return {
        "W = 0": {**base, "W": none(W)},
        "W = 0 in one unit": {**base, "W": W * [[0.0], [1.0]]},
        "b = 0": {**base, "b": none(b)},
        "x = 0": {**base, "x": none(x)},
        "y = 0": {**base, "x": none(x), "b": none(b)},
        "y = 1": {**base, "x": none(x), "b": none(b) + 1},
        "pi = 0": {**base, "pi": none(pi)},
        "everything 0": {name: none(tensor) for name, tensor in base.items()},
        "one unit, one input": {"x": x[:, :1], "W": W[:1, :1], "b": b[:1], "pi": pi[:, :1]},
        "weights that cancel": {**base, "W": W[[0, 0]], "b": b[[0, 0]], "pi": pi[:, :1] * [[1.0, -1.0]]},
        f"y = {last}": {**base, "W": none(W), "b": none(b) + last},
        f"y = -{last}": {**base, "W": none(W), "b": none(b) - last},
        "y = 40": {**base, "W": none(W), "b": none(b) + 40},
        "y to 1e4": {**base, "b": none(b) + 1e4},
        "y to 1e8": {**base, "x": none(x) + 1e4, "W": none(W) + 1e4},
    }


def orthogonal(inputs, dtype, rng):
    """A ridge is constant across its direction, exactly: W along (1, 1, 0, ...), on a grid that holds every step."""
    along = np.zeros_like(inputs["W"])
    along[:, :2] = (np.round(np.clip(inputs["W"][:, :1], -8, 8) * 8) + 1) / 8
    x = np.round(np.clip(inputs["x"], -8, 8) * 8) / 8
    step = rng.integers(-4, 5, x.shape[1]).astype(float)
    step[:1] = -step[1:2].sum()
    fixed = {**inputs, "W": along, "x": x}
    return [(1.0, fixed), (-1.0, {**fixed, "x": x + step})], None


def shift(inputs, dtype, rng):
    """x moved by t and b by -W t do not matter, exactly: on a grid that holds both."""
    W, x, b = (np.round(np.clip(inputs[name], -8, 8) * 16) / 16 for name in ("W", "x", "b"))
    t = rng.integers(-3, 4, x.shape[1]).astype(float)
    fixed = {**inputs, "W": W, "x": x, "b": b}
    return [(1.0, fixed), (-1.0, {**fixed, "x": x + t, "b": b - W @ t})], None


def reflection(inputs, dtype, rng):
    """The sign of y does not matter."""
    signs = rng.choice([-1.0, 1.0], len(inputs["b"]))
    return [(1.0, inputs), (-1.0, {**inputs, "W": signs[:, None] * inputs["W"], "b": signs * inputs["b"]})], None


def alone(inputs, rng):
    """One unit that sees one input, with a slope of 1/4 to 1, not far away: the inputs, and which input it sees."""
    unit, place = rng.integers(len(inputs["b"])), rng.integers(inputs["x"].shape[1])
    W = np.zeros((1, inputs["x"].shape[1]))
    W[0, place] = rng.uniform(0.25, 1.0)
    x, b = np.clip(inputs["x"], -3, 3), np.clip(inputs["b"][unit : unit + 1], -3, 3)
    return {"x": x, "W": W, "b": b, "pi": inputs["pi"][:, unit : unit + 1]}, place


def smoothing(inputs, dtype, rng, power=0):
    """The mean over Gaussian steps of x is another ridge: for steps of deviation tau along W and s^2 = 1 + |W|^2 tau^2,
    f becomes exp(-y^2 / 2 s^2) / s.
    """
    one, place = alone(inputs, rng)
    tau = rng.uniform(0.1, 0.5)
    terms = relations.smoothed(one, place, tau)
    exact = {name: tensor.astype(np.longdouble) for name, tensor in one.items()}
    square = exact["W"][0, place] ** 2
    s2 = 1 + square * np.longdouble(tau) ** 2
    y2 = (exact["x"] @ exact["W"].T + exact["b"]) ** 2 / s2
    value = np.exp(-y2 / 2) / np.sqrt(s2)
    if power:
        value = value * (y2 - 1) * square / s2
    return terms, value @ exact["pi"].T


def mass(inputs, dtype, rng, power=0):
    """The integral over a line along W is sqrt(2 pi) / |W|, and that of a Laplacian is 0."""
    one, place = alone(inputs, rng)
    W = one["W"][0, place]
    one["x"][:, place] = -one["b"][0] / W
    total = 0 * np.longdouble(W) if power else np.sqrt(2 * np.longdouble(np.pi)) / W
    constant = np.broadcast_to(one["pi"][:, 0] * total, (len(one["x"]), len(one["pi"])))
    return relations.integrated(one, place, 1 / W), constant


def properties(power=0):
    """The relations; ``power`` 2 for the Laplacian, whose size goes with that power of W."""
    return {
        "permutation": gmnm.permutation,
        "linearity": gmnm.linearity,
        "orthogonal": orthogonal,
        "shift": shift,
        "reflection": reflection,
        "scale": functools.partial(gmnm.scale, grows=("x",), shrinks="W", power=power),
        "mass": functools.partial(mass, power=power),
        "smoothing": functools.partial(smoothing, power=power),
    }
