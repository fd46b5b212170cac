"""The pages and figures of cells: what is shown of many arms, of seeds that diverged, and of components' paths."""

import json

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Ellipse

from gmbench.experiments import experiment, experiments
from gmbench.report.figures import cells as figures_cells
from gmbench.report.figures import colours as colours_module
from gmbench.report.figures.colours import colours_of, groups_of
from gmbench.report.figures.style import COLOURS, colour
from gmbench.report.pages import experiment as pages
from gmbench.report.pages import paths
from gmbench.report.site import write
from gmbench.report.text.page import Page
from gmbench.results import leaderboard as boards
from gmbench.results import pictures
from gmbench.results import read as results
from gmbench.store.files import write_json

KUMAR = experiment("kumar")


def path(start=1.0, epochs=3, components=2):
    """Components that go from the origin along the axes, one unit an epoch, and grow as they go."""
    means = [[[float(e), 0.0], [0.0, 2.0 * e]][:components] for e in range(epochs + 1)]
    spread = [[[[1.0 + e, 0.0], [0.0, 0.25]]] * components for e in range(epochs + 1)]
    way = [1.5 * e for e in range(epochs + 1)]
    size = [start * (1 + e) for e in range(epochs + 1)]
    return {
        **{"basis_share": 0.125, "means": means, "covariances": spread},
        **{"moved": way, "distance": [start + w for w in way], "size": size},
    }


def cell(store, arm, seed, errors, name="kumar", measures=None, diverged=None, implementation="gm/compiled", **more):
    known = experiment(name)
    spec = {
        **{"experiment": name, "version": known.version, "data": "mnist", "digest": "d", "budget": "quick"},
        **{"epochs": more.pop("epochs", len(errors)), "arm": arm, "seed": seed, "device": "cpu"},
        "implementation": None if arm in known.baselines else {"name": implementation},
        "initialisation": more.pop("initialisation", None),
    }
    rows = [
        {"epoch": i, "step": 100 * i, "test_error": e, "test_loss": 2.5, "train_loss": e / 10 if i else None}
        for i, e in enumerate([90.0, *errors])
    ]
    own = f"{name}-{arm}-{seed}-{implementation}".replace("/", "-")
    made = {"schema": 1, "machine": {"cpu": "Adder"}, "versions": {"torch": "2.9"}, "when": "2026-01-02T03:04:05Z"}
    content = {"kind": "cells", "id": own, "spec": spec, "seconds": 60.0, **made, "epochs": rows}
    content["measures"] = {"diverged": diverged, **(measures or {})}
    write_json(store / "cells" / f"{more.pop('file', own)}.json", content | more)


def board(store, name="kumar"):
    (found,) = boards.boards(results.read(store), name)
    return found


def table(markdown, heading):
    """The rows of the table that follows a text, by the first cell, each by its column's name."""
    after = markdown.partition(heading)[2].splitlines()
    begin = next(i for i, line in enumerate(after) if line.startswith("| "))
    lines = []
    for line in after[begin:]:
        if not line.startswith("|"):
            break
        lines.append([c.strip() for c in line.split("|")[1:-1]])
    return {cells[0]: dict(zip(lines[0], cells, strict=True)) for cells in lines[2:]}


# extras


def test_extras_are_read_with_the_cells(tmp_path):
    cell(tmp_path, "bl", 0, [5.0], measures={"steps_to_10": None}, tests=[[0, 90.0], [50, 7.5]], paths=path())
    (result,) = results.read(tmp_path).results.values()
    assert pictures.kept(result, "tests") == [(0, 90.0), (50, 7.5)]
    found = pictures.kept(result, "paths")
    assert found["means"].shape == (4, 2, 2) and found["covariances"].shape == (4, 2, 2, 2)
    assert found["basis_share"] == 0.125 and list(found["moved"]) == [0, 1.5, 3, 4.5]
    assert sorted(result.measures) == ["diverged", "steps_to_10"]


@pytest.mark.parametrize(
    "tests", [None, [], 3, "all", [[0, 90.0], [1]], [[0, None]], [[5, 90.0], [5, 80.0]], {"a": 1}, [[0, float("nan")]]]
)
def test_tests_that_are_not_whole_are_left_out(tests):
    assert pictures.tests_of(tests) == []


