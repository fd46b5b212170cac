"""What samples say: medians, ratios of interleaved calls, and their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import binom

FEW = 6  # undisturbed samples that a median and an interval need


def summary(samples: Sequence[float]) -> tuple[float, float, float]:
    """Median and its 95 % interval by order statistics, for any distribution; the range for a few samples."""
    ordered = np.sort(np.asarray(samples, dtype=float))
    rank = int(binom.ppf(0.025, len(ordered), 0.5))
    low, high = max(rank - 1, 0), min(len(ordered) - rank, len(ordered) - 1)
    return float(np.median(ordered)), float(ordered[low]), float(ordered[high])


def ratio(mine: Mapping[int, float], theirs: Mapping[int, float]) -> tuple[float, float, float]:
    """Median of the ratios of two candidates' times and its 95 % interval, round by round.

    :param mine, theirs: seconds by the number of the round; only rounds that both have count
    """
    both = sorted(set(mine) & set(theirs))
    if len(both) >= FEW:
        return summary([mine[r] / theirs[r] for r in both])
    # too few common rounds: the medians
    middle, other = (float(np.median(list(each.values()))) for each in (mine, theirs))
    return middle / other, min(mine.values()) / max(theirs.values()), max(mine.values()) / min(theirs.values())
