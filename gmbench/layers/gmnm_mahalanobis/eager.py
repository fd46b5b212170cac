"""The formula, as it is written down."""

import torch

import gmbench


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
