"""Timings as a table for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from gmbench.registry import layer_type
from gmbench.timing import goals

LEAST_WIDTH = 176  # where there is no terminal that would say


def _time(seconds: float) -> str:
    """Three digits and a unit, such as ``1.49 ms``."""
    unit, scale = next((u for u in (("s", 1.0), ("ms", 1e3)) if seconds * u[1] >= 1), ("us", 1e6))
    return f"{seconds * scale:.3g} {unit}"


def show(rows: list[dict[str, Any]]) -> None:
    """Print one line a row, and below the table why a row has no time."""
    console = _console()
    table = _table(("implementation", "size", "allocator", "pass"))
    for heading in ("median", "x floor", "x fastest other", "x nn.Linear", "same size", "peak MB", "ulps"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for row in rows:
        start = (
            row["implementation"],
            f"{row['size']} x {row['batch']}",
            row["allocator"] or row["device"],
            row["pass"],
        )
        table.add_row(*start, *_numbers(row), row["status"])
    console.print(table)
    console.print(
        "x: median of the ratios of interleaved calls, with its 95 % interval; same size: nn.Linear of as many"
    )
    console.print("parameters. The fastest other is the fastest implementation beside it that is right.")
    if any(row.get("disturbed") for row in rows):
        console.print("* interrupted in nearly every call: time and ratio mean little, repeat it on a quiet machine")
    failed = [row for row in rows if row["message"]]
    for text in dict.fromkeys(f"{row['implementation']}: {row['message']}" for row in failed):
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def show_goals(rows: list[dict[str, Any]]) -> None:
    """Print every goal of the layer types in the rows, and whether it is reached."""
    console = _console()
    table = _table(("goal", "allocator"))
    for heading in ("measured", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for kind_name in dict.fromkeys(row["layer_type"] for row in rows):
        kind = layer_type(kind_name)
        for goal in kind.goals:
            found = [(row, seen) for row in rows if (seen := goals.measured(kind, goal, row))]
            for row, seen in found:
                middle, low, high = (_amount(goal, value) for value in seen)
                place = row["allocator"] or row["device"]
                table.add_row(goals.text(goal), place, middle, f"{low} - {high}", goals.verdict(goal.at_most, seen))
            if not found:
                table.add_row(goals.text(goal), "", "", "", goals.verdict(goal.at_most, None))
    console.print(table)
    console.print("The goals are for two cores with AVX-512; on another machine they are only reported.")


def _amount(goal, value):
    return f"{value / 1e6:.3g} MB" if goal.against is None else f"{value:.3g}"


def _console():
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, LEAST_WIDTH)
    return console


def _table(headings):
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _numbers(row):
    if row["status"] != "passed":
        return [""] * 7
    ratios, peak = row["ratios"], row["peak_bytes"]
    rivals = [name for name in ratios if "/" in name]
    rival = max(rivals, key=lambda name: ratios[name][0], default=None)  # the larger the ratio, the faster the other
    return [
        _time(row["median"]) + (" *" if row["disturbed"] else ""),
        _ratio(ratios["floor"]),
        _ratio(ratios[rival]) if rival else "",
        f"{ratios['linear'][0]:.3g}",
        f"{ratios['linear-matched'][0]:.3g}",
        "" if peak is None else f"{peak / 1e6:.3g}",
        f"{row['ulps']:.2g} of {row['claim']:g}",
    ]


def _ratio(found):
    middle, low, high = found
    return f"{middle:.3g} ({low:.3g}-{high:.3g})"
