"""What a claim says, as data, and the verdict that cells allow.

A number carries a margin: half its last printed digit, a tenth of it where the paper says "about", and the paper's
stated spread. *Reproduced*: the 95 % interval over seeds lies inside published +- margin. *Not reproduced*: it is
disjoint from that. Otherwise *inconclusive*. An ordering holds where the paired 95 % interval excludes 0. Fewer than
three seeds are inconclusive, except for counts and identities.

A seed that diverged is at 100 % error, in orderings and counts; a printed number is compared with the seeds that
trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import Any, Protocol

import numpy as np

from gmbench.experiments import intervals

REPRODUCED, NOT, INCONCLUSIVE, NOT_RUN = VERDICTS = ("reproduced", "not reproduced", "inconclusive", "not run")
ABOUT = 0.1  # of a value that the paper only gives approximately
LAST = 5  # epochs that a late error is averaged over


@dataclass(frozen=True)
class Run:
    """One cell, as statistics see it: ``errors`` are the test errors (%) at the ends of epochs 1, 2, ...; a run that
    diverged stays at its last one.
    """

    seed: int
    errors: tuple[float, ...]
    steps: tuple[int, ...]  # at the ends of the same epochs
    measures: Mapping[str, Any]
    initial: Mapping[str, Any]  # the row of epoch 0
    paths: Mapping[str, Any]

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Run:
        """From a result file.

        :raises KeyError, TypeError, ValueError, IndexError: if it is not one of an experiment
        """
        initial, *rows = result["epochs"]
        epochs, each = result["spec"]["epochs"], rows[0]["step"] - initial["step"]
        errors = [float(row["test_error"]) for row in rows]
        errors += [errors[-1]] * (epochs - len(errors))
        steps = tuple(each * (i + 1) for i in range(epochs))
        paths = result.get("paths") or {}
        return cls(result["spec"]["seed"], tuple(errors), steps, result.get("measures", {}), initial, paths)

    @property
    def diverged(self) -> bool:
        """Whether its loss overflowed."""
        return self.measures.get("diverged") is not None


Statistic = Callable[[Run], float | None]


def best(run: Run) -> float:
    """The lowest test error of any epoch."""
    return min(run.errors)


def last(run: Run) -> float:
    """The last epoch's test error."""
    return run.errors[-1]


def late(run: Run) -> float:
    """The mean test error of the last five epochs."""
    return mean(run.errors[-LAST:])


def area(run: Run) -> float:
    """The mean test error over all epochs, by the trapezoidal rule."""
    return float(np.trapezoid(run.errors) / (len(run.errors) - 1))


def error_after(epoch: int) -> Statistic:
    """The test error at the end of an epoch."""
    return lambda run: run.errors[epoch - 1]


def steps_to(error: float) -> Statistic:
    """The step of the first epoch end at or below a test error; the end of training if there is none."""
    return lambda run: next((s for s, e in zip(run.steps, run.errors, strict=True) if e <= error), run.steps[-1])


def reaches(error: float) -> Callable[[Run], bool]:
    """Whether any epoch ends at or below a test error."""
    return lambda run: best(run) <= error


def measure(name: str) -> Statistic:
    """A measure of the cell."""
    return lambda run: run.measures.get(name)


def initial_loss(run: Run) -> float | None:
    """The test loss before training, in nats."""
    return run.initial.get("test_loss")


class Arms(Protocol):
    """Finds the runs of an arm, by seed: ``"bl"``, or ``"kumar-single:bl"`` of another experiment."""

    def __call__(self, arm: str) -> Mapping[int, Run]: ...


