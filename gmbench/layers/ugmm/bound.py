"""The running error bound of the `ugmm` formula: what one eps on every input and operation may do to it.

By the rules of the `gm` one, from t_i = w_i - log sigma_i - log sqrt(2 pi) - z_i^2 / 2 with w = log_softmax(logits),
out = logsumexp of t, and the gradients as they are written out. The weights p = exp(w) and the responsibilities
r = exp(t - out) are taken where they are largest within ulps * eps * S of their argument, and neither they nor a term
of a gradient below tiny / eps.
A component that was dropped (a logit of -infinity) takes no part: its p and r are 0.
"""

import numpy as np


def bound(inputs, G, eps, tiny, ulps):
    """S of the value and of each gradient of sum(G * value), float64 arrays of their shapes.

    :param inputs: float64 arrays x (B, d), mu (C, d) or (d,), log_sigma (C, d), logits (C, d)
    :param G: cotangent (B, C)
    """
    x, mu, log_sigma, logits = (inputs[name] for name in ("x", "mu", "log_sigma", "logits"))
    kept = logits > -np.inf
    floor = np.where(kept, tiny / eps, 0.0)
    sigma, width = np.exp(log_sigma), np.abs(log_sigma)
    total = logsumexp(logits)
    w, size = logits - total, np.where(kept, np.abs(logits), 0.0)
    S_w = size + (np.exp(w) * size).sum(1, keepdims=True) + 1 + np.abs(total)
    p = np.maximum(np.exp(np.minimum(0, w + ulps * eps * S_w)), floor)

    S = {"value": np.empty(G.shape), "x": np.empty(x.shape)}
    S_mu, S_log_sigma, S_logits = np.zeros((3, *logits.shape))
    for b, row in enumerate(x):  # one row at a time, so that the arrays stay in the cache
        g = np.abs(G[b])[:, None]
        z = np.abs(row - mu) / sigma
        Z = (np.abs(row) + np.abs(mu)) / sigma + z * (1 + width)
        T = S_w + width + 1 + z * Z
        t = w - log_sigma - np.log(2 * np.pi) / 2 - z * z / 2
        out = logsumexp(t)
        near = t - out + ulps * eps * T
        r = np.maximum(np.exp(np.minimum(0, near + ulps * eps * T)), floor)
        S_out = 1 + np.abs(out) + (r * T).sum(1, keepdims=True)
        r = np.maximum(np.exp(np.minimum(0, near + ulps * eps * S_out)), floor)
        c = 1 + T + S_out  # S(r) / r
        z = z + ulps * eps * Z
        slope = g * r * (Z + z * c) / sigma + floor
        S["value"][b] = S_out[:, 0]
        S["x"][b] = slope.sum(0)
        S_mu += slope
        S_log_sigma += g * r * (2 * z * Z + (1 + z * z) * c) + floor
        S_logits += g * (r * c + p * (1 + S_w + (r * c).sum(1, keepdims=True))) + floor
    return {**S, "mu": S_mu if mu.ndim == 2 else S_mu.sum(0), "log_sigma": S_log_sigma, "logits": S_logits}


def logsumexp(t):
    """log of the sum of exp(t) over the last axis, which stays."""
    m = t.max(-1, keepdims=True)
    return m + np.log(np.exp(t - m).sum(-1, keepdims=True))
