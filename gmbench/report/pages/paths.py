"""Where the components of a layer went: the section of an experiment whose cells keep their paths."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from typing import Any

import numpy as np

from gmbench.report.figures import cells as figures_cells
from gmbench.report.figures.colours import colours_of
from gmbench.report.text.markdown import counted, number, table, text
from gmbench.report.text.page import Page
from gmbench.results.frames import NONE, absent
from gmbench.results.leaderboard import Board, BoardRow

# of a run, by epoch, as means over components and in units of the components' initial size
MOTION = {
    "moved": "distance from the start / initial size",
    "distance": "distance from the origin / initial size",
    "size": "size / initial size",
}


def section(found: Page, board: Board, key: str, title: str, seed: int | None = None) -> None:
    """The figures and the table of motion, where cells have paths.

    :param seed: whose ellipses are drawn (default: see :func:`choose`)
    """
    runs = {arm.label: _runs(arm, board.epochs) for arm in board.in_order}
    shown = {label: each for label, each in runs.items() if each}
    if not shown:
        return
    chosen = choose(shown, seed)
    first = next(iter(shown.values()))
    components = next(iter(first.values()))["means"].shape[1]
    found.add("### Paths of the components")
    panels = []
    for label, own in chosen.items():
        path = shown[label][own]
        panels.append(figures_cells.Paths(f"{label}, seed {own} ({title})", path["means"], path["covariances"]))
    figure = figures_cells.paths(panels)
    found.show(f"{key}-paths", figure, f"paths of the components, {board.title}")
    found.add(_caption(chosen, shown, runs, panels, components))
    motion = [
        (
            name,
            {
                label: figures_cells.Curves(
                    range(board.epochs + 1),
                    np.array([path[what] / path["size"][0] for path in each.values()]),
                    np.ones(len(each), bool),
                )
                for label, each in shown.items()
            },
        )
        for what, name in MOTION.items()
    ]
    figure = figures_cells.curves([motion], colours_of(board), f"motion of the components, {title}", log=False)
    found.show(f"{key}-motion", figure, f"motion of the components, {board.title}")
    found.add(
        "Means over components, in all directions; thick: mean over seeds, thin: seeds. The size of a component is the "
        "root of its summed variances. All are in units of the run's initial size."
    )
    found.add(table(_row(label, each) for label, each in shown.items()))
    found.add(
        "Means over seeds and components; motion is in units of the initial size. Radius: twice the root of the "
        "mean variance in the plane, as the ellipses are."
    )


def choose(runs: Mapping[str, Mapping[int, Any]], seed: int | None = None) -> dict[str, int]:
    """The seed to draw of each arm: the lowest that trained in all arms, else each arm's own lowest.

    :param seed: one that is preferred, where an arm has it
    """
    common = set.intersection(*(set(each) for each in runs.values()))
    wanted = min(common) if common else None
    return {
        label: seed if seed is not None and seed in each else wanted if wanted is not None else min(each)
        for label, each in runs.items()
    }


def _runs(arm: BoardRow, epochs: int) -> dict[int, dict[str, Any]]:
    """The paths of each seed that trained to the end."""
    found = arm.shown("paths")
    return {seed: path for seed, path in found.items() if len(path["means"]) == epochs + 1}


def _caption(chosen, shown, runs, panels, components: int) -> str:
    seeds = set(chosen.values())
    if len(seeds) == 1:
        said = f"Seed {min(seeds)}, the lowest that trained in every arm." if len(chosen) > 1 else f"Seed {min(seeds)}."
    else:
        said = "No seed trained in every arm, so each arm shows its lowest."
    epochs = ", ".join(map(str, figures_cells.epochs_shown(len(panels[0].means))))
    said += (
        f" The {counted(components, 'component')} after epochs {epochs}, more opaque with each, as ellipses of "
        "two standard deviations, in the plane of the two widest directions of the run's own final mixture"
    )
    shares = {label: shown[label][seed]["basis_share"] for label, seed in chosen.items()}
    known = [f"{100 * share:.1f} % ({text(label)})" for label, share in shares.items() if not absent(share)]
    said += f", which holds {', '.join(known)} of that mixture's variance." if known else "."
    halves = [half for _, _, half in figures_cells.frames(panels)]
    if max(halves) > min(halves):
        said += (
            f" The panels' scales differ by up to a factor of {max(halves) / min(halves):.1f}; "
            "the bar has one length in all of them."
        )
    without = [label for label, each in runs.items() if not each]
    return said + (f" Without paths: {text(', '.join(without))}." if without else "")


def _row(label: str, each: Mapping[int, Mapping[str, Any]]) -> dict[str, str]:
    def over(function) -> float:
        return mean(float(function(path)) for path in each.values())

    def radius(path, epoch) -> float:
        return float(2 * np.sqrt(np.trace(path["covariances"][epoch], axis1=1, axis2=2) / 2).mean())

    first, whole = (over(lambda p, e=e: p["moved"][e] / p["size"][0]) for e in (1, -1))
    return {
        "arm": text(label),
        "seeds": str(len(each)),
        "moved in epoch 1": number(first),
        "moved in all": number(whole),
        "of it in epoch 1": f"{100 * first / whole:.0f} %" if whole else NONE,
        "distance from the origin": f"{number(over(lambda p: p['distance'][0]))} to "
        f"{number(over(lambda p: p['distance'][-1]))}",
        "size": f"{number(over(lambda p: p['size'][0]))} to {number(over(lambda p: p['size'][-1]))}",
        "radius in the plane": f"{number(over(lambda p: radius(p, 0)))} to {number(over(lambda p: radius(p, -1)))}",
    }
