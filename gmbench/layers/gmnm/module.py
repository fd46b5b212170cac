"""GMNM, over any registered implementation of the three readings."""

from __future__ import annotations

import functools

import torch

from gmbench import registry
from gmbench.contract import ContractError, Implementation
from gmbench.layers.modules import Layer
from gmbench.names import one_of

READINGS = ("mahalanobis", "ridge", "agp")
CENTRES = ("fixed", "trained")


class GMNM(Layer):
    """A weighted sum of Gaussians of projections, ``(..., in_features) -> (..., out_features)``.

    It stands wherever a linear layer could: as a head, behind convolutions or a recurrent layer, on a latent vector.

    Parameters (shapes with d = in_features, C = out_features, M = units, n = projections), by reading:
    ``mahalanobis``: ``mu (M, d)``, ``L (M, n, d)``, ``pi (C, M)``; ``ridge``: ``W (M, d)``, ``b (M,)``, ``pi``;
    ``agp``: ``mu``, ``a (M, n, d)``, ``b (M, n)``, ``alpha (M, n)``, ``beta (M,)``, ``pi``. They are allocated, not
    drawn: fill them by :func:`gmbench.nn.initialise`::

        field = GMNM(2, 1, units=900, reading="mahalanobis", centres="fixed")
        initialise(field, "grid", points)  # (n, 2), in whose box the centres are; or "uniform", "points", "calibrated"
        field(points), field.laplacian(points)  # both (n, 1)

    :param units: M
    :param reading: of the paper's Eq. 3, one of :data:`READINGS`; they are different classes of functions
    :param projections: n; as many as inputs where None; a ridge has one
    :param centres: ``"fixed"``, ``mu`` is a buffer and no parameter, as in section 5 of the paper, or ``"trained"``; a
        ridge has no centre, and its ``b`` is always trained
    :param implementation: a record, or the name of a registered implementation of the layer type
    :raises ContractError: if there is no such implementation, or an argument is out of its range
    """

    mu: torch.Tensor
    pi: torch.nn.Parameter
    shown = ("units", "reading", "centres")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        units: int,
        *,
        reading: str = "mahalanobis",
        projections: int | None = None,
        centres: str = "fixed",
        implementation: str | Implementation = "eager",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        one_of("reading", reading, READINGS)
        if centres not in CENTRES:
            raise ContractError(f"GMNM: centres are {' or '.join(CENTRES)}, not {centres!r}")
        if units < 1:
            raise ContractError(f"GMNM: units must be at least 1, not {units}")
        if projections is not None and (projections < 1 or (reading == "ridge" and projections != 1)):
            least = "exactly" if reading == "ridge" else "at least"
            raise ContractError(f"GMNM: projections must be {least} 1, not {projections}")
        axes = {"M": units} if reading == "ridge" else {"M": units, "n": projections or in_features}
        super().__init__(f"gmnm-{reading}", in_features, out_features, implementation, device, dtype, **axes)
        self.reading, self.units, self.centres = reading, units, centres
        if centres == "fixed" and reading != "ridge":
            mu = self.mu.detach()
            del self.mu
            self.register_buffer("mu", mu)

    def laplacian(self, x: torch.Tensor, implementation: str | Implementation = "eager") -> torch.Tensor:
        """The Laplacian of each output ``(..., out_features)`` with respect to ``x (..., in_features)``.

        It can be differentiated by every parameter.

        :param implementation: of the quantity ``laplacian``
        :raises ContractError: if there is none of that name, or x has another number of features
        """
        if isinstance(implementation, str):
            judged = registry.layer_type(self.layer_type).quantities.get("laplacian")
            if judged is None:
                raise ContractError(f"GMNM: {self.layer_type} has no Laplacian; the reading 'ridge' is the same layer")
            implementation = registry.load().implementation(judged, implementation)
        self.check(x)
        return implementation.function(x, *self.tensors())


MODULES = {f"gmnm-{reading}": functools.partial(GMNM, reading=reading) for reading in READINGS}