@dataclass
class Judgement:
    """A verdict and what it rests on. ``low`` and ``high`` are the published value with its ``margin``, ``interval``
    and ``centre`` ours in the same unit; ``measured`` is ours in words.
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


def _not_run(*arms: str) -> Judgement:
    return Judgement(NOT_RUN, detail=[f"no cells of {', '.join(arms)}"])


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _span(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f" ({_short(interval[0])} to {_short(interval[1])})"


def _diverged(arm: str, runs: Mapping[int, Run]) -> list[str]:
    lost = sorted(seed for seed, run in runs.items() if run.diverged)
    return [f"{arm}: {len(lost)} of {len(runs)} seeds diverged ({', '.join(map(str, lost))})"] if lost else []


def _inside(interval, low: float, high: float) -> str:
    """The verdict on an interval and a published band."""
    if interval is None:
        return INCONCLUSIVE
    if low <= interval[0] and interval[1] <= high:
        return REPRODUCED
    return NOT if interval[1] < low or interval[0] > high else INCONCLUSIVE


@dataclass(frozen=True)
class Number:
    """A printed number, or a printed range, of one arm: over the seeds that trained.

    :param digit: the value of the last printed digit
    :param about: the paper says "about"
    :param spread: the paper's own
    :param worst: the largest over seeds instead of the mean
    """

    arm: str
    statistic: Statistic
    low: float
    high: float | None = None
    digit: float = 0.0
    about: bool = False
    spread: float = 0.0
    worst: bool = False

    @property
    def published(self) -> float | tuple[float, float]:
        """The printed number, or the ends of the printed range."""
        return self.low if self.high is None else (self.low, self.high)

    @property
    def margin(self) -> float:
        """What is allowed on either side; a tenth of a range is a tenth of its middle."""
        middle = self.low if self.high is None else (self.low + self.high) / 2
        return self.digit / 2 + (ABOUT * abs(middle) if self.about else 0) + self.spread

    def band(self) -> tuple[float, float]:
        """The published value or range with its margin."""
        return self.low - self.margin, (self.low if self.high is None else self.high) + self.margin

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        runs = arms(self.arm)
        if not runs:
            return _not_run(self.arm)
        low, high = self.band()
        found = [self.statistic(run) for run in runs.values() if not run.diverged]
        values = [value for value in found if value is not None]
        detail = _diverged(self.arm, runs)
        if not values:
            return Judgement(INCONCLUSIVE, "no seed trained", None, None, 0, self.margin, low, high, detail)
        centre = max(values) if self.worst else mean(values)
        if self.worst:
            interval = intervals.bootstrap(lambda sample, axis: np.max(sample, axis=axis), values)
        else:
            interval = intervals.of_mean(values, low=0.0)
        if len(values) < intervals.FEWEST:
            detail.append("fewer than three seeds trained")
        detail.append("seeds: " + ", ".join(_short(value) for value in values))
        verdict = _inside(interval, low, high)
        return Judgement(verdict, _short(centre), centre, interval, len(values), self.margin, low, high, detail)


@dataclass(frozen=True)
class Below:
    """One arm is below another, seed by seed; with ``bound``, at most so much above it."""

    arm: str
    other: str
    statistic: Statistic
    what: str
    bound: float = 0.0

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        one, two = arms(self.arm), arms(self.other)
        if not (one and two):
            return _not_run(*(name for name, runs in ((self.arm, one), (self.other, two)) if not runs))
        pairs = [
            (a, b)
            for a, b in ((self.statistic(one[s]), self.statistic(two[s])) for s in sorted(set(one) & set(two)))
            if a is not None and b is not None
        ]
        differences = [a - b for a, b in pairs]
        named = f"{self.what}, {self.arm} - {self.other}"
        if len(pairs) < intervals.FEWEST:
            shown = f"{named} {_short(mean(differences))}" if differences else f"{named}: no common seed"
            return Judgement(INCONCLUSIVE, shown, seeds=len(pairs), detail=["fewer than three paired seeds"])
        interval = intervals.of_difference([a for a, _ in pairs], [b for _, b in pairs])
        assert interval is not None
        verdict = REPRODUCED if interval[1] < self.bound else NOT if interval[0] > self.bound else INCONCLUSIVE
        wins = sum(difference < self.bound for difference in differences)
        p = intervals.sign_flips([difference - self.bound for difference in differences])
        limit = f" (at most {self.bound:g})" if self.bound else ""
        detail = [f"{named}{limit}: {wins} of {len(pairs)} pairs, sign-flip p = {p:.2g}"]
        detail += _diverged(self.arm, one) + _diverged(self.other, two)
        centre = mean(differences)
        return Judgement(
            verdict, f"{named} {_short(centre)}{_span(interval)}", centre, interval, len(pairs), detail=detail
        )


def throughout(arms: Arms, one: str, others: Sequence[str]) -> dict[int, float]:
    """By common seed: the largest lead that any of the others ever has over ``one`` at the end of an epoch, in % test
    error; negative where ``one`` is below all of them all the time.
    """
    runs = {name: arms(name) for name in (one, *others)}
    common = set.intersection(*(set(found) for found in runs.values()))
    return {
        seed: max(e - min(rest) for e, *rest in zip(*(r[seed].errors for r in runs.values()), strict=True))
        for seed in sorted(common)
    }


@dataclass(frozen=True)
class BelowThroughout:
    """One arm is below all others at the end of every epoch."""

    arm: str
    others: tuple[str, ...]

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        missing = [name for name in (self.arm, *self.others) if not arms(name)]
        if missing:
            return _not_run(*missing)
        leads = throughout(arms, self.arm, self.others)
        named = f"largest lead of {' or '.join(self.others)} over {self.arm} at any epoch's end"
        if len(leads) < intervals.FEWEST:
            shown = f"{named} {_short(mean(leads.values()))}" if leads else f"{named}: no common seed"
            return Judgement(INCONCLUSIVE, shown, seeds=len(leads), detail=["fewer than three paired seeds"])
        values = list(leads.values())
        interval = intervals.of_difference(values, [0.0] * len(values))
        assert interval is not None
        verdict = REPRODUCED if interval[1] < 0 else NOT if interval[0] > 0 else INCONCLUSIVE
        detail = [f"below at every epoch in {sum(v < 0 for v in values)} of {len(values)} seeds"]
        centre = mean(values)
        return Judgement(
            verdict, f"{named} {_short(centre)}{_span(interval)}", centre, interval, len(values), detail=detail
        )


@dataclass(frozen=True)
class Tighter:
    """One arm differs less between seeds than another: by the deviation over seeds of a statistic, or, without one, of
    the test error averaged over all epochs.
    """

    arm: str
    other: str
    what: str
    statistic: Statistic | None = None

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        one, two = arms(self.arm), arms(self.other)
        if not (one and two):
            return _not_run(*(name for name, runs in ((self.arm, one), (self.other, two)) if not runs))
        seeds = sorted(set(one) & set(two))
        detail = _diverged(self.arm, one) + _diverged(self.other, two)
        if len(seeds) < intervals.FEWEST:
            shown = f"deviation over seeds of {self.what}: too few seeds"
            return Judgement(INCONCLUSIVE, shown, seeds=len(seeds), detail=[*detail, "fewer than three paired seeds"])
        a, b = self._table(one, seeds), self._table(two, seeds)
        numbers = np.arange(len(seeds), dtype=float)

        def difference(chosen, axis=-1):
            # resampling the seeds' numbers keeps each one's whole curve together, and the pairs too
            rows = np.moveaxis(np.asarray(chosen, int), axis, 0)
            return np.std(a[rows], axis=0, ddof=1).mean(-1) - np.std(b[rows], axis=0, ddof=1).mean(-1)

        interval, centre = intervals.bootstrap(difference, numbers), float(difference(numbers))
        assert interval is not None
        verdict = REPRODUCED if interval[1] < 0 else NOT if interval[0] > 0 else INCONCLUSIVE
        named = f"deviation over seeds of {self.what}"
        sizes = f"{self.arm} {_short(centre + self._size(two, seeds))}, {self.other} {_short(self._size(two, seeds))}"
        trained = [seed for seed in seeds if not (one[seed].diverged or two[seed].diverged)]
        if 1 < len(trained) < len(seeds):
            trained_sizes = [
                f"{name} {_short(self._size(runs, trained))}" for name, runs in ((self.arm, one), (self.other, two))
            ]
            detail.append(f"over the {len(trained)} seeds that trained in both: {', '.join(trained_sizes)}")
        measured = f"{named}: {sizes}; difference {_short(centre)}{_span(interval)}"
        return Judgement(verdict, measured, centre, interval, len(seeds), detail=detail)

    def _table(self, runs: Mapping[int, Run], seeds: Sequence[int]) -> np.ndarray:
        if self.statistic is None:
            return np.array([runs[seed].errors for seed in seeds])
        return np.array([[self.statistic(runs[seed])] for seed in seeds], dtype=float)

    def _size(self, runs: Mapping[int, Run], seeds: Sequence[int]) -> float:
        return float(np.mean([stdev(column) for column in self._table(runs, seeds).T.tolist()]))


@dataclass(frozen=True)
class Count:
    """So many seeds of one arm, or pairs of seeds where it beats another, as the paper counts.

    Reproduced: all of ours where the paper has all, none where it has none, from at least as many seeds, or else the
    very same count. Not reproduced: Fisher's exact test tells the two shares apart at 5 %.
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
        runs, rivals = arms(self.arm), arms(self.other) if self.other else {}
        missing = [name for name, found in ((self.arm, runs), (self.other, rivals)) if name and not found]
        if missing:
            return _not_run(*missing)
        detail = _diverged(self.arm, runs)
        if self.predicate is not None:
            hits = [self.predicate(run) for run in runs.values()]
        else:
            pairs = [(self.statistic(runs[s]), self.statistic(rivals[s])) for s in sorted(set(runs) & set(rivals))]
            differences = [a - b for a, b in pairs if a is not None and b is not None]
            hits = [difference < 0 for difference in differences]
            detail += _diverged(self.other, rivals)
            interval = intervals.of_difference(differences, [0.0] * len(differences))
            if differences:
                p = intervals.sign_flips(differences)
                detail.append(f"mean difference {_short(mean(differences))}{_span(interval)}, sign-flip p = {p:.2g}")
        k, n = sum(hits), len(hits)
        if not n:
            return Judgement(INCONCLUSIVE, detail=["no common seed"])
        if n >= self.of and (k / n == self.published / self.of):
            verdict = REPRODUCED
        else:
            p = intervals.same_share(k, n, self.published, self.of)
            detail.append(f"Fisher's exact p = {p:.2g} against {self.published} of {self.of}")
            verdict = NOT if p < 1 - intervals.LEVEL else INCONCLUSIVE
        return Judgement(verdict, f"{self.what}: {k} of {n}", float(k), None, n, detail=detail)


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
        runs = arms(self.arm)
        values = [value for value in map(self.statistic, runs.values()) if value is not None]
        if not values:
            return _not_run(self.arm)
        off = max(abs(value - self.published) for value in values)
        verdict = REPRODUCED if off <= self.tolerance else NOT
        low, high = min(values), max(values)
        shown = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
        return Judgement(verdict, f"{self.what}: {shown}", mean(values), None, len(values), self.tolerance)


