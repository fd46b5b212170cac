"""Fourteen wrong implementations of the gm layer, each with one mistake, written without sight of the checks.

They are material for the harness: every one of them must be refused. Most are right on ordinary inputs.
"""

import math
import weakref

import torch

import gmbench
from gmbench.layers.gm.relu import expectations

EVERYWHERE = ("cpu", "cuda")
ALL = ("grad", "jvp", "vmap")


def density(z):
    return torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def pair(m, s, s2):
    """The expectations for a given deviation s, as in gmbench.layers.gm.relu."""
    z = m / s
    left = z < 0
    distance = torch.where(left, -z, z)
    n = density(z)
    mills = math.sqrt(math.pi / 2) * torch.special.erfcx(distance / math.sqrt(2))
    A = torch.where(left, 0, m) + torch.where(s2 > 0, s * n * (1 - distance * mills), 0)
    return A, torch.where(left, n * mills, 1 - n * mills)


def assemble(x, mu, variance, U, v, A, P):
    """The sum over the components, given both expectations."""
    c = torch.einsum("kcd,kd->kc", U, mu) + v
    spread = variance * x.unsqueeze(-2) * P.unsqueeze(-1)
    return A @ c + torch.einsum("...kd,kcd->...c", spread, U)


def layer(x, mu, variance, U, v, expect=expectations):
    """The right layer, if ``expect`` is right."""
    A, P = expect(x @ mu.mT, x.square() @ variance.mT)
    return assemble(x, mu, variance, U, v, A, P) / len(mu)


def tracked(*tensors):
    return torch.is_grad_enabled() and any(t.requires_grad for t in tensors)


# Blatant


