"""The experiment ugmm-iris: its flowers, its protocols, labels by the largest score, training, and what cells keep."""

import dataclasses
import json
import math

import pytest
import torch

from gmbench import data, registry
from gmbench.claims.statistics import Run
from gmbench.experiments import experiment
from gmbench.experiments.plan import cells
from gmbench.experiments.ugmm import claims
from gmbench.experiments.ugmm import iris as ugmm_iris
from gmbench.training.loop import order_of

IRIS = experiment("ugmm-iris")


@pytest.fixture(scope="module")
def iris():
    return data.load("iris", normalised=False)


def spec(arm, seed=0, epochs=1):
    eager = registry.load().implementation("ugmm", "eager")
    (found,) = cells(IRIS, "iris", data.load("iris").digest, "smoke", [arm], [seed], eager)
    return {**found, "epochs": epochs}


def run(arm, **options):
    told = []
    result = IRIS.cell(spec(arm, **options), lambda **progress: told.append(progress))
    return result, told


def model_of(arm, iris, start=None):
    chosen = ugmm_iris.ARMS[arm]
    flowers = ugmm_iris.flowers(iris, chosen.protocol)
    kind = ugmm_iris.Discriminative if chosen.label == "class" else ugmm_iris.Generative
    return kind(spec(arm), chosen, flowers, torch.Generator().manual_seed(0)), flowers


def test_the_split_is_scikit_learns(iris):
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    split = train_test_split(*load_iris(return_X_y=True), test_size=0.2, random_state=42)
    ours = (iris.train_images, iris.test_images, iris.train_labels, iris.test_labels)
    for theirs, found in zip(split, ours, strict=True):
        assert torch.equal(torch.from_numpy(theirs).to(found.dtype), found)  # centimetres, to the last bit
    assert iris.classes == 3 and iris.features == 4


def test_the_notebook_standardises_all_flowers(iris):
    found = ugmm_iris.flowers(iris, ugmm_iris.NOTEBOOK)
    assert found.train_images.shape == (150, 4) and torch.equal(found.train_images, found.test_images)
    assert torch.allclose(found.train_images.mean(0), torch.zeros(4), atol=1e-6)
    assert torch.allclose(found.train_images.std(0, correction=0), torch.ones(4), atol=1e-6)
    assert torch.bincount(found.test_labels).tolist() == [50, 50, 50]
    assert ugmm_iris.flowers(iris, ugmm_iris.SCRIPT) is iris


def test_the_networks_of_the_repository():
    counts = {name: arm.hidden for name, arm in ugmm_iris.ARMS.items()}
    assert counts["script-10-5"] == (10, 5) and counts["notebook-20-8"] == (20, 8) and counts["script-0"] == ()
    assert IRIS.arms["script-10-5"] == "uGMM net (d+1)-10-5-1; the script"
    assert IRIS.arms["notebook-one-hot"] == "uGMM net (d+C)-20-8-1, label one-hot; the notebook"
    assert IRIS.arms["mlp"] == "MLP d-32-C; the script"
    assert set(IRIS.baselines) == {"mlp", "mlp-matched", "mlp-notebook"} and IRIS.headline in IRIS.arms


def test_tiny_layers_are_trained_with_the_formula_and_not_with_the_fastest():
    taken = {found["arm"]: found["implementation"] for found in cells(IRIS, "iris", "0", "paper", seeds=[0])}
    assert taken == {arm: None if arm in IRIS.baselines else {"name": "ugmm/eager"} for arm in IRIS.arms}
    compiled = registry.load().implementation("ugmm", "compiled")
    extra = cells(IRIS, "iris", "0", "smoke", implementation=dataclasses.replace(compiled, requires=()))[-1]
    assert (extra["arm"], extra["implementation"]) == (IRIS.headline, {"name": "ugmm/compiled"})


@pytest.mark.parametrize(
    ("arm", "parameters"),
    [("script-10-5", 315), ("notebook-20-8", 804), ("script-one-hot", 375), ("mlp", 259), ("mlp-matched", 315)],
)
def test_parameters(iris, arm, parameters):
    assert sum(p.numel() for p in model_of(arm, iris)[0].network.parameters()) == parameters


@pytest.mark.parametrize("arm", ["script-10-5", "script-one-hot"])
def test_a_label_is_the_one_of_the_largest_score(iris, arm):
    model, flowers = model_of(arm, iris)
    x, y = flowers.test_images, flowers.test_labels
    with torch.no_grad():
        scores = torch.stack([model.network(model.joined(x, torch.full_like(y, c))).squeeze(1) for c in range(3)])
        error, loss = model.test(x, y)
    assert error == pytest.approx(100 * (scores.argmax(0) != y).double().mean().item())
    true = scores.gather(0, y.unsqueeze(0)).mean().item()
    assert loss == pytest.approx(-true, rel=1e-5) and model.loss(x, y).item() == pytest.approx(-true, rel=1e-5)
    joined = model.joined(x, y)
    assert torch.equal(joined[:, :4], x)
    label = torch.nn.functional.one_hot(y).float() if arm == "script-one-hot" else y.unsqueeze(1).float()
    assert torch.equal(joined[:, 4:], label)


def test_a_network_without_numbers_is_wrong(iris):
    model, flowers = model_of("script-10-5", iris)
    with torch.no_grad():
        model.network[2].mu.fill_(math.nan)
    assert model.test(flowers.test_images, flowers.test_labels)[0] == 100


