"""References: each layer type by numerical integration, or by its formula in ball arithmetic where integrals confirm
that; with an error bound of its own.

A reference never imports an implementation, and no implementation imports a reference. Both integrators return
:class:`Enclosure` objects: in float64 by composite Gauss-Legendre rules whose two orders must agree, in ball
arithmetic as a proven enclosure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Enclosure:
    """A value ``mid + rest`` (the rest is below the rounding of ``mid``) and a bound on its error."""

    mid: np.ndarray
    rest: np.ndarray
    radius: np.ndarray
