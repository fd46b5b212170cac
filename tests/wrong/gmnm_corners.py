"""Wrong implementations of the gmnm layers that are right but at one corner: written by a reader of the checks.

Each passed all of them once. ``CAUGHT_BY`` names the check that was made to see it.
"""

import torch

import gmbench


def project(x, mu, L):
    """The projections L_m (x - mu_m), (..., M, n)."""
    return (L @ (x.unsqueeze(-2) - mu).unsqueeze(-1)).squeeze(-1)


def pull(L, y):
    """L_m^T y_m, (..., M, d)."""
    return (L.mT @ y.unsqueeze(-1)).squeeze(-1)


def rows(t, trailing):
    """All axes before the last ``trailing`` ones as one."""
    return t.reshape(-1, *t.shape[-trailing:])


def units(x, mu, L):
    """The units, (..., M)."""
    return torch.exp(-0.5 * project(x, mu, L).square().sum(-1))


def laplacian(x, mu, L, pi):
    """The Laplacian, (..., C)."""
    y = project(x, mu, L)
    bend = pull(L, y).square().sum(-1) - L.square().sum((-1, -2))
    return (bend * torch.exp(-0.5 * y.square().sum(-1))) @ pi.mT


class Once(torch.autograd.Function):
    """Right values and gradients, whose backward has no gradient of its own."""

    @staticmethod
    def forward(ctx, x, mu, L, pi):
        ctx.save_for_backward(x, mu, L, pi)
        return units(x, mu, L) @ pi.mT

    @staticmethod
    def backward(ctx, grad):
        x, mu, L, pi = (t.detach() for t in ctx.saved_tensors)
        y, f = project(x, mu, L), units(x, mu, L)
        s = -((grad @ pi) * f).unsqueeze(-1) * y
        dz = pull(L, s)
        dL = torch.einsum("rmn,rmd->mnd", rows(s, 2), rows(x.unsqueeze(-2) - mu, 2))
        return dz.sum(-2), -rows(dz, 2).sum(0), dL, rows(grad, 1).mT @ rows(f, 1)


@gmbench.implementation("gmnm-mahalanobis", name="once-one-output", ulps=64, derivatives=2)
def once_one_output(x, mu, L, pi):
    """The path of one output loses second derivatives."""
    return Once.apply(x, mu, L, pi) if len(pi) == 1 else units(x, mu, L) @ pi.mT


@gmbench.implementation("gmnm-mahalanobis", name="once-float32", ulps=64, derivatives=2, dtypes=("float32",))
def once_float32(x, mu, L, pi):
    """Second derivatives are lost, in float32 alone."""
    return Once.apply(x, mu, L, pi)


@gmbench.implementation("gmnm-mahalanobis", name="once-many", ulps=64, derivatives=2)
def once_many(x, mu, L, pi):
    """Second derivatives are lost where a unit has more than 25 numbers."""
    return Once.apply(x, mu, L, pi) if L[0].numel() > 25 else units(x, mu, L) @ pi.mT


@gmbench.implementation("gmnm-mahalanobis", name="once-rectangular", ulps=64, derivatives=2)
def once_rectangular(x, mu, L, pi):
    """Second derivatives are lost where there are not as many projections as inputs."""
    return Once.apply(x, mu, L, pi) if L.shape[1] != L.shape[2] else units(x, mu, L) @ pi.mT


@gmbench.implementation("gmnm-mahalanobis", name="once-frozen", ulps=64, derivatives=2)
def once_frozen(x, mu, L, pi):
    """Second derivatives with respect to x are lost where no parameter asks for a gradient."""
    frozen = not any(t.requires_grad for t in (mu, L, pi))
    return Once.apply(x, mu, L, pi) if frozen else units(x, mu, L) @ pi.mT


@gmbench.implementation("gmnm-mahalanobis", name="once-three-dimensions", ulps=64, derivatives=2)
def once_three_dimensions(x, mu, L, pi):
    """Second derivatives are lost for x of three dimensions."""
    return Once.apply(x, mu, L, pi) if x.dim() > 2 else units(x, mu, L) @ pi.mT


class InPlace(torch.autograd.Function):
    """With neither x nor mu asking for a gradient, the units are overwritten before the gradient of pi."""

    @staticmethod
    def forward(ctx, x, mu, L, pi):
        ctx.save_for_backward(x, mu, L, pi)
        return units(x, mu, L) @ pi.mT

    @staticmethod
    def backward(ctx, grad):
        x, mu, L, pi = ctx.saved_tensors
        need_x, need_mu, need_L, _ = ctx.needs_input_grad
        y, f = project(x, mu, L), units(x, mu, L)
        fixed = not (need_x or need_mu)
        P = f.mul_(grad @ pi) if fixed and need_L else f * (grad @ pi)
        s = -P.unsqueeze(-1) * y
        dz = pull(L, s)
        dL = torch.einsum("rmn,rmd->mnd", rows(s, 2), rows(x.unsqueeze(-2) - mu, 2))
        return dz.sum(-2), -rows(dz, 2).sum(0), dL, rows(grad, 1).mT @ rows(f, 1)


