"""Figures: drawn without a display, the same bytes each time, readable in light and dark.

Here are the style, and the figures of checks and timings; those of cells are in
:mod:`~gmbench.report.figures.style.cells`, that of claims in :mod:`~gmbench.report.figures.style.claims`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gmbench.report.text.markdown import number

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
# regime of the allocator: colour and mark; on a GPU there is none
REGIMES: Mapping[str | None, tuple[str, str]] = {
    "default": (COLOURS[0], "o"),
    "retained": (COLOURS[1], "s"),
    None: (COLOURS[0], "o"),
}
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
    """The mark of a place; places of one colour have different ones."""
    return MARKS[(place + place // len(COLOURS)) % len(MARKS)]


@drawn
def svg(figure: Figure) -> str:
    """A figure as SVG on white."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="svg", bbox_inches="tight", pad_inches=0.12, facecolor="white", metadata={"Date": None}
    )
    return "\n".join(line.rstrip() for line in buffer.getvalue().decode().splitlines()) + "\n"


@drawn
def distances(panels: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> Figure | None:
    """How far each time is from the floor, on one log axis: a row of panels a size, a panel a pass.

    :param panels: for each size and pass rows with ``label``, ``points`` (regime -> ratio, low, high; the last two
        None where there is no interval) and optionally ``yardstick``: those are grey
    """
    panels = {size: shown for size, passes in panels.items() if (shown := {p: r for p, r in passes.items() if r})}
    if not panels:
        return None
    labels = {size: list(dict.fromkeys(r["label"] for rows in p.values() for r in rows)) for size, p in panels.items()}
    regimes = [r for r in REGIMES if any(r in row["points"] for row in _rows(panels))]
    dense = 0.2 * max(len(regimes), 1.5)  # inches a label
    heights = [len(names) * dense + 0.1 for names in labels.values()]
    figure = Figure(figsize=(WIDE, sum(heights) + 0.72 * len(panels) + 0.6), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.1)
    every = figure.subplots(
        len(panels), max(map(len, panels.values())), squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights}
    )
    limits = _limits(panels)
    for line, (size, passes) in zip(every, panels.items(), strict=True):
        for axes in line[len(passes) :]:
            axes.set_visible(False)
        for axes, (name, rows) in zip(line, passes.items(), strict=False):
            _distance(axes, rows, labels[size], regimes, limits)
            axes.set_title(f"{size}, {name}")
            axes.tick_params(labelleft=axes is line[0], labelbottom=True)
    figure.supxlabel("time of a call and its 95 % interval, as a multiple of the floor (black line)", fontsize=9.5)
    if regimes != [None]:
        handles = [_handle(REGIMES[r][0], REGIMES[r][1], f"allocator: {r}") for r in regimes]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    return figure


def _rows(panels):
    return [row for passes in panels.values() for rows in passes.values() for row in rows]


def _limits(panels):
    """The ends of the axis: the floor and every interval, and room for the number beside the last."""
    ends = [e for row in _rows(panels) for point in row["points"].values() for e in point if e is not None]
    return min([1.0, *ends]) / 1.2, 1.45 * max([1.5, *ends])


def _distance(axes, rows, names, regimes, limits):
    """One pass at one size: a line a label, the regimes one above the other."""
    axes.axvline(1, color="#222222", linewidth=1.4, zorder=1)
    for row in rows:
        for regime, (ratio, low, high) in row["points"].items():
            y = names.index(row["label"]) + 0.8 * ((regimes.index(regime) + 0.5) / len(regimes) - 0.5)
            shade, shape = (GREY if row.get("yardstick") else REGIMES[regime][0]), REGIMES[regime][1]
            if low is not None and high is not None:
                axes.plot([low, high], [y, y], color=shade, linewidth=1.6, marker="|", markersize=6, zorder=2)
            axes.plot([ratio], [y], shape, color=shade, markersize=5.5, markeredgewidth=0, zorder=3)
            right = max(ratio, high or 0)
            axes.annotate(number(ratio), (right, y), (6, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_xticks(_ticks(*limits))
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(visible=False, axis="y")


def _ticks(low, high):
    """1, 2 and 5 times the powers of ten in a range; where that is long, the powers alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 1e3 else (1,)
    return [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]


def _handle(shade, shape, label):
    return matplotlib.lines.Line2D([], [], linestyle="", marker=shape, color=shade, label=label)


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
