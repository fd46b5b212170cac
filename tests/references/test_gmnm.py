"""`gmnm`: the formulas in balls, integrals and double differences answer for each other; what the readings are."""

import numpy as np
import pytest
from flint import arb

from gmbench.checks.errors import bound, reference, rounded
from gmbench.contract import EPS
from gmbench.references import arb as ball
from gmbench.references import gmnm as by
from gmbench.registry import layer_type, layer_types

KINDS = [pytest.param(kind, id=name) for name, kind in layer_types().items() if name.startswith("gmnm")]
VALUES = [pytest.param(layer_type(name), id=name) for name in ("gmnm-ridge", "gmnm-mahalanobis", "gmnm-agp")]
LAPLACIANS = [pytest.param(layer_type(name), id=name) for name in ("gmnm-ridge", "gmnm-mahalanobis")]
SIZES = {"M": 3, "n": 2, "d": 3, "C": 2}


def drawn(kind, regime, seed, batch=3):
    """Inputs and cotangent of a regime, in float64."""
    rng = np.random.default_rng(seed)
    inputs = kind.domain.draw(SIZES, batch, regime, int(rng.integers(0, 3)), int(rng.integers(0, 2)), rng)
    return rounded(inputs, "float64"), rng.standard_normal((batch, SIZES["C"]))


def laplacian_of(kind):
    return layer_type(kind.quantities["laplacian"])


def within(kind, farthest, seed):
    """Inputs whose projections y are of at most ``farthest``, one of them just there."""
    rng = np.random.default_rng(seed)
    inputs = rounded(kind.domain.draw(SIZES, 2, "bulk", 0, 0, rng), "float64")
    x, pi, rest = inputs["x"], inputs["pi"], {n: a for n, a in inputs.items() if n not in ("x", "pi")}
    A, c = by.units(**rest)
    most = np.abs((x[:, None, None] * A).sum(-1) + c).max() / farthest
    scaled = {"W": ("W", "b"), "L": ("L",), "alpha": ("alpha", "beta")}
    names = next(names for key, names in scaled.items() if key in rest)
    return {**rest, **{name: rest[name] / most for name in names}, "x": x, "pi": pi}