@dataclass(frozen=True)
class Beyond:
    """The mean of one arm's statistic over the seeds that trained lies on one side of a limit.

    :param untrained: over all seeds: the statistic is of the time before training
    """

    arm: str
    statistic: Statistic
    what: str
    above: float = -math.inf
    below: float = math.inf
    untrained: bool = False

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        runs = arms(self.arm)
        if not runs:
            return _not_run(self.arm)
        found = [self.statistic(run) for run in runs.values() if self.untrained or not run.diverged]
        values = [value for value in found if value is not None]
        detail = [] if self.untrained else _diverged(self.arm, runs)
        limits = [f"above {self.above:.3g}"] if self.above > -math.inf else []
        limits += [f"below {self.below:.3g}"] if self.below < math.inf else []
        wanted = f"{self.what} ({self.arm}) {' and '.join(limits)}"
        if len(values) < intervals.FEWEST:
            wanted += f": {_short(mean(values))}" if values else ": no seed"
            return Judgement(INCONCLUSIVE, wanted, seeds=len(values), detail=[*detail, "fewer than three seeds"])
        interval, centre = intervals.of_mean(values), mean(values)
        assert interval is not None
        verdict = _inside(interval, self.above, self.below)
        return Judgement(
            verdict, f"{wanted}: {_short(centre)}{_span(interval)}", centre, interval, len(values), detail=detail
        )


