"""The one-GEMM form: x meets all K C expert rows in one matrix product, weighted by P afterwards; torch.compile."""

import functools
import types

import torch

import gmbench
from gmbench.layers.gm.relu import expectations


def one_gemm(x, mu, sigma, U, v):
    """The layer for x (B, d), with the variances folded into the weights instead of the inputs."""
    K, C, d = U.shape
    variance = sigma * sigma
    A, P = expectations(x @ mu.mT, (x * x) @ variance.mT)
    c = (U * mu.unsqueeze(1)).sum(-1) + v
    experts = (x @ (U * variance.unsqueeze(1)).view(K * C, d).mT).view(-1, K, C)
    return (A @ c + (P.unsqueeze(-1) * experts).sum(1)) / K


@functools.cache
def _compiled(*key):
    # A code object of its own for each shape: torch keeps at most eight graphs for one code object.
    twin = types.FunctionType(one_gemm.__code__.replace(), one_gemm.__globals__, "one_gemm")
    return torch.compile(twin, fullgraph=True)


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
    flat = x.reshape(-1, x.shape[-1]).contiguous()
    tensors = [tensor.contiguous() for tensor in (mu, sigma, U, v)]
    if len(flat) == 0:  # nothing to compile for
        return one_gemm(flat, *tensors).reshape(*x.shape[:-1], U.shape[1])
    if len(flat) > 1:
        torch._dynamo.maybe_mark_dynamic(flat, 0)
    differentiated = tuple(torch.is_grad_enabled() and t.requires_grad for t in (flat, *tensors))
    run = _compiled(U.shape, x.dtype, x.device, len(flat) > 1, differentiated)
    return run(flat, *tensors).reshape(*x.shape[:-1], U.shape[1])
