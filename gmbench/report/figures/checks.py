"""The figure of checks: how large the errors are, and how large they are claimed to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gmbench.report.figures.style import MARKS, colour, drawn, key


@drawn
def ulps(panels: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Figure | None:
    """Worst ulps of each quantity on a log axis, and the claim, a panel a dtype.

    :param panels: for each title and implementation ``claim`` and ``quantities`` (name -> ulps or None)
    """
    panels = {title: rows for title, rows in panels.items() if rows}
    if not panels:
        return None
    names = list(dict.fromkeys(q for rows in panels.values() for row in rows.values() for q in row["quantities"]))
    heights = [len(rows) + 0.6 for rows in panels.values()]
    figure = Figure(figsize=(7.4, 0.42 * sum(heights) + 0.8 * len(panels) + 0.3), layout="constrained")
    every = figure.subplots(len(panels), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights})[:, 0]
    finite = [
        u
        for rows in panels.values()
        for row in rows.values()
        for u in [*row["quantities"].values(), row["claim"]]
        if u is not None and np.isfinite(u) and u > 0
    ]
    if not finite:
        return None
    low, high = min([*finite, 0.1]) / 1.6, max(finite) * 3
    for axes, (title, rows) in zip(every, panels.items(), strict=True):
        for y, row in enumerate(rows.values()):
            for position, name in enumerate(names):
                value = row["quantities"].get(name)
                if value is None or np.isnan(value):
                    continue
                where = y + 0.34 * ((position + 0.5) / len(names) - 0.5) * 2
                beyond = not np.isfinite(value)
                axes.plot(
                    [high / 1.3 if beyond else max(value, low * 1.05)],
                    [where],
                    ">" if beyond else MARKS[position % len(MARKS)],
                    color=colour(position),
                    markersize=5.5,
                    markeredgewidth=0,
                )
            if row["claim"] is not None:
                axes.plot([row["claim"]] * 2, [y - 0.42, y + 0.42], color="#222222", linewidth=1.6)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_title(title)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    every[-1].set_xlabel("worst error, ulps of the error measure (bar: claimed; arrow: not finite)")
    handles = [key(name, MARKS[i % len(MARKS)], colour(i)) for i, name in enumerate(names)]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 7), frameon=False, fontsize=9)
    return figure