@gmbench.implementation("gm", name="mean-over-kc", ulps=256, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def mean_over_kc(x, mu, sigma, U, v):
    """The mean is taken over the K C rows instead of the K components; right for C = 1."""
    A, P = expectations(x @ mu.mT, x.square() @ sigma.square().mT)
    return assemble(x, mu, sigma.square(), U, v, A, P) / v.numel()


@gmbench.implementation(
    "gm", name="deviation-for-variance", ulps=256, devices=EVERYWHERE, derivatives=2, transforms=ALL
)
def deviation_for_variance(x, mu, sigma, U, v):
    """The experts are scaled by sigma instead of sigma^2; right where every sigma is 0 or 1."""
    A, P = expectations(x @ mu.mT, x.square() @ sigma.square().mT)
    return assemble(x, mu, sigma, U, v, A, P) / len(mu)


@gmbench.implementation("gm", name="logistic-gate", ulps=256, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def logistic_gate(x, mu, sigma, U, v):
    """Phi(z) in the gate is replaced by the logistic function of 1.702 z."""

    def expect(m, s2):
        s = s2.clamp_min(torch.finfo(s2.dtype).tiny).sqrt()
        return expectations(m, s2)[0], torch.sigmoid(1.702 * m / s)

    return layer(x, mu, sigma.square(), U, v, expect)


# Right on ordinary inputs, wrong in a corner of the input space


@gmbench.implementation("gm", name="ndtr-tail", ulps=256, devices=EVERYWHERE, transforms=ALL)
def ndtr_tail(x, mu, sigma, U, v):
    """m Phi(z) + s n(z) with ndtr, which is 0 far to the left (z < -5.5 in float32): the tail is lost."""

    def expect(m, s2):
        s = s2.clamp_min(torch.finfo(s2.dtype).tiny).sqrt()
        P = torch.special.ndtr(m / s)
        return m * P + torch.where(s2 > 0, s * density(m / s), 0), P

    return layer(x, mu, sigma.square(), U, v, expect)


@gmbench.implementation("gm", name="floor-1e-12", ulps=256, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def floor(x, mu, sigma, U, v):
    """The variance s^2 is kept above 1e-12: wrong for tiny x, or for tiny mu and sigma together."""

    def expect(m, s2):
        return pair(m, s2.clamp_min(1e-12).sqrt(), s2)

    return layer(x, mu, sigma.square(), U, v, expect)


@gmbench.implementation("gm", name="root-then-clamp", ulps=256, devices=EVERYWHERE, transforms=ALL)
def root_then_clamp(x, mu, sigma, U, v):
    """The clamp stands outside the root: right values, NaN gradients of sigma and x where s^2 is 0."""

    def expect(m, s2):
        return pair(m, s2.sqrt().clamp_min(torch.finfo(s2.dtype).tiny ** 0.5), s2)

    return layer(x, mu, sigma.square(), U, v, expect)


@gmbench.implementation("gm", name="batch-scale", ulps=256, devices=EVERYWHERE, derivatives=2)
def batch_scale(x, mu, sigma, U, v):
    """x is divided by the batch's largest entry: beside one huge row the squares of small rows underflow."""
    scale = x.detach().abs().amax().clamp_min(torch.finfo(x.dtype).tiny) if x.numel() else 1
    return scale * layer(x / scale, mu, sigma.square(), U, v)


# Right for ordinary shapes, wrong for others


@gmbench.implementation("gm", name="chunks-of-eight", ulps=256, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def chunks_of_eight(x, mu, sigma, U, v):
    """Components are taken eight at a time and the remainder is dropped: wrong for K > 8 no multiple of 8."""
    K, step = len(mu), min(8, len(mu))
    total = 0
    for start in range(0, K - step + 1, step):
        part = slice(start, start + step)
        total = total + layer(x, mu[part], sigma[part].square(), U[part], v[part]) * step
    return total / K


@gmbench.implementation("gm", name="sequence-first", ulps=256, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def sequence_first(x, mu, sigma, U, v):
    """A three-dimensional x is transposed on the way in, never back: rows permuted unless an axis is 1."""
    rows = x.transpose(0, 1) if x.dim() == 3 else x
    h = layer(rows.reshape(-1, x.shape[-1]), mu, sigma.square(), U, v)
    return h.reshape(*x.shape[:-1], U.shape[1])


@gmbench.implementation("gm", name="aligned-bfloat16", ulps=256, devices=EVERYWHERE)
def aligned_bfloat16(x, mu, sigma, U, v):
    """Where d is a multiple of 16 the experts' product runs in bfloat16, whatever the dtype of the input."""
    variance = sigma.square()
    if x.shape[-1] % 16:
        return layer(x, mu, variance, U, v)
    A, P = expectations(x @ mu.mT, x.square() @ variance.mT)
    c = torch.einsum("kcd,kd->kc", U, mu) + v
    spread = variance * x.unsqueeze(-2) * P.unsqueeze(-1)
    fast = torch.einsum("...kd,kcd->...c", spread.bfloat16(), U.bfloat16()).to(x)
    return (A @ c + fast) / len(mu)


# Right values, wrong derivatives


class SignlessSquare(torch.autograd.Function):
    @staticmethod
    def forward(ctx, sigma):
        variance = sigma * sigma
        ctx.save_for_backward(variance)  # one tensor less to keep: sigma is its root
        return variance

    @staticmethod
    def backward(ctx, grad):
        (variance,) = ctx.saved_tensors
        return 2 * variance.sqrt() * grad


@gmbench.implementation("gm", name="signless-sigma-gradient", ulps=256, devices=EVERYWHERE)
def signless_sigma_gradient(x, mu, sigma, U, v):
    """The backward pass takes sigma for the variance's root: the gradient's sign is wrong for sigma < 0."""
    return layer(x, mu, SignlessSquare.apply(sigma), U, v)


class FrozenExpectations(torch.autograd.Function):
    @staticmethod
    def forward(ctx, m, s2):
        tiny = torch.finfo(s2.dtype).tiny
        s = s2.clamp_min(tiny).sqrt()
        A, P = expectations(m, s2)
        dP_dm = density(m / s) / s
        dA_ds2 = torch.where(s2 >= tiny, 0.5 * dP_dm, 0)
        dP_ds2 = torch.where(s2 >= tiny, -0.5 * (m / s) * dP_dm / s, 0)
        ctx.save_for_backward(P, dP_dm, dA_ds2, dP_ds2)  # P is an output, the others now constants
        return A, P

    @staticmethod
    def backward(ctx, grad_A, grad_P):
        P, dP_dm, dA_ds2, dP_ds2 = ctx.saved_tensors
        return grad_A * P + grad_P * dP_dm, grad_A * dA_ds2 + grad_P * dP_ds2


@gmbench.implementation("gm", name="frozen-second-derivative", ulps=256, devices=EVERYWHERE, derivatives=2)
def frozen_second_derivative(x, mu, sigma, U, v):
    """The backward pass uses saved intermediates, constants to autograd: second derivatives lack terms."""
    return layer(x, mu, sigma.square(), U, v, FrozenExpectations.apply)


# Right values, wrong manners


_folded = {}


@gmbench.implementation("gm", name="stale-fold", ulps=256, devices=EVERYWHERE)
def stale_fold(x, mu, sigma, U, v):
    """Without gradients U sigma^2 is kept for the same tensor objects: stale once one is changed in place."""
    if tracked(x, mu, sigma, U, v):
        return layer(x, mu, sigma.square(), U, v)
    key = (id(sigma), id(U))
    kept = _folded.get(key)
    if kept is None or kept[0]() is not sigma or kept[1]() is not U:
        if len(_folded) >= 32:
            _folded.clear()
        kept = _folded[key] = (weakref.ref(sigma), weakref.ref(U), U * sigma.square().unsqueeze(1))
    A, P = expectations(x @ mu.mT, x.square() @ sigma.square().mT)
    c = torch.einsum("kcd,kd->kc", U, mu) + v
    experts = torch.einsum("...d,kcd->...kc", x, kept[2])
    return (A @ c + (P.unsqueeze(-1) * experts).sum(-2)) / len(mu)


@gmbench.implementation("gm", name="absolute-sigma", ulps=256, devices=EVERYWHERE)
def absolute_sigma(x, mu, sigma, U, v):
    """Without gradients the caller's sigma is made positive in place: right result, changed input."""
    if not tracked(x, mu, sigma, U, v):
        sigma.abs_()
    return layer(x, mu, sigma.square(), U, v)
