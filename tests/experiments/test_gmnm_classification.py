"""The image classifiers of the GMNM paper: counts, losses, attention, steps in turns, and the claims of its tables."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from gmbench import registry
from gmbench.baselines.attention import Attention
from gmbench.claims.statistics import Run
from gmbench.claims.verdicts import DOES_NOT_HOLD, HOLDS, NOT_RUN
from gmbench.contract import ContractError
from gmbench.data import Data, data_set
from gmbench.data import load as data_set_of
from gmbench.experiments import experiment
from gmbench.experiments.gmnm import classification as gmnm_classification
from gmbench.experiments.gmnm.claims import CLASSIFICATION
from gmbench.experiments.gmnm.classification import ARMS, EXPERIMENT, binary, network_of
from gmbench.experiments.plan import cells
from gmbench.runs.carry import pack
from gmbench.training import classify as training


def spec(arm, data="digits", **more):
    layer = pack(registry.load().implementation(EXPERIMENT.layer_type_of(arm), "eager"))
    part = None if arm in EXPERIMENT.baselines else layer
    return {"arm": arm, "data": data, "seed": 0, "device": "cpu", "implementation": part, "initialisation": None} | more


def noise(data, image=None):
    """Images of a data set's shape, or another's, that are noise."""
    known = data_set(data)
    features = math.prod(image or known.shape)
    images = torch.rand(20, features, generator=torch.Generator().manual_seed(1))
    labels = torch.zeros(20, dtype=torch.long)
    return Data(data, images, labels, images, labels, known.classes, "d", image or known.image)


def built(arm, data, image=None, **more):
    found = noise(data, image)
    return network_of(spec(arm, data, **more), ARMS[arm], found), found.train_images


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        ("mnist", {"cnn": 28586, "cnn-att": 32874, "cnn-gmnm": 29930, "cnn-dense": 29930}),
        ("cifar-10", {"cnn": 209098, "cnn-att": 213386, "cnn-gmnm": 200618, "cnn-dense": 200618}),
    ],
)
def test_the_counts_are_those_of_table_2(data, counts):
    found = {arm: sum(p.numel() for p in built(arm, data)[0].parameters()) for arm in counts}
    assert found == counts


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize(("data", "classes"), [("digits", 10), ("mnist", 10), ("cifar-100", 100)])
def test_every_network_takes_its_images(arm, data, classes):
    network, images = built(arm, data)
    assert network(images).shape == (20, classes) and network(images).isfinite().all()
    assert any(isinstance(m, Attention) for m in network.modules()) == ("att" in arm)


def test_images_that_are_not_square_are_refused():
    with pytest.raises(ContractError, match="square images, not of 60 features"):
        built("cnn", "digits", (1, 6, 10))
    with pytest.raises(ContractError, match="square images, not of 4 features"):
        built("cnn", "iris")


def test_the_first_image_is_seen_by_channel_row_and_column():
    network, _ = built("cnn", "cifar-10")
    image = torch.arange(3072.0).view(1, 3072)
    assert network[0][0](image)[0, 1, 2, 3] == 1024 + 2 * 32 + 3


def test_behind_the_pooling_relu_is_what_it_was_in_front_of_it():
    network, images = built("cnn", "cifar-10")
    layers = list(network[0])
    for i in [i for i, layer in enumerate(layers) if isinstance(layer, torch.nn.MaxPool2d)]:
        assert isinstance(layers[i + 1], torch.nn.ReLU)
        layers[i : i + 2] = layers[i + 1], layers[i]
    results = []
    for net in (network[0], torch.nn.Sequential(*layers)):
        out = net(images)
        results.append([out, *torch.autograd.grad(out.square().sum(), list(net.parameters()))])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_the_loss_is_binary_over_all_outputs():
    logits = torch.randn(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 3, 0, 1, 2])
    p = torch.sigmoid(logits)
    wanted = (
        -sum(math.log(p[i, j]) if j == labels[i] else math.log(1 - p[i, j]) for i in range(7) for j in range(4)) / 28
    )
    assert binary(logits, labels).item() == pytest.approx(wanted)
    assert binary(logits, labels, reduction="sum").item() == pytest.approx(7 * wanted)
    error, loss = training.evaluate(torch.nn.Identity(), logits, labels, binary)
    assert loss == pytest.approx(wanted) and error == pytest.approx(100 * (logits.argmax(1) != labels).double().mean())
    assert training.evaluate(torch.nn.Identity(), logits, labels)[1] == pytest.approx(cross_entropy(logits, labels))


def test_attention_sees_all_places_and_keeps_its_input():
    torch.manual_seed(0)
    block, x = Attention(8), torch.randn(2, 8, 3, 3)
    out = block(x)
    assert out.shape == x.shape
    moved = x.clone()
    moved[:, 0, 0, 0] += 1.0  # not of all channels, which the norm takes out
    assert ((block(moved) - out).abs().amax((0, 1)) > 1e-6).all(), "one place is felt at every other"
    turned = x.flip(-1)
    assert torch.allclose(block(turned), out.flip(-1), atol=1e-6), "places have no order"
    with torch.no_grad():
        block.attention.out_proj.weight.zero_()
        block.attention.out_proj.bias.zero_()
    assert torch.equal(block(x), x)


def test_networks_of_one_seed_start_with_the_same_convolutions():
    first, second = (built(arm, "mnist")[0] for arm in ("cnn", "cnn-gmnm"))
    assert torch.equal(first[0][1].weight, second[0][1].weight)


def test_centres_are_trained_where_an_arm_says_so():
    names = {arm: {n for n, _ in built(arm, "mnist")[0].named_parameters()} for arm in ARMS}
    assert "1.mu" in names["cnn-gmnm-trained"] and "1.mu" not in names["cnn-gmnm-mahalanobis"]
    assert {"1.W", "1.b", "1.pi"} <= names["cnn-gmnm"]


def test_a_normalised_head_starts_and_stays_in_its_box():
    network, images = built("cnn-gmnm-normalised", "mnist")
    assert sum(p.numel() for p in network.parameters()) == 29930
    front, head = network.double()  # at the start outputs differ little
    seen = front(images.double())
    assert torch.allclose(seen.mean(0), torch.zeros_like(seen[0]), atol=1e-6)
    with torch.no_grad():
        for parameter in front[0][-1].parameters():
            parameter.mul_(100)
    assert torch.allclose(front(images.double()), seen, atol=1e-2), "a hundred times as large is the same to the head"
    assert head(seen).std(0).mean() > 0.02  # its units do not vanish


@pytest.mark.parametrize("reading", ["ridge", "mahalanobis"])
def test_a_calibrated_head_keeps_its_units_while_its_convolutions_start_to_learn(reading):
    """The old start's are as narrow as outputs that hardly differ: three steps later, none that sees an image."""
    data, middle = data_set_of("digits", normalised=False), "" if reading == "ridge" else "-mahalanobis"
    spread = {}
    for arm in (f"cnn-gmnm{middle}", f"cnn-gmnm{middle}-calibrated"):
        own = spec(arm, implementation=pack(registry.load().implementation(f"gmnm-{reading}", "eager")))
        network = network_of(own, ARMS[arm], data)
        optimiser, order = torch.optim.Adam(network.parameters(), lr=1e-3), torch.Generator().manual_seed(0)
        for _ in range(100):
            rows = torch.randint(len(data.train_images), (128,), generator=order)
            optimiser.zero_grad()
            binary(network(data.train_images[rows]), data.train_labels[rows]).backward()
            optimiser.step()
        front, head = network
        *tensors, _ = head.tensors()
        with torch.no_grad():
            f = head.implementation.function(front(data.train_images), *tensors, torch.eye(head.units))
        spread[arm] = f.mean(0)
    old, new = spread.values()
    assert (old < 1e-3).float().mean() > 0.3, "units that died"
    assert new.min() > 1e-3 and new.median() > 0.2
    counts = [sum(p.numel() for p in built(arm, "mnist")[0].parameters()) for arm in spread]
    assert counts[0] == counts[1]


