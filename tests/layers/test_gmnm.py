"""The GMNM module: readings, centres, initialisations, Laplacians, its places in networks, and what is refused."""

import copy
import math

import pytest
import torch

from gmbench import registry
from gmbench.contract import ContractError
from gmbench.data import load as data_of
from gmbench.layers import autograd
from gmbench.layers.gmnm.module import READINGS
from gmbench.nn import GMNM, initialise, stack

READING = pytest.mark.parametrize("reading", READINGS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def inputs(rows, d, seed=1):
    return torch.rand(rows, d, generator=seeded(seed)) * 2 - 1


def layer_of(d, C, M, initial="uniform", seed=0, **options):
    layer = GMNM(d, C, M, **options)
    initialise(layer, initial, inputs(200, d), seeded(seed))
    return layer


def formula(x, layer):
    """The value in float64, a unit at a time."""
    tensors = {name: getattr(layer, name).detach().double() for name in registry.layer_type(layer.layer_type).names}
    total = torch.zeros(*x.shape[:-1], layer.out_features, dtype=torch.float64)
    for m in range(layer.units):
        one = {name: tensor[m] for name, tensor in tensors.items() if name != "pi"}
        if layer.reading == "ridge":
            q = (x.double() @ one["W"] + one["b"]).square()
        else:
            z = x.double() - one["mu"]
            if layer.reading == "mahalanobis":
                q = (z @ one["L"].T).square().sum(-1)
            else:
                q = ((z @ one["a"].T + one["b"]) @ one["alpha"] + one["beta"]).square()
        total += torch.exp(-q / 2).unsqueeze(-1) * tensors["pi"][:, m]
    return total


@READING
def test_the_value(reading):
    layer = layer_of(3, 2, 7, reading=reading)
    x = inputs(10, 3).view(2, 5, 3)
    assert layer(x).shape == (2, 5, 2)
    assert torch.allclose(layer(x).double(), formula(x, layer), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (dict(reading="mahalanobis"), 4500),
        (dict(reading="mahalanobis", centres="trained"), 6300),
        (dict(reading="ridge"), 3600),
        (dict(reading="agp"), 9000),
        (dict(reading="agp", centres="trained"), 10800),
    ],
)
def test_the_counts_of_900_units_on_the_plane(options, count):
    layer = GMNM(2, 1, 900, **options)
    assert sum(p.numel() for p in layer.parameters()) == count


def test_fixed_centres_are_kept_and_no_parameters():
    fixed, trained = (layer_of(2, 1, 9, centres=centres) for centres in ("fixed", "trained"))
    assert "mu" not in dict(fixed.named_parameters()) and "mu" in fixed.state_dict()
    assert "mu" in dict(trained.named_parameters())
    other = GMNM(2, 1, 9)
    other.load_state_dict(fixed.state_dict())
    x = inputs(5, 2)
    assert torch.equal(other(x), fixed(x)) and torch.equal(copy.deepcopy(fixed)(x), fixed(x))
    before = fixed.mu.clone()
    optimiser = torch.optim.SGD(fixed.parameters(), lr=1.0)
    fixed(x).square().sum().backward()
    optimiser.step()
    assert torch.equal(fixed.mu, before)


@READING
@pytest.mark.parametrize("d", [1, 2, 10, 80])
@pytest.mark.parametrize("initial", ["uniform", "points"])
def test_units_neither_vanish_nor_are_alike_in_any_dimension(reading, d, initial):
    layer = layer_of(d, 1, 64, initial, reading=reading)
    with torch.no_grad():
        layer.pi[:] = torch.eye(64)[:1]
    one = GMNM(d, 64, 64, reading=reading)
    one.load_state_dict({**layer.state_dict(), "pi": torch.eye(64)})
    f = one(inputs(300, d, seed=5))
    assert f.amax(0).min() > 0.1, "a unit that no input sees"
    assert f.std(0).median() > 1e-3, "units that tell inputs apart by nothing"


def activations(layer, x):
    """The units ``(n, M)``, whatever weighs them."""
    function = registry.load().implementation(layer.layer_type, "eager").function
    with torch.no_grad():
        return function(x, *layer.tensors()[:-1], torch.eye(layer.units, dtype=x.dtype))


