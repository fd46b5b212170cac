"""Wrong implementations of the `gmnm` layer types and their Laplacians, written with the checks in view: see ``gm.py``.

``ALONE`` has one for every check of values, gradients, limits and relations of `gmnm-mahalanobis`. A second file,
``gmnm_blind.py``, was written without sight of the checks.
"""

import torch

import gmbench

ALONE = {}


def wrong(name, alone=None, layer="gmnm-mahalanobis", **capabilities):
    """Register a wrong implementation, for one dtype, and say which check alone catches it."""
    if alone:
        ALONE[alone] = f"{layer}/{name}"
    return gmbench.implementation(layer, name=name, **{"ulps": 64, "dtypes": ("float32",), **capabilities})


def projected(x, mu, L):
    """y, (..., M, n)"""
    return (L @ (x.unsqueeze(-2) - mu).unsqueeze(-1)).squeeze(-1)


def right(x, mu, L, pi):
    """The layer, right."""
    return torch.exp(-0.5 * projected(x, mu, L).square().sum(-1)) @ pi.mT


def off(value, part=1e-3):
    """A value that is off by a part of itself, with the right gradients."""
    return value + part * value.detach()


def steeper(tensor, factor=1.001):
    """A tensor whose gradient is multiplied."""
    return factor * tensor + ((1 - factor) * tensor).detach()


def middling(x, mu):
    """Whether the numbers of inputs and units are such as only the checks of drawn cases have."""
    return 3 < x.shape[-1] < 20 and len(mu) < 20


def many(mu):
    """Whether there are as many units as only the relations draw."""
    return 200 < len(mu) < 500


# -- caught by one check alone -----------------------------------------------------------------------------------------


@wrong("value-off-behind-right-gradients", alone="value")
def value_off_behind_right_gradients(x, mu, L, pi):
    """for 3 < d < 20, values a thousandth too large, with the right gradients"""
    return off(right(x, mu, L, pi)) if middling(x, mu) else right(x, mu, L, pi)


@wrong("x-gradient-off", alone="gradient-x")
def x_gradient_off(x, mu, L, pi):
    """for 3 < d < 20, gradients of x a thousandth too large"""
    return right(steeper(x) if middling(x, mu) else x, mu, L, pi)


@wrong("mu-gradient-off", alone="gradient-mu")
def mu_gradient_off(x, mu, L, pi):
    """for 3 < d < 20, gradients of the centres a thousandth too large"""
    return right(x, steeper(mu) if middling(x, mu) else mu, L, pi)


@wrong("L-gradient-off", alone="gradient-L")
def L_gradient_off(x, mu, L, pi):
    """for 3 < d < 20, gradients of the projections a thousandth too large"""
    return right(x, mu, steeper(L) if middling(x, mu) else L, pi)


@wrong("pi-gradient-off", alone="gradient-pi")
def pi_gradient_off(x, mu, L, pi):
    """for 3 < d < 20, gradients of the weights a thousandth too large"""
    return right(x, mu, L, steeper(pi) if middling(x, mu) else pi)


@wrong("empty-projection-counts", alone="limits")
def empty_projection_counts(x, mu, L, pi):
    """for four rows, a unit with a projection of length 0 counts a thousandth more"""
    empty = (L == 0).all(-1).any(-1) & ~(L == 0).all(-1).all(-1)
    f = torch.exp(-0.5 * projected(x, mu, L).square().sum(-1))
    return (f * torch.where(empty, 1.001, 1.0) if len(x) == 4 else f) @ pi.mT


@wrong("off-from-500-units", alone="large")
def off_from_500_units(x, mu, L, pi):
    """from 500 units on, values a thousandth too large"""
    return off(right(x, mu, L, pi)) if len(mu) >= 500 else right(x, mu, L, pi)


@wrong("last-unit-heavier", alone="permutation")
def last_unit_heavier(x, mu, L, pi):
    """for 200 < M < 500, the last 64 units count a thousandth more"""
    if many(mu):
        weight = torch.ones(len(mu), device=pi.device)
        weight[-64:] = 1.001
        pi = pi * weight
    return right(x, mu, L, pi)


@wrong("saturating-weights", alone="linearity")
def saturating_weights(x, mu, L, pi):
    """for 200 < M < 500, large weights count less"""
    return right(x, mu, L, pi * (1 - 1e-3 * torch.tanh(pi.abs())) if many(mu) else pi)


@wrong("where-it-is-counts", alone="shift")
def where_it_is_counts(x, mu, L, pi):
    """for 200 < M < 500, the signs of the centres count"""
    return off(right(x, mu, L, pi), mu.sign().mean().item()) if many(mu) else right(x, mu, L, pi)


@wrong("signs-of-projections-count", alone="projections")
def signs_of_projections_count(x, mu, L, pi):
    """for 200 < M < 500, the signs of the projections count"""
    side = (L * L.abs()).sum() / L.square().sum().clamp_min(1e-30)
    return off(right(x, mu, L, pi), 0.1 * side.item()) if many(mu) else right(x, mu, L, pi)


@wrong("number-of-projections-counts", alone="split")
def number_of_projections_counts(x, mu, L, pi):
    """for 200 < M < 500, values grow with the number of projections"""
    return off(right(x, mu, L, pi), 1e-3 * L.shape[1]) if many(mu) else right(x, mu, L, pi)


