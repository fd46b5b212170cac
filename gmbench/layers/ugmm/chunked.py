"""The formula in chunks of rows, with gradients written out over the softmax computed anew: nothing large is kept."""

import math

import torch

import gmbench
from gmbench.layers import autograd

NUMBERS = 2**19  # of one temporary


def chunks(x, logits):
    """Slices of the rows of x (B, d)."""
    step = max(1, NUMBERS // max(1, logits.numel()))
    return [slice(start, start + step) for start in range(0, len(x), step)]


def components(x, mu, sigma, constant):
    """z and log(weight density), both (rows, C, d)."""
    z = (x.unsqueeze(1) - mu).div_(sigma)
    return z, z.square().mul_(-0.5).add_(constant)


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, mu, log_sigma, logits):
        ctx.save_for_backward(x, mu, log_sigma, logits)
        flat, sigma = x.reshape(-1, x.shape[-1]), log_sigma.exp()
        constant = torch.log_softmax(logits, -1) - log_sigma - 0.5 * math.log(2 * math.pi)
        value = x.new_empty(len(flat), len(logits))
        for some in chunks(flat, logits):
            value[some] = torch.logsumexp(components(flat[some], mu, sigma, constant)[1], -1)
        return value.view(*x.shape[:-1], len(logits))

    @staticmethod
    def backward(ctx, G):
        autograd.first_order_only("ugmm/chunked", "ugmm/eager")
        x, mu, log_sigma, logits = ctx.saved_tensors
        flat, G, sigma = x.reshape(-1, x.shape[-1]), G.reshape(-1, len(logits)), log_sigma.exp()
        constant = torch.log_softmax(logits, -1) - log_sigma - 0.5 * math.log(2 * math.pi)
        dx = torch.empty_like(flat)
        dw, dmu, dlog_sigma = torch.zeros((3, *logits.shape), dtype=x.dtype, device=x.device)
        for some in chunks(flat, logits):
            z, t = components(flat[some], mu, sigma, constant)
            r = torch.softmax(t, -1).mul_(G[some].unsqueeze(-1))
            dw += r.sum(0)
            slope = r.mul_(z)
            dlog_sigma += (slope * z).sum(0)
            slope.div_(sigma)
            dmu += slope.sum(0)
            dx[some] = -slope.sum(1)
        dlogits = dw - torch.softmax(logits, -1) * G.sum(0).unsqueeze(-1)
        return dx.view(x.shape), dmu, dlog_sigma - dw, dlogits


@gmbench.implementation(
    "ugmm",
    name="chunked",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=16,
)
def chunked(x, mu, log_sigma, logits):
    """The formula for a few rows at a time, whose temporaries fit into a cache, and again for the gradients."""
    return _Layer.apply(x, mu, log_sigma, logits)
