"""The arms of the experiments: each network before training and how it is to be trained, on a few made-up images."""

import functools
import json
from types import SimpleNamespace

import numpy
import pytest
import torch

from gmbench import registry
from gmbench.data import Data
from gmbench.experiments.kumar import networks, screen, single, stack
from gmbench.experiments.plan import cells
from gmbench.nn import GMLayer
from gmbench.runs.carry import pack
from gmbench.training.loop import Trained

MODULES = {module.EXPERIMENT.name: module for module in (stack, single, screen)}
FOUND_WITHOUT_DATA = ("fan-in", "tuned", "bl", "bl-one-layer")
PARAMETERS = {
    ("kumar", "fc"): 79_510,
    ("kumar", "bl"): 812_780,
    ("kumar", "kumar"): 812_780,
    ("kumar", "fc-matched"): 812_500,
    ("kumar", "fan-in"): 812_780,
    ("kumar", "tuned"): 812_780,
    ("kumar", "per-class"): 812_780,
    ("kumar", "kumar-decay"): 812_780,
    ("kumar", "kumar-small"): 81_278,
    ("kumar-single", "bl"): 47_090,
    ("kumar-single", "kumar"): 47_090,
    ("kumar-screen", "bl"): 1_625_560,
    ("kumar-screen", "kumar"): 1_625_560,
    ("kumar-screen", "bl-one-layer"): 188_360,
    ("kumar-screen", "kumar-one-layer"): 188_360,
}
ARMS = sorted(PARAMETERS)
GM = [arm for arm in ARMS if not arm[1].startswith("fc")]


@functools.cache
def images(number=2100):
    """What all images share gives every class an offset, as in MNIST; it is strong enough to tell two targets apart."""
    generator = torch.Generator().manual_seed(1)
    return 0.6 * torch.randn(784, generator=generator) + 0.8 * torch.randn(number, 784, generator=generator)


@functools.cache
def fake(number=2100):
    generator = torch.Generator().manual_seed(2)
    train = torch.randint(10, (number,), generator=generator)
    return Data("mnist", images(number), train, images(20), train[:20], 10, "d")


