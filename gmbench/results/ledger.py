"""The ledger: every claim of every experiment, with the verdict of the cells in a store."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gmbench.claims.claim import NOT_RUN, VERDICTS, Claim, Judgement, short
from gmbench.claims.statistics import Run
from gmbench.experiments import experiments
from gmbench.experiments.contract import Experiment
from gmbench.registry import layer_type
from gmbench.runs.spec import cell_id
from gmbench.store.files import DEFAULT, VARIABLE, read_all, store_folder

BUDGET = "paper"
COMMITTED = Path(__file__).resolve().parents[2] / "reports" / "data"  # in a checkout


def default_store() -> Path:
    """Where the ledger's cells are if nobody says: ``$GMBENCH_STORE``, else ``gmbench-results`` in the working folder
    if it has cells that a claim can rest on, else the committed results of this checkout if it is one.
    """
    if os.environ.get(VARIABLE) or not COMMITTED.is_dir() or Cells(DEFAULT).found:
        return store_folder()
    return COMMITTED


def ledger(store: str | os.PathLike | None = None) -> list[dict[str, Any]]:
    """One row per claim, in the order of ids.

    ``published`` is a number, a pair of numbers (a range) or text, ``printed`` as it stands in the paper with its unit;
    ``margin`` a number or None; ``measured`` our number (for an ordering the mean difference, for a count so many out
    of ``seeds``) or text, ``shown`` the same in words; ``interval`` our 95 % interval or None; ``low`` and ``high`` the
    published value with its margin; ``seeds`` how many; ``verdict``; ``parts`` the same of each part of a claim of
    several; ``protocol`` what the paper leaves open; ``detail`` what else the verdict rests on; ``remark`` why a claim
    does not hold; ``command`` runs the cells. ``dataset`` is the claim's first, ``datasets`` all that its evidence
    looks at.
    """
    found = Cells(default_store() if store is None else store)
    rows = [_row(chosen, claim, found) for chosen in experiments().values() for claim in chosen.claims]
    return sorted(rows, key=lambda row: row["id"])


def _row(chosen: Experiment, claim: Claim, cells: Cells) -> dict[str, Any]:
    data = claim.data or chosen.data_sets[0]
    asked: dict[tuple[str, str], None] = {}
    judgement: Judgement = claim.evidence.judge(cells.arms(chosen, data, asked))
    return {
        "id": claim.id,
        "paper": chosen.paper,
        "experiment": chosen.name,
        "source": claim.source,
        "statement": claim.statement,
        "published": getattr(claim.evidence, "published", claim.printed),
        "printed": f"{claim.printed} {claim.unit}".strip(),
        "unit": claim.unit,
        **_plain(judgement),
        "dataset": data,
        "datasets": _places(chosen, data, asked),
        "budget": BUDGET,
        "verdict": judgement.verdict,
        "parts": [_plain(part) for part in judgement.parts],
        "protocol": claim.protocol,
        "detail": "; ".join(judgement.detail),
        "remark": claim.remark(judgement),
        "command": " && ".join(
            f"gmbench run {name} --data {where} --budget {BUDGET} --store STORE"
            for name, where in asked or [(chosen.name, data)]
        ),
    }


def _places(chosen: Experiment, data: str, asked: Iterable[tuple[str, str]]) -> list[str]:
    """The data sets that evidence looked at, in the experiment's order."""
    order = list(chosen.data_sets)
    found = dict.fromkeys(where for _, where in asked) or {data: None}
    return sorted(found, key=lambda where: order.index(where) if where in order else len(order))


def _plain(judgement: Judgement) -> dict[str, Any]:
    missing = judgement.verdict == NOT_RUN
    return {
        "margin": judgement.margin,
        "measured": None if missing else judgement.measured if judgement.centre is None else judgement.centre,
        "shown": "" if missing else judgement.measured,
        "interval": None if judgement.interval is None else list(judgement.interval),
        "low": judgement.low,
        "high": judgement.high,
        "seeds": judgement.seeds,
        "verdict": judgement.verdict,
    }


class Cells:
    """The cells that verdicts may rest on: whole, of the paper's budget, of the version that is declared and its
    seeds, on one and the same data, with layers and initialisations that come with gmbench.
    """

    def __init__(self, store: str | os.PathLike):
        # experiment, data -> digest -> arm -> (implementation, device) -> seed -> (when, run)
        self.found: dict[tuple[str, str], dict[str, dict[str, dict[tuple[str, str], dict[int, tuple[str, Run]]]]]] = {}
        for path, result in read_all("cells", store):
            try:
                spec = result["spec"]
                chosen = experiments().get(spec["experiment"])
                if chosen is None or not _counts(spec, chosen):
                    continue
                if result["id"] != cell_id(spec):
                    raise ValueError("its id is not that of its spec")
                key = ((spec.get("implementation") or {}).get("name", ""), spec["device"])
                run, when = Run.of(result, chosen.metric), str(result.get("when"))
                arms = self.found.setdefault((chosen.name, spec["data"]), {}).setdefault(spec["digest"], {})
                seeds = arms.setdefault(spec["arm"], {}).setdefault(key, {})
                if run.seed not in seeds or seeds[run.seed][0] <= when:
                    seeds[run.seed] = when, run
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                reason = " ".join(str(error).split())[:200]
                logging.getLogger("gmbench").warning("gmbench: no claim rests on %s (%s)", path, reason)

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


def _counts(spec: Mapping[str, Any], chosen: Experiment) -> bool:
    """Whether a verdict may rest on a cell."""
    part = spec.get("implementation") or {}
    return (
        spec.get("version") == chosen.version
        and spec.get("budget") == BUDGET
        and spec.get("arm") in chosen.arms
        and spec.get("seed") in chosen.budgets[BUDGET].seeds
        and spec.get("epochs") == chosen.budgets[BUDGET].epochs_of(spec["arm"])
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
        ends = (
            "" if row["interval"] is None or "(" in row["shown"] else " ({} to {})".format(*map(short, row["interval"]))
        )
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