@pytest.mark.parametrize(
    "change",
    [
        {"means": None},
        {"means": [[[0.0, 0.0]], [[1.0]]]},
        {"means": [[[0.0, None]] * 2] * 4},
        {"covariances": [[[[1.0, 0.0], [0.0, 1.0]]] * 2] * 3},
        {"moved": [0.0, 1.0]},
        {"size": ["a", "b", "c", "d"]},
        {"size": [0.0, 1.0, 1.0, 1.0]},
        {"distance": [0.0, 1.0, 2.0, float("inf")]},
    ],
)
def test_paths_that_are_not_whole_are_left_out(change):
    assert pictures.paths_of(path())
    assert pictures.paths_of(path() | change) == {}
    assert pictures.paths_of({}) == pictures.paths_of(None) == pictures.paths_of([1]) == {}
    assert pictures.paths_of({k: v for k, v in path().items() if k != "basis_share"})["basis_share"] is None


def test_of_two_files_of_a_cell_the_latest_gives_the_extras(tmp_path):
    for file, when, error in (("a", "2026-02-01", 1.0), ("b", "2026-01-01", 2.0)):
        cell(tmp_path, "bl", 0, [5.0], file=file, tests=[[0, error]], when=when)
    (result,) = results.read(tmp_path).results.values()
    assert pictures.kept(result, "tests") == [(0, 1.0)]


def test_cells_made_without_a_commit_or_a_machine_are_shown(tmp_path):
    cell(tmp_path, "bl", 0, [5.0], machine=None, versions=None, commit=None)
    page = (write(tmp_path, tmp_path / "out").parent / "kumar.md").read_text()
    assert "mnist, budget quick" in page and "nan" not in page.lower()


# leaderboards


def test_thresholds_are_those_that_were_looked_for(tmp_path):
    cell(tmp_path, "bl", 0, [5.0, 4.0], measures={"steps_to_10": 70, "steps_to_3.5": None})
    cell(tmp_path, "bl", 5, [5.0, 4.0], name="kumar-screen")
    assert board(tmp_path).thresholds == [10, 3.5], "also one that nobody reached"
    assert board(tmp_path, "kumar-screen").thresholds == [], "not those of another experiment"
    page = write(tmp_path, tmp_path / "out").parent / "kumar-screen.md"
    assert "First hits**, in" not in page.read_text()


def test_first_hits_at_epoch_ends_stand_beside_the_finer_ones(tmp_path):
    for seed, errors in enumerate([[12.0, 9.0, 4.0], [11.0, 10.0, 9.0], [100.0]]):
        lost = 5 if len(errors) == 1 else None
        hits = {"steps_to_10": None if lost else 70 + seed, "steps_to_5": None}
        cell(tmp_path, "kumar", seed, errors, measures=hits, diverged=lost, epochs=3)
    (arm,) = board(tmp_path).arms
    assert arm.hits(10) == [70, 71, None] and arm.hits_at_epochs(10) == [200, 200, None]
    assert arm.hits_at_epochs(5) == [300, None, None]
    row = table((write(tmp_path, tmp_path / "out").parent / "kumar.md").read_text(), "**First hits**")["kumar"]
    assert row["steps to 10 %"] == "71 (2 of 3)" and row["to 10 % at epoch ends"] == "200 (2 of 3)"
    assert row["to 5 % at epoch ends"] == "> 300 (1 of 3)"


def test_two_sources_of_one_name_are_two_rows(tmp_path):
    for seed, sha in enumerate(["e0" * 32, "ac" * 32, "ac" * 32]):
        mine = {"name": "gm/mine", "sha256": sha}
        cell(tmp_path, "mine", seed, [5.0, 4.0], initialisation=mine, file=f"mine-{seed}", id=f"mine-{seed}")
    cell(tmp_path, "kumar", 0, [5.0, 4.0])
    found = {arm.label: sorted(arm.best) for arm in board(tmp_path).arms}
    assert found == {"mine (e0e0e0e0)": [0], "mine (acacacac)": [1, 2], "kumar": [0]}


def test_an_arm_has_one_colour_on_all_pages_of_a_paper(tmp_path):
    for name in ("kumar", "kumar-single", "kumar-screen"):
        for arm in ("bl", "kumar"):
            cell(tmp_path, arm, 5, [5.0, 4.0], name=name)
    found = [colours_of(board(tmp_path, name)) for name in ("kumar", "kumar-single", "kumar-screen")]
    assert found[0] == found[1] == found[2] and len(set(found[0].values())) == 2


