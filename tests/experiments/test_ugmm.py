"""The experiments with uGMM layers on images: networks, training, measures, claims, pictures; on a few digits."""

import base64
import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from gmbench import data, registry
from gmbench.claims.statistics import Run, accuracy, error_after, last
from gmbench.claims.verdicts import DOES_NOT_HOLD, HOLDS, NOT_RUN
from gmbench.contract import ContractError
from gmbench.experiments import experiment, experiments
from gmbench.experiments.plan import cells
from gmbench.experiments.ugmm import cnn, measures, mnist, networks
from gmbench.nn import UGMMLayer
from gmbench.report.pages.experiment import commands, page
from gmbench.results import ledger
from gmbench.results.leaderboard import boards
from gmbench.results.pictures import neurons_of
from gmbench.results.read import read
from gmbench.runs.cell import run_cell
from gmbench.runs.spec import Spec
from gmbench.training import classify, loop

NAMES = ("ugmm-mnist", "ugmm-cnn", "ugmm-probe")
ARMS = [(name, arm) for name in NAMES for arm in experiment(name).arms]


def silent(**progress):
    pass


def spec(name, arm, budget="smoke", seed=0, **changes):
    chosen = experiment(name)
    eager = registry.load().implementation(chosen.layer_type_of(arm), "eager")
    (found,) = cells(chosen, "digits", "d", budget, [arm], [seed], eager)
    return {**found, **changes}


