"""One arm beside another, seed by seed, over the seeds that trained in both; how many did not is a part of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import mean, stdev

import numpy as np

from gmbench.claims.claim import RunsOf
from gmbench.claims.decisions import constant, equivalence, noninferiority, ordering, printed, spread
from gmbench.claims.evidence.judging import Runs, differences_of, lacking, paired, trained, values_of
from gmbench.claims.several import conjunction
from gmbench.claims.statistics import Run, Statistic, area
from gmbench.claims.verdicts import FEWEST, NEITHER, REVERSED, Decision

TENTH = 0.1  # of the other arm's mean, or of a decade: a difference that counts as none


@dataclass(frozen=True)
class Below:
    """One arm is below another, seed by seed; with ``bound``, at most so much above it, or, below 0, at least so much
    below it. An infinite statistic counts as the end of training.

    :param constant: the statistic of an arm is the same whatever its seed, as a count of parameters: where it is
        indeed, one seed decides
    :param margin: the difference that counts as none (default: a tenth of the other arm's mean)
    """

    arm: str
    other: str
    statistic: Statistic
    what: str
    bound: float = 0.0
    constant: bool = False
    margin: float | None = None

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        runs = {self.arm: runs_of(self.arm), self.other: runs_of(self.other)}
        if missing := lacking(runs):
            return missing
        one, two = runs.values()
        if self.constant and (found := self._at_once(one, two)):
            return found
        differences = differences_of(trained(one), trained(two), self.statistic)
        if self.bound > 0:
            found, margin = noninferiority(differences, self.bound, least=least), self.bound
        elif self.bound < 0:
            found, margin = noninferiority([gap - self.bound for gap in differences], 0.0, least=least), 0.0
            if differences:
                found = replace(found, centre=mean(differences), interval=_moved(found, self.bound))
        else:
            margin = self._margin(two)
            found = ordering(differences, margin, least=least)
        limit = f" by at most {self.bound:g}" if self.bound > 0 else f" by {-self.bound:.3g}" if self.bound else ""
        wins = sum(difference < self.bound for difference in differences)
        p = "" if found.p is None else f", p = {found.p:.2g}"
        won = f"{self.arm} below {self.other}{limit}: {wins} of {len(differences)} pairs{p}"
        return paired(f"{self.what}, {self.arm} - {self.other}", replace(found, margin=margin), runs, [won])

    def _margin(self, other: Runs) -> float:
        """The one that is declared, or of the other arm's mean."""
        if self.margin is not None:
            return self.margin
        values = [value for value in values_of(other, self.statistic) if np.isfinite(value)]
        return TENTH * abs(mean(values)) if values else 0.0

    def _at_once(self, one: Runs, two: Runs) -> Decision | None:
        """The judgement on two numbers; None if a seed has another one, or none."""
        a, b = ({self.statistic(run) for run in runs.values()} for runs in (one, two))
        if len(a) != 1 or len(b) != 1 or None in a | b:
            return None
        mine, theirs = a.pop(), b.pop()
        assert mine is not None and theirs is not None
        shown = f"{self.what}, {self.arm} - {self.other} {mine - theirs:.6g}"
        seeds = min(len(one), len(two))
        return replace(constant(mine - theirs, self.bound), shown=shown, seeds=seeds, detail=("the same for any seed",))


def _moved(found: Decision, by: float) -> tuple[float, float] | None:
    return None if found.interval is None else (found.interval[0] + by, found.interval[1] + by)


@dataclass(frozen=True)
class Similar:
    """One arm is within a margin of another, seed by seed: two one-sided tests.

    :param margin: the largest difference that counts as none
    """

    arm: str
    other: str
    statistic: Statistic
    what: str
    margin: float

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        runs = {self.arm: runs_of(self.arm), self.other: runs_of(self.other)}
        if missing := lacking(runs):
            return missing
        one, two = map(trained, runs.values())
        differences = differences_of(one, two, self.statistic)
        found = replace(equivalence(differences, self.margin, least=least), margin=self.margin)
        return paired(f"{self.what}, {self.arm} - {self.other}, within {self.margin:g}:", found, runs)


@dataclass(frozen=True)
class Gap:
    """One arm's statistic exceeds another's, seed by seed, by a printed number, or by one in a printed range, which
    resolves no finer than half of it. An infinite statistic counts as the end of training.

    :param digit: the value of the last printed digit
    :param runs: of the paper
    """

    arm: str
    other: str
    statistic: Statistic
    what: str
    low: float
    high: float
    digit: float = 0.0
    runs: int = 1

    @property
    def published(self) -> float | tuple[float, float]:
        """The printed number, or the ends of the printed range."""
        return self.low if self.low == self.high else (self.low, self.high)

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        runs = {self.arm: runs_of(self.arm), self.other: runs_of(self.other)}
        if missing := lacking(runs):
            return missing
        one, two = map(trained, runs.values())
        differences = differences_of(one, two, self.statistic)
        finest = (self.high - self.low + self.digit) / 2 or None
        found = printed(differences, self.published, self.digit / 2, self.runs, finest, NEITHER)
        return paired(f"{self.what}, {self.arm} - {self.other}", found, runs, [found.reason])


@dataclass(frozen=True)
class BelowThroughout:
    """One arm's test error is below all others' at the end of every epoch: against each, seed by seed, its difference
    where that is largest. Where that is above 0 nothing is reversed by it, since the largest of several is; the mean
    over all epochs decides then.
    """

    arm: str
    others: tuple[str, ...]

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        runs = {name: runs_of(name) for name in (self.arm, *self.others)}
        if missing := lacking(runs):
            return missing
        parts = []
        for name in self.others:
            own, other = trained(runs[self.arm]), trained(runs[name])
            seeds = sorted(set(own) & set(other))
            worst = [max(a - b for a, b in zip(own[s].errors, other[s].errors, strict=True)) for s in seeds]
            won = f"below at every epoch in {sum(value < 0 for value in worst)} of {len(worst)} seeds"
            found, where = ordering(worst, least=least), "at its worst epoch"
            if found.verdict == REVERSED:
                means = [area(own[s]) - area(other[s]) for s in seeds]
                found, where = ordering(means, least=least), "mean over epochs"
            pair = {self.arm: runs[self.arm], name: runs[name]}
            parts.append(paired(f"{self.arm} - {name}, {where}, points", found, pair, [won]))
        return together(parts)


@dataclass(frozen=True)
class Tighter:
    """One arm differs less between seeds than another: by how far each seed is from its arm's median, in a statistic
    or, without one, in the test error averaged over all epochs.
    """

    arm: str
    other: str
    what: str
    statistic: Statistic | None = None

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        runs = {self.arm: runs_of(self.arm), self.other: runs_of(self.other)}
        if missing := lacking(runs):
            return missing
        one, two = map(trained, runs.values())
        tables = {name: self._table(found, sorted(set(one) & set(two))) for name, found in runs.items()}
        found = spread(tables[self.arm], tables[self.other], least=least)
        sizes = [f"{name} {mean(map(stdev, x.T.tolist())):.3g}" for name, x in tables.items() if len(x) > 1]
        detail = [f"deviation over seeds that trained in both: {', '.join(sizes)}"] if sizes else []
        return paired(f"distance from the median of {self.what}, {self.arm} - {self.other}", found, runs, detail)

    def _table(self, runs: Mapping[int, Run], seeds: list[int]) -> np.ndarray:
        rows = [runs[seed].errors if self.statistic is None else [self.statistic(runs[seed])] for seed in seeds]
        return np.array(rows, dtype=float)


def together(parts: list[Decision]) -> Decision:
    """A conjunction, with its words."""
    found = conjunction(parts)
    detail = tuple(dict.fromkeys(line for part in parts for line in part.detail))
    return replace(found, shown=found.reason.partition(";")[0], detail=detail)