@pytest.mark.parametrize("name", [name for name, each in experiments().items() if each.paper == "gmnm"])
def test_colours_tell_arms_apart(name):
    chosen = experiment(name)
    found = colours_module.places_of(chosen)
    arms, shades = list(found), list(map(colour, found.values()))
    assert arms == list(chosen.arms) and len(set(found.values())) == len(arms), "colour and mark"
    assert len(set(shades)) == min(len(arms), len(COLOURS))
    chief = shades[arms.index(chosen.headline)]
    for i in range(len(arms)):  # those that are drawn in one figure
        close = [shade for shade in shades[i : i + colours_module.LINES - 1] if shade != chief]
        assert len(set(close)) == len(close)
    assert shades.count(chief) == 1


def test_ten_arms_of_many_have_ten_colours(tmp_path):
    chosen = list(experiment("gmnm-fit2d").arms)[-10:]
    for arm in chosen:
        cell(tmp_path, arm, 0, [5.0, 4.0], name="gmnm-fit2d")
    assert len({colour(place) for place in colours_of(board(tmp_path, "gmnm-fit2d")).values()}) == 10


def test_what_a_whole_leaderboard_took_is_said(tmp_path):
    for seed in range(3):
        cell(tmp_path, "kumar", seed, [5.0, 4.0], seconds=90.0, cpu_seconds=60.0)
    page = (write(tmp_path, tmp_path / "out").parent / "kumar.md").read_text()
    assert "All 3 cells together: 4.50 minutes by the clock, 3.00 minutes of CPU time, one thread each." in page


def test_pairs_won_are_counted_over_common_seeds_where_a_diverged_one_is_lost(tmp_path):
    for seed, errors in enumerate([[9.0, 5.0, 4.0], [8.0, 6.0, 5.0], [7.0, 7.0, 7.0]]):
        cell(tmp_path, "kumar", seed, errors)
    for seed, errors in enumerate([[8.0, 6.0, 5.0], [9.0, 5.0, 4.5]]):
        cell(tmp_path, "bl", seed, errors)
    cell(tmp_path, "bl", 2, [100.0], diverged=4, epochs=3)
    cell(tmp_path, "bl", 7, [1.0, 1.0, 1.0])  # kumar has no such seed
    page = (write(tmp_path, tmp_path / "out").parent / "kumar.md").read_text()
    row = table(page, "**Pairs won** by kumar")["bl"]
    assert row["best error"] == "2 of 3 (-31.17)" and row["last"] == "2 of 3 (-31.17)"
    assert row["mean over epochs"] == "2 of 3 (-31.04)"
    areas = {arm.arm: arm.area for arm in board(tmp_path).arms}
    assert areas["kumar"][0] == 5.75 and areas["bl"][2] == 100.0
    (leader,) = (line for line in page.splitlines() if line.startswith("| ") and "| kumar | 3" in line)
    assert "| 6.33 |" in leader, "the mean over epochs"


def test_many_arms_are_shown_in_groups_that_share_the_headline(tmp_path):
    for arm in KUMAR.arms:
        cell(tmp_path, arm, 0, [5.0, 4.0])
    cell(tmp_path, "kumar", 0, [5.0, 4.0], implementation="gm/mine")
    found = board(tmp_path)
    groups = [[arm.label for arm in group] for group in groups_of(found)]
    assert groups[0] == ["fc", "bl", "kumar (gm/compiled)"], "the paper's arms"
    assert all(group[0] == "kumar (gm/compiled)" for group in groups[1:]), "to compare with"
    assert {label for group in groups for label in group} == {arm.label for arm in found.arms}
    assert max(map(len, groups)) <= colours_module.LINES
    assert len({COLOURS[place % len(COLOURS)] for place in colours_of(found).values()}) == len(found.arms)


def test_few_arms_are_shown_together(tmp_path):
    for arm in ("bl", "kumar", "bl-one-layer", "kumar-one-layer"):
        cell(tmp_path, arm, 5, [5.0, 4.0], name="kumar-screen")
    assert [[arm.arm for arm in group] for group in groups_of(board(tmp_path, "kumar-screen"))] == [
        ["bl", "kumar", "bl-one-layer", "kumar-one-layer"]
    ]


