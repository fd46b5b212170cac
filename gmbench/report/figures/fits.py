"""The figures of fits: surfaces with their residuals, lines, and photographs with their reconstructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from gmbench.report.figures.axes import logarithmic
from gmbench.report.figures.style import WIDE, colour, drawn, show, titled
from gmbench.report.text.markdown import number

ACROSS = 6  # surfaces side by side
MOST = 99  # % of a residual's points are on its scale


@drawn
def surfaces(arms: Mapping[str, Mapping[str, np.ndarray]], title: str) -> Figure | None:
    """The target, then of each arm its fit and below it its residual.

    :param arms: for each label ``target``, ``fit`` and maybe ``residual``, square fields
    """
    targets = [each["target"] for each in arms.values() if "target" in each]
    if not targets:
        return None
    low, high = targets[0].min(), targets[0].max()
    lines = -(-(len(arms) + 1) // ACROSS)
    columns = min(len(arms) + 1, ACROSS)
    width = WIDE / ACROSS
    figure = Figure(figsize=(width * columns, 2.32 * width * lines + 0.4), layout="constrained")
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.02)
    grid = figure.subplots(2 * lines, columns, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    places = [(2 * (i // columns), i % columns) for i in range(len(arms) + 1)]
    _field(grid[0, 0], targets[0], low, high, "viridis", f"target\n{number(low, 2)} to {number(high, 2)}")
    for (row, column), (label, each) in zip(places[1:], arms.items(), strict=True):
        _field(grid[row, column], each["fit"], low, high, "viridis", label)
        if "residual" in each:
            sizes = np.abs(each["residual"])
            scale = max(float(np.percentile(sizes, MOST)), 1e-300)  # a corner would hide all else
            said = f"{scale:.1e}, at most {sizes.max():.1e}"
            _field(grid[row + 1, column], each["residual"], -scale, scale, "RdBu_r", said)
    titled(figure, title)
    return figure


def _field(axes, values: np.ndarray, low: float, high: float, colours: str, said: str) -> None:
    show(axes, values, low, high, colours)
    axes.set_title(said, fontsize=8.5)


@drawn
def lines(
    groups: Sequence[Mapping[str, Mapping[str, np.ndarray]]], places: Mapping[str, int], title: str, across: str = "x"
) -> Figure | None:
    """The target and fits, and below the size of each residual: a column for each group of arms.

    :param groups: for each label ``x``, ``target`` and ``fit``
    :param places: the colour of each label
    :param across: what ``x`` is called
    """
    if not groups:
        return None
    figure = Figure(figsize=(WIDE if len(groups) > 1 else 7.4, 5.6), layout="constrained")
    grid = figure.subplots(2, len(groups), squeeze=False, sharex=True)
    residuals = np.concatenate([np.abs(e["fit"] - e["target"]) for group in groups for e in group.values()])
    most = max(float(residuals.max()), 1e-12)
    least = min(max(float(np.percentile(residuals, 2)), most * 1e-8), most / 10)
    for upper, lower, group in zip(*grid, groups, strict=True):
        first = next(iter(group.values()))
        upper.plot(first["x"], first["target"], color="#111111", linewidth=2.6, label="target")
        for label, each in group.items():
            upper.plot(each["x"], each["fit"], color=colour(places[label]), linewidth=1.2, label=label)
            size = np.maximum(np.abs(each["fit"] - each["target"]), least)
            lower.plot(each["x"], size, color=colour(places[label]), linewidth=1.2)
        logarithmic(lower, least, most * 1.3)
        span = np.ptp(first["target"]) or 1.0
        upper.set_ylim(first["target"].min() - 0.15 * span, first["target"].max() + 0.15 * span)
        lower.set_xlabel(across)
        upper.legend(fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.3))
    grid[0, 0].set_ylabel("target and fit")
    grid[1, 0].set_ylabel("|fit - target| (log scale)")
    titled(figure, title)
    return figure


@drawn
def photographs(arms: Mapping[str, Mapping[str, np.ndarray]], title: str) -> Figure | None:
    """Test images, and below them what each arm makes of them.

    :param arms: for each label ``originals`` and ``reconstructions``, alike in shape, pixels in [0, 1]
    """
    if not arms:
        return None
    originals = next(iter(arms.values()))["originals"]
    rows = {"test images": originals, **{label: each["reconstructions"] for label, each in arms.items()}}
    figure = Figure(figsize=(WIDE, 0.72 * len(rows) + 0.5), layout="constrained")
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    grid = figure.subplots(len(rows), len(originals), squeeze=False)
    for line, (label, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(line, images, strict=True):
            show(axes, image, 0, 1, "gray")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        if images is not originals:
            error = float(np.mean((images - originals) ** 2))
            line[-1].annotate(f"{error:.4f}", (1.08, 0.5), xycoords="axes fraction", va="center", fontsize=8.5)
    titled(figure, title)
    return figure
