"""Twenty-four wrong implementations of the gmnm layers, each with one mistake, written without sight of the checks.

They are material for the harness: every one of them must be refused. Most are right on ordinary inputs.
"""

import math

import torch
from torch.utils.weak import WeakIdKeyDictionary

import gmbench

EVERYWHERE = ("cpu", "cuda")
ALL = ("grad", "jvp", "vmap")


def project(x, mu, L):
    """The projections L_m (x - mu_m), (..., M, n)."""
    return (L @ (x.unsqueeze(-2) - mu).unsqueeze(-1)).squeeze(-1)


def pull_back(L, y):
    """L_m^T y_m, (..., M, d)."""
    return (L.mT @ y.unsqueeze(-1)).squeeze(-1)


def rows(t, trailing):
    """All axes before the last ``trailing`` ones as one."""
    return t.reshape(-1, *t.shape[-trailing:])


# gmnm-ridge: right values for most inputs


@gmbench.implementation(
    "gmnm-ridge", name="far-units-dropped", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL
)
def far_units_dropped(x, W, b, pi):
    """Units beyond 8 widths, below 1.3e-14, are left out, even where no unit is nearer or their weights are great."""
    y = x @ W.mT + b
    return torch.where(y.abs() > 8, 0, torch.exp(-0.5 * y.square())) @ pi.mT


