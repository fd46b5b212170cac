"""The page of an experiment: leaderboards for each data set and budget, figures, decisions, claims."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import mean, median

import numpy as np
import pandas

from gmbench.claims import intervals
from gmbench.claims.metric import Metric
from gmbench.claims.verdicts import FEWEST, NOT_RUN
from gmbench.report.figures.colours import colours_of, groups_of
from gmbench.report.figures.curves import Curves, Panel, curves
from gmbench.report.figures.seeds import Hits, distributions, first_hits
from gmbench.report.pages import claims, fits, neurons, paths, tuned, universes
from gmbench.report.text.markdown import bullets, code, count, counted, interval, number, table, text
from gmbench.report.text.origin import dirty, made
from gmbench.report.text.page import Page, file_of, slug
from gmbench.results.frames import NONE
from gmbench.results.leaderboard import HIT, LAST, Board, BoardRow, behind, boards, declared, metric_of
from gmbench.results.ledger import LedgerRow
from gmbench.results.pictures import kept
from gmbench.results.read import Results

ACROSS = 3  # panels side by side that can be read
START = 2  # epochs that are shown test by test
AGAIN = "gmbench report --store STORE --output FOLDER"
# columns of a cell that are no measure of the experiment's own
SHARED = (
    *("cell", "experiment", "version", "data", "digest", "budget", "epochs", "arm", "seed", "device"),
    *(
        "implementation",
        "initialisation",
        "implementation_sha256",
        "initialisation_sha256",
        "epoch",
        "step",
        "test_error",
        "test_loss",
        "train_loss",
        "seconds",
    ),
    *("cell_seconds", "cell_cpu_seconds", "machine", "torch", "commit", "when", "diverged"),
)
# measures of a network before its training, and how they are called
BEFORE = {
    "parameters": "parameters",
    "logit_std": "logit std",
    "class_std": "mean std of a logit over images",
    "offset_std": "std of the logits' means",
    "hidden_std": "hidden std",
    "calibration_images": "calibration images",
    "calibration_gradients": "calibration gradients",
}
BEGUN = "_start"  # ends the name of a measure that was taken before training too
COUNTS = ("parameters", "calibration_images", "calibration_gradients")


def method(metric: Metric) -> tuple[str, ...]:
    """How a page with this test error is read."""
    if metric.decades:
        averaged = (
            f"The **{metric.name}** spans decades, so its mean over seeds is the geometric one, and **intervals** are "
            "those of the mean of its logarithm, by Student's t at 95 %. Differences are in decades: -1 is a tenth of "
            "the other. With fewer than three seeds there is no interval."
        )
    else:
        averaged = (
            "**Intervals** are 95 % intervals of the mean over seeds, by Student's t, cut at 0 and 100 %. With fewer "
            "than three seeds there is none."
        )
    return (
        f"**Best** is the lowest {metric.name} of any epoch after training began. It is chosen on the test set itself "
        "and so flatters every arm; the **last** epoch and the **mean of the last five** stand beside it.",
        averaged,
        f"**Tiers** follow the best {metric.short}: arms that no test tells apart share one, and no arm is in a better "
        "tier than one with a lower mean. The test exchanges the arms' values within each seed, and compares the "
        "largest difference of two means with that of the tier's first and its last candidate; where all arms are "
        "alike a board is split in at most 5 % of cases. An arm has a tier with six seeds: with five, an exact test of "
        "two arms cannot reach 5 %. What stands **behind the first** has its interval by Student's t, and the p of "
        "every change of sign.",
        f"The **mean over epochs** is the area under the curve of the {metric.name}, from epoch 1 on, by the "
        "trapezoidal rule over its length.",
        "**First hits** are medians over seeds, in training steps; a seed that never got there counts as later than "
        "the end. Beside them stand the first hits at the ends of epochs alone, as a curve by epoch shows them.",
        f"A seed that **diverged** stays in all of these, {metric.lost}, also for the epochs that it no longer "
        "trained; the mean over the other seeds alone stands beside, and is no basis of a tier. In the **figures** "
        "means, bands and boxes are of the seeds that trained, and those that diverged are counted.",
    )


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
    own_claims = _own_claims(results.claims, name)
    if own_claims:
        found.add("## What holds, and what does not", claims.summary(own_claims))
        found.add("Each with its numbers: [below](#claims-and-verdicts).")
    for board in every:
        _board(found, board, name)
    if known:
        universes.section(found, results, known)
        tuned.section(found, results, known)
    lines = method(metric_of(known))
    hits = any(board.thresholds for board in every)
    found.add("## How to read this", bullets(line for line in lines if hits or not line.startswith("**First hits")))
    if known and known.decisions:
        found.add("## Declared decisions", "What the paper leaves open, and what was chosen here.")
        found.add(table({"topic": text(topic), "choice": text(choice)} for topic, choice in known.decisions))
    if own_claims:
        found.add("## Claims and verdicts", claims.compact(own_claims))
        found.add("What had to be decided, what does not hold, how verdicts are made: [the ledger](claims.md).")
    own = results.cells[results.cells["experiment"] == name]
    found.add("## Where the cells come from", made(own, "cell", "budget"), dirty(own))
    return found


def commands(board: Board, name: str) -> list[str]:
    """What runs the cells of a leaderboard again: a line, and one for each row from outside the experiment."""
    base = f"gmbench run {name} --data {board.data} --budget {board.budget}"
    used = Counter((arm.implementation, arm.device) for arm in board.arms if arm.implementation)
    usual: dict[str, tuple[str, str]] = {}  # of each layer type
    for key, _ in sorted(used.items(), key=lambda item: (-item[1], item[0])):
        usual.setdefault(key[0].partition("/")[0], key)
    lines = []
    for arm in board.in_order:
        device = f" --device {arm.device}" if arm.device != "cpu" else ""
        line = base
        if arm.initialisation:
            line += f" --initialisation {arm.initialisation.rpartition('/')[2]}"
        elif arm.implementation and (arm.implementation, arm.device) not in usual.values():
            line += f" --arms {arm.arm} --implementation {arm.implementation.rpartition('/')[2]}"
        lines.append(f"{line}{device} --store STORE")
    return list(dict.fromkeys(lines)) or [f"{base} --store STORE"]


def _board(found: Page, board: Board, name: str) -> None:
    found.add(f"## {text(board.title)}")
    seeds = max((len(set(arm.wanted)) for arm in board.arms), default=0)
    planned = f" The budget asks for {counted(seeds, 'seed')}." if seeds else ""
    layers = sorted({f"{arm.implementation}" for arm in board.arms if arm.implementation})
    by = f" The layers are computed by {text(layers[0])}." if len(layers) == 1 else ""
    found.add(f"{counted(board.epochs, 'epoch')} a cell.{planned}{by}")
    first = next((arm for arm in board.arms if arm.tier), board.arms[0] if board.arms else None)
    found.add(table(_leader_row(arm, first, board) for arm in board.arms) if first else "No cell of it is finished.")
    notes = []
    open_arms = [arm for arm in board.arms if set(arm.wanted) - set(arm.best)]
    again = commands(board, name)
    if open_arms or board.missing:
        states = [f"{text(arm.label)} has {arm.seeds} seeds" for arm in open_arms]
        states += [f"{text(arm)} was not run" for arm in board.missing]
        notes.append(f"**Unfinished**: {'; '.join(states)}. This goes on: {code(again[0])}")
    for fewest, word, lacks in ((intervals.FEWEST, "three", "interval"), (FEWEST, "six", "tier")):
        few = [arm.label for arm in board.arms if len(arm.best) < fewest]
        if few:
            which = "all arms" if len(few) == len(board.arms) else text(", ".join(few))
            notes.append(f"Fewer than {word} seeds, so no {lacks}: {which}.")
    found.add(bullets(notes))
    outside = " (what comes from outside is named by its file)" if len(again) > 1 else ""
    found.add(f"These run it again{outside}, and make these pages:", "\n".join(["```", *again, AGAIN, "```"]))
    if not board.arms:
        return
    if board.thresholds:
        found.add("**First hits**, in training steps", table(_hits_row(arm, board) for arm in board.in_order))
    _pairs(found, board, declared(name))
    _measures(found, board)
    if board.epochs < 2:
        return  # a curve of one epoch shows nothing that the tables do not
    key, title = slug(name, board.title), f"{name} on {board.title}"
    _curves(found, board, key, title)
    _start(found, board, key, title)
    _hits(found, board, key, title)
    _distributions(found, board, key, title)
    paths.section(found, board, key, title)
    neurons.section(found, board, key, title)
    fits.section(found, board, key, title)


def _leader_row(arm: BoardRow, first: BoardRow, board: Board) -> dict[str, str]:
    metric, averaged = board.metric, arm.averaged
    kept = arm.trained(arm.best)
    without = (
        metric.said(metric.mean(kept)) + (f" ({counted(len(kept), 'seed')})" if arm.diverged else "") if kept else NONE
    )
    own, other = metric.paired(arm.best), metric.paired(first.best)
    gap = None if arm is first else behind(own, other)
    shown = NONE
    if gap:
        ends = f"{interval(gap.interval)}; " if gap.interval else ""
        shown = f"{gap.gap:+.2f} ({ends}p = {gap.p:.2g})"
    several = len({(a.implementation, a.device) for a in board.arms if a.implementation}) > 1
    layer = text(arm.implementation) + (f", {arm.device}" if arm.device != "cpu" else "")
    title = metric.titled
    counting = f"in {metric.difference}, " if metric.decades else ""
    return {
        "tier": NONE if arm.tier is None else str(arm.tier),
        "arm": text(arm.arm),
        **({"implementation": layer} if several else {}),
        "seeds": arm.seeds,
        title(f"best {metric.short}"): averaged(arm.best),
        "95 % interval": arm.ends,
        f"behind the first ({counting}paired)": shown,
        title("last"): averaged(arm.last),
        **({title(f"mean of last {LAST}"): averaged(arm.late)} if board.epochs > LAST else {}),
        **({title("mean over epochs"): averaged(arm.area)} if board.epochs > 1 else {}),
        title("worst seed"): metric.said(max(arm.best.values())),
        **({title("best if not diverged"): without} if any(a.diverged for a in board.arms) else {}),
    }


def _pairs(found: Page, board: Board, known) -> None:
    """How often the arm that stands for the layer is below each other one, seed by seed."""
    chief = next((arm for arm in board.in_order if known and arm.arm == known.headline), None)
    others = [arm for arm in board.in_order if arm is not chief]
    if chief is None or not others:
        return
    metric = board.metric
    measures = {f"best {metric.short}": (chief.best, "best"), "last": (chief.last, "last")}
    if board.epochs > LAST:
        measures[f"mean of last {LAST}"] = (chief.late, "late")
    if board.epochs > 1:
        measures["mean over epochs"] = (chief.area, "area")
    rows = []
    for arm in others:
        row = {f"{text(chief.label)} against": text(arm.label)}
        for title, (own, attribute) in measures.items():
            ours, rival = metric.paired(own), metric.paired(getattr(arm, attribute))
            gaps = [ours[seed] - rival[seed] for seed in sorted(set(own) & set(rival))]
            won = f"{sum(gap < 0 for gap in gaps)} of {len(gaps)}"
            row[title] = f"{won} ({mean(gaps):+.2f})" if gaps else NONE
        rows.append(row)
    found.add(
        f"**Pairs won** by {text(chief.label)}: seeds in which its {metric.name} is lower; in brackets the mean "
        f"difference in {metric.difference}",
        table(rows),
    )


def _hits_row(arm: BoardRow, board: Board) -> dict[str, str]:
    row = {"arm": text(arm.label)}
    for threshold in board.thresholds:
        row[f"steps to {threshold:g} %"] = _median_hit(arm.hits(threshold), board.steps)
        row[f"to {threshold:g} % at epoch ends"] = _median_hit(arm.hits_at_epochs(threshold), board.steps)
    return row


def _median_hit(found: Sequence[int | None], total: int) -> str:
    reached = sum(step is not None for step in found)
    middle = median(math.inf if step is None else step for step in found) if found else math.nan
    if math.isinf(middle):
        shown = "never" if not reached else f"> {total:,}"
    else:
        shown = count(middle)
    return f"{shown} ({reached} of {len(found)})"


def _measures(found: Page, board: Board) -> None:
    """What cells measured beside the errors: before training, and of the whole."""
    traced = _traced(board)
    measured = [column for column in _numeric(board) if column not in traced]
    before = [column for column in BEFORE if column in measured]
    after = [column for column in measured if column not in BEFORE]
    starts = board.frame[board.frame["epoch"] == 0]
    alike = starts["test_loss"].equals(starts["test_error"])  # of a mean square both are the same
    rows = []
    for arm in board.in_order:
        cells, start = arm.cells, arm.frame[arm.frame["epoch"] == 0]
        row = {"arm": text(arm.label)}
        row |= {text(BEFORE[column]): _mean(cells[column], column in COUNTS) for column in before}
        row[board.metric.titled()] = _mean(start["test_error"])
        if not alike:
            row[", ".join(filter(None, ["test loss", board.metric.loss]))] = _mean(start["test_loss"])
        rows.append(row)
    found.add("**Before training**, means over seeds", table(rows))
    both = [column for column in after if f"{column}{BEGUN}" in after]
    after = [column for column in after if column not in both and column.removesuffix(BEGUN) not in both]
    rows = []
    for arm in board.in_order:
        cells = arm.cells
        row = {"arm": text(arm.label), "diverged": f"{len(arm.diverged)} of {len(cells)}"}
        if any(other.diverged for other in board.arms):
            row["at step"] = ", ".join(f"{step:,}" for step in sorted(arm.diverged.values())) or NONE
        seconds = cells["cell_seconds"].dropna() if "cell_seconds" in cells else []
        row["minutes a cell"] = number(median(seconds) / 60, 2) if len(seconds) else NONE
        row |= {text(column.replace("_", " ")): _over_seeds(cells[column], column) for column in after}
        final = arm.frame.sort_values("epoch").groupby("seed").tail(1)
        rows.append(row | {f"{text(column.replace('_', ' '))}, last": _end(final[column], board) for column in traced})
    found.add("**The runs**", table(rows))
    if traced:
        mean_of = "geometric means" if board.metric.decades else "means"
        found.add(f"Those called last are of each run's last epoch, {mean_of} over seeds; curves show all epochs.")
    found.add(_spent(board))
    if both:
        found.add(
            "**Before and after training**, means over seeds", table(_changes(arm, both) for arm in board.in_order)
        )
    ends = [text(c.replace("_", " ")) for c in after if c.endswith(("_min", "_max"))]
    if ends:
        found.add(f"{', '.join(ends)}: the extreme over seeds; other measures are means over seeds.")


def _numeric(board: Board) -> list[str]:
    """Columns of the experiment's own that are numbers."""
    return [
        column
        for column in board.frame.columns
        if column not in SHARED
        and column != "run"
        and not column.startswith(HIT)
        and pandas.api.types.is_numeric_dtype(board.frame[column])
        and board.frame[column].notna().any()
    ]


