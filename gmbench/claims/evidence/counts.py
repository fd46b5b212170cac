"""How many seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gmbench.claims.claim import RunsOf, short
from gmbench.claims.decisions import SHARE, counted, ordering
from gmbench.claims.evidence.judging import differences_of, lacking, lost_seeds, spanned, trained
from gmbench.claims.statistics import Run, Statistic, best
from gmbench.claims.verdicts import FEWEST, HIGHER, Decision


@dataclass(frozen=True)
class Count:
    """So many seeds of one arm, or pairs of seeds where it beats another, as the paper counts: by
    :func:`~gmbench.claims.decisions.counted`. A seed that diverged loses its pair; the ordering of those that trained
    stands beside.

    :param better: which side is the better one
    :param resolution: as a share of the paper's seeds
    """

    arm: str
    predicate: Callable[[Run], bool] | None  # None: of pairs, that the arm is below ``other``
    published: int
    of: int
    what: str
    other: str = ""
    statistic: Statistic = best
    better: str = HIGHER
    resolution: float = SHARE

    def judge(self, runs_of: RunsOf, least: int = FEWEST) -> Decision:
        """The verdict."""
        runs = {name: runs_of(name) for name in (self.arm, self.other) if name}
        if missing := lacking(runs):
            return missing
        detail = [*lost_seeds(runs)]
        if self.predicate is not None:
            hits = [self.predicate(run) for run in runs[self.arm].values()]
        else:
            hits = [gap < 0 for gap in differences_of(runs[self.arm], runs[self.other], self.statistic)]
            one, two = map(trained, runs.values())
            pairs = ordering(differences_of(one, two, self.statistic), least=least)
            if pairs.centre is not None:
                detail.append(f"mean difference {short(pairs.centre)}{spanned(pairs.interval)}: {pairs.said}")
        k, n = sum(hits), len(hits)
        found = counted(k, n, self.published, self.of, self.resolution, self.better)
        if not n:
            return replace(found, shown=f"{self.what}: no common seed")
        ends = None if found.interval is None else (found.interval[0] * n, found.interval[1] * n)
        detail.append(f"{found.reason}: Fisher's exact p = {found.p:.2g}")
        shown = f"{self.what}: {k} of {n}"
        resolution = self.resolution * self.of
        return replace(found, shown=shown, centre=float(k), interval=ends, resolution=resolution, detail=tuple(detail))
