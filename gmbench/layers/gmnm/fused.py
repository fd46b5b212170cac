"""Sums of Gaussians of projections, and their Laplacians, with gradients by hand: what all `gmnm` layer types run.

A unit is f = exp(-|y|^2 / 2), y = A x + c with A (M, n, d) and c (M, n). The Laplacian needs the Gram matrices
S = A A^T (M, n, n) too: it is the sum of pi (y^T S y - tr S) f. How A and c follow from a layer's parameters is
left to autograd, and small.

Where n d is small and C = 1, a pass is one loop over rows and units, fused by torch.compile, without matrix products,
and nothing of that size is kept: the exponentials are computed anew in backward. Elsewhere y is kept, and the work is
matrix products with fused passes between them; little work is not worth compiling for.
"""

import math

import torch

from gmbench.layers import autograd, graphs
from gmbench.layers.graphs import NOTHING_KEPT, exp2
from gmbench.layers.products import columns, product

HALF = 0.5 / math.log(2)  # of |y|^2, the exponent of 2, but for its sign
SMALL = 9  # n d, up to which loops are faster than products, where there is one output
FEW = 8  # n, up to which the Laplacian's factor is unrolled
PIECE = 2**19  # numbers in y, which backward takes at a time: what it makes of them stays near, and in the heap
LITTLE = 2048  # numbers in y, below which products run uncompiled


def unrolled(A, pi):
    """Whether the units are small enough for loops."""
    return A.shape[1] * A.shape[2] <= SMALL and pi.shape[0] == 1


def total(terms):
    """The sum of a list."""
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


# -- loops, for one output: A (n, d, M) and c (n, M), times the square root of HALF, so that f = 2^-|y|^2; pi (1, M); --
# -- T (n, n, M), which is S times pi over HALF: the Laplacian is the sum of (y^T T y - HALF tr T) f -------------------


def units(x, A, c):
    """y, a list of n tensors (B, M), and f (B, M)."""
    y = [total([x[:, i : i + 1] * A[k, i] for i in range(A.shape[1])]) + c[k] for k in range(len(A))]
    return y, exp2(-total([each * each for each in y]))


def bent(y, T):
    """T y, a list, and y^T T y - HALF tr T."""
    n = range(len(y))
    turned = [total([T[k, j] * y[j] for j in n]) for k in n]
    return turned, total([turned[k] * y[k] for k in n]) - HALF * total([T[k, k] for k in n])


def loop_forward(x, A, c, pi):
    """The value (B, 1)."""
    return (units(x, A, c)[1] * pi).sum(1, keepdim=True)


def loop_forward_laplacian(x, A, c, T):
    """The Laplacian (B, 1)."""
    y, f = units(x, A, c)
    return (bent(y, T)[1] * f).sum(1, keepdim=True)


def loop_gradients(wants_x, wants_parameters, x, slopes, A):
    """Gradients of x, A and c, from those of y, a list (B, M)."""
    n, d = range(A.shape[0]), range(A.shape[1])
    dx = dA = dc = None
    if wants_x:
        dx = torch.stack([total([slopes[k] * A[k, i] for k in n]).sum(1) for i in d], 1)
    if wants_parameters:
        dA = torch.stack([torch.stack([(slopes[k] * x[:, i : i + 1]).sum(0) for i in d]) for k in n])
        dc = torch.stack([slope.sum(0) for slope in slopes])
    return dx, dA, dc


def loop_backward(wants_x, wants_parameters, x, G, A, c, pi):
    """Gradients of x, A, c and pi."""
    y, f = units(x, A, c)
    P = G * f
    dpi = P.sum(0, keepdim=True) if wants_parameters else None
    slope = P * (pi / -HALF)
    return *loop_gradients(wants_x, wants_parameters, x, [slope * each for each in y], A), dpi


def loop_backward_laplacian(wants_x, wants_parameters, x, G, A, c, T):
    """Gradients of x, A, c and T."""
    y, f = units(x, A, c)
    turned, bend = bent(y, T)
    slopes, dT = bent_gradients(wants_parameters, G * f, y, turned, bend)
    return *loop_gradients(wants_x, wants_parameters, x, slopes, A), dT


def bent_gradients(wants_parameters, P, y, turned, bend):
    """The gradients of y, a list, and T, for the cotangent P (B, M) of what f is weighed by, times f."""
    n, bend, dT = range(len(y)), bend / HALF, None
    if wants_parameters:
        sums = {(k, j): (P * (y[k] * y[j] - HALF if k == j else y[k] * y[j])).sum(0) for k in n for j in range(k + 1)}
        dT = torch.stack([torch.stack([sums[max(k, j), min(k, j)] for j in n]) for k in n])
    return [P * (2 * turned[k] - bend * y[k]) for k in n], dT


# -- strips, for Laplacians of a few projections: y is a matrix product, n strips of M columns, and what follows is ----
# -- loops. A (n M, d) and c (n M,), times the square root of HALF; T (n, n, M), S over HALF; pi (C, M) ----------------


def strips(y, n):
    """y, a list of n tensors (B, M), and f (B, M)."""
    each = y.chunk(n, 1)
    return each, exp2(-total([one * one for one in each]))


