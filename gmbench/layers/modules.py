"""What the modules of all layer types share: a layer over any registered implementation, and filling it by name."""

from __future__ import annotations

import torch

from gmbench import registry
from gmbench.contract import ContractError, Implementation, Initialisation


class Layer(torch.nn.Module):
    """A layer ``(..., in_features) -> (..., out_features)`` with the parameters of its layer type.

    The parameters are allocated, not drawn: fill them by :func:`initialise`.

    :param layer_type: the name of the layer type
    :param implementation: a record, or the name of a registered implementation of it
    :param axes: the lengths of the type's axes beside the features
    :raises ContractError: if there is no such implementation, or it computes something else
    """

    def __init__(
        self,
        layer_type: str,
        in_features: int,
        out_features: int,
        implementation: str | Implementation,
        device=None,
        dtype=None,
        **axes: int,
    ):
        super().__init__()
        who, kind = type(self).__name__, registry.layer_type(layer_type)
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if size < 1:
                raise ContractError(f"{who}: {name} must be at least 1, not {size}")
        if isinstance(implementation, str):
            implementation = registry.load().implementation(layer_type, implementation)
        if implementation.layer_type != layer_type or implementation.quantity != "value":
            raise ContractError(f"{who}: {implementation.key} does not compute the value of {layer_type}")
        self.layer_type, self.implementation = layer_type, implementation
        self.in_features, self.out_features = in_features, out_features
        sizes = {**axes, kind.in_features: in_features, kind.out_features: out_features}
        for name, shape in kind.shapes(sizes).items():
            self.register_parameter(name, torch.nn.Parameter(torch.zeros(shape, device=device, dtype=dtype)))

    def value(self, x, *parameters):
        """The implementation's value for ``x (..., in_features)``.

        :raises ContractError: if x has another number of features
        """
        if x.shape[-1] != self.in_features:
            who = type(self).__name__
            raise ContractError(f"{who}: x has {x.shape[-1]} features, the layer takes {self.in_features}")
        return self.implementation.function(x, *parameters)


@torch.no_grad()
def initialise(network, chosen: str | Initialisation, images=None, generator=None) -> None:
    """Initialise every :class:`Layer` of a stack, layer by layer, in place.

    An initialisation that uses images is given, for each layer, the outputs of the modules before it, so a calibrated
    layer is measured on what it will see; any other is given None.

    :param network: a :class:`Layer`, or a sequence of modules with such layers among them; others stay as they are
    :param chosen: a record, or the name of an initialisation of the layers' type
    :param images: inputs of the first module ``(n, ...)``, needed by initialisations that calibrate
    :param generator: a :class:`torch.Generator`, for reproducible draws
    :raises ContractError: if there is no such initialisation, or it needs images and has none
    """
    modules = [network] if isinstance(network, Layer) else list(network)
    kinds = {module.layer_type for module in modules if isinstance(module, Layer)}
    if isinstance(chosen, str):
        known = registry.load()
        found = {kind: known.initialisation(kind, chosen) for kind in kinds}
    else:
        if kinds - {chosen.layer_type}:
            raise ContractError(f"{chosen.key} does not initialise layers of {', '.join(kinds - {chosen.layer_type})}")
        found = {chosen.layer_type: chosen}
    if not any(each.uses_images for each in found.values()):
        images = None
    elif images is None:
        name = next(iter(found.values())).name
        raise ContractError(f"the initialisation {name!r} needs images: a batch of training inputs, no labels")
    for place, module in enumerate(modules, 1):
        if isinstance(module, Layer):
            found[module.layer_type].function(module, images, generator)
        if images is not None and place < len(modules):
            images = module(images)
