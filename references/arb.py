"""Integrals in ball arithmetic (Arb, by python-flint): the result is a proven enclosure."""

import flint
import numpy as np
from flint import acb, arb

BITS = 160  # of the integrals; sums of exact products take more, see `exactly`


def integrate(f, a, b):
    """Enclosure of the integral of an entire function over [a, b]; f maps a complex ball to a complex ball."""
    return acb.integral(lambda t, _: f(t), acb(a), acb(b)).real


class precision:  # noqa: N801 (reads as a statement)
    """``with precision(bits):`` sets Arb's working precision."""

    def __init__(self, bits=BITS):
        self.bits = bits

    def __enter__(self):
        self.before, flint.ctx.prec = flint.ctx.prec, self.bits

    def __exit__(self, *_):
        flint.ctx.prec = self.before


def balls(array):
    """Exact balls of a float64 array, as an array of objects."""
    array = np.asarray(array, dtype=np.float64)
    result = np.empty(array.shape, dtype=object)
    result.flat = [arb(value) for value in array.ravel().tolist()]
    return result


def floats(array):
    """Midpoint, rest and radius of an array of balls, as float64 arrays."""
    mid = np.array([float(ball.mid()) for ball in array.ravel()], dtype=np.float64)
    gap = [ball - arb(value) for ball, value in zip(array.ravel(), mid.tolist(), strict=True)]
    rest = np.array([float(ball.mid()) for ball in gap], dtype=np.float64)
    radius = np.array([float(ball.rad()) for ball in gap], dtype=np.float64)
    return mid.reshape(array.shape), rest.reshape(array.shape), radius.reshape(array.shape)
