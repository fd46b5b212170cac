"""Evidence made of other evidence, and none at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gmbench.claims.claim import Evidence, RunsOf
from gmbench.claims.evidence.numbers import Beside, told
from gmbench.claims.evidence.orderings import together
from gmbench.claims.several import over_choices
from gmbench.claims.verdicts import FEWEST, NOT_RUN, Decision, undecidable


@dataclass(frozen=True)
class Undecidable:
    """A statement that no run can decide, such as that something is not known.

    :param why: the reason
    :param beside: what was measured about it
    """

    why: str
    beside: tuple[Beside, ...] = ()

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        lines, seeds = told(self.beside, runs_of)
        return replace(undecidable(self.why), shown="no run decides it", seeds=seeds, detail=(self.why, *lines))


@dataclass(frozen=True)
class Alongside:
    """Evidence that decides, and others, by their names, with the verdicts that they would give."""

    evidence: Evidence
    others: Mapping[str, Evidence]

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        found, lines = self.evidence.judge(runs_of, least), []
        for what, other in self.others.items():
            seen = other.judge(runs_of, least)
            if seen.verdict != NOT_RUN:
                several = [part.shown for part in seen.parts if part.shown]
                lines.append(f"{what}: {'; '.join(several) or seen.shown}: {seen.said}")
        return replace(found, detail=(*found.detail, *lines))


@dataclass(frozen=True)
class Choices:
    """One statement that can be read in several ways, by their names: :func:`~gmbench.claims.several.over_choices`."""

    readings: Mapping[str, Evidence]

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        found = {}
        for name, reading in self.readings.items():
            seen = reading.judge(runs_of, least)
            found[name] = replace(seen, shown=f"{name}: {seen.shown}" if seen.shown else "")
        decided = over_choices(found)
        detail = tuple(dict.fromkeys(line for seen in found.values() for line in seen.detail))
        return replace(decided, shown="; ".join(seen.shown for seen in found.values() if seen.shown), detail=detail)


class Together:
    """Several things that must all hold: :func:`~gmbench.claims.several.conjunction`."""

    def __init__(self, *parts: Evidence):
        self.parts = parts

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        return together([part.judge(runs_of, least) for part in self.parts])