def test_measures_before_training_stand_apart_from_those_of_the_runs(tmp_path):
    for seed, (low, std) in enumerate([(-2.0, 0.25), (1.0, 0.75)]):
        measures = {"logit_std": std, "calibration_images": 2048, "sigma_min": low, "sigma_negative": 0.1, "odd": 2.0}
        cell(tmp_path, "kumar", seed, [5.0], measures=measures)
    page = (write(tmp_path, tmp_path / "out").parent / "kumar.md").read_text()
    before, runs = table(page, "**Before training**")["kumar"], table(page, "**The runs**")["kumar"]
    assert before["logit std"] == "0.500" and before["calibration images"] == "2,048"
    assert before["test error, %"] == "90.0" and before["test loss, nats"] == "2.50"
    assert runs["sigma min"] == "-2.00", "the extreme over seeds"
    assert runs["sigma negative"] == "0.100" and runs["odd"] == "2.00" and "odd" not in before


def test_each_leaderboard_carries_the_commands_that_rerun_it(tmp_path):
    for arm in ("fc", "bl", "kumar"):
        cell(tmp_path, arm, 0, [5.0, 4.0])
    cell(tmp_path, "kumar", 0, [5.0, 4.0], implementation="gm/mine")
    cell(tmp_path, "better", 0, [5.0, 4.0], initialisation={"name": "gm/better"})
    cell(tmp_path, "bl", 5, [5.0], name="kumar-screen")
    run = "gmbench run kumar --data mnist --budget quick"
    assert pages.commands(board(tmp_path), "kumar") == [
        f"{run} --store STORE",
        f"{run} --arms kumar --implementation mine --store STORE",
        f"{run} --initialisation better --store STORE",
    ]
    folder = write(tmp_path, tmp_path / "out").parent
    for name in ("kumar", "kumar-screen"):
        block = (folder / f"{name}.md").read_text().partition("```\n")[2].partition("```")[0].splitlines()
        assert block[0] == f"gmbench run {name} --data mnist --budget quick --store STORE"
        assert block[-1] == "gmbench report --store STORE --output FOLDER"


# figures


def curves(values, trained=None):
    values = np.array(values, float)
    seeds = np.ones(len(values), bool) if trained is None else np.array(trained)
    return figures_cells.Curves(range(values.shape[1]), values, seeds)


def words(axes):
    return [text.get_text() for text in axes.texts]


def lines(axes, colour):
    return [line for line in axes.lines if to_hex(line.get_color()).upper() == colour.upper()]


def test_a_seed_that_diverged_is_drawn_and_counted_and_is_in_no_mean():
    panel = {"bl": curves([[90, 10, 4], [90, 20, 8], [90, 100, 100]], [True, True, False])}
    figure = figures_cells.curves([[("error", panel)]], {"bl": 1}, "title")
    (axes,) = figure.axes
    thin, thick = lines(axes, COLOURS[1])[:3], lines(axes, COLOURS[1])[3]
    assert list(thick.get_ydata()) == [90, 15, 6]
    assert [line.is_dashed() for line in thin] == [False, False, True]
    assert set(words(axes)) == {"bl", "bl: 1 of 3 diverged"}
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == 90 and 100 not in band[:, 1]


def test_where_all_seeds_diverged_there_is_no_mean():
    panel = {"bl": curves([[90, 100]], [False]), "fc": curves([[90, 2]])}
    (axes,) = figures_cells.curves([[("error", panel)]], {"bl": 1, "fc": 0}, "t").axes
    assert len(lines(axes, COLOURS[1])) == 1 and set(words(axes)) == {"fc", "bl: 1 of 1 diverged"}


def test_axes_of_further_arms_are_those_of_training():
    panel = {"a": curves([[90, 5, 4]]), "b": curves([[90, 6, 3], [90, 100, 100]], [True, False])}
    (axes,) = figures_cells.curves([[("error", panel)]], {"a": 0, "b": 1}, "t", whole=False).axes
    assert 3 / 1.5 < axes.get_ylim()[0] < 3 and 6 < axes.get_ylim()[1] < 9
    (axes,) = figures_cells.curves([[("error", panel)]], {"a": 0, "b": 1}, "t").axes
    assert axes.get_ylim()[1] > 100


