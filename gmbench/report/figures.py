"""Figures: drawn without a display, the same bytes each time, readable in light and dark.

Here are the style, and the figures of checks and timings; those of cells are in
:mod:`~gmbench.report.figures_cells`, that of claims in :mod:`~gmbench.report.figures_claims`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gmbench.report.tables import number

# Okabe and Ito, then Tol: told apart with every colour vision, and in grey by their lightness; the marks differ too
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#333333", "#882255", "#999933", "#8C564B")
MARKS = ("o", "s", "D", "^", "v", "P", "X", "<", "p", ">")
STYLE = {
    "svg.hashsalt": "gmbench",
    "svg.fonttype": "path",  # the same letters everywhere, also inside <img>
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 10,
    "text.parse_math": False,  # a name with a dollar sign is a name
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
}
GREY = "#8a8a8a"
WIDE = 11.0  # inches: of a figure with panels side by side; on a page a figure has its natural size


def drawn(function):
    """Draw in the style of the reports, whatever the user's own settings are."""

    def wrapped(*args, **kwargs):
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            return function(*args, **kwargs)

    wrapped.__doc__, wrapped.__name__ = function.__doc__, function.__name__
    return wrapped


def colour(place: int) -> str:
    """The colour of a place."""
    return COLOURS[place % len(COLOURS)]


def mark(place: int) -> str:
    """The mark of a place."""
    return MARKS[place % len(MARKS)]


@drawn
def svg(figure: Figure) -> str:
    """A figure as SVG on white."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="svg", bbox_inches="tight", pad_inches=0.12, facecolor="white", metadata={"Date": None}
    )
    return "\n".join(line.rstrip() for line in buffer.getvalue().decode().splitlines()) + "\n"


@drawn
def bars(panels: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure | None:
    """Times as bars, a panel for each size and pass.

    :param panels: for each title rows with ``label``, ``seconds``, and optionally ``low``, ``high`` and
        ``ratio``; ``yardstick`` ones are grey
    """
    panels = {title: rows for title, rows in panels.items() if rows}
    if not panels:
        return None
    heights = [len(rows) + 0.9 for rows in panels.values()]
    figure = Figure(figsize=(7.4, 0.34 * sum(heights) + 0.66 * len(panels)), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.09)
    every = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, (title, rows) in zip(every, panels.items(), strict=True):
        scale, unit = _unit(max(row["seconds"] for row in rows))
        for y, row in enumerate(rows):
            value = row["seconds"] * scale
            axes.barh(y, value, height=0.66, color=GREY if row.get("yardstick") else COLOURS[0])
            right = value
            if row.get("low") is not None:
                low, right = row["low"] * scale, max(row["high"] * scale, value)
                axes.plot([low, right], [y, y], color="#222222", linewidth=1.2, marker="|", markersize=6)
            ratio = "" if row.get("ratio") is None else f"  ({number(row['ratio'])} x floor)"
            axes.annotate(
                f"{number(value)}{ratio}", (right, y), (5, 0), textcoords="offset points", va="center", fontsize=8.5
            )
        longest = max(max(row["seconds"], row.get("high") or 0) for row in rows) * scale
        axes.set_xlim(0, 1.32 * longest)
        axes.set_yticks(range(len(rows)), [row["label"] for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_title(title)
        axes.set_xlabel(f"median time of a call and its 95 % interval, {unit}")
    return figure


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
                    color=COLOURS[position % len(COLOURS)],
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
    handles = [
        matplotlib.lines.Line2D(
            [], [], linestyle="", marker=MARKS[i % len(MARKS)], color=COLOURS[i % len(COLOURS)], label=name
        )
        for i, name in enumerate(names)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 7), frameon=False, fontsize=9)
    return figure


def _unit(seconds: float) -> tuple[float, str]:
    for least, scale, unit in ((1.0, 1.0, "s"), (1e-3, 1e3, "ms")):
        if seconds >= least:
            return scale, unit
    return 1e6, "µs"
