"""GMLayer, over any registered implementation."""

from __future__ import annotations

import torch

from gmbench.contract import ContractError, Implementation
from gmbench.layers.modules import Layer


class GMLayer(Layer):
    """A GM layer ``(..., in_features) -> (..., out_features)`` with ``components`` Gaussians.

    Parameters (shapes with K components, d = in_features, C = out_features): ``mu (K, d)``, ``sigma (K, d)``
    (standard deviations, trained as they are, of any sign), ``U (K, C, d)``, ``v (K, C)``; no bias. The parameters
    are allocated, not drawn: fill them by :func:`gmbench.nn.initialise`::

        layer = GMLayer(784, 100, components=10, implementation="compiled")
        initialise(layer, "kumar", images)  # (n, 784); or "fan-in", "bl" without any

    :param components: K
    :param implementation: a record, or the name of a registered implementation of ``gm``
    :raises ContractError: if there is no such implementation, or a size is not at least 1
    """

    mu: torch.nn.Parameter
    sigma: torch.nn.Parameter
    U: torch.nn.Parameter
    v: torch.nn.Parameter
    shown = ("components",)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        components: int = 10,
        implementation: str | Implementation = "eager",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        if components < 1:
            raise ContractError(f"GMLayer: components must be at least 1, not {components}")
        super().__init__("gm", in_features, out_features, implementation, device, dtype, K=components)
        self.components = components


MODULES = {"gm": GMLayer}
