"""The figure of the ledger: what is published and what was measured, claim by claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gmbench.claims import verdicts
from gmbench.report.figures.style import GREY, WIDE, drawn
from gmbench.report.text.markdown import shortened

REACH = 3.0  # resolutions from what is published to the end of the axis
# verdict: colour and mark, told apart in grey too
AGREEING, AHEAD, AGAINST, OPEN = ("#009E73", "o"), ("#56B4E9", "P"), ("#D55E00", "X"), ("#0072B2", "D")
LOOKS = {
    **dict.fromkeys(verdicts.AGAINST, AGAINST),
    **dict.fromkeys(verdicts.FAVOURABLE, AGREEING),
    verdicts.BETTER: AHEAD,
    verdicts.TOO_FEW: OPEN,
    verdicts.DEPENDS: OPEN,
}
LONGEST = 64  # characters at either side of a row


@dataclass(frozen=True)
class Row:
    """A claim: ``low`` to ``high`` is published, ``centre`` is ours, ``interval`` where the published is expected."""

    label: str
    low: float
    high: float
    resolution: float
    centre: float
    interval: tuple[float, float] | None
    verdict: str
    said: str = ""


def position(row: Row, value: float) -> float:
    """A value in resolutions from the middle of the published band; infinite where there is none and it is apart."""
    middle = (row.low + row.high) / 2
    if row.resolution > 0:
        return (value - middle) / row.resolution
    return 0.0 if value == middle else float("inf") if value > middle else float("-inf")


@drawn
def forest(rows: Sequence[Row], title: str) -> Figure | None:
    """A line a claim: the resolution from -1 to 1, our mean and the interval in the colour of the verdict."""
    if not rows:
        return None
    figure = Figure(figsize=(WIDE, 1.5 + 0.28 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-1, 1, color="#dfe6ec", linewidth=0, zorder=0)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0.5)
    for y, row in enumerate(rows):
        shade, mark = LOOKS.get(row.verdict, (GREY, "s"))
        at = position(row, row.centre)
        if row.interval:
            low, high = (min(max(position(row, end), -REACH), REACH) for end in row.interval)
            axes.plot([low, high], [y, y], color=shade, linewidth=2, solid_capstyle="butt", zorder=2)
            for end, arrow, reaches in ((-REACH, "<", low == -REACH < high), (REACH, ">", low < high == REACH)):
                if reaches:
                    axes.plot([end], [y], arrow, color=shade, markersize=6, clip_on=False, zorder=3)
        if abs(at) > REACH:
            end = REACH if at > 0 else -REACH
            axes.plot([end], [y], ">" if at > 0 else "<", color=shade, markersize=9, clip_on=False, zorder=4)
        else:
            axes.plot(
                [at], [y], mark, color=shade, markersize=8, markeredgecolor="white", markeredgewidth=0.6, zorder=4
            )
        axes.text(
            1.025,
            y,
            shortened(row.said, LONGEST),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=8.5,
            color="#444444",
        )
    axes.set_xlim(-REACH, REACH)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [shortened(row.label, LONGEST) for row in rows], fontsize=8.5)
    axes.set_xlabel("resolutions from the published value (shaded: one on either side)")
    axes.grid(visible=False, axis="y")
    axes.set_title(title)
    handles = [
        Line2D([], [], color=shade, marker=mark, linewidth=2, markersize=7, label=verdict)
        for verdict, (shade, mark) in LOOKS.items()
        if any(row.verdict == verdict for row in rows)
    ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure
