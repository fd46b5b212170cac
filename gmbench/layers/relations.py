"""Relations between a layer's values, of which the properties of several families are made.

A relation of inputs, a dtype and a generator returns ``[(weight, inputs), ...]`` and a constant ``(B, C)`` or what is
broadcast to it: the sum of weight * h(inputs) is that constant, 0 for None, or at most that where ``"at most"`` stands
behind them. ``inputs`` are float64 arrays by name.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

Arrays = Mapping[str, np.ndarray]
Terms = list[tuple[float, Arrays]]
Relation = tuple[Terms, None]


def linearity(inputs: Arrays, rng: np.random.Generator, names: Collection[str], exponents: Sequence[int]) -> Relation:
    """h is linear in the tensors of these names together: two parts with disjoint entries, one of them scaled by 2^n.

    :param exponents: the choices for n
    """
    scale = 2.0 ** int(rng.choice(exponents))
    first = {name: rng.random(inputs[name].shape) < 0.5 for name in names}
    return [
        (1.0, inputs),
        (-1.0 / scale, {**inputs, **{name: scale * np.where(first[name], inputs[name], 0) for name in names}}),
        (-1.0, {**inputs, **{name: np.where(first[name], 0, inputs[name]) for name in names}}),
    ], None


def shift(inputs: Arrays, dtype: str, rng: np.random.Generator, reach: Mapping[str, float]) -> Relation:
    """x ``(B, d)`` and the means ``mu (..., d)`` moved together do not matter, exactly: on a grid that holds both.

    :param reach: for each dtype, an eighth of the largest step; a whole number, or 1
    """
    x, mu = (np.round(np.clip(inputs[name], -8, 8) * 16) / 16 for name in ("x", "mu"))
    step = np.round(rng.uniform(-8, 8, x.shape[1]) * reach[dtype])
    fixed = {**inputs, "x": x, "mu": mu}
    return [(1.0, fixed), (-1.0, {**fixed, "x": x + step, "mu": mu + step})], None


def smoothed(inputs: Arrays, place: int, tau: float) -> Terms:
    """Terms whose sum is the mean over steps ~ N(0, tau^2) of one input, by 24 Gauss-Hermite nodes."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    weights = weights / np.sqrt(2 * np.pi)
    return [(w, moved(inputs, place, tau * node)) for node, w in zip(nodes, weights, strict=True)]


def integrated(inputs: Arrays, place: int, width: float) -> Terms:
    """Terms whose sum is the integral over one input: the trapezoid rule, which for a Gaussian of this width, with its
    centre at x, is right to the last digit.
    """
    step = 0.7 * width
    return [(step, moved(inputs, place, step * k)) for k in range(-13, 14)]


def moved(inputs: Arrays, place: int, step: float) -> dict[str, np.ndarray]:
    """The same inputs with the column ``place`` of ``x (B, d)`` moved by a step."""
    x = inputs["x"].copy()
    x[:, place] += step
    return {**inputs, "x": x}
