"""Most probable explanations of a uGMM network, and draws from one neuron."""

import itertools
import math

import numpy as np
import pytest
import torch

from gmbench.contract import ContractError
from gmbench.layers.ugmm.inference import most_probable_explanation, sample
from gmbench.nn import UGMMLayer, initialise, stack

GRID = torch.linspace(-2, 2, 5)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def network():
    network = stack("ugmm", [5, 6, 4, 1])
    initialise(network, "unit-sigma", generator=seeded())
    return network


@pytest.fixture
def x():
    return torch.randn(7, 5, generator=seeded(1))


def brute(network, x, variables):
    """All joint states, one after the other."""
    best = [(-math.inf, None)] * len(x)
    for states in itertools.product(*(range(len(choices)) for choices in variables.values())):
        tried = x.clone()
        for (columns, choices), state in zip(variables.items(), states, strict=True):
            tried[:, columns] = torch.as_tensor(choices, dtype=x.dtype)[state]
        for row, score in enumerate(network(tried).detach().squeeze(1).tolist()):
            best[row] = max(best[row], (score, states), key=lambda pair: pair[0])
    return best


@pytest.mark.parametrize(
    "variables",
    [
        {4: (0.0, 1.0, 2.0)},
        {0: GRID, 3: (-1.0, 1.0), 4: (0.0, 1.0, 2.0)},
        {(1, 4): ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5)), 2: GRID},
    ],
)
@pytest.mark.parametrize("rows", [1, 4, 100, 10_000])
def test_enumeration_finds_the_best_of_all(network, x, variables, rows):
    wanted = brute(network, x, variables)
    found = most_probable_explanation(network, x, variables, rows=rows)
    assert found.exact and found.method == "enumeration"
    assert found.states.tolist() == [list(states) for _, states in wanted]
    assert found.score.tolist() == pytest.approx([score for score, _ in wanted], rel=1e-5)
    assert torch.allclose(network(found.x).squeeze(1), found.score, rtol=1e-5)
    named = [place for name in variables for place in (name if isinstance(name, tuple) else (name,))]
    known = [place for place in range(5) if place not in named]
    assert torch.equal(found.x[:, known], x[:, known])


def test_what_stands_in_unknown_columns_is_not_looked_at(network, x):
    variables, missing = {1: GRID, 4: (0.0, 1.0, 2.0)}, x.clone()
    missing[:, [1, 4]] = math.nan
    for limit in (4096, 0):
        one = most_probable_explanation(network, x, variables, limit=limit, generator=seeded())
        two = most_probable_explanation(network, missing, variables, limit=limit, generator=seeded())
        assert torch.equal(one.x, two.x) and torch.equal(one.score, two.score)
    assert bool(missing[:, 1].isnan().all())


def test_the_limit_decides_and_the_result_says_which(network, x):
    variables = {0: GRID, 1: GRID}
    assert most_probable_explanation(network, x, variables, limit=25).exact
    climbed = most_probable_explanation(network, x, variables, limit=24)
    assert climbed.method == "coordinate ascent" and not climbed.exact


@pytest.mark.parametrize("rows", [3, 1000])
def test_coordinate_ascent_ends_where_no_single_change_helps(network, x, rows):
    variables = dict.fromkeys(range(4), GRID) | {4: (0.0, 1.0, 2.0)}
    found = most_probable_explanation(network, x, variables, limit=0, restarts=2, rows=rows, generator=seeded())
    exact = most_probable_explanation(network, x, variables)
    assert bool((found.score <= exact.score + 1e-5).all()) and exact.exact
    assert torch.allclose(network(found.x).squeeze(1), found.score, rtol=1e-5)
    for place, choices in variables.items():
        for state in choices:
            other = found.x.clone()
            other[:, place] = state
            assert bool((network(other).squeeze(1) <= found.score + 1e-5).all())


def ridge(x):
    """Two peaks: 1 at the origin, 2 at (4, 4); from (0, 0) no change of one variable helps."""
    near, far = -(x - 0).abs().sum(1), 1 - (x - 4).abs().sum(1)
    return torch.maximum(1 + near, 1 + far).unsqueeze(1)


def test_restarts_find_more():
    states = torch.arange(5.0)
    x = torch.zeros(200, 2)
    one = most_probable_explanation(ridge, x, {0: states, 1: states}, limit=0, restarts=1, generator=seeded())
    many = most_probable_explanation(ridge, x, {0: states, 1: states}, limit=0, restarts=20, generator=seeded())
    assert set(one.score.tolist()) == {1.0, 2.0} and bool((many.score == 2).all())
    assert bool((many.states == 4).all()) and bool((many.x == 4).all())
    again = most_probable_explanation(ridge, x, {0: states, 1: states}, limit=0, restarts=1, generator=seeded())
    assert torch.equal(again.states, one.states)


def test_no_more_rows_at_once_than_allowed(x):
    seen = []

    def network(x):
        seen.append(len(x))
        return -x.square().sum(1, keepdim=True)

    for limit in (1000, 0):
        most_probable_explanation(network, x, {0: GRID, 1: GRID, 2: GRID}, limit=limit, rows=10)
    assert max(seen) <= 10