def calibrated(x, C=3, M=16, seed=3, **options):
    layer = GMNM(x.shape[1], C, M, dtype=x.dtype, **options)
    initialise(layer, "calibrated", x, seeded(seed))
    return layer


PEAK = math.exp(-0.5)  # a unit is there on average, at the least


@READING
@pytest.mark.parametrize("d", [1, 2, 10, 100, 784])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_calibrated_units_are_alive_in_any_dimension_at_any_scale(reading, d, scale):
    C, M = (3, 6) if d > 100 else (10, 64)
    x = scale * (2 + torch.randn(300, d, generator=seeded(1)))
    layer = calibrated(x, C, M, reading=reading, projections=min(d, 20) if reading != "ridge" else None)
    f, out = activations(layer, x), layer(x)
    assert f.mean(0).min() > PEAK - 1e-3 and f.mean(0).max() < 0.75
    assert f.std(0).min() > 0.05
    assert out.var(0).mean().sqrt().item() == pytest.approx(0.5, rel=1e-3)
    assert out.mean(0).abs().max() < 1e-3


@pytest.mark.parametrize("inputs_of", ["normal", "sparse", "few directions"])
@pytest.mark.parametrize(("d", "projections"), [(2, None), (2, 5), (10, 1), (10, None), (60, 3), (60, None)])
def test_calibrated_units_of_more_and_fewer_projections_than_features(inputs_of, d, projections):
    x = {
        "normal": torch.randn(400, d, generator=seeded(1)),
        "sparse": (torch.rand(400, d, generator=seeded(1)) < 0.2).float(),
        "few directions": torch.randn(400, 2, generator=seeded(1)) @ torch.randn(2, d, generator=seeded(2)),
    }[inputs_of]
    for reading in ("mahalanobis", "agp"):
        f = activations(calibrated(x, reading=reading, projections=projections), x)
        assert f.mean(0).min() > PEAK - 1e-3 and f.mean(0).max() < 0.9
        assert f.std(0).min() > 0.05


@READING
@pytest.mark.parametrize("M", [1, 2, 300])
def test_calibrated_outputs_of_any_number_of_units(reading, M):
    x = torch.randn(200, 4, generator=seeded(1))
    out = calibrated(x, C=5, M=M, reading=reading)(x)
    assert out.var(0).mean().sqrt().item() == pytest.approx(0.5, rel=1e-3)
    assert (out.mean(0).abs().max() < 1e-3) == (M > 1), "one unit alone is not weighed away"


@READING
@pytest.mark.parametrize("value", [0.0, 0.07, 300.0, 1e9])
@pytest.mark.parametrize("rows", [1, 40])
def test_calibrated_units_see_inputs_differ_that_did_not_yet(reading, value, rows):
    """One, constant or hardly different inputs, as an untrained layer's; then the layer in front is trained."""
    before = value * (1 + 1e-3 * torch.randn(rows, 10, generator=seeded(1)))
    layer = calibrated(before, M=64, reading=reading)
    size = max(1.0, 1e-3 * value)
    now = before.mean(0) + size * torch.randn(400, 10, generator=seeded(5))
    for x in (before, now):
        f = activations(layer, x)
        assert f.mean(0).min() > 0.55 and f.isfinite().all()
    assert f.mean(0).max() < 0.9 and f.std(0).min() > 0.05
    assert 0.3 < layer(now).var(0).mean().sqrt() < 0.7 and layer(before).abs().max() < 3


@READING
def test_calibrated_units_on_two_inputs_and_their_copies(reading):
    x = torch.randn(2, 5, generator=seeded(1)).repeat(30, 1)
    layer = calibrated(x, M=64, reading=reading)
    f = activations(layer, x)
    assert f.mean(0).min() > PEAK - 1e-3 and f.mean(0).max() < 0.75
    assert (f.std(0) > 0.05).float().mean() > 0.9, "all but those midway between the two"
    assert layer(x).var(0).mean().sqrt().item() == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("reading", ["ridge", "mahalanobis"])
