"""Settings: declared, validated, in a spec only where they differ; and parts of a data set."""

import dataclasses

import pytest
import torch
from click.testing import CliRunner

from gmbench import data
from gmbench.cli import base as cli
from gmbench.contract import ContractError
from gmbench.experiments import experiment, experiments
from gmbench.experiments.kumar import networks, stack
from gmbench.experiments.plan import cells
from gmbench.experiments.settings import Range, choice, count, number
from gmbench.nn import GMLayer
from gmbench.results.leaderboard import summary
from gmbench.results.ledger import COMMITTED, Cells
from gmbench.runs.cell import CELLS, run_cell
from gmbench.runs.spec import Spec
from gmbench.store.reading import Store
from gmbench.training.classify import train
from gmbench.training.loop import order_of

KUMAR = experiment("kumar")
# of the very first spec, before there were settings: what has none must keep its name
FIRST = {
    "experiment": "kumar",
    "version": 2,
    "data": "digits",
    "digest": "digest",
    "budget": "smoke",
    "epochs": 1,
    "arm": "fc",
    "seed": 0,
    "device": "cpu",
    "implementation": None,
    "initialisation": None,
}


def made(*arms, budget="smoke", **more):
    return [Spec.of(spec) for spec in cells(KUMAR, "digits", "digest", budget, arms or ["fc"], [0], **more)]


def run(*words):
    return CliRunner().invoke(cli.main, words)


# -- identity ----------------------------------------------------------------------------------------------------------


def test_a_cell_without_settings_has_the_name_that_it_had_before_there_were_any():
    import hashlib
    import json

    text = json.dumps(FIRST, sort_keys=True, separators=(",", ":"))
    (spec,) = made()
    assert spec.identity == FIRST and spec.id == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.skipif(not COMMITTED.is_dir(), reason="not in a checkout")
def test_every_committed_cell_keeps_its_name_and_is_accepted():
    found = 0
    for path, result in Store(COMMITTED).read(CELLS):
        assert result.id == result.spec.id, path
        chosen = experiments().get(result.spec.experiment)
        if chosen and chosen.version == result.spec.version:
            chosen.accept(result.spec.as_dict())
            found += 1
    assert found > 1000


def test_a_setting_at_its_default_is_none():
    plain, own = made("kumar")[0], made("kumar", variants=[{"rate": 0.1, "epochs": 1, "components": 10}])[0]
    assert own == plain and own.settings is None
    assert made("kumar-small", variants=[{"components": 10}])[0].settings == {"components": 10}
    assert made("kumar-small", variants=[{"components": 1}])[0] == made("kumar-small")[0]


def test_settings_are_canonical_and_name_a_row_of_their_own():
    one = made("kumar", variants=[{"rate": 1, "epochs": 5}])[0]
    other = made("kumar", variants=[{"epochs": 5, "rate": 1.0}])[0]
    assert one.id == other.id != made("kumar")[0].id
    assert one.label == "kumar [epochs=5, rate=1]" and one.epochs == 5 and type(one.settings["rate"]) is float
    assert len(made("kumar", variants=[{"rate": 1}, {"rate": 1.0}, {}])) == 2


def test_a_reduced_budget_says_how_many_images_and_others_do_not():
    assert made(budget="reduced")[0].images == 12800 and made(budget="reduced")[0].settings is None
    assert "images" not in made(budget="paper")[0].identity
    few = made(budget="reduced", variants=[{"images": 64}])[0]
    assert few.images == 64 and few.settings == {"images": 64}


@pytest.mark.parametrize(
    "part",
    [{"settings": {}}, {"settings": {"epochs": 7}}, {"settings": {"rate": [1]}}, {"split": "test"}, {"images": "12"}],
)
def test_a_spec_that_contradicts_itself_is_none(part):
    with pytest.raises(ContractError, match=next(iter(part))):
        Spec.of({**FIRST, **part})


# -- values ------------------------------------------------------------------------------------------------------------


