"""The ledger: every claim of every experiment, with the verdict of the cells in a store."""

from __future__ import annotations

import functools
import logging
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmbench.claims.claim import Claim, short
from gmbench.claims.several import benjamini_hochberg
from gmbench.claims.statistics import Run
from gmbench.claims.verdicts import AGAINST, BETTER, FAVOURABLE, LEVEL, NOT_RUN, OPPOSED, VERDICTS, Decision
from gmbench.experiments import experiments
from gmbench.experiments.contract import Experiment
from gmbench.registry import layer_type
from gmbench.results.latest import BUDGET, latest, run_of
from gmbench.results.universes import Found, beside, universes
from gmbench.runs.spec import Spec
from gmbench.store.files import VARIABLE
from gmbench.store.reading import Store

if TYPE_CHECKING:
    from rich.table import Table

COMMITTED = Path(__file__).resolve().parents[2] / "reports" / "data"  # in a checkout


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found of a claim, or of a part of it: a :class:`~gmbench.claims.verdicts.Decision` as plain data.

    :param margin: of a printed number what is allowed on either side; of an ordering the difference that counts as none
    :param measured: our number (for an ordering the mean difference, for a count so many out of ``seeds``), or text
    :param shown: the same in words; empty where nothing was run
    :param interval: our 95 % interval, or None
    :param prediction: the 95 % interval in which a printed number is expected, or None
    :param resolution: of a printed number, half the widest prediction interval that says something
    :param low, high: the published value with its margin
    :param seeds: how many
    :param said: the verdict with its direction and size, or with the seeds that would decide
    :param needed: how many seeds would decide, of too few; None where no number would
    :param p, holm: of the test that decides it: alone, and among the parts of the claim
    """

    margin: float | None
    measured: float | str | None
    shown: str
    interval: tuple[float, float] | None
    prediction: tuple[float, float] | None
    resolution: float | None
    low: float | None
    high: float | None
    seeds: int
    verdict: str
    said: str
    needed: int | None
    p: float | None
    holm: float | None

    @classmethod
    def of(cls, decision: Decision) -> Finding:
        """From a decision."""
        missing = decision.verdict == NOT_RUN and not decision.parts
        ours = decision.shown if decision.centre is None else decision.centre
        same = ("margin", "interval", "prediction", "resolution", "low", "high", "seeds", "verdict", "said")
        return cls(
            **{name: getattr(decision, name) for name in (*same, "needed", "p", "holm")},
            measured=None if missing else ours,
            shown="" if missing else decision.shown,
        )

    @property
    def centre(self) -> float | None:
        """What was measured, if that is a number."""
        number = None if isinstance(self.measured, str) else self.measured
        return number if number is not None and math.isfinite(number) else None


@dataclass(frozen=True, kw_only=True)
class LedgerRow:
    """A claim, with the verdict of the cells in a store.

    :param source: where it stands in the paper
    :param published: a number, a pair of numbers (a range) or text; ``printed`` as it stands there, with its unit
    :param dataset: the claim's first; ``datasets``: all that its evidence looks at
    :param parts: what was found of each part of a claim of several
    :param tests: the p-values of all tests that it rests on, each alone
    :param protocol: what the paper leaves open, and the choice made
    :param detail: what else the verdict rests on
    :param remark: why the claim does not hold
    :param command: runs the cells
    """

    id: str
    paper: str
    experiment: str
    source: str
    statement: str
    published: Any
    printed: str
    unit: str
    found: Finding
    dataset: str
    datasets: list[str]
    budget: str
    parts: tuple[Finding, ...]
    tests: tuple[float, ...]
    protocol: str
    detail: str
    remark: str
    command: str

    @property
    def verdict(self) -> str:
        """That of the whole claim."""
        return self.found.verdict

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as JSON and tables have it: what was found stands among the rest."""
        row: dict[str, Any] = {}
        for name, value in asdict(self).items():
            row |= value if name == "found" else {name: value}
        return row


def default_store() -> Store:
    """Where the ledger's cells are if nobody says: ``$GMBENCH_STORE``, else ``gmbench-results`` in the working folder
    if it has cells that a claim can rest on, else the committed results of this checkout if it is one.
    """
    own = Store()
    if os.environ.get(VARIABLE) or not COMMITTED.is_dir() or Cells(own).found:
        return own
    return Store(COMMITTED)


