"""Training and what it keeps: errors, first hits, rates, and the end of a run that diverges."""

import json
import math

import pytest
import torch

from gmbench import data
from gmbench.data import Data
from gmbench.training import classify
from gmbench.training.loop import batches, order_of, outputs


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


class Constant(torch.nn.Module):
    """Says class 0 of everything, however it is trained; ``scale`` can make its logits infinite."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.scale = scale

    def forward(self, x):
        logits = torch.zeros(len(x), 10) + 0 * self.weight
        logits[:, 0] += 9.0
        return logits * self.scale


class Scripted(torch.nn.Module):
    """Has after n steps a test error of ``errors[n]`` %, on 100 test images, and then as after the last of them."""

    def __init__(self, errors):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.errors, self.steps, self.evaluations = errors, 0, 0

    def forward(self, x):
        logits = torch.zeros(len(x), 2) + 0 * self.weight
        if torch.is_grad_enabled():
            self.steps += 1
            return logits
        self.evaluations += 1
        logits[:, 0] = 1
        logits[: self.errors[min(self.steps, len(self.errors) - 1)], 1] = 2
        return logits


def scripted(errors, train=40, **options):
    """The network, and what training it left: 10 steps an epoch."""
    zeros = torch.zeros(train, dtype=torch.int64), torch.zeros(100, dtype=torch.int64)
    few = Data("few", torch.zeros(train, 1), zeros[0], torch.zeros(100, 1), zeros[1], 2, "d")
    network = Scripted(errors)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    return network, classify.train(network, optimiser, few, batch=4, order=order_of(0), **options)


def test_errors_of_a_constant(digits):
    share = 100 * (digits.test_labels != 0).float().mean().item()
    network = Constant()
    done = classify.train(
        network,
        torch.optim.SGD(network.parameters(), lr=0.1),
        digits,
        epochs=1,
        batch=500,
        order=order_of(0),
        thresholds=(95, 5),
    )
    assert done.epochs[0]["test_error"] == done.epochs[1]["test_error"] == pytest.approx(share)
    assert done.measures == {"steps_to_95": 0, "steps_to_5": None, "diverged": None}
    assert done.tests == [(0, round(share, 4)), (3, round(share, 4))]


def test_training_that_diverges_ends_and_says_so(digits):
    network = Constant(math.inf)
    done = classify.train(
        network,
        torch.optim.SGD(network.parameters(), lr=0.1),
        digits,
        epochs=9,
        batch=500,
        order=order_of(0),
        thresholds=(5,),
    )
    rows = done.epochs
    assert len(rows) == 2 and done.measures["diverged"] == 1
    assert rows[1]["test_error"] == 100 and rows[1]["test_loss"] is None and rows[1]["train_loss"] is None
    json.dumps([rows, done.measures, done.tests], allow_nan=False)


def test_a_threshold_is_hit_at_the_first_test_that_reaches_it():
    errors = [90, 90, 90, 90, 50, 50, 50, 60, 60, 60, 9, 60]
    _, done = scripted(errors, epochs=2, thresholds=(95, 50, 10, 3.5), interval=3)
    # every 3 steps, and at the ends of the epochs, steps 10 and 20
    assert [step for step, _ in done.tests] == [0, 3, 6, 9, 10, 12, 15, 18, 20]
    assert dict(done.tests)[6] == 50 and dict(done.tests)[10] == 9
    # 50 % is there at step 4, and seen at step 6; 9 % is still a hit, although the error rises again
    assert done.measures == {
        "steps_to_95": 0,
        "steps_to_50": 6,
        "steps_to_10": 10,
        "steps_to_3.5": None,
        "diverged": None,
    }
    assert [row["test_error"] for row in done.epochs] == [90, 9, 60]
    assert [row["step"] for row in done.epochs] == [0, 10, 20]


def test_once_every_threshold_is_reached_only_epoch_ends_are_tested():
    network, done = scripted([90, 90, 4], epochs=2, thresholds=(50, 5), interval=2)
    assert done.tests == [(0, 90), (2, 4), (10, 4), (20, 4)]
    assert network.evaluations == 4 and network.steps == 20
    _, done = scripted([90, 90, 4], epochs=1, interval=2)
    assert done.tests == [(0, 90), (10, 4)] and done.measures == {"diverged": None}


def test_progress_is_told_between_tests_too():
    told = []
    scripted([90, 4], epochs=2, thresholds=(95,), interval=5, report=lambda **progress: told.append(progress))
    assert [progress["step"] for progress in told] == [0, 5, 10, 15, 20]
    assert {progress["steps"] for progress in told} == {20}


@pytest.mark.parametrize("epochs", [1, 4])
def test_the_watcher_is_called_before_training_and_after_every_epoch(epochs):
    network, seen = Scripted([90]), []
    zeros = torch.zeros(10, dtype=torch.int64)
    few = Data("few", torch.zeros(10, 1), zeros, torch.zeros(10, 1), zeros, 2, "d")
    classify.train(
        network,
        torch.optim.SGD(network.parameters(), lr=0.1),
        few,
        epochs=epochs,
        batch=4,
        order=order_of(0),
        watch=lambda: seen.append(network.steps),
    )
    assert seen == [3 * epoch for epoch in range(epochs + 1)]  # the last, partial batch is kept


@pytest.mark.parametrize("decay", [True, False])
def test_rates_fall_along_half_a_cosine_or_stay(digits, decay):
    network = torch.nn.Linear(64, 10)
    optimiser = torch.optim.SGD([{"params": [network.weight], "lr": 1.0}, {"params": [network.bias], "lr": 0.1}])
    rates = []
    optimiser.register_step_pre_hook(lambda *_: rates.append([group["lr"] for group in optimiser.param_groups]))
    classify.train(network, optimiser, digits, epochs=3, batch=500, order=order_of(0), decay=decay)
    factors = [(1 + math.cos(math.pi * step / 9)) / 2 if decay else 1.0 for step in range(10)]
    assert [rate for rate, _ in rates] == pytest.approx(factors[:9], abs=1e-12)
    assert [rate for _, rate in rates] == pytest.approx([0.1 * factor for factor in factors[:9]], abs=1e-12)
    assert [g["lr"] for g in optimiser.param_groups] == pytest.approx([factors[9], 0.1 * factors[9]], abs=1e-12)
    assert not decay or factors[9] == 0


def test_the_order_of_a_seed_is_its_own():
    one, same, other = (torch.randperm(100, generator=order_of(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, same) and not torch.equal(one, other)
    # apart from the initialisation's draws, which begin from the seed itself
    assert not torch.equal(one, torch.randperm(100, generator=torch.Generator().manual_seed(3)))


def test_batches_are_of_one_order_each_epoch_and_the_last_is_kept():
    x, y = torch.arange(10.0).unsqueeze(1), torch.arange(10)
    drawn = batches((x, y), 4, order_of(0))
    epochs = [[next(drawn) for _ in range(3)] for _ in range(2)]
    for epoch in epochs:
        assert [len(rows) for rows, _ in epoch] == [4, 4, 2]
        assert all(torch.equal(rows[:, 0].long(), same) for rows, same in epoch)
        assert torch.equal(torch.cat([same for _, same in epoch]).sort().values, y)
    assert not torch.equal(epochs[0][0][1], epochs[1][0][1])


@pytest.mark.parametrize("chunk", [None, 3, 100])
def test_outputs_are_those_of_evaluation(chunk):
    network = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Dropout(0.9))
    x = torch.rand(10, 4, generator=torch.Generator().manual_seed(0))
    found = outputs(network, x, chunk)
    assert torch.allclose(found, network[0](x)) and not found.requires_grad and network.training
