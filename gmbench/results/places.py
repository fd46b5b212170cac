"""Intervals over seeds as a leaderboard needs them, and the places that they allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gmbench.claims.intervals import FEWEST, of_difference
from gmbench.claims.intervals import of_mean as mean_interval

__all__ = ["FEWEST", "mean_interval", "paired_interval", "places"]


def paired_interval(one: Mapping[int, float], other: Mapping[int, float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean of ``one - other`` over common seeds; None for fewer than three."""
    common = sorted(set(one) & set(other))
    return of_difference([one[seed] for seed in common], [other[seed] for seed in common])


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
