"""The GM layer itself: tails, limits, the module, stacks and initialisations."""

import math

import mpmath
import pytest
import torch

import gmbench
from gmbench import registry
from gmbench.contract import ContractError, Initialisation
from gmbench.layers.gm.relu import expectations
from gmbench.nn import GMLayer, initialise, stack


@pytest.mark.parametrize("z", [-37.0, -20.0, -8.0, -3.0, -0.5, 0.0, 0.5, 3.0, 20.0])
def test_expectations_in_both_tails(z):
    with mpmath.workdps(60):
        m, s = mpmath.mpf(z) * 2, mpmath.mpf(2)
        want_P = mpmath.ncdf(m / s)
        want_A = m * want_P + s * mpmath.npdf(m / s)
    A, P = expectations(torch.tensor(2 * z, dtype=torch.float64), torch.tensor(4.0, dtype=torch.float64))
    assert abs(float(P) / float(want_P) - 1) < 1e-12
    assert abs(float(A) / float(want_A) - 1) < 1e-11


def test_the_slope_is_the_derivative_everywhere_and_a_half_at_zero():
    for dtype in (torch.float32, torch.float64):
        m = torch.tensor([-3.0, -1e-3, 0.0, 1e-3, 3.0], dtype=dtype, requires_grad=True)
        A, P = expectations(m, torch.full_like(m, 0.25))
        (slope,) = torch.autograd.grad(A.sum(), m)
        assert torch.allclose(slope, P.detach(), rtol=1e-5, atol=0)
        assert float(slope[2]) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["eager", "compiled", "monte-carlo"])
def test_a_layer_over_any_implementation(name):
    record = registry.load().implementation("gm", name)
    if registry.unavailable(record):
        pytest.skip(registry.unavailable(record))
    layer = GMLayer(5, 3, components=4, implementation=name)
    initialise(layer, "fan-in", generator=torch.Generator().manual_seed(0))
    x = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(1))
    out = layer(x)
    assert out.shape == (2, 6, 3)
    out.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())
    want = registry.load().implementation("gm", "eager").function(x, layer.mu, layer.sigma, layer.U, layer.v)
    assert torch.allclose(out, want, atol=1e-5 if name != "monte-carlo" else 0.2)