def _traced(board: Board) -> list[str]:
    """Those that a cell has one number an epoch of, and not one of the whole."""
    cells = board.frame.groupby("cell")
    return [column for column in _numeric(board) if (cells[column].nunique() > 1).any()]


def _changes(arm: BoardRow, columns: Sequence[str]) -> dict[str, str]:
    """Measures that cells have of both ends of their training."""
    row, cells = {"arm": text(arm.label)}, arm.cells
    for column in columns:
        first, last = (_mean(cells[name]) for name in (f"{column}{BEGUN}", column))
        row[text(column.replace("_", " "))] = NONE if NONE in (first, last) else f"{first} to {last}"
    return row


def _spent(board: Board) -> str:
    """What the whole leaderboard took."""
    cells = board.frame.drop_duplicates("cell")
    took = {
        word: cells[column].dropna()
        for word, column in (("by the clock", "cell_seconds"), ("of CPU time", "cell_cpu_seconds"))
        if column in cells
    }
    said = [f"{number(values.sum() / 60)} minutes {word}" for word, values in took.items() if len(values)]
    if not said:
        return ""
    return f"All {counted(len(cells), 'cell')} together: {', '.join(said)}, one thread each."


def _mean(values: pandas.Series, whole: bool = False) -> str:
    values = values.dropna()
    return NONE if not len(values) else count(values.max()) if whole else number(values.mean())


