"""Leaderboards as data: the arms of an experiment on a data set at a budget, and what their cells measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas

from gmbench.claims import statistics as outcomes
from gmbench.claims.metric import ERROR, Metric
from gmbench.report.figures.colours import colours_of, groups_of
from gmbench.results.frames import NONE, absent
from gmbench.results.places import places
from gmbench.results.read import Results

LAST = outcomes.LAST  # epochs that are averaged
HIT = "steps_to_"


@dataclasses.dataclass
class Arm:
    """All cells of one arm with one implementation on one device: a row of a leaderboard.

    ``best``, ``last``, ``late`` and ``area`` map a seed to a single test error after training began, in the unit of
    ``metric``.
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
    wanted: tuple[int, ...]
    metric: Metric = ERROR
    place: int | None = None

    @property
    def seeds(self) -> str:
        """How many there are, and of how many if some are missing."""
        missing = set(self.wanted) - set(self.best)
        return f"{len(self.best)} of {len(set(self.wanted) | set(self.best))}" if missing else str(len(self.best))

    @property
    def diverged(self) -> dict[int, int]:
        """The seeds that diverged, and at which step."""
        if "diverged" not in self.frame:
            return {}
        lost = self.cells[self.cells["diverged"].notna()]
        return {int(seed): int(step) for seed, step in zip(lost["seed"], lost["diverged"], strict=True)}

    @property
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

    def extras(self, extras: Mapping[str, Mapping[str, Any]], kind: str) -> dict[int, Any]:
        """What the cell of each seed that trained keeps of a kind beside its epochs."""
        cells = zip(self.cells["cell"], self.cells["seed"], strict=True)
        found = {int(seed): extras.get(cell, {}).get(kind) for cell, seed in cells}
        return {seed: each for seed, each in found.items() if each and seed not in self.diverged}

    def kept(self, errors: Mapping[int, float]) -> list[float]:
        """Those of the seeds that did not diverge."""
        return [error for seed, error in errors.items() if seed not in self.diverged]

    def hits(self, threshold: float) -> list[int | None]:
        """The step of each seed's first hit, None for never."""
        column = self.cells[f"{HIT}{threshold:g}"]
        return [None if absent(step) or pandas.isna(step) else int(step) for step in column]

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

    data: str
    budget: str
    epochs: int
    version: int
    title: str
    frame: pandas.DataFrame
    arms: list[Arm]  # the best first
    missing: list[str]
    colours: dict[str, int]  # of each label: an arm keeps its own in every figure
    ranks: dict[str, int]  # of each label: where it stands among the arms of this experiment
    groups: list[list[Arm]]  # arms that are shown together: first the paper's
    thresholds: list[float]  # test errors whose first hit was looked for, the easiest first
    metric: Metric = ERROR
    across: str = "x"  # what fitted lines are over

    @property
    def in_order(self) -> list[Arm]:
        """The arms as they are declared, and then others."""
        return sorted(self.arms, key=lambda arm: self.ranks[arm.label])

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
    frame = results.cells[results.cells["experiment"] == name]
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
        arms = _arms(part, known, tuple(wanted))
        present = {arm.arm for arm in arms}
        missing = [arm for arm in (known.arms if known else ()) if arm not in present]
        if known and budget in known.budgets:  # an arm that is trained for another time has another leaderboard
            missing = [arm for arm in missing if known.budgets[budget].epochs_of(arm) == epochs]
        colours = colours_of(arms, known)
        own = list(known.arms) if known else []
        ordered = sorted(arms, key=lambda arm: (own.index(arm.arm) if arm.arm in own else len(own), colours[arm.label]))
        ranks = {arm.label: rank for rank, arm in enumerate(ordered)}
        found.append(
            Board(
                *(str(data), str(budget), int(epochs), int(version), title, part, arms, missing, colours, ranks),
                groups=groups_of(ordered, known),
                thresholds=_thresholds(part, results.extras),
                metric=metric_of(known),
                across=known.across if known else "x",
            )
        )

    def order(board):
        spent = budgets.index(board.budget) if board.budget in budgets else -1
        rank = data_sets.index(board.data) if board.data in data_sets else len(data_sets)
        return rank, board.data, -spent, board.title

    return sorted(found, key=order)


def _arms(frame: pandas.DataFrame, known, wanted) -> list[Arm]:
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
        runs = []
        for seed, cell in part.groupby("seed", sort=True):
            trained = cell[cell["epoch"] >= 1]["test_error"].dropna().tolist()
            if trained:
                errors = outcomes.padded(trained, int(cell["epochs"].iloc[0]))
                runs.append(outcomes.Run(int(seed), errors, metric=metric))
        statistics = (outcomes.best, outcomes.last, outcomes.late, outcomes.area)
        best, last, late, area = ({run.seed: statistic(run) for run in runs} for statistic in statistics)
        label = str(arm) + (f" ({', '.join(marks)})" if marks else "")
        shown = [None if absent(name) else str(name) for name in (implementation, initialisation)]
        found.append(Arm(str(arm), *shown, str(device), label, part, best, last, late, area, wanted, metric))
    found = [arm for arm in found if arm.best]
    found_places = places([metric.paired(arm.best) for arm in found])
    if sum(place is not None for place in found_places) > 1:  # nobody is first alone
        for arm, place in zip(found, found_places, strict=True):
            arm.place = place
    return sorted(found, key=lambda a: (metric.mean(list(a.best.values())), a.label))


def _thresholds(frame: pandas.DataFrame, extras: Mapping[str, Mapping[str, Any]]) -> list[float]:
    # a column is there as soon as any experiment of the store has it
    columns = [c for c in frame.columns if c.startswith(HIT) and frame[c].notna().any()]
    measured = [name for cell in frame["cell"].unique() for name in extras.get(cell, {}).get("measured", ())]
    words = {c.removeprefix(HIT) for c in (*columns, *measured) if c.startswith(HIT) and c in frame.columns}
    return sorted((float(word) for word in words if word.replace(".", "", 1).isdecimal()), reverse=True)