def test_compiled_is_differentiable_once_and_says_so():
    record = registry.load().implementation("gm", "compiled")
    if registry.unavailable(record):
        pytest.skip(registry.unavailable(record))
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 6, 5), (4, 5), (4, 5), (4, 3, 5), (4, 3))
    tensors = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
    with pytest.raises(RuntimeError, match="differentiable once"):
        torch.autograd.grad(record.function(*tensors).sum(), tensors[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="vmap"):
        torch.func.vmap(record.function, in_dims=(0, None, None, None, None))(*(t.detach() for t in tensors))


def test_shapes_and_counts():
    network = stack("gm", [784, 100, 10], components=10)
    assert sum(p.numel() for p in network.parameters()) == 812780
    assert {n: tuple(p.shape) for n, p in network[1].named_parameters()} == {
        "mu": (10, 100),
        "sigma": (10, 100),
        "U": (10, 10, 100),
        "v": (10, 10),
    }


def test_small_sigma_gives_an_ordinary_layer_of_point_neurons():
    layer = GMLayer(4, 2, components=3)
    initialise(layer, "fan-in", generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        layer.sigma.zero_()
    x = torch.randn(7, 4)
    neurons = (x @ layer.mu.T).relu()
    readout = torch.einsum("kcd,kd->kc", layer.U, layer.mu) + layer.v
    assert torch.allclose(layer(x), neurons @ readout / 3, atol=1e-6)


def test_initial_scales():
    layer = GMLayer(784, 100, components=10)
    initialise(layer, "bl", generator=torch.Generator().manual_seed(0))
    assert bool((layer.sigma == 0.5).all())
    assert layer.U.std().item() == pytest.approx(0.5, rel=0.01)
    initialise(layer, "fan-in", generator=torch.Generator().manual_seed(0))
    assert layer.mu.std().item() == pytest.approx(math.sqrt(2 / 784), rel=0.05)


def test_kumar_uses_2048_images_and_rescales_the_readout_only():
    images = torch.randn(3000, 20, generator=torch.Generator().manual_seed(3))
    kumar, plain = stack("gm", [20, 8, 4], components=3), stack("gm", [20, 8, 4], components=3)
    initialise(kumar, "kumar", images, torch.Generator().manual_seed(0))
    initialise(plain, "fan-in", generator=torch.Generator().manual_seed(0))
    inputs = images
    for calibrated, drawn in zip(kumar, plain, strict=True):
        assert torch.equal(calibrated.mu, drawn.mu) and torch.equal(calibrated.sigma, drawn.sigma)
        ratio = calibrated.U / drawn.U
        assert torch.allclose(ratio, ratio.flatten()[0].expand_as(ratio), rtol=1e-4)
        assert torch.allclose(calibrated.v / drawn.v, ratio.flatten()[0].expand_as(drawn.v), rtol=1e-4)
        assert float(calibrated(inputs[:2048]).std()) == pytest.approx(0.5, abs=1e-5)
        assert float(calibrated(inputs).std()) != pytest.approx(0.5, abs=1e-5)
        inputs = calibrated(inputs)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: GMLayer(0, 3), "in_features must be a whole number of at least 1, not 0"),
        (lambda: GMLayer(3, 3, implementation="eagre"), "did you mean 'eager'"),
        (lambda: GMLayer(3, 3)(torch.zeros(2, 4)), "x has 4 features, the layer takes 3"),
        (lambda: stack("gm", [3]), "at least two widths"),
        (lambda: initialise(GMLayer(3, 3), "kumr"), "did you mean 'kumar'"),
        (lambda: initialise(GMLayer(3, 3), "kumar"), "needs images"),
        (lambda: initialise(GMLayer(3, 3), "kumar", torch.zeros(5, 3)), "standard deviation 0"),
        (lambda: initialise(GMLayer(3, 3), "kumar", torch.full((5, 3), math.nan)), "standard deviation nan"),
    ],
)
def test_bad_input_is_one_line(act, said):
    with pytest.raises(ContractError, match=said):
        act()


def test_an_initialisation_from_outside(tmp_path, monkeypatch):
    path = tmp_path / "mine.py"
    path.write_text(
        "import gmbench\n"
        "@gmbench.initialisation('gm', name='ones')\n"
        "def ones(layer, images, generator):\n"
        "    for parameter in layer.parameters():\n"
        "        parameter.fill_(1)\n"
    )
    monkeypatch.setenv("GMBENCH_IMPLEMENTATIONS", str(path))
    layer = GMLayer(2, 2)
    initialise(layer, "ones")
    assert all(bool((p == 1).all()) for p in layer.parameters())


def test_images_go_no_further_than_they_are_needed(monkeypatch):
    seen, runs, forward = [], [], GMLayer.forward
    monkeypatch.setattr(GMLayer, "forward", lambda layer, x: runs.append(layer) or forward(layer, x))
    looks = dict(layer_type="gm", name="looks", function=lambda layer, images, generator: seen.append(images))
    network, images = stack("gm", [4, 3, 2]), torch.ones(5, 4)
    initialise(network, Initialisation(**looks, uses_images=True), images)
    assert [tuple(each.shape) for each in seen] == [(5, 4), (5, 3)] and runs == [network[0]]
    initialise(network, Initialisation(**looks), images)
    assert seen[2:] == [None, None] and len(runs) == 1


def test_more_draws_come_nearer():
    from gmbench.layers.gm.monte_carlo import monte_carlo

    layer = GMLayer(6, 2, components=2, dtype=torch.float64)
    initialise(layer, "fan-in", generator=torch.Generator().manual_seed(0))
    x = torch.randn(32, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    tensors = (layer.mu, layer.sigma, layer.U, layer.v)
    errors = [float((monte_carlo(x, *tensors, samples=n) - layer(x)).norm().detach()) for n in (100, 10_000)]
    assert errors[1] < errors[0] / 3


def test_two_layers_of_one_process_share_nothing():
    assert gmbench.check("gm/eager", profile="smoke", only="no-state")[0].status == "passed"
