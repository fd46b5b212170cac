"""The inputs on which `gmnm-mahalanobis` must be right, the relations that must hold there, and its limits."""

import functools

import numpy as np

from gmbench.layers import relations
from gmbench.layers.draws import entries, inside
from gmbench.layers.gmnm import domain as gmnm

SIZES = {"M": (1, 2, 3, 5, 8, 17), "n": (1, 3, 4, 2, 5, 8), "d": (1, 3, 5, 2, 8, 17), "C": (1, 2, 3, 1, 5, 1)}
WIDE = {"M": (2, 3, 30, 300), "n": (1, 2, 3, 8), "d": (1, 2, 3, 30, 100), "C": (1, 3, 33)}
LARGE = (  # the first one for compiled implementations too
    ({"M": 100, "n": 3, "d": 64, "C": 1}, 9, "tail"),
    ({"M": 100, "n": 8, "d": 64, "C": 1}, 9, "tail"),
    ({"M": 900, "n": 2, "d": 2, "C": 1}, 64, "bulk"),
    ({"M": 64, "n": 10, "d": 10, "C": 10}, 130, "both"),
    ({"M": 3, "n": 2, "d": 1500, "C": 2}, 9, "bulk"),
    ({"M": 1100, "n": 3, "d": 3, "C": 5}, 5, "cancelling"),
    ({"M": 40, "n": 33, "d": 30, "C": 3}, 5, "tail"),
    ({"M": 4, "n": 70, "d": 3, "C": 1}, 3, "bulk"),
    ({"M": 4, "n": 3, "d": 3, "C": 33}, 3, "bulk"),
)


def draw(sizes, batch, regime, spread, zeros, rng):
    """One input of the regime: float64 arrays x (batch, d), mu (M, d), L (M, n, d), pi (C, M)."""
    d, M, n = sizes["d"], sizes["M"], sizes["n"]
    found = gmnm.common(sizes, batch, regime, spread, zeros, rng, {"mu": (M, d), "L": (M, n, d)})
    if regime == "bulk" and spread == 0:
        found["L"] /= np.sqrt(n * d)
    elif regime == "cancelling":
        found["mu"] = found["x"][0] * (1 + 10 ** rng.uniform(-6, -2) * rng.standard_normal((M, d)))
        found["L"] = entries(rng, (M, n, d))
    elif regime == "offset":
        found["mu"] = entries(rng, (M, d)) + found["x"].mean()
        found["L"] = entries(rng, (M, n, d)) / np.sqrt(n * d)
    elif regime == "flat":
        found["L"][rng.random(M) < 0.7] = 0.0
    elif regime == "means":
        found["mu"] = np.where(rng.random((M, 1)) < 0.7, found["x"][0], found["mu"])
    found = inside(found)
    x, mu, L = found["x"], found["mu"], found["L"]
    wanted = gmnm.distances(regime, M, rng, turn=1.0)
    if regime == "cancelling":
        wanted = np.abs(rng.standard_normal(M)) + 0.1
    if wanted is not None:
        y = (L * (x[0] - mu)[:, None]).sum(-1)
        if regime == "turn":  # where |L^T y|^2 = |L|^2
            v = np.linalg.norm((L * y[..., None]).sum(1), axis=-1)
            distance = v / np.maximum(np.sqrt((L * L).sum((1, 2))), 1e-30)
        else:
            distance = np.linalg.norm(y, axis=-1)
        ratio = np.where(distance > 0, wanted / np.where(distance > 0, distance, 1.0), 1.0)
        found["L"] = L * ratio[:, None, None]
    found["x"] = gmnm.nearby(x, found["L"], regime, rng)
    return inside(gmnm.equal(found, regime))


def limits(dtype):
    """Inputs where the formula degenerates, by name: M = 2, n = 2, d = 3, C = 2 and four rows where nothing else is
    said.
    """
    rng = np.random.default_rng(20251012)
    x, mu, L, pi = (entries(rng, shape) for shape in ((4, 3), (2, 3), (2, 2, 3), (2, 2)))
    base = {"x": x, "mu": mu, "L": L, "pi": pi}
    none = np.zeros_like
    last = gmnm.LAST[dtype]
    first = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]) + none(L)
    return {
        "L = 0": {**base, "L": none(L)},
        "L = 0 in one unit": {**base, "L": L * [[[0.0]], [[1.0]]]},
        "L = 0 in one projection": {**base, "L": L * [[0.0], [1.0]]},
        "x = mu": {**base, "x": none(x) + mu[0]},
        "x = 0": {**base, "x": none(x)},
        "mu = 0": {**base, "mu": none(mu)},
        "pi = 0": {**base, "pi": none(pi)},
        "everything 0": {name: none(tensor) for name, tensor in base.items()},
        "one of everything": {"x": x[:, :1], "mu": mu[:1, :1], "L": L[:1, :1, :1], "pi": pi[:, :1]},
        "more projections than inputs": {**base, "L": entries(rng, (2, 5, 3))},
        "a singular L": {**base, "L": L[:, [0, 0]]},
        "weights that cancel": {**base, "mu": mu[[0, 0]], "L": L[[0, 0]], "pi": pi[:, :1] * [[1.0, -1.0]]},
        f"|y| = {last}": {**base, "x": none(x) + [last, 0, 0], "mu": none(mu), "L": first},
        f"|y| = {last} from the other side": {**base, "x": none(x), "mu": none(mu) + [last, 0, 0], "L": first},
        "|y| = 40": {**base, "x": none(x) + [40, 0, 0], "mu": none(mu), "L": first},
        "|y| to 1e8": {**base, "x": none(x) + 1e4, "mu": none(mu) - 1e4, "L": none(L) + 1e4},
    }


