"""The base-2 form of `ugmm`, whose means broadcast over the neurons."""

import gmbench
from gmbench.layers.ugmm.compiled import layer


@gmbench.implementation(
    "ugmm-tied",
    name="compiled",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
    compiled=True,
)
def compiled(x, mu, log_sigma, logits):
    """In base 2, two fused passes forward and one for each gradient, nothing kept; compiled for each shape."""
    return layer(x, mu, log_sigma, logits)