def strip_forward(x, A, c, T, pi):
    """The Laplacian (B, C); then y (B, n M)."""
    y = product(x, A) + c
    each, f = strips(y, len(T))
    return (bent(each, T)[1] * f) @ pi.mT, y


def strip_backward(wants_x, wants_parameters, x, G, y, A, T, pi):
    """Gradients of x, A, c, pi and T."""
    each, f = strips(y, len(T))
    turned, bend = bent(each, T)
    P = (G * pi if len(pi) == 1 else G @ pi) * f
    slopes, dT = bent_gradients(wants_parameters, P, each, turned, bend)
    return *product_gradients(wants_x, wants_parameters, x, G, torch.cat(slopes, 1), bend * f, A), dT


# -- products: A (M n, d), c (M n,), S (M, n, n), pi (C, M) ------------------------------------------------------------


def products(body, flags, rows, others):
    """A pass, compiled where there is enough of it; the first of ``others`` is A (M n, d)."""
    if len(rows[0]) * len(others[0]) < LITTLE:
        return body(*flags, *rows, *others)
    return graphs.run(body, flags, rows, others, {})


def gaussians(y):
    """f (B, M) of y (B, M, n); the norm is one pass, squares and their sum are two."""
    return torch.exp(-0.5 * torch.linalg.vector_norm(y, dim=-1).square())


def product_forward(x, A, c, pi):
    """The value (B, C); then y (B, M n) and f (B, M)."""
    y = product(x, A) + c
    f = gaussians(y.view(len(x), pi.shape[1], -1))
    return f @ pi.mT, y, f


def product_forward_laplacian(x, A, c, S, pi):
    """The Laplacian (B, C); then y and f."""
    y = product(x, A) + c
    each = y.view(len(x), pi.shape[1], -1)
    f = gaussians(each)
    return (product_bent(each, S)[1] * f) @ pi.mT, y, f


def product_bent(y, S):
    """S y (B, M, n), and y^T S y - tr S (B, M)."""
    turned = torch.bmm(y.transpose(0, 1), S).transpose(0, 1)
    return turned, (turned * y).sum(-1) - S.diagonal(dim1=-2, dim2=-1).sum(-1)


def product_gradients(wants_x, wants_parameters, x, G, slopes, h, A):
    """Gradients of x, A, c and pi, from that of y (B, M n), and what pi weighs."""
    dx = dA = dc = dpi = None
    if wants_x:
        dx = product(slopes, A.mT)
    if wants_parameters:
        dA, dc, dpi = columns(slopes, x), slopes.sum(0), G.mT @ h
    return dx, dA, dc, dpi


def product_backward(wants_x, wants_parameters, x, G, y, f, A, pi):
    """Gradients of x, A, c and pi."""
    P = (G @ pi) * f
    slopes = (-P.unsqueeze(-1) * y.view(*f.shape, -1)).view(y.shape)
    return product_gradients(wants_x, wants_parameters, x, G, slopes, f, A)


def product_backward_laplacian(wants_x, wants_parameters, x, G, y, f, A, S, pi):
    """Gradients of x, A, c, pi and S."""
    each = y.view(*f.shape, -1)
    turned, bend = product_bent(each, S)
    P = (G @ pi) * f
    weighted = P.unsqueeze(-1) * each
    slopes = torch.addcmul((2 * P).unsqueeze(-1) * turned, weighted, bend.unsqueeze(-1), value=-1).view(y.shape)
    dS = None
    if wants_parameters:
        dS = torch.bmm(weighted.permute(1, 2, 0), each.transpose(0, 1))
        dS = dS - torch.diag_embed(P.sum(0).unsqueeze(-1).expand(-1, each.shape[-1]))
    return *product_gradients(wants_x, wants_parameters, x, G, slopes, bend * f, A), dS


# -- as functions of autograd, differentiable once ---------------------------------------------------------------------


class _Loops(torch.autograd.Function):
    """The value of small units, or with T in the place of pi the Laplacian."""

    @staticmethod
    def forward(ctx, x, A, c, pi, T):
        # detached last: a tensor that wants a gradient, or is a view of another, would make another graph of the same
        ctx.shape, flat = x.shape, x.reshape(-1, x.shape[-1]).contiguous().detach()
        A, c = A.permute(1, 2, 0).contiguous().detach(), c.mT.contiguous().detach()
        ctx.bodies = (loop_forward, loop_backward) if T is None else (loop_forward_laplacian, loop_backward_laplacian)
        weights = (pi if T is None else T.permute(1, 2, 0)).contiguous().detach()
        value = graphs.run(ctx.bodies[0], (), (flat,), (A, c, weights), NOTHING_KEPT)
        ctx.save_for_backward(flat, A, c, weights)
        return value.view(*x.shape[:-1], 1)

    @staticmethod
    def backward(ctx, G):
        flags, G = _wanted(ctx, G)
        flat, *others = ctx.saved_tensors
        dx, dA, dc, dweights = graphs.run(ctx.bodies[1], flags, (flat, G), others, NOTHING_KEPT)
        if flags[1]:
            dA, dc = dA.permute(2, 0, 1), dc.mT
        if ctx.bodies[1] is loop_backward:
            return _shaped(dx, ctx), dA, dc, dweights, None
        return _shaped(dx, ctx), dA, dc, None, None if dweights is None else dweights.permute(2, 0, 1)


