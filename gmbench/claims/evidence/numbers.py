"""Printed numbers, limits and identities."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from statistics import mean

from gmbench.claims import intervals
from gmbench.claims.claim import RunsOf, short
from gmbench.claims.decisions import counted, equivalence, identity, noninferiority, printed, quarter
from gmbench.claims.evidence.judging import Runs, lacking, lost_seeds, spanned, trained, values_of
from gmbench.claims.metric import MEAN_SQUARE
from gmbench.claims.several import parted
from gmbench.claims.statistics import Statistic
from gmbench.claims.verdicts import DOES_NOT_HOLD, FEWEST, HOLDS, LOWER, NEITHER, Decision, not_run

ABOUT = 0.1  # of a value that the paper only gives approximately


def digit_of(printed: str) -> float:
    """The value of the last digit of a printed number such as ``"2.812e-3"``."""
    mantissa, _, exponent = printed.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


@dataclass(frozen=True)
class Beside:
    """Another statistic that a reader should see with the first."""

    what: str
    arm: str
    statistic: Statistic


def told(beside: Iterable[Beside], runs_of: RunsOf) -> tuple[list[str], int]:
    """Statistics as they are, a line each where there is one, and how many seeds the largest is over."""
    lines, seeds = [], 0
    for other in beside:
        seen = values_of(runs_of(other.arm), other.statistic)
        if seen:
            lines.append(f"{other.what} ({other.arm}): {short(mean(seen))}{spanned(intervals.of_mean(seen))}")
            seeds = max(seeds, len(seen))
    return lines, seeds


@dataclass(frozen=True)
class Number:
    """A printed number, or a printed range, of one arm: by :func:`~gmbench.claims.decisions.printed`, over the seeds
    that trained. How many did not, or never get there (their statistic is infinite), is a part of its own, against the
    paper's, of which none did.

    :param digit: the value of the last printed digit
    :param about: the paper says "about"
    :param spread: the paper's own
    :param runs: of the paper, that the number is the mean of; 1 where it does not say
    :param worst: it is the largest of them
    :param better: which side is the better one
    :param point: the difference that the paper makes a point of: the resolution is no wider
    :param resolution: half the widest prediction interval that says something (default: a quarter of the published
        error, loss or missing accuracy, and no more than ``point``)
    :param most: what the number cannot exceed, and neither does its interval; 100 where it is a share in %
    :param whole: 100 of an accuracy in %: "about" and the resolution are of what is missing
    :param what: what it is, where a claim has several
    :param beside: the same number by another statistic, with the verdict that it would give
    :param decades: the values span decades: their logarithms are what is normal
    :param geometric: the paper's mean is the geometric one
    """

    arm: str
    statistic: Statistic
    low: float
    high: float | None = None
    digit: float = 0.0
    about: bool = False
    spread: float = 0.0
    runs: int = 1
    worst: bool = False
    better: str = LOWER
    point: float = math.inf
    resolution: float | None = None
    most: float = math.inf
    whole: float = 0.0
    what: str = ""
    beside: tuple[Beside, ...] = ()
    decades: bool = False
    geometric: bool = False

    @property
    def published(self) -> float | tuple[float, float]:
        """The printed number, or the ends of the printed range."""
        return self.low if self.high is None else (self.low, self.high)

    @property
    def margin(self) -> float:
        """What is allowed on either side; a tenth of a range is a tenth of its middle."""
        middle = self.low if self.high is None else (self.low + self.high) / 2
        return self.digit / 2 + (ABOUT * abs(self.whole - middle) if self.about else 0) + self.spread

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        runs = runs_of(self.arm)
        if missing := lacking({self.arm: runs}):
            return missing
        found, detail = self._of(runs, self.statistic), []
        for other in self.beside:
            seen = self._of(runs_of(other.arm), other.statistic)
            if seen.centre is not None:
                detail.append(f"{other.what}: {seen.shown}{spanned(seen.interval, self._said)}, {seen.said}")
        shown = f"{self.what}: {found.shown}{spanned(found.interval, self._said)}" if self.what else found.shown
        return replace(found, shown=shown, detail=(*found.detail, *detail))

    def _said(self, value: float) -> str:
        """Three digits, or as many decimals as the paper prints."""
        decimals = -math.floor(math.log10(self.digit)) if 0 < self.digit < 1 else 0
        return max(short(value), f"{value:,.{decimals}f}", key=len) if abs(value) >= 1 else short(value)

    def _of(self, runs: Runs, statistic: Statistic) -> Decision:
        pairs = [(run, value) for run in trained(runs).values() if (value := statistic(run)) is not None]
        got = [value for _, value in pairs if math.isfinite(value)]
        wanted = quarter(self.published, self.whole, self.point) if self.resolution is None else self.resolution
        found = printed(
            *(got, self.published, self.margin, self.runs, wanted, self.better),
            decades=self.decades,
            geometric=self.geometric,
            worst=self.worst,
            low=0.0,
            high=self.most,
        )
        lost = len(runs) - len(trained(runs)) + len(pairs) - len(got)
        if lost:
            found = parted(found, counted(lost, len(runs), 0, self.runs, better=LOWER))
        detail = [*lost_seeds({self.arm: runs})]
        if self.decades and got and self.runs > 1:
            means = {"arithmetic": mean(got), "geometric": MEAN_SQUARE.mean(got)}
            detail.append(", ".join(f"{kind} mean {self._said(value)}" for kind, value in means.items()))
        each = [self._said(value) if math.isfinite(value) else f"> {short(run.steps[-1])}" for run, value in pairs]
        detail += ["seeds: " + ", ".join(each)] if each else []
        shown = "no seed trained" if found.centre is None else self._said(found.centre)
        return replace(found, shown=shown, detail=(found.reason, *detail))


@dataclass(frozen=True)
class Identity:
    """A number that is exact, for every seed.

    :param better: which side is the better one: neither, of a count of parameters
    """

    arm: str
    statistic: Statistic
    published: float
    tolerance: float
    what: str
    better: str = NEITHER

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        values = values_of(runs_of(self.arm), self.statistic, untrained=True)
        if not values:
            return not_run(self.arm)
        found = identity(values, self.published, self.tolerance, self.better)
        shown = " to ".join(dict.fromkeys(f"{end:.6g}" for end in (min(values), max(values))))
        return replace(found, shown=f"{self.what}: {shown}", margin=self.tolerance)


def limits(above: float, below: float) -> str:
    """The sides of a limit, in words."""
    said = [f"above {above:.3g}"] if above > -math.inf else []
    return " and ".join([*said, *([f"below {below:.3g}"] if below < math.inf else [])])


@dataclass(frozen=True)
class Beyond:
    """The mean of one arm's statistic over the seeds that trained lies on one side of a limit, or between two.

    :param untrained: over all seeds: the statistic is of the time before training
    :param beside: other statistics, as they are
    """

    arm: str
    statistic: Statistic
    what: str
    above: float = -math.inf
    below: float = math.inf
    untrained: bool = False
    beside: tuple[Beside, ...] = ()

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        runs = runs_of(self.arm)
        if missing := lacking({self.arm: runs}):
            return missing
        values = values_of(runs, self.statistic, self.untrained)
        found, shown = self._of(values, least), f"{self.what} ({self.arm}) {limits(self.above, self.below)}: no seed"
        if values:
            centre, interval = mean(values), intervals.of_mean(values)
            gap = centre - min(max(centre, self.above), self.below)
            found = replace(found, centre=centre, interval=interval, difference=gap)
            shown = f"{shown.removesuffix('no seed')}{short(centre)}{spanned(interval)}"
        lost = () if self.untrained else lost_seeds({self.arm: runs})
        return replace(found, shown=shown, detail=(*lost, *told(self.beside, runs_of)[0]))

    def _of(self, values: list[float], least: int) -> Decision:
        if self.above > -math.inf and self.below < math.inf:
            middle = (self.above + self.below) / 2
            return equivalence([value - middle for value in values], self.below - middle, least=least)
        if self.below < math.inf:
            return noninferiority([value - self.below for value in values], 0.0, least=least)
        return noninferiority([value - self.above for value in values], 0.0, "greater", least=least)


@dataclass(frozen=True)
class Calculated:
    """A number that a calculation gives, without a run, lies on one side of a limit, or between two."""

    what: str
    value: Callable[[], float]
    above: float = -math.inf
    below: float = math.inf

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        found = self.value()
        shown = f"{self.what} {limits(self.above, self.below)}: {found:.4g}"
        verdict = HOLDS if self.above < found < self.below else DOES_NOT_HOLD
        return Decision(verdict, "a calculation: no run is needed", shown, found)
