"""Intervals over seeds and exact tests, all from scipy; every resampling has a fixed generator."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np

LEVEL = 0.95
FEWEST = 3  # seeds below which there is no interval
RESAMPLES = 10_000

Interval = tuple[float, float]


def of_mean(values: Sequence[float], low: float = -math.inf, high: float = math.inf) -> Interval | None:
    """The 95 % interval of a mean by Student's t; None for fewer than three values.

    :param low, high: bounds that the quantity cannot leave, and neither does the interval
    """
    from scipy.stats import ttest_1samp

    if len(values) < FEWEST:
        return None
    if np.ptp(values) == 0:
        return max(low, float(values[0])), min(high, float(values[0]))
    found = ttest_1samp(values, 0.0).confidence_interval(LEVEL)
    return max(low, float(found.low)), min(high, float(found.high))


def bootstrap(statistic: Callable[..., np.ndarray | np.floating], *samples: Sequence | np.ndarray) -> Interval | None:
    """The 95 % percentile interval of ``statistic(*samples, axis)`` over seeds, resampled together; None for fewer
    than three seeds.

    :param samples: arrays whose first axis are the same seeds
    """
    from scipy.stats import bootstrap as resample

    if len(samples[0]) < FEWEST:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all resamples alike is an answer, not a fault
        found = resample(
            [np.asarray(sample, float) for sample in samples],
            statistic,
            paired=len(samples) > 1,
            n_resamples=RESAMPLES,
            confidence_level=LEVEL,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
    return float(found.low), float(found.high)


def of_difference(one: Sequence[float], other: Sequence[float]) -> Interval | None:
    """The 95 % interval of the mean of ``one - other`` over paired seeds, by bootstrap."""
    return of_differences(np.asarray(one, float) - np.asarray(other, float))


def of_differences(differences: Sequence[float] | np.ndarray) -> Interval | None:
    """The same where the differences are known."""
    return bootstrap(lambda sample, axis: np.mean(sample, axis=axis), differences)


def sign_flips(differences: Sequence[float]) -> float:
    """The two-sided p-value that paired differences are symmetric about 0: every change of signs, exactly."""
    from scipy.stats import permutation_test

    values = np.asarray(differences, float)
    if len(values) < 2 or not values.any():
        return 1.0  # one difference is as large with either sign
    found = permutation_test(
        [values],
        lambda sample, axis: np.mean(sample, axis=axis),
        permutation_type="samples",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def same_share(k: int, n: int, k0: int, n0: int) -> float:
    """Fisher's exact p-value that ``k`` of ``n`` and ``k0`` of ``n0`` come from one share."""
    from scipy.stats import fisher_exact

    return float(fisher_exact([[k, n - k], [k0, n0 - k0]]).pvalue)
