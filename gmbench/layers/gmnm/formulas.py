"""The `gmnm` formulas and their gradients, for any arithmetic: numpy's, balls, and running error bounds.

Each returns the value and the gradients of sum(G * value), for x (B, d) and a cotangent G (B, C).

:param exp: the exponential of that arithmetic
"""


def ridge(x, W, b, pi, G, exp):
    """sum over m of pi_m f_m, f = exp(-y^2 / 2), y = W x + b; W (M, d), b (M,), pi (C, M)."""
    y = x @ W.T + b
    f = exp(-(y * y) / 2)
    slope = -((G @ pi) * f * y)
    return {"value": f @ pi.T, "x": slope @ W, "W": slope.T @ x, "b": slope.sum(0), "pi": G.T @ f}


def mahalanobis(x, mu, L, pi, G, exp):
    """f = exp(-|y|^2 / 2), y = L (x - mu); mu (M, d), L (M, n, d), pi (C, M)."""
    z = x[:, None] - mu  # (B, M, d)
    y = (L * z[:, :, None]).sum(-1)  # (B, M, n)
    f = exp(-(y * y).sum(-1) / 2)
    slope = ((G @ pi) * f)[..., None] * y  # -df/dy
    along = (L * slope[..., None]).sum(2)
    return {
        "value": f @ pi.T,
        "x": -along.sum(1),
        "mu": along.sum(0),
        "L": -(slope[..., None] * z[:, :, None]).sum(0),
        "pi": G.T @ f,
    }


def agp(x, mu, a, b, alpha, beta, pi, G, exp):
    """f = exp(-y^2 / 2), y = sum over n of alpha_n (a_n (x - mu) + b_n) + beta.

    Shapes: mu (M, d), a (M, n, d), b (M, n), alpha (M, n), beta (M,), pi (C, M).
    """
    z = x[:, None] - mu
    LP = (a * z[:, :, None]).sum(-1) + b  # (B, M, n)
    y = (alpha * LP).sum(-1) + beta
    f = exp(-(y * y) / 2)
    slope = -((G @ pi) * f * y)
    along = slope[..., None] * (alpha[..., None] * a).sum(1)
    return {
        "value": f @ pi.T,
        "x": along.sum(1),
        "mu": -along.sum(0),
        "a": alpha[..., None] * (slope[..., None] * z).sum(0)[:, None],
        "b": alpha * slope.sum(0)[:, None],
        "alpha": (slope[..., None] * LP).sum(0),
        "beta": slope.sum(0),
        "pi": G.T @ f,
    }


def ridge_laplacian(x, W, b, pi, G, exp):
    """sum over m of pi_m |W_m|^2 (y^2 - 1) f."""
    y = x @ W.T + b
    f = exp(-(y * y) / 2)
    square = (W * W).sum(-1)
    bend = y * y + -1
    h = bend * f
    Q = G @ pi
    slope = Q * square * (2 * y - bend * y) * f
    return {
        "value": (square * h) @ pi.T,
        "x": slope @ W,
        "W": slope.T @ x + 2 * (W * (Q * h).sum(0)[:, None]),
        "b": slope.sum(0),
        "pi": G.T @ (square * h),
    }


def mahalanobis_laplacian(x, mu, L, pi, G, exp):
    """sum over m of pi_m (|v|^2 - tr L L^T) f, v = L^T y."""
    z = x[:, None] - mu
    y = (L * z[:, :, None]).sum(-1)
    v = (L * y[..., None]).sum(2)  # (B, M, d)
    f = exp(-(y * y).sum(-1) / 2)
    bend = (v * v).sum(-1) - (L * L).sum((-1, -2))
    P = (G @ pi) * f
    u = (L * v[:, :, None]).sum(-1)  # L v (B, M, n)
    along = P[..., None] * (2 * (L * u[..., None]).sum(2) - bend[..., None] * v)
    both = (P[..., None] * (2 * u - bend[..., None] * y))[..., None] * z[:, :, None]
    both = both + (2 * (P[..., None] * y))[..., None] * v[:, :, None]
    return {
        "value": (bend * f) @ pi.T,
        "x": along.sum(1),
        "mu": -along.sum(0),
        "L": both.sum(0) - 2 * (L * P.sum(0)[:, None, None]),
        "pi": G.T @ (bend * f),
    }
