"""The running error bound of the `gm-full` formula, by the rules of the `gm` one; s^2 may cancel here."""

import numpy as np

from gmbench.layers.gm.bound import functions
from gmbench.layers.gm.full.domain import variances


def bound(inputs, G, eps, tiny, ulps):
    """S of the value and of each gradient of sum(G * value), float64 arrays of their shapes.

    :param inputs: float64 arrays x (B, d), mu_omega (K,), mu (K, d), cross (K, d), Sigma (K, d, d)
    :param G: cotangent (B, 1)
    """
    x, w, mu, cross, Sigma = (np.abs(inputs[n]) for n in ("x", "mu_omega", "mu", "cross", "Sigma"))
    s2, R = variances(inputs["x"], inputs["Sigma"])
    S = functions(inputs["x"] @ inputs["mu"].T, s2, x @ mu.T, R, eps, tiny, ulps)
    q = x @ cross.T
    g = np.abs(G) / len(mu)
    g_m = g * (w * S["P"] + q * S["dPdm"])
    g_v = g * (w * S["dAdv"] + q * S["dPdv"])
    return {
        "value": ((w * S["A"] + q * S["P"]).sum(1) / len(mu))[:, None],
        "x": g_m @ mu + 2 * np.einsum("bk,kij,bj->bi", g_v, Sigma, x) + (g * S["P"]) @ cross,
        "mu_omega": (g * S["A"]).sum(0),
        "mu": g_m.T @ x,
        "cross": (g * S["P"]).T @ x,
        "Sigma": np.einsum("bk,bi,bj->kij", g_v, x, x),
    }


def nondifferentiable(inputs, eps, ulps):
    """Masks of the gradient entries that do not exist: where s = 0 and m is within rounding of 0.

    With s = 0 the slope P there is any number of [0, 1], and enters the gradients of that row, those means and
    those covariances with omega.
    """
    x, mu = inputs["x"], inputs["mu"]
    origin = ~x.any(1)
    s2, _ = variances(x, inputs["Sigma"])
    pairs = (s2 == 0) & (np.abs(x @ mu.T) <= ulps * eps * (np.abs(x) @ np.abs(mu).T))
    components = (pairs & ~origin[:, None]).any(0)[:, None]
    return {
        "value": np.broadcast_to((pairs & ~origin[:, None]).any(1)[:, None], (len(x), 1)),
        "x": np.broadcast_to(pairs.any(1)[:, None], x.shape),
        "mu": np.broadcast_to(components, mu.shape),
        "cross": np.broadcast_to(components, mu.shape),
        "Sigma": np.broadcast_to(components[..., None], inputs["Sigma"].shape),
    }
