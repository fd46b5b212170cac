"""The normal density and its derivatives from the characteristic function exp(-v^2 / 2), in float64 and in balls.

phi(z) is the first of three integrals over v > 0, of cos(v z), v sin(v z) and v^2 cos(v z), each times
exp(-v^2 / 2) / pi; the others are -phi'(z) and -phi''(z). They have no relative accuracy in a tail but in balls, which
take the more bits the farther it is.
"""

import flint
import numpy as np
from flint import arb

from gmbench.references import arb as ball
from gmbench.references import gauss_legendre as gl

NEAR = 2.5  # deviations: so far the integrals keep 13 digits in float64
PANELS = np.array([0.0, 2.0, 4.0, 6.0, 9.0])  # up to where exp(-v^2/2) is negligible


def moments(z):
    """The three integrals for z (...), for |z| up to :data:`NEAR`: two orders (3, ...), and what rounding may do."""

    def integrand(v):
        phase, weight = z[..., None] * v, np.exp(-v * v / 2) / np.pi
        return np.stack([np.cos(phase) * weight, v * np.sin(phase) * weight, v * v * np.cos(phase) * weight])

    return gl.integrate(integrand, np.broadcast_to(PANELS, (*z.shape, len(PANELS))))


def moments_ball(z):
    """The three integrals for balls z (...), as balls (3, ...); for |z| up to 38 or so."""
    J = np.empty((3, *z.shape), dtype=object)
    for index in np.ndindex(z.shape):
        J[(slice(None), *index)] = _of_one(z[index])
    return J


def _of_one(z):
    # beyond the end, v^k exp(-v^2 / 2) integrates to less than 2 v exp(-v^2 / 2)
    end = arb(2 * flint.ctx.prec).sqrt().mid()
    tail = 2 * end * (-end * end / 2).exp()

    def over(f):
        return (ball.integrate(lambda v: f(v) * (-v * v / 2).exp(), 0, end) + tail.union(-tail)) / arb.pi()

    return over(lambda v: (v * z).cos()), over(lambda v: v * (v * z).sin()), over(lambda v: v * v * (v * z).cos())
