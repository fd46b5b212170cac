"""`gm` by integration: E[(U beta + v) relu(t)] over t = <beta, x>, by the conditional law of beta given t.

E[beta | t] = mu + u (sigma^2 x)/s with u = (t - m)/s, so the layer and its gradients need only the integrals
H_j = E[relu(t) He_j(u)] of :mod:`gmbench.references.relu`. For d <= 3 also over beta itself.
"""

import numpy as np

from gmbench.references import arb as ball
from gmbench.references import gauss_legendre as gl
from gmbench.references.relu import by_balls, by_quadrature

NAMES = ("x", "mu", "sigma", "U", "v")


def assemble(x, mu, sigma, U, v, G, A, P, dAdv, dPdm, dPdv):
    """The layer and the gradients of sum(G * layer) from the integrals (B, K); plain sums, in any arithmetic."""
    K = len(mu)
    variance = sigma * sigma
    c = (U * mu[:, None]).sum(-1) + v  # (K, C)
    spread = variance * x[:, None]  # (B, K, d)
    GU = (G[:, None, :, None] * U).sum(2)  # (B, K, d)
    a, p = (G[:, None] * c).sum(-1), (GU * spread).sum(-1)  # (B, K)
    g_m, g_v = a * P + p * dPdm, a * dAdv + p * dPdv
    expert = (U * spread[:, :, None]).sum(-1)  # (B, K, C)
    dc = (A[..., None] * G[:, None]).sum(0)
    outer = ((P[..., None] * G[:, None])[..., None] * x[:, None, None]).sum(0)  # (K, C, d)
    results = {
        "value": (A[..., None] * c + P[..., None] * expert).sum(1),
        "x": (g_m[..., None] * mu + 2 * g_v[..., None] * spread + P[..., None] * variance * GU).sum(1),
        "mu": (U * dc[..., None]).sum(1) + (g_m[..., None] * x[:, None]).sum(0),
        "sigma": 2 * sigma * ((U * outer).sum(1) + (g_v[..., None] * (x * x)[:, None]).sum(0)),
        "U": dc[..., None] * mu[:, None] + outer * variance[:, None],
        "v": dc,
    }
    return {name: result / K for name, result in results.items()}


def gm(inputs, G):
    """Value and gradients of sum(G * value), in float64.

    :param inputs: float64 arrays x (B, d), mu (K, d), sigma (K, d), U (K, C, d), v (K, C)
    :param G: cotangent (B, C)
    :return: an :class:`~gmbench.references.Enclosure` for ``value``, ``x`` and every parameter
    """
    x, mu, sigma, U, v = (inputs[name] for name in NAMES)
    m, s2 = gl.dot(x[:, None], mu), gl.dot((x * x)[:, None], sigma * sigma)
    return by_quadrature(assemble, (x, mu, sigma, U, v, G), m, s2)


def gm_ball(inputs, G, bits=400):
    """The same in ball arithmetic: a proven enclosure for the exact inputs."""
    with ball.precision(bits):
        x, mu, sigma, U, v, G = map(ball.balls, (*(inputs[name] for name in NAMES), G))
        m, s2 = (x[:, None] * mu).sum(-1), ((x * x)[:, None] * sigma * sigma).sum(-1)
        return by_balls(assemble, (x, mu, sigma, U, v, G), m, s2)


def over_beta(inputs, order=40):
    """The value by integration over beta itself, for d <= 3: no conditional law, only the definition.

    beta = mu + sigma Q w with w ~ N(0, I), where the first axis of Q is the direction in which t grows, so that the
    kink of relu is the edge of a panel.
    """
    x, mu, sigma, U, v = (inputs[name] for name in ("x", "mu", "sigma", "U", "v"))
    d = x.shape[1]
    nodes, weights = gl.rule(order)
    value = np.zeros((len(x), U.shape[1]))
    for b, k in np.ndindex(len(x), len(mu)):
        direction = sigma[k] * x[b]
        s = np.linalg.norm(direction)
        if s == 0:
            value[b] += (U[k] @ mu[k] + v[k]) * max(mu[k] @ x[b], 0.0)
            continue
        Q = np.linalg.qr(np.column_stack([direction, np.eye(d)]))[0][:, :d]
        Q[:, 0] = direction / s
        kink = -(mu[k] @ x[b]) / s
        cuts = np.array([-40, -8, -2, 0, 2, 8, 40]) * 1.0
        around = kink + np.array([0, 1, 4, 12, 40]) / (1 + abs(kink))
        first = np.unique(np.clip(np.concatenate([cuts, around]), kink, max(40.0, around[-1])))
        axes = [first] + [np.array([-12, -6, -2, 0, 2, 6, 12]) * 1.0] * (d - 1)
        points, mass = [], []
        for edges in axes:
            width = np.diff(edges)[:, None]
            w = (edges[:-1, None] + width * nodes).ravel()
            points.append(w)
            mass.append((width * weights).ravel() * np.exp(-w * w / 2) / np.sqrt(2 * np.pi))
        w = np.stack(np.meshgrid(*points, indexing="ij"), -1).reshape(-1, d)
        weight = np.prod(np.stack(np.meshgrid(*mass, indexing="ij"), -1), -1).ravel()
        beta = mu[k] + sigma[k] * (w @ Q.T)
        weight = weight * np.maximum(beta @ x[b], 0.0)
        value[b] += U[k] @ (weight @ beta) + v[k] * weight.sum()
    return value / len(mu)