def test_panels_of_one_quantity_have_one_scale():
    row = [("error", {"a": curves([[50, 40]])}), ("error", {"b": curves([[5, 4]])}), ("loss", {"a": curves([[1, 2]])})]
    one, two, three = figures_cells.curves([row], {"a": 0, "b": 1}, "t").axes
    assert one.get_ylim() == two.get_ylim() != three.get_ylim()
    assert [axes.get_ylabel() for axes in (one, two, three)] == ["error (log scale)", "", "loss (log scale)"]
    assert figures_cells.curves([[("loss", {"a": curves([[np.nan, np.nan]])})]], {"a": 0}, "t") is None


def test_zeros_and_negative_losses_are_on_their_axes():
    panel = {"a": curves([[90.0, 4.0, 0.0], [80.0, 2.0, 0.0], [85.0, 0.0, 1.0]])}
    losses = {"a": curves([[300.0, 2.0, -1.5], [200.0, 1.0, -1.0], [100.0, 0.2, -0.1]])}
    error, loss = figures_cells.curves([[("error", panel), ("loss", losses)]], {"a": 0}, "t").axes
    for axes, low, high in ((error, 0.0, 90.0), (loss, -1.5, 300.0)):
        assert axes.get_ylim()[0] < low and high < axes.get_ylim()[1]
        assert 0 in axes.get_yticks() and axes.get_ylabel().endswith("(log scale, linear near 0)")
    panels = {"best": {"a": ([0.0, 0.0, 4.0, 20.0], 1)}}
    (axes,) = figures_cells.distributions(panels, {"a": 0}, "t").axes
    assert axes.get_xlim()[0] < 0 and axes.get_xlim()[1] > 20 and 0 in axes.get_xticks()
    assert [line.get_xdata()[0] for line in lines(axes, figures_cells.MEAN)] == [6]


def test_first_hits_have_a_panel_for_each_threshold_and_count_who_never_got_there():
    hits = {
        "10 %": {"bl": figures_cells.Hits([700, None, 900], [938, None, 938])},
        "5 %": {"bl": figures_cells.Hits([None, None, None], [None, None, None])},
    }
    easy, hard = figures_cells.first_hits(hits, 2000, {"bl": 1}, "t").axes
    bars, marks, never = lines(easy, COLOURS[1])
    assert list(bars.get_xdata()) == [938, 938] and bars.get_marker() == "|", "at epoch ends"
    assert list(marks.get_xdata()) == [700, 900]
    assert never.get_fillstyle() == "none" and never.get_xdata()[0] > 2000, "beyond the end of training"
    assert [w.strip() for w in words(easy)] == ["1 of 3", "never"]
    assert [w.strip() for w in words(hard)] == ["3 of 3", "never"]


def test_distributions_show_every_seed_the_mean_and_the_median():
    panels = {"best": {"a": ([2.0, 3.0, 7.0], 0), "b": ([4.0, 4.5, 5.0], 2)}, "last": {"a": ([3.0], 0), "b": ([], 5)}}
    best, last = figures_cells.distributions(panels, {"a": 0, "b": 1}, "t").axes
    points = lines(best, COLOURS[0])
    assert sorted(points[0].get_xdata()) == [2, 3, 7]
    means = [line.get_xdata()[0] for line in lines(best, figures_cells.MEAN)]
    medians = [line.get_xdata()[0] for line in lines(best, figures_cells.MEDIAN)]
    assert means == [4.0, 4.5] and medians == [3.0, 4.5]
    assert words(best) == ["2 of 5 diverged"] and words(last) == ["5 of 5 diverged"]
    assert best.get_xlim() == last.get_xlim() and best.get_xlim()[1] < 20, "100 % does not squash the rest"
    assert not lines(last, figures_cells.MEAN), "no box of fewer than three seeds"


def drawn_paths(**change):
    means = np.array([[[0.0, 0.0]], [[3.0, 4.0]]])
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    wide = turn @ np.diag([4.0, 0.25]) @ turn.T
    spread = np.array([[np.eye(2)], [wide]])
    return figures_cells.Paths("a", **{"means": means, "covariances": spread, **change})