@pytest.fixture(scope="module")
def done():
    found = {}
    for arm in ("cnn", "cnn-gmnm"):
        (own,) = cells(experiment("gmnm-classification"), "digits", None, "smoke", arms=[arm])
        found[arm] = {"spec": own, **gmnm_classification.cell({**own, "epochs": 3}, lambda **progress: None)}
    return found


@pytest.mark.parametrize("arm", ["cnn", "cnn-gmnm"])
def test_a_cell_learns_and_measures(done, arm):
    rows, measures = done[arm]["epochs"], done[arm]["measures"]
    assert len(rows) == 4 and rows[-1]["test_loss"] < 0.8 * rows[0]["test_loss"]
    assert rows[-1]["train_loss"] < rows[2]["train_loss"] < rows[1]["train_loss"] < 1
    assert measures["min_test_loss"] == min(row["test_loss"] for row in rows[1:])
    assert measures["last_train_loss"] == rows[-1]["train_loss"] and measures["step_ms"] > 0
    assert measures["diverged"] is None and measures["cross_entropy"] > 0


def test_timing_steps_leaves_the_network_as_it_was():
    network, _ = built("cnn-gmnm", "digits")
    before = [p.detach().clone() for p in network.parameters()]
    own = spec("cnn-gmnm")
    found = gmnm_classification.steps(own, network, noise("digits"))
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), before, strict=True))
    assert set(found) == {"step_ms", "step_ratio"} and all(value > 0 for value in found.values())


