"""The formula of `ugmm`, whose means broadcast over the neurons."""

import gmbench
from gmbench.layers.ugmm.eager import eager as untied


@gmbench.implementation(
    "ugmm-tied",
    name="eager",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    derivatives=2,
    transforms=("grad", "jvp", "vmap"),
    ulps=16,
)
def eager(x, mu, log_sigma, logits):
    """logsumexp over i of log_softmax(logits)_i + log N(x_i; mu_i, sigma_i^2), the same mu_i for every neuron"""
    return untied(x, mu, log_sigma, logits)
