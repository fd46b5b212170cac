"""The running error bounds of the `gmnm` formulas and of their Laplacians: what one eps on every input and operation
may do to them.

By the rules of the `gm` one. With Y the sum of the absolute terms of a projection y, f = exp(-|y|^2 / 2) where it is
largest within the claim and never below tiny / eps, and kappa = 1 + 2 sum y Y, the bounds of f and of f y are f kappa
and f (Y + y kappa). Weights and cotangents enter by their sizes. What follows y, in Laplacians, has S(y) = 2 Y.
"""

import functools

import numpy as np

einsum = functools.partial(np.einsum, optimize=True)  # by matrix products where there are some


def gaussians(y, Y, eps, tiny, ulps):
    """f (B, M), and the bounds of f (B, M) and of f y (B, M, n), for projections y (B, M, n) and their Y."""
    w = ulps * eps
    nearest = np.maximum(0, np.abs(y) - 2 * w * Y)
    f = np.maximum(np.exp(-(nearest**2).sum(-1) / 2), tiny / eps)
    top = np.abs(y) + w * Y
    kappa = 1 + 2 * (top * Y).sum(-1)
    return f, f * kappa, f[..., None] * (Y + top * kappa[..., None])


def ridge(inputs, G, eps, tiny, ulps):
    """S of the value and of each gradient of sum(G * value), float64 arrays of their shapes.

    :param inputs: float64 arrays x (B, d), W (M, d), b (M,), pi (C, M)
    :param G: cotangent (B, C)
    """
    y, Y, x, W, pi = _ridges(inputs)
    _, S_f, S_fy = gaussians(y[..., None], Y[..., None], eps, tiny, ulps)
    G = np.abs(G)
    slope = (G @ pi) * S_fy[..., 0]
    return {"value": S_f @ pi.T, "x": slope @ W, "W": slope.T @ x, "b": slope.sum(0), "pi": G.T @ S_f}


def _ridges(inputs):
    x, W, b, pi = (np.abs(inputs[name]) for name in ("x", "W", "b", "pi"))
    return inputs["x"] @ inputs["W"].T + inputs["b"], x @ W.T + b, x, W, pi


def mahalanobis(inputs, G, eps, tiny, ulps):
    """The same for x (B, d), mu (M, d), L (M, n, d), pi (C, M)."""
    y, Y, z, L, pi = _mahalanobis(inputs)
    _, S_f, S_fy = gaussians(y, Y, eps, tiny, ulps)
    G = np.abs(G)
    slope = (G @ pi)[..., None] * S_fy
    return {
        "value": S_f @ pi.T,
        "x": einsum("bmn,mnd->bd", slope, L),
        "mu": einsum("bmn,mnd->md", slope, L),
        "L": einsum("bmn,bmd->mnd", slope, z),
        "pi": G.T @ S_f,
    }


def _mahalanobis(inputs):
    x, mu, L = inputs["x"], inputs["mu"], inputs["L"]
    z = np.abs(x)[:, None] + np.abs(mu)
    y, Y = einsum("mnd,bmd->bmn", L, x[:, None] - mu), einsum("mnd,bmd->bmn", np.abs(L), z)
    return y, Y, z, np.abs(L), np.abs(inputs["pi"])


def agp(inputs, G, eps, tiny, ulps):
    """The same for x (B, d), mu (M, d), a (M, n, d), b (M, n), alpha (M, n), beta (M,), pi (C, M).

    A term of y has three factors, and counts one and a half times as much as one of two.
    """
    x, mu, a = inputs["x"], inputs["mu"], inputs["a"]
    LP = einsum("mnd,bmd->bmn", a, x[:, None] - mu) + inputs["b"]
    y = (inputs["alpha"] * LP).sum(-1) + inputs["beta"]
    z = np.abs(x)[:, None] + np.abs(mu)
    a, b, alpha, beta, pi = (np.abs(inputs[name]) for name in ("a", "b", "alpha", "beta", "pi"))
    S_LP = einsum("mnd,bmd->bmn", a, z) + b
    Y = 1.5 * ((alpha * S_LP).sum(-1) + beta)
    f, S_f, S_fy = gaussians(y[..., None], Y[..., None], eps, tiny, ulps)
    G = np.abs(G)
    P = G @ pi
    slope = P * S_fy[..., 0]
    size = P * f * (np.abs(y) + ulps * eps * Y)
    top = np.abs(LP) + ulps * eps * S_LP
    return {
        "value": S_f @ pi.T,
        "x": einsum("bm,mn,mnd->bd", slope, alpha, a),
        "mu": slope.sum(0)[:, None] * (alpha[..., None] * a).sum(1),
        "a": alpha[..., None] * einsum("bm,bmd->md", slope, z)[:, None],
        "b": alpha * slope.sum(0)[:, None],
        "alpha": einsum("bm,bmn->mn", slope, top) + einsum("bm,bmn->mn", size, S_LP),
        "beta": slope.sum(0),
        "pi": G.T @ S_f,
    }