def test_every_row_of_tables_2_and_3_is_a_claim():
    assert [claim.id for claim in CLASSIFICATION] == [f"GMNM-C{i:02d}" for i in (*range(1, 40), 41)]
    by_id = {claim.id: claim for claim in CLASSIFICATION}
    for id_, data, arm, published, digit in (
        ("GMNM-C12", "mnist", "cnn-att", 4.979e-4, 1e-7),
        ("GMNM-C15", "mnist", "cnn-gmnm", 6.081e-3, 1e-6),
        ("GMNM-C21", "cifar-10", "cnn-gmnm-att", 0.022, 1e-3),
        ("GMNM-C22", "cifar-10", "cnn", 0.143, 1e-3),
        ("GMNM-C33", "cifar-100", "cnn-gmnm-att", 0.037, 1e-3),
    ):
        claim = by_id[id_]
        assert (claim.data, claim.evidence.arm, claim.evidence.low) == (data, arm, published)
        assert claim.evidence.digit == pytest.approx(digit)


def runs(losses):
    """Runs by seed of arms on a data set, each with one loss in all measures."""

    def find(arm):
        if arm not in losses:
            return {}
        names = [f"{end}_{which}_loss" for end in ("min", "last") for which in ("test", "train")]
        given = losses[arm] if isinstance(losses[arm], tuple) else (losses[arm],) * 2
        return {
            seed: Run(seed, (5.0,), (10,), {n: given["train" in n] * (1 + 1e-3 * seed) for n in names})
            for seed in range(10)
        }

    return find


