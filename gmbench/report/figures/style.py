"""How figures look: drawn without a display, the same bytes each time, readable in light and dark."""

from __future__ import annotations

import functools

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

# Okabe and Ito, then Tol: told apart with every colour vision, and in grey by their lightness; the marks differ too
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#333333", "#882255", "#999933", "#8C564B")
MARKS = ("o", "s", "D", "^", "v", "P", "X", "<", "p", ">")
STYLE = {
    "svg.hashsalt": "gmbench",
    "svg.fonttype": "none",  # text stays text
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
SHADES = 65  # of a picture: more weigh and are not told apart; odd, so that the middle one is white
WIDE = 11.0  # inches: of a figure with panels side by side; on a page a figure has its natural size


def drawn(function):
    """Draw in the style of the reports, whatever the user's own settings are."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            return function(*args, **kwargs)

    return wrapped


def colour(place: int) -> str:
    """The colour of a place."""
    return COLOURS[place % len(COLOURS)]


def mark(place: int) -> str:
    """The mark of a place; places of one colour have different ones."""
    return MARKS[(place + place // len(COLOURS)) % len(MARKS)]


def titled(figure: Figure, title: str) -> None:
    """Set the title of a whole figure."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)


def key(label: str, marker: str, shade: str, **more) -> Line2D:
    """An entry of a legend: a mark alone."""
    return Line2D([], [], linestyle="", marker=marker, color=shade, label=label, **more)


def show(axes: Axes, pixels: np.ndarray, low: float, high: float, colours: str = "viridis") -> None:
    """Draw a picture, one square a pixel.

    :param pixels: ``(height, width)`` numbers, of which ``low`` and ``high`` have the outermost ``colours``, or
        ``(height, width, 3)`` red, green and blue in [0, 1]
    """
    shades = matplotlib.colormaps[colours].resampled(SHADES)
    axes.imshow(pixels, vmin=low, vmax=high, cmap=shades, interpolation="none", clip_on=False)