def ledger(store: Store | str | os.PathLike | None = None) -> list[LedgerRow]:
    """One row per claim, in the order of ids.

    :param store: default: :func:`default_store`
    """
    found = Cells(default_store() if store is None else Store.of(store))
    rows = [_row(chosen, claim, found) for chosen in experiments().values() for claim in chosen.claims]
    return sorted(rows, key=lambda row: row.id)


def _row(chosen: Experiment, claim: Claim, cells: Cells) -> LedgerRow:
    data = claim.data or chosen.data_sets[0]
    asked: dict[tuple[str, str], None] = {}
    decision = claim.judge(cells.arms(chosen, data, asked))
    choice = beside(chosen, claim.id, data, functools.partial(cells.universes, chosen, data))
    return LedgerRow(
        id=claim.id,
        paper=chosen.paper,
        experiment=chosen.name,
        source=claim.source,
        statement=claim.statement,
        published=getattr(claim.evidence, "published", claim.printed),
        printed=f"{claim.printed} {claim.unit}".strip(),
        unit=claim.unit,
        found=Finding.of(decision),
        dataset=data,
        datasets=_places(chosen, data, asked),
        budget=BUDGET,
        parts=tuple(map(Finding.of, decision.parts)),
        tests=decision.tests,
        protocol=claim.protocol,
        detail="; ".join(filter(None, (_detail(decision), choice))),
        remark=claim.remark(decision),
        command=" && ".join(
            f"gmbench run {name} --data {where} --budget {BUDGET} --store STORE"
            for name, where in asked or [(chosen.name, data)]
        ),
    )


def _detail(decision: Decision) -> str:
    """What else is to be seen, in one line; what was not run first."""
    missing = (f"no cells of {', '.join(decision.missing)}",) if decision.missing else ()
    return "; ".join((*missing, *filter(None, decision.detail)))


def _places(chosen: Experiment, data: str, asked: Iterable[tuple[str, str]]) -> list[str]:
    """The data sets that evidence looked at, in the experiment's order."""
    order = list(chosen.data_sets)
    found = dict.fromkeys(where for _, where in asked) or {data: None}
    return sorted(found, key=lambda where: order.index(where) if where in order else len(order))


class Cells:
    """The cells that verdicts may rest on: whole, of the paper's budget, of the version that is declared and its
    seeds, on one and the same data, with layers and initialisations that come with gmbench.
    """

    def __init__(self, store: Store):
        # experiment, data -> digest -> arm -> (implementation, device) -> seed
        self.found: dict[tuple[str, str], dict[str, dict[str, dict[tuple[str, str], dict[int, Run]]]]] = {}
        found = latest(store)
        self._results = [result for _, result in found]
        self._universes: dict[tuple[str, str, str], list[Found]] = {}  # which several claims ask for
        for path, result in found:
            spec, chosen = result.spec, experiments().get(result.spec.experiment)
            if chosen is None or not _counts(spec, chosen):
                continue
            try:
                run = run_of(result, chosen)
            except ValueError as error:
                reason = " ".join(str(error).split())[:200]
                logging.getLogger("gmbench").warning("gmbench: no claim rests on %s (%s)", path, reason)
                continue
            arms = self.found.setdefault((chosen.name, spec.data), {}).setdefault(spec.digest, {})
            arms.setdefault(spec.arm, {}).setdefault((spec.layer, spec.device), {})[run.seed] = run

    def universes(self, chosen: Experiment, data: str, budget: str) -> list[Found]:
        """The universes of an experiment, of all cells."""
        key = chosen.name, data, budget
        if key not in self._universes:
            self._universes[key] = universes(chosen, data, budget, self._results)
        return self._universes[key]

    def arms(
        self, chosen: Experiment, data: str, asked: dict[tuple[str, str], None]
    ) -> Callable[[str], Mapping[int, Run]]:
        """How evidence finds the runs of an arm: of the implementation with the most seeds, of several such the one
        that a run takes by default. The experiments and data sets that it looks at are added to ``asked``.
        """

        def find(arm: str) -> Mapping[int, Run]:
            arm, _, where = arm.partition("@")
            name, colon, own = arm.partition(":")
            experiment = experiments()[name] if colon else chosen
            asked[experiment.name, where or data] = None
            digests = self.found.get((experiment.name, where or data), {})

            def size(digest: str) -> tuple[int, str]:
                return sum(len(seeds) for found in digests[digest].values() for seeds in found.values()), digest

            variants = digests[max(digests, key=size)].get(own if colon else arm, {}) if digests else {}
            kind = experiment.layer_type_of(own if colon else arm)
            usual = [f"{kind}/{each}" for each in (*experiment.preferred, *layer_type(kind).fastest)]

            def rank(key: tuple[str, str]) -> tuple:
                implementation, device = key
                place = usual.index(implementation) if implementation in usual else len(usual)
                return -len(variants[key]), place, device, implementation

            best = min(variants, key=rank, default=None)
            return {} if best is None else dict(sorted(variants[best].items()))

        return find


