"""Which arm has which colour, and which arms are drawn together."""

from __future__ import annotations

import math
from collections.abc import Collection

from gmbench.report.figures.style import COLOURS, colour
from gmbench.results.leaderboard import Board, BoardRow, declared

LINES = 5  # arms in one panel of curves, at most


def colours_of(board: Board) -> dict[str, int]:
    """The place that gives each label of a leaderboard its colour and mark in every figure: its arm's, and for what is
    not declared, or is there by several implementations, one of a colour that nobody there has while there is any.
    """
    known, arms = declared(board.experiment), board.arms
    own = places_of(known) if known else {}
    order = list(own)
    taken: dict[str, int] = {}
    later = []
    for arm in sorted(arms, key=lambda a: (order.index(a.arm) if a.arm in own else len(order), a.label)):
        # of an experiment of more arms than colours some have one; those few that are here need not
        theirs = {*taken.values()} if len(arms) > len(COLOURS) else {*map(colour, taken.values())}
        place = own.get(arm.arm)
        if place is None or place in theirs or colour(place) in theirs:
            later.append(arm)
        else:
            taken[arm.label] = place
    for arm in later:
        taken[arm.label] = _free(taken.values(), set(map(colour, taken.values())))
    return taken


def places_of(known) -> dict[str, int]:
    """The place of every arm of an experiment: that among all arms of its paper's experiments, so that one name has one
    colour on all pages, unless another arm of this experiment has the colour already. Of more arms than colours those
    that stand close together, and the one that stands for the layer, differ from each other.
    """
    from gmbench.experiments import experiments

    family = sorted((e for e in experiments().values() if e.paper == known.paper), key=lambda e: e.name)
    paper = list(dict.fromkeys(arm for each in family for arm in each.arms))
    wanted = {arm: paper.index(arm) for arm in known.arms}
    found: dict[str, int] = {}
    for arm, place in wanted.items():
        close = list(found)
        if len(close) >= len(COLOURS):
            close = [known.headline, *close[2 - len(COLOURS) :]]
        used = {colour(found[other]) for other in close if other in found}
        if colour(place) in used or place in found.values():
            place = _free(found.values(), used, set(map(colour, wanted.values())))
        found[arm] = place
    return found


def _free(taken: Collection[int], used: Collection[str], wanted: Collection[str] = ()) -> int:
    """The first place that is not taken, of a colour that is not used, and better of one that nobody wants."""
    free = [place for place in range(len(taken) + 2 * len(COLOURS)) if place not in taken]
    return min(free, key=lambda place: (colour(place) in used, colour(place) in wanted, place))


def groups_of(board: Board) -> list[list[BoardRow]]:
    """Arms that are drawn together, at most :data:`LINES` each. Where there are more, the first group ends with the arm
    that stands for the layer, or has it among its first two, and each further one begins with it.
    """
    known, ordered = declared(board.experiment), board.in_order
    if len(ordered) <= LINES:
        return [ordered] if ordered else []
    chief = next((arm for arm in ordered if known and arm.arm == known.headline), ordered[0])
    position = ordered.index(chief)
    first = ordered[:LINES] if position < 2 else [*ordered[:position][: LINES - 1], chief]
    others = [arm for arm in ordered if arm not in first]
    how_many = math.ceil(len(others) / (LINES - 1))
    size = math.ceil(len(others) / how_many)
    return [first, *([chief, *others[i : i + size]] for i in range(0, len(others), size))]
