"""One arm beside another, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np

from gmbench.claims import intervals
from gmbench.claims.claim import INCONCLUSIVE, NOT, REPRODUCED, Judgement, RunsOf, short
from gmbench.claims.evidence.judging import FEW, below, differences_of, inside, lost_seeds, not_run, ordered, spanned
from gmbench.claims.statistics import Run, Statistic


@dataclass(frozen=True)
class Below:
    """One arm is below another, seed by seed; with ``bound``, at most so much above it. An infinite statistic counts
    as the end of training.

    :param constant: the statistic of an arm is the same whatever its seed, as a count of parameters: where it is
        indeed, one seed decides
    """

    arm: str
    other: str
    statistic: Statistic
    what: str
    bound: float = 0.0
    constant: bool = False

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        runs = {self.arm: runs_of(self.arm), self.other: runs_of(self.other)}
        if not all(runs.values()):
            return not_run(runs)
        one, two = runs.values()
        if self.constant and (found := self._at_once(one, two)):
            return found
        differences = differences_of(one, two, self.statistic)
        named = f"{self.what}, {self.arm} - {self.other}"
        if not differences:
            return Judgement(INCONCLUSIVE, f"{named}: no common seed")
        limit = f" by at most {self.bound:g}" if self.bound else ""
        wins = sum(difference < self.bound for difference in differences)
        p = intervals.sign_flips([difference - self.bound for difference in differences])
        won = f"{self.arm} below {self.other}{limit}: {wins} of {len(differences)} pairs, p = {p:.2g}"
        return ordered(named, differences, (won, *lost_seeds(runs)), self.bound)

    def _at_once(self, one: Mapping[int, Run], two: Mapping[int, Run]) -> Judgement | None:
        """The judgement on two numbers; None if a seed has another one, or none."""
        a, b = ({self.statistic(run) for run in runs.values()} for runs in (one, two))
        if len(a) != 1 or len(b) != 1 or None in a | b:
            return None
        mine, theirs = a.pop(), b.pop()
        assert mine is not None and theirs is not None
        shown = f"{self.what}, {self.arm} - {self.other} {mine - theirs:.6g}"
        verdict = REPRODUCED if mine - theirs < self.bound else NOT
        return Judgement(
            verdict, shown, mine - theirs, None, min(len(one), len(two)), detail=("the same for any seed",)
        )


@dataclass(frozen=True)
class Gap:
    """One arm's statistic exceeds another's, seed by seed, by a printed number, or by one in a printed range. An
    infinite statistic counts as the end of training.

    :param digit: the value of the last printed digit
    """

    arm: str
    other: str
    statistic: Statistic
    what: str
    low: float
    high: float
    digit: float = 0.0

    @property
    def published(self) -> float | tuple[float, float]:
        """The printed number, or the ends of the printed range."""
        return self.low if self.low == self.high else (self.low, self.high)

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        runs = {self.arm: runs_of(self.arm), self.other: runs_of(self.other)}
        if not all(runs.values()):
            return not_run(runs)
        one, two = runs.values()
        differences = differences_of(one, two, self.statistic)
        named, detail = f"{self.what}, {self.arm} - {self.other}", lost_seeds(runs)
        margin = self.digit / 2
        low, high = self.low - margin, self.high + margin
        if not differences:
            return Judgement(INCONCLUSIVE, f"{named}: no common seed", margin=margin, low=low, high=high, detail=detail)
        interval, centre = intervals.of_differences(differences), mean(differences)
        verdict, side = inside(interval, low, high)
        if interval is None:
            detail = (f"{FEW} are paired", *detail)
        shown = f"{named} {short(centre)}{spanned(interval)}"
        return Judgement(verdict, shown, centre, interval, len(differences), margin, low, high, detail, side)


@dataclass(frozen=True)
class BelowThroughout:
    """One arm's test error is below all others' at the end of every epoch: seed by seed, its difference to the lowest
    of the others, where that is largest.
    """

    arm: str
    others: tuple[str, ...]

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        runs = {name: runs_of(name) for name in (self.arm, *self.others)}
        if not all(runs.values()):
            return not_run(runs)
        seeds = sorted(set.intersection(*(set(found) for found in runs.values())))
        values = [
            max(own - min(rest) for own, *rest in zip(*(found[s].errors for found in runs.values()), strict=True))
            for s in seeds
        ]
        named = f"{self.arm} - the lowest of {' and '.join(self.others)}, at its worst epoch, points"
        if not values:
            return Judgement(INCONCLUSIVE, f"{named}: no common seed")
        won = f"below at every epoch in {sum(value < 0 for value in values)} of {len(values)} seeds"
        return ordered(named, values, (won, *lost_seeds(runs)))


@dataclass(frozen=True)
class Tighter:
    """One arm differs less between seeds than another: by the deviation over seeds of a statistic, or, without one, of
    the test error averaged over all epochs. An arm of which no seed trained has no spread to compare.
    """

    arm: str
    other: str
    what: str
    statistic: Statistic | None = None

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        runs = {self.arm: runs_of(self.arm), self.other: runs_of(self.other)}
        if not all(runs.values()):
            return not_run(runs)
        seeds = sorted(set(runs[self.arm]) & set(runs[self.other]))
        detail = [*lost_seeds(runs)]
        named = f"deviation over seeds of {self.what}"
        a, b = (self._table(found, seeds) for found in runs.values())
        if len(seeds) < intervals.FEWEST:
            few = (f"{FEW} are paired", *detail)
            return Judgement(INCONCLUSIVE, f"{named}: too few seeds", seeds=len(seeds), detail=few)
        numbers = np.arange(len(seeds), dtype=float)

        def difference(chosen: np.ndarray, axis: int = -1) -> np.ndarray:
            # resampling the seeds' numbers keeps each one's whole curve together, and the pairs too
            rows = np.moveaxis(np.asarray(chosen, int), axis, 0)
            return np.std(a[rows], axis=0, ddof=1).mean(-1) - np.std(b[rows], axis=0, ddof=1).mean(-1)

        interval, centre = intervals.bootstrap(difference, numbers), float(difference(numbers))
        assert interval is not None
        verdict = below(interval)
        for name, found in runs.items():
            if all(found[seed].diverged for seed in seeds):
                verdict = INCONCLUSIVE
                detail.append(f"no seed of {name} trained: there is no spread to compare")
        trained = [seed for seed in seeds if not any(found[seed].diverged for found in runs.values())]
        if 1 < len(trained) < len(seeds):
            detail.append(f"over the {len(trained)} seeds that trained in both: {self._sizes(runs, trained)}")
        measured = f"{named}: {self._sizes(runs, seeds)}; difference {short(centre)}{spanned(interval)}"
        return Judgement(verdict, measured, centre, interval, len(seeds), detail=tuple(detail))

    def _table(self, runs: Mapping[int, Run], seeds: Sequence[int]) -> np.ndarray:
        rows = [runs[seed].errors if self.statistic is None else [self.statistic(runs[seed])] for seed in seeds]
        return np.array(rows, dtype=float)

    def _sizes(self, runs: Mapping[str, Mapping[int, Run]], seeds: Sequence[int]) -> str:
        def size(found: Mapping[int, Run]) -> float:
            return mean(stdev(column) for column in self._table(found, seeds).T.tolist())

        return ", ".join(f"{name} {short(size(found))}" for name, found in runs.items())
