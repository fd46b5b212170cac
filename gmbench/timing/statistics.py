"""What samples say: medians, ratios of interleaved calls, and their intervals; and what several runs say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import quantile_test

from gmbench.timing.records import Timing

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


def four_digits(number: float) -> float:
    """More would be noise in the store."""
    return float(f"{number:.4g}")


def merge(runs: Sequence[Timing]) -> Timing:
    """Several runs as one row: the first that did not pass, else medians over the runs with their interval."""
    first = next((run for run in runs if run.status != "passed"), runs[0])
    if first.status != "passed" or len(runs) == 1:
        return first

    def each(name: str) -> list[Any]:
        return [getattr(run, name) for run in runs]

    median, low, high = median_interval(each("median"))
    names = [name for name in first.ratios or () if all(name in ratios for ratios in each("ratios"))]
    ratios = {name: median_interval([found[name][0] for found in each("ratios")]) for name in names}
    loads = [load for pair in each("load") for load in pair]
    beside = {name: [found[name] for found in each("yardsticks") if name in found] for name in first.yardsticks}
    return replace(
        first,
        samples=[samples for run in each("samples") for samples in run],
        median=median,
        low=low,
        high=high,
        ratios=ratios,
        ratio=ratios["floor"][0],
        yardsticks={name: median_interval(medians)[0] for name, medians in beside.items()},
        ulps=max(each("ulps")),
        verified=sum(each("verified")),
        peak_bytes=max((peak for peak in each("peak_bytes") if peak is not None), default=None),
        dropped=sum(each("dropped")),
        disturbed=any(each("disturbed")),
        load=[min(loads), max(loads)],
        runs=len(runs),
    )
