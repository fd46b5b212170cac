"""The definition, sampled: what the harness says of an inexact implementation."""

import torch

import gmbench


@gmbench.implementation(
    "gm",
    name="monte-carlo",
    devices=("cpu", "cuda"),
    dtypes=("float32",),
    approximate="the mean over 256 fixed draws of beta a component",
)
def monte_carlo(x, mu, sigma, U, v, samples=256):
    """mean over k and over 256 fixed draws of beta ~ N(mu_k, sigma_k^2) of (U beta + v) relu(<beta, x>)"""
    K, d = mu.shape
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(samples, K, d, generator=generator, dtype=torch.float64).to(x)
    beta = mu + sigma * noise
    activation = torch.einsum("...d,skd->...sk", x, beta).relu()
    readout = torch.einsum("kcd,skd->skc", U, beta) + v
    return torch.einsum("...sk,skc->...c", activation, readout) / (K * samples)