def ridge_laplacian(inputs, G, eps, tiny, ulps):
    """The same of the Laplacian, h = |W|^2 (y^2 - 1) f."""
    y, Y, x, W, pi = _ridges(inputs)
    f, S_f, _ = gaussians(y[..., None], Y[..., None], eps, tiny, ulps)
    w, square = ulps * eps, (W * W).sum(-1)
    top = np.abs(y) + 2 * w * Y
    S_bend = 4 * top * Y + top**2
    bend = np.abs(y * y - 1) + w * S_bend
    S_h = bend * S_f + f * S_bend
    S_turn = 4 * Y + 2 * bend * Y + top * S_bend  # of 2 y - (y^2 - 1) y
    turn = np.abs(y * (3 - y * y)) + w * S_turn
    G = np.abs(G)
    P = G @ pi
    slope = P * square * (turn * S_f + f * S_turn + 3 * f * turn)
    weighted = square * (S_h + 3 * f * bend)
    return {
        "value": weighted @ pi.T,
        "x": slope @ W,
        "W": slope.T @ x + 2 * W * (P * (S_h + f * bend)).sum(0)[:, None],
        "b": slope.sum(0),
        "pi": G.T @ weighted,
    }


def mahalanobis_laplacian(inputs, G, eps, tiny, ulps):
    """The same of the Laplacian, h = (|v|^2 - tr L L^T) f with v = L^T y."""
    y, Y, z, L, pi = _mahalanobis(inputs)
    f, S_f, _ = gaussians(y, Y, eps, tiny, ulps)
    w, signed = ulps * eps, inputs["L"]
    v = einsum("mnd,bmn->bmd", signed, y)
    u = einsum("mnd,bmd->bmn", signed, v)
    r = einsum("mnd,bmn->bmd", signed, u)
    trace = (L * L).sum((1, 2))
    S_y, y_top = 2 * Y, np.abs(y) + 2 * w * Y
    S_v = einsum("mnd,bmn->bmd", L, y_top + S_y)
    v_top = np.abs(v) + w * S_v
    S_bend = (2 * v_top * S_v + v_top**2).sum(-1) + 3 * trace
    bend = (v * v).sum(-1) - trace
    top = np.abs(bend) + w * S_bend
    S_u = einsum("mnd,bmd->bmn", L, v_top + S_v)
    u_top = np.abs(u) + w * S_u
    S_r = einsum("mnd,bmn->bmd", L, u_top + S_u)
    G = np.abs(G)
    P, bend = G @ pi, bend[..., None]

    def with_f(size, S):  # of a factor of f
        return P[..., None] * ((np.abs(size) + w * S) * S_f[..., None] + f[..., None] * S)

    along = with_f(2 * r - bend * v, 2 * S_r + top[..., None] * S_v + v_top * S_bend[..., None])
    S_e = 2 * S_u + top[..., None] * S_y + y_top * S_bend[..., None]
    e = 2 * u - bend * y
    e = with_f(e, S_e + np.abs(e))  # a factor of z, which is a sum
    each = S_f[..., None] * P[..., None]
    S_h = top * S_f + f * S_bend + f * top
    return {
        "value": S_h @ pi.T,
        "x": along.sum(1),
        "mu": along.sum(0),
        "L": einsum("bmn,bmd->mnd", e, z)
        + 2 * einsum("bmn,bmd->mnd", each * y_top + P[..., None] * f[..., None] * S_y, v_top)
        + 2 * einsum("bmn,bmd->mnd", P[..., None] * f[..., None] * y_top, S_v)
        + 2 * L * (P * (S_f + f)).sum(0)[:, None, None],
        "pi": G.T @ S_h,
    }
