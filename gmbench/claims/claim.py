"""What a paper states, and what the judgement of it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gmbench.claims.intervals import Interval
from gmbench.claims.statistics import Run

REPRODUCED, NOT, INCONCLUSIVE, NOT_RUN = VERDICTS = ("reproduced", "not reproduced", "inconclusive", "not run")


class RunsOf(Protocol):
    """Finds the runs of an arm, by seed: ``"bl"``, ``"kumar-single:bl"`` of another experiment, ``"bl@digits"`` on
    another data set. Empty where there are none.
    """

    def __call__(self, arm: str, /) -> Mapping[int, Run]: ...


@dataclass(frozen=True)
class Judgement:
    """A verdict and what it rests on.

    :param measured: ours in words
    :param centre, interval: ours in numbers, over so many ``seeds``: a mean and its 95 % interval
    :param margin: what is allowed on either side of the published value
    :param low, high: the published value with its margin, in the unit of ``centre``
    :param detail: what else is to be seen, in lines
    :param side: where ours lies if it does not reproduce: ``"above"`` or ``"below"``
    :param parts: the judgements of a claim of several
    """

    verdict: str
    measured: str = ""
    centre: float | None = None
    interval: Interval | None = None
    seeds: int = 0
    margin: float | None = None
    low: float | None = None
    high: float | None = None
    detail: tuple[str, ...] = ()
    side: str = ""
    parts: tuple[Judgement, ...] = ()


class Evidence(Protocol):
    """What decides a claim; the kinds of it are in :mod:`gmbench.claims.evidence`."""

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict that runs allow."""


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
    :param remarks: what a reader should know if it does not reproduce: by the side on which ours lies (``"above"``,
        ``"below"``), or by the number of the part that fails, from 1
    :param data: the data set (default: the experiment's first)
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

    def remark(self, judgement: Judgement) -> str:
        """Why it does not reproduce, in sentences; empty if it does, or nothing is decided."""
        if judgement.verdict != NOT:
            return ""
        said = []
        if judgement.side and judgement.interval and judgement.low is not None and judgement.high is not None:
            gap = (
                judgement.low - judgement.interval[1]
                if judgement.side == "below"
                else judgement.interval[0] - judgement.high
            )
            said.append(f"Our interval lies {judgement.side} the published value and its margin, by {short(gap)}.")
        failed = [i for i, part in enumerate(judgement.parts, 1) if part.verdict == NOT]
        if failed:
            said.append("What does not hold: " + "; ".join(judgement.parts[i - 1].measured for i in failed) + ".")
        said += [self.remarks[key] for key in (judgement.side, *failed) if key in self.remarks]
        return " ".join(said)
