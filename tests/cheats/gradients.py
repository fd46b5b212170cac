"""Gradients, or values where gradients are asked for, that are left out when they are timed."""

from pathlib import Path

import torch

from gmbench import registry

kit = registry.load_file(Path(__file__).with_name("kit.py"))
right = kit.right
CHEATS, cheat = kit.cheats()
BACKWARD = {"derivatives": 1, "passes": ("forward+backward",)}


class Layer(torch.autograd.Function):
    """The layer with a backward of its own, which computes everything again; ``instead`` replaces what it gives."""

    @staticmethod
    def forward(ctx, value, instead, *inputs):
        ctx.save_for_backward(*inputs)
        ctx.instead = instead
        return value(*inputs)

    @staticmethod
    def backward(ctx, G):
        if ctx.instead and kit.timed():
            return (None, None, *ctx.instead(G, *ctx.saved_tensors))
        return (None, None, *gradients(G, *ctx.saved_tensors))


def gradients(G, *inputs):
    """The right gradients of ``sum(G * value)``."""
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    with torch.enable_grad():
        out = right(*leaves)
    return torch.autograd.grad(out, leaves, G)


@cheat("gradients-zero", **BACKWARD)
def gradients_zero(x, mu, sigma, U, v):
    """its backward returns zeros when it is timed"""
    return Layer.apply(right, lambda G, *inputs: map(torch.zeros_like, inputs), x, mu, sigma, U, v)


@cheat("gradients-last", **BACKWARD)
def gradients_last(x, mu, sigma, U, v):
    """its backward returns the gradients of the first timed call when it is timed"""
    return Layer.apply(right, _first, x, mu, sigma, U, v)


_known: list = []


def _first(G, *inputs):
    if not _known:
        _known.extend(gradients(G, *inputs))
    return [gradient.clone() for gradient in _known]


@cheat("gradients-sign", **BACKWARD)
def gradients_sign(x, mu, sigma, U, v):
    """its backward takes G for 1, as it is in a sum, when it is timed"""
    return Layer.apply(right, lambda G, *inputs: gradients(torch.ones_like(G), *inputs), x, mu, sigma, U, v)


@cheat("gradients-missing", says=r"is off by|None|no gradient", **BACKWARD)
@kit.when_timed
def gradients_missing(x, mu, sigma, U, v):
    """it is cut off from sigma when it is timed, so that autograd leaves that gradient out"""
    return right(x, mu, sigma.detach(), U, v)


@cheat("value-skipped", **BACKWARD)
def value_skipped(x, mu, sigma, U, v):
    """it computes the gradients alone where it is timed with them, and returns uninitialised memory for the value"""
    asked = torch.is_grad_enabled() and any(t.requires_grad for t in (x, mu, sigma, U, v))
    skip = asked and kit.timed()
    value = (lambda x, mu, sigma, U, v: kit.blank(x, U)) if skip else right
    return Layer.apply(value, None, x, mu, sigma, U, v)
