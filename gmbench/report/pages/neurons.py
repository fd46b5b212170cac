"""What the neurons of a first layer learned, as pictures: the section of an experiment whose cells keep them."""

from __future__ import annotations

from gmbench.report.figures import cells as figures_cells
from gmbench.report.pages.paths import choose
from gmbench.report.text.markdown import counted
from gmbench.report.text.page import Page, slug
from gmbench.results.leaderboard import Board

WHEN = {"start": "before training", "end": "after training"}


def section(found: Page, board: Board, key: str, title: str) -> None:
    """A figure for each arm whose cells have pictures."""
    runs = {arm.label: arm.shown("neurons") for arm in board.in_order}
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
