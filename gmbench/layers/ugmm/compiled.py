"""The base-2 form, fused by torch.compile: nothing of the size batch x out x in is kept, forward or backward.

With r = sqrt(log2(e) / 2) / sigma and c = log2(e) (log_softmax(logits) - log sigma - log(2 pi) / 2), one component is
t = c - ((x - mu) r)^2 and the layer log(2) (m + log2 of the sum of 2^(t - m)), m the largest t. The gradients are
written out over 2^(t - m) computed anew: reading it from memory would take longer. t is the same in every pass, so
that 2^(t - m) is at most 1 however far away all components are.
"""

import math

import torch

import gmbench
from gmbench.layers import autograd, graphs
from gmbench.layers.graphs import NOTHING_KEPT, exp2

LOG2E = 1 / math.log(2)


def constants(log_sigma, logits):
    """r and c of all components, both (C, d)."""
    r = torch.exp(-log_sigma) * math.sqrt(LOG2E / 2)
    return r, (torch.log_softmax(logits, -1) - log_sigma - 0.5 * math.log(2 * math.pi)) * LOG2E


def forward(x, mu, r, c):
    """The layer for x (B, d); then m and the sum, both (B, C)."""
    u = (x.unsqueeze(1) - mu) * r
    t = c - u * u
    m = t.amax(-1)
    m = torch.where(m == -math.inf, 0, m)  # as torch.logsumexp: -inf, not NaN, where every t is
    total = exp2(t - m.unsqueeze(-1)).sum(-1)
    return (m + torch.log2(total)) * math.log(2), m, total


def backward(wants_x, wants_parameters, x, m, g, G, mu, r, c, logits):
    """The gradients for a cotangent G (B, C), with g = G / total."""
    u = (x.unsqueeze(1) - mu) * r
    p = exp2((c - u * u) - m.unsqueeze(-1)) * g.unsqueeze(-1)
    dx = dmu = dlog_sigma = dlogits = None
    if wants_x:
        dx = (p * (u * r)).sum(1) * (-2 * math.log(2))
    if wants_parameters:
        pu = p * u
        p, pu, puu = p.sum(0), pu.sum(0), (pu * u).sum(0)
        dmu = 2 * math.log(2) * pu * r
        dmu = dmu.sum(0) if mu.dim() == 1 else dmu
        dlog_sigma = 2 * math.log(2) * puu - p
        dlogits = p - torch.softmax(logits, -1) * G.sum(0).unsqueeze(-1)
    return dx, dmu, dlog_sigma, dlogits


class _Layer(torch.autograd.Function):
    """Both graphs as one function of autograd, differentiable once."""

    @staticmethod
    def forward(ctx, x, *parameters):
        # detached last: a tensor that wants a gradient, or is a view of another, would make another graph of the same
        ctx.shape, flat = x.shape, x.reshape(-1, x.shape[-1]).contiguous().detach()
        mu, log_sigma, logits = (parameter.contiguous().detach() for parameter in parameters)
        r, c = constants(log_sigma, logits)
        value, m, total = graphs.run(forward, (), (flat,), (mu, r, c), NOTHING_KEPT)
        ctx.save_for_backward(flat, m, total, mu, r, c, logits)
        return value.view(*x.shape[:-1], len(logits))

    @staticmethod
    def backward(ctx, G):
        autograd.first_order_only("ugmm/compiled", "ugmm/eager")
        flat, m, total, *others = ctx.saved_tensors
        G = G.reshape(-1, G.shape[-1]).contiguous().detach()
        flags = ctx.needs_input_grad[0], any(ctx.needs_input_grad[1:])
        dx, *found = graphs.run(backward, flags, (flat, m, G / total, G), others, NOTHING_KEPT)
        return (None if dx is None else dx.view(ctx.shape), *found)


@gmbench.implementation(
    "ugmm",
    name="compiled",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
    compiled=True,
)
@gmbench.implementation(
    "ugmm-tied",  # whose mu, of shape (d,), every neuron sees
    name="compiled",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
    compiled=True,
)
def compiled(x, mu, log_sigma, logits):
    """In base 2, two fused passes forward and one for each gradient, nothing kept; compiled for each shape."""
    if x.numel() == 0:  # nothing to compile for
        return forward(x.reshape(-1, x.shape[-1]), mu, *constants(log_sigma, logits))[0].view(
            *x.shape[:-1], len(logits)
        )
    return _Layer.apply(x, mu, log_sigma, logits)
