"""The formula, as it is written down."""

import torch

import gmbench


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
