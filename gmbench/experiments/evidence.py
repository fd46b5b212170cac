"""What a claim says, as data, and the verdict that cells allow.

A number carries a margin: half its last printed digit, a tenth of it where the paper says "about", and the paper's
stated spread. *Reproduced*: the 95 % interval over seeds lies inside published +- margin. *Not reproduced*: it is
disjoint from that. Otherwise *inconclusive*. An ordering holds where the paired 95 % interval excludes 0. Fewer than
three seeds are inconclusive, except for counts, identities and what is the same for any seed.

A seed that diverged is at 100 % error, in orderings and counts; a printed number is compared with the seeds that
trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import Any, Protocol

import numpy as np

from gmbench.experiments import intervals
from gmbench.experiments.metric import MEAN_SQUARE
from gmbench.experiments.outcomes import Run, Statistic, best, measure

REPRODUCED, NOT, INCONCLUSIVE, NOT_RUN = VERDICTS = ("reproduced", "not reproduced", "inconclusive", "not run")
ABOUT = 0.1  # of a value that the paper only gives approximately
NOTHING = 1e-9  # differences of that size are rounding
FEW = "fewer than three seeds"


class Arms(Protocol):
    """Finds the runs of an arm, by seed: ``"bl"``, ``"kumar-single:bl"`` of another experiment, ``"bl@digits"`` on
    another data set.
    """

    def __call__(self, arm: str) -> Mapping[int, Run]: ...


@dataclass
class Judgement:
    """A verdict and what it rests on.

    ``measured`` is ours in words, ``centre`` and ``interval`` in numbers, over ``seeds`` seeds; ``low`` and ``high``
    the published value with its ``margin``, in the same unit. ``side`` says where ours lies if it does not reproduce,
    ``parts`` the judgements of a claim of several.
    """

    verdict: str
    measured: str = ""
    centre: float | None = None
    interval: tuple[float, float] | None = None
    seeds: int = 0
    margin: float | None = None
    low: float | None = None
    high: float | None = None
    detail: list[str] = field(default_factory=list)
    side: str = ""
    parts: list[Judgement] = field(default_factory=list)


def _not_run(*arms: str) -> Judgement:
    return Judgement(NOT_RUN, detail=[f"no cells of {', '.join(arms)}"])


def short(value: float) -> str:
    """Three digits, whole from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


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

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        runs = arms(self.arm)
        if not runs:
            return _not_run(self.arm)
        found = self._of(runs, self.statistic)
        for other in self.beside:
            seen = self._of(arms(other.arm), other.statistic)
            if seen.centre is not None:
                span = _span(seen.interval, self._said)
                found.detail.append(f"{other.what}: {seen.measured}{span}, {seen.verdict}")
        if self.what:
            found.measured = f"{self.what}: {found.measured}{_span(found.interval, self._said)}"
        return found

    def _said(self, value: float) -> str:
        """Three digits, or as many decimals as the paper prints."""
        decimals = -math.floor(math.log10(self.digit)) if 0 < self.digit < 1 else 0
        return max(short(value), f"{value:,.{decimals}f}", key=len) if abs(value) >= 1 else short(value)

    def _of(self, runs: Mapping[int, Run], statistic: Statistic) -> Judgement:
        low, high = self.band()
        pairs, detail = _values(runs, statistic), _lost(self.arm, runs)
        values = [min(value, run.steps[-1]) if math.isinf(value) else value for run, value in pairs]
        got = [value for _, value in pairs if math.isfinite(value)]
        if not values:
            return Judgement(INCONCLUSIVE, "no seed trained", margin=self.margin, low=low, high=high, detail=detail)
        centre = max(values) if self.worst_of else MEAN_SQUARE.mean(values) if self.decades else mean(values)
        if self.decades:
            interval = MEAN_SQUARE.interval(values)
        elif self.worst_of:
            interval = intervals.bootstrap(lambda sample, axis: np.max(sample, axis=axis), values)
        else:
            interval = intervals.of_mean(values, low=0.0, high=self.most)
        verdict, side = _inside(interval, low, high)
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
        return Judgement(verdict, shown, centre, interval, len(values), self.margin, low, high, detail, side)


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

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        one, two = arms(self.arm), arms(self.other)
        if not (one and two):
            return _not_run(*(name for name, runs in ((self.arm, one), (self.other, two)) if not runs))
        if self.constant and (found := self._at_once(one, two)):
            return found
        differences = list(_differences(one, two, self.statistic).values())
        named = f"{self.what}, {self.arm} - {self.other}"
        if not differences:
            return Judgement(INCONCLUSIVE, f"{named}: no common seed")
        limit = f" by at most {self.bound:g}" if self.bound else ""
        wins = sum(difference < self.bound for difference in differences)
        p = intervals.sign_flips([difference - self.bound for difference in differences])
        won = f"{self.arm} below {self.other}{limit}: {wins} of {len(differences)} pairs, p = {p:.2g}"
        return _ordered(named, differences, [won, *_lost(self.arm, one), *_lost(self.other, two)], self.bound)

    def _at_once(self, one: Mapping[int, Run], two: Mapping[int, Run]) -> Judgement | None:
        """The judgement on two numbers; None if a seed has another one, or none."""
        a, b = ({self.statistic(run) for run in runs.values()} for runs in (one, two))
        if len(a) != 1 or len(b) != 1 or None in a | b:
            return None
        mine, theirs = a.pop(), b.pop()
        assert mine is not None and theirs is not None
        shown = f"{self.what}, {self.arm} - {self.other} {mine - theirs:.6g}"
        verdict = REPRODUCED if mine - theirs < self.bound else NOT
        return Judgement(verdict, shown, mine - theirs, None, min(len(one), len(two)), detail=["the same for any seed"])


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

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        one, two = arms(self.arm), arms(self.other)
        if not (one and two):
            return _not_run(*(name for name, runs in ((self.arm, one), (self.other, two)) if not runs))
        differences = list(_differences(one, two, self.statistic).values())
        named, detail = f"{self.what}, {self.arm} - {self.other}", _lost(self.arm, one) + _lost(self.other, two)
        margin = self.digit / 2
        low, high = self.low - margin, self.high + margin
        if not differences:
            return Judgement(INCONCLUSIVE, f"{named}: no common seed", margin=margin, low=low, high=high, detail=detail)
        interval, centre = intervals.of_differences(differences), mean(differences)
        verdict, side = _inside(interval, low, high)
        if interval is None:
            detail.insert(0, f"{FEW} are paired")
        shown = f"{named} {short(centre)}{_span(interval)}"
        return Judgement(verdict, shown, centre, interval, len(differences), margin, low, high, detail, side)


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


