"""Leaderboards as data: the arms of an experiment on a data set at a budget, and what their cells measured."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gmbench.claims import statistics
from gmbench.claims.decisions import sign_flips
from gmbench.claims.intervals import Interval, of_mean
from gmbench.claims.metric import ERROR, Metric
from gmbench.claims.several import tiers
from gmbench.results.frames import NONE, absent
from gmbench.results.pictures import kept
from gmbench.results.read import Results
from gmbench.results.read import known as texts
from gmbench.runs.cell import CellResult
from gmbench.runs.spec import labelled

if TYPE_CHECKING:
    import pandas
    from rich.table import Table

    from gmbench.experiments.contract import Experiment

LAST = statistics.LAST  # epochs that are averaged
HIT = "steps_to_"


@dataclasses.dataclass
class BoardRow:
    """All cells of one arm with one implementation on one device: a row of a leaderboard.

    ``best``, ``last``, ``late`` and ``area`` map a seed to a single test error after training began, in the unit of
    ``metric``; ``results`` maps it to its cell.
    """

    arm: str
    implementation: str | None
    initialisation: str | None
    device: str
    label: str
    frame: pandas.DataFrame
    best: dict[int, float]
    last: dict[int, float]
    late: dict[int, float]
    area: dict[int, float]  # the mean over all epochs, by the trapezoidal rule
    results: dict[int, CellResult]
    wanted: tuple[int, ...]
    metric: Metric = ERROR
    tier: int | None = None

    @property
    def seeds(self) -> str:
        """How many there are, and of how many if some are missing."""
        missing = set(self.wanted) - set(self.best)
        return f"{len(self.best)} of {len(set(self.wanted) | set(self.best))}" if missing else str(len(self.best))

    @functools.cached_property
    def diverged(self) -> dict[int, int]:
        """The seeds that diverged, and at which step."""
        if "diverged" not in self.frame:
            return {}
        lost = self.cells[self.cells["diverged"].notna()]
        return {int(seed): int(step) for seed, step in zip(lost["seed"], lost["diverged"], strict=True)}

    @functools.cached_property
    def cells(self) -> pandas.DataFrame:
        """One row a cell, in the order of the seeds."""
        return self.frame.drop_duplicates("cell").sort_values("seed", kind="stable")

    @property
    def ends(self) -> str:
        """The interval of the mean best error."""
        found = self.metric.interval(list(self.best.values()))
        return NONE if found is None else " to ".join(map(self.metric.said, found))

    def averaged(self, errors: Mapping[int, float]) -> str:
        """The mean over seeds of errors of this arm."""
        return self.metric.said(self.metric.mean(list(errors.values())))

    def shown(self, kind: str) -> dict[int, Any]:
        """What the cell of each seed that trained keeps of a kind of :mod:`~gmbench.results.pictures`."""
        found = {seed: kept(result, kind) for seed, result in self.results.items() if seed not in self.diverged}
        return {seed: each for seed, each in found.items() if each}

    def trained(self, errors: Mapping[int, float]) -> list[float]:
        """Those of the seeds that did not diverge."""
        return [error for seed, error in errors.items() if seed not in self.diverged]

    def hits(self, threshold: float) -> list[int | None]:
        """The step of each seed's first hit, None for never."""
        column = self.cells[f"{HIT}{threshold:g}"]
        return [None if absent(step) else int(step) for step in column]

    def hits_at_epochs(self, threshold: float) -> list[int | None]:
        """The same, at the ends of epochs only."""
        found = []
        for _, cell in self.frame.sort_values("epoch").groupby("seed", sort=True):
            steps = cell["step"][cell["test_error"] <= threshold]
            found.append(int(steps.iloc[0]) if len(steps) else None)
        return found

    def curve(self, column: str, epochs: int) -> tuple[list[int], np.ndarray, np.ndarray]:
        """All epochs, a row for each seed, and which seeds trained; one that diverged keeps its last error, and has
        no loss.
        """
        wide = self.frame.pivot(index="seed", columns="epoch", values=column)
        wide = wide.reindex(columns=range(epochs + 1)).astype(float)
        if column == "test_error":
            wide = wide.ffill(axis=1)
        return list(range(epochs + 1)), wide.to_numpy(), np.array([seed not in self.diverged for seed in wide.index])


