"""Fused by torch.compile."""

import gmbench
from gmbench.layers.gmnm import fused


@gmbench.implementation(
    "gmnm-mahalanobis",
    name="compiled",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
    compiled=True,
)
def compiled(x, mu, L, pi):
    """One pass over rows and units where d is small, else products; compiled for each shape."""
    return fused.value(x, L, -(L @ mu.unsqueeze(-1)).squeeze(-1), pi)


@gmbench.implementation(
    "gmnm-mahalanobis",
    quantity="laplacian",
    name="compiled",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
    compiled=True,
)
def laplacian(x, mu, L, pi):
    """One pass over rows and units where d is small, else products; compiled for each shape."""
    return fused.laplacian(x, L, -(L @ mu.unsqueeze(-1)).squeeze(-1), pi)