@pytest.mark.parametrize("start", ["calibrated", "uniform"])
def test_stacks_train_with_all_their_units(reading, start):
    """By Adam, on digits; from 'uniform' there are units, in the mahalanobis reading all, that no image moves."""
    data = data_of("digits", False)
    network = stack(f"gmnm-{reading}", [64, 32, 16, 10], units=32)
    initialise(network, start, data.train_images, seeded(1))
    optimiser, order = torch.optim.Adam(network.parameters(), lr=1e-3), seeded(1)
    alive, losses = [], []
    for step in range(101):
        if step in (0, 3, 20, 100):
            x, least = data.train_images, []
            for layer in network:
                f, x = activations(layer, x), layer(x).detach()
                least.append(min(f.std(0).min().item(), f.mean(0).min().item(), 1 - f.mean(0).max().item()))
            alive.append(min(least))
        rows = torch.randint(len(data.train_images), (64,), generator=order)
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(data.train_images[rows]), data.train_labels[rows])
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    if start == "calibrated":
        assert min(alive) > 0.05 and losses[-1] < 0.6 * losses[0]
    else:
        assert min(alive) < 0.02


@READING
def test_a_calibrated_seed_is_a_network_in_every_dtype_from_inputs_alone(reading):
    x = torch.randn(3000, 4, generator=seeded(1))
    one, same, other = (calibrated(x, reading=reading, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one(x), same(x)) and not torch.equal(one(x), other(x))
    double = calibrated(x.double(), reading=reading, seed=0)
    assert torch.allclose(double(x.double()).float(), one(x), atol=1e-4)


@pytest.mark.parametrize("x", [torch.empty(0, 3), torch.tensor([[1.0, 2.0, math.nan]]), torch.full((4, 3), math.inf)])
def test_calibrated_refuses_inputs_that_tell_nothing(x):
    with pytest.raises(ContractError, match="'calibrated' needs inputs that are finite, and at least one"):
        calibrated(x)


def test_the_grid():
    layer = layer_of(2, 1, 9, "grid")
    box = inputs(200, 2)
    low, high = box.amin(0), box.amax(0)
    rows = {tuple(round(v, 5) for v in row) for row in ((layer.mu - low) / (high - low)).tolist()}
    assert rows == {(a, b) for a in (0.0, 0.5, 1.0) for b in (0.0, 0.5, 1.0)}
    assert layer_of(3, 1, 1, "grid").mu.shape == (1, 3)
    with pytest.raises(ContractError, match=r"units = k\^2, not 8"):
        layer_of(2, 1, 8, "grid")


def test_centres_on_inputs():
    box = inputs(200, 2)
    mu = layer_of(2, 1, 30, "points").mu
    assert (torch.cdist(mu, box).amin(1) < 1e-3).all() and len(mu.unique(dim=0)) == 30
    assert len(layer_of(2, 1, 500, "points").mu.unique(dim=0)) == 200


@READING
def test_a_seed_is_a_network(reading):
    one, same, other = (layer_of(3, 2, 5, reading=reading, seed=seed) for seed in (0, 0, 1))
    x = inputs(4, 3)
    assert torch.equal(one(x), same(x)) and not torch.equal(one(x), other(x))


@pytest.mark.parametrize("reading", ["ridge", "mahalanobis"])
def test_the_laplacian_and_its_gradients(reading):
    layer = layer_of(2, 2, 6, reading=reading, dtype=torch.float64)
    x = inputs(5, 2).double().requires_grad_()
    closed, twice = layer.laplacian(x), layer.laplacian(x, "double-backward")
    assert torch.allclose(closed, twice, rtol=1e-10, atol=1e-12)
    one, other = (torch.autograd.grad(each.square().sum(), [x, *layer.parameters()]) for each in (closed, twice))
    assert all(torch.allclose(a, b, rtol=1e-9, atol=1e-11) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("backward", [False, True])
def test_a_laplacian_by_double_backward(backward):
    x = torch.randn(5, 3, dtype=torch.float64, generator=seeded()).requires_grad_()

    def function(x):
        return torch.stack([x.pow(3).sum(1), x.prod(1), x[:, 0] * x.square().sum(1)], 1)

    with torch.set_grad_enabled(backward):
        found = autograd.laplacian(function, x)
    expected = torch.stack([6 * x.sum(1), torch.zeros(5, dtype=torch.float64), 10 * x[:, 0]], 1)
    assert torch.allclose(found, expected) and found.requires_grad == backward


def test_a_place_in_networks():
    """As a head, inside a CNN, on a latent vector and behind an LSTM; all train a step."""
    generator = seeded()
    image = torch.rand(4, 1, 8, 8, generator=generator)
    cnn = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5))
    head = GMNM(5, 10, 16)
    initialise([cnn, head], "uniform", image, generator)
    lstm, last = torch.nn.LSTM(4, 3, batch_first=True), GMNM(3, 1, 20, reading="ridge")
    series = torch.rand(6, 10, 4, generator=generator)
    initialise(last, "points", lstm(series)[0][:, -1].detach(), generator)
    gate = GMNM(7, 3, 8)
    initialise(gate, "uniform", torch.randn(50, 7, generator=generator), generator)
    maps = torch.rand(4, 3, 6, 6, generator=generator)
    outputs = [head(cnn(image)), last(lstm(series)[0][:, -1]), maps * gate(torch.randn(4, 7))[..., None, None]]
    sum(each.square().mean() for each in outputs).backward()
    for module in (cnn, head, lstm, last, gate):
        assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in module.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(reading="ridges"), "no reading 'ridges'; did you mean 'ridge'"),
        (dict(centres="free"), "fixed or trained, not 'free'"),
        (dict(units=0), "units must be at least 1, not 0"),
        (dict(projections=0), "projections must be at least 1, not 0"),
        (dict(reading="ridge", projections=2), "projections must be exactly 1, not 2"),
        (dict(implementation="eagre"), "did you mean 'eager'"),
        (dict(in_features=0), "in_features must be a whole number of at least 1"),
    ],
)
def test_what_is_refused(change, message):
    with pytest.raises(ContractError, match=message):
        GMNM(**{"in_features": 2, "out_features": 1, "units": 4, **change})


