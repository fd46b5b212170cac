"""What the kinds of evidence judge by: the runs of their arms, differences by seed, and what did not train."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gmbench.claims.claim import short
from gmbench.claims.decisions import fewer
from gmbench.claims.intervals import Interval
from gmbench.claims.several import parted
from gmbench.claims.statistics import Run, Statistic
from gmbench.claims.verdicts import Decision, not_run

Runs = Mapping[int, Run]


def lacking(runs: Mapping[str, Runs]) -> Decision | None:
    """The verdict where arms have no runs; None where all have.

    :param runs: of all arms that are looked at, by arm and seed
    """
    missing = [arm for arm, found in runs.items() if not found]
    return not_run(*missing) if missing else None


def spanned(interval: Interval | None, said: Callable[[float], str] = short) -> str:
    """An interval in brackets, to stand behind its centre; empty if there is none."""
    return "" if interval is None else f" ({said(interval[0])} to {said(interval[1])})"


def trained(runs: Runs) -> dict[int, Run]:
    """Those that did not diverge."""
    return {seed: run for seed, run in runs.items() if not run.diverged}


def lost_seeds(runs: Mapping[str, Runs]) -> tuple[str, ...]:
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


def values_of(runs: Runs, statistic: Statistic, untrained: bool = False) -> list[float]:
    """A statistic of the seeds that trained, where it exists.

    :param untrained: of all seeds
    """
    found = map(statistic, (runs if untrained else trained(runs)).values())
    return [value for value in found if value is not None]


def differences_of(one: Runs, two: Runs, statistic: Statistic) -> list[float]:
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


def paired(named: str, decided: Decision, runs: Mapping[str, Runs], detail: Sequence[str] = ()) -> Decision:
    """A decision on paired differences of the seeds that trained in both of two arms, with its words, and with how many
    of each did not as a part of its own.

    :param named: what the differences are of
    :param runs: of the arm that is to be the lower one, and of the other
    """
    (one, two), lost = runs.values(), [sum(run.diverged for run in found.values()) for found in runs.values()]
    if any(lost):
        decided = parted(decided, fewer(lost[0], len(one), lost[1], len(two)))
    shown = f"{named}: no common seed that trained"
    if decided.centre is not None:
        shown = f"{named} {short(decided.centre)}{spanned(decided.interval)}"
    return replace(decided, shown=shown, detail=(*detail, *lost_seeds(runs)))
