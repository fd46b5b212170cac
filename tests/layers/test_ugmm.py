"""The uGMM module: dropout, LayerNorm, the variance floor, initialisations, and what is refused."""

import copy
import io
import math

import pytest
import torch

from gmbench import registry
from gmbench.contract import ContractError
from gmbench.layers.modules import Layer
from gmbench.nn import UGMMLayer, initialise, stack

TYPES = {False: "ugmm", True: "ugmm-tied"}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def layer_of(wide, narrow, **options):
    layer = UGMMLayer(wide, narrow, **options)
    initialise(layer, "authors", generator=seeded())
    return layer


def formula(x, layer, kept=None):
    """The score of each neuron in float64, with the weights of the kept components alone."""
    mu, log_sigma, logits = (p.detach().double() for p in (layer.mu, layer.log_sigma, layer.logits))
    kept = torch.ones_like(logits, dtype=torch.bool) if kept is None else kept
    normal = torch.distributions.Normal(mu, log_sigma.exp()).log_prob(x.double().unsqueeze(-2))
    rows = []
    for neuron, (row, some) in enumerate(zip(logits, kept, strict=True)):
        weights = row[some].exp() / row[some].exp().sum()
        rows.append((weights.log() + normal[..., neuron, some]).logsumexp(-1))
    return torch.stack(rows, -1)


@pytest.mark.parametrize("tied", TYPES)
def test_the_value_and_the_parameters(tied):
    layer = layer_of(5, 3, tied=tied)
    assert layer.layer_type == TYPES[tied] and isinstance(layer, Layer)
    shapes = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    assert shapes == {"mu": (5,) if tied else (3, 5), "log_sigma": (3, 5), "logits": (3, 5)}
    x = torch.randn(2, 6, 5, generator=seeded(1))
    assert layer(x).shape == (2, 6, 3)
    assert torch.allclose(layer(x).double(), formula(x, layer), rtol=1e-4, atol=1e-5)
    assert repr(layer) == f"UGMMLayer(5, 3, {'tied=True, ' if tied else ''}implementation='eager')"


@pytest.mark.parametrize(
    ("widths", "parameters"), [((784, 128, 64, 10), 327552), ((5, 10, 5, 1), 315), ((5, 20, 8, 1), 804)]
)
def test_the_counts_of_the_published_networks(widths, parameters):
    assert sum(p.numel() for p in stack("ugmm", widths).parameters()) == parameters


@pytest.mark.night
@pytest.mark.parametrize("tied", TYPES)
def test_every_implementation_can_drop_components(tied):
    for record in registry.load().select(TYPES[tied]):
        if record.approximate or record.quantity != "value" or registry.unavailable(record):
            continue
        layer = layer_of(6, 4, tied=tied, dropout=0.6, implementation=record, generator=seeded(3))
        initialise(layer, "unit-sigma", generator=seeded())
        kept = ~layer.mask()
        layer.generator = seeded(3)
        x = torch.randn(7, 6, generator=seeded(1)).requires_grad_()
        out = layer(x)
        assert torch.allclose(out.double(), formula(x.detach(), layer, kept), rtol=1e-4, atol=1e-4), record.key
        out.sum().backward()
        gradients = [x.grad, *(p.grad for p in layer.parameters())]
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert bool((layer.logits.grad[~kept] == 0).all() and (layer.log_sigma.grad[~kept] == 0).all())
        assert bool((layer.log_sigma.grad[kept] != 0).all()) and (tied or bool((layer.mu.grad[~kept] == 0).all()))


def test_dropped_components_stay_dropped_in_the_far_tail():
    layer = layer_of(40, 2, dropout=0.9, generator=seeded(5))
    with torch.no_grad():
        layer.mu[:] = 0.0
    kept = ~layer.mask()
    x = torch.zeros(1, 40)
    x[:, kept.any(0)] = 1e4  # a dropped component of either neuron sees its mode, those that are left none
    layer.generator = seeded(5)
    out = layer(x)
    assert bool((out < -1e6).all()) and torch.allclose(out.double(), formula(x, layer, kept), rtol=1e-5)
    out.sum().backward()
    assert bool((layer.mu.grad[~kept] == 0).all()) and layer.log_sigma.grad.isfinite().all()


def test_training_and_evaluation():
    layer = layer_of(30, 8, dropout=0.5)
    x = torch.randn(4, 30, generator=seeded(1))
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))
    assert torch.equal(layer(x), layer_of(30, 8)(x))  # nothing is rescaled
    network = stack("ugmm", [30, 8, 2], dropout=0.5)
    network.eval()
    assert not any(module.training for module in network)