def test_ellipses_are_of_two_standard_deviations_and_grow_opaque():
    (axes,) = figures_cells.paths([drawn_paths()]).axes
    first, last = (patch for patch in axes.patches if isinstance(patch, Ellipse))
    assert (first.width, first.height) == pytest.approx((4, 4)) and tuple(first.center) == (0, 0)
    assert (last.width, last.height) == pytest.approx((8, 2)) and tuple(last.center) == (3, 4)
    assert last.angle % 180 == pytest.approx(np.degrees(0.5))
    assert first.get_alpha() < last.get_alpha()
    across, up = np.diff(axes.get_xlim()), np.diff(axes.get_ylim())
    assert across == pytest.approx(up) and axes.get_box_aspect() == 1
    marks = {tuple(np.ravel(line.get_xydata())): line.get_markerfacecolor() for line in axes.lines}
    assert marks[(0.0, 0.0)] == "white" or (0.0, 0.0) in marks
    assert (3.0, 4.0) in marks and (0.0, 0.0, 3.0, 4.0) in marks


def test_panels_have_one_scale_unless_they_differ_by_much():
    near = drawn_paths(means=np.array([[[1.0, 1.0]], [[3.5, 4.0]]]))
    far = drawn_paths(means=np.array([[[0.0, 0.0]], [[30.0, 40.0]]]))
    assert len({half for _, _, half in figures_cells.frames([drawn_paths(), near])}) == 1
    small, large = (half for _, _, half in figures_cells.frames([drawn_paths(), far]))
    assert large > 3 * small
    for axes in figures_cells.paths([drawn_paths(), far]).axes:
        bars = [line for line in axes.lines if line.get_linewidth() == 3]
        assert np.ptp(bars[0].get_xdata()) == pytest.approx(2), "the bar has one length"


@pytest.mark.parametrize("epochs", [1, 2, 6, 11, 21, 31, 200])
def test_ellipses_include_the_first_and_the_last_epoch(epochs):
    shown = figures_cells.epochs_shown(epochs)
    assert (shown[0] == 0 and shown[-1] == epochs - 1) or epochs == 1
    assert len(shown) <= figures_cells.SHOWN and shown == sorted(set(shown))


# paths on the page


def single(store, runs):
    """Cells of kumar-single: for each arm the seeds, and whether each trained."""
    for arm, seeds in runs.items():
        for seed, sound in seeds.items():
            start = 1.0 if arm == "kumar" else 10.0
            kept = path(start) if sound else {}
            errors = [5.0, 4.0, 3.0] if sound else [100.0]
            lost = None if sound else 3
            cell(store, arm, seed, errors, name="kumar-single", paths=kept, diverged=lost, epochs=3)


def test_the_lowest_seed_that_trained_in_every_arm_is_shown(tmp_path):
    single(tmp_path, {"bl": {0: False, 1: True, 2: True}, "kumar": {0: True, 1: True, 2: True}})
    page = (write(tmp_path, tmp_path / "out").parent / "kumar-single.md").read_text()
    part = page.partition("### Paths of the components")[2]
    assert "Seed 1, the lowest that trained in every arm." in part
    assert "12.5 % (bl), 12.5 % (kumar) of that mixture's variance" in part
    assert "-paths.svg" in part and "-motion.svg" in part and "ellipses of two standard deviations" in part
    runs = {"bl": {1: {}, 2: {}}, "kumar": {0: {}, 2: {}}}
    assert paths.choose(runs) == {"bl": 2, "kumar": 2}
    assert paths.choose({"bl": {1: {}}, "kumar": {0: {}}}) == {"bl": 1, "kumar": 0}, "none in common"
    assert paths.choose(runs, seed=0) == {"bl": 2, "kumar": 0}, "the preferred one where it is there"


def test_motion_is_in_units_of_the_initial_size(tmp_path):
    single(tmp_path, {"bl": {0: True, 1: True}, "kumar": {0: True, 1: True}})
    rows = table((write(tmp_path, tmp_path / "out").parent / "kumar-single.md").read_text(), "-motion.svg")
    assert rows["kumar"]["moved in epoch 1"] == "1.50" and rows["kumar"]["moved in all"] == "4.50"
    assert rows["bl"]["moved in epoch 1"] == "0.150" and rows["bl"]["of it in epoch 1"] == "33 %"
    assert rows["bl"]["size"] == "10.0 to 40.0" and rows["kumar"]["distance from the origin"] == "1.00 to 5.50"
    # 2 * sqrt((1 + 0.25) / 2) and 2 * sqrt((4 + 0.25) / 2)
    assert rows["kumar"]["radius in the plane"] == "1.58 to 2.92"
    found = Page("p", "P")
    paths.section(found, board(tmp_path, "kumar-single"), "k", "t")
    motion = found.figures["k-motion"]
    colours = colours_of(board(tmp_path, "kumar-single"))
    for arm, ways in (("bl", [0, 0.15, 0.3, 0.45]), ("kumar", [0, 1.5, 3, 4.5])):
        place = colours[arm]
        (thick,) = [line for line in lines(motion.axes[0], COLOURS[place]) if line.get_marker() not in ("None", "")]
        assert list(thick.get_ydata()) == pytest.approx(ways)


def test_without_paths_there_is_no_section(tmp_path):
    single(tmp_path / "a", {"bl": {0: False}, "kumar": {0: False}})
    single(tmp_path / "b", {"bl": {0: True}})
    file = next((tmp_path / "b" / "cells").glob("*.json"))
    broken = json.loads(file.read_text())
    broken["paths"]["means"][1] = "lost"
    file.write_text(json.dumps(broken))
    for store in ("a", "b"):
        page = (write(tmp_path / store, tmp_path / "out").parent / "kumar-single.md").read_text()
        assert "### Paths" not in page and "mnist, budget quick" in page


def test_an_arm_without_paths_is_said(tmp_path):
    single(tmp_path, {"bl": {0: False}, "kumar": {0: True}})
    page = (write(tmp_path, tmp_path / "out").parent / "kumar-single.md").read_text()
    assert "Without paths: bl." in page and "Seed 0." in page


def test_figures_of_a_page_with_many_arms_and_a_seed_that_diverged(tmp_path):
    for arm in KUMAR.arms:
        for seed in range(3):
            lost = (arm, seed) == ("tuned", 1)
            errors = [100.0] if lost else [6.0 + seed, 4.0 + seed]
            cell(tmp_path, arm, seed, errors, diverged=7 if lost else None, epochs=2)
    figures = pages.page(results.read(tmp_path), "kumar").figures
    key = "kumar-mnist-budget-quick"
    assert set(figures) == {f"{key}-{name}" for name in ("curves", "curves-further", "distributions")}
    assert figures[f"{key}-curves"].axes[0].get_ylim()[1] > 90, "from before training"
    further = figures[f"{key}-curves-further"].axes
    assert further[0].get_ylim()[1] < 10, "from epoch 1, without 100 %"
    assert "tuned: 1 of 3 diverged" in [word for axes in further for word in words(axes)]
    best, last = figures[f"{key}-distributions"].axes
    assert words(best) == words(last) == ["1 of 3 diverged"] and best.get_xlim()[1] < 20


def test_the_start_is_shown_test_by_test(tmp_path):
    for seed in range(2):
        fine = [[step, 80.0 - step / 4 + seed] for step in range(0, 200, 20)]
        cell(tmp_path, "kumar", seed, [50.0, 30.0, 9.0], tests=[*fine[: 9 - seed], [200, 30.0], [300, 9.0]])
    cell(tmp_path, "kumar", 2, [100.0], tests=[[0, 90.0], [20, 99.0], [100, 100.0]], diverged=9, epochs=3)
    cell(tmp_path, "fc", 0, [5.0, 4.0, 3.0], tests=[[0, 90.0], [100, 5.0], [200, 4.0]])
    figures = pages.page(results.read(tmp_path), "kumar").figures
    (axes,) = figures["kumar-mnist-budget-quick-start"].axes
    (mean,) = [line for line in lines(axes, COLOURS[2]) if line.get_marker() not in ("None", "")]
    assert list(mean.get_xdata()) == [20, 40, 60, 80, 100, 120, 140, 200], "where both seeds that trained were tested"
    assert mean.get_ydata()[0] == 75.5
    assert set(words(axes)) == {"kumar", "kumar: 1 of 3 diverged"}, "fc was tested at epoch ends only"


def test_pages_of_many_arms_are_the_same_each_time(tmp_path):
    for arm in KUMAR.arms:
        cell(tmp_path, arm, 0, [5.0, 4.0], measures={"steps_to_10": 50})
    single(tmp_path, {"bl": {0: True}, "kumar": {0: True}})
    first, again = write(tmp_path, tmp_path / "one").parent, write(tmp_path, tmp_path / "two").parent
    names = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert len([name for name in names if name.suffix == ".svg"]) >= 8
    assert all((first / name).read_bytes() == (again / name).read_bytes() for name in names)
