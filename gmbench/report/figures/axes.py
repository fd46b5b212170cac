"""Scales and names of axes, as several figures have them."""

from __future__ import annotations

import itertools
import math

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

AROUND = "log scale, linear near 0"


def around_zero(axes, numbers: np.ndarray, which: str = "y", top: float = 1.15) -> None:
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


def direct_labels(axes, ends, gap: float) -> None:
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
