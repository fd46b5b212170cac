"""The inputs of a timed call, which follow from the run's seed and the number of the call alone.

The process that measures draws them, and the parent draws them again to verify: it need not trust what it is
told.
"""

from __future__ import annotations

import numpy as np

from gmbench.contract import LayerType
from gmbench.timing.sizes import Size


def draw(kind: LayerType, size: Size, seed: int, call: int) -> dict[str, np.ndarray]:
    """Float64 arrays: ``x (batch, in_features)``, every parameter, the cotangent ``G (batch, out_features)``.

    They are of the regime "bulk" of the layer type's domain, and not yet rounded to a dtype.
    """
    rng = np.random.default_rng([seed, call])
    inputs = kind.domain.draw(size.axes, size.batch, "bulk", 0, 0, rng)
    return {**inputs, "G": rng.standard_normal((size.batch, size.axes[kind.out_features]))}
