"""What the modules of all layer types share: a layer over any registered implementation, and filling it by name."""

from __future__ import annotations

import numbers

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
            if isinstance(size, bool) or not isinstance(size, numbers.Integral) or size < 1:
                raise ContractError(f"{who}: {name} must be a whole number of at least 1, not {size!r}")
        if isinstance(implementation, str):
            implementation = registry.load().implementation(layer_type, implementation)
        if not isinstance(implementation, Implementation):
            raise ContractError(f"{who}: implementation is a name or a record, not {implementation!r}")
        if implementation.layer_type != layer_type:
            raise ContractError(f"{who}: {implementation.key} does not compute the value of {layer_type}")
        self.layer_type, self.implementation = layer_type, implementation
        self.in_features, self.out_features = int(in_features), int(out_features)
        sizes = {**axes, kind.in_features: self.in_features, kind.out_features: self.out_features}
        for name, shape in kind.shapes(sizes).items():
            self.register_parameter(name, torch.nn.Parameter(torch.zeros(shape, device=device, dtype=dtype)))

    def value(self, x, *parameters):
        """The implementation's value for an x that :meth:`check` passes."""
        self.check(x)
        return self.implementation.function(x, *parameters)

    def check(self, x) -> None:
        """:raises ContractError: if x has another number of features, or whole numbers"""
        if x.dim() < 1 or x.shape[-1] != self.in_features:
            who, shown = type(self).__name__, f"{x.shape[-1]} features" if x.dim() else "no axis"
            raise ContractError(f"{who}: x has {shown}, the layer takes {self.in_features} features")
        if not x.is_floating_point():  # in which some implementations would round their results
            raise ContractError(f"{type(self).__name__}: x is of {x.dtype}, not of floating-point numbers")


@torch.no_grad()
def initialise(network, chosen: str | Initialisation, images=None, generator=None) -> None:
    """Initialise every :class:`Layer` of a stack, layer by layer, in place.

    An initialisation that uses images is given, for each layer, the outputs of the modules before it, so a calibrated
    layer is measured on what it will see; any other is given None.

    :param network: a :class:`Layer`, or a sequence of modules with such layers among them; others stay as they are. A
        layer inside one of these modules is refused: give what holds it
    :param chosen: a record, or the name of an initialisation of the layers' type
    :param images: inputs of the first module ``(n, ...)``, needed by initialisations that calibrate
    :param generator: a :class:`torch.Generator`, for reproducible draws
    :raises ContractError: if there is no such initialisation, it needs images and has none, or a layer would be missed
    """
    modules = [network] if isinstance(network, Layer) or not hasattr(network, "__iter__") else list(network)
    if not any(isinstance(module, Layer) for module in modules) or any(map(_hides_a_layer, modules)):
        raise ContractError("give initialise() a layer, or a sequence such as a stack that has layers directly in it")
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


def _hides_a_layer(module) -> bool:
    """Whether something that is no layer itself has one somewhere inside, which nothing would initialise."""
    inside = module.modules() if isinstance(module, torch.nn.Module) and not isinstance(module, Layer) else ()
    return any(isinstance(inner, Layer) for inner in inside)