def test_values_are_read_and_kept_in_their_range():
    rate, batch, start = number("rate", 0.1, "", 1e-3, 1), count("batch", 64, ""), choice("start", ("a", "bc"), "")
    assert rate.read("1e-2") == 0.01 and batch.read("8") == 8 and start.read(" bc ") == "bc"
    for setting, text in ((rate, "2"), (rate, "nan"), (rate, "x"), (batch, "0"), (batch, "1.5"), (start, "b")):
        with pytest.raises(ContractError) as error:
            setting.read(text)
        assert text in str(error.value) and "\n" not in str(error.value)
    assert Range(1e-4, 1).at(0.5) == pytest.approx(1e-2) and Range(0, 2, log=False).at(0.5) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "rat=1"), "there is no setting of kumar 'rat'; did you mean 'rate'?"),
        (("--set", "rate=-1"), "rate is a number"),
        (("--set", "rate"), "a setting is written NAME=VALUE"),
        (("--set", "rate=1", "--sweep", "rate=1,2"), "the setting rate is given twice"),
        (("--set", "sigma=softpluss"), "did you mean 'softplus'?"),
        (("--arms", "fc", "--set", "components=2"), "components does not concern the arm fc"),
        (("--universe", "all", "--set", "rate=1"), "without --set and --sweep"),
        (("--universe", "nothing"), "there is no universe 'nothing'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words, said):
    done = run("run", "kumar", "--dry-run", *words)
    assert done.exit_code == 2 and said in done.stderr and done.stderr.count("\n") == 1


def test_settings_without_arms_are_the_headlines_and_sweeps_cross():
    done = run("run", "kumar", "--dry-run", "--set", "epochs=2", "--sweep", "rate=0.1,0.2", "--sweep", "batch=8,16")
    assert "settings of the arm kumar" in done.stderr and done.stdout.count("kumar [") == 4
    assert "kumar [batch=16, epochs=2, rate=0.2] seed 0" in done.stdout


# -- cells -------------------------------------------------------------------------------------------------------------


def test_no_claim_rests_on_settings_and_a_board_shows_them_apart(tmp_path):
    work = lambda spec, report: {  # noqa: E731
        "epochs": [{"epoch": i, "step": i, "test_error": 50.0} for i in range(spec["epochs"] + 1)],
        "measures": {},
    }
    plain, own = made(budget="paper", variants=[{}, {"rate": 0.2}])
    trial = dataclasses.replace(plain, split="validation")
    for spec in (plain, own, trial):
        run_cell(spec, work, tmp_path)
    found = Cells(Store(tmp_path)).found["kumar", "digits"]["digest"]
    assert {arm: list(seeds) for arm, seeds in found.items()} == {"fc": [("", "cpu")]}
    rows = summary(result for _, result in Store(tmp_path).read(CELLS) if not result.spec.split)
    assert {row["arm"] for row in rows} == {"fc", "fc [rate=0.2]"}


@pytest.mark.parametrize("sigma", networks.SIGMAS)
@pytest.mark.parametrize("between", networks.BETWEEN)
def test_another_parametrisation_starts_from_the_same_network_and_trains(sigma, between):
    spec = {**made("kumar")[0].as_dict(), "implementation": {"name": "gm/eager"}}
    images = torch.randn(32, 12, generator=torch.Generator().manual_seed(1))
    how = (spec, [12, 7, 5], 3, "kumar", images)
    network, _ = networks.gm_network(*how, torch.Generator().manual_seed(0), sigma=sigma, between=between)
    plain, _ = networks.gm_network(*how, torch.Generator().manual_seed(0), between=between)
    torch.testing.assert_close(network(images), plain(images), rtol=1e-4, atol=1e-5)
    assert sum(isinstance(layer, torch.nn.ReLU) for layer in network) == (between == "relu")
    of_sigma, others = networks.rates(network, 0.1, 1.0)
    assert len(of_sigma["params"]) == 2 and len(others["params"]) == 6 and of_sigma["lr"] == 1.0
    network(images).square().sum().backward()
    assert all(isinstance(layer, GMLayer | torch.nn.ReLU) for layer in network)
    assert all(parameter.grad is not None for parameter in of_sigma["params"])


def test_a_small_norm_of_the_gradient_makes_small_steps():
    found = data.load("digits").part(64)
    ends = []
    for clip in (0.0, 1e-6):
        network = torch.nn.Linear(64, 10)
        torch.nn.init.zeros_(network.weight)
        optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
        train(network, optimiser, found, epochs=1, batch=32, order=order_of(0), clip=clip)
        ends.append(network.weight.detach().norm().item())
    assert ends[0] > 1e-2 > 3e-6 > ends[1] > 0


def test_settings_reach_the_network(monkeypatch):
    seen = {}
    monkeypatch.setattr(networks, "trained", lambda *words, **how: seen.update(how, network=words[4], by=words[5]))
    digest = KUMAR.digest("digits")
    (spec,) = cells(KUMAR, "digits", digest, "smoke", ["fc"], [0], variants=[{"hidden": 9, "batch": 8, "rate": 0.3}])
    stack.cell(spec, None)
    assert seen["batch"] == 8 and seen["network"][0].out_features == 9 and seen["by"].param_groups[0]["lr"] == 0.3


# -- parts of the data -------------------------------------------------------------------------------------------------


def test_a_validation_split_is_of_the_training_data_and_apart_from_what_is_trained_on():
    whole = data.load("digits")
    part, few = whole.part(validation=True), whole.part(100, validation=True)
    rows = lambda images: {tuple(row) for row in images.tolist()}  # noqa: E731
    assert len(part.test_images) == len(whole.train_images) // data.HELD_OUT == len(few.test_images)
    assert len(part.train_images) + len(part.test_images) == len(whole.train_images)
    assert rows(part.train_images) | rows(part.test_images) == rows(whole.train_images)
    assert len(few.train_images) == 100 and torch.equal(few.train_images, part.train_images[:100])
    assert torch.equal(few.test_images, part.test_images) and whole.part() is whole
    assert torch.equal(whole.part(100).test_images, whole.test_images)
    with pytest.raises(ContractError, match="there are 1198 images to train on, not 1437"):
        whole.part(1437, validation=True)
