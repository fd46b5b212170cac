"""Evidence made of other evidence, and none at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Any

from gmbench.claims import intervals
from gmbench.claims.claim import INCONCLUSIVE, NOT, NOT_RUN, REPRODUCED, Arms, Judgement, short
from gmbench.claims.evidence.numbers import Beside
from gmbench.claims.evidence.shared import _span, _values


@dataclass(frozen=True)
class Undecidable:
    """A statement that no run can decide, such as that something is not known: always inconclusive.

    :param why: the reason
    :param beside: what was measured about it
    """

    why: str
    beside: tuple[Beside, ...] = ()

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        detail, seeds = [self.why], 0
        for other in self.beside:
            seen = [value for _, value in _values(arms(other.arm), other.statistic)]
            if seen:
                detail.append(f"{other.what} ({other.arm}): {short(mean(seen))}{_span(intervals.of_mean(seen))}")
                seeds = max(seeds, len(seen))
        return Judgement(INCONCLUSIVE, "no run decides it", seeds=seeds, detail=detail)


class Alongside:
    """Evidence that decides, and others, by their names, with the verdicts that they would give."""

    def __init__(self, evidence: Any, others: Mapping[str, Any]):
        self.evidence, self.others = evidence, others

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        found = self.evidence.judge(arms)
        for what, other in self.others.items():
            seen = other.judge(arms)
            if seen.verdict != NOT_RUN:
                said = "; ".join(part.measured for part in seen.parts) or seen.measured
                found.detail.append(f"{what}: {said}: {seen.verdict}")
        return found


class Together:
    """Several things that must all hold: not reproduced if any is not, reproduced if all are."""

    def __init__(self, *parts: Any):
        self.parts = parts

    def judge(self, arms: Arms) -> Judgement:
        """The verdict."""
        found = [part.judge(arms) for part in self.parts]
        verdicts = {judgement.verdict for judgement in found}
        verdict = next(each for each in (NOT, NOT_RUN, INCONCLUSIVE, REPRODUCED) if each in verdicts)
        held = sum(judgement.verdict == REPRODUCED for judgement in found)
        detail = list(dict.fromkeys(line for judgement in found for line in judgement.detail))
        seeds = min(judgement.seeds for judgement in found)
        return Judgement(verdict, f"{held} of {len(found)} hold", seeds=seeds, detail=detail, parts=found)
