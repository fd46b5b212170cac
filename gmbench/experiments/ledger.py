"""The ledger: every claim of every experiment, with the verdict of the cells in a store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gmbench.experiments import Experiment, experiments
from gmbench.experiments.evidence import NOT_RUN, VERDICTS, Claim, Judgement, Run
from gmbench.registry import layer_type
from gmbench.runs.store import DEFAULT, VARIABLE, read_all, store_folder

BUDGET = "paper"
COMMITTED = Path(__file__).resolve().parents[2] / "reports" / "data"  # in a checkout


def default_store() -> Path:
    """Where the ledger's cells are if nobody says: ``$GMBENCH_STORE``, else ``gmbench-results`` in the working folder
    if it has cells, else the committed results of this checkout if it is one.
    """
    if os.environ.get(VARIABLE) or Path(DEFAULT, "cells").is_dir() or not COMMITTED.is_dir():
        return store_folder()
    return COMMITTED


def ledger(store: str | os.PathLike | None = None) -> list[dict[str, Any]]:
    """One row per claim, in the order of ids.

    ``published`` is a number, a pair of numbers (a range) or text, ``printed`` as it stands in the paper with its unit;
    ``margin`` a number or None; ``measured`` our number (for an ordering the mean difference, for a count so many) or
    text, ``shown`` the same in words; ``interval`` our 95 % interval or None; ``low`` and ``high`` the published value
    with its margin; ``seeds`` how many; ``verdict``; ``decided`` what the paper leaves open; ``detail`` what else the
    verdict rests on; ``remark`` why a claim does not hold; ``command`` runs the cells.
    """
    found = _Cells(default_store() if store is None else store)
    rows = [_row(chosen, claim, found) for chosen in experiments().values() for claim in chosen.claims]
    return sorted(rows, key=lambda row: row["id"])


def _row(chosen: Experiment, claim: Claim, cells: _Cells) -> dict[str, Any]:
    data = claim.data or chosen.data_sets[0]
    judgement: Judgement = claim.evidence.judge(cells.arms(chosen, data))
    missing = judgement.verdict == NOT_RUN
    return {
        "id": claim.id,
        "paper": chosen.paper,
        "experiment": chosen.name,
        "source": claim.source,
        "statement": claim.statement,
        "published": getattr(claim.evidence, "published", claim.printed),
        "printed": f"{claim.printed} {claim.unit}".strip(),
        "unit": claim.unit,
        "margin": judgement.margin,
        "measured": None if missing else judgement.measured if judgement.centre is None else judgement.centre,
        "shown": "" if missing else judgement.measured,
        "interval": None if judgement.interval is None else list(judgement.interval),
        "low": judgement.low,
        "high": judgement.high,
        "seeds": judgement.seeds,
        "dataset": data,
        "budget": BUDGET,
        "verdict": judgement.verdict,
        "decided": claim.decided,
        "detail": "; ".join(judgement.detail),
        "remark": claim.remark if judgement.verdict == "not reproduced" else "",
        "command": f"gmbench run {chosen.name} --data {data} --budget {BUDGET} --store STORE",
    }


class _Cells:
    """The cells that verdicts may rest on: the paper's budget, the version that is declared, its seeds, and layers
    and initialisations that come with gmbench.
    """

    def __init__(self, store: str | os.PathLike):
        # experiment, data -> arm -> (implementation, device) -> seed -> run
        self.found: dict[tuple[str, str], dict[str, dict[tuple[str, str], dict[int, Run]]]] = {}
        whens: dict[tuple, str] = {}
        for _, result in read_all("cells", store):
            spec = result.get("spec") or {}
            chosen = experiments().get(spec.get("experiment"))
            if chosen is None or not _counts(spec, chosen):
                continue
            try:
                run = Run.of(result)
            except (KeyError, TypeError, ValueError, IndexError):
                continue  # the report says so; a verdict rests on whole cells alone
            name = (spec.get("implementation") or {}).get("name", "")
            key = (name, spec["device"])
            arms = self.found.setdefault((chosen.name, spec["data"]), {})
            seeds = arms.setdefault(spec["arm"], {}).setdefault(key, {})
            where = (chosen.name, spec["data"], spec["arm"], key, run.seed)
            if str(result.get("when")) >= whens.get(where, ""):
                seeds[run.seed], whens[where] = run, str(result.get("when"))

    def arms(self, chosen: Experiment, data: str):
        """How evidence finds the runs of an arm: of the implementation with the most seeds, of several such the one
        that a run takes by default.
        """

        def find(arm: str) -> Mapping[int, Run]:
            name, colon, own = arm.partition(":")
            experiment = experiments()[name] if colon else chosen
            variants = self.found.get((experiment.name, data), {}).get(own if colon else arm, {})
            usual = [f"{experiment.layer_type}/{each}" for each in layer_type(experiment.layer_type).fastest]

            def rank(key):
                implementation, device = key
                place = usual.index(implementation) if implementation in usual else len(usual)
                return -len(variants[key]), place, device, implementation

            best = min(variants, key=rank, default=None)
            return {} if best is None else dict(sorted(variants[best].items()))

        return find


def _counts(spec: Mapping[str, Any], chosen: Experiment) -> bool:
    """Whether a verdict may rest on a cell."""
    part = spec.get("implementation") or {}
    return (
        spec.get("version") == chosen.version
        and spec.get("budget") == BUDGET
        and spec.get("arm") in chosen.arms
        and spec.get("seed") in chosen.budgets[BUDGET].seeds
        and spec.get("epochs") == chosen.budgets[BUDGET].epochs
        and not spec.get("initialisation")
        and not {"sha256", "origin", "approximate"} & set(part)
    )


def counts(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many claims have each verdict."""
    rows = list(rows)
    return {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS}


def table(rows: Iterable[Mapping[str, Any]]):
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
        said = row["printed"] + (f" +- {row['margin']:.4g}" if row["margin"] else "")
        ends = "" if row["interval"] is None or "(" in row["shown"] else " ({:.3g} to {:.3g})".format(*row["interval"])
        verdict = f"[{colours[row['verdict']]}]{row['verdict']}[/]"
        cells = (
            row["id"],
            row["statement"],
            said,
            row["shown"].replace("[", "\\[") + ends,
            str(row["seeds"]),
            verdict,
        )
        shown.add_row(*cells)
    return shown
