"""What samples say: medians, ratios of interleaved calls, and their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import quantile_test

MIN_SAMPLES = 6  # that a median and its interval need: with fewer no order statistics hold it in 95 %

Interval = tuple[float, float, float]  # the median and the ends of its 95 % interval


def median_interval(samples: Sequence[float]) -> Interval:
    """Median and its 95 % interval by order statistics, for any distribution; the range for a few samples."""
    ends = quantile_test(samples).confidence_interval()
    # of a few samples it is NaN
    return float(np.median(samples)), float(np.fmax(ends.low, min(samples))), float(np.fmin(ends.high, max(samples)))


def ratio_interval(mine: Mapping[int, float], others: Mapping[int, float]) -> Interval:
    """Median of the ratios of two candidates' times and its 95 % interval, round by round.

    :param mine, others: seconds by the number of the round; only rounds that both have count
    """
    both = sorted(set(mine) & set(others))
    if len(both) >= MIN_SAMPLES:
        return median_interval([mine[r] / others[r] for r in both])
    # too few common rounds: the medians
    middle, other = (float(np.median(list(each.values()))) for each in (mine, others))
    return middle / other, min(mine.values()) / max(others.values()), max(mine.values()) / min(others.values())