def started(name, arm, seed=0, initialisation=None, data=None):
    """One cell up to its training: the network, the optimiser, what ``train`` would be given, and the measures."""
    module, seen = MODULES[name], SimpleNamespace()

    def train(network, optimiser, data, **options):
        seen.network, seen.optimiser, seen.options = network, optimiser, options
        options.get("watch", lambda: None)()
        return Trained()

    eager = registry.load().implementation("gm", "eager")
    chosen = None if initialisation else [arm]
    specs = cells(module.EXPERIMENT, "mnist", "d", "smoke", chosen, [seed], eager, initialisation)
    (spec,) = (spec for spec in specs if spec["arm"] == arm and (spec["implementation"] in (None, pack(eager))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "data_of", lambda *words: data or fake())
        patch.setattr(networks, "train", train)
        seen.measures = module.cell(spec, lambda **progress: None)["measures"]
    return seen


start = functools.cache(started)


def draws(network):
    """Every drawn parameter of a network, each at length 1: the scale is what initialisations differ in."""
    drawn = [p for layer in network for p in (layer.mu, layer.U, layer.v)]
    return [(p / p.norm()).detach() for p in drawn]


def outputs(network, number=2048):
    """The outputs of each layer on the calibration images."""
    found, x = [], images()[:number]
    with torch.no_grad():
        for layer in network:
            x = layer(x)
            found.append(x)
    return found


def test_the_tables_of_these_tests_name_every_arm():
    assert sorted((name, arm) for name, module in MODULES.items() for arm in module.EXPERIMENT.arms) == ARMS
    for module in MODULES.values():
        assert module.EXPERIMENT.headline in module.EXPERIMENT.arms
        assert set(module.EXPERIMENT.baselines) <= set(module.EXPERIMENT.arms)


@pytest.mark.parametrize(("name", "arm"), ARMS)
def test_parameters(name, arm):
    found = start(name, arm)
    assert found.measures["parameters"] == PARAMETERS[name, arm]
    assert sum(p.numel() for p in found.network.parameters()) == PARAMETERS[name, arm]
    trained = [p for group in found.optimiser.param_groups for p in group["params"]]
    assert {id(p) for p in trained} == {id(p) for p in found.network.parameters()} and len(trained) == len(set(trained))


@pytest.mark.parametrize(
    ("name", "seeds", "epochs"),
    [("kumar", range(6), 20), ("kumar-single", range(10), 20), ("kumar-screen", range(5, 15), 30)],
)
def test_the_budget_of_the_paper(name, seeds, epochs):
    budget = MODULES[name].EXPERIMENT.budgets["paper"]
    assert (budget.seeds, budget.epochs) == (tuple(seeds), epochs)


# -- initialisations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "arm"), [(n, a) for n, a in GM if a not in (*FOUND_WITHOUT_DATA, "per-class")])
def test_kumar_gives_all_entries_deviation_one_half(name, arm):
    found = start(name, arm)
    for layer in outputs(found.network):
        assert layer.std().item() == pytest.approx(0.5, abs=1e-4)
        assert layer.std(0).mean() < 0.4
    assert found.measures["logit_std"] == pytest.approx(0.5, abs=1e-4)
    if len(found.network) > 1:
        assert found.measures["hidden_std"] == pytest.approx(0.5, abs=1e-4)


def test_per_class_gives_every_output_deviation_one_half_on_average():
    found = start("kumar", "per-class")
    for layer in outputs(found.network):
        assert layer.std(0).mean().item() == pytest.approx(0.5, abs=1e-4)
        assert layer.std() > 0.6
    assert found.measures["class_std"] == pytest.approx(0.5, abs=1e-4)


def test_measures_at_the_start():
    found = start("kumar", "per-class")
    hidden, logits = outputs(found.network)
    assert found.measures["logit_std"] == pytest.approx(logits.std().item())
    assert found.measures["offset_std"] == pytest.approx(logits.mean(0).std().item())
    assert found.measures["hidden_std"] == pytest.approx(hidden.std().item())
    assert "hidden_std" not in start("kumar-single", "kumar").measures


@pytest.mark.parametrize(
    ("name", "arm", "gammas"),
    [
        ("kumar", "bl", (0.5, 0.5)),
        ("kumar", "tuned", (0.14, 0.38)),
        ("kumar", "fan-in", ((2 / 784) ** 0.5, (2 / 100) ** 0.5)),
        ("kumar-single", "bl", (0.5,)),
        ("kumar-screen", "bl", (0.5, 0.5)),
        ("kumar-screen", "bl-one-layer", (0.5,)),
    ],
)
def test_draws_without_data(name, arm, gammas):
    network = start(name, arm).network
    for layer, gamma in zip(network, gammas, strict=True):
        assert torch.all(layer.sigma == torch.tensor(gamma, dtype=torch.float32))
        for parameter in (layer.mu, layer.U, layer.v):
            many = parameter.numel()
            assert parameter.std().item() == pytest.approx(gamma, rel=4 / (2 * many) ** 0.5)
            assert abs(parameter.mean().item()) < 4 * gamma / many**0.5


def test_tuned_has_the_scale_of_kumar_on_images_of_unit_variance():
    assert 0.3 < start("kumar", "tuned").measures["logit_std"] < 1.2
    assert start("kumar", "bl").measures["logit_std"] > 20
    assert start("kumar", "fan-in").measures["logit_std"] < 0.02


@pytest.mark.parametrize(("name", "arm"), GM)
def test_what_an_initialisation_looks_at(name, arm):
    measures = start(name, arm).measures
    assert measures["calibration_images"] == (0 if arm in FOUND_WITHOUT_DATA else 2048)
    assert measures["calibration_gradients"] == 0


def test_fewer_images_than_2048_are_all_taken():
    assert started("kumar-single", "kumar", data=fake(300)).measures["calibration_images"] == 300


def test_an_initialisation_that_takes_a_gradient_is_seen(tmp_path):
    (tmp_path / "theirs.py").write_text(
        "import gmbench, torch\n"
        "@gmbench.initialisation('gm', name='curious', uses_images=True)\n"
        "def curious(layer, images, generator):\n"
        "    layer.sigma.fill_(1)\n"
        "    layer(images[:70])\n"
        "    with torch.enable_grad():\n"
        "        layer(images[:7])\n"
    )
    curious = registry.load([tmp_path / "theirs.py"]).initialisation("gm", "curious")
    found = started("kumar-single", "curious", initialisation=curious)
    assert found.measures["calibration_images"] == 70 and found.measures["calibration_gradients"] == 1
    assert found.measures["parameters"] == 47_090 and torch.all(found.network[0].sigma == 1)


@pytest.mark.parametrize(("name", "parameters"), [("kumar", 812_780), ("kumar-screen", 1_625_560)])
def test_an_outside_initialisation_is_an_arm_of_the_headlines_shape(tmp_path, name, parameters):
    (tmp_path / "theirs.py").write_text(
        "import gmbench\n"
        "@gmbench.initialisation('gm', name='threes')\n"
        "def threes(layer, images, generator):\n"
        "    assert images is None\n"
        "    layer.sigma.fill_(3)\n"
    )
    threes = registry.load([tmp_path / "theirs.py"]).initialisation("gm", "threes")
    found = started(name, "threes", initialisation=threes)
    assert found.measures["parameters"] == parameters and found.measures["calibration_images"] == 0
    assert all(torch.all(layer.sigma == 3) for layer in found.network)
    assert [group["lr"] for group in found.optimiser.param_groups] == [1.0, 0.1] and not found.options.get("decay")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_gm_arms_of_one_shape_start_from_the_same_draws(name):
    by_shape = {}
    for arm in (arm for experiment, arm in GM if experiment == name):
        network = start(name, arm).network
        by_shape.setdefault(tuple(layer.U.shape for layer in network), []).append(draws(network))
    assert sum(map(len, by_shape.values())) - len(by_shape) == {"kumar": 5, "kumar-single": 1, "kumar-screen": 2}[name]
    for first, *others in by_shape.values():
        for other in others:
            assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-8) for a, b in zip(first, other, strict=True))