def _counts(spec: Spec, chosen: Experiment) -> bool:
    """Whether a verdict may rest on a cell."""
    return (
        spec.version == chosen.version
        and spec.budget == BUDGET
        and spec.arm in chosen.arms
        and spec.seed in chosen.budgets[BUDGET].seeds
        and spec.epochs == chosen.budgets[BUDGET].epochs_of(spec.arm)
        and not spec.initialisation
        and not (spec.settings or spec.split or spec.images)
        and not {"sha256", "origin", "approximate"} & set(spec.implementation or {})
    )


def counts(rows: Iterable[LedgerRow]) -> dict[str, int]:
    """How many claims have each verdict that one has, in the order of :data:`~gmbench.claims.verdicts.VERDICTS`."""
    found = [row.verdict for row in rows]
    return {verdict: found.count(verdict) for verdict in VERDICTS if verdict in found}


@dataclass(frozen=True)
class Tests:
    """All tests of a ledger together.

    :param number: how many there are
    :param alone: of those, at most 5 % by themselves
    :param after: of those, after Benjamini and Hochberg
    :param lost: ids of claims with a test that is at most 5 % by itself and not after
    """

    number: int
    alone: int
    after: int
    lost: tuple[str, ...]


def tests_of(rows: Iterable[LedgerRow]) -> Tests:
    """What the false discovery rate of the whole ledger leaves of its tests (once, for the reader; no verdict rests on
    it).
    """
    found = [(row.id, p) for row in rows for p in row.tests]
    fair = benjamini_hochberg([p for _, p in found])
    lost = dict.fromkeys(name for (name, p), q in zip(found, fair, strict=True) if p <= LEVEL < q)
    return Tests(len(found), sum(p <= LEVEL for _, p in found), sum(q <= LEVEL for q in fair), tuple(lost))


def table(rows: Iterable[LedgerRow]) -> Table:
    """The ledger as a rich table."""
    from rich.table import Table

    shown = Table()
    shown.add_column("id", no_wrap=True)
    for column in ("statement", "paper says", "ours"):
        shown.add_column(column, overflow="fold")
    shown.add_column("seeds", justify="right")
    shown.add_column("verdict", overflow="fold")
    for row in rows:
        found = row.found
        ends = "" if found.interval is None or "(" in found.shown else " ({} to {})".format(*map(short, found.interval))
        ours = found.shown.replace("[", "\\[") + ends
        verdict = f"[{_colour(row.verdict)}]{found.said}[/]"
        shown.add_row(row.id, row.statement, said_by_paper(row), ours, str(found.seeds), verdict)
    return shown


def said_by_paper(row: LedgerRow) -> str:
    """What the paper says, with what is allowed on either side of a number."""
    number = row.found.low is not None and row.found.margin
    return f"{row.printed} +- {row.found.margin:.4g}" if number else row.printed


def _colour(verdict: str) -> str:
    if verdict == BETTER:
        return "cyan"
    if verdict in FAVOURABLE:
        return "green"
    return "red" if verdict in AGAINST else "yellow" if verdict in OPPOSED or verdict != NOT_RUN else "dim"
