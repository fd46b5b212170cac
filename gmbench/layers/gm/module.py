"""GMLayer and stacks of it, over any registered implementation."""

from __future__ import annotations

import itertools

import torch

from gmbench.contract import ContractError, Implementation, Initialisation

__all__ = ["GMLayer", "initialise", "stack"]


class GMLayer(torch.nn.Module):
    """A GM layer ``(..., in_features) -> (..., out_features)`` with ``components`` Gaussians.

    Parameters (shapes with K components, d = in_features, C = out_features): ``mu (K, d)``, ``sigma (K, d)``
    (standard deviations, trained as they are, of any sign), ``U (K, C, d)``, ``v (K, C)``; no bias. The parameters
    are allocated, not drawn: fill them by :func:`initialise`.

    :param implementation: a record, or the name of a registered implementation of ``gm``
    :raises ContractError: if there is no such implementation, or it does not run here
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        components: int = 10,
        implementation: str | Implementation = "eager",
        device=None,
        dtype=None,
    ):
        super().__init__()
        for name, size in (
            ("in_features", in_features),
            ("out_features", out_features),
            ("components", components),
        ):
            if size < 1:
                raise ContractError(f"GMLayer: {name} must be at least 1, not {size}")
        self.in_features, self.out_features, self.components = in_features, out_features, components
        if isinstance(implementation, str):
            from gmbench import registry

            implementation = registry.load().implementation("gm", implementation)
        if implementation.layer_type != "gm" or implementation.quantity != "value":
            raise ContractError(f"GMLayer: {implementation.key} does not compute the value of a gm layer")
        self.implementation = implementation
        K, d, C = components, in_features, out_features
        for name, shape in (("mu", (K, d)), ("sigma", (K, d)), ("U", (K, C, d)), ("v", (K, C))):
            self.register_parameter(name, torch.nn.Parameter(torch.zeros(shape, device=device, dtype=dtype)))

    def forward(self, x):
        """The layer's value for ``x (..., in_features)``."""
        if x.shape[-1] != self.in_features:
            raise ContractError(f"GMLayer: x has {x.shape[-1]} features, the layer takes {self.in_features}")
        return self.implementation.function(x, self.mu, self.sigma, self.U, self.v)

    def extra_repr(self) -> str:
        return (
            f"{self.in_features}, {self.out_features}, components={self.components}, "
            f"implementation={self.implementation.name!r}"
        )


def stack(widths, components: int = 10, **options) -> torch.nn.Sequential:
    """GM layers one behind the other, ``widths[0] -> widths[1] -> ...``, nothing between them.

    :param widths: at least two feature counts
    :param options: passed to every :class:`GMLayer`
    """
    if len(widths) < 2:
        raise ContractError("a stack needs at least two widths, such as [784, 100, 10]")
    return torch.nn.Sequential(*(GMLayer(i, o, components, **options) for i, o in itertools.pairwise(widths)))


@torch.no_grad()
def initialise(network, chosen: str | Initialisation, images=None, generator=None) -> None:
    """Initialise every GM layer of a stack, layer by layer, in place.

    An initialisation that uses images is given, for each layer, the outputs of the layers before it, so a calibrated
    layer is measured on what it will see; any other is given None.

    :param network: a :class:`GMLayer`, or a sequence of modules with GM layers among them
    :param chosen: a record, or the name of an initialisation of ``gm``
    :param images: inputs of the first layer ``(n, in_features)``, needed by initialisations that calibrate
    :param generator: a :class:`torch.Generator`, for reproducible draws
    :raises ContractError: if there is no such initialisation, or it needs images and has none
    """
    if isinstance(chosen, str):
        from gmbench import registry

        chosen = registry.load().initialisation("gm", chosen)
    if not chosen.uses_images:
        images = None
    elif images is None:
        raise ContractError(f"the initialisation {chosen.name!r} needs images: a batch of training inputs, no labels")
    layers = [network] if isinstance(network, GMLayer) else list(network)
    for place, layer in enumerate(layers, 1):
        if isinstance(layer, GMLayer):
            chosen.function(layer, images, generator)
        if images is not None and place < len(layers):
            images = layer(images)
