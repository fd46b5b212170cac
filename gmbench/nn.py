"""The layers as torch modules: one for each family, stacks of them, and their initialisation by name.

A module runs any registered implementation of its layer type (``gmbench list``), by name or record. Its parameters are
allocated, not drawn::

    network = gmbench.nn.stack("ugmm", [784, 128, 64, 10], dropout=(0.3,), implementation="compiled")
    gmbench.nn.initialise(network, "unit-sigma", generator=torch.Generator().manual_seed(0))
    scores = network(x)  # (..., 784) -> (..., 10)
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch

from gmbench.contract import ContractError
from gmbench.layers.gm.module import GMLayer
from gmbench.layers.gmnm.module import GMNM, READINGS
from gmbench.layers.modules import Layer, initialise
from gmbench.layers.ugmm.module import UGMMLayer
from gmbench.names import choose

__all__ = ["GMNM", "GMLayer", "UGMMLayer", "initialise", "stack"]

_MODULES: Mapping[str, Callable[..., Layer]] = MappingProxyType(
    {
        "gm": GMLayer,
        "ugmm": UGMMLayer,
        "ugmm-tied": functools.partial(UGMMLayer, tied=True),
        **{f"gmnm-{reading}": functools.partial(GMNM, reading=reading) for reading in READINGS},
    }
)
_NORMS = ("none", "hidden", "all")


def stack(
    layer_type: str,
    widths: Sequence[int],
    *,
    dropout: float | Sequence[float] = 0.0,
    layer_norm: str = "none",
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
    :param options: passed to every layer: ``implementation``, ``device``, ``dtype``, and its own, such as
        ``components`` of :class:`GMLayer` or ``units`` of :class:`GMNM`
    :raises ContractError: if the type has no module, or an argument is out of its range
    """
    module, pairs = choose("module of the layer type", layer_type, _MODULES), list(itertools.pairwise(widths))
    if not pairs:
        raise ContractError("a stack needs at least two widths, such as [784, 100, 10]")
    if layer_norm not in _NORMS:
        raise ContractError(f"layer_norm is {', '.join(_NORMS[:-1])} or {_NORMS[-1]}, not {layer_norm!r}")
    rates = [dropout] * len(pairs) if isinstance(dropout, int | float) else list(dropout)
    if len(rates) > len(pairs):
        raise ContractError(f"{len(rates)} rates of dropout for {len(pairs)} layers")
    rates += [0.0] * (len(pairs) - len(rates))
    placed: dict[str, Any] = {name: options.get(name) for name in ("device", "dtype")}
    modules: list[torch.nn.Module] = []
    for number, ((wide, narrow), rate) in enumerate(zip(pairs, rates, strict=True), 1):
        modules.append(module(wide, narrow, **({"dropout": rate} if rate else {}), **options))
        if layer_norm == "all" or (layer_norm == "hidden" and number < len(pairs)):
            modules.append(torch.nn.LayerNorm(narrow, **placed))
    return torch.nn.Sequential(*modules)
