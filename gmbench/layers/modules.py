"""What the modules of all layer types share: a layer over any registered implementation, and filling it by name.

The public face is :mod:`gmbench.nn`.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable
from typing import Any

import torch

from gmbench import registry
from gmbench.contract import ContractError, Implementation, Initialisation


class Layer(torch.nn.Module):
    """A layer ``(..., in_features) -> (..., out_features)`` with the parameters of its layer type.

    The parameters are allocated, not drawn: fill them by :func:`initialise`. A family's module is a subclass; its
    ``shown`` names the attributes that printing shows where they are set.

    :param layer_type: the name of the layer type
    :param implementation: a record, or the name of a registered implementation of it
    :param axes: the lengths of the type's axes beside the features
    :raises ContractError: if there is no such implementation, or it computes something else
    """

    shown: tuple[str, ...] = ()

    def __init__(
        self,
        layer_type: str,
        in_features: int,
        out_features: int,
        implementation: str | Implementation,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
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

    def tensors(self) -> list[torch.Tensor]:
        """The tensors that the implementation takes beside x, in the order of the layer type."""
        return [getattr(self, name) for name in registry.layer_type(self.layer_type).names]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's value ``(..., out_features)`` for ``x (..., in_features)``.

        :raises ContractError: if x has another number of features, or whole numbers
        """
        self.check(x)
        return self.implementation.function(x, *self.tensors())

    def check(self, x: torch.Tensor) -> None:
        """:raises ContractError: if x has another number of features, or whole numbers"""
        if x.dim() < 1 or x.shape[-1] != self.in_features:
            who, shown = type(self).__name__, f"{x.shape[-1]} features" if x.dim() else "no axis"
            raise ContractError(f"{who}: x has {shown}, the layer takes {self.in_features} features")
        if not x.is_floating_point():  # in which some implementations would round their results
            raise ContractError(f"{type(self).__name__}: x is of {x.dtype}, not of floating-point numbers")

    def extra_repr(self) -> str:
        """What printing shows."""
        shown = [f"{name}={value!r}" for name in self.shown if (value := getattr(self, name))]
        features = f"{self.in_features}, {self.out_features}"
        return ", ".join([features, *shown, f"implementation={self.implementation.name!r}"])


@torch.no_grad()
def initialise(
    network: torch.nn.Module | Iterable[Callable[[torch.Tensor], torch.Tensor]],
    initialisation: str | Initialisation,
    images: torch.Tensor | None = None,
    generator: torch.Generator | None = None,
) -> None:
    """Fill the parameters of a layer, or of every layer of a stack, one after the other and in place.

    An initialisation that uses images is given, for each layer, the outputs of the modules before it, so a calibrated
    layer is measured on what it will see; any other is given None. ``gmbench list`` names all of them.

    :param network: a layer, or a sequence of modules with layers among them, such as a stack; other modules stay as
        they are. A layer inside one of these modules is refused: give what holds it
    :param initialisation: a name that the layers' types know, or a record
    :param images: inputs of the first module ``(n, ...)``, needed by initialisations that calibrate
    :param generator: of the CPU, for reproducible draws; None for the global one
    :raises ContractError: if there is no such initialisation, it needs images and has none, or a layer would be missed
    """
    modules: list[Any] = [network]
    if isinstance(network, Iterable) and not isinstance(network, Layer):
        modules = list(network)
    if not any(isinstance(module, Layer) for module in modules) or any(map(_hides_a_layer, modules)):
        raise ContractError("give initialise() a layer, or a sequence such as a stack that has layers directly in it")
    kinds = {module.layer_type for module in modules if isinstance(module, Layer)}
    if isinstance(initialisation, str):
        known = registry.load()
        found = {kind: known.initialisation(kind, initialisation) for kind in kinds}
    else:
        others = kinds - {initialisation.layer_type}
        if others:
            raise ContractError(f"{initialisation.key} does not initialise layers of {', '.join(sorted(others))}")
        found = {initialisation.layer_type: initialisation}
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


def _hides_a_layer(module: object) -> bool:
    """Whether something that is no layer itself has one somewhere inside, which nothing would initialise."""
    inside = module.modules() if isinstance(module, torch.nn.Module) and not isinstance(module, Layer) else ()
    return any(isinstance(inner, Layer) for inner in inside)
