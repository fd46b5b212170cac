"""What a paper states, and what decides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from gmbench.claims.statistics import Run
from gmbench.claims.verdicts import FEWEST, OPPOSED, QUICK, Decision


class RunsOf(Protocol):
    """Finds the runs of an arm, by seed: ``"bl"``, ``"kumar-single:bl"`` of another experiment, ``"bl@digits"`` on
    another data set. Empty where there are none.
    """

    def __call__(self, arm: str, /) -> Mapping[int, Run]: ...


class Evidence(Protocol):
    """What decides a claim; the kinds of it are in :mod:`gmbench.claims.evidence`."""

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict that runs allow.

        :param least: pairs of seeds that a test takes
        """


def short(value: float) -> str:
    """Three digits, whole from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@dataclass(frozen=True)
class Claim:
    """What a paper states.

    :param source: where it stands in the paper
    :param printed: as it stands there, with its unit apart
    :param evidence: what decides it
    :param protocol: what the paper leaves open here, and the choice or the proxy
    :param remarks: what a reader should know if it does not hold: by the side on which ours lies (``"above"``,
        ``"below"``), by the number of the part that fails, from 1, or always (``""``)
    :param data: the data set (default: the experiment's first)
    :param least: pairs of seeds that a test takes: ``QUICK`` where a cell takes less than a minute
    """

    id: str
    source: str
    statement: str
    printed: str
    unit: str
    evidence: Evidence
    protocol: str = ""
    remarks: Mapping[Any, str] = field(default_factory=dict)
    data: str = ""
    least: int = FEWEST

    def judge(self, runs_of: RunsOf) -> Decision:
        """The verdict that runs allow."""
        return self.evidence.judge(runs_of, self.least)

    def remark(self, decision: Decision) -> str:
        """Why it does not hold, in sentences; empty if it does, or nothing is decided."""
        if decision.verdict not in OPPOSED:
            return ""
        failed = [i for i, part in enumerate(decision.parts, 1) if part.verdict in OPPOSED]
        shown = [decision.parts[i - 1].shown for i in failed if decision.parts[i - 1].shown]
        said = ["What does not hold: " + "; ".join(shown) + "."] if shown else []
        said += [self.remarks[key] for key in (decision.side, *failed) if key and key in self.remarks]
        return " ".join(said + ([self.remarks[""]] if "" in self.remarks else []))


KNOWN = "declared after its first cells had been seen; only later seeds are a fresh test"


def known(*claims: Claim) -> tuple[Claim, ...]:
    """Claims that were declared when their first cells were known already: their protocol says so."""
    return tuple(replace(claim, protocol="; ".join(filter(None, (claim.protocol, KNOWN)))) for claim in claims)


def quick(*claims: Claim) -> tuple[Claim, ...]:
    """Claims of an experiment whose cells take less than a minute: their tests take ten pairs."""
    return tuple(replace(claim, least=QUICK) for claim in claims)