def projections(inputs, dtype, rng):
    """The order and the signs of a unit's projections do not matter."""
    L = inputs["L"][:, rng.permutation(inputs["L"].shape[1])]
    signs = rng.choice([-1.0, 1.0], L.shape[:2])
    return [(1.0, inputs), (-1.0, {**inputs, "L": signs[..., None] * L})], None


def split(inputs, dtype, rng):
    """A projection is four of half its length: |y|^2 stays."""
    L = inputs["L"]
    return [(1.0, inputs), (-1.0, {**inputs, "L": np.concatenate([L[:, 1:], *[L[:, :1] / 2] * 4], 1)})], None


def alone(inputs, rng):
    """One unit with L diagonal and of 1/4 to 1: the inputs, and the input that will be moved."""
    M, n, d = inputs["L"].shape
    unit, place = rng.integers(M), rng.integers(min(n, d))
    L = np.zeros((1, n, d))
    np.einsum("kk->k", L[0, : min(n, d), : min(n, d)])[:] = rng.uniform(0.25, 1.0, min(n, d))
    one = {**inputs, "L": L, "mu": inputs["mu"][unit : unit + 1], "pi": inputs["pi"][:, unit : unit + 1]}
    return {name: np.clip(tensor, -8, 8) if name in ("x", "mu") else tensor for name, tensor in one.items()}, place


def smoothing(inputs, dtype, rng, power=0):
    """The mean over Gaussian steps of x is another Gaussian: for steps of deviation tau along one input, whose
    projection has length l, its part exp(-y^2 / 2) becomes exp(-y^2 / 2 s^2) / s with s^2 = 1 + l^2 tau^2.
    """
    one, place = alone(inputs, rng)
    tau = rng.uniform(0.1, 0.5)
    exact = {name: tensor.astype(np.longdouble) for name, tensor in one.items()}
    squares = (exact["L"][0] ** 2).sum(0)  # (d,)
    s2 = np.ones_like(squares)
    s2[place] += squares[place] * np.longdouble(tau) ** 2
    y2 = squares * (exact["x"] - exact["mu"][0]) ** 2 / s2  # (B, d)
    value = np.exp(-y2.sum(1) / 2) / np.sqrt(s2[place])
    if power:
        value = value * ((y2 - 1) * squares / s2).sum(1)
    return relations.smoothed(one, place, tau), value[:, None] * exact["pi"][:, 0]


def mass(inputs, dtype, rng, power=0):
    """The integral over one input is that of a Gaussian: sqrt(2 pi) / l times the others' part; the second derivative
    by that input integrates to 0.
    """
    one, place = alone(inputs, rng)
    exact = {name: tensor.astype(np.longdouble) for name, tensor in one.items()}
    squares = (exact["L"][0] ** 2).sum(0)
    one["x"] = one["x"].copy()
    one["x"][:, place] = one["mu"][0, place]
    length = np.sqrt(squares[place])
    y2 = squares * (exact["x"] - exact["mu"][0]) ** 2
    y2[:, place] = 0
    value = np.exp(-y2.sum(1) / 2) * np.sqrt(2 * np.longdouble(np.pi)) / length
    if power:
        bends = (y2 - 1) * squares
        bends[:, place] = 0
        value = value * bends.sum(1)
    return relations.integrated(one, place, float(1 / length)), value[:, None] * exact["pi"][:, 0]


def properties(power=0):
    """The relations; ``power`` 2 for the Laplacian, whose size goes with that power of L."""
    return {
        "permutation": gmnm.permutation,
        "linearity": gmnm.linearity,
        "shift": gmnm.shift,
        "projections": projections,
        "split": split,
        "scale": functools.partial(gmnm.scale, grows=("x", "mu"), shrinks="L", power=power),
        "mass": functools.partial(mass, power=power),
        "smoothing": functools.partial(smoothing, power=power),
    }
