"""The figure of timings: how far each is from the floor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gmbench.report.figures.style import COLOURS, GREY, WIDE, drawn, key
from gmbench.report.text.markdown import number

# regime of the allocator: colour and mark; on a GPU there is none
REGIMES: Mapping[str | None, tuple[str, str]] = {
    "default": (COLOURS[0], "o"),
    "retained": (COLOURS[1], "s"),
    None: (COLOURS[0], "o"),
}


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
    figure.set_layout_engine("constrained", h_pad=0.1)
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
        handles = [key(f"allocator: {r}", REGIMES[r][1], REGIMES[r][0]) for r in regimes]
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
