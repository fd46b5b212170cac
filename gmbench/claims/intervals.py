"""Intervals over seeds, and the exact test of two shares, by scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LEVEL = 0.95
ROUNDING = 1e-12  # of a size: values that differ by it are the same
FEWEST = 3  # seeds below which there is no interval

Interval = tuple[float, float]


def of_mean(values: Sequence[float], low: float = -math.inf, high: float = math.inf) -> Interval | None:
    """The 95 % interval of a mean by Student's t; None for fewer than three values.

    :param low, high: bounds that the quantity cannot leave, and neither does the interval
    """
    from scipy.stats import ttest_1samp

    if len(values) < FEWEST:
        return None
    if np.ptp(values) <= ROUNDING * np.abs(values).max():
        return max(low, float(values[0])), min(high, float(values[0]))
    found = ttest_1samp(values, 0.0).confidence_interval(LEVEL)
    return max(low, float(found.low)), min(high, float(found.high))


def same_share(k: int, n: int, k0: int, n0: int) -> float:
    """Fisher's exact p-value that ``k`` of ``n`` and ``k0`` of ``n0`` come from one share."""
    from scipy.stats import fisher_exact

    return float(fisher_exact([[k, n - k], [k0, n0 - k0]]).pvalue)
