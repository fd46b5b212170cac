"""The one-GEMM form: x meets all K C expert rows in one matrix product, weighted by P afterwards; torch.compile.

The gradients are written out, so that one graph saves what the other needs and passes over the K C d weights are few.
"""

import math

import torch

import gmbench
from gmbench.layers import autograd, graphs
from gmbench.layers.gm.relu import expectations
from gmbench.layers.products import columns, product


def forward(x, mu, sigma, U, v):
    """The layer for x (B, d), with the variances folded into the weights instead of the inputs; then what is saved."""
    K, C, d = U.shape
    variance = sigma * sigma
    m, s2 = (x.unsqueeze(1) * mu).sum(-1), ((x * x).unsqueeze(1) * variance).sum(-1)
    A, P = expectations(m, s2)
    W = (U * variance.unsqueeze(1)).view(K * C, d)
    c = (U * mu.unsqueeze(1)).sum(-1) + v
    E = product(x, W).view(-1, K, C)
    value = (P.unsqueeze(-1) * E + A.unsqueeze(-1) * c).sum(1) / K
    return value, (m, s2, A, P, E), (c, W)


def backward(wants_x, wants_parameters, G, x, m, s2, A, P, E, c, W, mu, sigma, U):
    """The gradients for a cotangent G (B, C), with dP/dm = n/s, dP/ds2 = -nz/2s^2, dA/dm = P and dA/ds2 = n/2s."""
    K, C, d = U.shape
    g = G.unsqueeze(1) / K
    dP, dA = (g * E).sum(-1), (g * c).sum(-1)
    dE = (P.unsqueeze(-1) * g).view(-1, K * C)
    tiny = torch.finfo(s2.dtype).tiny
    s = s2.clamp_min(tiny).sqrt()
    z = m / s
    slope = torch.exp(-0.5 * z * z) / (math.sqrt(2 * math.pi) * s)
    dm = dA * P + dP * slope
    ds2 = torch.where(s2 < tiny, 0, 0.5 * (dA * slope - dP * (slope * z / s)))
    variance = sigma * sigma
    dx = dmu = dsigma = dU = dv = None
    if wants_x:
        # K terms summed while dE @ W is read, in place of two more products and their (B, d) results
        dx = product(dE, W.mT) + (dm.unsqueeze(-1) * mu + ds2.unsqueeze(-1) * variance * (2 * x.unsqueeze(1))).sum(1)
    if wants_parameters:
        dv = A.mT @ G / K
        dW = columns(dE, x).view(K, C, d)
        dU = dW * variance.unsqueeze(1) + dv.unsqueeze(-1) * mu.unsqueeze(1)
        dmu = (dv.unsqueeze(-1) * U).sum(1) + (dm.unsqueeze(-1) * x.unsqueeze(1)).sum(0)
        dsigma = 2 * sigma * ((dW * U).sum(1) + (ds2.unsqueeze(-1) * (x * x).unsqueeze(1)).sum(0))
    return dx, dmu, dsigma, dU, dv


# Without the patterns, which would make mm and add one addmm: that copies what it adds first.
_OPTIONS = {"pattern_matcher": False}


class _Layer(torch.autograd.Function):
    """Both graphs as one function of autograd, differentiable once."""

    @staticmethod
    def forward(ctx, x, *parameters):
        # detached last: a tensor that wants a gradient, or is a view of another, would make another graph of the same
        ctx.shape, flat = x.shape, x.reshape(-1, x.shape[-1]).contiguous().detach()
        mu, sigma, U, v = (parameter.contiguous().detach() for parameter in parameters)
        value, rows, (c, W) = graphs.run(forward, (), (flat,), (mu, sigma, U, v), _OPTIONS)
        ctx.save_for_backward(flat, *rows, c, W if ctx.needs_input_grad[0] else None, mu, sigma, U)
        return value.view(*x.shape[:-1], U.shape[1])

    @staticmethod
    def backward(ctx, G):
        autograd.first_order_only("gm/compiled", "gm/eager")
        saved = ctx.saved_tensors
        flags = ctx.needs_input_grad[0], any(ctx.needs_input_grad[1:])
        rows = (G.reshape(-1, G.shape[-1]).contiguous().detach(), *saved[:6])
        dx, *others = graphs.run(backward, flags, rows, saved[6:], _OPTIONS)
        return (None if dx is None else dx.view(ctx.shape), *others)


@gmbench.implementation(
    "gm",
    name="compiled",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=64,
    requires=("compiler",),
    compiled=True,
)
def compiled(x, mu, sigma, U, v):
    """x @ (U sigma^2)^T for all components in one product, weighted by P; compiled for each shape."""
    if x.numel() == 0:  # nothing to compile for
        return forward(x.reshape(-1, x.shape[-1]), mu, sigma, U.contiguous(), v)[0].view(*x.shape[:-1], U.shape[1])
    return _Layer.apply(x, mu, sigma, U, v)
