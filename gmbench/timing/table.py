"""Timings as a table for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

LEAST_WIDTH = 132  # where there is no terminal that would say


def duration(seconds: float) -> str:
    """Three digits and a unit, such as ``1.49 ms``."""
    unit, scale = next((u for u in (("s", 1.0), ("ms", 1e3)) if seconds * u[1] >= 1), ("us", 1e6))
    return f"{seconds * scale:.3g} {unit}"


def show(rows: list[dict[str, Any]]) -> None:
    """Print one line a row, and below the table why a row has no time."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, LEAST_WIDTH)
    table = Table(box=None, pad_edge=False)
    for heading in ("implementation", "size", "pass"):
        table.add_column(heading, no_wrap=True)
    for heading in ("median", "95 % interval", "x floor", "nn.Linear", "peak MB", "ulps"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for row in rows:
        start = (row["implementation"], f"{row['size']} x {row['batch']}", row["pass"])
        table.add_row(*start, *_numbers(row), row["status"])
    console.print(table)
    if any(row.get("disturbed") for row in rows):
        console.print("* interrupted in nearly every call: time and ratio mean little, repeat it on a quiet machine")
    for text in dict.fromkeys(f"{row['implementation']}: {row['message']}" for row in rows if row["message"]):
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _numbers(row):
    if row["status"] != "passed":
        return [""] * 6
    peak = row["peak_bytes"]
    return [
        duration(row["median"]) + (" *" if row["disturbed"] else ""),
        f"{duration(row['low'])} - {duration(row['high'])}",
        f"{row['ratio']:.3g}",
        duration(row["linear"]),
        "" if peak is None else f"{peak / 1e6:.3g}",
        f"{row['ulps']:.2g} of {row['claim']:g}",
    ]
