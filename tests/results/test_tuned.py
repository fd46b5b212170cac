"""Tuning: the same trials for the same seed, the test data unseen, resumed, and the best of n trials."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from gmbench import data
from gmbench.cli import base as cli
from gmbench.contract import ContractError
from gmbench.experiments import contract, experiment, experiments
from gmbench.experiments.tuning import final_cells, space_of, trial_cells, trials
from gmbench.results.status import status
from gmbench.results.tuned import expected_best, tuned
from gmbench.runs.cell import CELLS, run_cell
from gmbench.runs.spec import Spec
from gmbench.store.reading import Store

KUMAR = experiment("kumar")
TUNED = [name for name, each in experiments().items() if each.spaces]


def run(*words):
    return CliRunner().invoke(cli.main, words)


def of(number=4, arms=("fc",), seed=0, budget="smoke"):
    return trial_cells(KUMAR, "digits", budget, list(arms), number, seed)


@pytest.mark.parametrize("name", TUNED)
def test_every_space_is_of_settings_that_the_arm_has(name):
    chosen = experiment(name)
    for arm, space in chosen.spaces.items():
        for given in trials(space, chosen.settings_of(arm), 8, 0):
            chosen.settled(arm, given)


def test_trials_are_the_same_for_a_seed_and_more_of_them_go_on():
    space, settings = space_of(KUMAR, "kumar"), KUMAR.settings_of("kumar")
    few, many = trials(space, settings, 5, 0), trials(space, settings, 16, 0)
    assert few == many[:5] and many != trials(space, settings, 16, 1) and len(many) == 16
    rates = sorted(given["rate"] for given in many)
    where = space["rate"]
    # one in each sixteenth of the range, since the sequence is a net
    shares = [np.log(rate / where.low) / np.log(where.high / where.low) for rate in rates]
    assert all(i / 16 - 0.01 <= share <= (i + 1) / 16 + 0.01 for i, share in enumerate(shares))


def test_every_arm_has_as_many_trials_and_they_alternate():
    specs = of(3, ("kumar", "fc"))
    assert [spec["arm"] for spec in specs] == ["kumar", "fc"] * 3
    assert {spec["split"] for spec in specs} == {"validation"}
    with pytest.raises(ContractError, match="nowhere to look for settings of bl"):
        of(arms=["bl"])
    with pytest.raises(ContractError, match="cannot be tuned"):
        space_of(experiment("kumar-single"), "kumar")


def test_a_trial_never_sees_the_test_data(monkeypatch):
    spec = of(1)[0]
    whole = data.load("digits")
    quiet = lambda **progress: None  # noqa: E731

    def found(poisoned):
        broken = dataclasses.replace(
            whole,
            test_images=torch.full_like(whole.test_images, float("nan")),
            test_labels=(whole.test_labels + 1) % 10,
        )
        monkeypatch.setattr(contract, "data_on", lambda *words: broken if poisoned else whole)
        result = KUMAR.cell(spec, quiet)
        return [{name: row[name] for name in ("test_error", "test_loss", "train_loss")} for row in result["epochs"]]

    assert found(False) == found(True)
    spec = {name: value for name, value in spec.items() if name != "split"}
    assert found(False) != found(True)  # the test itself would see it


@pytest.mark.parametrize("values", [[3.0], [2.0, 1.0, 5.0], [4.0, 4.0, 1.0, 9.0]])
def test_the_expected_best_is_that_of_all_draws(values):
    found = expected_best(values)
    assert len(found) == len(values)
    for n, expected in enumerate(found, 1):
        assert expected == pytest.approx(np.mean([min(draw) for draw in itertools.product(values, repeat=n)]))


def fake(store, error):
    """Runs cells that come to what ``error(spec)`` says."""

    def work(spec, report):
        rows = [{"epoch": i, "step": i, "test_error": error(spec), "test_loss": 1.0} for i in range(2)]
        return {"epochs": rows, "measures": {}}

    return lambda specs: [run_cell(Spec.of(spec), work, store) for spec in specs]


def test_the_best_by_validation_is_run_with_all_seeds_and_all_resumes(tmp_path):
    specs = of(4, ("kumar", "fc"))
    rate = lambda spec: KUMAR.values(spec)["rate"]  # noqa: E731
    make = fake(tmp_path, lambda spec: 10 * rate(spec) if spec.get("split") else 50.0)
    make(specs)
    results = {result.id: result for _, result in Store(tmp_path).read(CELLS)}
    tried = [results[Spec.of(spec).id] for spec in specs]
    best = [arm.best.spec.as_dict() for arm in tuned(tried, [])]
    assert all(rate(spec) == min(rate(each) for each in specs if each["arm"] == spec["arm"]) for spec in best)
    last = final_cells(KUMAR, best, [0, 1])
    assert not any("split" in spec for spec in last) and [spec["seed"] for spec in last] == [0, 0, 1, 1]
    make(last)
    (row,) = status(tmp_path)
    assert row["done"] == len({Spec.of(spec).id for spec in [*specs, *last]}) == row["of"]
    words = ("tune", "kumar", "--trials", "4", "--arms", "kumar,fc", "--budget", "smoke", "--seeds", "0-1")
    again = run(*words, "--store", str(tmp_path), "--json")
    assert again.exit_code == 0, again.output
    rows = json.loads(again.stdout)
    assert {row["arm"] for row in rows} == {"kumar", "fc"}
    assert all(row["test_error"] == 50.0 and len(row["expected_best"]) == 4 for row in rows)
    shown = run(*words, "--store", str(tmp_path))
    assert "expected validation error" in shown.stdout and "n = 4" in shown.stdout, shown.output


def test_a_dry_run_runs_nothing(tmp_path):
    done = run("tune", "kumar", "--trials", "2", "--dry-run", "--budget", "smoke", "--store", str(tmp_path))
    assert done.exit_code == 0 and done.stdout.count("validation") == 6 and "then the best of each arm" in done.stderr
    assert not list(tmp_path.iterdir())
