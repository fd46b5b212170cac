"""The integrators answer for each other, and a reference's error bound is honest."""

import math

import numpy as np
import pytest
import torch
from flint import arb

from gmbench.checks.errors import bound, reference, rounded
from gmbench.contract import EPS, TINY
from gmbench.references import arb as ball
from gmbench.references import gauss_legendre as gl
from gmbench.references import gm as by_integration
from gmbench.references import relu
from gmbench.registry import layer_type


def drawn(layer, regime, seed, dtype="float64", **sizes):
    """Inputs and cotangent of a regime."""
    kind = layer_type(layer)
    rng = np.random.default_rng(seed)
    sizes = {"K": 2, "d": 3, "C": 2, **sizes, **kind.fixed}
    inputs = kind.domain.draw(sizes, 3, regime, int(rng.integers(0, 3)), int(rng.integers(0, 2)), rng)
    return rounded(inputs, dtype), rng.standard_normal((3, sizes["C"]))


EVERY = [(layer, regime) for layer in ("gm", "gm-full") for regime in layer_type(layer).domain.regimes]


@pytest.mark.parametrize(("layer", "regime"), EVERY)
def test_quadrature_lies_within_its_bound_of_the_proven_enclosure(layer, regime):
    kind = layer_type(layer)
    for seed in range(12):
        inputs, G = drawn(layer, regime, seed)
        low, high = reference(kind, inputs, G), reference(kind, inputs, G, ball=True)
        S = bound(kind, inputs, G, "float64", 40)
        nondifferentiable = kind.nondifferentiable(inputs, EPS["float64"], 40)
        for name, enclosure in high.items():
            allowed = low[name].radius + 4 * EPS["float64"] * S[name] + enclosure.radius
            gap = np.abs((low[name].mid - enclosure.mid) - enclosure.rest)
            compared = ~nondifferentiable.get(name, np.zeros(gap.shape, bool))
            assert (gap <= allowed)[compared].all(), (seed, name, (gap / allowed)[compared].max())


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("regime", ["bulk", "both", "orthogonal", "point"])
def test_along_t_agrees_with_the_definition_over_beta(d, regime):
    inputs, G = drawn("gm", regime, d, d=d)
    inputs = {name: tensor[:2] if name == "x" else tensor for name, tensor in inputs.items()}
    along = by_integration.gm(inputs, G[:2])["value"].mid
    over = by_integration.over_beta(inputs, order=20 if d == 3 else 40)
    S = bound(layer_type("gm"), inputs, G[:2], "float64", 40)["value"]
    assert (np.abs(along - over) <= 1e-12 * S + 1e-300).all()


def test_ball_integrals_contain_the_closed_form():
    for z in (-30.0, -3.0, -0.25, 0.0):
        with ball.precision(200):
            t, root = arb(-z), arb(2).sqrt()
            n = (-t * t / 2).exp() / (2 * arb.pi()).sqrt()
            upper = (t / root).erfc() / 2
            closed = [n - t * upper, upper, n, n * t]
            found = relu.small_side_ball(arb(z))
        for want, got in zip(closed, found, strict=True):
            assert got.overlaps(want)
            assert float(got.rad()) <= 1e-20 * float(abs(want).mid()) + 1e-40


def test_without_panels_at_the_kink_the_orders_disagree():
    z = np.array(20.0)
    edges = np.array([0.0, 20.0])

    def integrand(tau):
        u = tau + z
        return (tau * np.exp(-u * u / 2))[None]

    low, high, _ = gl.integrate(integrand, edges)
    assert abs(low / high - 1) > 1e-6  # and so the bound would say that it is no reference


def test_doubled_precision_dot():
    a = np.array([[1e16, 1.0, -1e16]])
    assert gl.dot(a, np.ones(3))[0] == 1.0
    assert gl.dot(np.array([1 + 2.0**-30]), np.array([1 - 2.0**-30])) == 1 - 2.0**-60


def test_gm_full_contains_gm():
    inputs, G = drawn("gm", "bulk", 5, C=1)
    mu, sigma, U, v = (inputs[name] for name in ("mu", "sigma", "U", "v"))
    full = {
        "x": inputs["x"],
        "mu_omega": (U[:, 0] * mu).sum(1) + v[:, 0],
        "mu": mu,
        "cross": U[:, 0] * sigma**2,
        "Sigma": np.stack([np.diag(s**2) for s in sigma]),
    }
    want = reference(layer_type("gm"), inputs, G)["value"].mid
    assert np.allclose(reference(layer_type("gm-full"), full, G)["value"].mid, want, rtol=1e-13, atol=0)


def test_definition_by_sampling():
    inputs, G = drawn("gm", "bulk", 3)
    rng = np.random.default_rng(0)
    x, mu, sigma, U, v = (inputs[name] for name in ("x", "mu", "sigma", "U", "v"))
    beta = mu + sigma * rng.standard_normal((200_000, *mu.shape))
    samples = (
        np.maximum(np.einsum("skd,bd->sbk", beta, x), 0)[..., None] * (np.einsum("kcd,skd->skc", U, beta) + v)[:, None]
    )
    mean, error = samples.mean((0, 2)), samples.mean(2).std(0) / math.sqrt(len(samples))
    assert (np.abs(mean - by_integration.gm(inputs, G)["value"].mid) < 5 * error + 1e-12).all()


def test_bound_widens_with_the_claim_and_never_falls_below_underflow():
    kind = layer_type("gm")
    inputs, G = drawn("gm", "left", 1, dtype="float32")
    narrow = bound(kind, inputs, G, "float32", 1)["value"]
    wide = bound(kind, inputs, G, "float32", 1000)["value"]
    assert (wide >= narrow).all()
    tail = {"x": [[1.0]], "mu": [[-1000.0]], "sigma": [[1.0]], "U": [[[0.0]]], "v": [[1.0]]}
    inputs = {name: np.array(value) for name, value in tail.items()}
    S = bound(kind, inputs, np.ones((1, 1)), "float32", 1)
    assert S["value"][0, 0] >= TINY["float32"] / EPS["float32"]


def test_reference_imports_no_implementation():
    import subprocess
    import sys

    code = (
        "import sys, gmbench.references.gm, gmbench.references.gm_full; "
        "import gmbench.references.ugmm, gmbench.references.ugmm_tied; "
        "assert 'torch' not in sys.modules; "
        "assert not any(m.startswith('gmbench.layers') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_float32_inputs_are_taken_exactly():
    inputs, _ = drawn("gm", "bulk", 2, dtype="float32")
    for tensor in inputs.values():
        assert (torch.tensor(tensor, dtype=torch.float32).double().numpy() == tensor).all()