@dataclass(frozen=True)
class BelowThroughout:
    """One arm's test error is below all others' at the end of every epoch: seed by seed, its difference to the lowest
    of the others, where that is largest.
    """

    arm: str
    others: tuple[str, ...]

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        runs = {name: arms(name) for name in (self.arm, *self.others)}
        if not all(runs.values()):
            return _not_run(*(name for name, found in runs.items() if not found))
        seeds = sorted(set.intersection(*(set(found) for found in runs.values())))
        values = [
            max(own - min(rest) for own, *rest in zip(*(found[s].errors for found in runs.values()), strict=True))
            for s in seeds
        ]
        named = f"{self.arm} - the lowest of {' and '.join(self.others)}, at its worst epoch, points"
        if not values:
            return Judgement(INCONCLUSIVE, f"{named}: no common seed")
        detail = [f"below at every epoch in {sum(value < 0 for value in values)} of {len(values)} seeds"]
        detail += [line for name, found in runs.items() for line in _lost(name, found)]
        return _ordered(named, values, detail)


@dataclass(frozen=True)
class Tighter:
    """One arm differs less between seeds than another: by the deviation over seeds of a statistic, or, without one, of
    the test error averaged over all epochs. An arm of which no seed trained has no spread to compare.
    """

    arm: str
    other: str
    what: str
    statistic: Statistic | None = None

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        runs = {self.arm: arms(self.arm), self.other: arms(self.other)}
        if not all(runs.values()):
            return _not_run(*(name for name, found in runs.items() if not found))
        seeds = sorted(set(runs[self.arm]) & set(runs[self.other]))
        detail = [line for name, found in runs.items() for line in _lost(name, found)]
        named = f"deviation over seeds of {self.what}"
        a, b = (self._table(found, seeds) for found in runs.values())
        if len(seeds) < intervals.FEWEST:
            return Judgement(
                INCONCLUSIVE, f"{named}: too few seeds", seeds=len(seeds), detail=[f"{FEW} are paired", *detail]
            )
        numbers = np.arange(len(seeds), dtype=float)

        def difference(chosen, axis=-1):
            # resampling the seeds' numbers keeps each one's whole curve together, and the pairs too
            rows = np.moveaxis(np.asarray(chosen, int), axis, 0)
            return np.std(a[rows], axis=0, ddof=1).mean(-1) - np.std(b[rows], axis=0, ddof=1).mean(-1)

        interval, centre = intervals.bootstrap(difference, numbers), float(difference(numbers))
        assert interval is not None
        verdict = _below(interval)
        for name, found in runs.items():
            if all(found[seed].diverged for seed in seeds):
                verdict = INCONCLUSIVE
                detail.append(f"no seed of {name} trained: there is no spread to compare")
        trained = [seed for seed in seeds if not any(found[seed].diverged for found in runs.values())]
        if 1 < len(trained) < len(seeds):
            detail.append(f"over the {len(trained)} seeds that trained in both: {self._sizes(runs, trained)}")
        measured = f"{named}: {self._sizes(runs, seeds)}; difference {short(centre)}{_span(interval)}"
        return Judgement(verdict, measured, centre, interval, len(seeds), detail=detail)

    def _table(self, runs: Mapping[int, Run], seeds: Sequence[int]) -> np.ndarray:
        rows = [runs[seed].errors if self.statistic is None else [self.statistic(runs[seed])] for seed in seeds]
        return np.array(rows, dtype=float)

    def _sizes(self, runs: Mapping[str, Mapping[int, Run]], seeds: Sequence[int]) -> str:
        def size(found):
            return mean(stdev(column) for column in self._table(found, seeds).T.tolist())

        return ", ".join(f"{name} {short(size(found))}" for name, found in runs.items())


