"""The small leaderboard that a run prints; the reports have the full one, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gmbench.claims.metric import ERROR, Metric


def board(results: Iterable[Mapping[str, Any]], metric: Metric = ERROR) -> list[dict[str, Any]]:
    """One row per arm and implementation of finished cells, best first.

    ``arm``, ``implementation`` (None where the arm has no layer), ``seeds``, ``diverged`` (seeds), and test errors in
    the unit of ``metric``: ``best`` (its mean over seeds), ``best_min``, ``best_max``, ``last`` (mean over seeds). The
    best is the best epoch's after training began.
    """
    arms: dict[tuple[str, str | None], list[Mapping[str, Any]]] = {}
    for result in results:
        spec = result["spec"]
        arms.setdefault((spec["arm"], (spec["implementation"] or {}).get("name")), []).append(result)
    rows = []
    for (arm, implementation), found in arms.items():
        best = [min(epoch["test_error"] for epoch in result["epochs"][1:] or result["epochs"]) for result in found]
        last = [result["epochs"][-1]["test_error"] for result in found]
        rows.append(
            {
                "arm": arm,
                "implementation": implementation,
                "seeds": len(found),
                "diverged": sum(result["measures"].get("diverged") is not None for result in found),
                "best": metric.mean(best),
                "best_min": min(best),
                "best_max": max(best),
                "last": metric.mean(last),
            }
        )
    return sorted(rows, key=lambda row: row["best"])


def table(rows: Iterable[Mapping[str, Any]], title: str, metric: Metric = ERROR):
    """The rows of :func:`board` as a rich table."""
    from rich.table import Table

    shown = Table(title=title, title_justify="left")
    shown.add_column("arm", no_wrap=True)  # two names may differ at their ends alone
    shown.add_column("layer", overflow="fold")
    for column in ("seeds", f"best {metric.short}, mean [min - max]", f"last {metric.short}, mean"):
        shown.add_column(column, justify="right", overflow="fold")
    for row in rows:
        seeds = f"{row['seeds']}" + (f" ({row['diverged']} diverged)" if row["diverged"] else "")
        mean, low, high, last = (metric.said(row[key]) for key in ("best", "best_min", "best_max", "last"))
        unit = f" {metric.unit}" if metric.unit else ""
        shown.add_row(row["arm"], row["implementation"] or "", seeds, f"{mean}{unit} \\[{low} - {high}]", last + unit)
    return shown
