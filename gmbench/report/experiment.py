"""The page of an experiment: leaderboards for each data set and budget, figures, decisions, claims."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping
from statistics import mean, median
from typing import Any

import numpy as np
import pandas

from gmbench.report import figures
from gmbench.report.page import Page, slug
from gmbench.report.results import Results, dirty, made
from gmbench.report.statistics import FEWEST, mean_interval, paired_interval, places
from gmbench.report.tables import NONE, absent, bullets, code, count, counted, fixed, interval, number, table, text

LAST = 5  # epochs that are averaged
HIT = "steps_to_"
# columns of a cell that are no measure of the experiment's own
SHARED = (
    *("cell", "experiment", "version", "data", "digest", "budget", "epochs", "arm", "seed", "device"),
    *("implementation", "initialisation", "epoch", "step", "test_error", "test_loss", "train_loss", "seconds"),
    *("cell_seconds", "machine", "torch", "commit", "when", "diverged", "parameters"),
)
METHOD = (
    "**Best** is the lowest test error of any epoch after training began. It is chosen on the test set itself and "
    "so flatters every arm; the **last** epoch and the **mean of the last five** stand beside it.",
    "**Intervals** are 95 % intervals of the mean over seeds, by Student's t, cut at 0 and 100 %. With fewer than "
    "three seeds there is none, and no place.",
    "**Places** follow the best error: 1 + the number of arms that are clearly better, which means that the 95 % "
    "interval of the paired difference over common seeds lies below 0 (percentile bootstrap, 10 000 resamples, "
    "fixed generator). Arms that are not clearly different share a place. With three seeds a bootstrap separates "
    "arms as soon as all seeds agree in sign; take such places as provisional.",
    "**First hits** are medians over seeds, in training steps; a seed that never got there counts as later than "
    "the end.",
    "A seed that **diverged** stays in all of these, at 100 % error, also for the epochs that it no longer trained; "
    "the mean over the other seeds alone stands beside, and is no basis of a place.",
)


@dataclasses.dataclass
class Arm:
    """All cells of one arm with one implementation on one device: a row of a leaderboard.

    ``curves`` maps a seed to its test errors after training began, ``best``, ``last`` and ``late`` to single
    numbers; all in %.
    """

    arm: str
    implementation: str | None
    device: str
    label: str
    frame: pandas.DataFrame
    best: dict[int, float]
    last: dict[int, float]
    late: dict[int, float]
    wanted: tuple[int, ...]
    place: int | None = None

    @property
    def seeds(self) -> str:
        """How many there are, and of how many if some are missing."""
        missing = set(self.wanted) - set(self.best)
        return f"{len(self.best)} of {len(set(self.wanted) | set(self.best))}" if missing else str(len(self.best))

    @property
    def diverged(self) -> set[int]:
        """The seeds that diverged."""
        if "diverged" not in self.frame:
            return set()
        return {int(seed) for seed in self.frame["seed"][self.frame["diverged"].notna()]}

    @property
    def cells(self) -> pandas.DataFrame:
        """One row a cell."""
        return self.frame.drop_duplicates("cell")


@dataclasses.dataclass
class Board:
    """The leaderboard of one experiment on one data set at one budget."""

    data: str
    budget: str
    epochs: int
    version: int
    title: str
    frame: pandas.DataFrame
    arms: list[Arm]
    missing: list[str]


def names(results: Results) -> list[str]:
    """The experiments that have cells."""
    return sorted({str(name) for name in results.cells["experiment"].dropna()})


def file_of(name: str) -> str:
    """The name of the page of an experiment; it is never that of another page."""
    own = slug(name)
    return f"experiment-{own}" if own in ("", "readme", "index", "checks", "timings") else own


def declared(name: str) -> Any:
    """The experiment as this gmbench declares it, or None."""
    from gmbench.experiments import experiments

    return experiments().get(name)


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
        found.append(Board(str(data), str(budget), int(epochs), int(version), title, part, arms, missing))

    def order(board):
        spent = budgets.index(board.budget) if board.budget in budgets else -1
        rank = data_sets.index(board.data) if board.data in data_sets else len(data_sets)
        return rank, board.data, -spent, board.title

    return sorted(found, key=order)


def _arms(frame: pandas.DataFrame, known, wanted) -> list[Arm]:
    keys = ["arm", "implementation", "initialisation", "device"]
    groups = list(frame.groupby(keys, dropna=False, sort=True))
    found = []
    for (arm, implementation, _, device), part in groups:
        twins = [key for key, _ in groups if key[0] == arm]
        marks = [str(implementation)] if len({str(key[1]) for key in twins}) > 1 else []
        marks += [str(device)] if len({key[3] for key in twins}) > 1 else []
        best, last, late = {}, {}, {}
        for seed, cell in part.groupby("seed", sort=True):
            trained = cell[cell["epoch"] >= 1]["test_error"].dropna().tolist()
            if trained:
                padded = trained + [trained[-1]] * (int(cell["epochs"].iloc[0]) - len(trained))
                best[int(seed)], last[int(seed)] = min(trained), padded[-1]
                late[int(seed)] = mean(padded[-LAST:])
        label = str(arm) + (f" ({', '.join(marks)})" if marks else "")
        shown = None if absent(implementation) else str(implementation)
        found.append(Arm(str(arm), shown, str(device), label, part, best, last, late, wanted))
    found = [arm for arm in found if arm.best]
    found_places = places([arm.best for arm in found])
    if sum(place is not None for place in found_places) > 1:  # nobody is first alone
        for arm, place in zip(found, found_places, strict=True):
            arm.place = place
    return sorted(found, key=lambda a: (mean(a.best.values()), a.label))


def page(results: Results, name: str) -> Page:
    """The page of one experiment that has cells."""
    known = declared(name)
    found = Page(file_of(name), f"Experiment {name}")
    found.add(text(known.summary[:1].upper() + known.summary[1:] + ".") if known else "")
    every = boards(results, name)
    versions = sorted({board.version for board in every})
    if known is None:
        found.add(f"This gmbench does not declare the experiment {text(name)}; its cells are shown as they are.")
    elif versions != [known.version]:
        shown = ", ".join(map(str, versions))
        found.add(f"Cells of version {shown} are in this store; the declarations below are of version {known.version}.")
    if known:
        found.add(bullets(f"**{text(arm)}**: {text(what)}" for arm, what in known.arms.items()))
    for board in every:
        _board(found, board, known, name)
    found.add("## How to read this", bullets(METHOD))
    if known and known.decisions:
        found.add("## Declared decisions", "What the paper leaves open, and what was chosen here, before the runs.")
        found.add(table({"topic": text(topic), "choice": text(choice)} for topic, choice in known.decisions))
    _published(found, known)
    _claims(found, results.claims, name)
    own = results.cells[results.cells["experiment"] == name]
    found.add("## Where the cells come from", made(own, "cell", "budget"), dirty(own))
    return found


def _board(found: Page, board: Board, known, name: str) -> None:
    found.add(f"## {text(board.title)}")
    seeds = max((len(set(arm.wanted)) for arm in board.arms), default=0)
    planned = f" The budget asks for {counted(seeds, 'seed')}." if seeds else ""
    found.add(f"{counted(board.epochs, 'epoch')} a cell.{planned}")
    first = next((arm for arm in board.arms if arm.place), board.arms[0] if board.arms else None)
    found.add(
        table(_leader_row(arm, first, board) for arm in board.arms) if board.arms else "No cell of it is finished."
    )
    notes = []
    open_arms = [arm for arm in board.arms if set(arm.wanted) - set(arm.best)]
    again = code(f"gmbench run {name} --data {board.data} --budget {board.budget} --store STORE")
    if open_arms or board.missing:
        states = [f"{text(arm.label)} has {arm.seeds} seeds" for arm in open_arms]
        states += [f"{text(arm)} was not run" for arm in board.missing]
        notes.append(f"**Unfinished**: {'; '.join(states)}. This goes on: {again}")
    few = [arm.label for arm in board.arms if len(arm.best) < FEWEST]
    if few:
        notes.append(f"Fewer than three seeds, so no interval and no place: {text(', '.join(few))}.")
    found.add(bullets(notes))
    if not board.arms:
        return
    found.add("**On the way**", table(_way_row(arm, board) for arm in board.arms))
    if board.epochs < 2:
        return  # a curve of one epoch shows nothing that the table does not
    colours = _colours(board, known)
    key, title = slug(name, board.title), f"{name} on {board.title}"
    series = {arm.label: _curve(arm, "test_error", board.epochs) for arm in _in_order(board, colours)}
    found.show(
        f"{key}-error",
        figures.curves(series, "test error, % (log scale)", colours, title),
        f"test error over epochs, {board.title}; thick: mean, thin: seeds",
    )
    losses = {arm.label: _curve(arm, "train_loss", board.epochs) for arm in _in_order(board, colours)}
    found.show(
        f"{key}-loss",
        figures.curves(losses, "training loss, nats (log scale)", colours, title),
        f"training loss over epochs, {board.title}; thick: mean, thin: seeds",
    )
    silent = [label for label, (_, values) in losses.items() if np.isnan(values).all()]
    found.add(
        "Thick lines are means over seeds, thin lines are seeds, bands hold all of them; epoch 0 is before training."
        + (" A seed that diverged has no training loss." if any(arm.diverged for arm in board.arms) else "")
        + (f" No finite training loss: {text(', '.join(silent))}." if silent else "")
    )
    hits = {
        f"{threshold:g} % test error": {a.label: _hits(a, threshold) for a in _in_order(board, colours)}
        for threshold in thresholds(board.frame)
    }
    total = _steps(board)
    if total and any(
        step is not None for each in hits.values() for found_steps in each.values() for step in found_steps
    ):
        figure = figures.first_hits(hits, total, colours, title)
        found.show(f"{key}-hits", figure, f"training steps to a test error, {board.title}")


def _leader_row(arm: Arm, first: Arm, board: Board) -> dict[str, str]:
    ends = mean_interval(list(arm.best.values()), 0, 100)
    kept = [error for seed, error in arm.best.items() if seed not in arm.diverged]
    without = f"{fixed(mean(kept))} ({counted(len(kept), 'seed')})" if kept else NONE
    behind = None if arm is first else paired_interval(arm.best, first.best)
    common = set(arm.best) & set(first.best)
    gap = mean(arm.best[s] - first.best[s] for s in common) if common and arm is not first else None
    shown = NONE if gap is None else f"{gap:+.2f}" + (f" ({interval(behind)})" if behind else "")
    return {
        "place": NONE if arm.place is None else str(arm.place),
        "arm": text(arm.arm),
        "implementation": text(arm.implementation) + (f", {arm.device}" if arm.device != "cpu" else ""),
        "seeds": arm.seeds,
        "best error, %": fixed(mean(arm.best.values())),
        "95 % interval": interval(ends),
        "behind the first (paired)": shown,
        "last, %": fixed(mean(arm.last.values())),
        **({f"mean of last {LAST}, %": fixed(mean(arm.late.values()))} if board.epochs > LAST else {}),
        "worst seed, %": fixed(max(arm.best.values())),
        **({"best if not diverged, %": without} if any(a.diverged for a in board.arms) else {}),
    }


def _way_row(arm: Arm, board: Board) -> dict[str, str]:
    cells, total = arm.cells, _steps(board)
    row = {"arm": text(arm.label)}
    for threshold in thresholds(board.frame):
        found = _hits(arm, threshold)
        reached = sum(step is not None for step in found)
        middle = median(math.inf if step is None else step for step in found) if found else math.nan
        if math.isinf(middle):
            shown = "never" if not reached else f"> {total:,}"
        else:
            shown = count(middle)
        row[f"steps to {threshold:g} %"] = f"{shown} ({reached} of {len(found)})"
    row["diverged"] = f"{len(arm.diverged)} of {len(cells)}"
    if "parameters" in cells:
        row["parameters"] = count(cells["parameters"].max())
    seconds = cells["cell_seconds"].dropna() if "cell_seconds" in cells else []
    row["minutes a cell"] = number(median(seconds) / 60, 2) if len(seconds) else NONE
    for column in board.frame.columns:
        own = column not in SHARED and not column.startswith(HIT)
        if own and pandas.api.types.is_numeric_dtype(board.frame[column]) and board.frame[column].notna().any():
            values = cells[column].dropna()
            row[text(column.replace("_", " "))] = number(values.mean()) if len(values) else NONE
    return row


def thresholds(frame: pandas.DataFrame) -> list[float]:
    """The test errors whose first hit was looked for, the easiest first."""
    columns = [c for c in frame.columns if c.startswith(HIT)]
    return sorted((float(c.removeprefix(HIT)) for c in columns if _is_number(c.removeprefix(HIT))), reverse=True)


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdecimal()


def _hits(arm: Arm, threshold: float) -> list[int | None]:
    column = arm.cells.sort_values("seed")[f"{HIT}{threshold:g}"]
    return [None if absent(step) or pandas.isna(step) else int(step) for step in column]


def _steps(board: Board) -> int:
    """The steps of a whole training, from the longest there is."""
    last = board.frame.loc[board.frame["epoch"].idxmax()]
    return int(last["step"] / last["epoch"] * board.epochs) if last["epoch"] else 0


def _curve(arm: Arm, column: str, epochs: int):
    """All epochs, and a row for each seed; a seed that diverged keeps its last error, and has no loss."""
    wide = arm.frame.pivot(index="seed", columns="epoch", values=column)
    wide = wide.reindex(columns=range(epochs + 1)).astype(float)
    if column == "test_error":
        wide = wide.ffill(axis=1)
    return list(range(epochs + 1)), wide.to_numpy()


def _colours(board: Board, known) -> dict[str, int]:
    """A number for each label: an arm keeps its own in every figure."""
    declared_arms = list(known.arms) if known else sorted({arm.arm for arm in board.arms})
    taken, extra = {}, len(declared_arms)
    for arm in sorted(board.arms, key=lambda a: (a.arm not in declared_arms, a.label)):
        own = declared_arms.index(arm.arm) if arm.arm in declared_arms else None
        if own is None or own in taken.values():
            own, extra = extra, extra + 1
        taken[arm.label] = own
    return taken


def _in_order(board: Board, colours: Mapping[str, int]) -> list[Arm]:
    return sorted(board.arms, key=lambda arm: colours[arm.label])


def _published(found: Page, known) -> None:
    """What the paper prints, where the experiment offers it as data."""
    if known is None:
        return
    module = sys.modules.get(getattr(known.cell, "__module__", None) or "")
    data = getattr(known, "published", None) or getattr(module, "PUBLISHED", None)
    if not data:
        return
    if isinstance(data, Mapping):
        data = [{"arm": arm, **(v if isinstance(v, Mapping) else {"published": v})} for arm, v in data.items()]
    rows = [dataclasses.asdict(row) if dataclasses.is_dataclass(row) else row for row in data]
    rows = [row if isinstance(row, Mapping) else {"published": row} for row in rows]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    found.add("## What the paper prints", f"As the experiment declares it (paper: {text(known.paper)}).")
    found.add(table({text(c): text(row.get(c)) for c in columns} for row in rows))


def _claims(found: Page, claims: pandas.DataFrame, name: str) -> None:
    own = claims[claims["experiment"] == name] if len(claims) else claims
    if not len(own):
        return
    found.add("## Claims and verdicts")
    columns = ["id", "statement", "published", "margin", "measured", "interval", "seeds", "dataset", "budget"]
    columns.append("verdict")
    rows = own.sort_values("id", kind="stable").to_dict("records")
    found.add(table({c: _claim_cell(c, row.get(c)) for c in columns} for row in rows))


def _claim_cell(column: str, value: Any) -> str:
    if column == "interval" and isinstance(value, list | tuple | np.ndarray) and len(value) == 2:
        return interval((float(value[0]), float(value[1])))
    if isinstance(value, float):
        return number(value)
    return f"**{text(value)}**" if column == "verdict" and not absent(value) else text(value)
