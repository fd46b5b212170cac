"""`ugmm`: the formula in ball arithmetic, a proven enclosure, and integrals that it must agree with.

Near the centre the mixture is the Fourier integral of its characteristic function (:func:`near`, and in ball
arithmetic as far as 38 deviations). That integral has no relative accuracy in a tail; the score has: from a point near
the centre, log f(x) is reached by integrating <grad log f, dx> along the ray (:func:`along_the_ray`).
"""

import numpy as np
from flint import arb

from gmbench.references import Enclosure, fourier
from gmbench.references import arb as ball
from gmbench.references import gauss_legendre as gl
from gmbench.references.fourier import NEAR

NAMES = ("x", "mu", "log_sigma", "logits")


def ugmm(inputs, G):
    """Value and gradients of sum(G * value) by the formula, in float64: right to 4 eps of the running error bound.

    :param inputs: float64 arrays x (B, d), mu (C, d) or (d,), log_sigma (C, d), logits (C, d)
    :param G: cotangent (B, C)
    :return: an :class:`~gmbench.references.Enclosure` for ``value``, ``x`` and every parameter
    """
    tensors = (inputs[name] for name in NAMES)
    results = formula(*tensors, G, np.exp, logsumexp, np.log(2 * np.pi) / 2)
    return {name: Enclosure(value, 0 * value, 0 * value) for name, value in results.items()}


def ugmm_ball(inputs, G, bits=256):
    """The same in ball arithmetic: a proven enclosure for the exact inputs."""
    with ball.precision(bits):
        tensors = map(ball.balls, (*(inputs[name] for name in NAMES), G))
        results = formula(*tensors, exp, logsumexp_ball, (2 * arb.pi()).log() / 2)
        return {name: Enclosure(*ball.floats(value)) for name, value in results.items()}


def formula(x, mu, log_sigma, logits, G, exp, logsumexp, log_root):
    """The layer and the gradients of sum(G * layer), in any arithmetic.

    :param log_root: log sqrt(2 pi)
    """
    w = logits - logsumexp(logits)[..., None]
    root = exp(-log_sigma)  # of the precision
    z = (x[:, None] - mu) * root  # (B, C, d)
    square = z * z
    t = w - log_sigma - log_root - square / 2
    out = logsumexp(t)
    g = G[..., None] * exp(t - out[..., None])
    slope = g * (z * root)
    mean = slope.sum(0)
    return {
        "value": out,
        "x": -slope.sum(1),
        "mu": mean if mu.ndim == 2 else mean.sum(0),
        "log_sigma": (g * (square - 1)).sum(0),
        "logits": g.sum(0) - G.sum(0)[:, None] * exp(w),
    }


def logsumexp(t):
    """log of the sum of exp(t) over the last axis."""
    m = t.max(-1)
    return m + np.log(np.exp(t - m[..., None]).sum(-1))


exp = np.frompyfunc(lambda b: b.exp(), 1, 1)
log = np.frompyfunc(lambda b: b.log(), 1, 1)


def logsumexp_ball(t):
    """The same of balls; any shift is right."""
    shift = ball.balls(np.vectorize(lambda b: float(b.mid()), otypes=[float])(t).max(-1))
    return shift + log(exp(t - shift[..., None]).sum(-1))


# -- by integration ----------------------------------------------------------------------------------------------------


def near(inputs, G):
    """Value and gradients of sum(G * value) from the characteristic function, in float64; for |z| <= :data:`NEAR`.

    A component is (1/pi) times the integral of cos(u (x - mu)) exp(-sigma^2 u^2 / 2) over u > 0, here v = sigma u.
    """
    x, mu, log_sigma, logits = (inputs[name] for name in NAMES)
    sigma, p = np.exp(log_sigma), np.exp(logits - logsumexp(logits)[..., None])
    z = (x[:, None] - mu) / sigma
    low, high, rounding = fourier.moments(z)
    low, high = (from_moments(p, sigma, J, G, mu.ndim) for J in (low, high))
    slack = rounding.max() / np.exp(-(NEAR**2) / 2)
    found = {n: Enclosure(high[n], 0 * high[n], np.abs(high[n] - low[n]) + slack * np.abs(high[n])) for n in high}
    f = found["value"]
    return {**found, "value": Enclosure(np.log(f.mid), 0 * f.mid, f.radius / f.mid)}


