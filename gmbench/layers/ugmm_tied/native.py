"""The base-2 form of `ugmm` in C++, whose means are those of every neuron."""

import gmbench
from gmbench.layers.ugmm.native import layer


@gmbench.implementation(
    "ugmm-tied",
    name="native",
    dtypes=("float32", "float64"),
    ulps=16,
    requires=("compiler",),
)
def native(x, mu, log_sigma, logits):
    """In base 2, in C++: two passes over the caches forward, one for all gradients, nothing kept."""
    return layer(x, mu, log_sigma, logits)
