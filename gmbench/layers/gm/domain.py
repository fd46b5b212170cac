"""The inputs on which `gm` must be right, the relations that must hold there, and its limits."""

import numpy as np

from gmbench.layers import relations
from gmbench.layers.draws import entries, inside, steer, strew_zeros

REGIMES = {
    "bulk": "z = m/s of order 1",
    "left": "every z in -40 to -3",
    "right": "every z in 3 to 40",
    "both": "z in -40 to 40",
    "cancelling": "mu and x large, m small: |m| far below the sum of |mu x|",
    "offset": "a large offset shared by all of x",
    "narrow": "sigma 1e-4 of mu: |z| in the thousands",
    "point": "components without spread: sigma = 0",
    "orthogonal": "m = 0 exactly",
    "origin": "rows of x that are 0",
}
Z = {"left": (-40, -3), "right": (3, 40), "both": (-40, 40), "cancelling": (-4, 4)}  # of the regimes that prescribe it


def draw(sizes, batch, regime, spread, zeros, rng):
    """One input of the regime: float64 arrays x (batch, d), mu, sigma, U, v."""
    K, d, C = sizes["K"], sizes["d"], sizes["C"]
    x = entries(rng, (batch, d), spread)
    mu = entries(rng, (K, d), spread)
    sigma = entries(rng, (K, d), spread)
    U = entries(rng, (K, C, d), spread)
    v = entries(rng, (K, C), spread)
    strew_zeros(rng, (x, mu, sigma, U), zeros)
    if regime == "cancelling":
        x = entries(rng, (batch, d)) * 10 ** rng.uniform(0, 3)
        mu = entries(rng, (K, d)) * 10 ** rng.uniform(0, 3)
        sigma = entries(rng, (K, d)) * 10 ** rng.uniform(-3, 0)
    elif regime == "offset":
        x = entries(rng, (batch, d)) + 10 ** rng.uniform(1, 3.5)
    elif regime == "narrow":
        sigma = sigma * 1e-4
    elif regime == "point":
        sigma[rng.random(K) < 0.7] = 0.0
        sigma[0] = 0.0
    without_products(x, mu, regime, rng)
    if regime in Z:
        mu = steer(mu, x, rng.uniform(*Z[regime], (K, batch)) * np.sqrt(sigma**2 @ (x**2).T))
    return inside({"x": x, "mu": mu, "sigma": sigma, "U": U, "v": v})


def without_products(x, mu, regime, rng):
    """x ``(B, d)`` and mu ``(K, d)`` changed in place, in the regimes where products <mu, x> are 0."""
    if regime == "orthogonal":
        keep = rng.random(x.shape[1]) < 0.5  # x and mu live on different coordinates
        x[:, ~keep] = 0.0
        mu[:, keep] = 0.0
    elif regime == "origin":
        x[rng.random(len(x)) < 0.5] = 0.0
        x[0] = 0.0


def limits(dtype):
    """Inputs where the formula degenerates, by name: K = 2, d = 3, C = 2 and four rows."""
    rng = np.random.default_rng(20250807)
    x, mu, U, v = (entries(rng, shape) for shape in ((4, 3), (2, 3), (2, 2, 3), (2, 2)))
    sigma = entries(rng, (2, 3))
    base = {"x": x, "mu": mu, "sigma": sigma, "U": U, "v": v}
    toward = np.sign(x[0]) * np.abs(mu)  # <toward, x_0> > 0
    one = {**base, "x": x[:1]}
    none = np.zeros_like
    return {
        "sigma = 0": {**base, "sigma": none(sigma)},
        "sigma = 0 in one component": {**base, "sigma": sigma * [[0.0], [1.0]]},
        "sigma = 0 in one coordinate": {**base, "sigma": sigma * [0.0, 1.0, 1.0]},
        "x = 0": {**base, "x": none(x)},
        "x = 0 in one row": {**base, "x": x * [[0.0], [1.0], [1.0], [1.0]]},
        "m = 0": {**base, "mu": none(mu)},
        "m = 0 and sigma = 0": {**base, "mu": none(mu), "sigma": none(sigma)},
        "everything 0": {name: none(tensor) for name, tensor in base.items()},
        "m/s = 50": {**one, "mu": 1e3 * toward, "sigma": sigma / sigma * 20.0},
        "m/s = -50": {**one, "mu": -1e3 * toward, "sigma": sigma / sigma * 20.0},
        "m/s to +1e4": {**one, "mu": toward, "sigma": none(sigma) + 1e-4},
        "m/s to -1e4": {**one, "mu": -toward, "sigma": none(sigma) + 1e-4},
        "m/s to +1e8": {**one, "mu": 1e4 * toward, "sigma": none(sigma) + 1e-4},
        "m/s to -1e8": {**one, "mu": -1e4 * toward, "sigma": none(sigma) + 1e-4},
        "m/s to +infinity": {**one, "mu": toward, "sigma": none(sigma) + 1e-30},
        "m/s to -infinity": {**one, "mu": -toward, "sigma": none(sigma) + 1e-30},
    }


# Properties: relations as in gmbench.layers.relations.


def homogeneity(inputs, dtype, rng):
    """h(a x) = a h(x) for a = 2^n, both ways almost to the end of the dtype's range."""
    reach = {"float64": 400, "float32": 50, "bfloat16": 50}[dtype]
    shift = int(rng.choice([-reach, -reach // 2, reach // 2, reach]))
    return [(1.0, inputs), (-(2.0**-shift), {**inputs, "x": inputs["x"] * 2.0**shift})], None


def linearity(inputs, dtype, rng):
    """h is linear in (U, v)."""
    reach = {"float64": 300, "float32": 40, "bfloat16": 40}[dtype]
    return relations.linearity(inputs, rng, ("U", "v"), (-reach, 0, reach))


def permutation(inputs, dtype, rng):
    """The order of the components does not matter."""
    order = rng.permutation(len(inputs["mu"]))
    changed = {name: tensor if name == "x" else tensor[order] for name, tensor in inputs.items()}
    return [(1.0, inputs), (-1.0, changed)], None


def sign_of_sigma(inputs, dtype, rng):
    """The sign of a deviation does not matter."""
    signs = rng.choice([-1.0, 1.0], inputs["sigma"].shape)
    return [
        (1.0, {**inputs, "sigma": np.abs(inputs["sigma"])}),
        (-1.0, {**inputs, "sigma": signs * inputs["sigma"]}),
    ], None


def reflection(inputs, dtype, rng):
    """relu(t) - relu(-t) = t: h(x) - h(-x) = mean over k of (U mu + v) <mu, x> + U (sigma^2 x)."""
    x, mu, sigma, U, v = (inputs[name].astype(np.longdouble) for name in ("x", "mu", "sigma", "U", "v"))
    c = np.einsum("kcd,kd->kc", U, mu) + v
    constant = (np.einsum("bd,kd,kc->bc", x, mu, c) + np.einsum("kcd,kd,bd->bc", U, sigma**2, x)) / len(mu)
    return [(1.0, inputs), (-1.0, {**inputs, "x": -inputs["x"]})], constant


PROPERTIES = {
    "homogeneity": homogeneity,
    "linearity": linearity,
    "permutation": permutation,
    "sign-of-sigma": sign_of_sigma,
    "reflection": reflection,
}
