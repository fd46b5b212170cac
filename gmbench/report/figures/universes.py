"""The figure of a multiverse: a specification curve (Simonsohn, Simmons and Nelson 2020, Nature Human Behaviour 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gmbench.report.figures.claims import LOOKS
from gmbench.report.figures.style import GREY, drawn, key, titled

ROW = 0.24  # inches: of a value in the matrix


@dataclass(frozen=True)
class Effect:
    """One universe: a difference with its interval, the verdict on it, and the value of every factor in words."""

    centre: float
    interval: tuple[float, float] | None
    verdict: str
    anchored: bool
    values: Mapping[str, str]


@drawn
def specification_curve(
    effects: Sequence[Effect], factors: Mapping[str, Sequence[str]], difference: str, title: str, hollow: str
) -> Figure | None:
    """Differences from the lowest, a column a universe, filled where it is anchored; below each the values that it has.

    :param effects: in their order from the left
    :param factors: of each its values, in order
    :param difference: what is shown, with its unit
    :param hollow: what marks that are not filled are, in words
    """
    if not effects:
        return None
    rows = [(factor, value) for factor, values in factors.items() for value in values]
    figure = Figure(figsize=(max(7.4, 3.2 + 0.3 * len(effects)), 3.6 + ROW * len(rows)), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.6, ROW * len(rows) + 0.3))
    upper.axhline(0, color=GREY, linewidth=1)
    for x, effect in enumerate(effects):
        shade = LOOKS.get(effect.verdict, (GREY, ""))[0]
        if effect.interval:
            upper.plot([x, x], effect.interval, color=shade, linewidth=1.6, solid_capstyle="butt", zorder=2)
        face = shade if effect.anchored else "white"
        upper.plot([x], [effect.centre], "o", color=shade, markerfacecolor=face, markersize=7, zorder=3)
        for y, (factor, value) in enumerate(rows):
            has = effect.values[factor] == value
            lower.plot([x], [y], "o", color="#333333" if has else "#e2e2e2", markersize=6, markeredgewidth=0)
    upper.set_ylabel(difference)
    upper.grid(visible=False, axis="x")
    upper.tick_params(axis="x", length=0, labelbottom=False)
    lower.set_xlim(-0.7, len(effects) - 0.3)
    lower.set_ylim(len(rows) - 0.4, -0.6)
    lower.set_yticks(range(len(rows)), [f"{factor}: {value}" for factor, value in rows], fontsize=8.5)
    lower.tick_params(axis="x", length=0, labelbottom=False)
    lower.grid(visible=False)
    place = 0
    for values in list(factors.values())[:-1]:
        place += len(values)
        lower.axhline(place - 0.5, color="#d0d0d0", linewidth=0.8)
    lower.set_xlabel(f"{len(effects)} universes, from the lowest difference")
    seen = dict.fromkeys(effect.verdict for effect in effects)
    handles = [Line2D([], [], color=LOOKS.get(verdict, (GREY, ""))[0], linewidth=2, label=verdict) for verdict in seen]
    for said, filled in (("anchored", True), (hollow, False)):
        if any(effect.anchored is filled for effect in effects):
            handles.append(key(said, "o", GREY, markersize=7, markerfacecolor=GREY if filled else "white"))
    titled(figure, title)
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure
