"""The pages of experiments whose test error is a mean square: decades, traces, and what was fitted."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from rich.console import Console

from gmbench import experiments
from gmbench.claims.metric import ERROR, MEAN_SQUARE
from gmbench.claims.statistics import Run, area, best, decades, last, late
from gmbench.report.figures import fits as figures_fits
from gmbench.report.pages import experiment as pages
from gmbench.report.site import write
from gmbench.results import leaderboard as boards
from gmbench.results import pictures
from gmbench.results import read as results
from gmbench.runs.cell import CELLS
from gmbench.store.files import write_json
from gmbench.training.pictures import line, photographs, picture, plane

NAME = "kumar"  # any experiment, for the time of a test with another metric


@pytest.fixture
def store(tmp_path, monkeypatch):
    known = dataclasses.replace(experiments.experiment(NAME), metric=MEAN_SQUARE, claims=())
    monkeypatch.setattr(experiments, "experiments", lambda: {NAME: known})
    return tmp_path


def cell(store, arm, seed, errors, *, diverged=None, rows=(), **more):
    known = experiments.experiments()[NAME]
    spec = {
        **{"experiment": NAME, "version": known.version, "data": "level-1", "digest": "d", "budget": "paper"},
        **{"epochs": 3, "arm": arm, "seed": seed, "device": "cpu", "implementation": None, "initialisation": None},
    }
    epochs = [
        {"epoch": i, "step": 10 * i, "test_error": e, "test_loss": e, "train_loss": e if i else None}
        for i, e in enumerate([0.5, *errors])
    ]
    for epoch, further in zip(epochs, rows, strict=False):
        epoch.update(further)
    made = {"schema": 1, "machine": {"cpu": "Adder"}, "versions": {"torch": "2.9"}, "when": "2026-01-02T03:04:05Z"}
    content = {"kind": "cells", "id": f"{arm}-{seed}", "spec": spec, "seconds": 6.0, **made, "epochs": epochs}
    content["measures"] = {"diverged": diverged, "parameters": 2000}
    write_json(store / "cells" / f"{arm}-{seed}.json", content | more)
    return content


def text_of(page):
    return "\n\n".join(page.parts)


def wave(side=8):
    x = torch.linspace(-1, 1, side)
    return torch.sin(3 * x)[:, None] + 0 * x


def test_the_mean_of_a_mean_square_is_geometric_and_its_interval_too():
    assert MEAN_SQUARE.mean([1e-2, 1e-4, 1e-6]) == pytest.approx(1e-4)
    low, high = MEAN_SQUARE.interval([1e-2, 1e-4, 1e-6])
    assert low < 1e-4 < high and low * high == pytest.approx(1e-8)
    assert MEAN_SQUARE.interval([1e-2, 1e-4]) is None
    assert ERROR.mean([1.0, 3.0]) == 2 and ERROR.interval([99.0, 99.5, 100.0])[1] == 100
    assert (ERROR.said(2.346), MEAN_SQUARE.said(2.346e-7)) == ("2.35", "2.35e-07")


@pytest.mark.parametrize("error", [-1e-9, float("nan"), float("inf")])
def test_what_no_error_can_be_is_refused(error):
    assert not MEAN_SQUARE.sound(error) and not ERROR.sound(error)
    assert MEAN_SQUARE.sound(273.0) and not ERROR.sound(273.0)


def test_a_run_of_a_mean_square(store):
    result = cell(store, "bl", 3, [1e-2, 1e3, 1e-4])
    with pytest.raises(ValueError, match="not between 0 and 100 %"):
        Run.of(3, 3, result["epochs"], result["measures"])
    run = Run.of(3, 3, result["epochs"], result["measures"], metric=MEAN_SQUARE)
    assert (best(run), last(run), run.stuck) == (1e-4, 1e-4, False)
    assert late(run) == pytest.approx(10 ** (-3 / 3)) and decades(last)(run) == -4
    assert area(run) == pytest.approx(10 ** (((-2 + 3) / 2 + (3 - 4) / 2) / 2))


def test_tiers_and_gaps_are_in_decades(store):
    for seed in range(6):
        cell(store, "bl", seed, [1e-1, 1e-2, 10.0 ** (-8 + seed)])  # spread over decades
        cell(store, "kumar", seed, [1e-1, 1e-2, 0.9 * 10.0 ** (-8 + seed)])  # a tenth below, every time
    (board,) = boards.boards(results.read(store), NAME)
    assert {arm.arm: arm.tier for arm in board.arms} == {"kumar": 1, "bl": 2}
    page = text_of(pages.page(results.read(store), NAME))
    assert "| best mean square |" in page and "behind the first (in decades, paired)" in page and ", % |" not in page
    assert "| 2.85e-06 |" in page and "| +0.05 (0.05 to 0.05; p = 0.031) | 3.16e-06 |" in page
    assert "geometric" in page and "nats" not in page and "mean difference in decades" in page


def test_the_printed_board_has_the_unit(store):
    files = [cell(store, "bl", seed, [1e-2, 1e-3, e]) for seed, e in enumerate([1e-4, 1e-6])]
    found = [CELLS.parse(file) for file in files]
    (row,) = boards.summary(found, MEAN_SQUARE)
    assert row["best"] == pytest.approx(1e-5) and row["last"] == pytest.approx(1e-5)


def test_the_printed_board_does_not_cut_names(store):
    names = ["lstm-3-mahalanobis-trained", "lstm-3-mahalanobis-tuned"]
    rows = [
        {"arm": name, "implementation": "gmnm-mahalanobis/compiled", "seeds": 20, "diverged": 3, "tier": 1}
        | dict.fromkeys(("best", "best_min", "best_max", "last"), 1e-5)
        for name in names
    ]
    console = Console(width=80, file=io.StringIO())
    console.print(boards.table(rows, "gmnm-forecast on lags, budget paper", MEAN_SQUARE))
    shown = console.file.getvalue()
    assert all(name in shown for name in names) and "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_numbers_of_every_epoch_are_curves_and_measures_of_the_last(store):
    rows = [{"boundary": 10.0**-e, "residual": 10.0 ** (1 - e)} for e in range(4)]
    for seed in range(3):
        cell(store, "bl", seed, [0.1, 0.01, 0.001], rows=rows)
    page = pages.page(results.read(store), NAME)
    (name,) = (name for name in page.figures if name.endswith("-traces"))
    assert [axes.get_ylabel() for axes in page.figures[name].axes] == ["boundary (log scale)", "residual (log scale)"]
    runs = text_of(page).partition("**The runs**")[2].partition("![")[0]
    (head, _, row) = [line.split("|")[1:-1] for line in runs.splitlines() if line.startswith("|")][:3]
    shown = {name.strip(): value.strip() for name, value in zip(head, row, strict=True)}
    assert shown["boundary, last"] == "0.00100" and shown["residual, last"] == "0.0100" and "boundary" not in shown
    assert "Those called last are of each run's last epoch, geometric means over seeds" in runs


def test_a_number_of_the_last_epoch_is_a_geometric_mean_over_seeds(store):
    for seed in range(3):
        last = 10.0 ** (-2 - seed)
        cell(store, "bl", seed, [0.1, 0.01, 0.001], rows=[{"boundary": 1.0}] * 3 + [{"boundary": last}])
    assert "| 0.00100 |" in text_of(pages.page(results.read(store), NAME)).partition("**The runs**")[2]


@pytest.mark.parametrize("alike", [True, False])
def test_a_loss_that_is_the_error_has_no_column_of_its_own(store, alike):
    rows = [{"test_loss": 0.5 if alike else 0.7}] + [{}] * 3
    for seed in range(3):
        cell(store, "bl", seed, [0.1, 0.01, 0.001], rows=rows)
    before = text_of(pages.page(results.read(store), NAME)).partition("**Before training**")[2].partition("**The")[0]
    assert "test mean square" in before and ("test loss" in before) == (not alike)


def test_fits_are_drawn_for_seeds_that_trained(store):
    field = wave()
    fits = {name: picture(f) for name, f in (("target", field), ("fit", 0.9 * field), ("residual", -0.1 * field))}
    cell(store, "bl", 0, [0.1, 0.1, 0.1], diverged=30, surfaces=fits)
    cell(store, "bl", 1, [0.1, 0.1, 0.1], surfaces=fits)
    cell(store, "kumar", 1, [0.1, 0.1, 0.1])
    x = np.linspace(0, 1, 20)
    cell(store, "kumar", 2, [0.1] * 3, lines={"x": list(x), "target": list(x), "fit": list(x + 1e-3)})
    page = pages.page(results.read(store), NAME)
    (surfaces,) = (figure for name, figure in page.figures.items() if name.endswith("-surfaces"))
    said = [axes.get_title(loc="left") for axes in surfaces.axes]
    assert "bl" in said and any(words.endswith("at most 9.6e-02") for words in said) and "kumar" not in said
    assert "Nothing to show of 1 arm: kumar" in text_of(page) and "Seed 1." in text_of(page)
    (drawn,) = (figure for name, figure in page.figures.items() if name.endswith("-lines"))
    upper, lower = drawn.axes
    assert lower.get_xlabel() == "x"
    assert len(upper.lines) == 2 and lower.lines[0].get_ydata() == pytest.approx(1e-3)
    assert write(store, store / "pages")  # and all of it can be written


def test_an_experiment_says_what_its_lines_are_over(store, monkeypatch):
    known = dataclasses.replace(experiments.experiments()[NAME], across="t")
    monkeypatch.setattr(experiments, "experiments", lambda: {NAME: known})
    x = list(np.linspace(0, 1, 20))
    cell(store, "kumar", 2, [0.1] * 3, lines={"x": x, "target": x, "fit": x})
    page = pages.page(results.read(store), NAME)
    (drawn,) = (figure for name, figure in page.figures.items() if name.endswith("-lines"))
    assert drawn.axes[1].get_xlabel() == "t"


def test_the_plane_is_drawn_with_its_first_axis_to_the_right_and_its_second_up():
    x = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 2)
    (found,) = pictures.surfaces_of({"fit": plane(10 * x[:, 0] + x[:, 1])}).values()
    assert np.abs(found - [[-9, 1, 11], [-10, 0, 10], [-11, -1, 9]]).max() < 0.1
    figure = figures_fits.surfaces({"bl": {"target": found, "fit": found}}, "title")
    (image,) = figure.axes[1].images
    assert np.array_equal(image.get_array(), found) and image.origin == "upper"


def test_a_picture_is_read_as_it_was_made():
    field = wave()
    (found,) = pictures.surfaces_of({"fit": picture(field)}).values()
    assert np.abs(found - field.numpy()).max() <= np.ptp(field.numpy()) / 255
    assert picture(field / 0) == {} and line(torch.tensor([1.0, float("nan")])) == []
    assert len(line(torch.arange(1000.0))) <= 400


@pytest.mark.parametrize("change", [{"side": 7}, {"low": None}, {"levels": "no"}, {"high": float("nan")}])
def test_a_picture_that_is_not_whole_is_left_out(change):
    assert pictures.surfaces_of({"fit": {**picture(wave()), **change}}) == {}
    assert pictures.surfaces_of(None) == pictures.surfaces_of({"other": picture(wave())}) == {}


@pytest.mark.parametrize(
    "lines",
    [None, {}, {"x": [1], "target": [1]}, {"x": [1, 2], "target": [1], "fit": [1]}, {"x": [], "target": [], "fit": []}],
)
def test_lines_that_are_not_whole_are_left_out(lines):
    assert pictures.lines_of(lines) == {}


@pytest.mark.parametrize("channels", [1, 3])
def test_photographs_are_drawn_above_what_comes_of_them(store, channels):
    pixels = torch.rand(4, channels * 25, generator=torch.Generator().manual_seed(0))
    for arm, error in (("bl", 0.1), ("kumar", 0.2)):
        made = (pixels + error).clamp(0, 1)
        kept = {"originals": photographs(pixels), "reconstructions": photographs(made)}
        cell(store, arm, 0, [0.1] * 3, photographs=kept)
    page = pages.page(results.read(store), NAME)
    (figure,) = (each for name, each in page.figures.items() if name.endswith("-photographs"))
    images = [axes.images[0].get_array() for axes in figure.axes]
    assert [axes.get_ylabel() for axes in figure.axes[::4]] == ["test images", "bl", "kumar"]
    expected = pixels[1].view(channels, 5, 5)
    expected = (expected[0] if channels == 1 else expected.permute(1, 2, 0)).numpy()
    assert np.abs(images[1] - expected).max() < 1 / 255
    assert np.abs(images[5] - np.minimum(expected + 0.1, 1)).max() < 1 / 255
    said = float(figure.axes[7].texts[0].get_text())
    assert said == pytest.approx((pixels.add(0.1).clamp(max=1) - pixels).square().mean().item(), abs=2e-4)


@pytest.mark.parametrize(
    "change", [{"originals": None}, {"originals": []}, {"originals": ["no", "AAAA"]}, {"reconstructions": ["AAAA"]}]
)
def test_photographs_that_are_not_whole_are_left_out(change):
    whole = {"originals": photographs(torch.rand(2, 9)), "reconstructions": photographs(torch.rand(2, 9))}
    assert pictures.photographs_of(whole)["originals"].shape == (2, 3, 3)
    assert pictures.photographs_of(whole | change) == pictures.photographs_of([1]) == {}
    assert pictures.photographs_of({name: photographs(torch.rand(2, 10)) for name in whole}) == {}
    assert photographs(torch.full((1, 4), torch.nan)) == []


def test_figures_of_decades_have_geometric_means(store):
    for seed, error in enumerate((1e-2, 1e-4, 1e-6)):
        cell(store, "bl", seed, [error] * 3)
    page = pages.page(results.read(store), NAME)
    (curves,) = (figure for name, figure in page.figures.items() if name.endswith("-curves"))
    (thick,) = (line for line in curves.axes[0].lines if line.get_linewidth() > 1)
    assert thick.get_ydata()[1:] == pytest.approx(1e-4)
    (spread,) = (figure for name, figure in page.figures.items() if name.endswith("-distributions"))
    (mean,) = (line for line in spread.axes[0].lines if line.get_marker() == "^")
    assert mean.get_xdata() == pytest.approx([1e-4])
    left, right = spread.axes[0].get_xlim()
    assert left < 0.8e-6 and right > 1.2e-2, "no point is cut by the edge"