@dataclass(frozen=True)
class Count:
    """So many seeds of one arm, or pairs of seeds where it beats another, as the paper counts.

    Reproduced: all of ours where the paper has all, none where it has none, from at least as many seeds, or else the
    very same share. Not reproduced: Fisher's exact test tells the two shares apart at 5 %.
    """

    arm: str
    predicate: Callable[[Run], bool] | None  # None: of pairs, that the arm is below ``other``
    published: int
    of: int
    what: str
    other: str = ""
    statistic: Statistic = best

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        runs = {name: arms(name) for name in (self.arm, self.other) if name}
        if not all(runs.values()):
            return _not_run(*(name for name, found in runs.items() if not found))
        detail = [line for name, found in runs.items() for line in _lost(name, found)]
        if self.predicate is not None:
            hits = [self.predicate(run) for run in runs[self.arm].values()]
        else:
            gaps = list(_differences(runs[self.arm], runs[self.other], self.statistic).values())
            hits = [gap < 0 for gap in gaps]
            if gaps:
                interval = intervals.of_differences(gaps)
                p = intervals.sign_flips(gaps)
                detail.append(f"mean difference {short(mean(gaps))}{_span(interval)}, p = {p:.2g}")
        k, n = sum(hits), len(hits)
        if not n:
            return Judgement(INCONCLUSIVE, f"{self.what}: no common seed")
        side = ""
        if n >= self.of and k * self.of == self.published * n:
            verdict = REPRODUCED
        else:
            p = intervals.same_share(k, n, self.published, self.of)
            detail.append(f"Fisher's exact p = {p:.2g} against {self.published} of {self.of}")
            verdict = NOT if p < 1 - intervals.LEVEL else INCONCLUSIVE
            side = ("below" if k * self.of < self.published * n else "above") if verdict == NOT else ""
        return Judgement(verdict, f"{self.what}: {k} of {n}", float(k), None, n, detail=detail, side=side)


@dataclass(frozen=True)
class Identity:
    """A number that is exact, for every seed."""

    arm: str
    statistic: Statistic
    published: float
    tolerance: float
    what: str

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        values = [value for value in map(self.statistic, arms(self.arm).values()) if value is not None]
        if not values:
            return _not_run(self.arm)
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

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        runs = arms(self.arm)
        if not runs:
            return _not_run(self.arm)
        values = [value for _, value in _values(runs, self.statistic, self.untrained)]
        detail = [] if self.untrained else _lost(self.arm, runs)
        for other in self.beside:
            seen = [value for _, value in _values(arms(other.arm), other.statistic)]
            if seen:
                detail.append(f"{other.what} ({other.arm}): {short(mean(seen))}{_span(intervals.of_mean(seen))}")
        limits = [f"above {self.above:.3g}"] if self.above > -math.inf else []
        limits += [f"below {self.below:.3g}"] if self.below < math.inf else []
        wanted = f"{self.what} ({self.arm}) {' and '.join(limits)}"
        if not values:
            return Judgement(INCONCLUSIVE, f"{wanted}: no seed", detail=detail)
        interval, centre = intervals.of_mean(values), mean(values)
        verdict, side = _inside(interval, self.above, self.below)
        if interval is None:
            detail.insert(0, FEW)
        shown = f"{wanted}: {short(centre)}{_span(interval)}"
        return Judgement(verdict, shown, centre, interval, len(values), detail=detail, side=side)


@dataclass(frozen=True)
class Undecidable:
    """A statement that no run can decide, such as that something is not known: always inconclusive.

    :param why: the reason
    :param beside: what was measured about it
    """

    why: str
    beside: tuple[Beside, ...] = ()

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        detail, seeds = [self.why], 0
        for other in self.beside:
            seen = [value for _, value in _values(arms(other.arm), other.statistic)]
            if seen:
                detail.append(f"{other.what} ({other.arm}): {short(mean(seen))}{_span(intervals.of_mean(seen))}")
                seeds = max(seeds, len(seen))
        return Judgement(INCONCLUSIVE, "no run decides it", seeds=seeds, detail=detail)


