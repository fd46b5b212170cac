"""What no implementation can do without, as bare torch calls: the floor; and nn.Linear of the same shape."""

from __future__ import annotations

import numpy as np
import torch

from gmbench.contract import LayerType
from gmbench.timing.measure import Candidate
from gmbench.timing.sizes import Size


def columns(kind: LayerType, size: Size) -> int:
    """N for which (B x d) @ (d x N) holds the multiply-adds of a forward pass that grow with B."""
    once, twice = (kind.work(size.axes, rows, 4).multiply_adds for rows in (size.batch, 2 * size.batch))
    return max(1, (twice - once) // (size.batch * size.axes[kind.in_features]))


def floor(kind: LayerType, size: Size, dtype: str, device: str, backward: bool, seed: int) -> Candidate:
    """The bare matrix products and exponentials of a layer type, one call each.

    Forward: ``x @ W`` and the exponentials. Backward adds the products for dW and, where the input needs a
    gradient, for dx; the exponentials are not counted again, since they may have been saved.
    """
    B, d, N = size.batch, size.axes[kind.in_features], columns(kind, size)
    E = kind.work(size.axes, B, 4).exponentials
    random = _random(dtype, device, seed, stream=1)

    def prepare(call):
        return random(call, (B, d), (N, d), (E,), (B, N))

    def run(x, W, e, dy):
        with torch.no_grad():
            results = [x @ W.mT, torch.exp(e)]
            if backward:
                results.append(dy.mT @ x)
                if size.input_gradient:
                    results.append(dy @ W)
        return tuple(results)

    return Candidate("floor", prepare, run)


def linear(kind: LayerType, size: Size, dtype: str, device: str, backward: bool, seed: int) -> Candidate:
    """``torch.nn.functional.linear`` with a bias, by autograd: what one would pay for a dense layer."""
    B, d, C = size.batch, size.axes[kind.in_features], size.axes[kind.out_features]
    random = _random(dtype, device, seed, stream=2)

    def prepare(call):
        x, W, b, G = random(call, (B, d), (C, d), (C,), (B, C))
        W.requires_grad_(backward)
        b.requires_grad_(backward)
        x.requires_grad_(backward and size.input_gradient)
        return x, W, b, G

    def run(x, W, b, G):
        with torch.set_grad_enabled(backward):
            out = torch.nn.functional.linear(x, W, b)
        if not backward:
            return (out,)
        wanted = (x, W, b) if size.input_gradient else (W, b)
        return out, *torch.autograd.grad(out, wanted, G)

    return Candidate("linear", prepare, run)


def _random(dtype, device, seed, stream):
    def random(call, *shapes):
        rng = np.random.default_rng([seed, call, stream])
        arrays = (rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
        return [torch.from_numpy(array).to(device, getattr(torch, dtype)) for array in arrays]

    return random
