"""Universes and tuned arms on an experiment's page: what stands there is what the cells say, and no more."""

import dataclasses

import pytest

from gmbench.experiments import experiment
from gmbench.experiments.plan import cells
from gmbench.experiments.tuning import final_cells, trial_cells
from gmbench.report.figures.universes import Effect, specification_curve
from gmbench.report.pages import experiment as pages
from gmbench.results.read import read
from gmbench.results.tuned import tuned as tuned_arms
from gmbench.runs.cell import CELLS, run_cell
from gmbench.runs.spec import Spec
from gmbench.store.reading import Store

HEADS, KUMAR = experiment("gmnm-classification"), experiment("kumar")


def multiverse(store, budget):
    """Cells of a multiverse in which normalisation decides whether the head is better; of whole trainings the CNN has
    what the paper prints.
    """
    variants = list(HEADS.multiverse.universes.values())
    arms = [HEADS.headline, *HEADS.multiverse.against]
    for spec in cells(HEADS, "mnist", "d", budget, arms, range(6), variants=variants, only_own=True):
        loss = 8e-3 + 1e-5 * spec["seed"]
        if spec["arm"] == HEADS.headline:
            loss += (1 + spec["seed"] / 9) * (-1e-3 if HEADS.values(spec)["normalise"] == "batch" else 1e-3)
        rows = [{"epoch": i, "step": i, "test_error": 3.0} for i in range(spec["epochs"] + 1)]
        found = {"epochs": rows, "measures": {"min_test_loss": loss}}
        run_cell(Spec.of(spec), lambda spec, report, found=found: found, store)
    return pages.page(read(store), HEADS.name)


def drawn(page):
    return {name: figure for name, figure in page.figures.items() if "universes" in name}


def marks(figure):
    """The marks of the universes in a figure: whether each is filled, from the left."""
    upper = figure.axes[0]
    points = [line for line in upper.lines if line.get_marker() == "o"]
    return [line.get_markerfacecolor() != "white" for line in sorted(points, key=lambda line: line.get_xdata()[0])]


def test_at_a_reduced_budget_nothing_is_anchored_and_the_verdict_is_a_hint(tmp_path):
    page = multiverse(tmp_path, "reduced")
    shown = "\n".join(page.parts)
    assert "## What depends on a choice: mnist, budget reduced" in shown
    assert "**Not anchored: reduced budget.**" in shown
    hint = "a hint, not anchored: reduced budget: holds in 8 of 16 universes"
    assert f"**depends on a choice** | {hint} | normalise" in shown
    assert sorted(drawn(page)) == [
        f"gmnm-classification-mnist-budget-reduced-universes-{arm}" for arm in ("cnn", "cnn-dense")
    ]
    assert all(marks(figure) == [False] * 16 for figure in drawn(page).values())
    labels = [each.get_text() for each in next(iter(drawn(page).values())).legends[0].get_texts()]
    assert labels == ["holds", "reversed", "not anchored: reduced budget"]


def test_whole_trainings_are_anchored_where_the_baseline_is_as_printed(tmp_path):
    page = multiverse(tmp_path, "paper")
    shown = "\n".join(page.parts)
    assert "holds in 8 of 16 anchored universes, of 16" in shown and "ot anchored:" not in shown
    figure = next(iter(drawn(page).values()))
    assert marks(figure) == [True] * 16
    heights = [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert heights == sorted(heights) and heights[7] < 0 < heights[8]
    lower = figure.axes[1]
    names = [tick.get_text() for tick in lower.get_yticklabels()]
    dark = {
        (int(line.get_xdata()[0]), names[int(line.get_ydata()[0])])
        for line in lower.lines
        if line.get_marker() == "o" and line.get_color() == "#333333"
    }
    assert {x for x, name in dark if name == "normalise: batch"} == set(range(8)) and len(dark) == 16 * 4


def test_a_multiverse_of_one_universe_is_no_picture(tmp_path):
    spec = cells(HEADS, "mnist", "d", "reduced", [HEADS.headline], [0])[0]
    rows = [{"epoch": i, "step": i, "test_error": 3.0} for i in range(2)]
    run_cell(Spec.of(spec), lambda spec, report: {"epochs": rows, "measures": {}}, tmp_path)
    assert "What depends on a choice" not in "\n".join(pages.page(read(tmp_path), HEADS.name).parts)
    assert specification_curve([], {}, "", "", "") is None
    alone = Effect(0.1, None, "too few seeds", anchored=False, values={"a": "1"})
    assert marks(specification_curve([alone], {"a": ["1", "2"]}, "", "", "hollow")) == [False]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A store with two trials of two arms on digits, and the best of each with two seeds."""
    store = tmp_path_factory.mktemp("tuned")

    def run(specs):
        paths = [run_cell(Spec.of(spec), KUMAR.cell, store) for spec in specs]
        results = {result.id: result for _, result in Store(store).read(CELLS)}
        return [results[path.stem] for path in paths]

    trials = run(trial_cells(KUMAR, "digits", "smoke", ["fc", "fc-matched"], 2, 0))
    run(final_cells(KUMAR, [arm.best.spec.as_dict() for arm in tuned_arms(trials, [])], [0, 1]))
    return store


def test_tuned_arms_have_the_final_table_and_the_best_of_n(tuned):
    page = pages.page(read(tuned), "kumar")
    shown = "\n".join(page.parts)
    section = shown.partition("## Tuned: digits, budget smoke")[2]
    assert "2 an arm" in section and "not equal" not in section
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| ")][2:4]
    assert {row[0] for row in rows} == {"fc", "fc-matched"} and all(row[1] == "2" and row[4] == "2" for row in rows)
    assert all("rate=" in row[2] and float(row[5]) > 0 for row in rows)
    assert float(rows[0][5]) <= float(rows[1][5])  # the best first
    axes = page.figures["kumar-digits-budget-smoke-tuned"].axes[0]
    assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2]] * 2
    assert all(line.get_ydata()[0] >= line.get_ydata()[1] for line in axes.lines)
    assert "gmbench tune kumar --data digits --budget smoke --trials 2 --store STORE" in section


def test_budgets_that_are_not_equal_are_said(tuned):
    results = read(tuned)
    trials = [id for id, each in results.results.items() if each.spec.split and each.spec.arm == "fc"]
    fewer = {id: each for id, each in results.results.items() if id != trials[0]}
    shown = "\n".join(pages.page(dataclasses.replace(results, results=fewer), "kumar").parts)
    assert "1 to 2 an arm" in shown and "**Budgets are not equal**" in shown