class Together:
    """Several things that must all hold: reproduced if all are, not reproduced if any is not."""

    def __init__(self, *parts: Any):
        self.parts = parts

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        found = [part.judge(arms) for part in self.parts]
        verdicts = {judgement.verdict for judgement in found}
        order = (NOT_RUN, NOT, INCONCLUSIVE, REPRODUCED)
        verdict = next(candidate for candidate in order if candidate in verdicts)
        held = sum(judgement.verdict == REPRODUCED for judgement in found)
        detail = [f"{judgement.measured}: {judgement.verdict}" for judgement in found if judgement.measured]
        detail += dict.fromkeys(line for judgement in found for line in judgement.detail)
        measured = f"{held} of {len(found)} hold"
        return Judgement(verdict, measured, seeds=min(judgement.seeds for judgement in found), detail=detail)


@dataclass(frozen=True)
class Claim:
    """What a paper states.

    :param source: where it stands in the paper
    :param printed: as it stands there, with its unit apart
    :param evidence: any of the kinds above
    :param decided: what the paper leaves open here, and the choice or the proxy
    :param remark: why it does not hold, for the reader; shown only where it does not
    :param data: the data set (default: the experiment's first)
    """

    id: str
    source: str
    statement: str
    printed: str
    unit: str
    evidence: Any
    decided: str = ""
    remark: str = ""
    data: str = ""
