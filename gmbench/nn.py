"""The layers as torch modules: one for each family, stacks of them, and their initialisation by name.

A module runs any registered implementation of its layer type (``gmbench list``), by name or record. Its parameters are
allocated, not drawn::

    network = gmbench.nn.stack("ugmm", [784, 128, 64, 10], dropout=(0.3,), implementation="compiled")
    gmbench.nn.initialise(network, "unit-sigma", generator=torch.Generator().manual_seed(0))
    scores = network(x)  # (..., 784) -> (..., 10)
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch

from gmbench import registry
from gmbench.contract import ContractError, Implementation
from gmbench.layers.gm.module import GMLayer
from gmbench.layers.gmnm.module import GMNM
from gmbench.layers.modules import Layer, initialise
from gmbench.layers.ugmm.inference import most_probable_explanation, sample
from gmbench.layers.ugmm.module import UGMMLayer
from gmbench.names import choose, one_of

__all__ = ["GMNM", "GMLayer", "UGMMLayer", "initialise", "most_probable_explanation", "sample", "stack"]

_NORMS = ("none", "hidden", "all")


@functools.cache
def _modules() -> dict[str, Callable[..., Layer]]:
    """The module of each layer type, as the ``MODULES`` of a family's ``module.py`` say."""
    tables = (getattr(module, "MODULES", {}) for module in registry.modules("gmbench.layers", "module"))
    return {name: module for table in tables for name, module in table.items()}


def stack(
    layer_type: str,
    widths: Sequence[int],
    *,
    dropout: float | Sequence[float] = 0.0,
    layer_norm: str = "none",
    implementation: str | Implementation = "eager",
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> torch.nn.Sequential:
    """Layers of one type, one behind the other: ``(..., widths[0]) -> (..., widths[-1])``.

    ``stack("gm", [784, 100, 10], components=10)`` are two GM layers with nothing between them.

    :param layer_type: ``gm``, ``ugmm``, ``ugmm-tied``, ``gmnm-mahalanobis``, ``gmnm-ridge`` or ``gmnm-agp``
    :param widths: at least two feature counts
    :param dropout: of uGMM layers: of every one, or one number a layer from the first on, 0 for the rest; ``(0.3,)`` is
        the authors'
    :param layer_norm: where a :class:`torch.nn.LayerNorm` over the features (with gain and offset) follows a layer:
        ``"none"``, ``"hidden"`` (all layers but the last) or ``"all"``
    :param options: of every layer, as its module has them: such as ``components`` of :class:`GMLayer` or ``units`` of
        :class:`GMNM`
    :raises ContractError: if the type has no module, or an argument is out of its range, missing or not one of its
        module's
    """
    module, pairs = choose("module of the layer type", layer_type, _modules()), list(itertools.pairwise(widths))
    if not pairs:
        raise ContractError("a stack needs at least two widths, such as [784, 100, 10]")
    if layer_norm not in _NORMS:
        raise ContractError(f"layer_norm is {', '.join(_NORMS[:-1])} or {_NORMS[-1]}, not {layer_norm!r}")
    rates = [dropout] * len(pairs) if isinstance(dropout, int | float) else list(dropout)
    if len(rates) > len(pairs):
        raise ContractError(f"{len(rates)} rates of dropout for {len(pairs)} layers")
    rates += [0.0] * (len(pairs) - len(rates))
    placed: dict[str, Any] = {"device": device, "dtype": dtype}
    _check_options(layer_type, module, {**options, **({"dropout": rates} if any(rates) else {})})
    modules: list[torch.nn.Module] = []
    for number, ((wide, narrow), rate) in enumerate(zip(pairs, rates, strict=True), 1):
        own = {**options, **({"dropout": rate} if rate else {})}
        modules.append(module(wide, narrow, implementation=implementation, **placed, **own))
        if layer_norm == "all" or (layer_norm == "hidden" and number < len(pairs)):
            modules.append(torch.nn.LayerNorm(narrow, **placed))
    return torch.nn.Sequential(*modules)


def _check_options(layer_type: str, module: Callable[..., Layer], options: dict[str, Any]) -> None:
    bound = getattr(module, "keywords", {})  # which the layer type says itself
    known = {name: p for name, p in inspect.signature(module).parameters.items() if name not in bound}
    for name in options:
        one_of(f"{layer_type} option", name, known)
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in ("in_features", "out_features", *options):
            raise ContractError(f"a stack of {layer_type} layers needs {name}=")
