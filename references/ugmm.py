"""`ugmm`: the formula in ball arithmetic, tied to the centre by integrals."""

import numpy as np
from flint import arb

from gmbench.references import Enclosure
from gmbench.references import arb as ball

NAMES = ("x", "mu", "log_sigma", "logits")


def formula(x, mu, log_sigma, logits, G, exp, logsumexp, log_root):
    """The layer and the gradients of sum(G * layer), in any arithmetic.

    :param log_root: log sqrt(2 pi)
    """
    w = logits - logsumexp(logits)[..., None]
    precision = exp(-log_sigma)
    z = (x[:, None] - mu) * precision  # (B, C, d)
    t = w - log_sigma - log_root - z * z / 2
    out = logsumexp(t)
    r = exp(t - out[..., None])
    g = G[..., None] * r
    slope = g * z * precision
    mean = slope.sum(0)
    return {
        "value": out,
        "x": -slope.sum(1),
        "mu": mean if mu.ndim == 2 else mean.sum(0),
        "log_sigma": (g * (z * z - 1)).sum(0),
        "logits": g.sum(0) - G.sum(0)[:, None] * exp(w),
    }


def ugmm(inputs, G):
    """Value and gradients of sum(G * value), in float64; their errors are below 4 eps of the running error bound.

    :param inputs: float64 arrays x (B, d), mu (C, d) or (d,), log_sigma (C, d), logits (C, d)
    :param G: cotangent (B, C)
    :return: an :class:`~gmbench.references.Enclosure` for ``value``, ``x`` and every parameter
    """
    from scipy.special import logsumexp

    results = formula(
        *(inputs[name] for name in NAMES), G, np.exp, lambda t: logsumexp(t, axis=-1), np.log(2 * np.pi) / 2
    )
    return {name: Enclosure(value, 0 * value, 0 * value) for name, value in results.items()}


def ugmm_ball(inputs, G, bits=256):
    """The same in ball arithmetic: a proven enclosure for the exact inputs."""
    with ball.precision(bits):
        tensors = map(ball.balls, (*(inputs[name] for name in NAMES), G))
        results = formula(*tensors, exp_ball, logsumexp_ball, (2 * arb.pi()).log() / 2)
        return {name: Enclosure(*ball.floats(value)) for name, value in results.items()}


exp_ball = np.frompyfunc(lambda b: b.exp(), 1, 1)
log_ball = np.frompyfunc(lambda b: b.log(), 1, 1)
mid_float = np.frompyfunc(lambda b: float(b.mid()), 1, 1)


def logsumexp_ball(t):
    """log of the sum of exp(t) over the last axis; the shift is any number."""
    shift = ball.balls(mid_float(t).astype(float).max(-1))
    return shift + log_ball(exp_ball(t - shift[..., None]).sum(-1))
