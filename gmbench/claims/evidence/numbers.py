"""Printed numbers, limits and identities."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import mean

import numpy as np

from gmbench.claims import intervals
from gmbench.claims.claim import INCONCLUSIVE, NOT, REPRODUCED, Judgement, RunsOf, short
from gmbench.claims.evidence.judging import FEW, inside, lost_seeds, not_run, spanned, values_of
from gmbench.claims.metric import MEAN_SQUARE
from gmbench.claims.statistics import Run, Statistic

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
        seen = [value for _, value in values_of(runs_of(other.arm), other.statistic)]
        if seen:
            lines.append(f"{other.what} ({other.arm}): {short(mean(seen))}{spanned(intervals.of_mean(seen))}")
            seeds = max(seeds, len(seen))
    return lines, seeds


@dataclass(frozen=True)
class Number:
    """A printed number, or a printed range, of one arm: over the seeds that trained.

    A seed that never gets there (its statistic is infinite) counts as the end of its training, if at least three
    others do; else the number is inconclusive.

    :param digit: the value of the last printed digit
    :param about: the paper says "about"
    :param spread: the paper's own
    :param worst_of: the largest over so many seeds instead of the mean; with fewer it is inconclusive
    :param most: what the number cannot exceed, and neither does its interval; 100 where it is a share in %
    :param whole: of a share near it, such as an accuracy near 100 %, "about" allows a tenth of what is missing
    :param what: what it is, where a claim has several
    :param beside: the same number by another statistic, with the verdict that it would give
    :param decades: the mean over seeds is the geometric one, and its interval that of the logarithm
    """

    arm: str
    statistic: Statistic
    low: float
    high: float | None = None
    digit: float = 0.0
    about: bool = False
    spread: float = 0.0
    worst_of: int = 0
    most: float = math.inf
    whole: float = 0.0
    what: str = ""
    beside: tuple[Beside, ...] = ()
    decades: bool = False

    @property
    def published(self) -> float | tuple[float, float]:
        """The printed number, or the ends of the printed range."""
        return self.low if self.high is None else (self.low, self.high)

    @property
    def margin(self) -> float:
        """What is allowed on either side; a tenth of a range is a tenth of its middle."""
        middle = self.low if self.high is None else (self.low + self.high) / 2
        size = abs(self.whole - middle) if self.whole else abs(middle)
        return self.digit / 2 + (ABOUT * size if self.about else 0) + self.spread

    def band(self) -> tuple[float, float]:
        """The published value or range with its margin."""
        return self.low - self.margin, (self.low if self.high is None else self.high) + self.margin

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        runs = runs_of(self.arm)
        if not runs:
            return not_run({self.arm: runs})
        found = self._of(runs, self.statistic)
        detail = [*found.detail]
        for other in self.beside:
            seen = self._of(runs_of(other.arm), other.statistic)
            if seen.centre is not None:
                span = spanned(seen.interval, self._said)
                detail.append(f"{other.what}: {seen.measured}{span}, {seen.verdict}")
        measured = found.measured
        if self.what:
            measured = f"{self.what}: {measured}{spanned(found.interval, self._said)}"
        return replace(found, measured=measured, detail=tuple(detail))

    def _said(self, value: float) -> str:
        """Three digits, or as many decimals as the paper prints."""
        decimals = -math.floor(math.log10(self.digit)) if 0 < self.digit < 1 else 0
        return max(short(value), f"{value:,.{decimals}f}", key=len) if abs(value) >= 1 else short(value)

    def _of(self, runs: Mapping[int, Run], statistic: Statistic) -> Judgement:
        low, high = self.band()
        pairs, detail = values_of(runs, statistic), [*lost_seeds({self.arm: runs})]
        values = [min(value, run.steps[-1]) if math.isinf(value) else value for run, value in pairs]
        got = [value for _, value in pairs if math.isfinite(value)]
        if not values:
            said = "no seed trained"
            return Judgement(INCONCLUSIVE, said, margin=self.margin, low=low, high=high, detail=tuple(detail))
        centre = max(values) if self.worst_of else MEAN_SQUARE.mean(values) if self.decades else mean(values)
        if self.decades:
            interval = MEAN_SQUARE.interval(values)
        elif self.worst_of:
            interval = intervals.bootstrap(lambda sample, axis: np.max(sample, axis=axis), values)
        else:
            interval = intervals.of_mean(values, low=0.0, high=self.most)
        verdict, side = inside(interval, low, high)
        never = len(values) - len(got)
        if len(values) < intervals.FEWEST:
            detail.append(f"{FEW} trained")
        elif len(got) < intervals.FEWEST:
            verdict, side = INCONCLUSIVE, ""
            detail.append(f"only {len(got)} of {len(values)} seeds get there")
        if len(values) < self.worst_of:
            verdict, side = INCONCLUSIVE, ""
            detail.append(f"a maximum over {len(values)} seeds is not one over {self.worst_of}")
        each = [self._said(value) if math.isfinite(value) else f"> {short(run.steps[-1])}" for run, value in pairs]
        detail.append("seeds: " + ", ".join(each))
        shown = ("at least " if never else "") + self._said(centre)
        return Judgement(verdict, shown, centre, interval, len(values), self.margin, low, high, tuple(detail), side)


@dataclass(frozen=True)
class Identity:
    """A number that is exact, for every seed."""

    arm: str
    statistic: Statistic
    published: float
    tolerance: float
    what: str

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        values = [value for value in map(self.statistic, runs_of(self.arm).values()) if value is not None]
        if not values:
            return not_run({self.arm: {}})
        low, high = min(values), max(values)
        off = max(abs(value - self.published) for value in values)
        verdict = REPRODUCED if off <= self.tolerance else NOT
        shown = " to ".join(dict.fromkeys(f"{end:.6g}" for end in (low, high)))
        return Judgement(verdict, f"{self.what}: {shown}", mean(values), None, len(values), self.tolerance)


@dataclass(frozen=True)
class Beyond:
    """The mean of one arm's statistic over the seeds that trained lies on one side of a limit.

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

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        runs = runs_of(self.arm)
        if not runs:
            return not_run({self.arm: runs})
        values = [value for _, value in values_of(runs, self.statistic, self.untrained)]
        detail = (*(() if self.untrained else lost_seeds({self.arm: runs})), *told(self.beside, runs_of)[0])
        limits = [f"above {self.above:.3g}"] if self.above > -math.inf else []
        limits += [f"below {self.below:.3g}"] if self.below < math.inf else []
        wanted = f"{self.what} ({self.arm}) {' and '.join(limits)}"
        if not values:
            return Judgement(INCONCLUSIVE, f"{wanted}: no seed", detail=detail)
        interval, centre = intervals.of_mean(values), mean(values)
        verdict, side = inside(interval, self.above, self.below)
        if interval is None:
            detail = (FEW, *detail)
        shown = f"{wanted}: {short(centre)}{spanned(interval)}"
        return Judgement(verdict, shown, centre, interval, len(values), detail=detail, side=side)