def test_the_orderings_are_judged_on_all_data_sets():
    (overfits, gmnm) = (next(c for c in CLASSIFICATION if c.id == id_) for id_ in ("GMNM-C34", "GMNM-C35"))
    of_one = {"cnn": (3.0, 2.0), "cnn-gmnm": (1.0, 1.0), "cnn-att": (4.0, 0.5), "cnn-gmnm-att": (3.5, 0.4)}
    every = {f"{arm}@{data}": loss for data in ("mnist", "cifar-10", "cifar-100") for arm, loss in of_one.items()}
    assert overfits.evidence.judge(runs(every)).verdict == gmnm.evidence.judge(runs(every)).verdict == HOLDS
    assert overfits.evidence.judge(runs(every | {"cnn-att@cifar-10": (2.0, 0.5)})).verdict == DOES_NOT_HOLD
    assert overfits.evidence.judge(runs(every | {"cnn-gmnm-att@mnist": (2.0, 0.4)})).verdict == DOES_NOT_HOLD
    assert overfits.evidence.judge(runs(every | {"cnn-gmnm-att@mnist": (3.5, 3.5)})).verdict == DOES_NOT_HOLD
    assert gmnm.evidence.judge(runs(every | {"cnn-gmnm@mnist": (4.5, 1.0)})).verdict == DOES_NOT_HOLD
    some = {name: loss for name, loss in every.items() if "100" not in name}
    judged = gmnm.evidence.judge(runs(some))
    assert judged.verdict == NOT_RUN and any("mnist alone" in line and HOLDS in line for line in judged.detail)


def judged(id_, given):
    return next(claim for claim in CLASSIFICATION if claim.id == id_).evidence.judge(runs(given))


def test_overfitting_is_the_gap_between_test_and_training_loss():
    of_one = {"cnn": (3.0, 1.0), "cnn-gmnm": (3.5, 2.0), "cnn-att": (4.0, 1.0), "cnn-gmnm-att": (4.0, 1.5)}
    every = {f"{arm}@{data}": loss for data in ("mnist", "cifar-10", "cifar-100") for arm, loss in of_one.items()}
    assert judged("GMNM-C37", every).verdict == HOLDS and judged("GMNM-C39", every).verdict == DOES_NOT_HOLD
    assert judged("GMNM-C37", every | {"cnn-gmnm@mnist": (4.5, 1.4)}).verdict == DOES_NOT_HOLD
    assert judged("GMNM-C37", every | {"cnn-gmnm-att@cifar-10": (6.0, 1.0)}).verdict == DOES_NOT_HOLD


def test_better_with_gmnm_means_with_attention_and_without():
    of_one = {"cnn": (3.0, 1.0), "cnn-gmnm": (2.0, 1.0), "cnn-att": (4.0, 1.0), "cnn-gmnm-att": (3.0, 1.0)}
    every = {f"{arm}@{data}": loss for data in ("mnist", "cifar-10", "cifar-100") for arm, loss in of_one.items()}
    found = judged("GMNM-C39", every)
    assert found.verdict == HOLDS and any(line.startswith("mnist, best error") for line in found.detail)
    assert judged("GMNM-C39", every | {"cnn-gmnm-att@cifar-100": (6.0, 1.0)}).verdict == DOES_NOT_HOLD


@pytest.mark.parametrize(
    ("mnist", "cifar", "verdict"), [(109, 99, HOLDS), (130, 99, DOES_NOT_HOLD), (109, 130, DOES_NOT_HOLD)]
)
def test_similar_or_fewer_parameters(mnist, cifar, verdict):
    counts = {"cnn@mnist": 100, "cnn@cifar-10": 100, "cnn-gmnm@mnist": mnist, "cnn-gmnm@cifar-10": cifar}
    counts |= {"cnn-att@mnist": 150, "cnn-att@cifar-10": 150, "cnn-gmnm-att@mnist": 150, "cnn-gmnm-att@cifar-10": 150}
    claim = next(claim for claim in CLASSIFICATION if claim.id == "GMNM-C38")
    found = claim.evidence.judge(lambda arm: {s: Run(s, (5.0,), (10,), {"parameters": counts[arm]}) for s in range(6)})
    assert found.verdict == verdict


def test_the_paper_s_own_gaps_are_told():
    (claim,) = (claim for claim in CLASSIFICATION if claim.id == "GMNM-C37")
    assert "cifar-10 0.0550 and 0.0930" in claim.protocol