def test_another_seed_draws_another_network():
    one, two = start("kumar-single", "bl").network, start("kumar-single", "bl", 1).network
    assert not any(torch.allclose(a, b, atol=1e-3) for a, b in zip(draws(one), draws(two), strict=True))


@pytest.mark.parametrize(("arm", "hidden"), [("fc", 100), ("fc-matched", 1022)])
def test_fc_arms(arm, hidden):
    found = start("kumar", arm)
    first, relu, second = found.network
    assert isinstance(relu, torch.nn.ReLU)
    assert first.weight.shape == (hidden, 784) and second.weight.shape == (10, hidden)
    for linear in (first, second):
        many, wide = linear.weight.numel(), linear.in_features
        assert linear.weight.std().item() == pytest.approx((2 / wide) ** 0.5, rel=4 / (2 * many) ** 0.5)
        assert torch.all(linear.bias == 0)
    assert [group["lr"] for group in found.optimiser.param_groups] == [0.1]
    assert "calibration_images" not in found.measures


# -- training ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "arm"), GM)
def test_sigma_has_a_rate_of_its_own(name, arm):
    found = start(name, arm)
    sigma, rest = found.optimiser.param_groups
    assert {id(p) for p in sigma["params"]} == {id(layer.sigma) for layer in found.network}
    assert [sigma["lr"], rest["lr"]] == pytest.approx([0.1, 0.01] if arm == "kumar-small" else [1.0, 0.1])


@pytest.mark.parametrize(("name", "arm"), ARMS)
def test_training_is_plain_sgd_in_batches_of_64(name, arm):
    found = start(name, arm)
    assert type(found.optimiser) is torch.optim.SGD
    for group in found.optimiser.param_groups:
        assert group["momentum"] == group["weight_decay"] == group["dampening"] == 0
    assert found.options["batch"] == 64 and found.options["epochs"] == 1
    assert bool(found.options.get("decay")) == (arm == "kumar-decay")
    thresholds = {"kumar": (10, 5, 3.5), "kumar-single": (10,), "kumar-screen": ()}
    assert found.options.get("thresholds", ()) == thresholds[name]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_all_arms_of_a_seed_see_the_data_in_one_order(name):
    first, *others = (start(name, arm).options["order"].get_state() for arm in MODULES[name].EXPERIMENT.arms)
    assert others and all(torch.equal(first, other) for other in others)


def test_another_seed_sees_the_data_in_another_order():
    one, two = (start("kumar-single", "bl", seed).options["order"] for seed in (0, 1))
    assert not torch.equal(one.get_state(), two.get_state())


def test_decay_and_kumar_start_alike():
    one, two = (start("kumar", arm).network.parameters() for arm in ("kumar", "kumar-decay"))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


# -- after training ----------------------------------------------------------------------------------------------------


