"""`gm` by integration: E[(U beta + v) relu(t)] over t = <beta, x>, by the conditional law of beta given t.

With u = (t - m)/s, E[beta | t] = mu + u (sigma^2 x)/s, and the law of t differentiates into Hermite polynomials:
dn/dm = He_1(u) n / s, dn/ds2 = He_2(u) n / (2 s2). So the layer and its gradients need only the four integrals
H_j = E[relu(t) He_j(u)], j = 0 to 3. Where m > 0 they are taken on the small side, by relu(t) = t + relu(-t).
"""

import numpy as np
from flint import arb

from gmbench.references import Enclosure
from gmbench.references import arb as ball
from gmbench.references import gauss_legendre as gl


def hermite(u):
    return [1 + 0 * u, u, u * u - 1, u * (u * u - 3)]


def small_side(z):
    """Integrals of tau He_j(u) n(u), u = tau + |z|, over tau > 0: orders 20 and 40 and rounding, each (4, ...)."""
    z = np.abs(z)[..., None]
    near = np.array([0.0, 1.0, 4.0, 12.0, 40.0]) / (1 + z)
    edges = np.sort(np.concatenate([near, np.maximum(np.array([2.0, 8.0, 40.0]) - z, 0)], axis=-1))

    def integrand(tau):
        u = tau + z
        return tau * np.exp(-u * u / 2) / np.sqrt(2 * np.pi) * np.stack(hermite(u))

    return gl.integrate(integrand, edges)


def small_side_ball(z):
    """The same four integrals as balls, over w = (1 + |z|) tau; beyond the end, |He_j(u)| tau < (u + 2)^4."""
    z = abs(z)
    scale = 1 + z
    end = (250 * scale / ((z * z + 250).sqrt() + z)).mid()

    def integrand(w, j):
        tau = w / scale
        return tau * (-tau * (tau / 2 + z)).exp() * hermite(tau + z)[j] / scale

    u = end / scale + z
    tail = (u + 2) ** 4 * (-(end / scale) * (end / scale / 2 + z)).exp() * 2 / u
    factor = (-z * z / 2).exp() / (2 * arb.pi()).sqrt()
    return [(ball.integrate(lambda w, j=j: integrand(w, j), 0, end) + tail.union(-tail)) * factor for j in range(4)]


def assemble(x, mu, sigma, U, v, G, m, s, H, zero):
    """The layer and its gradients from s and the four integrals H_j (B, K); plain sums, in any arithmetic."""
    K = len(mu)
    inverse = 1 / s
    A, P = H[0], H[1] * inverse
    dAdv, dPdm, dPdv = H[2] * inverse**2 / 2, H[2] * inverse**2, H[3] * inverse**3 / 2
    A, P = np.where(zero, np.maximum(m, 0 * m), A), np.where(zero, np.where(m > 0, 1 + 0 * m, 0 * m), P)
    dAdv, dPdm, dPdv = (np.where(zero, 0 * m, f) for f in (dAdv, dPdm, dPdv))
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


def other_side(T, m, s):
    """H_j for t from the integrals over the small side; for m > 0, E[t He_j(u)] = m, s, 0, 0 is added."""
    sign = np.where(m > 0, -1, 1)
    whole = (np.where(m > 0, m, 0 * m), np.where(m > 0, s, 0 * s), 0 * m, 0 * m)
    return [whole[j] + s * T[j] * (sign if j % 2 else 1) for j in range(4)]


def gm(inputs, G):
    """Value and gradients of sum(G * value) in float64; the radius is the disagreement of the two orders, and
    the rounding of the integrals carried through the sums.

    :param inputs: float64 arrays x (B, d), mu (K, d), sigma (K, d), U (K, C, d), v (K, C)
    :param G: cotangent (B, C)
    :return: an :class:`Enclosure` for ``value``, ``x`` and every parameter
    """
    x, mu, sigma, U, v = (inputs[name] for name in ("x", "mu", "sigma", "U", "v"))
    m = gl.dot(x[:, None], mu)
    s2 = gl.dot((x * x)[:, None], sigma * sigma)
    zero = s2 == 0
    s = np.sqrt(np.where(zero, 1.0, s2))
    low, high, rounding = small_side(m / s)
    low, high = (assemble(x, mu, sigma, U, v, G, m, s, other_side(T, m, s), zero) for T in (low, high))
    sizes = map(np.abs, (x, mu, sigma, U, v, G))
    rounding = assemble(*sizes, 0 * m, s, s * np.where(zero, 0, rounding), zero)
    return {n: Enclosure(high[n], 0 * high[n], np.abs(high[n] - low[n]) + rounding[n]) for n in high}


def gm_ball(inputs, G, bits=400):
    """The same in ball arithmetic: a proven enclosure for the exact inputs."""
    with ball.precision(bits):
        x, mu, sigma, U, v, G = map(ball.balls, (*(inputs[n] for n in ("x", "mu", "sigma", "U", "v")), G))
        m = (x[:, None] * mu).sum(-1)
        s2 = ((x * x)[:, None] * sigma * sigma).sum(-1)
        zero = s2 == 0
        s = np.vectorize(lambda ball_: ball_.sqrt(), otypes=[object])(np.where(zero, arb(1), s2))
        T = np.empty((4, *m.shape), dtype=object)
        for index in np.ndindex(m.shape):
            with ball.precision():
                T[(slice(None), *index)] = small_side_ball(m[index] / s[index])
        results = assemble(x, mu, sigma, U, v, G, m, s, other_side(T, m, s), zero)
        return {name: Enclosure(*ball.floats(result)) for name, result in results.items()}


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
