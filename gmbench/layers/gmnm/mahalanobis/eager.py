"""The formulas, as they are written down; the Laplacian by autograd too, which its closed form is compared with."""

import torch

import gmbench
from gmbench.layers import autograd


@gmbench.implementation(
    "gmnm-mahalanobis",
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=16,
)
def eager(x, mu, L, pi):
    """sum over m of pi_m exp(-|L_m (x - mu_m)|^2 / 2)"""
    z = x.unsqueeze(-2) - mu  # (..., M, d)
    y = torch.einsum("mnd,...md->...mn", L, z)  # (..., M, n)
    return torch.exp(-0.5 * y.square().sum(-1)) @ pi.mT


@gmbench.implementation(
    "gmnm-mahalanobis",
    quantity="laplacian",
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=16,
)
def laplacian(x, mu, L, pi):
    """sum over m of pi_m (|L_m^T y_m|^2 - tr L_m L_m^T) exp(-|y_m|^2 / 2), y_m = L_m (x - mu_m)"""
    z = x.unsqueeze(-2) - mu  # (..., M, d)
    y = torch.einsum("mnd,...md->...mn", L, z)
    v = torch.einsum("mnd,...mn->...md", L, y)
    bend = v.square().sum(-1) - L.square().sum((-1, -2))
    return (bend * torch.exp(-0.5 * y.square().sum(-1))) @ pi.mT


@gmbench.implementation(
    "gmnm-mahalanobis",
    quantity="laplacian",
    name="double-backward",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=64,
)
def double_backward(x, mu, L, pi):
    """The trace of the Hessian by autograd, an input and an output at a time; slow, and right by other means."""
    return autograd.laplacian(eager, x, mu, L, pi)
