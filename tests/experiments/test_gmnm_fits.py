"""The experiments that fit functions with GMNM layers: targets, points, networks, training, measures."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from gmbench import registry
from gmbench.baselines import dense, kan, rbf
from gmbench.claims.statistics import Run
from gmbench.claims.verdicts import AGREES, DOES_NOT_HOLD, HOLDS, NOT_RUN
from gmbench.contract import ContractError
from gmbench.experiments import experiment, experiments
from gmbench.experiments.gmnm import centres as gmnm_centres
from gmbench.experiments.gmnm import claims, networks, targets
from gmbench.experiments.gmnm import fit1d as gmnm_fit1d
from gmbench.experiments.gmnm import fit2d as gmnm_fit2d
from gmbench.experiments.gmnm import fit2d_equal as gmnm_fit2d_equal
from gmbench.experiments.gmnm import fits as gmnm_fits
from gmbench.experiments.gmnm.fits import Fit
from gmbench.experiments.gmnm.networks import Dense, Radial, Splines, Units
from gmbench.experiments.gmnm.targets import CURVES, SURFACES, curve, surface
from gmbench.experiments.plan import cells
from gmbench.training import minimise as regression
from gmbench.training import pictures
from gmbench.training.minimise import ADAM, LBFGS

LITTLE = {"train": 1024, "test": 128, "side": 21}
HAS_KAN = not experiment("gmnm-fit2d").absent("kan")


def silent(**progress):
    pass


def spec(name, arm, data="level-1", seed=0, **changes):
    """Of a smoke cell, with eager layers."""
    chosen = experiment(name)
    eager = registry.load().implementation(chosen.layer_type_of(arm), "eager")
    (found,) = cells(chosen, data, None, "smoke", [arm], [seed], eager)
    return {**found, **changes}


def little(network):
    """A network of the same kind that is fast to train."""
    if isinstance(network, Units):
        return dataclasses.replace(network, units=36)
    if isinstance(network, Dense):
        return dataclasses.replace(network, widths=(12,) * (len(network.widths) - 1) + (1,))
    return Radial(36) if isinstance(network, Radial) else Splines((2, 1), 5)


def trained(arm, data="level-1", rows=3, seed=0, found=gmnm_fit2d.ARMS, problems=SURFACES, **changes):
    """A cell of an arm whose network and problem are little."""
    chosen = found[arm]
    chosen = dataclasses.replace(chosen, network=little(chosen.network), steps=min(chosen.steps, 40), **changes)
    kind = f"gmnm-{chosen.network.reading}/eager" if isinstance(chosen.network, Units) else None
    record = {
        **{"data": data, "digest": "d", "epochs": rows, "arm": arm, "seed": seed, "device": "cpu"},
        **{"implementation": kind and {"name": kind}, "initialisation": None},
    }
    return gmnm_fits.run(record, silent, chosen, dataclasses.replace(problems[data], **LITTLE), 128)


def needs_kan(arm):
    if arm.startswith("kan") and not HAS_KAN:
        pytest.skip(experiment("gmnm-fit2d").absent("kan"))


# -- targets ---------------------------------------------------------------------------------------------------------


def test_the_bump_is_a_density():
    grid = SURFACES["level-3"].grid(400)  # cells of 0.02, so that they fill the bump exactly
    inside = targets.bump(grid)
    added = surface(grid, 5, 0.1, 0) - surface(grid, 5, 0, 0)
    assert added[inside].numpy() == pytest.approx(0.1 / 1.5) and added[~inside].abs().max() == 0
    assert 10 * added.sum().item() * 0.02**2 == pytest.approx(1)
    assert inside.double().mean().item() * 64 == pytest.approx(1.5)


def test_the_variance_of_the_sinh():
    """25 times twice that of sinh x, x uniform on [-4, 4], by quadrature."""
    each = integrate.quad(lambda x: math.sinh(x) ** 2, -4, 4)[0] / 8
    grid = SURFACES["level-2"].grid()
    without = surface(grid, 5, 0, 0) - surface(grid, 0, 0, 0)
    assert 50 * each == pytest.approx(4633, abs=1)
    assert without.square().mean().item() == pytest.approx(50 * each, rel=2e-3)
    assert without.abs().max().item() < 10 * math.sinh(4) < 273


@pytest.mark.parametrize("name", ["lower", "literal"])
def test_the_normal_density(name):
    grid = SURFACES["level-4"].grid(15)
    added = (surface(grid, 5, 0.1, 40, name) - surface(grid, 5, 0.1, 0, name)).numpy()
    if name == "lower":
        peak = surface(torch.zeros(1, 2), 0, 0, 40).item()
        assert peak == pytest.approx(5.989, abs=5e-4)
        by_scipy = 40 * stats.multivariate_normal(cov=[[0.6, 1.1], [1.1, 3.9]]).pdf(grid)
    else:
        inverse = np.linalg.inv([[0.6, 2.0], [1.1, 3.9]])
        by_scipy = 40 * np.exp(-np.einsum("ni,ij,nj->n", grid, inverse, grid) / 2) / (2 * np.pi * math.sqrt(0.14))
    assert np.allclose(added, by_scipy, rtol=1e-9, atol=1e-9)


def test_levels_add_one_part_each():
    x = torch.tensor([[-3.0, 2.5]])
    values = [surface(x, *targets.LEVELS[level]).item() for level in targets.LEVELS]
    sines = math.sin(-3 * math.pi) * math.sin(2.5 * math.pi)
    assert values[0] == pytest.approx(sines, abs=1e-12)
    assert values[1] - values[0] == pytest.approx(-5 * (math.sinh(-3) + math.sinh(2.5)))
    assert values[2] - values[1] == pytest.approx(0.1 / 1.5)
    assert values[3] > values[2]


@pytest.mark.parametrize("level", CURVES)
def test_the_curves(level):
    x = np.array([-3.0, -0.25, 0.0, 1.5])
    a, b, c = targets.LEVELS[level]
    by_hand = np.sin(np.pi * x) - a * np.sinh(x) + c * stats.norm(scale=0.6).pdf(x)
    by_hand[0] += b / 1.5
    assert np.allclose(curve(torch.tensor(x)[:, None], a, b, c), by_hand)
    assert CURVES[level].grid(4).tolist() == [[-3], [-1], [1], [3]]


def test_a_problem_is_defined_by_its_words():
    chosen = experiment("gmnm-fit2d")
    assert len({chosen.digest(name) for name in chosen.data_sets}) == len(chosen.data_sets) == 5
    for part in ("[-4, 4]^2", "16384", "4096", "101 x 101", "((0.6, 1.1), (1.1, 3.9))"):
        assert part in chosen.problems["level-4"]
    assert "normal" not in chosen.problems["level-3"] and "sinh" not in chosen.problems["level-1"]
    with pytest.raises(ContractError, match="not the one"):
        chosen.cell(spec("gmnm-fit2d", "mlp-tanh", digest="other"), silent)


# -- points ----------------------------------------------------------------------------------------------------------


def test_points_are_those_of_the_seed():
    problem = dataclasses.replace(SURFACES["level-4"], **LITTLE)
    one, two = (Fit(problem, 0, dtype, "cpu") for dtype in (torch.float32, torch.float64))
    other = Fit(problem, 1, torch.float64, "cpu")
    assert torch.equal(one.y["train"], two.y["train"]) and torch.equal(one.x["grid"], two.x["grid"].float())
    assert not torch.equal(two.x["train"], other.x["train"]) and torch.equal(two.x["grid"], other.x["grid"])
    assert two.train_y.mean().abs() < 1e-12 and two.train_y.std().item() == pytest.approx(1)
    assert one.x["train"].abs().max() <= 4 and len(one.x["test"]) == 128


def test_the_grid_is_in_the_middle_of_cells():
    grid = SURFACES["level-1"].grid(4)
    assert grid[:5].tolist() == [[-3, -3], [-3, -1], [-3, 1], [-3, 3], [-1, -3]]
    assert (SURFACES["level-1"].grid() == 0).all(1).sum() == 1  # the peak of the density is seen


# -- networks --------------------------------------------------------------------------------------------------------


def size(network):
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize("arm", gmnm_fit2d.ARMS)
def test_sizes_are_near_2000(arm):
    needs_kan(arm)
    x = Fit(dataclasses.replace(SURFACES["level-1"], **LITTLE), 0, torch.float32, "cpu").train_x
    network = gmnm_fit2d.ARMS[arm].network.build(spec("gmnm-fit2d", arm), x, torch.Generator().manual_seed(0))
    assert abs(size(network) / 2000 - 1) < 0.05 and network(x).shape == (len(x), 1)


@pytest.mark.parametrize("arm", gmnm_fit2d_equal.ARMS)
def test_sizes_are_exactly_equal(arm):
    chosen = gmnm_fit2d_equal.ARMS[arm].network
    if arm == "kan":
        assert kan.size((2, *chosen.widths), chosen.grid, networks.ORDER) == gmnm_fit2d_equal.PARAMETERS
    needs_kan(arm)
    x = Fit(dataclasses.replace(SURFACES["level-1"], **LITTLE), 0, torch.float32, "cpu").train_x
    network = chosen.build(spec("gmnm-fit2d-equal", arm), x, torch.Generator().manual_seed(0))
    assert size(network) == gmnm_fit2d_equal.PARAMETERS == 2000


@pytest.mark.parametrize("arm", gmnm_centres.ARMS)
def test_centres_are_where_their_arm_says(arm):
    start, units, *trained = arm.split("-")
    x = Fit(SURFACES["level-1"], 0, torch.float32, "cpu").train_x
    layer = gmnm_centres.ARMS[arm].network.build(spec("gmnm-centres", arm), x, torch.Generator().manual_seed(0))
    assert layer.mu.shape == (int(units), 2) and size(layer) == int(units) * (7 if trained else 5)
    assert layer.mu.requires_grad == bool(trained)
    columns = len(layer.mu[:, 0].unique())
    assert (columns == int(units) ** 0.5) == (start == "grid")
    assert torch.isin(layer.mu, x).all() == (start == "points") or start == "grid"


def test_a_dense_network_starts_as_those_of_torch():
    network = dense.dense([7, 300, 1], "tanh", torch.Generator().manual_seed(0), bias=False)
    usual = torch.nn.Linear(7, 300)
    assert network[0].weight.std().item() == pytest.approx(usual.weight.std().item(), rel=0.05)
    assert network[0].bias.abs().max() <= 7**-0.5 and network[2].bias is None and len(network) == 3
    for wrong in ([3], [3, 3]):
        with pytest.raises(ContractError):
            dense.dense(wrong, "no such", torch.Generator())


def test_a_radial_network_is_its_formula():
    network = rbf.RBF(2, 3, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(50, 2, generator=generator, dtype=torch.float64)
    network.initialise(points, generator)
    with torch.no_grad():
        network.scale[:, 1] *= 2
    c, s, w = (p.detach().numpy() for p in (network.centre, network.scale, network.weight))
    by_hand = sum(w[m] * np.exp(-(((points.numpy() - c[m]) * s[m]) ** 2).sum(1) / 2) for m in range(3))
    assert np.allclose(network(points).detach().numpy()[:, 0], by_hand) and size(network) == 15
    with pytest.raises(ContractError):
        rbf.RBF(2, 0)


def test_a_kan_counts_what_it_trains():
    needs_kan("kan")
    state = torch.get_rng_state()
    network = kan.kan([2, 3, 1], 6, 3, (-4, 4), 0)
    assert torch.equal(state, torch.get_rng_state())
    assert size(network) == kan.size([2, 3, 1], 6, 3) == 9 * 11
    network(torch.rand(5, 2)).sum().backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)
    assert network.act_fun[0].grid[0, 3] == -4 and network.act_fun[0].grid[0, -4] == 4
    again = kan.kan([2, 3, 1], 6, 3, (-4, 4), 0, dtype=torch.float64)
    assert again(torch.rand(5, 2, dtype=torch.float64)).dtype == torch.float64
    assert torch.allclose(again.act_fun[0].coef.float(), network.act_fun[0].coef, atol=1e-5)  # by a solver


def test_a_kan_that_is_not_there_is_left_out_with_its_reason(monkeypatch):
    import builtins
    import sys

    chosen, real = experiment("gmnm-fit2d"), builtins.__import__

    def missing(name, *words, **named):
        if name == "kan":
            raise ImportError("no module named kan")
        return real(name, *words, **named)

    monkeypatch.delitem(sys.modules, "kan", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ContractError, match=r"gmbench\[kan\]"):
        kan.kan([2, 1], 3, 3, (-1, 1), 0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    eager = registry.load().implementation("gmnm-mahalanobis", "eager")
    assert "gmbench[kan]" in chosen.absent("kan")
    found = {each["arm"] for each in cells(chosen, "level-1", "d", "smoke", None, [0], eager)}
    assert found == set(chosen.arms) - {"kan"}


@pytest.mark.parametrize("name", [name for name, each in experiments().items() if each.problems])
def test_a_spec_of_another_problem_is_refused(name):
    chosen = experiment(name)
    record = spec(name, chosen.headline, next(iter(chosen.problems)))
    with pytest.raises(ContractError, match="not the one that the spec names"):
        chosen.cell({**record, "digest": "other"}, silent)


# -- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arm", gmnm_fit2d.ARMS)
def test_a_short_training_lowers_the_error(arm):
    needs_kan(arm)
    found = trained(arm, "level-4")  # of which the sinh is learnt at once, the sines are not
    rows, measures = found["epochs"], found["measures"]
    assert rows[-1]["test_error"] < 0.5 * rows[0]["test_error"] and measures["diverged"] is None
    assert measures["train_error"] == pytest.approx(rows[-1]["test_error"], rel=1)
    assert [rows[-1][name] for name in ("bump", "centre")] == [measures[name] for name in ("bump", "centre")]
    assert measures["normalised"] == pytest.approx(rows[-1]["test_error"] / 4633, rel=0.1)
    units = isinstance(gmnm_fit2d.ARMS[arm].network, Units | Radial)
    assert (measures["oracle"] is not None) == (measures["oracle_after"] is not None) == units
    if units:  # on 1024 points; the grid's own error may be a little above what is best for it
        assert measures["oracle_after"] < 1.1 * rows[-1]["test_error"]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("arm", gmnm_fit1d.ARMS)
def test_a_short_training_lowers_the_error_of_a_curve(arm):
    needs_kan(arm)
    found = trained(arm, "level-4", found=gmnm_fit1d.ARMS, problems=CURVES)
    rows = found["epochs"]
    assert rows[-1]["test_error"] < 0.5 * rows[0]["test_error"]
    assert set(found["lines"]) == {"x", "target", "fit"} and len({*map(len, found["lines"].values())}) == 1
    json.dumps(found, allow_nan=False)


def test_in_one_dimension_the_readings_are_one():
    x = Fit(dataclasses.replace(CURVES["level-1"], **LITTLE), 0, torch.float64, "cpu").train_x
    record = spec("gmnm-fit1d", "mahalanobis")
    layer = gmnm_fit1d.ARMS["mahalanobis"].network.build(record, x, torch.Generator().manual_seed(0))
    ridge = registry.load().implementation("gmnm-ridge", "eager").function
    W, mu = layer.L[:, 0], layer.mu
    assert torch.allclose(layer(x), ridge(x, W, -(W * mu).sum(1), layer.pi)) and size(layer) == 201


def test_the_oracle_is_the_least_squares_solution():
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(200, 7, generator=generator, dtype=torch.float64)
    y = torch.randn(200, generator=generator, dtype=torch.float64)
    assert np.allclose(networks.solved(A, y), np.linalg.lstsq(A.numpy(), y.numpy())[0])
    # many wide units fit a smooth target far better than a short training of them
    found = trained("mahalanobis", "level-4", rows=1)
    assert found["measures"]["oracle"] < found["epochs"][-1]["test_error"] / 2


def test_features_are_what_the_weights_weigh():
    x = torch.rand(9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for arm in ("mahalanobis", "ridge", "rbf"):
        network = little(gmnm_fit2d.ARMS[arm].network).build(
            spec("gmnm-fit2d", arm), x, torch.Generator().manual_seed(0)
        )
        weights = network.weight if arm == "rbf" else network.pi[0]
        found = networks.features(network, x)
        assert found.shape == (9, 36) and torch.allclose(found @ weights, network(x)[:, 0])
    assert networks.features(torch.nn.Linear(2, 1), x) is None


@pytest.mark.parametrize("arm", ["mahalanobis-64", "mahalanobis-lbfgs-64", "ridge-lbfgs-64", "mlp-tanh-lbfgs-64"])
def test_float64_is_float64(arm, monkeypatch):
    seen = set()
    real = gmnm_fits.minimise

    def record(parameters, loss, *words, **named):
        seen.update({p.dtype for p in parameters} | {loss().dtype})
        return real(parameters, loss, *words, **named)

    monkeypatch.setattr(gmnm_fits, "minimise", record)
    trained(arm, rows=1)
    assert seen == {torch.float64} and torch.get_default_dtype() == torch.float32


def test_an_implementation_without_float64_is_refused_there():
    record = dataclasses.replace(
        registry.load().implementation("gmnm-mahalanobis", "eager"), dtypes=("float32",), source="built in"
    )
    x = torch.zeros(4, 2, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "unpack", lambda part, kind: record)
        with pytest.raises(ContractError, match="does not take float64"):
            Units("mahalanobis", 4).build(spec("gmnm-fit2d", "mahalanobis-64"), x, torch.Generator())


@pytest.mark.parametrize("arm", ["mahalanobis", "mlp-relu", "rbf", "mlp-tanh-lbfgs"])
def test_a_cell_is_the_same_again(arm):
    one, two, other = (trained(arm, rows=1, seed=seed) for seed in (0, 0, 1))
    for found in (one, two):
        for row in found["epochs"]:
            row.pop("seconds")
    assert one == two and one["epochs"][0]["test_error"] != other["epochs"][0]["test_error"]


def test_arms_of_a_seed_share_points_and_batches(monkeypatch):
    orders, permutation = [], torch.randperm

    def record(*words, **named):
        orders.append(permutation(*words, **named))
        return orders[-1]

    monkeypatch.setattr(gmnm_fits.torch, "randperm", record)
    for arm, seed in (("mlp-tanh", 0), ("ridge", 0), ("mlp-tanh", 1)):
        orders.append(None)
        trained(arm, rows=1, seed=seed)
    first, second, third = ([o for o in part if o is not None] for part in _split(orders))
    assert len(first) == len(second) > 1 and all(map(torch.equal, first, second))
    assert not torch.equal(first[0], third[0])


def _split(orders):
    places = [i for i, order in enumerate(orders) if order is None]
    return [orders[i:j] for i, j in zip(places, [*places[1:], len(orders)], strict=True)]


def test_what_a_cell_keeps_can_be_drawn():
    problem = dataclasses.replace(SURFACES["level-4"], **LITTLE)
    fit = Fit(problem, 0, torch.float32, "cpu")
    network = torch.nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.0, 1.0]]))
        network.bias.zero_()
    found = fit.kept(network)["surfaces"]
    assert set(found) == {"target", "fit", "residual"} and found["fit"]["side"] == 64
    rows = np.frombuffer(__import__("base64").b64decode(found["fit"]["levels"]), np.uint8).reshape(64, 64)
    assert (rows[0] == 255).all() and (rows[-1] == 0).all()  # x2 is upwards
    with torch.no_grad():
        network.bias.fill_(math.nan)
    assert set(fit.kept(network)["surfaces"]) == {"target"} and pictures.line(torch.tensor([math.nan])) == []


def test_an_initialisation_from_outside_is_another_start_of_the_headline(monkeypatch):
    chosen = experiment("gmnm-fit2d")
    eager = registry.load().implementation("gmnm-mahalanobis", "eager")
    start = registry.load().initialisation("gmnm-mahalanobis", "points")
    (record,) = cells(chosen, "level-1", None, "smoke", [], [0], eager, start)
    built = []
    monkeypatch.setattr(gmnm_fits, "run", lambda spec, report, arm, *words: built.append((spec, arm)))
    chosen.cell(record, silent)
    assert record["arm"] == "points" and built[0][1] == gmnm_fit2d.ARMS["mahalanobis"]
    x = Fit(dataclasses.replace(SURFACES["level-1"], **LITTLE), 0, torch.float32, "cpu").train_x
    layer = built[0][1].network.build(record, x, torch.Generator().manual_seed(0))
    assert torch.isin(layer.mu, x).all()  # centres on points


# -- claims ----------------------------------------------------------------------------------------------------------


def test_the_claims_of_the_fact_sheet_are_there():
    fits = [f"GMNM-F{n:02d}" for n in (*range(1, 8), 9, 10)]
    assert [claim.id for claim in claims.FIT2D] == [*fits, *(f"GMNM-E0{n}" for n in (1, 2, 3, 4, 6))]


def test_every_claim_can_be_judged():
    def arms(arm):
        own, _, level = arm.partition("@")
        other, _, own = own.rpartition(":")
        assert own in experiment(other or "gmnm-fit2d").arms and level in experiment(other or "gmnm-fit2d").problems
        end = 1e-6 if own.startswith("mahalanobis") else 1e-5 if own == "ridge" else 3e-2 if own == "rbf" else 3e-5
        return {
            seed: Run(
                seed,
                tuple(np.geomspace(1, end * (1 + seed / 10), 40)),
                tuple(range(100, 4100, 100)),
                {"diverged": None, "train_error": end, "points": 2 * end, "bump": end, "centre": end},
                metric=experiment("gmnm-fit2d").metric,
            )
            for seed in range(10)
        }

    found = {claim.id: claim.judge(arms) for claim in claims.FIT2D}
    for name, judged in found.items():
        for one in judged.parts or [judged]:
            assert one.verdict != NOT_RUN and one.seeds == (0 if name.startswith("GMNM-E") else 10)
    assert found["GMNM-F01"].verdict == found["GMNM-F06"].verdict == HOLDS and found["GMNM-F04"].verdict == AGREES
    assert found["GMNM-F03"].verdict == DOES_NOT_HOLD
    assert len(found["GMNM-F01"].parts) == 24
    assert any(line.startswith("on the test points") for line in found["GMNM-F01"].detail)
    assert any(line.startswith("by the error on the regular grid") for line in found["GMNM-F03"].detail)


def test_statistics_of_a_curve():
    run = Run(0, (1.0, 0.1, 0.01, 0.02, 1e-3), metric=experiment("gmnm-fit2d").metric)
    assert claims.progress(run) == pytest.approx(1) and claims.rises(run) == 0.25
    assert claims.exploded(run) == 0 and claims.overfit(run) is None
    known = dataclasses.replace(run, measures={"train_error": 1e-5, "points": 1e-4})
    assert claims.overfit(known) == pytest.approx(1) and claims.overfit_on_grid(known) == pytest.approx(2)


# -- what the pages say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, each in experiments().items() if each.paper == "gmnm"])
def test_no_words_are_marked_up(name):
    chosen = experiment(name)
    said = [*chosen.arms.values(), *(words for pair in chosen.decisions for words in pair)]
    said += [words for claim in chosen.claims for words in (claim.statement, claim.protocol, *claim.remarks.values())]
    assert not [words for words in said if "`" in words], "a page shows it as it is"
    assert not [words for words in chosen.arms.values() if words.startswith("the same")], "an arm says what it is"


@pytest.mark.parametrize("made", [gmnm_fit1d, gmnm_fit2d, gmnm_fit2d_equal, gmnm_centres])
def test_settings_are_those_of_the_arms(made):
    said = dict(made.EXPERIMENT.decisions)["settings"]
    rows = made.EXPERIMENT.budgets["paper"].epochs
    assert f"{rows} in the budget paper" in said and f"batches are of {made.BATCH} points" in said
    for arm, chosen in made.ARMS.items():
        (part,) = (
            part
            for part in said.replace(". Adam's", "; ").split("; ")
            if f" {arm}," in f"{part}," or "all arms" in part
        )
        wanted = (f"Adam at {chosen.rate:g},", f"{chosen.steps} steps a row")
        if chosen.method == LBFGS:
            wanted = (f"L-BFGS, up to {chosen.steps} iterations a row",)
        assert all(words in part for words in wanted), (arm, part)


def test_settings_of_several_methods():
    adam, quasi = regression.Method(ADAM, 5, 1e-2, decay=False), regression.Method(LBFGS, 7)
    said = regression.settings({"a": adam, "b": quasi, "c": adam}, 3)
    assert "Adam at 0.01, constant, 5 steps a row: a, c; L-BFGS, up to 7 iterations a row: b" in said
    assert regression.settings({"a": adam, "c": adam}, 3).endswith("5 steps a row: all arms")


def test_two_thirds_of_the_steps():
    steps = {arm: (chosen.steps, gmnm_fit2d.ARMS[arm].steps) for arm, chosen in gmnm_fit2d_equal.ARMS.items()}
    assert set(steps.values()) == {(50, 75)}
    assert gmnm_fit2d_equal.PARAMETERS % 7