def test_one_mask_for_the_whole_batch():
    layer = layer_of(10, 6, dropout=0.5, generator=seeded(1))
    x = torch.randn(1, 10, generator=seeded(2)).expand(9, 10)
    out = layer(x)
    assert torch.equal(out, out[:1].expand(9, 6))


@pytest.mark.parametrize("given", [True, False])
def test_masks_come_from_the_generator(given):
    x = torch.randn(4, 12, generator=seeded(1))

    def outputs(seed):
        layer = layer_of(12, 5, dropout=0.3, generator=seeded(seed) if given else None)
        torch.manual_seed(seed)
        return [layer(x).tolist() for _ in range(3)]

    first = outputs(7)
    assert first == outputs(7) and first != outputs(8) and first[0] != first[1]


def test_masks_have_their_rate_and_never_a_whole_neuron():
    layer = UGMMLayer(2, 20_000, dropout=0.5, generator=seeded(0))
    mask = layer.mask()
    assert not mask.all(1).any()
    # of two components, both kept: 1/4; the rest keeps one, and either as often
    assert mask.any(1).float().mean().item() == pytest.approx(3 / 4, abs=0.02)
    assert mask[:, 0].float().mean().item() == pytest.approx(3 / 8, abs=0.02)
    assert mask[:, 1].float().mean().item() == pytest.approx(3 / 8, abs=0.02)
    assert not UGMMLayer(1, 50, dropout=0.99, generator=seeded(0)).mask().any()
    wide = UGMMLayer(400, 50, dropout=0.3, generator=seeded(0)).mask()
    assert wide.float().mean().item() == pytest.approx(0.3, abs=0.015)


