"""The figure of what is measured epoch by epoch: a curve for each arm and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gmbench.report.figures.axes import AROUND, around_zero, direct_labels, logarithmic
from gmbench.report.figures.style import WIDE, colour, drawn, mark, titled


@dataclass(frozen=True)
class Curves:
    """One quantity of one arm: ``values`` (seeds x ``x``; NaN where there is none), and which seeds trained.

    :param decades: its mean is the geometric one
    """

    x: Sequence[float]
    values: np.ndarray
    trained: np.ndarray
    decades: bool = False


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
            direct_labels(axes, ends, gap=0.19 / height)
            if quantity != before:
                axes.set_ylabel(quantity + scale)
            before = quantity
    titled(figure, title)
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
        mean = mean_of(kept, each.decades)
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


def mean_of(values: np.ndarray, decades: bool) -> np.ndarray:
    """The mean over the first axis, the geometric one for decades, without what is not there."""
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
    around_zero(axes, numbers)
    return f" ({AROUND})"
