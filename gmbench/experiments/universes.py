"""Multiverses: the combinations of what a paper leaves open."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gmbench.contract import ContractError
from gmbench.experiments.settings import Value
from gmbench.names import nearest
from gmbench.runs.spec import said

Universe = Mapping[str, Value | None]  # the value of every factor
DEFAULT = "default"


@dataclass(frozen=True)
class Multiverse:
    """Settings that a paper does not disclose, and what is compared in each combination of them.

    :param factors: of each setting its values; the first is that of the committed cells, None what each arm has by
        itself
    :param against: the arms that the headline is compared with in every universe: the paper's baseline, a control
    :param outcome: what is compared: ``best``, ``last``, ``late`` or ``area``, of the test errors, or the name of a
        measure; the lower the better
    :param anchors: of arms of the paper's the outcome that it prints, with what its rounding and its spread leave
        open: (outcome, low, high). They are of whole trainings, so that cells of another budget than the paper's anchor
        nothing. A universe in which one lies outside is none that the authors can have had
    :param claims: that rest on such a choice, by id: the arm of ``against`` that each compares the headline with. What
        the universes say stands beside their verdicts
    """

    factors: Mapping[str, tuple[Value | None, ...]]
    against: tuple[str, ...]
    outcome: str = "last"
    anchors: Mapping[str, tuple[str, float, float]] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)

    @property
    def universes(self) -> dict[str, Universe]:
        """All combinations by name, that of the committed cells first."""
        combinations = itertools.product(*self.factors.values())
        found = (dict(zip(self.factors, values, strict=True)) for values in combinations)
        return {self.name(universe): universe for universe in found}

    def name(self, universe: Universe) -> str:
        """The values that are not those of the committed cells."""
        others = {name: value for name, value in universe.items() if value != self.factors[name][0]}
        return said({name: value for name, value in others.items() if value is not None}, ",") or DEFAULT

    def chosen(self, text: str) -> dict[str, Universe]:
        """``all`` universes, the one of that name, or a part of them, such as ``1/4``.

        :raises ContractError: if there is none of that name, or the part is none
        """
        every = self.universes
        if text == "all":
            return every
        one, slash, of = text.partition("/")
        if slash and one.strip() == "1" and of.strip().isdecimal() and len(of) < 5 and int(of):
            return self.part(int(of))
        # in any order, as names of files are not
        plain = {frozenset(name.split(",")): name for name in every}
        name = plain.get(frozenset(part.strip() for part in text.split(",")))
        if name is None:
            raise ContractError(f"there is no universe {text!r}{nearest(text, [*every, 'all'])}; a part is written 1/4")
        return {name: every[name]}

    def part(self, of: int) -> dict[str, Universe]:
        """One in ``of`` universes, at least one: that of the committed cells, and then always the first of those that
        leave the values of single factors, and after that the pairs of values of two, as evenly covered as can be.
        """
        every, names = self.universes, list(self.factors)
        groups: list[list[tuple[str, ...]]] = [[(name,) for name in names], [*itertools.combinations(names, 2)]]
        seen: dict[tuple[tuple[str, Value | None], ...], int] = {}
        taken: dict[str, Universe] = {}

        def cells(universe: Universe, group: Sequence[tuple[str, ...]]) -> list[tuple[tuple[str, Value | None], ...]]:
            return [tuple((name, universe[name]) for name in several) for several in group]

        for _ in range(max(1, round(len(every) / of))):
            # of counts whose sum is given the most even ones have the least sum of squares
            cost = {
                name: [sum(seen.get(cell, 0) for cell in cells(universe, group)) for group in groups]
                for name, universe in every.items()
                if name not in taken
            }
            name = min(cost, key=cost.__getitem__)
            taken[name] = every[name]
            for cell in itertools.chain.from_iterable(cells(every[name], group) for group in groups):
                seen[cell] = seen.get(cell, 0) + 1
        return {name: every[name] for name in every if name in taken}
