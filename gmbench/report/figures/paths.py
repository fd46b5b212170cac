"""The figure of where the components of a layer go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from gmbench.report.figures.style import colour, drawn, key

ALIKE = 1.6  # ratio of two panels' extents up to which they have one scale
INK = "#444444"
SHOWN = 11  # ellipses of a component


@dataclass(frozen=True)
class Paths:
    """Where the components of one run went: ``means`` (epochs x K x 2) and ``covariances`` (epochs x K x 2 x 2)."""

    title: str
    means: np.ndarray
    covariances: np.ndarray


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
    handles = [
        key("start of a mean", "o", INK, fillstyle="none"),
        key("its end", "o", INK),
        key("origin", "+", INK, markersize=9),
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
    axes.plot([0], [0], "+", color=INK, markersize=10, zorder=5)
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
