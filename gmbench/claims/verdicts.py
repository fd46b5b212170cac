"""The words of a verdict, and the form that every judgement has."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

# A printed number: ours is what the paper may have seen, or it is not; and which side is the better one.
AGREES = "agrees"
BETTER, WORSE = "differs, ours better", "differs, ours worse"
ABOVE, BELOW = "differs, ours above", "differs, ours below"  # where neither side is better, as of a count of parameters
# An ordering, an equivalence, a limit; and several of them together.
HOLDS, REVERSED, NO_DIFFERENCE = "holds", "reversed", "no difference"
DOES_NOT_HOLD = "does not hold"
# Nothing decided, and why.
TOO_FEW = "too few seeds"
DEPENDS = "depends on a choice"
UNDECIDABLE = "undecidable by runs"
NOT_RUN = "not run"

VERDICTS = (
    *(AGREES, BETTER, WORSE, ABOVE, BELOW),
    *(HOLDS, REVERSED, NO_DIFFERENCE, DOES_NOT_HOLD),
    *(TOO_FEW, DEPENDS, UNDECIDABLE, NOT_RUN),
)
FAVOURABLE = (AGREES, HOLDS)
DIFFERS = (BETTER, WORSE, ABOVE, BELOW)
AGAINST = (*DIFFERS, REVERSED, DOES_NOT_HOLD)

LOWER, HIGHER, NEITHER = "lower", "higher", "neither"  # which side is better

OPPOSED = (*AGAINST, NO_DIFFERENCE)  # decided, and not as the paper says

LEVEL = 0.05  # of every test; intervals are of 1 - LEVEL
FEWEST = 6  # paired seeds of a test: with five, an exact one cannot reach 5 %
QUICK = 10  # the same where a cell takes less than a minute


def side_of(above: bool, better: str) -> str:
    """The verdict on a number that differs, by the side on which ours lies.

    :param better: ``LOWER`` of errors, losses, times and steps, ``HIGHER`` of accuracies, ``NEITHER`` of counts
    """
    if better not in (LOWER, HIGHER, NEITHER):
        raise ValueError(f"better is {LOWER}, {HIGHER} or {NEITHER}, not {better!r}")
    if better == NEITHER:
        return ABOVE if above else BELOW
    return BETTER if above == (better == HIGHER) else WORSE


@dataclass(frozen=True)
class Decision:
    """A verdict, and what it rests on, in the unit of what was compared.

    :param reason: in words
    :param shown: what was measured, in words
    :param centre: our mean (of an ordering: the mean difference; of a count: the share)
    :param interval: of that, 95 %: of a mean or a mean difference by Student's t, of a count the exact one; None where
        there is none, as of the worst of several
    :param prediction: of a printed number, the 95 % interval in which the paper's is expected
    :param low, high: what is printed, with its rounding
    :param margin: of a printed number its rounding on either side; of an ordering the difference that counts as none
    :param resolution: of a printed number, half the widest prediction interval that says something
    :param seeds: those that it rests on, of an ordering pairs
    :param p: of the test that decides it, alone; None where nothing is tested
    :param holm: the same after Holm, where it is one part of several
    :param difference: ours less the published value, the nearer end of a range
    :param factor: ours over the same, where both are positive
    :param otherwise: the verdict if ``p`` were above the level
    :param towards: of too few seeds, the verdict that more of the same would come to; empty where none would
    :param level: of the test, a part's after Holm's first step
    :param missing: what was not run
    :param parts: of a claim of several
    :param detail: what else is to be seen, in lines
    :param enough: the smallest number of seeds that would decide at a level, None if none would
    """

    verdict: str
    reason: str = ""
    shown: str = ""
    centre: float | None = None
    interval: tuple[float, float] | None = None
    prediction: tuple[float, float] | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    resolution: float | None = None
    seeds: int = 0
    p: float | None = None
    holm: float | None = None
    difference: float | None = None
    factor: float | None = None
    otherwise: str = TOO_FEW
    towards: str = ""
    level: float = LEVEL
    missing: tuple[str, ...] = ()
    parts: tuple[Decision, ...] = ()
    detail: tuple[str, ...] = ()
    enough: Callable[[float], int | None] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"no such verdict: {self.verdict!r}")

    @functools.cached_property
    def needed(self) -> int | None:
        """How many seeds would decide it, if it is one of too few; None if it is not, or if no number would."""
        return self.enough(self.level) if self.verdict == TOO_FEW and self.enough else None

    @property
    def side(self) -> str:
        """Where ours lies if it is decided against the paper: ``"above"`` or ``"below"``."""
        if self.verdict not in AGAINST or not self.difference:
            return ""
        return "above" if self.difference > 0 else "below"

    @property
    def tests(self) -> tuple[float, ...]:
        """The p-values of all tests that it rests on, each alone."""
        if self.parts:
            return tuple(p for part in self.parts for p in part.tests)
        return () if self.p is None else (self.p,)

    @property
    def said(self) -> str:
        """The verdict with how many seeds would decide, or by how much it differs."""
        if self.verdict == TOO_FEW:
            needed = self.needed
            return f"{TOO_FEW} ({needed} would decide)" if needed else f"{TOO_FEW} (more of ours do not decide it)"
        if self.verdict in DIFFERS and self.factor is not None and not 0.5 < self.factor < 2:
            return f"{self.verdict}, {self.factor:.3g} times as large"
        if self.verdict in DIFFERS and self.difference is not None:
            return f"{self.verdict}, by {abs(self.difference):.3g}"
        return self.verdict


def undecidable(reason: str) -> Decision:
    """What no run can decide, and why: that something is not known, or a time on a machine of the paper's."""
    return Decision(UNDECIDABLE, reason)


def not_run(*missing: str) -> Decision:
    """What has no cells, by name."""
    return Decision(NOT_RUN, f"no cells of {', '.join(missing)}", missing=missing)
