"""Initialisations of GMNM layers: where the centres are, and widths at which units neither vanish nor are all alike."""

from __future__ import annotations

import math

import torch

from gmbench.contract import ContractError
from gmbench.declare import initialisation

TYPES = ("gmnm-ridge", "gmnm-mahalanobis", "gmnm-agp")
NEAREST, WIDTH = 4, 2.5  # widths, in distances to the fourth nearest centre
LOOKED = 1024  # inputs at the most that tell a distance


def for_all(name):
    """Declare a function as an initialisation of every reading."""

    def declare(function):
        for layer_type in TYPES:
            function = initialisation(layer_type, name=name, uses_images=True)(function)
        return function

    return declare


@for_all("grid")
def grid(layer, images, generator):
    """centres on a regular grid over the box of the inputs, which needs units = k^in_features"""
    low, high = images.amin(0), images.amax(0)
    side = round(layer.units ** (1 / layer.in_features))
    if side**layer.in_features != layer.units:
        raise ContractError(
            f"the initialisation 'grid' needs units = k^{layer.in_features}, not {layer.units}; 'uniform' does not"
        )
    line = (
        torch.linspace(0, 1, side, dtype=images.dtype, device=images.device) if side > 1 else images.new_full((1,), 0.5)
    )
    places = torch.cartesian_prod(*[line] * layer.in_features).view(layer.units, layer.in_features)
    fill(layer, low + (high - low) * places, images, generator)


@for_all("uniform")
def uniform(layer, images, generator):
    """centres drawn uniformly from the box of the inputs"""
    low, high = images.amin(0), images.amax(0)
    places = torch.rand(layer.units, layer.in_features, generator=generator, dtype=torch.float64).to(images)
    fill(layer, low + (high - low) * places, images, generator)


@for_all("points")
def points(layer, images, generator):
    """centres on inputs drawn at random, each once as far as they reach"""
    order = torch.cat(
        [torch.randperm(len(images), generator=generator) for _ in range(math.ceil(layer.units / len(images)))]
    )
    fill(layer, images[order[: layer.units].to(images.device)], images, generator)


def fill(layer, centres, images, generator):
    """All tensors of a layer for these centres (M, d).

    The width is :data:`WIDTH` times the median distance from an input to its fourth nearest centre, whatever the
    dimension: there a unit has lost little, so none vanishes where distances grow with it.
    """
    sigma = WIDTH * spacing(centres, images)
    reading = layer.layer_type.removeprefix("gmnm-")
    M, d = centres.shape

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(layer.pi)

    if reading == "ridge":
        layer.W.copy_(normal(M, d) / (2 * sigma))
        layer.b.copy_(-(layer.W * centres.to(layer.W)).sum(1))
    else:
        layer.mu.copy_(centres)
        L = layer.L if reading == "mahalanobis" else layer.a
        n = L.shape[1]
        # square: round, and so much out of round that no two are alike; else random, of the same mean square
        square = torch.eye(d).to(L) + 0.1 / math.sqrt(d) * normal(M, d, d) if n == d else normal(M, n, d) / math.sqrt(n)
        L.copy_(square / sigma)
    if reading == "agp":
        layer.b.zero_()
        layer.alpha.copy_(normal(M, layer.alpha.shape[1]) / 2)  # as long as a ridge's W
        layer.beta.zero_()
    layer.pi.copy_(normal(*layer.pi.shape) / math.sqrt(M))


def spacing(centres, images) -> float:
    """The median distance from an input to its fourth nearest centre; 1 where all are one point."""
    some = images[:: max(1, len(images) // LOOKED)][:LOOKED].double()
    distances = torch.cdist(some, centres.double())
    found = distances.kthvalue(min(NEAREST, len(centres)), 1).values.median().item()
    return found if found > 0 else 1.0