@dataclasses.dataclass
class Board:
    """The leaderboard of one experiment on one data set at one budget."""

    experiment: str
    data: str
    budget: str
    epochs: int
    version: int
    title: str
    frame: pandas.DataFrame
    arms: list[BoardRow]  # the best first
    in_order: list[BoardRow]  # as the experiment declares them, and then others
    missing: list[str]
    thresholds: list[float]  # test errors whose first hit was looked for, the easiest first
    metric: Metric = ERROR
    across: str = "x"  # what fitted lines are over

    @property
    def steps(self) -> int:
        """The steps of a whole training, from the longest there is."""
        trained = self.frame[self.frame["epoch"] >= 1]
        return int((trained["step"] / trained["epoch"]).max() * self.epochs) if len(trained) else 0


def names(results: Results) -> list[str]:
    """The experiments that have cells."""
    return sorted({str(name) for name in results.cells["experiment"].dropna()})


def declared(name: str) -> Any:
    """The experiment as this gmbench declares it, or None."""
    from gmbench.experiments import experiments

    return experiments().get(name)


def metric_of(known: Any) -> Metric:
    """The metric of an experiment as :func:`declared` returns it; in % where this gmbench does not declare it."""
    return known.metric if known else ERROR


def boards(results: Results, name: str) -> list[Board]:
    """Every leaderboard of an experiment: the paper's data set first, the largest budget first."""
    known = declared(name)
    # trials of a tuning are tested on other images; settings of its own make an arm of its own
    frame = results.cells[(results.cells["experiment"] == name) & (texts(results.cells, "split") == "")]
    frame = frame.assign(arm=[labelled(*each) for each in zip(frame["arm"], texts(frame, "settings"), strict=True)])
    keys = ["data", "budget", "version", "epochs", "digest"]
    data_sets = list(known.data_sets) if known else []
    budgets = list(known.budgets) if known else []
    # leaderboards that share data set and budget are told apart by what differs
    groups = list(frame.groupby(keys, dropna=False, sort=True))
    found = []
    for (data, budget, version, epochs, digest), part in groups:
        twins = [key for key, _ in groups if key[:2] == (data, budget)]
        title = f"{data}, budget {budget}"
        if len({key[2] for key in twins}) > 1:
            title += f", version {version:g}"
        if len({key[3] for key in twins}) > 1:
            title += f", {epochs:g} epochs"
        if len({key[4] for key in twins}) > 1:
            title += f", data {str(digest)[:8]}"
        wanted = known.budgets[budget].seeds if known and budget in known.budgets else ()
        arms = _arms(part, known, tuple(wanted), results.results)
        present = {arm.arm for arm in arms}
        missing = [arm for arm in (known.arms if known else ()) if arm not in present]
        if known and budget in known.budgets:  # an arm that is trained for another time has another leaderboard
            missing = [arm for arm in missing if known.budgets[budget].epochs_of(arm) == epochs]
        own = list(known.arms) if known else []
        ordered = sorted(arms, key=lambda arm: (own.index(arm.arm) if arm.arm in own else len(own), arm.label))
        found.append(
            Board(
                *(name, str(data), str(budget), int(epochs), int(version), title, part, arms, ordered, missing),
                thresholds=_thresholds(map(results.results.__getitem__, part["cell"].unique())),
                metric=metric_of(known),
                across=known.across if known else "x",
            )
        )

    def order(board: Board) -> tuple:
        spent = budgets.index(board.budget) if board.budget in budgets else -1
        rank = data_sets.index(board.data) if board.data in data_sets else len(data_sets)
        return rank, board.data, -spent, board.title

    return sorted(found, key=order)


def _arms(
    frame: pandas.DataFrame, known: Experiment | None, wanted: tuple[int, ...], results: Mapping[str, CellResult]
) -> list[BoardRow]:
    keys = ["arm", "implementation", "initialisation", "device", "implementation_sha256", "initialisation_sha256"]
    groups = list(frame.groupby(keys, dropna=False, sort=True))
    metric, found = metric_of(known), []
    for (arm, implementation, initialisation, device, *sources), part in groups:
        twins = [key for key, _ in groups if key[0] == arm]
        marks = [str(implementation)] if len({str(key[1]) for key in twins}) > 1 else []
        marks += [str(device)] if len({key[3] for key in twins}) > 1 else []
        # one name, several sources: the file was changed in between
        namesakes = [key for key in twins if str(key[:4]) == str((arm, implementation, initialisation, device))]
        marks += [str(sha)[:8] for sha in sources if len(namesakes) > 1 and not absent(sha)]
        own = {result.spec.seed: result for result in map(results.__getitem__, part["cell"].unique())}
        runs = []
        for seed, result in own.items():
            trained = [error for epoch, error in result.errors.items() if epoch >= 1]
            if trained:
                runs.append(statistics.Run(seed, statistics.padded(trained, result.spec.epochs), metric=metric))
        found.append(
            BoardRow(
                arm=str(arm),
                implementation=None if absent(implementation) else str(implementation),
                initialisation=None if absent(initialisation) else str(initialisation),
                device=str(device),
                label=str(arm) + (f" ({', '.join(marks)})" if marks else ""),
                frame=part,
                best={run.seed: statistics.best(run) for run in runs},
                last={run.seed: statistics.last(run) for run in runs},
                late={run.seed: statistics.late(run) for run in runs},
                area={run.seed: statistics.area(run) for run in runs},
                results=own,
                wanted=wanted,
                metric=metric,
            )
        )
    found = [arm for arm in found if arm.best]
    tier_of = tiers({arm.label: metric.paired(arm.best) for arm in found})
    if sum(tier is not None for tier in tier_of.values()) > 1:  # nobody is first alone
        for arm in found:
            arm.tier = tier_of[arm.label]
    return sorted(found, key=lambda a: (metric.mean(list(a.best.values())), a.label))