class _Strips(torch.autograd.Function):
    """The Laplacian of units of a few projections."""

    @staticmethod
    def forward(ctx, x, A, c, pi, T):
        ctx.shape, flat = x.shape, x.reshape(-1, x.shape[-1]).contiguous().detach()
        M, n, d = ctx.units = A.shape
        A, c = A.transpose(0, 1).reshape(n * M, d).contiguous().detach(), c.mT.reshape(-1).contiguous().detach()
        T, pi = T.permute(1, 2, 0).contiguous().detach(), pi.contiguous().detach()
        value, y = graphs.run(strip_forward, (), (flat,), (A, c, T, pi), NOTHING_KEPT)
        ctx.save_for_backward(flat, y, A, T, pi)
        return value.view(*x.shape[:-1], len(pi))

    @staticmethod
    def backward(ctx, G):
        flags, G = _wanted(ctx, G)
        (M, n, d), (flat, y, *others) = ctx.units, ctx.saved_tensors
        count = max(1, min(-(-y.numel() // PIECE), len(y) // 64))
        rows = zip(*(each.tensor_split(count) for each in (flat, G, y)), strict=True)
        runs = [
            graphs.run(strip_backward, flags, [each.detach() for each in part], others, NOTHING_KEPT) for part in rows
        ]
        parts, *sums = zip(*runs, strict=True)
        dx = torch.cat(parts) if flags[0] else None
        dA, dc, dpi, dT = (total(each) if flags[1] else None for each in sums)
        if flags[1]:
            dA, dc, dT = dA.view(n, M, d).transpose(0, 1), dc.view(n, M).mT, dT.permute(2, 0, 1)
        return _shaped(dx, ctx), dA, dc, dpi, dT


class _Products(torch.autograd.Function):
    """The value, or with S the Laplacian."""

    @staticmethod
    def forward(ctx, x, A, c, pi, S):
        ctx.shape, flat = x.shape, x.reshape(-1, x.shape[-1]).contiguous().detach()
        M, n, d = ctx.units = A.shape
        bends = () if S is None else (S.contiguous().detach(),)
        pi = pi.contiguous().detach()
        A, c = A.reshape(M * n, d).contiguous().detach(), c.reshape(-1).contiguous().detach()
        body = product_forward_laplacian if bends else product_forward
        value, y, f = products(body, (), (flat,), (A, c, *bends, pi))
        ctx.save_for_backward(flat, y, f, A, *bends, pi)
        return value.view(*x.shape[:-1], len(pi))

    @staticmethod
    def backward(ctx, G):
        flags, G = _wanted(ctx, G)
        (M, n, d), (flat, y, f, *others) = ctx.units, ctx.saved_tensors
        body = product_backward_laplacian if len(others) == 3 else product_backward
        dx, dA, dc, dpi, *dS = products(body, flags, (flat, G, y, f), others)
        if flags[1]:
            dA, dc = dA.view(M, n, d), dc.view(M, n)
        return _shaped(dx, ctx), dA, dc, dpi, dS[0] if dS else None


def _wanted(ctx, G):
    """Whether x and whether any parameter needs a gradient, and the cotangent (B, C) as graphs take it."""
    autograd.first_order_only("the compiled GMNM layer", "the eager one")
    flags = ctx.needs_input_grad[0], any(ctx.needs_input_grad[1:])
    return flags, G.reshape(-1, G.shape[-1]).contiguous().detach()


def _shaped(dx, ctx):
    return None if dx is None else dx.view(ctx.shape)


def value(x, A, c, pi):
    """sum over m of pi_m exp(-|A_m x + c_m|^2 / 2), ``(..., C)``."""
    if x.numel() == 0:
        return _nothing(x, A, c, pi)
    if unrolled(A, pi):
        return _Loops.apply(x, A * HALF**0.5, c * HALF**0.5, pi, None)
    return _Products.apply(x, A, c, pi, None)


def laplacian(x, A, c, pi):
    """Its Laplacian with respect to x."""
    if x.numel() == 0:
        return _nothing(x, A, c, pi)
    S = A @ A.mT
    if unrolled(A, pi):
        return _Loops.apply(x, A * HALF**0.5, c * HALF**0.5, None, S * (pi.view(-1, 1, 1) / HALF))
    if A.shape[1] <= FEW and x.shape[:-1].numel() * A.shape[0] * A.shape[1] >= LITTLE:
        return _Strips.apply(x, A * HALF**0.5, c * HALF**0.5, pi, S / HALF)
    return _Products.apply(x, A, c, pi, S)


def _nothing(x, A, c, pi):
    """Of no rows: there is nothing to compile for."""
    return x.new_zeros(*x.shape[:-1], len(pi)) + 0 * (x.sum() + A.sum() + c.sum() + pi.sum())
