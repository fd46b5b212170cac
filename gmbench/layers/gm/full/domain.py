"""The inputs on which `gm-full` must be right, the relations that must hold there, and its limits.

Sigma = F F^T with s^2 >= 1e-3 |x|^T |Sigma| |x|, or exactly 0: beyond, s^2 itself is lost to rounding.
"""

import numpy as np

from gmbench.layers.draws import clip_sizes, entries, inside, steer, strew_zeros
from gmbench.layers.gm import domain as gm

REGIMES = {
    "bulk": "z = m/s of order 1",
    "left": "every z in -40 to -3",
    "right": "every z in 3 to 40",
    "both": "z in -40 to 40",
    "cancelling": "mu and x large, m small: |m| far below the sum of |mu x|",
    "correlated": "strongly correlated coordinates of beta",
    "narrow": "deviations 1e-4 of mu: |z| in the thousands",
    "point": "components without spread: Sigma = 0",
    "orthogonal": "m = 0 exactly",
    "origin": "rows of x that are 0",
}
CANCELLATION = 1e-2  # least s^2 as a share of its absolute terms; rounding to float32 stays far above 1e-3


def draw(sizes, batch, regime, spread, zeros, rng):
    """One input of the regime: float64 arrays x (batch, d), mu_omega, mu, cross, Sigma."""
    K, d = sizes["K"], sizes["d"]
    x = entries(rng, (batch, d), spread)
    mu = entries(rng, (K, d), spread)
    cross = entries(rng, (K, d), spread)
    mu_omega = entries(rng, (K,), spread)
    deviations = 10 ** rng.uniform(-spread / 2, spread / 2, (K, d, 1))
    strew_zeros(rng, (x, mu, cross), zeros)
    mix = 0.3 if regime != "correlated" else 3.0
    F = deviations * (np.eye(d) + mix * rng.standard_normal((K, d, d)) / np.sqrt(d))
    if regime == "cancelling":
        x = entries(rng, (batch, d)) * 10 ** rng.uniform(0, 3)
        mu = entries(rng, (K, d)) * 10 ** rng.uniform(0, 3)
    elif regime == "narrow":
        F = F * 1e-2
        mu = mu * 1e2
    elif regime == "point":
        F[rng.random(K) < 0.7] = 0.0
        F[0] = 0.0
    gm.without_products(x, mu, regime, rng)
    x = clip_sizes(x)
    Sigma = clip_sizes(F @ F.mT)
    Sigma = (Sigma + Sigma.mT) / 2
    s2, R = variances(x, Sigma)
    Sigma[(s2 < CANCELLATION * R).any(0)] *= np.eye(d)  # without covariances nothing cancels
    if regime in gm.Z:
        mu = steer(mu, x, rng.uniform(*gm.Z[regime], (K, batch)) * np.sqrt(variances(x, Sigma)[0]).T)
    return {"x": x, **inside({"mu_omega": mu_omega, "mu": mu, "cross": cross}), "Sigma": Sigma}


def variances(x, Sigma):
    """x^T Sigma x and the sum of its absolute terms, each (batch, K)."""
    s2 = np.einsum("bi,kij,bj->bk", x, Sigma, x)
    return s2, np.einsum("bi,kij,bj->bk", np.abs(x), np.abs(Sigma), np.abs(x))


def limits(dtype):
    """Inputs where the formula degenerates, by name: K = 2, d = 3 and four rows."""
    rng = np.random.default_rng(20250807)
    x, mu, cross = (entries(rng, shape) for shape in ((4, 3), (2, 3), (2, 3)))
    F = np.eye(3) + 0.3 * rng.standard_normal((2, 3, 3))
    base = {"x": x, "mu_omega": entries(rng, (2,)), "mu": mu, "cross": cross, "Sigma": F @ F.mT}
    none = np.zeros_like
    toward = np.sign(x[0]) * np.abs(mu)
    one = {**base, "x": x[:1]}
    unit = none(base["Sigma"]) + np.eye(3)
    return {
        "Sigma = 0": {**base, "Sigma": none(base["Sigma"])},
        "Sigma = 0 in one component": {**base, "Sigma": base["Sigma"] * [[[0.0]], [[1.0]]]},
        "x = 0": {**base, "x": none(x)},
        "x = 0 in one row": {**base, "x": x * [[0.0], [1.0], [1.0], [1.0]]},
        "m = 0": {**base, "mu": none(mu)},
        "m = 0 and Sigma = 0": {**base, "mu": none(mu), "Sigma": none(base["Sigma"])},
        "everything 0": {name: none(tensor) for name, tensor in base.items()},
        "m/s = 50": {**one, "mu": 1e3 * toward, "Sigma": 400 * unit},
        "m/s = -50": {**one, "mu": -1e3 * toward, "Sigma": 400 * unit},
        "m/s to +1e8": {**one, "mu": 1e4 * toward, "Sigma": 1e-8 * unit},
        "m/s to -1e8": {**one, "mu": -1e4 * toward, "Sigma": 1e-8 * unit},
        "m/s to +infinity": {**one, "mu": toward, "Sigma": 1e-36 * unit},
        "m/s to -infinity": {**one, "mu": -toward, "Sigma": 1e-36 * unit},
    }


def linearity(inputs, dtype, rng):
    """h is linear in (mu_omega, cross): its two terms apart, one of them scaled by a power of two."""
    scale = 2.0 ** int(rng.choice([-40, 0, 40]))
    w, cross = inputs["mu_omega"], inputs["cross"]
    return [
        (1.0, inputs),
        (-1.0 / scale, {**inputs, "mu_omega": scale * w, "cross": 0 * cross}),
        (-1.0, {**inputs, "mu_omega": 0 * w}),
    ], None


def reflection(inputs, dtype, rng):
    """relu(t) - relu(-t) = t: h(x) - h(-x) = mean over k of mu_omega <mu, x> + <cross, x>."""
    x, w, mu, cross = (inputs[name].astype(np.longdouble) for name in ("x", "mu_omega", "mu", "cross"))
    constant = (x @ mu.T * w + x @ cross.T).mean(1, keepdims=True)
    return [(1.0, inputs), (-1.0, {**inputs, "x": -inputs["x"]})], constant


PROPERTIES = {
    "homogeneity": gm.homogeneity,
    "linearity": linearity,
    "permutation": gm.permutation,
    "reflection": reflection,
}