def test_what_is_refused_of_laplacians():
    with pytest.raises(ContractError, match="gmnm-agp has no Laplacian; the reading 'ridge' is the same layer"):
        layer_of(2, 1, 4, reading="agp").laplacian(inputs(3, 2))
    with pytest.raises(ContractError, match="x has 3 features, the layer takes 2"):
        layer_of(2, 1, 4).laplacian(inputs(3, 3))
    with pytest.raises(ContractError, match="does not compute the value of gmnm-ridge"):
        GMNM(2, 1, 4, reading="ridge", implementation=registry.load().implementations["gmnm-ridge-laplacian/eager"])


@pytest.mark.night
@pytest.mark.skipif(bool(registry._missing("compiler")), reason="no C++ compiler")
@pytest.mark.parametrize("rows", [400, 1])
def test_backward_by_pieces_is_that_of_all_rows(monkeypatch, rows):
    from gmbench.layers.gmnm import fused
    from gmbench.layers.gmnm.mahalanobis.compiled import laplacian as compiled
    from gmbench.layers.gmnm.mahalanobis.eager import laplacian as eager

    generator = torch.Generator().manual_seed(5)
    shapes = ((rows, 7), (1300, 7), (1300, 3, 7), (2, 1300))
    given = [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]
    G = torch.randn(rows, 2, generator=generator, dtype=torch.float64)
    taken, run = [], fused.graphs.run

    def counting(body, flags, rows, others, options):
        taken.append((body.__name__, len(rows[0])))
        return run(body, flags, rows, others, options)

    monkeypatch.setattr(fused.graphs, "run", counting)
    monkeypatch.setattr(fused, "PIECE", 2**18)
    found = torch.autograd.grad(compiled(*given), given, G)
    torch.testing.assert_close(found, torch.autograd.grad(eager(*given), given, G), rtol=1e-9, atol=1e-9)
    pieces = [length for name, length in taken if name == "strip_backward"]
    assert sum(pieces) == rows and len(pieces) == (6 if rows == 400 else 1)
