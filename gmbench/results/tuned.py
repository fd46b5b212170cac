"""Tuned arms: what trials on a validation split came to, and the best of them on the test data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gmbench.claims.metric import ERROR, Metric
from gmbench.runs.cell import CellResult
from gmbench.runs.spec import VALIDATION, said

if TYPE_CHECKING:
    from gmbench.experiments.contract import Experiment


@dataclass(frozen=True)
class Tuned:
    """One arm with its trials, and the final cells of the best.

    :param trials: in the order in which they were drawn
    :param final: of each seed
    """

    arm: str
    trials: Sequence[CellResult]
    final: Sequence[CellResult] = ()
    metric: Metric = ERROR

    @property
    def best(self) -> CellResult:
        """The trial that is chosen: the lowest validation error at the end, of equal ones the lowest loss, and of
        those the first.
        """
        return min(self.trials, key=lambda trial: (_end(trial), _loss(trial)))

    @property
    def expected(self) -> list[float]:
        """The expected validation error of the best of 1, 2, ... trials."""
        return expected_best([_end(trial) for trial in self.trials])

    def as_dict(self) -> dict[str, Any]:
        """Plain data: the trials, the best of n against n, and the final errors by seed."""
        best, errors = self.best, {result.spec.seed: _end(result) for result in self.final}
        return {
            "arm": self.arm,
            "trials": [
                {
                    "cell": trial.id,
                    "settings": dict(trial.spec.settings or {}),
                    "validation_error": _end(trial),
                    "validation_loss": trial.epochs[-1].get("test_loss"),
                    "diverged": trial.diverged,
                }
                for trial in self.trials
            ],
            "settings": dict(best.spec.settings or {}),
            "validation_error": _end(best),
            "expected_best": self.expected,
            "test_errors": errors,
            "test_error": self.metric.mean(list(errors.values())) if errors else None,
            "diverged": sum(result.diverged for result in self.final),
        }


def _end(result: CellResult) -> float:
    error = result.epochs[-1]["test_error"]
    assert error is not None  # as a cell's record has it
    return error


def _loss(result: CellResult) -> float:
    loss = result.epochs[-1].get("test_loss")
    return float("inf") if loss is None else loss


def expected_best(values: Sequence[float]) -> list[float]:
    """The expected lowest of n values, for n from 1 to N, drawn from N with replacement (Dodge et al. 2019, Show Your
    Work, arXiv:1909.03004, for a largest): with v_(1) <= ... <= v_(N)::

        sum over i of v_(i) (((N - i + 1) / N)^n - ((N - i) / N)^n)

    It is of these trials; of other trials it would be another.
    """
    ordered, whole = np.sort(np.asarray(values, float)), len(values)
    above = (whole - np.arange(whole + 1)) / max(whole, 1)  # the share of values at least as high as v_(i + 1)
    return [float(ordered @ (above[:-1] ** n - above[1:] ** n)) for n in range(1, whole + 1)]


def tuned(trials: Iterable[CellResult], final: Iterable[CellResult], metric: Metric = ERROR) -> list[Tuned]:
    """Each arm of a tuning, the best final error first, and those without one last.

    :param trials: in the order in which they were drawn
    :param final: of the chosen trials, others are left out
    """
    by_arm: dict[tuple[str, str], list[CellResult]] = {}
    for trial in trials:
        by_arm.setdefault((trial.spec.arm, trial.spec.layer), []).append(trial)
    ends, found = list(final), []
    for (arm, layer), tried in by_arm.items():
        chosen = Tuned(arm, tried).best.spec
        own = [
            result
            for result in ends
            if (result.spec.arm, result.spec.layer, result.spec.settings) == (arm, layer, chosen.settings)
        ]
        found.append(Tuned(arm, tried, own, metric))

    def rank(each: Tuned) -> tuple[bool, float]:
        error = each.as_dict()["test_error"]
        return error is None, 0.0 if error is None else error

    return sorted(found, key=rank)


def tunings(results: Iterable[CellResult], chosen: Experiment) -> dict[tuple[str, str], list[Tuned]]:
    """What a store has of an experiment's tunings, by data set and budget, in the experiment's order."""
    own = [each for each in results if (each.spec.experiment, each.spec.version) == (chosen.name, chosen.version)]
    found = {}
    for data in chosen.data_sets:
        for budget in chosen.budgets:
            here = [each for each in own if (each.spec.data, each.spec.budget) == (data, budget)]
            final = [each for each in here if each.spec.split is None]
            ended = [(each.spec.label, each.spec.layer) for each in final]

            def drawn(trial: CellResult, ended: list[tuple[str, str]] = ended) -> tuple[bool, str]:
                # in which order they were drawn is not kept: of equal ones the one that was chosen comes first
                return (trial.spec.label, trial.spec.layer) not in ended, trial.id

            trials = sorted((each for each in here if each.spec.split == VALIDATION), key=drawn)
            if trials:
                found[data, budget] = tuned(trials, final, chosen.metric)
    return found


def tables(rows: Sequence[Mapping[str, Any]], title: str, metric: Metric = ERROR) -> list[Any]:
    """Two rich tables of what :meth:`Tuned.as_dict` gives: the best of n trials against n, and the final errors."""
    from rich.table import Table

    most = max((len(row["trials"]) for row in rows), default=0)
    counts = sorted({2**i for i in range(most.bit_length()) if 2**i <= most} | ({most} if most else set()))
    expected = Table(title=f"{title}: expected validation {metric.short} of the best of n trials", title_justify="left")
    final = Table(title=f"{title}: test {metric.short} of the best trial, last epoch", title_justify="left")
    expected.add_column("arm", no_wrap=True)
    for n in counts:
        expected.add_column(f"n = {n}", justify="right")
    for name in ("arm", "settings", "seeds", "mean [min - max]"):
        final.add_column(name, overflow="fold", justify="right" if name in ("seeds", "mean [min - max]") else "left")
    for row in rows:
        found = row["expected_best"]
        expected.add_row(row["arm"], *(metric.said(found[n - 1]) if n <= len(found) else "" for n in counts))
        errors = list(row["test_errors"].values())
        seeds = f"{len(errors)}" + (f" ({row['diverged']} diverged)" if row["diverged"] else "")
        ends = [metric.mean(errors), min(errors), max(errors)] if errors else []
        shown = "{} \\[{} - {}]".format(*map(metric.said, ends)) if ends else ""
        final.add_row(row["arm"], said(row["settings"]) or "its own", seeds, shown)
    return [expected, final]