def _end(values: pandas.Series, board: Board) -> str:
    """The mean over seeds as curves show it: geometric for decades, if all are above 0."""
    values = values.dropna()
    if not len(values):
        return NONE
    return number(board.metric.mean(values.tolist()) if (values > 0).all() else values.mean())


def _over_seeds(values: pandas.Series, column: str) -> str:
    values = values.dropna()
    if not len(values):
        return NONE
    return number(
        values.min() if column.endswith("_min") else values.max() if column.endswith("_max") else values.mean()
    )


def _curves(found: Page, board: Board, key: str, title: str) -> None:
    metric = board.metric
    loss = ", ".join(filter(None, ["training loss", metric.loss]))
    quantities = {"test_error": metric.titled(), "train_loss": loss}
    drawn = {
        column: [{a.label: _curve(a, column, board) for a in group} for group in groups_of(board)]
        for column in quantities
    }
    # the paper's arms: both quantities side by side; others: a column for each group
    pairs = [(quantity, drawn[column]) for column, quantity in quantities.items()]
    first = [[(quantity, panels[0]) for quantity, panels in pairs]]
    further = _in_rows([(quantity, panels[1:]) for quantity, panels in pairs])
    for suffix, rows in (("", first), ("-further", further)):
        arms = dict.fromkeys(label for row in rows for _, panel in row for label in panel)
        alternative = f"{metric.name} and training loss over epochs, {board.title}: {', '.join(arms)}"
        figure = curves(rows, colours_of(board), title, whole=not suffix)
        found.show(f"{key}-curves{suffix}", figure, alternative)
    _traces(found, board, key, title)
    silent = [
        label
        for label, each in {label: c for panel in drawn["train_loss"] for label, c in panel.items()}.items()
        if np.isnan(each.values).all()
    ]
    lost = any(arm.diverged for arm in board.arms)
    found.add(
        f"Thick lines are {'geometric ' if metric.decades else ''}means over seeds, thin lines are seeds, bands hold "
        "all of them; epoch 0 is before training."
        + (" The scales of the second figure are those from epoch 1 on." if further else "")
        + (
            f" A seed that diverged is dashed, {metric.lost}, without a loss; means and bands are of the others."
            if lost
            else ""
        )
        + (f" No finite training loss: {text(', '.join(silent))}." if silent else "")
    )


