"""The figure of a tuning: the expected validation error of the best of n trials against n."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gmbench.report.figures.axes import direct_labels, logarithmic
from gmbench.report.figures.style import colour, drawn, mark, titled


@drawn
def best_of(
    expected: Mapping[str, Sequence[float]], places: Mapping[str, int], quantity: str, title: str
) -> Figure | None:
    """A line an arm: the expected best of 1, 2, ... trials.

    :param expected: of each arm, positive
    """
    if not expected:
        return None
    figure = Figure(figsize=(7.4, 4.0), layout="constrained")
    axes = figure.subplots()
    ends = []
    for label, values in expected.items():
        shade, place = colour(places[label]), places[label]
        axes.plot(range(1, len(values) + 1), values, color=shade, marker=mark(place), markersize=4)
        ends.append((label, values[-1], shade, True))
    numbers = [value for values in expected.values() for value in values]
    if min(numbers) > 0:
        logarithmic(axes, min(numbers) / 1.1, max(numbers) * 1.1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("trials")
    axes.set_ylabel(quantity)
    direct_labels(axes, ends, gap=0.05)
    titled(figure, title)
    return figure