@pytest.mark.parametrize(("arm", "steps"), [("script-10-5", 80), ("notebook-20-8", 100), ("mlp", 80)])
def test_a_cell(arm, steps):
    result, told = run(arm, epochs=2)
    rows, tests, measures = result["epochs"], result["tests"], result["measures"]
    assert [row["step"] for row in rows] == [0, steps, 2 * steps]  # the last, partial batch is kept
    assert [step for step, _ in tests] == list(range(0, 2 * steps + 1, steps // 10))
    assert rows[0]["train_loss"] is None and rows[2]["train_loss"] < rows[1]["train_loss"]
    assert rows[2]["test_loss"] < rows[0]["test_loss"] and measures["diverged"] is None
    assert dict(tests)[steps] == rows[1]["test_error"]
    assert told[-1]["step"] == told[-1]["steps"] == 2 * steps
    if arm != "mlp":
        assert measures["score_last"] == -rows[2]["test_loss"]
        assert 0 <= measures["missed_from_8"] <= measures["missed_from_1"] <= 100
        assert 0 < measures["sigma_min"] < 1
    json.dumps(result, allow_nan=False)
    assert Run.of(0, 2, rows, measures).steps == (steps, 2 * steps)


def test_an_mlp_learns_and_the_measures_say_so():
    result, _ = run("mlp-notebook", epochs=6)
    tests, measures = result["tests"], result["measures"]
    assert measures["best_look"] == min(error for _, error in tests[1:]) < 10
    assert measures["perfect_last"] == (tests[-1][1] == 0) and measures["perfect_ever"] == (measures["best_look"] == 0)
    assert measures["steps_to_0"] == next((step for step, error in tests if error == 0), None)
    assert "score_last" not in measures and "missed_from_8" not in measures


def test_a_seed_is_a_network_and_an_order():
    one, same, other = (run("script-2", seed=seed)[0] for seed in (0, 0, 1))
    losses = [[row["train_loss"] for row in result["epochs"][1:]] for result in (one, same, other)]
    assert losses[0] == losses[1] != losses[2]


def test_the_notebook_starts_as_the_authors_code_does(iris):
    """Their code draws mu, sigma and logits of one layer after the other from the seed."""
    model, flowers = model_of("notebook-20-8", iris)
    torch.manual_seed(0)
    for layer, (wide, narrow) in zip(model.network, ((5, 20), (20, 8), (8, 1)), strict=True):
        assert torch.equal(layer.mu, torch.randn(narrow, wide))
        assert torch.equal(layer.log_sigma, torch.rand(narrow, wide).log())
        assert torch.equal(layer.logits, torch.rand(narrow, wide))
    # what the notebook prints after 200 steps; a flower more or less is rounding
    done = ugmm_iris.fit(model, flowers, ugmm_iris.NOTEBOOK, 2, order_of(0), lambda **progress: None)
    assert dict(done.tests)[200] == pytest.approx(100 - 62, abs=0.7)


def test_the_notebooks_first_step(iris):
    model, flowers = model_of("notebook-20-8", iris)
    model.loss(flowers.train_images, flowers.train_labels).backward()
    torch.optim.Adam(model.network.parameters(), lr=ugmm_iris.RATE).step()
    assert model.test(flowers.test_images, flowers.test_labels)[0] == pytest.approx(100 - 37.3333, abs=0.01)


def test_training_that_diverges_ends_and_says_so(iris):
    chosen = ugmm_iris.ARMS["script-2"]
    model, flowers = model_of("script-2", iris)
    with torch.no_grad():
        model.network[0].log_sigma[0, 0] = -math.inf
    done = ugmm_iris.fit(model, flowers, chosen.protocol, 5, order_of(0), lambda **progress: None)
    rows = done.epochs
    assert done.measures == {"diverged": 1} and len(rows) == 2
    assert rows[-1]["train_loss"] is None and rows[-1]["test_error"] == 100
    json.dumps([rows, done.tests], allow_nan=False)


def test_what_ascent_misses(iris):
    """A score with one peak is always found; one with a narrow second peak is not."""
    model, flowers = model_of("script-10-5", iris)
    flat = torch.tensor([5.8, 3.0, 3.8, 1.2, 1.0])
    model.network = lambda x: -(x - flat).square().sum(1, keepdim=True)
    assert model.missed(flowers) == {"missed_from_8": 0, "missed_from_1": 0}
    low, high = flowers.train_images.amin(0), flowers.train_images.amax(0)

    def ridge(x):
        """The better peak is one pair of states of 400, away from the way to the other."""
        z = (x[:, 2:4] - low[2:]) / (high - low)[2:]
        return torch.where((z > 0.999).all(1), 2.0, 1 - z.sum(1) - x[:, 4]).unsqueeze(1)

    model.network = ridge
    found = model.missed(flowers)
    assert found["missed_from_1"] > 80 and found["missed_from_8"] > 40


def at(errors, steps):
    return Run(0, tuple(errors), tuple(steps), {})


def test_the_first_look_of_the_notebook_without_an_error():
    steps = [100 * n for n in range(1, 7)]
    assert claims.authors_looks(at([0, 5, 0, 0, 3, 0], steps)) == 400
    assert claims.authors_looks(at([0, 5, 0, 1, 0, 2], steps)) == math.inf


def test_every_claim_on_iris_is_there():
    assert {claim.id for claim in IRIS.claims} >= {"UGMM-06", "UGMM-R4"}