def apart(one, other):
    """The least distance of two enclosures, 0 where they overlap."""
    gap = np.abs((one.mid - other.mid) + (one.rest - other.rest))
    return np.maximum(gap - one.radius - other.radius, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_formula_in_float64_lies_within_four_eps_of_the_proven_enclosure(kind):
    for regime in kind.domain.regimes:
        for seed in range(3):
            inputs, G = drawn(kind, regime, seed)
            low, high = reference(kind, inputs, G), reference(kind, inputs, G, ball=True)
            S = bound(kind, inputs, G, "float64", 16)
            for name, enclosure in high.items():
                gap = np.abs((low[name].mid - enclosure.mid) - enclosure.rest)
                assert (gap <= 4 * EPS["float64"] * S[name] + enclosure.radius).all(), (regime, seed, name)
                assert (enclosure.radius <= 1e-15 * EPS["float64"] * S[name]).all(), (regime, seed, name)


@pytest.mark.parametrize("kind", VALUES)
def test_the_characteristic_function_gives_the_same_values_near_the_centre(kind):
    for seed in range(5):
        inputs = within(kind, 2.5, seed)
        value, _ = by.near(**inputs)
        proven = reference(kind, inputs, np.ones((2, 2)), ball=True)["value"]
        assert apart(value, proven).max() == 0
        assert value.radius.max() < 1e-12 * np.abs(inputs["pi"]).sum(1).max()


@pytest.mark.parametrize("kind", LAPLACIANS)
def test_its_second_derivatives_give_the_same_laplacians(kind):
    for seed in range(5):
        inputs = within(kind, 2.5, seed)
        _, laplacian = by.near(**inputs)
        proven = reference(laplacian_of(kind), inputs, np.ones((2, 2)), ball=True)["value"]
        assert apart(laplacian, proven).max() == 0
        assert laplacian.radius.max() < 1e-11 * np.abs(inputs["pi"]).sum(1).max()


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("farthest", [8, 20])
def test_in_balls_the_characteristic_function_reaches_the_tails(kind, farthest):
    inputs = within(kind, farthest, 0)
    found = by.near_ball(**inputs)
    G = np.ones((2, 2))
    kinds = [kind, laplacian_of(kind)] if kind.quantities else [kind]
    for enclosure, judged in zip(found, kinds, strict=False):
        proven = reference(judged, inputs, G, ball=True)["value"]
        assert apart(enclosure, proven).max() == 0
        assert (enclosure.radius <= 1e-12 * np.abs(enclosure.mid)).all()


def test_the_score_along_a_ray_reaches_every_tail():
    y = np.random.default_rng(0).standard_normal((20, 3)) * np.geomspace(1, 1e4, 20)[:, None]
    start = np.minimum(1, 2 / np.linalg.norm(y, axis=1))
    ray = by.along_the_ray(y, start)
    with ball.precision(200):
        at = [-sum(arb(v) ** 2 for v in row) / 2 for row in y.tolist()]
        gap = [a * (1 - arb(s) ** 2) - arb(m) for a, s, m in zip(at, start.tolist(), ray.mid.tolist(), strict=True)]
        assert all(abs(float(g.mid())) <= 4 * float(r) for g, r in zip(gap, ray.radius, strict=True))
    assert (ray.radius <= 1e-14 * np.abs(ray.mid)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradients_are_those_of_the_value(kind):
    """Central differences of the value in 300 bits, as directional derivatives of every input."""
    inputs, G = drawn(kind, "both", 1)
    proven = reference(kind, inputs, G, ball=True)
    rng = np.random.default_rng(2)
    formula = by.FORMULAS[kind.name]
    with ball.precision(300):
        exact = {name: ball.balls(array) for name, array in inputs.items()}
        for name in inputs:
            direction = ball.balls(rng.standard_normal(inputs[name].shape))
            step = arb(2) ** -80

            def total(sign, name=name, direction=direction, step=step):
                moved = {**exact, name: exact[name] + direction * (step * sign)}
                return (formula(**moved, G=ball.balls(G), exp=by.balls_exp)["value"] * ball.balls(G)).sum()

            slope = (total(1) - total(-1)) / (2 * step)
            along = (ball.balls(proven[name].mid) * direction).sum()
            size = float(sum(abs(v) for v in (ball.balls(proven[name].mid) * direction).ravel()).mid())
            assert abs(float((slope - along).mid())) <= 1e-14 * size, name


@pytest.mark.parametrize("kind", LAPLACIANS)
def test_the_laplacian_is_the_sum_of_second_differences(kind):
    inputs, G = drawn(kind, "both", 3)
    value, laplacian = by.FORMULAS[kind.name], by.FORMULAS[laplacian_of(kind).name]
    with ball.precision(400):
        exact = {name: ball.balls(array) for name, array in {**inputs, "G": G}.items()}
        step = arb(2) ** -80
        found = laplacian(**exact, exp=by.balls_exp)["value"]
        total = -2 * inputs["x"].shape[1] * value(**exact, exp=by.balls_exp)["value"]
        for i in range(inputs["x"].shape[1]):
            for sign in (1, -1):
                x = exact["x"].copy()
                x[:, i] = x[:, i] + sign * step
                total = total + value(**{**exact, "x": x}, exp=by.balls_exp)["value"]
        for one, other in zip((total / (step * step)).ravel(), found.ravel(), strict=True):
            assert abs(float((one - other).mid())) <= 1e-20 * max(abs(float(other.mid())), 1e-300)


def log_rank(kind, inputs):
    """The rank of the Hessian of log f of the first unit, by second differences in 300 bits."""
    formula, d = by.FORMULAS[kind.name], inputs["x"].shape[1]
    with ball.precision(300):
        exact = {name: ball.balls(array[:1] if name not in ("x", "pi") else array) for name, array in inputs.items()}
        exact["pi"], exact["x"], step = ball.balls(np.ones((1, 1))), exact["x"][:1], arb(2) ** -60

        def log_at(move):
            x = exact["x"] + ball.balls(np.array([move], dtype=float)) * step
            return formula(**{**exact, "x": x}, G=ball.balls(np.ones((1, 1))), exp=by.balls_exp)["value"][0, 0].log()

        unit = np.eye(d)
        second = [
            [float(((log_at(a + b) - log_at(a) - log_at(b) + log_at(0 * a)) / (step * step)).mid()) for b in unit]
            for a in unit
        ]
    singular = np.linalg.svd(np.array(second), compute_uv=False)
    return (singular > 1e-10 * singular[0]).sum()


def test_the_readings_are_different_functions():
    """The Hessian of log f has rank 1 for a ridge, however many projections it has, and rank n for a Gaussian."""
    for name, rank in (("gmnm-ridge", 1), ("gmnm-agp", 1), ("gmnm-mahalanobis", 3)):
        kind = layer_type(name)
        rng = np.random.default_rng(5)
        inputs = rounded(kind.domain.draw({"M": 1, "n": 3, "d": 3, "C": 1}, 1, "bulk", 0, 0, rng), "float64")
        assert log_rank(kind, inputs) == rank, name


def test_in_one_dimension_ridge_and_mahalanobis_coincide():
    rng = np.random.default_rng(6)
    x, mu, L, pi = (rng.integers(-8, 9, shape) / 4 for shape in ((5, 1), (3, 1), (3, 1, 1), (2, 3)))
    G = rng.standard_normal((5, 2))
    ridge = by.ridge({"x": x, "W": L[:, 0], "b": -(L[:, 0] * mu)[:, 0], "pi": pi}, G)
    full = by.mahalanobis({"x": x, "mu": mu, "L": L, "pi": pi}, G)
    for name in ("value", "x", "pi"):
        assert np.allclose(ridge[name].mid, full[name].mid, rtol=1e-14, atol=0), name


def test_a_precision_matrix_and_its_factor_give_one_gaussian():
    rng = np.random.default_rng(7)
    F = rng.standard_normal((3, 3))
    precision = F @ F.T + np.eye(3)
    x, mu = rng.standard_normal((6, 3)), rng.standard_normal(3)
    inputs = {"x": x, "mu": mu[None], "L": np.linalg.cholesky(precision).T[None], "pi": np.ones((1, 1))}
    dense = np.exp(-np.einsum("bi,ij,bj->b", x - mu, precision, x - mu) / 2)
    assert np.allclose(by.mahalanobis(inputs, np.ones((6, 1)))["value"].mid[:, 0], dense, rtol=1e-13, atol=0)
