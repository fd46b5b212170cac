"""What was fitted, as pictures and lines: the section of an experiment whose cells keep them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gmbench.report import figures_fits
from gmbench.report.boards import Arm, Board
from gmbench.report.page import Page
from gmbench.report.paths import choose
from gmbench.report.tables import counted, text


def section(found: Page, board: Board, extras: Mapping[str, Mapping[str, Any]], key: str, title: str) -> None:
    """The figures, where cells have what they show."""
    _surfaces(found, board, extras, key, title)
    _lines(found, board, extras, key, title)


def _surfaces(found: Page, board: Board, extras, key: str, title: str) -> None:
    runs = {arm.label: _runs(arm, extras, "surfaces") for arm in board.in_order}
    shown = {label: each for label, each in runs.items() if each}
    if not shown:
        return
    chosen = choose(shown)
    fields = {label: shown[label][seed] for label, seed in chosen.items()}
    figure = figures_fits.surfaces(fields, title)
    found.add("### What was fitted")
    found.show(f"{key}-surfaces", figure, f"target, fits and residuals of {', '.join(fields)}, {board.title}")
    found.add(
        f"{_seeds(chosen)} Top left: the target. For each arm its fit, on the target's scale, and below it the "
        "residual (fit - target), each on a scale of its own, from minus to plus the first number over it, which "
        f"{figures_fits.MOST} % of its points are within; white is 0."
    )
    _without(found, runs)


def _lines(found: Page, board: Board, extras, key: str, title: str) -> None:
    runs = {arm.label: _runs(arm, extras, "lines") for arm in board.in_order}
    shown = {label: each for label, each in runs.items() if each}
    if not shown:
        return
    chosen = choose(shown)
    groups = [{a.label: shown[a.label][chosen[a.label]] for a in group if a.label in shown} for group in board.groups]
    figure = figures_fits.lines([group for group in groups if group], board.colours, title, board.across)
    found.add("### What was fitted")
    found.show(f"{key}-lines", figure, f"target, fits and residuals, {board.title}")
    found.add(f"{_seeds(chosen)} Black: the target. Below: the size of the residual.")
    _without(found, runs)


def _runs(arm: Arm, extras: Mapping[str, Mapping[str, Any]], kind: str) -> dict[int, Any]:
    """What each seed that trained has of a kind."""
    cells = zip(arm.cells["cell"], arm.cells["seed"], strict=True)
    found = {int(seed): extras.get(cell, {}).get(kind) for cell, seed in cells}
    return {seed: each for seed, each in found.items() if each and "fit" in each and seed not in arm.diverged}


def _seeds(chosen: Mapping[str, int]) -> str:
    seeds = set(chosen.values())
    return f"Seed {min(seeds)}." if len(seeds) == 1 else "Of each arm the lowest seed that trained."


def _without(found: Page, runs: Mapping[str, Mapping[int, Any]]) -> None:
    without = [label for label, each in runs.items() if not each]
    found.add(f"Nothing to show of {counted(len(without), 'arm')}: {text(', '.join(without))}." if without else "")
