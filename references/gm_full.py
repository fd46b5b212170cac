"""`gm-full` by integration: E[omega relu(t)] over t = <beta, x>, by the conditional law of omega given t.

E[omega | t] = mu_omega + u <cross, x>/s with u = (t - m)/s, so the layer and its gradients need only the integrals
H_j = E[relu(t) He_j(u)] of :mod:`gmbench.references.relu`.
"""

from gmbench.references import arb as ball
from gmbench.references import gauss_legendre as gl
from gmbench.references.relu import by_balls, by_quadrature

NAMES = ("x", "mu_omega", "mu", "cross", "Sigma")


def assemble(x, w, mu, cross, Sigma, G, A, P, dAdv, dPdm, dPdv):
    """The layer and the gradients of sum(G * layer) from the integrals (B, K); plain sums, in any arithmetic."""
    K = len(mu)
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
    """Value and gradients of sum(G * value), in float64.

    :param inputs: float64 arrays x (B, d), mu_omega (K,), mu (K, d), cross (K, d), Sigma (K, d, d)
    :param G: cotangent (B, 1)
    :return: an :class:`~gmbench.references.Enclosure` for ``value``, ``x`` and every parameter
    """
    tensors = (x, _, mu, _, Sigma) = tuple(inputs[name] for name in NAMES)
    m, s2 = gl.dot(x[:, None], mu), gl.dot(gl.dot(x[:, None, None], Sigma), x[:, None])
    return by_quadrature(assemble, (*tensors, G), m, s2)


def gm_full_ball(inputs, G, bits=400):
    """The same in ball arithmetic: a proven enclosure for the exact inputs."""
    with ball.precision(bits):
        tensors = (x, _, mu, _, Sigma, _) = [ball.balls(tensor) for tensor in (*(inputs[name] for name in NAMES), G)]
        m, s2 = (x[:, None] * mu).sum(-1), ((x[:, None, None] * Sigma).sum(-1) * x[:, None]).sum(-1)
        return by_balls(assemble, tensors, m, s2)
