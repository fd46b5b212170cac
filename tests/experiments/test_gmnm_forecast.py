"""The experiment gmnm-forecast: its series, its windows, its networks, and what cells keep."""

import json
import math

import numpy as np
import pytest
import torch

from gmbench import registry
from gmbench.baselines import lstm
from gmbench.claims.statistics import Run
from gmbench.claims.verdicts import ABOVE, AGREES, BELOW, DOES_NOT_HOLD, HOLDS
from gmbench.contract import ContractError
from gmbench.experiments import experiment
from gmbench.experiments.gmnm import claims
from gmbench.experiments.gmnm import forecast as gmnm_forecast
from gmbench.experiments.plan import cells

FORECAST = experiment("gmnm-forecast")


def spec(arm, seed=0, epochs=1):
    eager = registry.load().implementation(FORECAST.layer_type_of(arm), "eager")
    (found,) = cells(FORECAST, "lags", None, "smoke", [arm], [seed], eager)
    return {**found, "epochs": epochs}


def run(arm, **options):
    return FORECAST.cell(spec(arm, **options), lambda **progress: None)


@pytest.fixture(scope="module", autouse=True)
def short():
    """Every cell of this file trains on a tenth of the samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gmnm_forecast, "SAMPLES", 1000)
        patch.setattr(gmnm_forecast, "TRAIN", 800)
        patch.setattr(gmnm_forecast, "HELD", 160)
        yield


@pytest.fixture
def whole(monkeypatch):
    monkeypatch.setattr(gmnm_forecast, "SAMPLES", 10_000)
    monkeypatch.setattr(gmnm_forecast, "TRAIN", 8_000)


@pytest.fixture(scope="module")
def results():
    """A cell of every arm, one epoch long."""
    return {arm: run(arm) for arm in FORECAST.arms}


def test_the_series_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    t, a, b = rng.uniform(0.5, 100, 50), rng.uniform(0.5, 1.5, 4), rng.uniform(-1, 1, 4)
    # sin(t - lag) by the addition theorem, so nothing is taken from the code under test
    sin, cos = np.sin(t), np.cos(t)

    def x(i, lag):
        return a[i - 1] * (sin * math.cos(lag) - cos * math.sin(lag)) + b[i - 1]

    wanted = x(3, 0) * x(4, 0.1) - x(3, 0.5) * x(1, 0.1) + x(4, 0) * x(3, 0) - x(2, 0.5) * x(1, 0.2)
    found = gmnm_forecast.target(*(torch.from_numpy(each) for each in (t, a, b)))
    assert np.allclose(found, wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("held", [False, True])
def test_windows_do_not_cross_the_split(whole, held):
    train, test = gmnm_forecast.series(3, held)
    step = 99.5 / 9999
    assert len(train.x) + len(test.x) == (8_000 if held else 10_000) - 2 * 9 and train.x.shape[1:] == (10, 4)
    assert test.t[0] - train.t[-1] == pytest.approx(10 * step)  # no sample is in both
    a, b = gmnm_forecast.coefficients(3)
    for part in (train, test):
        for place in (0, 7, len(part.x) - 1):
            times = part.t[place] - step * torch.arange(9, -1, -1, dtype=torch.float64)
            assert torch.allclose(part.x[place].double(), a * times.sin().unsqueeze(1) + b, rtol=0, atol=1e-6)
        assert torch.allclose(part.y[:, 0].double(), gmnm_forecast.target(part.t, a, b), rtol=0, atol=1e-6)


def test_coefficients_are_those_of_the_seed():
    for seed in range(5):
        a, b = gmnm_forecast.coefficients(seed)
        assert a.min() >= 0.5 and a.max() <= 1.5 and b.abs().max() <= 1
    assert not torch.equal(gmnm_forecast.coefficients(0)[0], gmnm_forecast.coefficients(1)[0])


def test_the_parameters_of_the_networks(results):
    found = {arm: result["measures"]["parameters"] for arm, result in results.items()}
    assert found == {
        "lstm-3": 112,
        "lstm-3-mahalanobis": 108 + 1000,
        "lstm-3-ridge": 108 + 500,
        "lstm-3-mahalanobis-trained": 108 + 1300,
        "lstm-3-mahalanobis-tuned": 108 + 1000,
        "lstm-32": 4897,
        "lstm-32-tuned": 4897,
    }
    wide = lstm.network(4, 32, torch.Generator())
    assert 4897 - wide[0].lstm.bias_hh_l0.numel() == 4769  # with one bias, as others count
    assert claims.WIDE_PARAMETERS == 4897


def test_arms_of_a_seed_share_series_order_and_recurrent_start(monkeypatch):
    seen, drawn = {}, gmnm_forecast.batches

    def record(*given):
        for x, y in drawn(*given):
            seen.setdefault(arm, []).append((x, y))
            yield x, y

    monkeypatch.setattr(gmnm_forecast, "batches", record)
    for arm in ("lstm-3", "lstm-3-ridge", "lstm-32"):
        run(arm)
    for one, other in zip(seen["lstm-3"], seen["lstm-32"], strict=True):
        assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
    networks = [
        gmnm_forecast.network_of(spec(arm))
        for arm in ("lstm-3", "lstm-3-mahalanobis", "lstm-3-ridge", "lstm-3-mahalanobis-tuned")
    ]
    starts = [torch.cat([p.detach().flatten() for p in found[0].parameters()]) for found in networks]
    assert all(torch.equal(starts[0], other) for other in starts[1:])
    assert starts[0].abs().max() <= 1 / math.sqrt(3) and starts[0].std() == pytest.approx(1 / 3, rel=0.1)


def test_a_head_starts_in_the_cube_that_hidden_states_are_in():
    head = gmnm_forecast.network_of(spec("lstm-3-mahalanobis"))[1]
    assert head.mu.min() < -0.9 and head.mu.max() > 0.9 and head.mu.abs().max() <= 1 and not head.mu.requires_grad


@pytest.mark.parametrize("arm", list(FORECAST.arms))
def test_every_arm_trains(results, arm):
    rows, measures, lines = (results[arm][name] for name in ("epochs", "measures", "lines"))
    assert [row["step"] for row in rows] == [0, 25]  # 791 windows by 32
    assert rows[1]["train_error"] < rows[0]["train_error"] and measures["diverged"] is None
    assert measures["train_error"] == measures["train_best"] == rows[1]["train_error"]
    assert len(lines["x"]) == len(lines["target"]) == len(lines["fit"]) > 100
    json.dumps(results[arm], allow_nan=False)


def test_training_lowers_the_error():
    rows = run("lstm-3-mahalanobis-tuned", epochs=15)["epochs"]
    assert rows[-1]["test_error"] < 0.3 * rows[0]["test_error"]


def test_the_same_seed_is_the_same_again():
    one, two, other = run("lstm-3-ridge"), run("lstm-3-ridge"), run("lstm-3-ridge", seed=1)
    for found in (one, two):
        for row in found["epochs"]:
            row.pop("seconds")
    assert one == two and one["measures"]["a1"] != other["measures"]["a1"]


def test_rates_are_tried_on_seeds_that_no_budget_has(monkeypatch):
    assert not {seed for budget in FORECAST.budgets.values() for seed in budget.seeds} & set(gmnm_forecast.TRIED)
    monkeypatch.setattr(gmnm_forecast, "RATES", (1e-2,))
    found = gmnm_forecast.tried("lstm-3-mahalanobis-tuned", epochs=1, seeds=(100,))
    assert list(found) == [1e-2] and 0 < found[1e-2] < 20


def test_what_was_tried_is_what_the_tuned_arms_have():
    for arm, found in gmnm_forecast.TUNED.items():
        assert tuple(found) == gmnm_forecast.RATES and min(found, key=found.get) == gmnm_forecast.ARMS[arm].rate


def test_a_layer_of_another_reading_is_refused():
    ridge = registry.load().implementation("gmnm-ridge", "eager")
    with pytest.raises(ContractError, match="layers are of type gmnm-mahalanobis"):
        cells(FORECAST, "lags", None, "smoke", ["lstm-3-mahalanobis"], [0], ridge)


def claimed(factor, low=1e-5):
    """S07 where LSTM(32) is so many times above GMNM, in test and in train."""
    errors = {claims.GMNM_HEAD: low, claims.LSTM_32: factor * low}

    def arms(arm):
        error = errors.get(arm)
        if error is None:
            return {}
        return {s: Run(s, (error,), (250,), {"train_error": error}, metric=FORECAST.metric) for s in range(10)}

    (claim,) = (claim for claim in FORECAST.claims if claim.id == "GMNM-S07")
    return claim.judge(arms)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(0.1, BELOW), (2, BELOW), (4, AGREES), (30, AGREES), (40, ABOVE)],
)
def test_an_order_of_magnitude_is_a_decade_give_or_take_a_half(factor, verdict):
    found = claimed(factor)
    assert found.verdict == verdict and [part.verdict for part in found.parts] == [verdict] * 2
    (plain,) = (line for line in found.detail if line.startswith("lower at all:"))
    assert plain.endswith(f": {HOLDS}" if factor > 1 else f": {DOES_NOT_HOLD}")


def test_the_settings_are_those_of_the_arms(whole):
    said = dict(FORECAST.decisions)["settings"]
    assert "50 in the budget paper" in said and f"{math.ceil(7991 / 32)} steps a row: lstm-3, " in said
    assert "Adam at 0.03, falling to 0 along half a cosine, 250 steps a row: lstm-3-mahalanobis-tuned;" in said
    assert FORECAST.across == "t"


def test_every_claim_can_be_judged_by_what_cells_hold(results):
    def arms(arm):
        found = results[arm]
        return {seed: Run.of(seed, 1, found["epochs"], found["measures"], metric=FORECAST.metric) for seed in range(20)}

    assert [claim.id for claim in FORECAST.claims] == [f"GMNM-S{number:02d}" for number in range(1, 10)]
    for claim in FORECAST.claims:
        judged = claim.judge(arms)
        for one in judged.parts or [judged]:
            assert one.verdict != "not run" and one.seeds == 20, (claim.id, one)