class Alongside:
    """Evidence that decides, and others, by their names, with the verdicts that they would give."""

    def __init__(self, evidence: Any, others: Mapping[str, Any]):
        self.evidence, self.others = evidence, others

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        found = self.evidence.judge(arms)
        for what, other in self.others.items():
            seen = other.judge(arms)
            if seen.verdict != NOT_RUN:
                said = "; ".join(part.measured for part in seen.parts) or seen.measured
                found.detail.append(f"{what}: {said}: {seen.verdict}")
        return found


class Together:
    """Several things that must all hold: not reproduced if any is not, reproduced if all are."""

    def __init__(self, *parts: Any):
        self.parts = parts

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        found = [part.judge(arms) for part in self.parts]
        verdicts = {judgement.verdict for judgement in found}
        verdict = next(each for each in (NOT, NOT_RUN, INCONCLUSIVE, REPRODUCED) if each in verdicts)
        held = sum(judgement.verdict == REPRODUCED for judgement in found)
        detail = list(dict.fromkeys(line for judgement in found for line in judgement.detail))
        seeds = min(judgement.seeds for judgement in found)
        return Judgement(verdict, f"{held} of {len(found)} hold", seeds=seeds, detail=detail, parts=found)


@dataclass(frozen=True)
class Claim:
    """What a paper states.

    :param source: where it stands in the paper
    :param printed: as it stands there, with its unit apart
    :param evidence: any of the kinds above
    :param decided: what the paper leaves open here, and the choice or the proxy
    :param remarks: what a reader should know if it does not reproduce: by the side on which ours lies (``"above"``,
        ``"below"``), or by the number of the part that fails, from 1
    :param data: the data set (default: the experiment's first)
    """

    id: str
    source: str
    statement: str
    printed: str
    unit: str
    evidence: Any
    decided: str = ""
    remarks: Mapping[str | int, str] = field(default_factory=dict)
    data: str = ""

    def remark(self, judgement: Judgement) -> str:
        """Why it does not reproduce, in sentences; empty if it does, or nothing is decided."""
        if judgement.verdict != NOT:
            return ""
        said = []
        if judgement.side and judgement.interval and judgement.low is not None and judgement.high is not None:
            gap = (
                judgement.low - judgement.interval[1]
                if judgement.side == "below"
                else judgement.interval[0] - judgement.high
            )
            said.append(f"Our interval lies {judgement.side} the published value and its margin, by {short(gap)}.")
        failed = [i for i, part in enumerate(judgement.parts, 1) if part.verdict == NOT]
        if failed:
            said.append("What does not hold: " + "; ".join(judgement.parts[i - 1].measured for i in failed) + ".")
        said += [self.remarks[key] for key in (judgement.side, *failed) if key in self.remarks]
        return " ".join(said)


def step_times(
    series: str, first: int, source: str, printed: Mapping[str, tuple[str, int]], data: str = "", before: str = ""
) -> Iterator[Claim]:
    """Claims on the milliseconds of training steps: ratios to the first arm's, which no run can decide itself.

    Cells measure ``step_ms``, and ``step_ratio`` to that arm's step in turns with it.

    :param series: of the claims' names, which are numbered from ``first``
    :param printed: what an arm is called, and its whole milliseconds
    :param before: said before each name
    """
    (baseline, (called, whole)), *others = printed.items()
    yield Claim(
        *(f"{series}{first:02d}", source, f"{before}{called}, a training step", f"{whole}", "ms"),
        Undecidable(
            "a time on a machine of the paper says nothing on another; the others are judged as ratios to it",
            beside=(Beside("median step here, ms", baseline, measure("step_ms")),),
        ),
        data=data,
    )
    for number, (arm, (name, ms)) in enumerate(others, first + 1):
        low, high = (ms - 0.5) / (whole + 0.5), (ms + 0.5) / (whole - 0.5)
        yield Claim(
            *(f"{series}{number:02d}", source, f"{before}{name}, a training step", f"{ms}", "ms"),
            Number(
                *(arm, measure("step_ratio"), low, high),
                what=f"over the {called}'s",
                beside=(
                    Beside("median step here, ms", arm, measure("step_ms")),
                    Beside(f"the {called} over itself", baseline, measure("step_ratio")),
                ),
            ),
            f"as a ratio to the {called}'s {whole} ms: both are rounded, so {low:.2f} to {high:.2f}; steps in turns in "
            "one process",
            data=data,
        )
