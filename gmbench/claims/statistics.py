"""What one cell came to, and the statistics of it that claims are about."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gmbench.claims.metric import ERROR, MEAN_SQUARE, Metric
from gmbench.data import data_sets

LAST = 5  # epochs that a late error is averaged over
PATHS = ("moved", "distance", "size", "means", "covariances")


@dataclass(frozen=True)
class Run:
    """One whole cell. What has a default, only claims ask for.

    :param errors: the test errors at the ends of epochs 1, 2, ..., in the unit of ``metric``; a run that diverged
        stays at its last one
    :param steps: at the ends of the same epochs
    :param measures: what the whole cell has one of
    :param initial: the row of epoch 0, before training
    :param final: the row of the last epoch that it trained
    :param paths: of a layer's components, as experiments with one GM layer keep them; empty where there are none
    :param classes: of the data set; None where there are none to guess
    """

    seed: int
    errors: tuple[float, ...]
    steps: tuple[int, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    final: Mapping[str, Any] = field(default_factory=dict)
    paths: Mapping[str, Any] = field(default_factory=dict)
    metric: Metric = ERROR
    classes: int | None = None

    @classmethod
    def of(
        cls,
        seed: int,
        epochs: int,
        rows: Sequence[Mapping[str, Any]],
        measures: Mapping[str, Any],
        paths: Any = None,
        data: str = "",
        metric: Metric = ERROR,
    ) -> Run:
        """From the parts of a result.

        :param epochs: that it was to train
        :param rows: of its epochs, the first one before training
        :param metric: of the experiment

        :raises ValueError: if it is not one of a whole training, in one line
        """
        try:
            initial, *trained = rows
            each = int(trained[0]["step"]) - int(initial["step"])
            errors = [float(row["test_error"]) for row in trained]
            found = _paths(paths, epochs)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a cell ({type(error).__name__}: {error})") from None
        if not all(map(metric.sound, errors)):
            raise ValueError(f"a {metric.name} is not between 0 and {metric.most:g} {metric.unit}".strip())
        if len(errors) > epochs or (len(errors) < epochs and measures.get("diverged") is None):
            raise ValueError(f"it has {len(errors)} of {epochs} epochs")
        steps, known = tuple(each * (i + 1) for i in range(epochs)), data_sets().get(data)
        return cls(
            *(seed, padded(errors, epochs), steps, measures, initial, trained[-1], found, metric),
            known.classes if known else None,
        )

    @property
    def diverged(self) -> bool:
        """Whether its loss overflowed."""
        return self.measures.get("diverged") is not None

    @property
    def stuck(self) -> bool:
        """Whether it trained to the end and never left guessing."""
        return not self.diverged and best(self) > self.metric.guessing(self.classes)


def padded(errors: Sequence[float], epochs: int) -> tuple[float, ...]:
    """The test errors of all epochs: after those there are, the last one's."""
    return (*errors, *[errors[-1]] * (epochs - len(errors)))


def _paths(found: Any, epochs: int) -> Mapping[str, Any]:
    if not found:
        return {}
    if any(len(found[name]) != epochs + 1 for name in PATHS):
        raise ValueError("its paths are not of every epoch")
    for name in PATHS:
        if not np.isfinite(np.asarray(found[name], float)).all():
            raise ValueError("its paths are not finite")
    return found


Statistic = Callable[[Run], float | None]


def best(run: Run) -> float:
    """The lowest test error of any epoch."""
    return min(run.errors)


def last(run: Run) -> float:
    """The last epoch's test error."""
    return run.errors[-1]


def late(run: Run) -> float:
    """The mean test error of the last five epochs."""
    return run.metric.mean(run.errors[-LAST:])


def area(run: Run) -> float:
    """The mean test error over all epochs, by the trapezoidal rule."""
    if len(run.errors) == 1:
        return run.errors[0]
    found = float(np.trapezoid([run.metric.scaled(error) for error in run.errors]) / (len(run.errors) - 1))
    return 10**found if run.metric.decades else found


def changed(error: Statistic, change: Callable[[float], float]) -> Statistic:
    """A statistic with its value changed, where it has one."""

    def found(run: Run) -> float | None:
        value = error(run)
        return None if value is None else change(value)

    return found


def decades(error: Statistic) -> Statistic:
    """The decimal logarithm of an error, so that differences are in orders of magnitude."""
    return changed(error, MEAN_SQUARE.scaled)


def accuracy(error: Statistic) -> Statistic:
    """100 % minus an error."""
    return changed(error, lambda value: 100 - value)


def error_after(epoch: int) -> Statistic:
    """The test error at the end of an epoch; None for a shorter run."""
    return lambda run: run.errors[epoch - 1] if len(run.errors) >= epoch else None


def steps_to(error: float) -> Statistic:
    """The step of the first epoch end at or below a test error; infinite if there is none."""
    return lambda run: next((s for s, e in zip(run.steps, run.errors, strict=True) if e <= error), math.inf)


def first_hit(error: float) -> Statistic:
    """The same with every test that was made, as the cell measured it; None where it did not look."""
    name = f"steps_to_{error:g}"

    def found(run: Run) -> float | None:
        if name not in run.measures:
            return None
        step = _number(run.measures[name])
        return math.inf if step is None else step

    return found


def reaches(error: float) -> Callable[[Run], bool]:
    """Whether any epoch ends at or below a test error."""
    return lambda run: best(run) <= error


def measure(name: str) -> Statistic:
    """A measure of the cell."""
    return lambda run: _number(run.measures.get(name))


def row(name: str) -> Statistic:
    """A number of the last epoch's row."""
    return lambda run: _number(run.final.get(name))


def initial_loss(run: Run) -> float | None:
    """The test loss before training, in nats."""
    return _number(run.initial.get("test_loss"))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