def test_the_floor_is_added_to_the_variance():
    bare, floored = layer_of(6, 3), layer_of(6, 3, variance_floor=0.25)
    x = torch.randn(5, 6, generator=seeded(1))
    with torch.no_grad():
        bare.log_sigma.copy_((floored.log_sigma.exp().square() + 0.25).log() / 2)
    assert torch.allclose(floored(x), bare(x), rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        floored.log_sigma[0] = -200.0
        floored.log_sigma[1, 0] = -math.inf
    out = floored(x)
    out.sum().backward()
    assert bool(floored.log_deviations().min() >= math.log(0.5) - 1e-6) and out.isfinite().all()
    assert all(p.grad.isfinite().all() for p in floored.parameters())
    assert bool((floored.log_sigma.grad[2] != 0).all())
    assert UGMMLayer(2, 2).log_deviations() is not None and UGMMLayer(2, 2).variance_floor is None


@pytest.mark.parametrize(
    ("place", "kinds"),
    [("none", "uuu"), ("hidden", "unun" + "u"), ("all", "ununun")],
)
def test_the_place_of_layer_norms(place, kinds):
    network = stack("ugmm", [6, 5, 4, 3], layer_norm=place, dtype=torch.float64)
    assert "".join("n" if isinstance(m, torch.nn.LayerNorm) else "u" for m in network) == kinds
    initialise(network, "unit-sigma", generator=seeded())
    out = network(torch.randn(7, 6, dtype=torch.float64, generator=seeded(1)))
    assert out.shape == (7, 3) and out.dtype == torch.float64
    for norm in (m for m in network if isinstance(m, torch.nn.LayerNorm)):
        assert bool((norm.weight == 1).all()) and bool((norm.bias == 0).all())
    if place == "all":
        assert torch.allclose(out.mean(1), torch.zeros(7, dtype=torch.float64), atol=1e-12)


def test_dropout_of_a_stack():
    def rates(given):
        return [layer.dropout for layer in stack("ugmm", [6, 5, 4, 3], dropout=given)]

    assert rates(0.2) == [0.2, 0.2, 0.2] and rates((0.3,)) == [0.3, 0, 0] and rates(()) == [0, 0, 0]
    assert "dropout=0.3" in repr(stack("ugmm", [6, 5, 4], dropout=(0.3,))[0])


@pytest.mark.parametrize("tied", TYPES)
def test_the_authors_draw(tied):
    layer = layer_of(300, 100, tied=tied, dtype=torch.float64)
    torch.manual_seed(0)
    mu, sigma, logits = torch.randn(layer.mu.shape), torch.rand(100, 300), torch.rand(100, 300)
    assert torch.equal(layer.mu.float(), mu) and torch.equal(layer.logits.float(), logits)
    assert torch.equal(layer.log_sigma.float(), sigma.log())
    unit = UGMMLayer(300, 100, tied=tied)
    initialise(unit, "unit-sigma", generator=seeded())
    assert torch.equal(unit.mu, mu) and torch.equal(unit.logits, logits) and bool((unit.log_sigma == 0).all())


def test_a_deviation_of_exactly_0_is_drawn_again(monkeypatch):
    rand, calls = torch.rand, []

    def with_zeros(*words, **named):
        found = rand(*words, **named)
        calls.append(found.shape)
        if len(calls) <= 2:
            found.view(-1)[0] = 0.0
        return found

    monkeypatch.setattr(torch, "rand", with_zeros)
    layer = layer_of(4, 3)
    assert calls == [(3, 4), (1,), (1,), (3, 4)] and layer.log_sigma.isfinite().all()


def test_a_mixed_network_is_initialised_layer_by_layer():
    network = torch.nn.Sequential(
        torch.nn.Linear(4, 6), UGMMLayer(6, 5, tied=True), torch.nn.LayerNorm(5), UGMMLayer(5, 2)
    )
    weight = network[0].weight.detach().clone()
    initialise(network, "unit-sigma", generator=seeded())
    assert torch.equal(network[0].weight, weight)
    assert all(bool((layer.mu != 0).all()) for layer in (network[1], network[3]))
    with pytest.raises(ContractError, match="ugmm/authors does not initialise layers of ugmm-tied"):
        initialise(network, registry.load().initialisation("ugmm", "authors"))


def test_a_copy_is_a_network_of_its_own():
    network = stack("ugmm", [4, 3, 2], dropout=0.5, generator=seeded(1))
    initialise(network, "authors", generator=seeded())
    twin = copy.deepcopy(network)
    with torch.no_grad():
        network[0].mu.zero_()
    assert bool((twin[0].mu != 0).all()) and torch.equal(twin[1].mask(), network[1].mask())


@pytest.mark.parametrize("tied", TYPES)
def test_a_network_can_be_saved_whole_with_every_implementation(tied):
    x = torch.randn(2, 4, generator=seeded(1))
    for record in registry.load().select(TYPES[tied]):
        if registry.unavailable(record):
            continue
        network = torch.nn.Sequential(layer_of(4, 3, tied=tied, implementation=record), torch.nn.LayerNorm(3))
        file = io.BytesIO()
        torch.save(network, file)
        file.seek(0)
        again = torch.load(file, weights_only=False)
        assert again[0].implementation == record and torch.equal(again(x), network(x)), record.key
        with pytest.raises(TypeError):
            again[0].implementation.ulps["float32"] = 1e9  # still for reading only


def test_a_layer_that_would_be_missed_is_said():
    inner = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Sequential(UGMMLayer(4, 2)))
    for network in (inner, inner[0], torch.nn.Sequential(UGMMLayer(4, 4), inner)):
        with pytest.raises(ContractError, match="directly in it"):
            initialise(network, "authors")
    assert bool((inner[1][0].mu == 0).all())
    initialise([torch.relu, inner[1][0]], "authors", generator=seeded())
    assert bool((inner[1][0].mu != 0).all())


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: UGMMLayer(0, 3), "UGMMLayer: in_features must be a whole number of at least 1"),
        (lambda: UGMMLayer(3, 0), "out_features must be a whole number of at least 1, not 0"),
        (lambda: UGMMLayer(3.0, 3), "in_features must be a whole number of at least 1, not 3.0"),
        (lambda: stack("ugmm", [3, "2"]), "out_features must be a whole number of at least 1, not '2'"),
        (lambda: UGMMLayer(3, 3, implementation=None), "a name or a record, not None"),
        (lambda: UGMMLayer(3, 3)(torch.tensor(1.0)), "x has no axis, the layer takes 3 features"),
        (lambda: UGMMLayer(3, 3)(torch.ones(2, 3, dtype=torch.int64)), "x is of torch.int64, not of floating-point"),
        (lambda: UGMMLayer(3, 3, implementation="eagre"), "did you mean 'eager'"),
        (lambda: UGMMLayer(3, 3, implementation="gm/eager"), "gm/eager does not compute the value of ugmm"),
        (lambda: UGMMLayer(3, 3, dropout=1.0), "at least 0 and below 1"),
        (lambda: UGMMLayer(3, 3, dropout=math.nan), "at least 0 and below 1"),
        (lambda: UGMMLayer(3, 3, variance_floor=0.0), "variance_floor must be positive"),
        (lambda: UGMMLayer(3, 3)(torch.zeros(2, 4)), "x has 4 features, the layer takes 3"),
        (lambda: stack("ugmm", [3]), "at least two widths"),
        (lambda: stack("ugmm", [3, 2], layer_norm="first"), "none, hidden or all, not 'first'"),
        (lambda: stack("ugmm", [3, 2], dropout=(0.1, 0.2)), "2 rates of dropout for 1 layers"),
        (lambda: initialise(UGMMLayer(3, 3), "author"), "did you mean 'authors'"),
    ],
)
def test_bad_input_is_one_line(act, said):
    with pytest.raises(ContractError, match=said) as caught:
        act()
    assert "\n" not in str(caught.value)
