"""What the neurons of a first layer learned, as pictures: the section of an experiment whose cells keep them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gmbench.report import figures_cells
from gmbench.report.boards import Arm, Board
from gmbench.report.page import Page, slug
from gmbench.report.paths import choose
from gmbench.report.tables import counted

WHEN = {"start": "before training", "end": "after training"}


def section(found: Page, board: Board, extras: Mapping[str, Mapping[str, Any]], key: str, title: str) -> None:
    """A figure for each arm whose cells have pictures."""
    runs = {arm.label: _runs(arm, extras) for arm in board.in_order}
    shown = {label: each for label, each in runs.items() if each}
    if not shown:
        return
    found.add("### What the first layer's neurons look at")
    chosen = choose(shown)
    for label, seed in chosen.items():
        pictures = shown[label][seed]
        blocks = {WHEN[when]: pictures[when] for when in WHEN if pictures.get(when)}
        figure = figures_cells.pictures(blocks, f"{label}, seed {seed}, {title}")
        neurons = len(next(iter(next(iter(blocks.values())).values())).images)
        what = ", ".join(dict.fromkeys(name for block in blocks.values() for name in block))
        alternative = f"{what} of {counted(neurons, 'neuron')} over the image, {label}, {board.title}"
        found.show(f"{key}-neurons-{slug(label)}", figure, alternative)
    found.add(
        "The first neurons of the first layer, unselected, a column each. A row has one scale, before training and "
        "after: its numbers are the darkest value and the brightest."
    )


def _runs(arm: Arm, extras: Mapping[str, Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """The pictures of each seed that trained."""
    cells = zip(arm.cells["cell"], arm.cells["seed"], strict=True)
    found = {int(seed): extras.get(cell, {}).get("neurons") for cell, seed in cells}
    return {seed: each for seed, each in found.items() if each and seed not in arm.diverged}
