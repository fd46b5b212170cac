"""The formula, as it is written down."""

import torch

import gmbench
from gmbench.layers.gm.relu import expectations


@gmbench.implementation(
    "gm",
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=64,
)
def eager(x, mu, sigma, U, v):
    """h(x) = mean over k of [ (U mu + v) A + U (sigma^2 x) P ]"""
    variance = sigma.square()
    A, P = expectations(x @ mu.mT, x.square() @ variance.mT)
    c = torch.einsum("kcd,kd->kc", U, mu) + v
    spread = variance * x.unsqueeze(-2)
    return (A @ c + torch.einsum("...kd,kcd->...c", spread * P.unsqueeze(-1), U)) / len(mu)
