"""Intervals over seeds, and the places that they allow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

LEVEL = 0.95
FEWEST = 3  # seeds below which there is no interval
RESAMPLES = 10_000


def mean_interval(
    values: Sequence[float], low: float = -math.inf, high: float = math.inf
) -> tuple[float, float] | None:
    """The 95 % interval of a mean by Student's t; None for fewer than three values.

    :param low, high: bounds that the quantity cannot leave, and neither does the interval
    """
    from scipy.stats import t

    array = np.asarray(values, dtype=float)
    if len(array) < FEWEST:
        return None
    half = float(t.ppf((1 + LEVEL) / 2, len(array) - 1) * array.std(ddof=1) / math.sqrt(len(array)))
    return max(low, float(array.mean()) - half), min(high, float(array.mean()) + half)


def paired_interval(one: Mapping[int, float], other: Mapping[int, float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean of ``one - other`` over common seeds; None for fewer than three.

    A percentile bootstrap over the seeds with a fixed generator, so that a report can be made again.
    """
    common = sorted(set(one) & set(other))
    if len(common) < FEWEST:
        return None
    differences = np.array([one[seed] - other[seed] for seed in common])
    chosen = np.random.default_rng(0).integers(len(common), size=(RESAMPLES, len(common)))
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(differences[chosen].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)


def places(errors: Sequence[Mapping[int, float]]) -> list[int | None]:
    """The place of each arm, given its error for every seed: 1 + the number of arms that are clearly better.

    Clearly better: the interval of the paired difference lies wholly below 0. Two arms that nothing else
    separates therefore share a place where their interval includes 0. An arm with fewer than three seeds
    has no place, and takes none.
    """

    def better(one, other):
        interval = paired_interval(one, other)
        return interval is not None and interval[1] < 0

    ranked = [len(arm) >= FEWEST for arm in errors]
    return [
        1 + sum(better(other, arm) for other, counts in zip(errors, ranked, strict=True) if counts)
        if has_place
        else None
        for arm, has_place in zip(errors, ranked, strict=True)
    ]
