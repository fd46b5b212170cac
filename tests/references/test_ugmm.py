"""`ugmm`: integrals, scipy and the formula in ball arithmetic answer for each other; what the layer is not."""

import numpy as np
import pytest
from scipy.stats import norm

from gmbench.checks.errors import bound, reference, rounded
from gmbench.contract import EPS
from gmbench.references import gauss_legendre as gl
from gmbench.references import ugmm as by
from gmbench.registry import layer_type

UNTIED, TIED = layer_type("ugmm"), layer_type("ugmm-tied")
KINDS = [pytest.param(kind, id=kind.name) for kind in (UNTIED, TIED)]
LOG_ROOT = np.log(2 * np.pi) / 2


def drawn(kind, regime, seed, batch=3, **sizes):
    """Inputs and cotangent of a regime, in float64."""
    rng = np.random.default_rng(seed)
    sizes = {"d": 4, "C": 2, **sizes}
    inputs = kind.domain.draw(sizes, batch, regime, int(rng.integers(0, 3)), int(rng.integers(0, 2)), rng)
    return rounded(inputs, "float64"), rng.standard_normal((batch, sizes["C"]))


def within(z, rng, d=4, C=2):
    """Inputs whose components lie within z deviations, one of them just there."""
    inputs = {
        "x": rng.standard_normal((2, d)),
        "mu": rng.standard_normal((C, d)),
        "logits": rng.standard_normal((C, d)),
    }
    farthest = np.abs(inputs["x"][:, None] - inputs["mu"]).max(0)
    return {**inputs, "log_sigma": np.log(farthest / (z * rng.uniform(0.5, 1, (C, d))))}, rng.standard_normal((2, C))


