"""The figures of what is one number a seed: first hits, and distributions of errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from gmbench.claims.intervals import FEWEST
from gmbench.report.figures.axes import AROUND, around_zero, logarithmic
from gmbench.report.figures.curves import mean_of
from gmbench.report.figures.style import GREY, WIDE, colour, drawn, key, mark, titled

MEDIAN, MEAN = "#E69F00", "#1B9E3A"  # of the note's figures: orange line, green triangle


@dataclass(frozen=True)
class Hits:
    """First hits of one arm, one entry a seed, None for never: ``fine``, and ``at_epochs``, at epoch ends only."""

    fine: Sequence[float | None]
    at_epochs: Sequence[float | None]


@drawn
def first_hits(
    hits: Mapping[str, Mapping[str, Hits]], steps: int, places: Mapping[str, int], title: str
) -> Figure | None:
    """A panel for each threshold, a mark for every seed where it first reached it; hollow at the right edge: never.

    A short bar is the first hit at the end of an epoch.

    :param hits: for each threshold the first hits by their labels
    :param steps: of a whole training
    """
    labels = list(dict.fromkeys(label for each in hits.values() for label in each))
    if not labels:
        return None
    figure = Figure(figsize=(WIDE, 1.35 + 0.33 * len(labels)), layout="constrained")
    line = figure.subplots(1, len(hits), squeeze=False, sharey=True)[0]
    found = [s for each in hits.values() for h in each.values() for s in (*h.fine, *h.at_epochs) if s]
    low = min([*found, steps / 10]) / 1.5
    never, right = steps * (steps / low) ** 0.09, steps * (steps / low) ** 0.36
    for axes, (threshold, each) in zip(line, hits.items(), strict=True):
        for y, label in enumerate(labels):
            if label not in each:
                continue
            own, shade, shape = each[label], colour(places[label]), mark(places[label])
            reached = [max(step, low * 1.2) for step in own.fine if step is not None]
            ends = [max(step, low * 1.2) for step in own.at_epochs if step is not None]
            axes.plot(ends, [y] * len(ends), "|", color=shade, markersize=13, markeredgewidth=1.4)
            axes.plot(reached, [y] * len(reached), shape, color=shade, markersize=7, alpha=0.75, markeredgewidth=0)
            if len(reached) < len(own.fine):
                axes.plot([never], [y], shape, color=shade, markersize=7, fillstyle="none")
                missing = f"  {len(own.fine) - len(reached)} of {len(own.fine)}"
                axes.text(never, y, missing, va="center", fontsize=8.5, color=shade)
        logarithmic(axes, low, right, "x")
        axes.set_xticks([tick for tick in axes.get_xticks() if tick <= steps])
        axes.axvline(steps, color=GREY, linewidth=1, linestyle="--")
        if any(None in own.fine for own in each.values()):
            axes.text(never / 1.1, -0.85, "never", fontsize=8.5, color=GREY, va="center")
        axes.set_ylim(len(labels) - 0.4, -1.3)
        axes.grid(visible=False, axis="y")
        axes.set_title(threshold)
        axes.set_xlabel("training step (log scale)")
        for y in range(len(labels) - 1):
            axes.axhline(y + 0.5, color="#f0f0f0", linewidth=0.8, zorder=0)
    _names(line[0], labels, places)
    titled(figure, title)
    return figure


def _names(axes, labels: Sequence[str], places: Mapping[str, int]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    for tick, label in zip(axes.get_yticklabels(), labels, strict=True):
        tick.set_color(colour(places[label]))


@drawn
def distributions(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], int]]],
    places: Mapping[str, int],
    title: str,
    unit: str = "%",
    decades: bool = False,
) -> Figure | None:
    """Errors over seeds as boxes with every seed as a point: a green triangle for the mean, orange for the median.

    Seeds that diverged are counted at the right edge, so that they do not squash the others.

    :param panels: for each quantity and label the errors of the seeds that trained, and how many diverged
    :param decades: the mean is the geometric one
    """
    labels = list(dict.fromkeys(label for each in panels.values() for label in each))
    numbers = [error for each in panels.values() for errors, _ in each.values() for error in errors]
    if not labels:
        return None
    lost = any(diverged for each in panels.values() for _, diverged in each.values())
    figure = Figure(figsize=(WIDE, 1.35 + 0.42 * len(labels)), layout="constrained")
    line = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    positive = [value for value in numbers if value > 0] or [1.0]
    zeros = min(numbers, default=1.0) <= 0 < max(numbers)
    space = max(1.12, (max(positive) / min(positive)) ** 0.03)
    low, high = min(positive) / space, max(positive) * space
    edge = high * (high / low) ** 0.06
    right = high * (high / low) ** (0.38 if lost else 0.0)
    for axes, (quantity, each) in zip(line, panels.items(), strict=True):
        for y, label in enumerate(labels):
            errors, diverged = each.get(label, ((), 0))
            values = np.maximum(np.sort(np.asarray(errors, float)), 0.0 if zeros else low)
            shade = colour(places[label])
            if len(values) >= FEWEST:
                first, middle, third = np.percentile(values, [25, 50, 75])
                axes.plot(values[[0, -1]], [y, y], color="#777777", linewidth=1, zorder=1)
                box = Rectangle((first, y - 0.27), third - first, 0.54, facecolor="#f1f1f1", edgecolor="#777777")
                axes.add_patch(box).set_zorder(1.5)
                axes.plot([middle, middle], [y - 0.27, y + 0.27], color=MEDIAN, linewidth=2.2, zorder=2)
            # one below the other, so that equal errors stay apart
            heights = y + np.linspace(-0.17, 0.17, len(values)) if len(values) > 1 else [y] * len(values)
            if len(values) >= FEWEST:
                axes.plot(
                    [mean_of(values, decades)], [y], "^", color=MEAN, markersize=8, markeredgecolor="white", zorder=3
                )
            axes.plot(values, heights, "o", color=shade, markersize=4.5, alpha=0.85, markeredgewidth=0, zorder=4)
            if diverged:
                said = f"{diverged} of {diverged + len(values)} diverged"
                axes.text(edge, y, said, va="center", fontsize=8.5, color=shade)
        if zeros:
            around_zero(axes, np.asarray(numbers, float), "x", top=right / max(numbers))
        else:
            logarithmic(axes, low, right, "x")
        axes.set_xticks([tick for tick in axes.get_xticks() if tick <= high])
        if lost:
            axes.axvline(high * (high / low) ** 0.03, color=GREY, linewidth=1, linestyle="--")
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"{', '.join(filter(None, [quantity, unit]))} ({AROUND if zeros else 'log scale'})")
    _names(line[0], labels, places)
    handles = [
        key("geometric mean" if decades else "mean", "^", MEAN, markersize=8),
        Line2D([], [], color=MEDIAN, linewidth=2.2, label="median"),
        key("a seed", "o", GREY, markersize=5),
    ]
    titled(figure, title)
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure
