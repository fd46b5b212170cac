"""The integrals of every ReLU GM layer: H_j = E[relu(t) He_j(u)], t ~ N(m, s^2), u = (t - m)/s, j = 0 to 3.

The law of t differentiates into Hermite polynomials, dn/dm = He_1(u) n / s and dn/ds2 = He_2(u) n / (2 s2), so these
four are the integrals of all differentiated integrands. Where m > 0 they are taken on the small side, by
relu(t) = t + relu(-t), so that nothing cancels in either tail.
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


def other_side(T, m, s):
    """H_j for t from the integrals over the small side; for m > 0, E[t He_j(u)] = m, s, 0, 0 is added."""
    sign = np.where(m > 0, -1, 1)
    whole = (np.where(m > 0, m, 0 * m), np.where(m > 0, s, 0 * s), 0 * m, 0 * m)
    return [whole[j] + s * T[j] * (sign if j % 2 else 1) for j in range(4)]


def slopes(m, s, H, zero):
    """A = E relu(t), P = dA/dm, dA/ds2, dP/dm and dP/ds2; where s = 0, relu(m), its slope, and 0."""
    inverse = 1 / s
    A, P = np.where(zero, np.maximum(m, 0 * m), H[0]), np.where(zero, np.where(m > 0, 1 + 0 * m, 0 * m), H[1] * inverse)
    rest = (H[2] * inverse**2 / 2, H[2] * inverse**2, H[3] * inverse**3 / 2)
    return A, P, *(np.where(zero, 0 * m, f) for f in rest)


def by_quadrature(assemble, tensors, m, s2):
    """Enclosures in float64; the radius is the disagreement of the two orders, and the integrals' rounding.

    :param assemble: maps the tensors and (A, P, dA/ds2, dP/dm, dP/ds2) to the layer and its gradients, by plain sums
    :param tensors: float64 arrays, x first and the cotangent last
    :param m, s2: mean and variance of t (B, K)
    """
    zero = s2 <= 0
    s = np.sqrt(np.where(zero, 1.0, s2))
    low, high, rounding = small_side(m / s)
    low, high = (assemble(*tensors, *slopes(m, s, other_side(T, m, s), zero)) for T in (low, high))
    rounding = slopes(0 * m, s, s * np.where(zero, 0, rounding), zero)
    rounding = assemble(*map(np.abs, tensors), *rounding)
    return {n: Enclosure(high[n], 0 * high[n], np.abs(high[n] - low[n]) + rounding[n]) for n in high}


def by_balls(assemble, tensors, m, s2):
    """The same in ball arithmetic: tensors, m and s2 are arrays of balls; call it within a precision."""
    zero = s2 == 0
    s = np.vectorize(lambda b: b.sqrt(), otypes=[object])(np.where(zero, arb(1), s2))
    T = np.empty((4, *m.shape), dtype=object)
    for index in np.ndindex(m.shape):
        with ball.precision():
            T[(slice(None), *index)] = small_side_ball(m[index] / s[index])
    results = assemble(*tensors, *slopes(m, s, other_side(T, m, s), zero))
    return {name: Enclosure(*ball.floats(result)) for name, result in results.items()}
