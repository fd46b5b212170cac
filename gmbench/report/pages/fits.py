"""What was fitted, as pictures, lines and photographs: the section of an experiment whose cells keep them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gmbench.report.figures import fits as figures_fits
from gmbench.report.figures.colours import colours_of, groups_of
from gmbench.report.pages.paths import choose
from gmbench.report.text.markdown import counted, text
from gmbench.report.text.page import Page
from gmbench.results.leaderboard import Board


def section(found: Page, board: Board, key: str, title: str) -> None:
    """The figures, where cells have what they show."""
    _surfaces(found, board, key, title)
    _lines(found, board, key, title)
    _photographs(found, board, key, title)


def _surfaces(found: Page, board: Board, key: str, title: str) -> None:
    chosen, shown, without = _chosen(board, "surfaces")
    if not shown:
        return
    figure = figures_fits.surfaces(shown, title)
    found.add("### What was fitted")
    found.show(f"{key}-surfaces", figure, f"target, fits and residuals of {', '.join(shown)}, {board.title}")
    found.add(
        f"{_seeds(chosen)} Top left: the target. For each arm its fit, on the target's scale, and below it the "
        "residual (fit - target), each on a scale of its own, from minus to plus the first number over it, which "
        f"{figures_fits.MOST} % of its points are within; white is 0."
    )
    found.add(without)


def _lines(found: Page, board: Board, key: str, title: str) -> None:
    chosen, shown, without = _chosen(board, "lines")
    if not shown:
        return
    groups = [{a.label: shown[a.label] for a in group if a.label in shown} for group in groups_of(board)]
    figure = figures_fits.lines([group for group in groups if group], colours_of(board), title, board.across)
    found.add("### What was fitted")
    found.show(f"{key}-lines", figure, f"target, fits and residuals, {board.title}")
    found.add(f"{_seeds(chosen)} Black: the target. Below: the size of the residual.")
    found.add(without)


def _photographs(found: Page, board: Board, key: str, title: str) -> None:
    chosen, shown, without = _chosen(board, "photographs", "reconstructions")
    if not shown:
        return
    found.add("### What comes of test images")
    alternative = f"test images and their reconstructions by {', '.join(shown)}, {board.title}"
    found.show(f"{key}-photographs", figures_fits.photographs(shown, title), alternative)
    found.add(f"{_seeds(chosen)} Top: the first test images. Right: the mean square of what is shown.")
    found.add(without)


def _chosen(board: Board, kind: str, needed: str = "fit") -> tuple[dict[str, int], dict[str, Any], str]:
    """The seed that is shown of each arm, what it has of a kind, and a line on arms that have nothing."""
    runs = {
        arm.label: {seed: each for seed, each in arm.shown(kind).items() if needed in each} for arm in board.in_order
    }
    own = {label: each for label, each in runs.items() if each}
    chosen = choose(own) if own else {}
    lacking = [label for label in runs if label not in own]
    said = f"Nothing to show of {counted(len(lacking), 'arm')}: {text(', '.join(lacking))}." if lacking else ""
    return chosen, {label: own[label][seed] for label, seed in chosen.items()}, said


def _seeds(chosen: Mapping[str, int]) -> str:
    seeds = set(chosen.values())
    return f"Seed {min(seeds)}." if len(seeds) == 1 else "Of each arm the lowest seed that trained."
