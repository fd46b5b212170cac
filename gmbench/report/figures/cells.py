"""The figures of an experiment's cells: curves, first hits, distributions over seeds, and paths of components."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from gmbench.claims.intervals import FEWEST
from gmbench.report.figures.style import GREY, WIDE, colour, drawn, mark
from gmbench.report.text.markdown import number
from gmbench.results.pictures import Pictures

MEDIAN, MEAN = "#E69F00", "#1B9E3A"  # of the note's figures: orange line, green triangle
ALIKE = 1.6  # ratio of two panels' extents up to which they have one scale
SHOWN = 11  # ellipses of a component
AROUND = "log scale, linear near 0"


@dataclass(frozen=True)
class Curves:
    """One quantity of one arm: ``values`` (seeds x ``x``; NaN where there is none), and which seeds trained.

    :param decades: its mean is the geometric one
    """

    x: Sequence[float]
    values: np.ndarray
    trained: np.ndarray
    decades: bool = False


@dataclass(frozen=True)
class Hits:
    """First hits of one arm, one entry a seed, None for never: ``fine``, and ``at_epochs``, at epoch ends only."""

    fine: Sequence[float | None]
    at_epochs: Sequence[float | None]


@dataclass(frozen=True)
class Paths:
    """Where the components of one run went: ``means`` (epochs x K x 2) and ``covariances`` (epochs x K x 2 x 2)."""

    title: str
    means: np.ndarray
    covariances: np.ndarray


Panel = tuple[str, Mapping[str, Curves]]  # a quantity, and its curves by their labels


@drawn
def curves(
    rows: Sequence[Sequence[Panel]],
    places: Mapping[str, int],
    title: str,
    log: bool = True,
    whole: bool = True,
    steps: bool = False,
) -> Figure | None:
    """Means over the seeds that trained, a band over all of these, and every seed as a thin line (dashed: diverged).

    :param rows: panels side by side; those of one quantity in a row have one scale
    :param places: the colour and mark of each label
    :param whole: False: the axes are those of the seeds that trained, from epoch 1 on
    :param steps: across are training steps, from 1 on and on a log axis, and not epochs
    """
    rows = [kept for row in rows if (kept := [panel for panel in row if _any_number(panel[1])])]
    if not rows:
        return None
    columns = max(map(len, rows))
    height = 3.7 if len(rows) == 1 else 3.1
    figure = Figure(figsize=(WIDE if columns > 1 else 7.4, height * len(rows) + 0.3), layout="constrained")
    for line, row in zip(figure.subplots(len(rows), columns, squeeze=False), rows, strict=True):
        for axes in line[len(row) :]:
            axes.set_axis_off()
        before = None
        for axes, (quantity, panel) in zip(line, row, strict=False):
            ends = [end for label, each in panel.items() for end in _curve(axes, label, each, places[label])]
            alike = [c for name, other in row if name == quantity for c in other.values()]
            scale = _vertical(axes, _numbers(alike, whole), log)
            last = max(max(each.x) for each in panel.values())
            first = min(min(each.x) for each in panel.values())
            if steps:
                logarithmic(axes, first / 1.1, last * 1.1, "x")
            else:
                axes.set_xlim(first - 0.02 * (last - first), last + 0.02 * max(last - first, 1))
                axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
            axes.set_xlabel("training step (log scale)" if steps else "epoch")
            _direct_labels(axes, ends, gap=0.19 / height)
            if quantity != before:
                axes.set_ylabel(quantity + scale)
            before = quantity
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def _any_number(panel: Mapping[str, Curves]) -> bool:
    return any(not np.isnan(each.values).all() for each in panel.values())


def _numbers(every: Sequence[Curves], whole: bool) -> np.ndarray:
    """The numbers that have to be on an axis."""
    chosen = [c.values if whole else c.values[c.trained][:, np.asarray(c.x) >= 1] for c in every]
    found = np.concatenate([values[~np.isnan(values)] for values in chosen])
    return found if len(found) or whole else _numbers(every, True)


def _curve(axes, label: str, each: Curves, place: int):
    """Draw one arm; yields what stands at the ends of its lines."""
    x, shade = np.asarray(each.x, float), colour(place)
    for values, sound in zip(each.values, each.trained, strict=True):
        axes.plot(x, values, color=shade, linewidth=0.7, alpha=0.6, linestyle="-" if sound else (0, (4, 3)))
    kept = each.values[each.trained]
    usable = ~np.isnan(kept).all(axis=0) if len(kept) else np.zeros(len(x), bool)
    if usable.any():
        kept = kept[:, usable]
        mean = _mean(kept, each.decades)
        axes.fill_between(
            x[usable], np.nanmin(kept, axis=0), np.nanmax(kept, axis=0), color=shade, alpha=0.13, linewidth=0
        )
        axes.plot(x[usable], mean, color=shade, marker=mark(place), markersize=4 if len(x) <= 31 else 0)
        yield label, mean[-1], shade, True
    lost = each.values[~each.trained]
    ends = lost[:, -1][~np.isnan(lost[:, -1])] if len(lost) else lost
    if len(ends):
        said = f"{len(lost)} of {len(each.trained)} diverged"
        yield f"{label}: {said}", float(ends.max()), shade, False


def _mean(values: np.ndarray, decades: bool) -> np.ndarray:
    """The mean over the first axis, without what is not there."""
    if decades and (values[~np.isnan(values)] > 0).all():
        return np.exp(np.nanmean(np.log(values), axis=0))
    return np.nanmean(values, axis=0)


def _vertical(axes, numbers: np.ndarray, log: bool) -> str:
    """Set the scale, and say which it is."""
    if not log:
        axes.set_ylim(min(0.0, numbers.min() * 1.05), max(numbers.max() * 1.05, 1e-12))
        return ""
    if not (numbers > 0).any():
        return ""
    if numbers.min() > 0:
        logarithmic(axes, numbers.min() / 1.15, numbers.max() * 1.15)
        return " (log scale)"
    _around_zero(axes, numbers)
    return f" ({AROUND})"


def _around_zero(axes, numbers: np.ndarray, which: str = "y", top: float = 1.15) -> None:
    """A log axis to both sides of 0, linear near it, for numbers of which some are not positive.

    :param top: the axis ends at the largest number times this
    """
    sizes = np.abs(numbers[numbers != 0])
    small = max(sizes.min(), sizes.max() / 1e3)
    low, high = numbers.min(), max(numbers.max(), 0.0) * top
    getattr(axes, f"set_{which}scale")("symlog", linthresh=small, linscale=0.4)
    getattr(axes, f"set_{which}lim")(low * 1.15 if low < 0 else -0.08 * small, high)
    powers = [10.0**d for d in range(math.ceil(math.log10(small)), math.ceil(math.log10(sizes.max())) + 1)]
    ticks = [0.0, *powers, *(-power for power in powers)]
    axis = getattr(axes, f"{which}axis")
    axis.set_major_locator(FixedLocator(sorted(t for t in ticks if low <= t <= high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def logarithmic(axes, low: float, high: float, which: str = "y") -> None:
    """A log axis with ticks that can be read: 1, 2 and 5 of every decade."""
    axis = getattr(axes, f"{which}axis")
    getattr(axes, f"set_{which}scale")("log")
    getattr(axes, f"set_{which}lim")(low, high)
    steps: tuple[float, ...] = (1, 2, 5) if high / low < 3e3 else (1,)
    if high / low < 20:
        steps = (1, 1.5, 2, 3, 4, 5, 6, 7, 8) if high / low < 3 else (1, 1.5, 2, 3, 4, 6)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    axis.set_major_locator(FixedLocator([t for d in decades for s in steps if low <= (t := s * 10.0**d) <= high]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}k" if 1e3 <= x < 1e6 else f"{x:g}"))


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
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
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
                    [_mean(values, decades)], [y], "^", color=MEAN, markersize=8, markeredgecolor="white", zorder=3
                )
            axes.plot(values, heights, "o", color=shade, markersize=4.5, alpha=0.85, markeredgewidth=0, zorder=4)
            if diverged:
                said = f"{diverged} of {diverged + len(values)} diverged"
                axes.text(edge, y, said, va="center", fontsize=8.5, color=shade)
        if zeros:
            _around_zero(axes, np.asarray(numbers, float), "x", top=right / max(numbers))
        else:
            logarithmic(axes, low, right, "x")
        axes.set_xticks([tick for tick in axes.get_xticks() if tick <= high])
        if lost:
            axes.axvline(high * (high / low) ** 0.03, color=GREY, linewidth=1, linestyle="--")
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"{', '.join(filter(None, [quantity, unit]))} ({AROUND if zeros else 'log scale'})")
    _names(line[0], labels, places)
    drawn_marks = [
        matplotlib.lines.Line2D(
            [], [], linestyle="", marker="^", color=MEAN, markersize=8, label="geometric mean" if decades else "mean"
        ),
        matplotlib.lines.Line2D([], [], color=MEDIAN, linewidth=2.2, label="median"),
        matplotlib.lines.Line2D([], [], linestyle="", marker="o", color=GREY, markersize=5, label="a seed"),
    ]
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.legend(handles=drawn_marks, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


@drawn
def pictures(blocks: Mapping[str, Mapping[str, Pictures]], title: str) -> Figure | None:
    """Blocks of pictures side by side: a row for each quantity, of one scale in all blocks, a column for each neuron.

    :param blocks: for each of them its quantities, with the same ones in the same order
    """
    names = list(dict.fromkeys(name for block in blocks.values() for name in block))
    if not names:
        return None
    alike = {name: [block[name] for block in blocks.values() if name in block] for name in names}
    ends = {name: (min(row.low for row in rows), max(row.high for row in rows)) for name, rows in alike.items()}
    columns = max(len(row.images) for block in blocks.values() for row in block.values())
    width = WIDE / 12.4
    figure = Figure(
        figsize=(width * (columns + 0.2) * len(blocks) + 0.3, width * len(names) + 0.9), layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    for part, (said, block) in zip(figure.subfigures(1, len(blocks), squeeze=False)[0], blocks.items(), strict=True):
        part.suptitle(said, fontsize=10)
        grid = part.subplots(len(names), columns, squeeze=False)
        for line, name in zip(grid, names, strict=True):
            for axes in line:
                axes.set_axis_off()
            if name not in block:
                continue
            low, high = ends[name]
            for axes, image in zip(line, block[name].images, strict=False):
                axes.imshow(image, vmin=low, vmax=high, cmap="viridis", interpolation="nearest")
            line[0].set_axis_on()
            line[0].set(xticks=[], yticks=[])
            line[0].set_ylabel(f"{name}\n{number(low, 2)} to {number(high, 2)}", fontsize=8)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


@drawn
def paths(panels: Sequence[Paths]) -> Figure | None:
    """Components in a plane, epoch by epoch: ellipses of two standard deviations, more opaque with every epoch.

    A line is the path of a mean, hollow where it starts, filled where it ends. The bar in each panel has one length.
    """
    if not panels:
        return None
    columns = min(len(panels), 2)
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(5.5 * columns, 5.3 * lines + 0.5), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    squares = frames(panels)
    bar = _nice(min(half for _, _, half in squares) / 2)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes, panel, (x, y, half) in zip(grid, panels, squares, strict=False):
        _components(axes, panel)
        axes.set_box_aspect(1)  # of equal sides: one scale across and up
        axes.set_xlim(x - half, x + half)
        axes.set_ylim(y - half, y + half)
        axes.set_title(panel.title)
        axes.set_xlabel("first direction")
        axes.set_ylabel("second direction")
        left, bottom = x - 0.94 * half, y - 0.94 * half
        axes.plot([left, left + bar], [bottom, bottom], color="#222222", linewidth=3, solid_capstyle="butt")
        axes.text(left + bar / 2, bottom + 0.03 * half, f"{bar:g}", ha="center", va="bottom", fontsize=9)
    plain = {"linestyle": "", "color": "#444444"}
    handles = [
        matplotlib.lines.Line2D([], [], marker="o", fillstyle="none", label="start of a mean", **plain),
        matplotlib.lines.Line2D([], [], marker="o", label="its end", **plain),
        matplotlib.lines.Line2D([], [], marker="+", markersize=9, label="origin", **plain),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def frames(panels: Sequence[Paths]) -> list[tuple[float, float, float]]:
    """Centre and half side of the square that each panel shows: one scale for all, unless they differ by much."""
    found = []
    for panel in panels:
        reach = 2 * np.sqrt(np.maximum(np.diagonal(panel.covariances, axis1=2, axis2=3), 0))
        low = (panel.means - reach).min(axis=(0, 1))
        high = (panel.means + reach).max(axis=(0, 1))
        x, y = (low + high) / 2
        found.append((float(x), float(y), 1.05 * max(float((high - low).max()) / 2, 1e-12)))
    halves = [half for _, _, half in found]
    if max(halves) / min(halves) <= ALIKE:
        return [(x, y, max(halves)) for x, y, _ in found]
    return found


def epochs_shown(epochs: int) -> list[int]:
    """The epochs whose ellipses are drawn: denser at the start, where components move most; the first and the last."""
    spread = np.linspace(0, 1, min(epochs, SHOWN)) ** 1.6
    return sorted({round(float(share) * (epochs - 1)) for share in spread})


def _components(axes, panel: Paths) -> None:
    epochs, components, _ = panel.means.shape
    axes.plot([0], [0], "+", color="#444444", markersize=10, zorder=5)
    for epoch in epochs_shown(epochs):
        share = epoch / (epochs - 1) if epochs > 1 else 1.0
        for k in range(components):
            variances, directions = np.linalg.eigh(panel.covariances[epoch, k])
            width, height = 4 * np.sqrt(np.maximum(variances[::-1], 0))
            angle = math.degrees(math.atan2(directions[1, 1], directions[0, 1]))
            ellipse = Ellipse(panel.means[epoch, k], width, height, angle=angle, fill=False)
            ellipse.set(edgecolor=colour(k), alpha=0.1 + 0.8 * share**1.5, linewidth=0.8 + share)
            axes.add_patch(ellipse)
    for k in range(components):
        line = panel.means[:, k]
        axes.plot(*line.T, color=colour(k), linewidth=1.6, zorder=3)
        axes.plot(*line[0], "o", color=colour(k), markerfacecolor="white", markersize=6, markeredgewidth=1.5, zorder=4)
        axes.plot(*line[-1], "o", color=colour(k), markersize=6.5, markeredgecolor="white", zorder=4.5)


def _nice(length: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not longer."""
    power = 10.0 ** math.floor(math.log10(length))
    return float(f"{max(s for s in (1, 2, 5) if s * power <= length * (1 + 1e-9)) * power:.0e}")


def _direct_labels(axes, ends, gap: float) -> None:
    """Names at the right ends of lines, moved apart where they would overlap.

    :param ends: for each name, its height in the axes' units, colour, and whether it is bold
    :param gap: between two names, as a share of the axes' height
    """
    spots = []
    for label, y, shade, bold in ends:
        height = axes.transAxes.inverted().transform(axes.transData.transform((axes.get_xlim()[1], y)))[1]
        spots.append([min(max(float(height), 0.0), 1.0), label, shade, bold])
    if not spots:
        return
    spots.sort(key=lambda spot: (spot[0], spot[1]))
    for lower, upper in itertools.pairwise(spots):
        upper[0] = max(upper[0], lower[0] + gap)
    excess = spots[-1][0] - 1.0
    if excess > 0:
        spots[-1][0] -= excess
        for i in range(len(spots) - 2, -1, -1):
            spots[i][0] = min(spots[i][0], spots[i + 1][0] - gap)
    for height, label, shade, bold in spots:
        style = {"fontweight": "bold"} if bold else {"fontsize": 8.5}
        axes.text(1.015, height, label, color=shade, va="center", transform=axes.transAxes, **style)
