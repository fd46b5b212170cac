"""Figures: drawn without a display, the same bytes each time, readable in light and dark."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from gmbench.report.tables import number

# Okabe and Ito: told apart with every colour vision, and in grey by their lightness
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#333333")
MARKS = ("o", "s", "D", "^", "v", "P", "X")
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


def drawn(function):
    """Draw in the style of the reports, whatever the user's own settings are."""

    def wrapped(*args, **kwargs):
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            return function(*args, **kwargs)

    wrapped.__doc__, wrapped.__name__ = function.__doc__, function.__name__
    return wrapped


@drawn
def svg(figure: Figure) -> str:
    """A figure as SVG on white."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="svg", bbox_inches="tight", pad_inches=0.12, facecolor="white", metadata={"Date": None}
    )
    return "\n".join(line.rstrip() for line in buffer.getvalue().decode().splitlines()) + "\n"


@drawn
def curves(
    series: Mapping[str, tuple[Sequence[float], np.ndarray]], quantity: str, places: Mapping[str, int], title: str
) -> Figure | None:
    """Mean over seeds against the epoch, each seed as a thin line, and a band over all of them; log axis.

    :param series: for each label the epochs, and an array (seeds, epochs); NaN where there is no number
    :param places: the colour of each label
    """
    figure = Figure(figsize=(7.4, 4.1))
    axes = figure.subplots()
    ends, seen = [], []
    for label, (epochs, values) in series.items():
        usable = ~np.isnan(values).all(axis=0)
        if not usable.any():
            continue
        x, values = np.asarray(epochs, float)[usable], values[:, usable]
        colour, mean = COLOURS[places[label] % len(COLOURS)], np.nanmean(values, axis=0)
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
        if len(values) > 1:
            axes.plot(x, values.T, color=colour, linewidth=0.7, alpha=0.6)
        mark = MARKS[places[label] % len(MARKS)]
        axes.plot(x, mean, color=colour, marker=mark, markersize=4 if len(x) <= 30 else 0)
        ends.append((label, x[-1], mean[-1], colour))
        seen += [low, high]
    if not ends:
        return None
    everything = np.concatenate(seen)
    everything = everything[everything > 0]
    if len(everything):
        axes.set_yscale("log")
        bottom, top = everything.min() / 1.15, everything.max() * 1.15
        axes.set_ylim(bottom, top)
        steps = (1, 2, 5) if top / bottom < 3e3 else (1,)
        decades = range(int(np.floor(np.log10(bottom))), int(np.ceil(np.log10(top))) + 1)
        ticks = [s * 10.0**d for d in decades for s in steps]
        axes.yaxis.set_major_locator(FixedLocator([t for t in ticks if bottom <= t <= top]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    last = max(end[1] for end in ends)
    first = min(min(epochs) for epochs, _ in series.values())
    axes.set_xlim(first - 0.02 * (last - first), last + 0.02 * max(last - first, 1))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("epoch")
    axes.set_ylabel(quantity)
    axes.set_title(title)
    _direct_labels(axes, ends)
    return figure


@drawn
def first_hits(
    hits: Mapping[str, Mapping[str, Sequence[float | None]]], steps: int, places: Mapping[str, int], title: str
) -> Figure | None:
    """A mark for every seed where it first reached a threshold; hollow at the right edge: never.

    :param hits: for each threshold and label the step of each seed, None for never
    """
    rows = [(threshold, label, found) for threshold, each in hits.items() for label, found in each.items()]
    if not rows:
        return None
    figure = Figure(figsize=(7.4, 1.1 + 0.3 * len(rows) + 0.25 * len(hits)))
    axes = figure.subplots()
    never = 1.1 * steps
    y, ticks, names = 0.0, [], []
    for threshold, each in hits.items():
        axes.text(0.008, y, threshold, fontweight="bold", va="center", transform=axes.get_yaxis_transform(), fontsize=9)
        y += 0.85
        for label, found in each.items():
            colour, mark = COLOURS[places[label] % len(COLOURS)], MARKS[places[label] % len(MARKS)]
            hit = [step for step in found if step is not None]
            axes.plot(hit, [y] * len(hit), mark, color=colour, markersize=7, alpha=0.75, markeredgewidth=0)
            if len(hit) < len(found):
                axes.plot([never], [y], mark, color=colour, markersize=7, fillstyle="none", clip_on=False)
                missing = f"{len(found) - len(hit)} of {len(found)} never"
                axes.text(never + 0.025 * steps, y, missing, va="center", fontsize=8.5, color=colour)
            ticks.append(y)
            names.append((label, colour))
            y += 1
        y += 0.35
    axes.axvline(steps, color=GREY, linewidth=1, linestyle="--")
    axes.set_yticks(ticks, [name for name, _ in names])
    for tick, (_, colour) in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_color(colour)
    axes.set_ylim(y - 0.6, -0.6)
    axes.set_xlim(0, 1.28 * steps)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= steps])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("training step of the first hit, one mark a seed (dashed: the end of training)")
    axes.set_title(title)
    return figure


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


def _direct_labels(axes, ends) -> None:
    """Names at the right ends of lines, moved apart where they would overlap."""
    places = []
    for label, x, y, colour in ends:
        height = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1]
        places.append([min(max(float(height), 0.0), 1.0), label, colour])
    places.sort(key=lambda place: (place[0], place[1]))
    gap = 0.062
    for lower, upper in itertools.pairwise(places):
        upper[0] = max(upper[0], lower[0] + gap)
    excess = places[-1][0] - 1.0
    if excess > 0:
        places[-1][0] -= excess
        for i in range(len(places) - 2, -1, -1):
            places[i][0] = min(places[i][0], places[i + 1][0] - gap)
    for height, label, colour in places:
        axes.text(1.015, height, label, color=colour, va="center", transform=axes.transAxes, fontweight="bold")