def _thresholds(results: Iterable[CellResult]) -> list[float]:
    words = {name.removeprefix(HIT) for result in results for name in result.measures if name.startswith(HIT)}
    return sorted((float(word) for word in words if word.replace(".", "", 1).isdecimal()), reverse=True)


@dataclasses.dataclass(frozen=True)
class Behind:
    """How far one arm is behind another over common seeds.

    :param gap: the mean difference
    :param interval: of that, by Student's t; None for fewer than three
    :param p: of the exact sign-flip test, two-sided
    """

    gap: float
    interval: Interval | None
    p: float


def behind(one: Mapping[int, float], other: Mapping[int, float]) -> Behind | None:
    """``one - other`` by seed; None if they have no seed in common."""
    gaps = [one[seed] - other[seed] for seed in sorted(set(one) & set(other))]
    return Behind(float(np.mean(gaps)), of_mean(gaps), float(sign_flips(gaps))) if gaps else None


def summary(results: Iterable[CellResult], metric: Metric = ERROR) -> list[dict[str, Any]]:
    """The small leaderboard that a run prints: one row per arm and implementation of finished cells, best first.

    ``arm``, ``implementation`` (None where the arm has no layer), ``seeds``, ``diverged`` (seeds), ``tier`` (None with
    fewer than six seeds: :func:`~gmbench.claims.several.tiers`), and test errors in the unit of ``metric``: ``best``
    (its mean over seeds), ``best_min``, ``best_max``, ``last`` (mean over seeds). The best is the best epoch's after
    training began.
    """
    arms: dict[tuple[str, str | None], list[CellResult]] = {}
    for result in results:
        arms.setdefault((result.spec.label, result.spec.layer or None), []).append(result)
    rows, by_seed = [], {}
    for (arm, implementation), found in arms.items():
        errors = [list(result.errors.values()) for result in found]
        best = [min(each[1:] or each) for each in errors]
        by_seed[f"{arm} {implementation}"] = {
            result.spec.seed: metric.scaled(error) for result, error in zip(found, best, strict=True)
        }
        last = [each[-1] for each in errors]
        rows.append(
            {
                "arm": arm,
                "implementation": implementation,
                "seeds": len(found),
                "diverged": sum(result.diverged for result in found),
                "best": metric.mean(best),
                "best_min": min(best),
                "best_max": max(best),
                "last": metric.mean(last),
            }
        )
    tier_of = tiers(by_seed)
    rows = [row | {"tier": tier_of[f"{row['arm']} {row['implementation']}"]} for row in rows]
    return sorted(rows, key=lambda row: row["best"])


def table(rows: Iterable[Mapping[str, Any]], title: str, metric: Metric = ERROR) -> Table:
    """The rows of :func:`summary` as a rich table."""
    from rich.table import Table

    rows = list(rows)
    ranked = any(row["tier"] for row in rows)
    shown = Table(title=title, title_justify="left")
    if ranked:
        shown.add_column("tier", justify="right")
    shown.add_column("arm", no_wrap=True)  # two names may differ at their ends alone
    shown.add_column("layer", overflow="fold")
    for column in ("seeds", f"best {metric.short}, mean [min - max]", f"last {metric.short}, mean"):
        shown.add_column(column, justify="right", overflow="fold")
    for row in rows:
        seeds = f"{row['seeds']}" + (f" ({row['diverged']} diverged)" if row["diverged"] else "")
        mean, low, high, last = (metric.said(row[key]) for key in ("best", "best_min", "best_max", "last"))
        unit = f" {metric.unit}" if metric.unit else ""
        tier = [str(row["tier"] or NONE)] if ranked else []
        shown.add_row(
            *tier, row["arm"], row["implementation"] or "", seeds, f"{mean}{unit} \\[{low} - {high}]", last + unit
        )
    return shown
