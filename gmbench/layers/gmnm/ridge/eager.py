"""The formulas, as they are written down; the Laplacian by autograd too, which its closed form is compared with."""

import torch

import gmbench
from gmbench.layers import autograd


@gmbench.implementation(
    "gmnm-ridge",
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=16,
)
def eager(x, W, b, pi):
    """sum over m of pi_m exp(-(W_m x + b_m)^2 / 2)"""
    y = x @ W.mT + b
    return torch.exp(-0.5 * y.square()) @ pi.mT


@gmbench.implementation(
    "gmnm-ridge",
    quantity="laplacian",
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=16,
)
def laplacian(x, W, b, pi):
    """sum over m of pi_m |W_m|^2 (y_m^2 - 1) exp(-y_m^2 / 2), y_m = W_m x + b_m"""
    y = x @ W.mT + b
    h = (y.square() - 1) * torch.exp(-0.5 * y.square())
    return (W.square().sum(-1) * h) @ pi.mT


@gmbench.implementation(
    "gmnm-ridge",
    quantity="laplacian",
    name="double-backward",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=64,
)
def double_backward(x, W, b, pi):
    """The trace of the Hessian by autograd, an input and an output at a time; slow, and right by other means."""
    return autograd.laplacian(eager, x, W, b, pi)
