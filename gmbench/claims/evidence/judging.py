"""What the kinds of evidence judge by: the runs of their arms, intervals against limits, differences by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import mean

from gmbench.claims import intervals
from gmbench.claims.claim import INCONCLUSIVE, NOT, NOT_RUN, REPRODUCED, Judgement, short
from gmbench.claims.intervals import Interval
from gmbench.claims.statistics import Run, Statistic

NOTHING = 1e-9  # differences of that size are rounding
FEW = "fewer than three seeds"


def not_run(runs: Mapping[str, Mapping[int, Run]]) -> Judgement:
    """The judgement where arms have no runs.

    :param runs: of all arms that are looked at, by arm and seed
    """
    return Judgement(NOT_RUN, detail=(f"no cells of {', '.join(arm for arm, found in runs.items() if not found)}",))


def spanned(interval: Interval | None, said: Callable[[float], str] = short) -> str:
    """An interval in brackets, to stand behind its centre; empty if there is none."""
    return "" if interval is None else f" ({said(interval[0])} to {said(interval[1])})"


def lost_seeds(runs: Mapping[str, Mapping[int, Run]]) -> tuple[str, ...]:
    """Which seeds did not train, a line for each arm and way of not training.

    :param runs: by arm and seed
    """
    return tuple(
        f"{arm}: {len(seeds)} of {len(found)} seeds {what} ({', '.join(map(str, sorted(seeds)))})"
        for arm, found in runs.items()
        for seeds, what in (
            ([seed for seed, run in found.items() if run.diverged], "diverged"),
            ([seed for seed, run in found.items() if run.stuck], "never left guessing"),
        )
        if seeds
    )


def inside(interval: Interval | None, low: float, high: float) -> tuple[str, str]:
    """The verdict on an interval and a published band, and the side on which it lies apart."""
    if interval is None:
        return INCONCLUSIVE, ""
    if low <= interval[0] and interval[1] <= high:
        return REPRODUCED, ""
    side = "below" if interval[1] < low else "above" if interval[0] > high else ""
    return (NOT if side else INCONCLUSIVE), side


def below(interval: Interval, bound: float = 0.0) -> str:
    """The verdict on a difference that should be below a bound."""
    if interval[1] < bound - NOTHING:
        return REPRODUCED
    return NOT if interval[0] > bound + NOTHING else INCONCLUSIVE


def ordered(named: str, differences: Sequence[float], detail: Sequence[str], bound: float = 0.0) -> Judgement:
    """The judgement on differences by seed whose mean should be below a bound.

    :param named: what they are of, in words
    """
    centre, interval, seeds = mean(differences), intervals.of_differences(differences), len(differences)
    shown = f"{named} {short(centre)}{spanned(interval)}"
    if interval is None:
        return Judgement(INCONCLUSIVE, shown, centre, seeds=seeds, detail=(f"{FEW} are paired", *detail))
    return Judgement(below(interval, bound), shown, centre, interval, seeds, detail=tuple(detail))


def values_of(runs: Mapping[int, Run], statistic: Statistic, untrained: bool = False) -> list[tuple[Run, float]]:
    """A statistic of the seeds that trained, where it exists, with its run.

    :param untrained: of all seeds
    """
    found = ((run, statistic(run)) for run in runs.values() if untrained or not run.diverged)
    return [(run, value) for run, value in found if value is not None]


def differences_of(one: Mapping[int, Run], two: Mapping[int, Run], statistic: Statistic) -> list[float]:
    """``one - two`` of each common seed, in their order, where both have the statistic; an infinite one counts as the
    last step of its run.
    """
    found = []
    for seed in sorted(set(one) & set(two)):
        a, b = statistic(one[seed]), statistic(two[seed])
        if a is not None and b is not None:
            ends = (one[seed].steps[-1], two[seed].steps[-1])
            a, b = (end if math.isinf(value) else value for value, end in zip((a, b), ends, strict=True))
            found.append(a - b)
    return found
