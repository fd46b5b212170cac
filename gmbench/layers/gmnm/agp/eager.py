"""The formula, as it is written down."""

import torch

import gmbench


@gmbench.implementation(
    "gmnm-agp",
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=16,
)
def eager(x, mu, a, b, alpha, beta, pi):
    """sum over m of pi_m exp(-y_m^2 / 2), y = sum over n of alpha_n (a_n (x - mu) + b_n) + beta"""
    z = x.unsqueeze(-2) - mu  # (..., M, d)
    projections = torch.einsum("mnd,...md->...mn", a, z) + b  # (..., M, n)
    y = (alpha * projections).sum(-1) + beta
    return torch.exp(-0.5 * y.square()) @ pi.mT
