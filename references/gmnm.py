"""`gmnm`: the formulas in ball arithmetic, proven enclosures, and integrals that they must agree with.

Each formula is written for any arithmetic, whose exponential is ``exp``: numpy's and balls.
"""

import functools

import numpy as np
from flint import arb

from gmbench.references import Enclosure, fourier
from gmbench.references import arb as ball
from gmbench.references import gauss_legendre as gl

balls_exp = np.frompyfunc(lambda b: b.exp(), 1, 1)


def in_float64(formula):
    """The formula's reference in float64: right to 4 eps of the running error bound."""

    @functools.wraps(formula)
    def reference(inputs, G):
        results = formula(**inputs, G=G, exp=np.exp)
        return {name: Enclosure(value, 0 * value, 0 * value) for name, value in results.items()}

    return reference


def in_balls(formula):
    """The same in ball arithmetic: a proven enclosure for the exact inputs."""

    @functools.wraps(formula)
    def reference(inputs, G, bits=256):
        with ball.precision(bits):
            exact = {name: ball.balls(array) for name, array in inputs.items()}
            results = formula(**exact, G=ball.balls(G), exp=balls_exp)
            return {name: Enclosure(*ball.floats(value)) for name, value in results.items()}

    return reference


# -- the formulas: value and gradients of sum(G * value) for x (B, d), a cotangent G (B, C), in any arithmetic ---------


def of_ridge(x, W, b, pi, G, exp):
    """sum over m of pi_m f_m, f = exp(-y^2 / 2), y = W x + b; W (M, d), b (M,), pi (C, M)."""
    y = x @ W.T + b
    f = exp(-(y * y) / 2)
    slope = -((G @ pi) * f * y)
    return {"value": f @ pi.T, "x": slope @ W, "W": slope.T @ x, "b": slope.sum(0), "pi": G.T @ f}


def of_mahalanobis(x, mu, L, pi, G, exp):
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


def of_agp(x, mu, a, b, alpha, beta, pi, G, exp):
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


def of_ridge_laplacian(x, W, b, pi, G, exp):
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


def of_mahalanobis_laplacian(x, mu, L, pi, G, exp):
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


ridge, ridge_ball = in_float64(of_ridge), in_balls(of_ridge)
mahalanobis, mahalanobis_ball = in_float64(of_mahalanobis), in_balls(of_mahalanobis)
agp, agp_ball = in_float64(of_agp), in_balls(of_agp)
ridge_laplacian, ridge_laplacian_ball = in_float64(of_ridge_laplacian), in_balls(of_ridge_laplacian)
mahalanobis_laplacian = in_float64(of_mahalanobis_laplacian)
mahalanobis_laplacian_ball = in_balls(of_mahalanobis_laplacian)

FORMULAS = {
    "gmnm-ridge": of_ridge,
    "gmnm-mahalanobis": of_mahalanobis,
    "gmnm-agp": of_agp,
    "gmnm-ridge-laplacian": of_ridge_laplacian,
    "gmnm-mahalanobis-laplacian": of_mahalanobis_laplacian,
}


# -- by integration, for units f = exp(-|y|^2 / 2), y = A x + c with A (M, n, d) and c (M, n) --------------------------


def units(**parameters):
    """A and c of a layer's parameters, in the arithmetic that they come in."""
    if "W" in parameters:
        return parameters["W"][:, None], parameters["b"][:, None]
    if "L" in parameters:
        return parameters["L"], -(parameters["L"] * parameters["mu"][:, None]).sum(-1)
    a, alpha = parameters["a"], parameters["alpha"]
    inner = parameters["b"] - (a * parameters["mu"][:, None]).sum(-1)
    return (alpha[..., None] * a).sum(1)[:, None], ((alpha * inner).sum(-1) + parameters["beta"])[:, None]


def from_moments(A, pi, J, root):
    """Value and Laplacian (B, C) from the integrals of the projections (3, B, M, n).

    f is the product of sqrt(2 pi) phi(y_k), and its Laplacian the sum over k and j of (A A^T)_kj times the mixed second
    derivative by y_k and y_j.

    :param root: sqrt(2 pi)
    """
    J = J * root
    n = A.shape[1]
    bent = 0
    for k in range(n):
        for j in range(n):
            each = [J[2 if k == j else 1, ..., i] if i in (k, j) else J[0, ..., i] for i in range(n)]
            term = functools.reduce(lambda a, b: a * b, each) * (A[:, k] * A[:, j]).sum(-1)
            bent = bent + (-term if k == j else term)
    f = functools.reduce(lambda a, b: a * b, [J[0, ..., i] for i in range(n)])
    return f @ pi.T, bent @ pi.T


def near(x, pi, **parameters):
    """Value and Laplacian from the characteristic function, in float64; for |y| up to :data:`fourier.NEAR`."""
    A, c = units(**parameters)
    low, high, rounding = fourier.moments((x[:, None, None] * A).sum(-1) + c)
    root = np.sqrt(2 * np.pi)
    results = zip(from_moments(A, pi, low, root), from_moments(A, pi, high, root), strict=True)
    slack = rounding.max() * np.abs(pi).sum(1) * (1 + (A * A).sum((1, 2)).max())
    return [Enclosure(up, 0 * up, np.abs(up - down) + slack) for down, up in results]


def near_ball(x, pi, bits=160, **parameters):
    """The same in ball arithmetic, for |y| up to 38 or so."""
    A, c = units(**parameters)
    farthest = np.abs((x[:, None, None] * A).sum(-1) + c).max()
    with ball.precision(int(bits + farthest**2)):
        x, pi, *exact = map(ball.balls, (x, pi, *parameters.values()))
        A, c = units(**dict(zip(parameters, exact, strict=True)))
        J = fourier.moments_ball((x[:, None, None] * A).sum(-1) + c)
        return [Enclosure(*ball.floats(each)) for each in from_moments(A, pi, J, (2 * arb.pi()).sqrt())]


def along_the_ray(y, start):
    """log f at y (..., n) less that at start * y: the integral of the score -tau |y|^2 over tau from start to 1."""
    edges = np.stack([start, np.ones_like(start)], -1)
    low, high, rounding = gl.integrate(lambda tau: (-tau * (y * y).sum(-1)[..., None])[None], edges)
    return Enclosure(high[0], 0 * high[0], np.abs(high[0] - low[0]) + rounding[0])
