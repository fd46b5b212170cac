"""The goals of the layer types, and how the timings of a store stand to them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gmbench import registry
from gmbench.contract import Goal
from gmbench.report.text.markdown import counted, exact, number, table, text
from gmbench.report.text.page import Page
from gmbench.results.frames import NONE, absent
from gmbench.timing import goals
from gmbench.timing.goals import VERDICTS, verdict
from gmbench.timing.sizes import ALLOCATORS

if TYPE_CHECKING:
    import pandas

COMMAND = "gmbench time --goals --runs 5 --store STORE"
UNMEASURED = VERDICTS[-1]
Ratio = tuple[float, float | None, float | None]


@dataclass(frozen=True)
class Outcome:
    """What one goal came to under one allocator on one machine; ``measured`` is Markdown."""

    layer_type: str
    goal: Goal
    allocator: str
    run: str
    runs: int | None
    measured: str
    verdict: str


def ratio_to(row: Mapping[str, Any], other: str) -> Ratio | None:
    """The ratio of a row's time to another's, and the ends of its 95 % interval, None where they are not known.

    ``other`` is a yardstick or the key of an implementation.
    """
    found = None if absent(row["ratios"]) else row["ratios"].get(other)
    if found is None or absent(found[0]):
        return None
    low, high = (None if absent(end) else float(end) for end in found[1:])
    return float(found[0]), low, high


def shown(ratio: Ratio | None) -> str:
    """A ratio, and its interval in brackets if there is one."""
    if ratio is None:
        return NONE
    centre, low, high = ratio
    return number(centre) + ("" if low is None or high is None else f" ({number(low)} to {number(high)})")


def outcomes(frame: pandas.DataFrame) -> list[Outcome]:
    """Every goal of every layer type under each allocator that it is for; on each machine that has a row of it."""
    rows = frame.to_dict("records")
    return [
        outcome
        for name, kind in registry.layer_types().items()
        for goal in kind.goals
        for allocator in ([goal.allocator] if goal.allocator else ALLOCATORS)
        for outcome in _outcomes(name, goal, allocator, rows)
    ]


def counts(found: list[Outcome]) -> str:
    """How many goals came to which verdict, in words."""
    seen = Counter(outcome.verdict for outcome in found)
    return ", ".join(f"{seen[name]} {name}" for name in VERDICTS if seen[name])


def add(page: Page, frame: pandas.DataFrame) -> None:
    """The table of goals, if any layer type has some."""
    found = outcomes(frame)
    if not found:
        return
    several = len({(outcome.layer_type, outcome.goal) for outcome in found})
    page.add(
        "## Goals",
        f"{counted(several, 'goal')}, judged under each allocator: {counts(found)}. The median decides, narrowly "
        "where its 95 % interval holds the limit. The goals are for two cores with AVX-512; on other machines they are "
        "only reported.",
        table(_row(outcome, any(other.run for other in found)) for outcome in found),
    )
    page.add(f"This measures them: `{COMMAND}`")


def _row(outcome: Outcome, several: bool) -> dict[str, str]:
    missed = outcome.verdict.startswith("not reached")
    return {
        "layer type": text(outcome.layer_type),
        "goal": text(goals.text(outcome.goal)),
        **({"run": text(outcome.run or NONE)} if several else {}),
        "allocator": text(outcome.allocator),
        "verdict": f"**{outcome.verdict}**" if missed else outcome.verdict,
        "measured": outcome.measured,
        "runs": exact(outcome.runs),
    }


def _outcomes(name: str, goal: Goal, allocator: str, rows: list[dict]) -> Iterator[Outcome]:
    kind = registry.layer_type(name)
    own = [row for row in rows if row.get("allocator") == allocator and goals.concerns(kind, goal, row)]
    if not own:
        yield Outcome(name, goal, allocator, "", None, NONE, UNMEASURED)
    for row in own:
        runs = row.get("runs")
        yield Outcome(name, goal, allocator, row["run"], None if absent(runs) else int(runs), *_judged(name, goal, row))


def _judged(name: str, goal: Goal, row: dict) -> tuple[str, str]:
    """What was measured of a goal, as Markdown, and the verdict."""
    if row["status"] != "passed":
        return f"no time: {text(row['status'])}", UNMEASURED
    kind = registry.layer_type(name)
    other = goals.rival(kind, goal)
    if other is None:
        found = goals.temporaries(kind, row)
        if found is None:
            return NONE, UNMEASURED
        whole = number(row["peak_bytes"] / 1e6)
        said = f"{number(found / 1e6)} MB, {whole} MB with what it returns"
        return said, verdict(goal.at_most, (found, found, found))
    ratio = ratio_to(row, other)
    faster = ratio and other != "floor" and goal.at_most < 1
    return (f"{shown(_inverse(ratio))} times" if ratio and faster else shown(ratio)), verdict(goal.at_most, ratio)


def _inverse(ratio: Ratio) -> Ratio:
    """How many times faster, from how many times as long."""
    centre, low, high = ratio

    def inverse(part: float) -> float:
        return 1 / part if part else math.inf

    return inverse(centre), None if high is None else inverse(high), None if low is None else inverse(low)