def few(features=64, train=128, test=60):
    """A few digits, or noise of another size, pixels in [0, 1]."""
    digits = data.load("digits", normalised=False)
    parts = (
        digits.train_images[:train],
        digits.train_labels[:train],
        digits.test_images[:test],
        digits.test_labels[:test],
    )
    found = data.Data("digits", *parts, 10, "d", (1, 8, 8))
    if features != 64:
        noise = torch.rand(2, train, features, generator=torch.Generator().manual_seed(0))
        image = (1, features // math.isqrt(features), math.isqrt(features))
        found = dataclasses.replace(found, train_images=noise[0], test_images=noise[1][:test], image=image)
    return found


@pytest.fixture(scope="module", autouse=True)
def small():
    """Every cell of this file trains on a few digits, and looks at few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "data_of", lambda spec, normalised: few())
        yield


@pytest.fixture(scope="module")
def results():
    """A cell of every arm, one epoch long."""
    return {key: experiment(key[0]).cell(spec(*key), silent) for key in ARMS}


# -- networks --------------------------------------------------------------------------------------------------------


def network(arm, features=784, seed=0):
    return mnist.network_of(spec("ugmm-mnist", arm, seed=seed), few(features), torch.Generator().manual_seed(seed))


def size(module):
    return sum(p.numel() for p in module.parameters())


def test_networks_have_the_parameters_of_the_paper():
    assert size(network("ugmm")[0]) == 327552 and size(network("mlp")[0]) == 109386
    assert size(network("ugmm-norm")[0]) == 327552 + 2 * (128 + 64)
    assert size(network("ugmm-tied")[0]) == 2 * 327552 // 3 + 784 + 128 + 64
    assert abs(size(network("mlp-matched")[0]) / 327552 - 1) < 0.001


def test_heads_have_equal_numbers_of_parameters():
    front, features = cnn.front(few(784), "cpu")
    assert features == 512 and front(torch.zeros(2, 784)).shape == (2, 512)
    head = 3 * (features * cnn.HIDDEN + cnn.HIDDEN * 10)
    dense = networks.dense_network([features, cnn.MATCHED, 10], 0.5, "cpu")
    assert abs(size(dense) / head - 1) < 0.001
    with pytest.raises(ContractError, match="square"):
        cnn.front(few(10), "cpu")


def test_where_layer_norm_and_dropout_are():
    kinds = [type(module).__name__ for module in network("ugmm-norm", 64)[0]]
    assert kinds == ["UGMMLayer", "LayerNorm", "UGMMLayer", "LayerNorm", "UGMMLayer"]
    for arm, rate in (("ugmm", 0.3), ("ugmm-notebook", 0.2), ("ugmm-readme", 0.5), ("ugmm-v0", 0.5)):
        assert [m.dropout for m in network(arm, 64)[0] if isinstance(m, UGMMLayer)] == [rate, 0, 0]
    dense = [type(module).__name__ for module in network("mlp", 64)[0]]
    assert dense == ["Linear", "ReLU", "Linear", "ReLU", "Dropout", "Linear"]


def test_the_starts_differ_in_sigma_alone():
    plain, unit = network("ugmm-norm", 64)[0][0], network("ugmm-norm-unit", 64)[0][0]
    assert torch.equal(plain.mu, unit.mu) and torch.equal(plain.logits, unit.logits)
    assert (unit.log_sigma == 0).all() and (plain.log_sigma < 0).all() and plain.log_sigma.std() > 0.5


# -- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "arm"), ARMS)
def test_every_arm_trains(results, name, arm):
    found = results[name, arm]
    rows, measured = found["epochs"], found["measures"]
    steps = math.ceil(128 / (256 if arm in ("ugmm-notebook", "ugmm-v0") else 128))
    assert [row["step"] for row in rows] == [0, steps] and measured["diverged"] is None
    assert 0 < rows[1]["train_loss"] < 6
    assert measured["per_connection"] == (1 if arm in experiment(name).baselines else 2 if arm == "ugmm-tied" else 3)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("arm", ["ugmm", "ugmm-norm-unit"])
def test_training_fits(arm):
    found, setting = network(arm, 64)
    optimiser = torch.optim.Adam(found.parameters(), lr=setting.rate)
    rows = classify.train(found, optimiser, few(), epochs=8, batch=32, order=loop.order_of(0)).epochs
    assert rows[-1]["train_loss"] < 0.95 * rows[1]["train_loss"]


def test_arms_of_a_seed_see_the_data_in_one_order(monkeypatch):
    orders, permutation = [], torch.randperm

    def record(*words, **named):
        orders.append(permutation(*words, **named))
        return orders[-1]

    monkeypatch.setattr(loop.torch, "randperm", record)
    for name, arm, seed in (("ugmm-mnist", "mlp", 0), ("ugmm-mnist", "ugmm", 0), ("ugmm-mnist", "mlp", 1)):
        experiment(name).cell(spec(name, arm, seed=seed), silent)
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2])


def test_a_cell_is_the_same_again():
    one, two = (mnist.cell(spec("ugmm-mnist", "ugmm-norm-unit", epochs=2), silent) for _ in range(2))
    for found in (one, two):
        for row in found["epochs"]:
            row.pop("seconds")
    assert one == two


def test_the_milestones_keep_their_shares():
    assert mnist.SCRIPT.falls(100) == [20, 45, 60] and mnist.NOTEBOOK.falls(50) == [20, 45]
    assert mnist.SCRIPT.falls(20) == [4, 9, 12] and mnist.SCRIPT.falls(1) == []
    assert mnist.README.falls(100) == []


def test_the_rate_falls_at_the_milestones(monkeypatch):
    rates = []
    step = torch.optim.Adam.step

    def record(self, *words):
        rates.append([group["lr"] for group in self.param_groups])
        return step(self, *words)

    monkeypatch.setattr(torch.optim.Adam, "step", record)
    experiment("ugmm-cnn").cell(spec("ugmm-cnn", "cnn-ugmm", epochs=4), silent)  # falls after 2 and 3 of 4
    assert np.allclose(rates, [[1e-3, 1e-2], [1e-3, 1e-2], [1e-4, 1e-3], [1e-5, 1e-4]])


def test_evaluation_has_no_dropout_and_training_has():
    found, chosen = network("ugmm", 64)[0], few()
    found.train()
    assert classify.evaluate(found, chosen.test_images, chosen.test_labels) == classify.evaluate(
        found, chosen.test_images, chosen.test_labels
    )
    assert found.training and not torch.equal(found(chosen.test_images), found(chosen.test_images))


def test_pixels_are_in_0_to_1():
    plain, usual = data.load("digits", normalised=False), data.load("digits")
    assert plain.train_images.min() == 0 and plain.train_images.max() == 1 and plain.digest == usual.digest
    assert torch.allclose((plain.test_images - 0.3054) / 0.3759, usual.test_images, atol=1e-6)


def test_arms_have_layers_and_epochs_of_their_own():
    chosen = experiment("ugmm-mnist")
    found = {s["arm"]: s for s in cells(chosen, "mnist", "d", "paper", seeds=[0])}
    assert found["ugmm-notebook"]["epochs"] == 50 and found["ugmm"]["epochs"] == 100
    assert found["ugmm-tied"]["implementation"]["name"].startswith("ugmm-tied/")
    assert found["ugmm"]["implementation"]["name"].startswith("ugmm/") and found["mlp"]["implementation"] is None
    eager = registry.load().implementation("ugmm", "eager")
    named = cells(chosen, "mnist", "d", "paper", ["ugmm", "ugmm-tied"], [0], eager)
    assert named[0]["implementation"] == {"name": "ugmm/eager"}
    assert named[1]["implementation"]["name"].startswith("ugmm-tied/")
    with pytest.raises(ContractError, match="layers are of type ugmm-tied"):
        cells(chosen, "mnist", "d", "paper", ["ugmm-tied"], [0], eager)


def test_an_outside_initialisation_makes_the_headline_from_another_start():
    other = registry.load().initialisation("ugmm", "unit-sigma")
    (found,) = cells(experiment("ugmm-mnist"), *("digits", "d", "smoke", [], [0]), initialisation=other)
    record = {**spec("ugmm-mnist", "ugmm"), "arm": found["arm"], "initialisation": found["initialisation"]}
    built, setting = mnist.network_of(record, few(), torch.Generator().manual_seed(0))
    assert found["arm"] == "unit-sigma" and setting == mnist.SCRIPT
    assert isinstance(built[1], torch.nn.LayerNorm) and (built[0].log_sigma == 0).all()


# -- measures --------------------------------------------------------------------------------------------------------


def layer(mu, log_sigma, logits):
    found = UGMMLayer(logits.shape[1], logits.shape[0])
    with torch.no_grad():
        for parameter, value in ((found.mu, mu), (found.log_sigma, log_sigma), (found.logits, logits)):
            parameter.copy_(torch.as_tensor(value).expand_as(parameter))
    return found


def test_equal_and_single_weights():
    equal = measures.of_neurons(layer(0.0, 0.0, torch.zeros(3, 64)), few())
    assert equal["effective_inputs"] == pytest.approx(64) and equal["top_share"] == pytest.approx(10 / 64)
    assert equal["spread"] == pytest.approx(1)
    alone = torch.full((3, 64), -50.0)
    alone[:, 17] = 50
    single = measures.of_neurons(layer(0.0, 0.0, alone), few())
    assert single["effective_inputs"] == pytest.approx(1) and single["top_share"] == pytest.approx(1)
    assert single["spread"] == pytest.approx(0, abs=1e-6)
    assert single["leaders"] == single["dominance"] == pytest.approx(1) and single["lead"] == pytest.approx(1)
    assert single["class_information"] == pytest.approx(0, abs=1e-9)


def test_a_leading_component_that_is_the_class_tells_all_of_it():
    labels = torch.arange(10).repeat(40)
    images = torch.nn.functional.one_hot(labels, 16).float()
    found = dataclasses.replace(few(), test_images=images, test_labels=labels)
    # narrow components around 1: the pixel that is 1 leads
    measured = measures.of_neurons(layer(1.0, -2.0, torch.zeros(2, 16)), found)
    assert measured["leaders"] == pytest.approx(10) and measured["dominance"] == pytest.approx(0.1)
    assert 0.9 < measured["class_information"] <= 1  # less what shuffled classes tell
    dense = torch.nn.Linear(16, 2)
    assert measures.of_neurons(dense, found)["leaders"] == pytest.approx(10)  # |w x|: x is 0 elsewhere


def test_weights_of_a_dense_layer_are_its_sizes():
    dense = torch.nn.Linear(4, 1)
    with torch.no_grad():
        dense.weight.copy_(torch.tensor([[1.0, -1.0, 0.0, 2.0]]))
    assert measures.weights_of(dense).tolist() == [[0.25, 0.25, 0, 0.5]]


def test_a_layer_that_is_not_finite_has_no_measures():
    broken = layer(math.nan, 0.0, torch.zeros(3, 64))
    assert set(measures.of_neurons(broken, few()).values()) == {None} and measures.pictures(broken) == {}


class Scripted(torch.nn.Module):
    """Logits for images ``(n, 10)`` that are one-hot: ``sharpness`` times them."""

    def __init__(self, sharpness):
        super().__init__()
        self.sharpness = sharpness

    def forward(self, x):
        return self.sharpness * x


def test_the_uncertainty_of_scripted_outputs():
    labels = torch.arange(10).repeat(10)
    images = torch.nn.functional.one_hot(labels, 10).float()
    images[:25] = images[:25].roll(1, 1)  # a quarter is wrong
    found = dataclasses.replace(few(), test_images=images, test_labels=labels)
    measured = measures.of_outputs(Scripted(100.0), found)
    assert measured["calibration_error"] == pytest.approx(0.25)
    assert measured["errors_found"] == pytest.approx(0.5)  # equally sure of all
    images[:25] *= 0.5
    assert measures.of_outputs(Scripted(1.0), found)["errors_found"] == pytest.approx(1)
    images[:25] *= 2
    assert measures.of_outputs(Scripted(1.0), found)["blends_found"] > 0.9  # halves of two classes
    assert set(measures.of_outputs(Scripted(math.nan), found).values()) == {None}


# -- pictures and pages ----------------------------------------------------------------------------------------------


def test_pictures_come_back_as_they_were():
    mu = torch.arange(8 * 64).view(8, 64) / 100.0
    kept = json.loads(json.dumps({"end": measures.pictures(layer(mu, 0.5, torch.zeros(8, 64)))}))
    found = neurons_of(kept)["end"]
    assert list(found) == ["mean", "deviation", "weight"]
    assert np.allclose(found["mean"].images.reshape(6, 64), mu[:6], atol=0.01)
    assert found["deviation"].images == pytest.approx(math.exp(0.5)) and found["weight"].high == pytest.approx(1 / 64)


@pytest.mark.parametrize("changes", [{"low": None}, {"low": math.inf}, {"neurons": ["?"]}, {"neurons": []}])
def test_pictures_that_are_damaged_are_left_out(changes):
    whole = {"low": 0.0, "high": 1.0, "neurons": [base64.b64encode(bytes(range(16))).decode()]}
    assert neurons_of({"end": {"mean": whole}}) and not neurons_of({"end": {"mean": {**whole, **changes}}})
    assert neurons_of(None) == neurons_of({"end": 3}) == {}


def test_the_page_of_the_probe_shows_its_neurons(tmp_path):
    chosen = experiment("ugmm-probe")
    for arm in ("mlp", "ugmm"):
        run_cell(Spec.of(spec("ugmm-probe", arm, epochs=2)), chosen.cell, tmp_path)
    found = page(read(tmp_path), "ugmm-probe")
    said = "\n".join(found.parts)
    drawn = [name for name in found.figures if "-neurons-" in name]
    assert [name.rpartition("-")[2] for name in drawn] == ["mlp", "ugmm"]
    assert "### What the first layer's neurons look at" in said and "mean, deviation, weight of 6 neurons" in said
    assert "**Before and after training**" in said and "effective inputs" in said


def test_an_arm_of_another_length_is_on_a_leaderboard_of_its_own(tmp_path):
    chosen = experiment("ugmm-mnist")
    rows = {"epochs": [{"epoch": e, "step": e, "test_error": 50.0} for e in range(3)], "measures": {}}
    run = ("ugmm-tied", "ugmm-norm", "mlp", "ugmm-notebook", "ugmm")
    for arm in run:
        run_cell(Spec.of(spec("ugmm-mnist", arm, "paper")), lambda spec, report: rows, tmp_path)
    found = {board.epochs: board for board in boards(read(tmp_path), "ugmm-mnist")}
    assert found[50].missing == [] and set(found[100].missing) == set(chosen.arms) - set(run)
    # in the order of the experiment, whatever the other experiments of the paper call their arms
    assert [arm.arm for arm in found[100].in_order] == ["mlp", "ugmm", "ugmm-norm", "ugmm-tied"]
    # layers of two types, none of them from outside
    again = "gmbench run ugmm-mnist --data digits --budget paper --store STORE"
    assert commands(found[100], "ugmm-mnist") == [again]


# -- claims ----------------------------------------------------------------------------------------------------------


def test_every_number_of_the_paper_and_of_its_repository_is_a_claim():
    found = [claim.id for chosen in experiments().values() if chosen.paper == "ugmm" for claim in chosen.claims]
    assert len(set(found)) == len(found)
    assert {f"UGMM-{number:02d}" for number in range(1, 11)} | {f"UGMM-R{n}" for n in range(1, 5)} <= set(found)


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_can_be_judged_by_what_cells_hold(results, name):
    def arms(arm):
        other, colon, own = arm.partition(":")
        key = (other, own) if colon else (name, arm)
        found = results[key]
        long = [*found["epochs"], *({**found["epochs"][1], "epoch": e, "step": e} for e in range(2, 51))]
        return {seed: Run.of(seed, 50, long, found["measures"]) for seed in range(5)}

    for claim in experiment(name).claims:
        judged = claim.judge(arms)
        for one in judged.parts or [judged]:
            calculated = not one.tests and not one.seeds and one.verdict in (HOLDS, DOES_NOT_HOLD)
            assert calculated or (one.verdict != NOT_RUN and one.seeds == 5), (claim.id, one)


def test_cells_of_an_arms_own_length_count(tmp_path):
    for seed, end in enumerate((2.51, 2.53, 2.55, 2.54, 2.52)):
        wanted = spec("ugmm-mnist", "ugmm-notebook", "paper", seed, data="mnist")
        rows = [{"epoch": e, "step": 235 * e, "test_error": end} for e in range(51)]
        run_cell(Spec.of(wanted), lambda spec, report, rows=rows: {"epochs": rows, "measures": {}}, tmp_path)
    (row,) = (row for row in ledger.ledger(tmp_path) if row.id == "UGMM-R3")
    found = row.as_dict()
    assert found["measured"] == pytest.approx(97.47) and found["seeds"] == 5 and found["unit"] == "%"


def test_statistics_of_accuracy():
    run = Run(0, (5.0, 2.0, 3.0))
    assert accuracy(last)(run) == 97 and error_after(1)(run) == 5 and error_after(4)(run) is None
    assert accuracy(error_after(4))(run) is None