@gmbench.implementation("gmnm-ridge", name="half-operands", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def half_operands(x, W, b, pi):
    """From 64 units on, both factors of the last product are rounded to float16 and summed in full precision."""
    units = torch.exp(-0.5 * (x @ W.mT + b).square())
    if len(W) >= 64:
        units, pi = units.half().to(units), pi.half().to(pi)
    return units @ pi.mT


@gmbench.implementation(
    "gmnm-ridge", name="layout-by-shape", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL
)
def layout_by_shape(x, W, b, pi):
    """Whether the directions lie in rows or columns is told from the shape: for M = d they are taken as columns."""
    directions = W if W.shape[0] == x.shape[-1] else W.mT
    return torch.exp(-0.5 * (x @ directions + b).square()) @ pi.mT


# gmnm-ridge: right values, wrong derivatives


class Ridge(torch.autograd.Function):
    """The layer with a backward pass by hand; a wrong one replaces ``for_x`` or ``for_b``."""

    @staticmethod
    def forward(ctx, x, W, b, pi):
        ctx.save_for_backward(x, W, b, pi)
        return torch.exp(-0.5 * (x @ W.mT + b).square()) @ pi.mT

    @classmethod
    def for_x(cls, grad, fall, pi, W):
        """From ``fall``, the derivatives of the units with respect to y."""
        return ((grad @ pi) * fall) @ W

    @classmethod
    def for_b(cls, slope):
        return slope.sum(0)

    @classmethod
    def derive(cls, ctx, grad):
        x, W, b, pi = ctx.saved_tensors
        y = x @ W.mT + b
        units = torch.exp(-0.5 * y.square())
        fall = -y * units
        slope = rows((grad @ pi) * fall, 1)
        return cls.for_x(grad, fall, pi, W), slope.mT @ rows(x, 1), cls.for_b(slope), rows(grad, 1).mT @ rows(units, 1)


class BatchMean(Ridge):
    @staticmethod
    def backward(ctx, grad):
        return BatchMean.derive(ctx, grad)

    @classmethod
    def for_b(cls, slope):
        return slope.sum(0) / max(len(slope), 1)


@gmbench.implementation("gmnm-ridge", name="batch-mean", ulps=64, devices=EVERYWHERE)
def batch_mean(x, W, b, pi):
    """The gradient of b is the mean over the batch instead of the sum: right for one row."""
    return BatchMean.apply(x, W, b, pi)


class FirstOutput(Ridge):
    @staticmethod
    def backward(ctx, grad):
        return FirstOutput.derive(ctx, grad)

    @classmethod
    def for_x(cls, grad, fall, pi, W):
        return (grad.sum(-1, keepdim=True) * pi[0] * fall) @ W


@gmbench.implementation("gmnm-ridge", name="first-output", ulps=64, devices=EVERYWHERE)
def first_output(x, W, b, pi):
    """The gradient of x weighs the units with the first output's pi for all outputs: right for C = 1."""
    return FirstOutput.apply(x, W, b, pi)


# gmnm-mahalanobis: right values for some inputs


@gmbench.implementation(
    "gmnm-mahalanobis", name="expanded-square", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL
)
def expanded_square(x, mu, L, pi):
    """|Lx|^2 - 2 Lx Lmu + |Lmu|^2, kept from going below 0: cancels where x and mu are far from 0 and near by."""
    at_x = (L @ x.unsqueeze(-2).unsqueeze(-1)).squeeze(-1)
    at_mu = (L @ mu.unsqueeze(-1)).squeeze(-1)
    square = at_x.square().sum(-1) - 2 * (at_x * at_mu).sum(-1) + at_mu.square().sum(-1)
    return torch.exp(-0.5 * square.clamp_min(0)) @ pi.mT


@gmbench.implementation(
    "gmnm-mahalanobis", name="transposed-when-square", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL
)
def transposed_when_square(x, mu, L, pi):
    """L^T for L where n = d, as if L L^T were the precision: right where L is symmetric or n differs from d."""
    factor = L.mT if L.shape[-1] == L.shape[-2] else L
    return torch.exp(-0.5 * project(x, mu, factor).square().sum(-1)) @ pi.mT


@gmbench.implementation(
    "gmnm-mahalanobis", name="sum-then-square", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL
)
def sum_then_square(x, mu, L, pi):
    """The projections are summed and the sum is squared, the form of a ridge: right for n = 1."""
    return torch.exp(-0.5 * project(x, mu, L).sum(-1).square()) @ pi.mT


@gmbench.implementation(
    "gmnm-mahalanobis", name="clamped-exponent", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL
)
def clamped_exponent(x, mu, L, pi):
    """The exponent is kept above -50: every row beyond 10 widths is equally far, and without a gradient."""
    return torch.exp((-0.5 * project(x, mu, L).square().sum(-1)).clamp_min(-50)) @ pi.mT


# gmnm-mahalanobis: right values, wrong derivatives


@gmbench.implementation(
    "gmnm-mahalanobis", name="square-of-norm", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL
)
def square_of_norm(x, mu, L, pi):
    """The norm is taken and squared again: at the centre, where it has a kink, the second derivatives are wrong."""
    return torch.exp(-0.5 * torch.linalg.vector_norm(project(x, mu, L), dim=-1).square()) @ pi.mT


class OuterWithX(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, mu, L, pi):
        ctx.save_for_backward(x, mu, L, pi)
        return torch.exp(-0.5 * project(x, mu, L).square().sum(-1)) @ pi.mT

    @staticmethod
    def backward(ctx, grad):
        x, mu, L, pi = ctx.saved_tensors
        y = project(x, mu, L)
        units = torch.exp(-0.5 * y.square().sum(-1))
        slope = -((grad @ pi) * units).unsqueeze(-1) * y  # (..., M, n)
        dz = pull_back(L, slope)
        dL = torch.einsum("rmn,rd->mnd", rows(slope, 2), rows(x, 1))
        return dz.sum(-2), -rows(dz, 2).sum(0), dL, rows(grad, 1).mT @ rows(units, 1)


@gmbench.implementation("gmnm-mahalanobis", name="outer-with-x", ulps=64, devices=EVERYWHERE)
def outer_with_x(x, mu, L, pi):
    """The gradient of L is the outer product with x instead of x - mu: right for centres at 0."""
    return OuterWithX.apply(x, mu, L, pi)


# gmnm-agp


@gmbench.implementation("gmnm-agp", name="square-inside", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def square_inside(x, mu, a, b, alpha, beta, pi):
    """Every projection is squared before they are summed, the other reading of Eq. 3: right for n = 1."""
    y = alpha * (project(x, mu, a) + b) + beta.unsqueeze(-1)
    return torch.exp(-0.5 * y.square().sum(-1)) @ pi.mT


@gmbench.implementation("gmnm-agp", name="minus-beta", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def minus_beta(x, mu, a, b, alpha, beta, pi):
    """beta is subtracted, as a centre is: right for beta = 0, or where beta is all of y."""
    y = (alpha * (project(x, mu, a) + b)).sum(-1) - beta
    return torch.exp(-0.5 * y.square()) @ pi.mT


COLLAPSED = WeakIdKeyDictionary()


def collapsed(a, alpha):
    """w = sum over n of alpha_n a_n, (M, d), kept with ``a`` when no gradient is asked of it."""
    if torch.is_grad_enabled() and (a.requires_grad or alpha.requires_grad):
        return (alpha.unsqueeze(-1) * a).sum(-2)
    if a not in COLLAPSED:
        COLLAPSED[a] = (alpha.unsqueeze(-1) * a).sum(-2)
    return COLLAPSED[a]


@gmbench.implementation("gmnm-agp", name="stale-collapse", ulps=64, devices=EVERYWHERE)
def stale_collapse(x, mu, a, b, alpha, beta, pi):
    """Without gradients the collapsed direction is kept by ``a`` alone: stale for another alpha or a changed ``a``."""
    y = (collapsed(a, alpha) * (x.unsqueeze(-2) - mu)).sum(-1) + (alpha * b).sum(-1) + beta
    return torch.exp(-0.5 * y.square()) @ pi.mT


class AlphaWithoutOffset(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, mu, a, b, alpha, beta, pi):
        ctx.save_for_backward(x, mu, a, b, alpha, beta, pi)
        y = (alpha * (project(x, mu, a) + b)).sum(-1) + beta
        return torch.exp(-0.5 * y.square()) @ pi.mT

    @staticmethod
    def backward(ctx, grad):
        x, mu, a, b, alpha, beta, pi = ctx.saved_tensors
        along = project(x, mu, a)
        y = (alpha * (along + b)).sum(-1) + beta
        units = torch.exp(-0.5 * y.square())
        slope = -(grad @ pi) * units * y  # (..., M)
        inner = slope.unsqueeze(-1) * alpha  # (..., M, n)
        dz = pull_back(a, inner)
        da = torch.einsum("rmn,rmd->mnd", rows(inner, 2), rows(x.unsqueeze(-2) - mu, 2))
        dalpha = rows(slope.unsqueeze(-1) * along, 2).sum(0)
        db, dbeta = rows(inner, 2).sum(0), rows(slope, 1).sum(0)
        return dz.sum(-2), -rows(dz, 2).sum(0), da, db, dalpha, dbeta, rows(grad, 1).mT @ rows(units, 1)


@gmbench.implementation("gmnm-agp", name="alpha-without-offset", ulps=64, devices=EVERYWHERE)
def alpha_without_offset(x, mu, a, b, alpha, beta, pi):
    """The gradient of alpha has a (x - mu) where a (x - mu) + b belongs: right for b = 0."""
    return AlphaWithoutOffset.apply(x, mu, a, b, alpha, beta, pi)


# The Laplacian of gmnm-ridge


@gmbench.implementation(
    "gmnm-ridge",
    quantity="laplacian",
    name="finite-differences",
    ulps=64,
    devices=EVERYWHERE,
    derivatives=2,
    transforms=ALL,
)
def finite_differences(x, W, b, pi):
    """Central second differences with the best step for entries about 1, the fourth root of the precision."""
    step = torch.finfo(x.dtype).eps ** 0.25
    total = 0
    for axis in step * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device):
        y = torch.stack([x + axis, x, x - axis], -2) @ W.mT + b
        ahead, here, behind = torch.exp(-0.5 * y.square()).unbind(-2)
        total = total + (ahead - 2 * here + behind)
    return (total / step**2) @ pi.mT


@gmbench.implementation(
    "gmnm-ridge",
    quantity="laplacian",
    name="of-the-logarithm",
    ulps=64,
    devices=EVERYWHERE,
    derivatives=2,
    transforms=ALL,
)
def of_the_logarithm(x, W, b, pi):
    """The output times the Laplacian of its logarithm, which lacks |grad f|^2 / f: right where f is stationary."""
    y = x @ W.mT + b
    units = torch.exp(-0.5 * y.square())
    value = units @ pi.mT
    slope = ((-y * units).unsqueeze(-2) * pi) @ W  # (..., C, d)
    return (W.square().sum(-1) * (y.square() - 1) * units) @ pi.mT - slope.square().sum(-1) / value


@gmbench.implementation(
    "gmnm-ridge",
    quantity="laplacian",
    name="half-folded-in",
    ulps=64,
    devices=EVERYWHERE,
    derivatives=2,
    transforms=ALL,
)
def half_folded_in(x, W, b, pi):
    """The half is folded into s = y / sqrt 2 and the factor is s^2 - 1 instead of 2 s^2 - 1: right at y = 0."""
    square = ((x @ W.mT + b) * math.sqrt(0.5)).square()
    return (W.square().sum(-1) * (square - 1) * torch.exp(-square)) @ pi.mT


class RidgeLaplacian(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, W, b, pi):
        ctx.save_for_backward(x, W, b, pi)
        y = x @ W.mT + b
        return (W.square().sum(-1) * (y.square() - 1) * torch.exp(-0.5 * y.square())) @ pi.mT

    @staticmethod
    def backward(ctx, grad):
        x, W, b, pi = ctx.saved_tensors
        y = x @ W.mT + b
        units = torch.exp(-0.5 * y.square())
        bend = (y.square() - 1) * units
        norms = W.square().sum(-1)
        weighted = grad @ pi
        slope = weighted * norms * y * (3 - y.square()) * units
        dW = rows(slope, 1).mT @ rows(x, 1) + 2 * W * rows(weighted * bend, 1).sum(0).unsqueeze(-1)
        db = rows(weighted * norms * y * (2 - y.square()) * units, 1).sum(0)
        return slope @ W, dW, db, rows(grad, 1).mT @ rows(norms * bend, 1)


@gmbench.implementation("gmnm-ridge", quantity="laplacian", name="offset-without-one", ulps=64, devices=EVERYWHERE)
def offset_without_one(x, W, b, pi):
    """The gradient of b is that of y^2 exp(-y^2 / 2): the -1 of y^2 - 1 is taken to vanish, though it has a factor."""
    return RidgeLaplacian.apply(x, W, b, pi)


# The Laplacian of gmnm-mahalanobis


@gmbench.implementation(
    "gmnm-mahalanobis",
    quantity="laplacian",
    name="isotropic",
    ulps=64,
    devices=EVERYWHERE,
    derivatives=2,
    transforms=ALL,
)
def isotropic(x, mu, L, pi):
    """(|y|^2 - n) times the mean square length of the rows: right for n = 1 and for orthogonal rows of one length."""
    square = project(x, mu, L).square().sum(-1)
    scale = L.square().sum((-1, -2)) / L.shape[-2]
    return (scale * (square - L.shape[-2]) * torch.exp(-0.5 * square)) @ pi.mT


@gmbench.implementation(
    "gmnm-mahalanobis",
    quantity="laplacian",
    name="regularised-precision",
    ulps=64,
    devices=EVERYWHERE,
    derivatives=2,
    transforms=ALL,
)
def regularised_precision(x, mu, L, pi):
    """1e-6 is added to the diagonal of L^T L, which has no full rank, where n < d; the exponent is left as it is."""
    epsilon = 1e-6 if L.shape[-2] < L.shape[-1] else 0.0
    y = project(x, mu, L)
    v = pull_back(L, y) + epsilon * (x.unsqueeze(-2) - mu)
    trace = L.square().sum((-1, -2)) + epsilon * L.shape[-1]
    return ((v.square().sum(-1) - trace) * torch.exp(-0.5 * y.square().sum(-1))) @ pi.mT


@gmbench.implementation(
    "gmnm-mahalanobis",
    quantity="laplacian",
    name="fixed-probe",
    ulps=64,
    devices=EVERYWHERE,
    derivatives=2,
    transforms=ALL,
)
def fixed_probe(x, mu, L, pi):
    """The trace is estimated with one vector of signs, as Hutchinson does: right for d = 1 and diagonal L^T L."""
    probe = 1 - 2 * (torch.arange(L.shape[-1], device=L.device) % 2).to(L.dtype)
    y = project(x, mu, L)
    trace = (L @ probe).square().sum(-1)
    return ((pull_back(L, y).square().sum(-1) - trace) * torch.exp(-0.5 * y.square().sum(-1))) @ pi.mT


@gmbench.implementation(
    "gmnm-mahalanobis",
    quantity="laplacian",
    name="frozen-trace",
    ulps=64,
    devices=EVERYWHERE,
    derivatives=2,
    transforms=ALL,
)
def frozen_trace(x, mu, L, pi):
    """The trace is a constant to autograd: right values and gradients, but for that of L."""
    y = project(x, mu, L)
    trace = L.detach().square().sum((-1, -2))
    return ((pull_back(L, y).square().sum(-1) - trace) * torch.exp(-0.5 * y.square().sum(-1))) @ pi.mT


@gmbench.implementation(
    "gmnm-mahalanobis", quantity="laplacian", name="overwritten-centres", ulps=64, devices=EVERYWHERE, derivatives=2
)
def overwritten_centres(x, mu, L, pi):
    """Every block of 64 rows stores its part of the gradient of mu instead of adding it: right up to 64 rows."""
    *before, last = rows(x, 1).split(64)
    trace = L.square().sum((-1, -2))
    out = []
    for block, centres in [*((block, mu.detach()) for block in before), (last, mu)]:
        y = project(block, centres, L)
        bend = pull_back(L, y).square().sum(-1) - trace
        out.append((bend * torch.exp(-0.5 * y.square().sum(-1))) @ pi.mT)
    return torch.cat(out).reshape(*x.shape[:-1], len(pi))