def near_ball(inputs, G, bits=160):
    """The same in ball arithmetic, for |z| up to 38 or so: it takes the more bits the farther a component is away."""
    with np.errstate(over="ignore"):
        farthest = np.abs((inputs["x"][:, None] - inputs["mu"]) * np.exp(-inputs["log_sigma"])).max()
    with ball.precision(int(bits + farthest**2)):
        x, mu, log_sigma, logits, G = map(ball.balls, (*(inputs[name] for name in NAMES), G))
        sigma, p = exp(log_sigma), exp(logits - logsumexp_ball(logits)[..., None])
        z = (x[:, None] - mu) / sigma
        results = from_moments(p, sigma, fourier.moments_ball(z), G, mu.ndim)
        results["value"] = log(results["value"])
        return {name: Enclosure(*ball.floats(value)) for name, value in results.items()}


def from_moments(p, sigma, J, G, rank):
    """The density f and the gradients of sum(G * log f) from the three Fourier integrals (3, B, C, d).

    n = J_0 / sigma, dn/dx = -J_1 / sigma^2 and dn/d(log sigma) = -J_2 / sigma.

    :param rank: 1 where the means are shared by the neurons, else 2
    """
    density = p * J[0] / sigma
    f = density.sum(-1)
    g = (G / f)[..., None]
    slope = g * p * J[1] / (sigma * sigma)
    mean = slope.sum(0)
    return {
        "value": f,
        "x": -slope.sum(1),
        "mu": mean if rank == 2 else mean.sum(0),
        "log_sigma": -(g * p * J[2] / sigma).sum(0),
        "logits": (g * density).sum(0) - G.sum(0)[:, None] * p,
    }


def along_the_ray(inputs, start):
    """log f(x) - log f(mu + start (x - mu)) for each row and neuron (B, C): the integral of <grad log f, dx>.

    With the point mu + tau (x - mu) on the ray and s = tau^2 / 2 it is minus the integral of E[z^2] over s, the mean
    over components weighted by p n(tau z). Two weights change places within a share 1/|log of their ratio at the mean|
    of s, which says how fine the panels must be.

    :param start: of (0, 1], (B, C)
    """
    x, mu, log_sigma, logits = (inputs[name] for name in NAMES)
    square = ((x[:, None] - mu) * np.exp(-log_sigma)) ** 2
    at_mean = logits - log_sigma
    at_mean = np.broadcast_to(at_mean - at_mean.max(-1, keepdims=True), square.shape)
    octaves = -2 * np.log2(start).min()
    panels = int(np.ceil((1 + octaves) * (2 - np.maximum(at_mean, -700).min() / 8)))
    edges = start[..., None] ** (2 * np.linspace(1, 0, panels + 1)) / 2

    def integrand(s):
        exponent = at_mean[..., None] - s[..., None, :] * square[..., None]
        weight = np.exp(exponent - exponent.max(-2, keepdims=True))
        return ((weight * square[..., None]).sum(-2) / weight.sum(-2))[None]

    low, high, rounding = (result.reshape(start.shape) for result in gl.integrate(integrand, edges))
    return Enclosure(-high, 0 * high, np.abs(high - low) + rounding)


def by_integrals(inputs):
    """The value (B, C) from the characteristic function near the means and the score from there on."""
    x, mu, log_sigma, logits = (inputs[name] for name in NAMES)
    z = (x[:, None] - mu) * np.exp(-log_sigma)
    start = np.minimum(1.0, NEAR / np.maximum(np.abs(z).max(-1), NEAR))
    ray = along_the_ray(inputs, start)
    mid, radius = np.empty(start.shape), np.empty(start.shape)
    for b, c in np.ndindex(start.shape):
        row = {"log_sigma": log_sigma[c : c + 1], "logits": logits[c : c + 1]}
        row["mu"] = np.zeros_like(row["logits"])  # the deviation alone, since mu + start (x - mu) would be rounded
        row["x"] = start[b, c] * (x[b : b + 1] - (mu if mu.ndim == 1 else mu[c]))
        centre = near(row, np.ones((1, 1)))["value"]
        mid[b, c] = centre.mid[0, 0] + ray.mid[b, c]
        radius[b, c] = centre.radius[0, 0] + ray.radius[b, c]
    return Enclosure(mid, 0 * mid, radius)