@wrong("unit-of-length-counts", alone="scale")
def unit_of_length_counts(x, mu, L, pi):
    """for 200 < M < 500, values depend on the unit of length"""
    size = torch.log(L.square().sum().clamp_min(1e-30))
    return off(right(x, mu, L, pi), 0.1 * torch.tanh(size / 8).item()) if many(mu) else right(x, mu, L, pi)


@wrong("centres-skipped", alone="mass")
def centres_skipped(x, mu, L, pi):
    """with 33 outputs, the only unit is missing where x lies on its centre in one input"""
    f = torch.exp(-0.5 * projected(x, mu, L).square().sum(-1))
    if pi.shape[0] == 33 and len(mu) == 1:
        f = f * ~((x.unsqueeze(-2) == mu) & (mu != 0)).any(-1)
    return f @ pi.mT


@wrong("lonely-unit-too-high", alone="smoothing")
def lonely_unit_too_high(x, mu, L, pi):
    """a unit that is alone among 30 inputs or more is a hundredth too high, unless rows agree in one of them"""
    lonely = len(mu) == 1 and x.shape[-1] >= 30 and not (x == x[:1]).all(0).any()
    return right(x, mu, L, 1.01 * pi if lonely else pi)


# -- mistakes that the checks were made for ----------------------------------------------------------------------------


@wrong("square-expanded", layer="gmnm-mahalanobis")
def expanded_square(x, mu, L, pi):
    """|L (x - mu)|^2 by its three terms, which cancel"""
    precision = L.mT @ L
    q = torch.einsum("...i,mij,...j->...m", x, precision, x) - 2 * torch.einsum("...i,mij,mj->...m", x, precision, mu)
    q = q + torch.einsum("mi,mij,mj->m", mu, precision, mu)
    return torch.exp(-0.5 * q.clamp_min(0)) @ pi.mT


@wrong("distant-units-dropped", layer="gmnm-ridge")
def far_units_dropped(x, W, b, pi):
    """units with |y| > 12, whose f is 1e-32, are left out, though a float32 has them"""
    y = x @ W.mT + b
    return torch.where(y.abs() > 12, 0.0, torch.exp(-0.5 * y.square())) @ pi.mT


@wrong("ridge-in-half-precision", layer="gmnm-ridge")
def ridge_in_half_precision(x, W, b, pi):
    """the exponentials in bfloat16"""
    y = x @ W.mT + b
    return torch.exp((-0.5 * y.square()).bfloat16()).to(pi.dtype) @ pi.mT


@wrong("beta-inside", layer="gmnm-agp")
def beta_inside(x, mu, a, b, alpha, beta, pi):
    """beta is added for every projection"""
    inner = (a @ (x.unsqueeze(-2) - mu).unsqueeze(-1)).squeeze(-1) + b
    return torch.exp(-0.5 * (alpha * inner + beta.unsqueeze(-1)).sum(-1).square()) @ pi.mT


@wrong("squares-inside", layer="gmnm-agp")
def squares_inside(x, mu, a, b, alpha, beta, pi):
    """the quartic reading: the projections are squared before they are added"""
    inner = (a @ (x.unsqueeze(-2) - mu).unsqueeze(-1)).squeeze(-1) + b
    return torch.exp(-0.5 * ((alpha * inner.square()).sum(-1) + beta).square()) @ pi.mT


@wrong("laplacian-without-its-zero", layer="gmnm-ridge", quantity="laplacian")
def laplacian_without_its_zero(x, W, b, pi):
    """y^2 - 1 as a difference of exponentials' logarithms, wrong where it changes its sign"""
    y = x @ W.mT + b
    bend = torch.expm1(torch.log(y.square().clamp_min(1e-30)))
    return (W.square().sum(-1) * bend.sign() * bend.abs().clamp_min(1e-3) * torch.exp(-0.5 * y.square())) @ pi.mT


@wrong("laplacian-by-differences", layer="gmnm-ridge", quantity="laplacian", dtypes=("float64",))
def laplacian_by_differences(x, W, b, pi):
    """second differences along each input, with a step of 1e-4"""

    def value(x):
        return torch.exp(-0.5 * (x @ W.mT + b).square()) @ pi.mT

    steps = 1e-4 * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    return sum(value(x + step) - 2 * value(x) + value(x - step) for step in steps) / 1e-8


@wrong("trace-detached", layer="gmnm-mahalanobis", quantity="laplacian")
def trace_detached(x, mu, L, pi):
    """the trace has no gradient"""
    y = projected(x, mu, L)
    v = (L.mT @ y.unsqueeze(-1)).squeeze(-1)
    bend = v.square().sum(-1) - L.square().sum((-1, -2)).detach()
    return (bend * torch.exp(-0.5 * y.square().sum(-1))) @ pi.mT


@wrong("trace-of-the-inputs", layer="gmnm-mahalanobis", quantity="laplacian")
def trace_of_the_inputs(x, mu, L, pi):
    """the number of inputs in the place of the trace of L L^T"""
    y = projected(x, mu, L)
    v = (L.mT @ y.unsqueeze(-1)).squeeze(-1)
    return ((v.square().sum(-1) - x.shape[-1]) * torch.exp(-0.5 * y.square().sum(-1))) @ pi.mT
