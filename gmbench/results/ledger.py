"""The ledger: every claim of every experiment, with the verdict of the cells in a store."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gmbench.claims.claim import NOT_RUN, VERDICTS, Claim, Judgement, short
from gmbench.claims.statistics import Run
from gmbench.experiments import experiments
from gmbench.experiments.contract import Experiment
from gmbench.registry import layer_type
from gmbench.runs.cell import CELLS, CellResult
from gmbench.runs.spec import Spec
from gmbench.store.files import VARIABLE
from gmbench.store.reading import Store

BUDGET = "paper"
COMMITTED = Path(__file__).resolve().parents[2] / "reports" / "data"  # in a checkout


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found of a claim, or of a part of it.

    :param margin: what is allowed on either side of the published value, or None
    :param measured: our number (for an ordering the mean difference, for a count so many out of ``seeds``), or text
    :param shown: the same in words; empty where nothing was run
    :param interval: our 95 % interval, or None
    :param low, high: the published value with its margin
    :param seeds: how many
    """

    margin: float | None
    measured: float | str | None
    shown: str
    interval: tuple[float, float] | None
    low: float | None
    high: float | None
    seeds: int
    verdict: str

    @classmethod
    def of(cls, judgement: Judgement) -> Finding:
        """From a judgement."""
        missing = judgement.verdict == NOT_RUN
        ours = judgement.measured if judgement.centre is None else judgement.centre
        return cls(
            margin=judgement.margin,
            measured=None if missing else ours,
            shown="" if missing else judgement.measured,
            interval=judgement.interval,
            low=judgement.low,
            high=judgement.high,
            seeds=judgement.seeds,
            verdict=judgement.verdict,
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
    judgement: Judgement = claim.evidence.judge(cells.arms(chosen, data, asked))
    return LedgerRow(
        id=claim.id,
        paper=chosen.paper,
        experiment=chosen.name,
        source=claim.source,
        statement=claim.statement,
        published=getattr(claim.evidence, "published", claim.printed),
        printed=f"{claim.printed} {claim.unit}".strip(),
        unit=claim.unit,
        found=Finding.of(judgement),
        dataset=data,
        datasets=_places(chosen, data, asked),
        budget=BUDGET,
        parts=tuple(map(Finding.of, judgement.parts)),
        protocol=claim.protocol,
        detail="; ".join(judgement.detail),
        remark=claim.remark(judgement),
        command=" && ".join(
            f"gmbench run {name} --data {where} --budget {BUDGET} --store STORE"
            for name, where in asked or [(chosen.name, data)]
        ),
    )


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
        # experiment, data -> digest -> arm -> (implementation, device) -> seed -> (when, run)
        self.found: dict[tuple[str, str], dict[str, dict[str, dict[tuple[str, str], dict[int, tuple[str, Run]]]]]] = {}
        for path, result in store.read(CELLS):
            spec, chosen = result.spec, experiments().get(result.spec.experiment)
            if chosen is None or not _counts(spec, chosen):
                continue
            try:
                run = _run(result, chosen)
            except ValueError as error:
                reason = " ".join(str(error).split())[:200]
                logging.getLogger("gmbench").warning("gmbench: no claim rests on %s (%s)", path, reason)
                continue
            arms = self.found.setdefault((chosen.name, spec.data), {}).setdefault(spec.digest, {})
            seeds, when = arms.setdefault(spec.arm, {}).setdefault((spec.layer, spec.device), {}), str(result.when)
            if run.seed not in seeds or seeds[run.seed][0] <= when:
                seeds[run.seed] = when, run

    def arms(self, chosen: Experiment, data: str, asked: dict[tuple[str, str], None]):
        """How evidence finds the runs of an arm: of the implementation with the most seeds, of several such the one
        that a run takes by default. The experiments and data sets that it looks at are added to ``asked``.
        """

        def find(arm: str) -> Mapping[int, Run]:
            arm, _, where = arm.partition("@")
            name, colon, own = arm.partition(":")
            experiment = experiments()[name] if colon else chosen
            asked[experiment.name, where or data] = None
            digests = self.found.get((experiment.name, where or data), {})

            def size(digest):
                return sum(len(seeds) for found in digests[digest].values() for seeds in found.values()), digest

            variants = digests[max(digests, key=size)].get(own if colon else arm, {}) if digests else {}
            kind = experiment.layer_type_of(own if colon else arm)
            usual = [f"{kind}/{each}" for each in (*experiment.preferred, *layer_type(kind).fastest)]

            def rank(key):
                implementation, device = key
                place = usual.index(implementation) if implementation in usual else len(usual)
                return -len(variants[key]), place, device, implementation

            best = min(variants, key=rank, default=None)
            return {} if best is None else {seed: run for seed, (_, run) in sorted(variants[best].items())}

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
        and not {"sha256", "origin", "approximate"} & set(spec.implementation or {})
    )


def _run(result: CellResult, chosen: Experiment) -> Run:
    """What claims are about in a cell.

    :raises ValueError: if it is not that of a whole training, in one line
    """
    if result.id != result.spec.id:
        raise ValueError("its id is not that of its spec")
    parts = {"epochs": result.epochs, "measures": result.measures, "paths": result.paths}
    return Run.of({"spec": result.spec.as_dict(), **parts}, chosen.metric)


def counts(rows: Iterable[LedgerRow]) -> dict[str, int]:
    """How many claims have each verdict."""
    rows = list(rows)
    return {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}


def table(rows: Iterable[LedgerRow]):
    """The ledger as a rich table."""
    from rich.table import Table

    colours = dict(zip(VERDICTS, ("green", "red", "yellow", "dim"), strict=True))
    shown = Table()
    shown.add_column("id", no_wrap=True)
    for column in ("statement", "paper says", "ours"):
        shown.add_column(column, overflow="fold")
    shown.add_column("seeds", justify="right")
    shown.add_column("verdict")
    for row in rows:
        found = row.found
        said = row.printed + (f" +- {found.margin:.4g}" if found.margin else "")
        ends = "" if found.interval is None or "(" in found.shown else " ({} to {})".format(*map(short, found.interval))
        ours = found.shown.replace("[", "\\[") + ends
        shown.add_row(row.id, row.statement, said, ours, str(found.seeds), f"[{colours[row.verdict]}]{row.verdict}[/]")
    return shown
