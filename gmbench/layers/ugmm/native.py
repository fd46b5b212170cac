"""The base-2 form in C++ (native.cpp): every exponential once forward and once backward, nothing kept; CPU only.

It is built at the first call by the compiler and with the flags of torch.compile, which keeps it with its own.
"""

import ctypes
import functools
from pathlib import Path

import torch

import gmbench
from gmbench.contract import ContractError
from gmbench.layers import autograd

NAMES = {torch.float32: "float", torch.float64: "double"}


@functools.cache
def function(name, dtype):
    """A function of the library for a dtype."""
    from torch._inductor.codecache import CppCodeCache

    library = CppCodeCache.load(Path(__file__).with_name("native.cpp").read_text("utf-8"))
    return getattr(library, f"{name}_{NAMES[dtype]}")


def call(name, tensors, sizes):
    """A function of the library on contiguous tensors, or None, with torch's number of threads."""
    places = [None if tensor is None else ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
    function(name, tensors[0].dtype)(*places, *map(ctypes.c_int64, sizes), torch.get_num_threads())


class _Layer(torch.autograd.Function):
    """Both passes as one function of autograd, differentiable once."""

    @staticmethod
    def forward(ctx, x, *parameters):
        ctx.shape, (C, d) = x.shape, parameters[-1].shape
        x, mu, log_sigma, logits = (tensor.contiguous() for tensor in (x, *parameters))
        B, filled = x.numel() // d, d + -d % function("width", x.dtype)()
        ctx.sizes = B, C, d, filled, d if mu.dim() == 2 else 0
        value = x.new_empty(*x.shape[:-1], C)
        constants, sums, lse = x.new_empty(2, C, filled), x.new_empty(2, C, B), x.new_empty(C)
        call("forward", (x, mu, log_sigma, logits, value, *constants, *sums, lse), ctx.sizes)
        ctx.save_for_backward(x, mu, logits, constants, sums, lse)
        return value

    @staticmethod
    def backward(ctx, G):
        autograd.first_order_only("ugmm/native", "ugmm/eager")
        x, mu, logits, constants, sums, lse = ctx.saved_tensors
        wants_x, wants_parameters = ctx.needs_input_grad[0], any(ctx.needs_input_grad[1:])
        dx = torch.empty_like(x) if wants_x else None
        found = [torch.empty_like(logits) if wants_parameters else None for _ in range(3)]
        call("backward", (x, mu, logits, *constants, *sums, lse, G.contiguous(), dx, *found), ctx.sizes)
        dmu, *others = found
        return dx, dmu.sum(0) if wants_parameters and mu.dim() == 1 else dmu, *others


@gmbench.implementation(
    "ugmm",
    name="native",
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
)
@gmbench.implementation(
    "ugmm-tied",  # whose mu, of shape (d,), every neuron sees
    name="native",
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
)
def native(x, mu, log_sigma, logits):
    """In base 2, in C++: two passes over the caches forward, one for all gradients, nothing kept.

    :raises ContractError: if the tensors do not fit together, since nothing behind would notice
    """
    given, inputs = (x, mu, log_sigma, logits), x.shape[-1:]
    if log_sigma.shape != logits.shape or mu.shape not in (inputs, logits.shape) or logits.shape[1:] != inputs:
        raise ContractError(f"shapes that do not fit: {', '.join(str(tuple(tensor.shape)) for tensor in given)}")
    if x.dtype not in NAMES or any(tensor.dtype != x.dtype or tensor.is_cuda for tensor in given):
        raise ContractError("ugmm/native takes float32 or float64 on a CPU, the same for all tensors")
    return _Layer.apply(x, mu, log_sigma, logits)