@gmbench.implementation("gmnm-mahalanobis", name="fixed-centres-in-place", ulps=64)
def fixed_centres_in_place(x, mu, L, pi):
    """With fixed centres the gradient of pi is that of weighed units."""
    return InPlace.apply(x, mu, L, pi)


@gmbench.implementation("gmnm-mahalanobis", name="blocks-of-1024", ulps=64, derivatives=2)
def blocks_of_1024(x, mu, L, pi):
    """In blocks of 1024 rows; the gradient of mu is that of the last block."""
    flat = x.reshape(-1, x.shape[-1])
    if len(flat) <= 1024:
        return units(x, mu, L) @ pi.mT
    *before, last = flat.split(1024)
    out = [units(block, mu.detach(), L) @ pi.mT for block in before] + [units(last, mu, L) @ pi.mT]
    return torch.cat(out).reshape(*x.shape[:-1], len(pi))


@gmbench.implementation("gmnm-ridge", quantity="laplacian", name="blocks-of-256", ulps=64, derivatives=2)
def blocks_of_256(x, W, b, pi):
    """More than 512 rows are rounded down to whole blocks of 256; the rest is left 0."""

    def one(x):
        y = x @ W.mT + b
        return (W.square().sum(-1) * (y.square() - 1) * torch.exp(-0.5 * y.square())) @ pi.mT

    flat = x.reshape(-1, x.shape[-1])
    if len(flat) <= 512:
        return one(x)
    whole = len(flat) // 256 * 256
    out = torch.cat([one(flat[:whole]), flat.new_zeros(len(flat) - whole, len(pi))])
    return out.reshape(*x.shape[:-1], len(pi))


@gmbench.implementation("gmnm-mahalanobis", quantity="laplacian", name="low-precision-pictures", ulps=64)
def low_precision_pictures(x, mu, L, pi):
    """Without gradients, and for more than 256 rows, in bfloat16."""
    if not torch.is_grad_enabled() and x.numel() > 256 * x.shape[-1]:
        return laplacian(x.bfloat16(), mu.bfloat16(), L.bfloat16(), pi.bfloat16()).to(x.dtype)
    return laplacian(x, mu, L, pi)


@gmbench.implementation("gmnm-mahalanobis", quantity="laplacian", name="seventeenth-output", ulps=64, derivatives=2)
def seventeenth_output(x, mu, L, pi):
    """Weights from the 17th output on are those of the block before."""
    if len(pi) > 16:
        pi = torch.cat([pi[:16], pi[: len(pi) - 16]])
    return laplacian(x, mu, L, pi)


@gmbench.implementation("gmnm-mahalanobis", name="many-projections", ulps=64, derivatives=2)
def many_projections(x, mu, L, pi):
    """From 64 projections on, those beyond whole blocks of 16 are lost."""
    n = L.shape[1]
    return units(x, mu, L[:, : n // 16 * 16] if n >= 64 else L) @ pi.mT


@gmbench.implementation("gmnm-ridge", name="five-dimensions", ulps=64, derivatives=2)
def five_dimensions(x, W, b, pi):
    """With x of five dimensions the first two are turned round."""
    out = torch.exp(-0.5 * (x @ W.mT + b).square()) @ pi.mT
    return out.transpose(0, 1).reshape(out.shape) if out.dim() > 4 else out


CAUGHT_BY = {
    "gmnm-mahalanobis/once-one-output": "second-derivatives",
    "gmnm-mahalanobis/once-float32": "second-derivatives",
    "gmnm-mahalanobis/once-many": "second-derivatives",
    "gmnm-mahalanobis/once-rectangular": "second-derivatives",
    "gmnm-mahalanobis/once-frozen": "second-derivatives",
    "gmnm-mahalanobis/once-three-dimensions": "second-derivatives",
    "gmnm-mahalanobis/fixed-centres-in-place": "partial-gradients",
    "gmnm-mahalanobis/blocks-of-1024": "batch-split",
    "gmnm-ridge-laplacian/blocks-of-256": "batch-split",
    "gmnm-mahalanobis-laplacian/low-precision-pictures": "batch-split",
    "gmnm-mahalanobis-laplacian/seventeenth-output": "large",
    "gmnm-mahalanobis/many-projections": "large",
    "gmnm-ridge/five-dimensions": "shapes",
}
