"""Timings as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from gmbench.contract import Goal
from gmbench.registry import layer_type
from gmbench.timing import goals
from gmbench.timing.records import Timing

LEAST_WIDTH = 176  # where there is no terminal that would say


def with_unit(seconds: float) -> str:
    """Three digits and a unit, such as ``1.49 ms``."""
    unit, scale = next((u for u in (("s", 1.0), ("ms", 1e3)) if seconds * u[1] >= 1), ("us", 1e6))
    return f"{seconds * scale:.3g} {unit}"


def show(rows: Sequence[Timing]) -> None:
    """Print one line a row, and below the table why a row has no time."""
    console = _console()
    table = _table(("implementation", "size", "allocator", "pass"))
    for heading in ("median", "x floor", "x fastest other", "x nn.Linear", "same size", "peak MB", "ulps"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for row in rows:
        start = (row.implementation, f"{row.size} x {row.batch}", row.allocator or row.device, row.direction)
        table.add_row(*start, *_numbers(row), row.status)
    console.print(table)
    console.print(
        "x: median of the ratios of interleaved calls, with its 95 % interval; same size: nn.Linear of as many"
    )
    console.print("parameters. The fastest other is the fastest implementation beside it that is right.")
    if any(row.disturbed for row in rows):
        console.print("* interrupted in nearly every call: time and ratio mean little, repeat it on a quiet machine")
    for text in dict.fromkeys(f"{row.implementation}: {row.message}" for row in rows if row.message):
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def show_goals(rows: Sequence[Timing]) -> None:
    """Print every goal of the layer types in the rows, and whether it is reached."""
    console = _console()
    table = _table(("goal", "allocator"))
    for heading in ("measured", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for kind in map(layer_type, dict.fromkeys(row.layer_type for row in rows)):
        for goal in kind.goals:
            found = [(row, seen) for row in rows if (seen := goals.measured(kind, goal, row.as_dict()))]
            for row, seen in found:
                middle, low, high = (_amount(goal, value) for value in seen)
                place = row.allocator or row.device
                table.add_row(goals.text(goal), place, middle, f"{low} - {high}", goals.verdict(goal.at_most, seen))
            if not found:
                table.add_row(goals.text(goal), "", "", "", goals.verdict(goal.at_most, None))
    console.print(table)
    console.print("The goals are for two cores with AVX-512; on another machine they are only reported.")


def _amount(goal: Goal, value: float) -> str:
    return f"{value / 1e6:.3g} MB" if goal.against is None else f"{value:.3g}"


def _console() -> Console:
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, LEAST_WIDTH)
    return console


def _table(headings: Iterable[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _numbers(row: Timing) -> list[str]:
    if row.median is None or row.ratios is None:
        return [""] * 7
    others = [ratio for name, ratio in row.ratios.items() if "/" in name]
    return [
        with_unit(row.median) + (" *" if row.disturbed else ""),
        _ratio(row.ratios["floor"]),
        # the larger the ratio, the faster the other
        _ratio(max(others, key=lambda ratio: ratio[0] or 0.0)) if others else "",
        f"{row.ratios['linear'][0]:.3g}",
        f"{row.ratios['linear-matched'][0]:.3g}",
        "" if row.peak_bytes is None else f"{row.peak_bytes / 1e6:.3g}",
        f"{row.ulps:.2g} of {row.claim:g}",
    ]


def _ratio(found: Sequence[float | None]) -> str:
    middle, low, high = found
    return f"{middle:.3g} ({low:.3g}-{high:.3g})"
