"""How many seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

from gmbench.claims import intervals
from gmbench.claims.claim import INCONCLUSIVE, NOT, REPRODUCED, Judgement, RunsOf, short
from gmbench.claims.evidence.judging import differences_of, lost_seeds, not_run, spanned
from gmbench.claims.statistics import Run, Statistic, best


@dataclass(frozen=True)
class Count:
    """So many seeds of one arm, or pairs of seeds where it beats another, as the paper counts.

    Reproduced: all of ours where the paper has all, none where it has none, from at least as many seeds, or else the
    very same share. Not reproduced: Fisher's exact test tells the two shares apart at 5 %.
    """

    arm: str
    predicate: Callable[[Run], bool] | None  # None: of pairs, that the arm is below ``other``
    published: int
    of: int
    what: str
    other: str = ""
    statistic: Statistic = best

    def judge(self, runs_of: RunsOf) -> Judgement:
        """The verdict."""
        runs = {name: runs_of(name) for name in (self.arm, self.other) if name}
        if not all(runs.values()):
            return not_run(runs)
        detail = [*lost_seeds(runs)]
        if self.predicate is not None:
            hits = [self.predicate(run) for run in runs[self.arm].values()]
        else:
            gaps = differences_of(runs[self.arm], runs[self.other], self.statistic)
            hits = [gap < 0 for gap in gaps]
            if gaps:
                interval = intervals.of_differences(gaps)
                p = intervals.sign_flips(gaps)
                detail.append(f"mean difference {short(mean(gaps))}{spanned(interval)}, p = {p:.2g}")
        k, n = sum(hits), len(hits)
        if not n:
            return Judgement(INCONCLUSIVE, f"{self.what}: no common seed")
        side = ""
        if n >= self.of and k * self.of == self.published * n:
            verdict = REPRODUCED
        else:
            p = intervals.same_share(k, n, self.published, self.of)
            detail.append(f"Fisher's exact p = {p:.2g} against {self.published} of {self.of}")
            verdict = NOT if p < 1 - intervals.LEVEL else INCONCLUSIVE
            side = ("below" if k * self.of < self.published * n else "above") if verdict == NOT else ""
        return Judgement(verdict, f"{self.what}: {k} of {n}", float(k), None, n, detail=tuple(detail), side=side)
