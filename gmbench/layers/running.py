"""Arithmetic that carries the running error bound S of a formula along with its value.

A formula that is written once, for any arithmetic, is given :class:`Running` numbers, and what it returns knows what
one eps on every input and operation may do to it: S(input a) = |a|, S(u + v) = S(u) + S(v),
S(u v) = |u| S(v) + |v| S(u) and S(exp u) = e^u (1 + S(u)). Factors stand in S where they are largest within
ulps * eps * S of their value, and an exponential never below tiny / eps.
"""

from __future__ import annotations

import numpy as np


class Running:
    """Arrays of values, the largest sizes they may have within the claim, and S; numbers of Python are exact.

    :param unit: ulps * eps
    :param least: tiny / eps
    """

    __slots__ = ("S", "least", "size", "unit", "value")

    def __init__(self, value, size, S, unit, least):
        self.value, self.size, self.S, self.unit, self.least = value, size, S, unit, least

    @classmethod
    def of(cls, array, eps, tiny, ulps) -> Running:
        """An input."""
        return cls(array, np.abs(array), np.abs(array), ulps * eps, tiny / eps)

    def _new(self, value, S, size=None) -> Running:
        return Running(value, np.abs(value) + self.unit * S if size is None else size, S, self.unit, self.least)

    def _each(self, change) -> Running:
        return self._new(change(self.value), change(self.S), change(self.size))

    def __neg__(self):
        return self._new(-self.value, self.S, self.size)

    def __add__(self, other):
        if not isinstance(other, Running):
            return self._new(self.value + other, self.S)
        return self._new(self.value + other.value, self.S + other.S)

    def __sub__(self, other):
        return self + -other

    def __mul__(self, other):
        if not isinstance(other, Running):
            return self._new(self.value * other, self.S * abs(other), self.size * abs(other))
        value, S = self.value * other.value, self.size * other.S + other.size * self.S
        return self._new(value, S, self.size * other.size)

    __rmul__ = __mul__

    def __truediv__(self, number):
        return self * (1 / number)

    def __matmul__(self, other):
        return self._new(self.value @ other.value, self.size @ other.S + self.S @ other.size)

    def __getitem__(self, index):
        return self._each(lambda array: array[index])

    @property
    def T(self):
        """Transposed."""
        return self._each(lambda array: array.T)

    def sum(self, axis):
        """The sum over axes."""
        return self._new(self.value.sum(axis), self.S.sum(axis))


def exp(u: Running) -> Running:
    """exp(u) of arguments that are at most 0."""
    top = np.exp(np.minimum(u.value + u.unit * u.S, 0))
    top = np.maximum(top, u.least)
    return u._new(np.exp(u.value), top * (1 + u.S), top)
