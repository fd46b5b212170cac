"""The formula, as it is written down (Stein's identity)."""

import torch

import gmbench
from gmbench.layers.gm.relu import expectations


@gmbench.implementation(
    "gm-full",
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=64,
)
def eager(x, mu_omega, mu, cross, Sigma):
    """h(x) = mean over k of [ mu_omega A + <cross, x> P ]"""
    s2 = (torch.einsum("...i,kij->...kj", x, Sigma) * x.unsqueeze(-2)).sum(-1)
    A, P = expectations(x @ mu.mT, s2)
    return (mu_omega * A + (x @ cross.mT) * P).mean(-1, keepdim=True)
