"""Composite Gauss-Legendre rules of two orders on given panels, and sums in doubled precision.

Never an adaptive rule on an infinite interval: a narrow component gives it a confident wrong answer.
"""

import functools

import numpy as np

ORDERS = (20, 40)


@functools.cache
def rule(order):
    """Nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    return (nodes + 1) / 2, weights / 2


def integrate(f, edges):
    """Integrals over [edges_0, edges_last] by both orders, and what rounding may have done to them.

    :param f: maps nodes (..., n) to values (j, ..., n), each good to a few eps of its size
    :param edges: ascending panel edges (..., panels + 1)
    :return: three arrays (j, ...): order 20, order 40, and 2 eps times the integral of ``abs(f)``
    """
    width = np.diff(edges)[..., None]
    results = []
    for order in ORDERS:
        nodes, weights = rule(order)
        points = (edges[..., :-1, None] + width * nodes).reshape(*edges.shape[:-1], -1)
        scaled = (width * weights).reshape(points.shape)
        values = f(points) * scaled
        results.append(values.sum(-1))
    return *results, 2 * np.finfo(float).eps * np.abs(values).sum(-1)


def dot(a, b):
    """Sum over the last axis of a * b, in doubled precision, rounded once (Ogita, Rump and Oishi's Dot2)."""
    a, b = np.broadcast_arrays(a, b)
    total, correction = np.zeros(a.shape[:-1]), np.zeros(a.shape[:-1])
    for i in range(a.shape[-1]):
        product, error = _two_product(a[..., i], b[..., i])
        total, rounding = _two_sum(total, product)
        correction += error + rounding
    return total + correction


def _two_sum(a, b):
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _two_product(a, b):
    p = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def _split(a):
    c = 134217729.0 * a  # 2^27 + 1
    high = c - (c - a)
    return high, a - high