def apart(one, other):
    """The least distance of two enclosures, 0 where they overlap."""
    gap = np.abs((one.mid - other.mid) + (one.rest - other.rest))
    return np.maximum(gap - one.radius - other.radius - 1e-30 * np.abs(one.mid), 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("regime", UNTIED.domain.regimes)
def test_the_formula_in_float64_lies_within_four_eps_of_the_proven_enclosure(kind, regime):
    for seed in range(5):
        inputs, G = drawn(kind, regime, seed)
        low, high = reference(kind, inputs, G), reference(kind, inputs, G, ball=True)
        S = bound(kind, inputs, G, "float64", 16)
        for name, enclosure in high.items():
            gap = np.abs((low[name].mid - enclosure.mid) - enclosure.rest)
            assert (gap <= 4 * EPS["float64"] * S[name] + enclosure.radius).all(), (seed, name)
            assert (enclosure.radius <= 1e-20 * EPS["float64"] * S[name]).all(), (seed, name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("regime", UNTIED.domain.regimes)
def test_the_score_along_the_ray_reaches_every_tail(kind, regime):
    best = []
    for seed in range(5):
        inputs, G = drawn(kind, regime, seed)
        found, proven = by.by_integrals(inputs), reference(kind, inputs, G, ball=True)["value"]
        unit = EPS["float64"] * bound(kind, inputs, G, "float64", 16)["value"]
        assert (np.abs(found.mid - proven.mid) <= found.radius + 4 * unit).all(), seed
        best.append((found.radius / unit).max())
    assert np.median(best) < 64  # and that bound says something


@pytest.mark.parametrize("z", [0.5, 6.0, 30.0])
def test_the_characteristic_function_gives_the_same_value_and_gradients(z):
    inputs, G = within(z, np.random.default_rng(int(z)), d=2 if z > 10 else 4, C=1 if z > 10 else 2)
    fourier, formula = by.near_ball(inputs, G), by.ugmm_ball(inputs, G)
    for name, enclosure in fourier.items():
        assert not apart(enclosure, formula[name]).any(), name
        assert (enclosure.radius <= 1e-20 * np.abs(enclosure.mid)).all(), name


@pytest.mark.parametrize("tied", [False, True])
def test_the_characteristic_function_in_float64_is_good_near_the_centre_alone(tied):
    for z in (0.1, by.NEAR):
        inputs, G = within(z, np.random.default_rng(4), C=1)
        inputs = {**inputs, "mu": inputs["mu"][0]} if tied else inputs
        for name, enclosure in by.near(inputs, G).items():
            assert (np.abs(enclosure.mid - by.ugmm(inputs, G)[name].mid) <= enclosure.radius + 1e-14).all(), name
    inputs, G = within(12.0, np.random.default_rng(4))
    assert by.near(inputs, G)["value"].radius.max() > 1e-3  # it says itself that it is no reference there


@pytest.mark.parametrize("tied", [False, True])
def test_the_gradients_integrate_to_the_difference_of_values(tied):
    """Along a straight line in x and all parameters at once."""
    start, G = within(4.0, np.random.default_rng(1))
    end, _ = within(4.0, np.random.default_rng(2))
    if tied:
        start["mu"], end["mu"] = start["mu"][0], end["mu"][0]

    def slope(tau):
        points = ({name: start[name] + s * (end[name] - start[name]) for name in start} for s in tau)
        found = (by.ugmm(inputs, G) for inputs in points)
        return np.array([[sum((f[name].mid * (end[name] - start[name])).sum() for name in start) for f in found]])

    low, high, _ = gl.integrate(slope, np.linspace(0, 1, 9))
    difference = (G * (by.ugmm(end, G)["value"].mid - by.ugmm(start, G)["value"].mid)).sum()
    assert abs(high - difference) <= 1e-11 and abs(low - difference) <= 1e-6


def test_of_one_component_it_is_the_normal_density():
    rng = np.random.default_rng(1)
    x, mu, log_sigma = rng.standard_normal((5, 1)), rng.standard_normal((3, 1)), rng.standard_normal((3, 1))
    inputs = {"x": x, "mu": mu, "log_sigma": log_sigma, "logits": rng.standard_normal((3, 1))}
    value = by.ugmm(inputs, np.ones((5, 3)))["value"].mid
    assert np.allclose(value, norm.logpdf(x, mu.T, np.exp(log_sigma.T)), rtol=1e-14, atol=1e-14)


def test_each_component_sees_its_own_input():
    inputs, G = drawn(UNTIED, "bulk", 3)
    p = np.exp(inputs["logits"]) / np.exp(inputs["logits"]).sum(1, keepdims=True)
    densities = norm.pdf(inputs["x"][:, None], inputs["mu"], np.exp(inputs["log_sigma"]))
    assert np.allclose(by.ugmm(inputs, G)["value"].mid, np.log((p * densities).sum(-1)), rtol=1e-13, atol=1e-13)


def test_a_logit_of_minus_infinity_removes_its_component():
    inputs, G = drawn(UNTIED, "both", 5)
    gone = {**inputs, "logits": np.where(np.arange(4) == 2, -np.inf, inputs["logits"])}
    rest = {name: np.delete(tensor, 2, -1) for name, tensor in inputs.items()}
    for ball in (False, True):
        with_it, without = reference(UNTIED, gone, G, ball), reference(UNTIED, rest, G, ball)
        assert np.allclose(with_it["value"].mid, without["value"].mid, rtol=1e-14)
        for name in ("x", *UNTIED.names):
            assert (with_it[name].mid[..., 2] == 0).all()
            assert np.allclose(np.delete(with_it[name].mid, 2, -1), without[name].mid, rtol=1e-12)
    S = bound(UNTIED, gone, G, "float32", 16)
    assert all(np.isfinite(S[name]).all() for name in S)
    assert (S["mu"][:, 2] == 0).all()  # nothing but 0 is right there


def test_tied_means_are_means_that_all_neurons_have():
    inputs, G = drawn(TIED, "bulk", 2)
    tied = reference(TIED, inputs, G)
    untied = reference(UNTIED, {**inputs, "mu": np.stack([inputs["mu"]] * 2)}, G)
    assert np.allclose(tied["mu"].mid, untied["mu"].mid.sum(0), rtol=1e-13, atol=1e-13)
    assert all(np.array_equal(tied[name].mid, untied[name].mid) for name in ("value", "x", "log_sigma", "logits"))


# -- what exp(value) is a density of, and what not ---------------------------------------------------------------------


def sums_to(inputs, points):
    """exp of the value of the first neuron at the rows of points."""
    return np.exp(by.ugmm({**inputs, "x": points}, np.ones((len(points), len(inputs["logits"]))))["value"].mid[:, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_over_a_common_input_it_is_a_density(kind):
    inputs, _ = drawn(kind, "bulk", 0, d=6, C=1)
    inputs["log_sigma"] = np.clip(inputs["log_sigma"], -2, 2)
    edges = np.linspace(-1, 1, 81) * (np.abs(inputs["mu"]).max() + 12 * np.exp(2))
    low, high, _ = gl.integrate(lambda y: sums_to(inputs, np.repeat(y[:, None], 6, 1))[None], edges)
    assert abs(high[0] - 1) < 1e-12 and abs(low[0] - 1) < 1e-9


def test_over_its_inputs_it_is_no_density():
    """Each component ignores the other inputs: over [-L, L]^2 the integral is 2 L, and it has no end.

    So the value is a score, not a log-likelihood, and nothing here may call it one.
    """
    rng = np.random.default_rng(3)
    inputs = {name: rng.uniform(-1, 1, (1, 2)) for name in UNTIED.names}

    def over_square(L):
        nodes, weights = gl.rule(12)
        edges = np.linspace(-L, L, 2 * L + 1)
        y, w = (edges[:-1, None] + np.diff(edges)[:, None] * nodes).ravel(), np.tile(weights, 2 * L)
        grid = np.stack(np.meshgrid(y, y), -1).reshape(-1, 2)
        return sums_to(inputs, grid) @ np.outer(w, w).ravel()

    assert [over_square(L) for L in (5, 10)] == pytest.approx([10.0, 20.0], rel=0.03)
    assert over_square(10) == pytest.approx(20.0, rel=1e-4)  # what lies beyond is a tail by then
    over_one, _, _ = gl.integrate(
        lambda y: sums_to({n: t[:, :1] for n, t in inputs.items()}, y[:, None])[None], np.linspace(-40, 40, 81)
    )
    assert over_one[0] == pytest.approx(1.0, abs=1e-9)


# -- the error bound ---------------------------------------------------------------------------------------------------


def test_the_bound_widens_with_the_claim_and_is_no_less_than_a_tie_needs():
    tie = {"x": [[1e4, 1e4]], "mu": [[0.0, 0.0]], "log_sigma": [[0.0, 0.0]], "logits": [[0.0, 0.0]]}
    inputs, G = {name: np.array(value) for name, value in tie.items()}, np.ones((1, 1))
    narrow, wide = (bound(UNTIED, inputs, G, "float32", claim) for claim in (1, 256))
    assert all((wide[name] >= narrow[name]).all() for name in narrow)
    # out = t + log 2 rounds to t: exp(t - out) is 1 instead of 1/2, and torch's own logsumexp does so
    assert (EPS["float32"] * narrow["mu"] >= 0.5 * 1e4).all()
