"""Arms at their best settings: what equal tuning budgets come to, part of an experiment's page."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from gmbench.experiments.contract import Experiment
from gmbench.report.figures.colours import places_of
from gmbench.report.figures.tuned import best_of
from gmbench.report.text.markdown import code, table, text
from gmbench.report.text.page import Page, slug
from gmbench.results.frames import NONE
from gmbench.results.read import Results
from gmbench.results.tuned import Tuned, tunings
from gmbench.runs.spec import said


def section(found: Page, results: Results, known: Experiment) -> None:
    """A part of the page for every data set and budget with trials."""
    for (data, budget), arms in tunings(results.results.values(), known).items():
        _tuning(found, known, data, budget, arms)


def _tuning(found: Page, known: Experiment, data: str, budget: str, arms: Sequence[Tuned]) -> None:
    metric, where = known.metric, f"{data}, budget {budget}"
    names = [arm.arm for arm in arms]
    rows = {
        arm.arm if names.count(arm.arm) == 1 else f"{arm.arm} ({arm.best.spec.layer})": arm.as_dict() for arm in arms
    }
    numbers = sorted({len(row["trials"]) for row in rows.values()})
    trials = " to ".join(map(str, dict.fromkeys([numbers[0], numbers[-1]])))
    found.add(
        f"## Tuned: {text(where)}",
        f"Each arm is tuned by quasi-random trials over a space of its own, {trials} an arm, on a part of the training "
        "data that is left out of training. The best is then trained with several seeds, and the table has the error "
        "of their last epochs on the test data.",
        "" if len(numbers) == 1 else "**Budgets are not equal**: compare arms at the number of trials that all have.",
        table(_row(label, row, known) for label, row in rows.items()),
    )
    own = places_of(known)
    free = (place for place in itertools.count() if place not in own.values())
    figure = best_of(
        {label: row["expected_best"] for label, row in rows.items()},
        {label: own[label] if label in own else next(free) for label in rows},
        f"expected validation {metric.titled(metric.short)}",
        f"{known.name} on {where}: the best of n trials",
    )
    found.show(slug(known.name, where, "tuned"), figure, f"expected validation {metric.short} of the best of n trials")
    found.add(
        f"The height of a line at n is the validation {metric.short} that the best of n trials is expected to have "
        "(Dodge et al. 2019): where lines cross, which arm is better depends on how much one tunes. A best trial "
        "flatters itself on the validation data; the table has the test data beside.",
        f"This makes it again: {code(_command(known, data, budget, numbers[-1]))}",
    )


def _command(known: Experiment, data: str, budget: str, number: int) -> str:
    return f"gmbench tune {known.name} --data {data} --budget {budget} --trials {number} --store STORE"


def _row(label: str, row: Mapping[str, Any], known: Experiment) -> dict[str, str]:
    metric, errors = known.metric, list(row["test_errors"].values())
    ends = metric.interval(errors) if errors else None
    lost = sum(trial["diverged"] for trial in row["trials"])
    return {
        "arm": text(label),
        "trials": str(len(row["trials"])) + (f" ({lost} diverged)" if lost else ""),
        "chosen settings": text(said(row["settings"]) or "its own"),
        metric.titled(f"validation {metric.short}"): metric.said(row["validation_error"]),
        "seeds": str(len(errors)) + (f" ({row['diverged']} diverged)" if row["diverged"] else ""),
        metric.titled(f"test {metric.short}"): metric.said(row["test_error"]) if errors else NONE,
        "95 % interval": " to ".join(map(metric.said, ends)) if ends else NONE,
    }
