"""How many seeds would decide, if those to come are as those that there are."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from gmbench.claims.intervals import ROUNDING
from gmbench.claims.verdicts import FEWEST, LEVEL

POWER = 0.8  # with which so many would decide
MOST = 1000  # seeds that anybody would run

Numbers = Sequence[float] | np.ndarray


def pairs_for_ordering(
    differences: Numbers, margin: float = 0.0, level: float = LEVEL, *, least: int = FEWEST, exact: bool = True
) -> int | None:
    """How many pairs would decide an ordering whose differences go on as these: the smaller of those that tell the
    arms apart, and those that put them within the margin, each with a power of 80 %; more than there are.

    By the two-sided t test at ``level``, of an effect d = \\|mean\\| / s: the smallest n with
    P(\\|T(n - 1, d sqrt n)\\| > t(n - 1, 1 - level/2)) >= 0.8, T of the noncentral t distribution; and at least as
    many as let a sign-flip test get there (:func:`least_pairs`) if it is ``exact``.

    :returns: None if it would take more than a thousand
    """
    from scipy.stats import t

    found = ordered(differences)
    if not len(found):
        return max(least, least_pairs(level)) if exact else least
    effect = _effect(found)

    def told_apart(n: int) -> bool:
        limit, shift = t.ppf(1 - level / 2, n - 1), effect * math.sqrt(n)
        return _beyond(limit, n - 1, shift) + _beyond(limit, n - 1, -shift) >= POWER

    start = max(least, len(found) + 1, least_pairs(level) if exact else 2)
    apart = smallest(told_apart, start) if effect else None
    within = margin > abs(float(found.mean())) and len(found) > 1
    together = pairs_for_equivalence(found, margin, level, least=least) if within else None
    return min((n for n in (apart, together) if n is not None), default=None)


def pairs_for_equivalence(
    differences: Numbers, margin: float, level: float = LEVEL, *, least: int = FEWEST
) -> int | None:
    """How many pairs would put differences that go on as these within the margin, or clearly outside, with a power of
    80 %, more than there are. Within: the sum of the powers of the two one-sided tests, less 1 (a lower bound).

    :returns: None if it would take more than a thousand
    """
    from scipy.stats import t

    found = ordered(differences)
    if len(found) < 2:
        return least
    centre, deviation = abs(float(found.mean())), deviation_of(found)
    if centre > margin:
        return pairs_for_ordering(found - math.copysign(margin, found.mean()), 0.0, level, least=least, exact=False)

    def within(n: int) -> bool:
        limit, root = t.ppf(1 - level, n - 1), math.sqrt(n)
        gaps = ((margin - side * centre) * root for side in (1, -1))
        shifts = (gap / deviation if deviation else math.copysign(math.inf, gap) for gap in gaps)
        return sum(_beyond(limit, n - 1, shift) for shift in shifts) - 1 >= POWER

    return smallest(within, max(least, len(found) + 1))


def least_pairs(level: float = LEVEL, parts: int = 1) -> int:
    """The fewest pairs with which an exact sign-flip test can reach a level, as the first of so many parts by
    Holm: the smallest n with 2/2^n <= level / parts. 6 for one part, 7 for 2 or 3, 8 up to 6, 9 up to 12, 10 up to 25.
    """
    return math.ceil(1 + math.log2(parts / level) - ROUNDING)


def ordered(values: Numbers) -> np.ndarray:
    """Values in their order, the lowest first, so that nothing depends on that of the seeds.

    :raises ValueError: if one is not finite
    """
    found = np.sort(np.asarray(values, float).ravel())
    if not np.isfinite(found).all():
        raise ValueError("a value is not finite")
    return found


def deviation_of(values: np.ndarray) -> float:
    """The deviation over seeds; 0 where they differ by rounding alone."""
    size = float(np.abs(values).max(initial=0.0))
    return 0.0 if np.ptp(values) <= ROUNDING * size else float(np.std(values, ddof=1))


def smallest(decides: Callable[[int], bool], low: int, most: int = MOST) -> int | None:
    """The smallest number from ``low`` to ``most`` that decides, where all beyond it do too."""
    high = low
    while high <= most and not decides(high):
        low, high = high + 1, 2 * high
    sizes = range(low, min(high, most) + 1)
    place = bisect_left(sizes, True, key=decides)
    return sizes[place] if place < len(sizes) else None


def _effect(values: np.ndarray) -> float:
    """\\|mean\\| / s, of at least one value; 0 for a single one."""
    centre = abs(float(values.mean()))
    if len(values) < 2 or not centre:
        return 0.0
    deviation = deviation_of(values)
    return centre / deviation if deviation else math.inf


def _beyond(limit: float, freedom: int, shift: float) -> float:
    """The chance that Student's t with a shift is above a limit; without the shifts that scipy has no digits for."""
    from scipy.stats import nct

    far = abs(shift) > 2 * limit + 10
    return float(shift > 0) if far else float(nct.sf(limit, freedom, shift))
