"""Evidence made of other evidence, and none at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gmbench.claims.claim import INCONCLUSIVE, NOT, NOT_RUN, REPRODUCED, Evidence, Judgement, RunsOf
from gmbench.claims.evidence.numbers import Beside, told


@dataclass(frozen=True)
class Undecidable:
    """A statement that no run can decide, such as that something is not known: always inconclusive.

    :param why: the reason
    :param beside: what was measured about it
    """

    why: str
    beside: tuple[Beside, ...] = ()

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        lines, seeds = told(self.beside, runs_of)
        return Judgement(INCONCLUSIVE, "no run decides it", seeds=seeds, detail=(self.why, *lines))


@dataclass(frozen=True)
class Alongside:
    """Evidence that decides, and others, by their names, with the verdicts that they would give."""

    evidence: Evidence
    others: Mapping[str, Evidence]

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        found, lines = self.evidence.judge(runs_of), []
        for what, other in self.others.items():
            seen = other.judge(runs_of)
            if seen.verdict != NOT_RUN:
                said = "; ".join(part.measured for part in seen.parts) or seen.measured
                lines.append(f"{what}: {said}: {seen.verdict}")
        return replace(found, detail=(*found.detail, *lines))


class Together:
    """Several things that must all hold: not reproduced if any is not, reproduced if all are."""

    def __init__(self, *parts: Evidence):
        self.parts = parts

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        found = tuple(part.judge(runs_of) for part in self.parts)
        verdicts = {judgement.verdict for judgement in found}
        verdict = next(each for each in (NOT, NOT_RUN, INCONCLUSIVE, REPRODUCED) if each in verdicts)
        held = sum(judgement.verdict == REPRODUCED for judgement in found)
        detail = tuple(dict.fromkeys(line for judgement in found for line in judgement.detail))
        seeds = min(judgement.seeds for judgement in found)
        return Judgement(verdict, f"{held} of {len(found)} hold", seeds=seeds, detail=detail, parts=found)
