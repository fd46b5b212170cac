"""The experiments that the uGMM paper leaves open: starts and rates, shared means, sequences, generation of digits."""

import dataclasses
import json
import math

import pytest
import torch

from gmbench import data, registry
from gmbench.claims.statistics import Run
from gmbench.claims.verdicts import DOES_NOT_HOLD, HOLDS, NOT_RUN
from gmbench.contract import ContractError
from gmbench.experiments import experiment
from gmbench.experiments.plan import cells
from gmbench.experiments.ugmm import digits, iris, networks, sequences, shared, start
from gmbench.nn import UGMMLayer, initialise, stack

ARMS = [(name, arm) for name in ("ugmm-start", "ugmm-shared", "ugmm-sequences") for arm in experiment(name).arms]


def silent(**progress):
    pass


def spec(name, arm, **changes):
    chosen = experiment(name)
    eager = registry.load().implementation(chosen.layer_type_of(arm), "eager")
    (found,) = cells(chosen, "digits", "d", "smoke", [arm], [0], eager)
    return {**found, **changes}


def few(train=128, test=60):
    whole = data.load("digits", normalised=False)
    parts = {"train_images": train, "train_labels": train, "test_images": test, "test_labels": test}
    return dataclasses.replace(whole, **{name: getattr(whole, name)[:many] for name, many in parts.items()})


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Every cell of this file trains on a few digits, and explains three."""
    monkeypatch.setattr(networks, "data_of", lambda spec, normalised: few())
    monkeypatch.setattr(iris, "EXPLAINED", 3)


def size(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("name", "arm"), ARMS)
def test_every_arm_trains(name, arm):
    found = experiment(name).cell(spec(name, arm, epochs=2), silent)
    rows, measured = found["epochs"], found["measures"]
    assert len(rows) == 3 and measured["diverged"] is None
    assert all(row["train_loss"] > 0 for row in rows[1:])
    json.dumps(found, allow_nan=False)


# -- starts ----------------------------------------------------------------------------------------------------------


def filled(*log_sigmas):
    """A network of layers with these logarithms of sigma."""
    network = stack("ugmm", [64, 8, 10])
    initialise(network, "unit-sigma", None, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for layer, value in zip(network, log_sigmas, strict=True):
            layer.log_sigma.fill_(value)
    return network


def test_saturation():
    chosen = few()
    seen = chosen.train_images, chosen.train_labels
    plain = start.saturation(filled(0.0, 0.0), *seen)
    assert plain["flat"] == 0 and plain["gradient_share"] > 0.95
    assert start.saturation(filled(0.0, 7.0), *seen)["flat"] == 1  # the worse of two layers
    narrow = filled(-9.0, 0.0)
    narrow.train()
    found = start.saturation(narrow, *seen)
    assert found["flat"] == 0 and found["gradient_share"] < 0.5
    assert narrow.training and all(p.grad is None for p in narrow.parameters())
    with torch.no_grad():
        narrow[0].log_sigma[:4] = 9.0
    assert start.saturation(narrow, *seen)["flat"] == 0.5


@pytest.mark.parametrize(("arm", "sigma"), [("narrow", 0.01), ("wide", 100), ("unit", 1), ("rate-3e-2", None)])
def test_starts_and_rates(monkeypatch, arm, sigma):
    seen = {}
    monkeypatch.setattr(start.networks, "trained", lambda *words: seen.update(words=words) or {"measures": {}})
    start.cell(spec("ugmm-start", arm), silent)
    *_, network, recipe = seen["words"]
    for layer in network:
        drawn = layer.log_sigma.exp()
        assert torch.allclose(drawn, torch.tensor(float(sigma))) if sigma else 0 < drawn.min() < drawn.max() < 1
    assert recipe.rate == (3e-2 if arm == "rate-3e-2" else 1e-2) and recipe.falls(10) == []
    assert network[0].dropout == 0.3


# -- shared means ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arm", shared.ARMS)
@pytest.mark.parametrize("features", [64, 784])
def test_nets_have_as_many_parameters(arm, features):
    other, widths = shared.AS_MANY.get(arm, arm), shared.widths_of(arm, features, 10)
    many = shared.parameters(widths, arm in shared.TIED)
    assert size(stack("ugmm-tied" if arm in shared.TIED else "ugmm", widths)) == many
    wanted = shared.parameters(shared.widths_of(other, features, 10), other in shared.TIED)
    assert abs(many / wanted - 1) < 0.01 and (widths[1] == 128) == (arm == other)


# -- sequences -------------------------------------------------------------------------------------------------------


def built(arm):
    return sequences.network_of(spec("ugmm-sequences", arm), sequences.NETS[arm], few(), torch.Generator())


@pytest.mark.parametrize(
    ("arm", "parameters"),
    [
        *[("rnn", 1642), ("rnn-matched", 4210), ("lstm", 5706), ("rnn-ugmm", 4170), ("rnn-ugmm-norm", 4234)],
        *[("block", 9418), ("block-matched", 13448), ("block-ugmm", 13450), ("block-ugmm-norm", 13578)],
    ],
)
def test_networks_of_sequences(arm, parameters):
    network = built(arm)
    assert size(network) == parameters and network(torch.rand(5, 64)).shape == (5, 10)


def test_a_state_goes_from_row_to_row():
    def step(x):
        return x[:, :2] + 10 * x[:, 2:]

    x = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    assert sequences.Recurrent(step, 2)(x).tolist() == [[135.0, 246.0]]


@pytest.mark.parametrize("arm", ["rnn-ugmm", "block-ugmm"])
def test_the_order_of_rows_counts(arm):
    network, x = built(arm).eval(), few().test_images
    turned = x.view(-1, 8, 8).flip(1).reshape(-1, 64)
    with torch.no_grad():
        assert not torch.allclose(network(x), network(turned), atol=1e-4)
        if arm == "block-ugmm":  # by the vectors of the places alone
            network[1].place.zero_()
            assert torch.allclose(network(x), network(turned), atol=1e-4)


@pytest.mark.parametrize(("arm", "rates"), [("rnn-ugmm-norm", [1e-2, 1e-3]), ("lstm", [1e-3]), ("block-rate", [1e-2])])
def test_ugmm_layers_have_a_rate_of_their_own(monkeypatch, arm, rates):
    seen = {}

    def train(network, optimiser, *words, **named):
        seen.update(network=network, groups=optimiser.param_groups)
        raise KeyboardInterrupt

    monkeypatch.setattr(sequences, "train", train)
    with pytest.raises(KeyboardInterrupt):
        sequences.cell(spec("ugmm-sequences", arm), silent)
    assert [group["lr"] for group in seen["groups"]] == rates
    layers = [module for module in seen["network"].modules() if isinstance(module, UGMMLayer)]
    assert len(layers) == len(rates) - 1
    assert [p.shape for p in seen["groups"][0]["params"]][:3] == [(32, 40)] * 3 or not layers
    assert sum(len(group["params"]) for group in seen["groups"]) == len(list(seen["network"].parameters()))


@pytest.mark.parametrize("arm", ["lstm", "rnn-ugmm-norm", "block-ugmm-norm"])
def test_networks_of_sequences_learn(arm):
    rows = sequences.cell(spec("ugmm-sequences", arm, epochs=10), silent)["epochs"]
    assert rows[-1]["train_loss"] < rows[1]["train_loss"] - 0.05


def test_sequences_need_square_images():
    wrong = dataclasses.replace(few(), image=None)
    with pytest.raises(ContractError, match="ugmm-sequences: needs square images"):
        sequences.network_of(spec("ugmm-sequences", "rnn"), sequences.NETS["rnn"], wrong, torch.Generator())


# -- generation of digits --------------------------------------------------------------------------------------------


def test_what_is_explained_of_a_digit():
    chosen = few()
    model = digits.Digits(spec("ugmm-digits", "one-hot"), digits.NETS["one-hot"], chosen, torch.Generator())
    found = model.unknown(chosen)
    *pixels, label = found
    spread = chosen.train_images.std(0)
    assert spread[pixels].min() >= spread.sort().values[-3] and label == tuple(range(64, 74))
    assert math.prod(map(len, found.values())) == 5120 and found[pixels[0]].tolist()[::7] == [0, 1]


@pytest.mark.parametrize(("arm", "parameters"), [("number", 7824), ("mlp-matched", 7810)])
def test_a_cell_of_digits(arm, parameters):
    found = digits.cell(spec("ugmm-digits", arm, epochs=3), silent)
    rows, measured = found["epochs"], found["measures"]
    assert [row["step"] for row in rows] == [0, 8, 16, 24] and len(found["tests"]) == 4  # a look is a row
    assert rows[3]["train_loss"] < rows[1]["train_loss"] and measured["parameters"] == parameters
    assert ("missed_from_8" in measured) == (arm == "number") and measured["diverged"] is None
    assert arm != "number" or 0 <= measured["missed_from_8"] <= measured["missed_from_1"] <= 100
    json.dumps(found, allow_nan=False)


# -- claims ----------------------------------------------------------------------------------------------------------


def runs_of(arms):
    """Ten seeds of arms, each with a last error and measures."""

    def found(arm):
        error, measured = arms.get(arm, (None, {}))
        if error is None:
            return {}
        return {seed: Run(seed, (error + seed / 100,), (9,), measured, classes=10) for seed in range(10)}

    return found


def judged(name, **arms):
    found = {arm.replace("_", "-"): value for arm, value in arms.items()}
    return {claim.id: claim.judge(runs_of(found)).verdict for claim in experiment(name).claims}


def test_saturation_decides_its_claim():
    sound = {"flat_start": 0.0, "gradient_share_start": 0.9}
    wide, narrow = {**sound, "flat_start": 1.0}, {**sound, "gradient_share_start": 0.2}
    found = judged("ugmm-start", authors=(8.0, sound), wide=(60.0, wide), narrow=(40.0, narrow))
    assert found == {"UGMM-24": HOLDS, "UGMM-29": NOT_RUN}
    found = judged("ugmm-start", authors=(8.0, sound), wide=(6.0, wide), narrow=(40.0, narrow))
    assert found["UGMM-24"] == DOES_NOT_HOLD


def test_sequences_are_judged_without_layer_norm():
    good, bad, stuck = (9.0, {}), (30.0, {}), (90.0, {})
    found = judged("ugmm-sequences", rnn=good, rnn_ugmm=bad, rnn_ugmm_norm=good, block=bad, block_ugmm=good)
    assert found == {"UGMM-32": DOES_NOT_HOLD, "UGMM-33": HOLDS}
    assert judged("ugmm-sequences", rnn=stuck, rnn_ugmm=stuck)["UGMM-32"] == DOES_NOT_HOLD


def test_digits_are_read_with_both_labels():
    good, bad = (3.0, {"missed_from_8": 1.0}), (30.0, {"missed_from_8": 1.0})
    assert judged("ugmm-digits", mlp=good, number=good, one_hot=good) == {"UGMM-40": HOLDS}
    assert judged("ugmm-digits", mlp=good, number=bad, one_hot=bad) == {"UGMM-40": DOES_NOT_HOLD}
    assert judged("ugmm-digits", mlp=good, number=bad) == {"UGMM-40": NOT_RUN}