def layer_with(mu, sigma):
    layer = GMLayer(mu.shape[1], 2, len(mu))
    with torch.no_grad():
        layer.mu.copy_(torch.from_numpy(mu))
        layer.sigma.copy_(torch.from_numpy(sigma))
    return layer


def walk(states):
    """The paths of a layer that is in each of these states in turn."""
    layer = layer_with(*states[0])
    paths = single.PathRecorder(layer)
    for mu, sigma in states:
        with torch.no_grad():
            layer.mu.copy_(torch.from_numpy(mu))
            layer.sigma.copy_(torch.from_numpy(sigma))
        paths()
    return paths.projected()


def test_paths_are_projected_on_the_final_mixtures_two_widest_directions():
    rng, (K, d) = numpy.random.default_rng(0), (3, 6)
    width = numpy.array([4.0, 0.5, 2.5, 0.3, 0.2, 1.0])
    states = [
        ((scale * width * rng.standard_normal((K, d))).astype("float32"), width * rng.uniform(-2, 2, (K, d)) * scale)
        for scale in (0.1, 0.5, 1.0)
    ]
    states = [(mu, sigma.astype("float32")) for mu, sigma in states]
    found = walk(states)
    mu, sigma = states[-1]
    # total covariance: E of the squares less the square of the mean, component by component
    second = numpy.mean(
        [numpy.diag(s.astype(float) ** 2) + numpy.outer(m, m) for m, s in zip(mu, sigma, strict=True)], 0
    )
    mean = mu.mean(0, dtype=float)
    variances, directions = numpy.linalg.eigh(second - numpy.outer(mean, mean))
    assert variances[-1] > 1.3 * variances[-2] > 1.3 * 1.3 * variances[-3]  # the plane is a clear one
    plane = directions[:, [-1, -2]]
    plane = plane * numpy.sign(plane.sum(0))
    assert found["basis_share"] == pytest.approx(variances[-2:].sum() / variances.sum(), abs=1e-4)
    assert len(found["means"]) == len(found["covariances"]) == 3
    for epoch, (mu, sigma) in enumerate(states):
        near = {"rel": 1e-4, "abs": 1e-5}
        assert numpy.array(found["means"][epoch]) == pytest.approx(mu @ plane, **near)
        # one standard deviation, not two; and sigma counts by its square, whatever its sign
        direct = [plane.T @ numpy.diag(s.astype(float) ** 2) @ plane for s in sigma]
        assert numpy.array(found["covariances"][epoch]) == pytest.approx(numpy.array(direct), **near)
        assert found["distance"][epoch] == pytest.approx(numpy.linalg.norm(mu, axis=1).mean(), **near)
        assert found["moved"][epoch] == pytest.approx(numpy.linalg.norm(mu - states[0][0], axis=1).mean(), **near)
        assert found["size"][epoch] == pytest.approx(numpy.linalg.norm(sigma, axis=1).mean(), **near)
    assert found["moved"][0] == 0
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_plane_has_no_sign_of_its_own():
    rng = numpy.random.default_rng(3)
    mu, sigma = rng.standard_normal((2, 4, 5)).astype("float32")
    there, back = walk([(mu, sigma)]), walk([(-mu, sigma)])
    assert numpy.array(back["means"]) == pytest.approx(-numpy.array(there["means"]), abs=1e-5)
    assert numpy.array(back["covariances"]) == pytest.approx(numpy.array(there["covariances"]), abs=1e-5)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_layer_that_is_not_finite_has_no_paths(wrong):
    fine = numpy.ones((2, 3), "float32")
    assert walk([(fine, fine), (fine * numpy.float32(wrong), fine)]) == {}
    assert walk([(fine, fine), (fine, fine * numpy.float32(wrong))]) == {}


def test_the_range_of_sigma_at_the_end():
    one, two = numpy.full((1, 4), 0.5, "float32"), numpy.array([[-2.0, 3, 1, -1]], "float32")
    network = torch.nn.Sequential(layer_with(one, one), layer_with(two, two))
    found = networks.at_end(network)
    assert found == {"sigma_min": -2, "sigma_max": 3, "sigma_negative": 0.25}
    with torch.no_grad():
        network[0].sigma[0, 0] = float("nan")
    assert set(networks.at_end(network).values()) == {None}
    assert networks.at_end(torch.nn.Sequential(torch.nn.Linear(2, 2))) == {}
