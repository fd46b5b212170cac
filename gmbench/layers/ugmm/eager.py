"""The formula, as it is written down."""

import math

import torch

import gmbench


@gmbench.implementation(
    "ugmm",
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=16,
)
@gmbench.implementation(
    "ugmm-tied",  # whose mu, of shape (d,), every neuron sees
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=16,
)
def eager(x, mu, log_sigma, logits):
    """logsumexp over i of log_softmax(logits)_i + log N(x_i; mu_i, sigma_i^2)"""
    z = (x.unsqueeze(-2) - mu) / log_sigma.exp()  # (..., C, d)
    log_density = -0.5 * z.square() - log_sigma - 0.5 * math.log(2 * math.pi)
    return torch.logsumexp(torch.log_softmax(logits, -1) + log_density, -1)