def _curve(arm: BoardRow, column: str, board: Board) -> Curves:
    return Curves(*arm.curve(column, board.epochs), board.metric.decades)


def _traces(found: Page, board: Board, key: str, title: str) -> None:
    """What else cells measured at every epoch: a row of panels for each, a column for each group of arms."""
    rows = []
    for column in _traced(board):
        said = column.replace("_", " ")
        drawn = ({a.label: _curve(a, column, board) for a in g} for g in groups_of(board))
        rows.append((said, list(drawn)))
    figure = curves(_in_rows(rows), colours_of(board), title)
    found.show(f"{key}-traces", figure, f"{', '.join(said for said, _ in rows)} over epochs, {board.title}")


def _in_rows(quantities: Sequence[tuple[str, Sequence[Mapping[str, Curves]]]]) -> list[list[Panel]]:
    """Panels in rows of at most :data:`ACROSS`: the same arms' quantities one below the other."""
    most = max((len(panels) for _, panels in quantities), default=0)
    return [
        [(quantity, panel) for panel in panels[start : start + ACROSS]]
        for start in range(0, most, ACROSS)
        for quantity, panels in quantities
    ]


def _start(found: Page, board: Board, key: str, title: str) -> None:
    """The first epochs, where cells tested more often than at their ends."""
    each = board.steps / board.epochs
    panel = {arm.label: _tests(arm, START * each) for arm in groups_of(board)[0]}
    panel = {label: curves for label, curves in panel.items() if curves is not None and min(curves.x) < each}
    if not panel:
        return
    figure = curves([[(board.metric.titled(), panel)]], colours_of(board), f"the start, {title}", steps=True)
    found.show(f"{key}-start", figure, f"{board.metric.name} over the first training steps, {board.title}")
    found.add(f"The first {START} epochs, as often as was tested; an arm ends where its seeds had no common test more.")