def test_shapes(network):
    x = torch.zeros(2, 3, 5)
    found = most_probable_explanation(network, x, {4: (0.0, 1.0), 0: (0.5,)})
    assert found.x.shape == (2, 3, 5) and found.score.shape == (2, 3) and found.states.shape == (2, 3, 2)
    one = most_probable_explanation(network, x[0, 0], {4: (0.0, 1.0), 0: (0.5,)})
    assert one.x.shape == (5,) and one.score.shape == () and one.states.shape == (2,)
    none = most_probable_explanation(network, x[:0], {4: (0.0, 1.0)})
    assert none.x.shape == (0, 3, 5) and none.score.shape == (0, 3)
    climbed = most_probable_explanation(network, x[:0], {4: (0.0, 1.0), 0: (0.5,)}, limit=0)
    assert climbed.x.shape == (0, 3, 5) and climbed.states.shape == (0, 3, 2) and not climbed.exact


def test_components_are_not_dropped_meanwhile(x):
    network = stack("ugmm", [5, 6, 1], dropout=0.5)
    initialise(network, "authors", generator=seeded())
    network[1].eval()
    found = [most_probable_explanation(network, x, {4: (0.0, 1.0, 2.0)}).score for _ in range(2)]
    assert torch.equal(*found) and torch.equal(found[0], brute_score(network.eval(), x))


def brute_score(network, x):
    with torch.no_grad():
        return torch.stack([network(torch.cat([x[:, :4], torch.full((7, 1), s)], 1)) for s in (0.0, 1.0, 2.0)]).amax(
            (0, 2)
        )


def test_modules_are_as_they_were_afterwards(x):
    network = stack("ugmm", [5, 6, 1], dropout=0.5)
    network[1].eval()
    most_probable_explanation(network, x, {4: (0.0, 1.0)})
    assert network.training and network[0].training and not network[1].training
    with pytest.raises(ContractError, match="one output"):
        most_probable_explanation(network[0], x, {4: (0.0, 1.0)})
    assert network[0].training


def test_a_score_that_is_no_number_never_wins(x):
    def network(x):
        return torch.where(x[:, 4:] == 1, math.nan, x[:, 4:])

    for limit in (10, 0):
        found = most_probable_explanation(network, x, {4: (1.0, 0.0, 2.0)}, limit=limit)
        assert bool((found.x[:, 4] == 2).all())


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "at least one variable"),
        ({5: (0.0, 1.0)}, "not different columns of x, which has 5"),
        ({-1: (0.0, 1.0)}, "not different columns"),
        ({4: (0.0, 1.0), (3, 4): ((0.0, 1.0),)}, "not different columns"),
        ({4: ()}, "the variable 4: its states are no list of 1 numbers each"),
        ({(3, 4): (0.0, 1.0)}, "no list of 2 numbers each"),
        ({4: (0.0, math.nan)}, "not finite"),
        ({4: "ab"}, "the variable 4: its states are no list of numbers"),
        ({(3, 4): ((0.0, 1.0), (2.0,))}, "its states are no list of numbers"),
        ({"4": (0.0, 1.0)}, "the variable '4' is no column"),
        ({True: (0.0, 1.0)}, "the variable True is no column"),
        ({4.0: (0.0, 1.0)}, "the variable 4.0 is no column"),
    ],
)
def test_wrong_variables_are_refused(network, x, variables, said):
    with pytest.raises(ContractError, match=said):
        most_probable_explanation(network, x, variables)


def test_columns_may_be_numpys(network, x):
    found = most_probable_explanation(network, x, {np.int64(4): np.arange(3.0)})
    assert torch.equal(found.x, most_probable_explanation(network, x, {4: (0.0, 1.0, 2.0)}).x)


def test_whole_numbers_are_refused(network):
    with pytest.raises(ContractError, match="floating-point numbers"):  # or a state of 0.5 would become 0
        most_probable_explanation(network, torch.ones(2, 5, dtype=torch.int64), {4: (0.0, 0.5)})


@pytest.mark.parametrize("tied", [False, True])
def test_draws_follow_the_neurons_mixture(tied):
    layer = UGMMLayer(3, 2, tied=tied, variance_floor=0.04, dtype=torch.float64)
    with torch.no_grad():
        layer.mu.copy_(torch.tensor([-8.0, 0.0, 8.0]))
        layer.log_sigma.copy_(torch.tensor([[0.0, -20.0, -0.5], [0.0, 0.0, 0.0]]))
        layer.logits.copy_(torch.tensor([[0.0, 1.0, 2.0], [0.0, 0.0, -1e30]]))
    y = sample(layer, 0, (200, 100), seeded())
    assert y.shape == (200, 100) and y.dtype == torch.float64 and not y.requires_grad
    weights, sigma = torch.tensor([0.0, 1.0, 2.0]).softmax(0), [math.sqrt(1.04), 0.2, math.sqrt(math.exp(-1) + 0.04)]
    inside = [y < -4, (y > -4) & (y < 4), y > 4]
    for part, weight, mu, deviation in zip(inside, weights, (-8.0, 0.0, 8.0), sigma, strict=True):
        assert part.double().mean().item() == pytest.approx(weight.item(), abs=0.01)
        assert y[part].mean().item() == pytest.approx(mu, abs=0.1)
        assert y[part].std().item() == pytest.approx(deviation, rel=0.05)
    assert bool((sample(layer, 1, (500,), seeded()) < 6).all())  # the third component has no weight
    assert torch.equal(sample(layer, 0, (5,), seeded(2)), sample(layer, 0, (5,), seeded(2)))
    assert sample(layer, 0).shape == () and sample(layer, 0, (0, 3)).shape == (0, 3)
    with pytest.raises(ContractError, match="no neuron 2"):
        sample(layer, 2)
    for shape in (5, (2, -1)):
        with pytest.raises(ContractError, match="a sequence of lengths"):
            sample(layer, 0, shape)
