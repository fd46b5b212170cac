"""What an experiment's test error is: the share of wrong labels, or a mean square; how it is averaged and shown.

Cells keep it as ``test_error`` whatever it is. The mean of a mean square over seeds is the geometric one, for it spans
decades: a single bad seed would else be the mean. Its differences are in decades, and so are intervals of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from gmbench.claims import intervals

TINY = 1e-300  # below any mean square of ours; so that 0 has a logarithm


@dataclass(frozen=True)
class Metric:
    """A test error.

    :param name: what it is, without its unit
    :param short: the same in a heading that says which
    :param unit: ``"%"`` or nothing
    :param most: what it cannot exceed
    :param decades: it is averaged and compared by its logarithm
    :param difference: what a difference of two is counted in
    :param loss: the unit of a loss, or nothing
    :param lost: how a seed that diverged counts, in words
    """

    name: str
    short: str
    unit: str
    most: float
    decades: bool
    difference: str
    loss: str
    lost: str

    def titled(self, words: str = "") -> str:
        """``best error, %``: a heading with the unit."""
        return ", ".join(filter(None, [words or self.name, self.unit]))

    def said(self, error: float) -> str:
        """An error as a table shows it, without its unit."""
        return f"{error:.2e}" if self.decades else f"{error:,.2f}"

    def mean(self, errors: Sequence[float]) -> float:
        """The mean over seeds, geometric if it is one of decades."""
        return 10 ** mean(map(self.scaled, errors)) if self.decades else mean(errors)

    def interval(self, errors: Sequence[float]) -> tuple[float, float] | None:
        """The 95 % interval of that mean; None for fewer than three."""
        if not self.decades:
            return intervals.of_mean(errors, 0, self.most)
        found = intervals.of_mean([self.scaled(error) for error in errors])
        return None if found is None else (10 ** found[0], 10 ** found[1])

    def scaled(self, error: float) -> float:
        """What differences are taken of: the error, or its decimal logarithm."""
        return math.log10(max(error, TINY)) if self.decades else error

    def paired(self, errors: Mapping[int, float]) -> dict[int, float]:
        """The same of every seed."""
        return {seed: self.scaled(error) for seed, error in errors.items()}

    def guessing(self, classes: int | None) -> float:
        """The test error that a run has to get down to, or it never left guessing.

        A guess among C classes is right with probability p = 1/C, with a deviation of sqrt(p (1 - p)). What is not
        guessed is right more often, by a third of that at least: 80 % error of 10 classes, 51 % of 3, 95.7 % of 100.
        Infinite where there are no classes to guess.
        """
        if self.decades or not classes:
            return math.inf
        right = self.most / classes
        return self.most - right - math.sqrt(right * (self.most - right)) / 3

    def sound(self, error: float) -> bool:
        """Whether a number can be such an error."""
        return math.isfinite(error) and 0 <= error <= self.most


ERROR = Metric("test error", "error", "%", 100, False, "points", "nats", "at 100 % error")
MEAN_SQUARE = Metric(
    *("test mean square", "mean square", "", math.inf, True, "decades", ""), "at the mean square of the target itself"
)
