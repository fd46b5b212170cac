"""What the kinds of evidence share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import mean

from gmbench.claims import intervals
from gmbench.claims.claim import INCONCLUSIVE, NOT, NOT_RUN, REPRODUCED, Judgement, short
from gmbench.claims.statistics import Run, Statistic

NOTHING = 1e-9  # differences of that size are rounding


FEW = "fewer than three seeds"


def _not_run(*arms: str) -> Judgement:
    return Judgement(NOT_RUN, detail=[f"no cells of {', '.join(arms)}"])


def _span(interval: tuple[float, float] | None, said: Callable[[float], str] = short) -> str:
    return "" if interval is None else f" ({said(interval[0])} to {said(interval[1])})"


def _lost(arm: str, runs: Mapping[int, Run]) -> list[str]:
    """Which seeds of an arm did not train."""
    lines = []
    for seeds, what in (
        ([seed for seed, run in runs.items() if run.diverged], "diverged"),
        ([seed for seed, run in runs.items() if run.stuck], "never left guessing"),
    ):
        if seeds:
            lines.append(f"{arm}: {len(seeds)} of {len(runs)} seeds {what} ({', '.join(map(str, sorted(seeds)))})")
    return lines


def _inside(interval, low: float, high: float) -> tuple[str, str]:
    """The verdict on an interval and a published band, and the side on which it lies apart."""
    if interval is None:
        return INCONCLUSIVE, ""
    if low <= interval[0] and interval[1] <= high:
        return REPRODUCED, ""
    side = "below" if interval[1] < low else "above" if interval[0] > high else ""
    return (NOT if side else INCONCLUSIVE), side


def _below(interval: tuple[float, float], bound: float = 0.0) -> str:
    """The verdict on a difference that should be below a bound."""
    if interval[1] < bound - NOTHING:
        return REPRODUCED
    return NOT if interval[0] > bound + NOTHING else INCONCLUSIVE


def _ordered(named: str, differences: Sequence[float], detail: list[str], bound: float = 0.0) -> Judgement:
    """The judgement on differences by seed whose mean should be below a bound."""
    centre, interval, seeds = mean(differences), intervals.of_differences(differences), len(differences)
    shown = f"{named} {short(centre)}{_span(interval)}"
    if interval is None:
        return Judgement(INCONCLUSIVE, shown, centre, seeds=seeds, detail=[f"{FEW} are paired", *detail])
    return Judgement(_below(interval, bound), shown, centre, interval, seeds, detail=detail)


def _values(runs: Mapping[int, Run], statistic: Statistic, untrained: bool = False) -> list[tuple[Run, float]]:
    """A statistic of the seeds that trained (or of all), where it exists."""
    found = ((run, statistic(run)) for run in runs.values() if untrained or not run.diverged)
    return [(run, value) for run, value in found if value is not None]


def _differences(one: Mapping[int, Run], two: Mapping[int, Run], statistic: Statistic) -> dict[int, float]:
    """``one - two`` by common seed, where both have the statistic."""
    found = {}
    for seed in sorted(set(one) & set(two)):
        a, b = statistic(one[seed]), statistic(two[seed])
        if a is not None and b is not None:
            ends = (one[seed].steps[-1], two[seed].steps[-1])
            a, b = (end if math.isinf(value) else value for value, end in zip((a, b), ends, strict=True))
            found[seed] = a - b
    return found