def _tests(arm: BoardRow, last: float) -> Curves | None:
    """The test errors of an arm's seeds at the steps where all that trained were tested."""
    tests = {seed: dict(kept(result, "tests")) for seed, result in arm.results.items()}
    trained = [seed for seed in tests if seed not in arm.diverged]
    common = set.intersection(*(set(tests[seed]) for seed in trained or tests))
    steps = sorted(step for step in common if 0 < step <= last)
    if len(steps) < 2:
        return None
    values = pandas.DataFrame([[found.get(step, np.nan) for step in steps] for found in tests.values()])
    values = values.astype(float).ffill(axis=1)  # a seed that diverged keeps its last error
    return Curves(steps, values.to_numpy(), np.array([seed in trained for seed in tests]), arm.metric.decades)


def _hits(found: Page, board: Board, key: str, title: str) -> None:
    hits = {
        f"{threshold:g} % test error": {
            arm.label: Hits(arm.hits(threshold), arm.hits_at_epochs(threshold)) for arm in board.in_order
        }
        for threshold in board.thresholds
    }
    reached = [step for each in hits.values() for own in each.values() for step in own.fine]
    if board.steps and any(step is not None for step in reached):
        figure = first_hits(hits, board.steps, colours_of(board), f"first hits, {title}")
        found.show(f"{key}-hits", figure, f"training steps to a test error, {board.title}")
        found.add(
            "One mark a seed, at its first hit; a bar: its first hit at the end of an epoch; hollow, beyond the end of "
            "training (dashed): how many never got there."
        )


def _distributions(found: Page, board: Board, key: str, title: str) -> None:
    panels = {
        quantity: {
            arm.label: (arm.trained(errors), len(set(errors) & set(arm.diverged)))
            for arm, errors in ((arm, getattr(arm, which)) for arm in board.in_order)
        }
        for quantity, which in ((f"best {board.metric.name}", "best"), (f"last {board.metric.name}", "last"))
    }
    figure = distributions(panels, colours_of(board), f"over seeds, {title}", board.metric.unit, board.metric.decades)
    found.show(f"{key}-distributions", figure, f"distributions of the best and last {board.metric.name}, {board.title}")
    found.add(
        "Every point is a seed that trained. From three of them on, boxes hold the middle half and lines all of them; "
        f"green triangle: {'geometric ' if board.metric.decades else ''}mean, orange line: median."
    )


def _own_claims(rows: Sequence[LedgerRow], name: str) -> list[LedgerRow]:
    """The claims of an experiment, or none of them if none was run."""
    own = [row for row in claims.by_paper(rows) if row.experiment == name]
    return own if any(row.verdict != NOT_RUN for row in own) else []
