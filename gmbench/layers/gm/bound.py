"""The running error bound of the `gm` formula: what one eps on every input and operation may do to it.

Derived by the rules S(input a) = |a|, S(u + v) = S(u) + S(v), S(u v) = |u| S(v) + |v| S(u) and
S(g(u)) = |g(u)| + |g'(u)| S(u), from the formula and its gradients as they are written out. The density and the cdf
are taken where they are largest within ulps * eps * S of their argument, and never below tiny / eps.
"""

import functools

import numpy as np
from scipy.special import erfcx, ndtr

einsum = functools.partial(np.einsum, optimize=True)  # by matrix products where there are some


def functions(m, s2, M, R, eps, tiny, ulps):
    """S of A, P, dP/dm, dA/ds2 and dP/ds2, elementwise.

    :param m: <mu, x>
    :param s2: variance of t
    :param M: sum of |mu x|, which bounds the error of m
    :param R: sum of the absolute terms of s2; equal to s2 where none of them is negative
    """
    point = s2 == 0
    s = np.sqrt(np.where(point, 1.0, s2))
    kappa = np.where(point, 1.0, R / s**2)
    z = m / s
    zeta = 2 * M / s * kappa
    w = ulps * eps * zeta
    floor = tiny / eps
    n = np.maximum(np.exp(-0.5 * np.maximum(0.0, np.abs(z) - w) ** 2) / np.sqrt(2 * np.pi), floor)
    n = np.where(point, 0.0, n)
    Phi = np.where(point, m > -ulps * eps * 2 * M, np.maximum(ndtr(z + w), floor))
    t = np.abs(z)
    tail = np.exp(-0.5 * t**2) / np.sqrt(2 * np.pi) * (1 - t * np.sqrt(np.pi / 2) * erfcx(t / np.sqrt(2)))
    A = np.maximum(m, 0.0) + np.where(point, 0.0, s * np.maximum(tail, 0.0))
    S_A = A + Phi * M + s * n * kappa
    return {
        "A": S_A,
        "P": Phi + n * zeta,
        "dPdm": n / s * (kappa + t * zeta),
        "dAdv": np.where(point, 0.0, S_A / (2 * s**2) * kappa) + n / (2 * s) * (kappa + t * zeta),
        "dPdv": n / s**2 * zeta * (1 + z**2) * kappa,
    }


def bound(inputs, G, eps, tiny, ulps):
    """S of the value and of each gradient of sum(G * value), float64 arrays of their shapes.

    :param inputs: float64 arrays x (B, d), mu (K, d), sigma (K, d), U (K, C, d), v (K, C)
    :param G: cotangent (B, C)
    """
    x, mu, sigma, U, v = (np.abs(inputs[name]) for name in ("x", "mu", "sigma", "U", "v"))
    G = np.abs(G)
    K = len(mu)
    variance = sigma**2
    M, s2 = x @ mu.T, x**2 @ variance.T
    S = functions(inputs["x"] @ inputs["mu"].T, s2, M, s2, eps, tiny, ulps)
    c = einsum("kcd,kd->kc", U, mu) + v
    spread = einsum("kd,bd->bkd", variance, x)
    a = einsum("bc,kc->bk", G, c) / K
    GU = einsum("bc,kcd->bkd", G, U) / K
    p = (GU * spread).sum(-1)
    g_m = a * S["P"] + p * S["dPdm"]
    g_v = a * S["dAdv"] + p * S["dPdv"]
    dc = einsum("bk,bc->kc", S["A"], G) / K
    M_k = einsum("bk,bc,bd->kcd", S["P"], G, x) / K
    return {
        "value": (S["A"] @ c + einsum("bk,bkd,kcd->bc", S["P"], spread, U)) / K,
        "x": (g_m @ mu + 2 * einsum("bk,bkd->bd", g_v, spread) + einsum("bk,kd,bkd->bd", S["P"], variance, GU)),
        "mu": einsum("kcd,kc->kd", U, dc) + g_m.T @ x,
        "sigma": 2 * sigma * ((U * M_k).sum(1) + g_v.T @ x**2),
        "U": dc[:, :, None] * mu[:, None] + M_k * variance[:, None],
        "v": dc,
    }


def nondifferentiable(inputs, eps, ulps):
    """Masks of the gradient entries that do not exist: at x = 0, and where s = 0 and m is within rounding of 0.

    With s = 0 the slope P there is any number of [0, 1], and enters the gradients of that row and those means.
    """
    x, mu, sigma = inputs["x"], inputs["mu"], inputs["sigma"]
    origin = ~x.any(1)
    pairs = ((x**2) @ (sigma**2).T == 0) & (np.abs(x @ mu.T) <= ulps * eps * (np.abs(x) @ np.abs(mu).T))
    rows = pairs.any(1)
    components = (pairs & ~origin[:, None]).any(0)
    return {
        "x": np.broadcast_to(rows[:, None], x.shape),
        "mu": np.broadcast_to(components[:, None], mu.shape),
    }
