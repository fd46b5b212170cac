"""Fused by torch.compile."""

import gmbench
from gmbench.layers.gmnm import fused


@gmbench.implementation(
    "gmnm-ridge",
    name="compiled",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
    compiled=True,
)
def compiled(x, W, b, pi):
    """One pass over rows and units where d is small, else products; compiled for each shape."""
    return fused.value(x, W.unsqueeze(1), b.unsqueeze(1), pi)


@gmbench.implementation(
    "gmnm-ridge",
    quantity="laplacian",
    name="compiled",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
    compiled=True,
)
def laplacian(x, W, b, pi):
    """One pass over rows and units where d is small, else products; compiled for each shape."""
    return fused.laplacian(x, W.unsqueeze(1), b.unsqueeze(1), pi)
