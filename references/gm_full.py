"""`gm-full` by integration: E[omega relu(t)] over t = <beta, x>, by the conditional law of omega given t.

E[omega | t] = mu_omega + u <cross, x>/s with u = (t - m)/s, and the law of t differentiates into Hermite polynomials,
so the four integrals H_j = E[relu(t) He_j(u)] of :mod:`gmbench.references.gm` are all that is needed.
"""

import numpy as np
from flint import arb

from gmbench.references import Enclosure
from gmbench.references import arb as ball
from gmbench.references import gauss_legendre as gl
from gmbench.references.gm import other_side, small_side, small_side_ball

NAMES = ("x", "mu_omega", "mu", "cross", "Sigma")


def assemble(x, w, mu, cross, Sigma, G, m, s, H, zero):
    """The layer and its gradients from s and the four integrals H_j (B, K); plain sums, in any arithmetic."""
    K = len(mu)
    inverse = 1 / s
    A, P = np.where(zero, np.maximum(m, 0 * m), H[0]), H[1] * inverse
    P = np.where(zero, np.where(m > 0, 1 + 0 * m, 0 * m), P)
    dAdv, dPdm, dPdv = H[2] * inverse**2 / 2, H[2] * inverse**2, H[3] * inverse**3 / 2
    dAdv, dPdm, dPdv = (np.where(zero, 0 * m, f) for f in (dAdv, dPdm, dPdv))
    q = (cross * x[:, None]).sum(-1)  # (B, K)
    g_m, g_v = G * (w * P + q * dPdm), G * (w * dAdv + q * dPdv)
    both = ((Sigma + Sigma.swapaxes(1, 2)) * x[:, None, None]).sum(-1)  # (B, K, d)
    results = {
        "value": (w * A + q * P).sum(1)[:, None],
        "x": (g_m[..., None] * mu + g_v[..., None] * both + (G * P)[..., None] * cross).sum(1),
        "mu_omega": (G * A).sum(0),
        "mu": (g_m[..., None] * x[:, None]).sum(0),
        "cross": ((G * P)[..., None] * x[:, None]).sum(0),
        "Sigma": (g_v[..., None, None] * (x[:, :, None] * x[:, None])[:, None]).sum(0),
    }
    return {name: result / K for name, result in results.items()}


def gm_full(inputs, G):
    """Value and gradients of sum(G * value) in float64; the radius is the disagreement of the two orders, and
    the rounding of the integrals carried through the sums.

    :param inputs: float64 arrays x (B, d), mu_omega (K,), mu (K, d), cross (K, d), Sigma (K, d, d)
    :param G: cotangent (B, 1)
    """
    x, w, mu, cross, Sigma = (inputs[name] for name in NAMES)
    m = gl.dot(x[:, None], mu)
    s2 = gl.dot(gl.dot(x[:, None, None], Sigma), x[:, None])
    zero = s2 <= 0
    s = np.sqrt(np.where(zero, 1.0, s2))
    low, high, rounding = small_side(m / s)
    low, high = (assemble(x, w, mu, cross, Sigma, G, m, s, other_side(T, m, s), zero) for T in (low, high))
    sizes = map(np.abs, (x, w, mu, cross, Sigma, G))
    rounding = assemble(*sizes, 0 * m, s, s * np.where(zero, 0, rounding), zero)
    return {n: Enclosure(high[n], 0 * high[n], np.abs(high[n] - low[n]) + rounding[n]) for n in high}


def gm_full_ball(inputs, G, bits=400):
    """The same in ball arithmetic: a proven enclosure for the exact inputs."""
    with ball.precision(bits):
        x, w, mu, cross, Sigma, G = map(ball.balls, (*(inputs[name] for name in NAMES), G))
        m = (x[:, None] * mu).sum(-1)
        s2 = ((x[:, None, None] * Sigma).sum(-1) * x[:, None]).sum(-1)
        zero = s2 == 0
        s = np.vectorize(lambda ball_: ball_.sqrt(), otypes=[object])(np.where(zero, arb(1), s2))
        T = np.empty((4, *m.shape), dtype=object)
        for index in np.ndindex(m.shape):
            with ball.precision():
                T[(slice(None), *index)] = small_side_ball(m[index] / s[index])
        results = assemble(x, w, mu, cross, Sigma, G, m, s, other_side(T, m, s), zero)
        return {name: Enclosure(*ball.floats(result)) for name, result in results.items()}
