"""Initialisations of GMNM layers: where the centres are, and widths at which units neither vanish nor are all alike."""

from __future__ import annotations

import math

import torch

from gmbench.contract import ContractError
from gmbench.declare import initialisation

TYPES = ("gmnm-ridge", "gmnm-mahalanobis", "gmnm-agp")
NEAREST, WIDTH = 4, 2.5  # widths, in distances to the fourth nearest centre
LOOKED = 1024  # inputs at the most that tell a distance

# of the initialisation 'calibrated'
LIKE = 1 / 20  # of their size, and inputs that deviate by no more hardly differ
NOISE = 1.0  # deviation of what is then added to them
ROUND = 10  # projections of equal weight
TARGET = 0.5  # the outputs' deviation over inputs, as KUMAR's


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


@for_all("calibrated")
def calibrated(layer, images, generator):
    """centres like the inputs; units at exp(-1/2) of their peak or more, outputs 0 on average and of deviation 1/2

    With x the inputs, E the mean over at most :data:`LOOKED` of them and f = exp(-q / 2) a unit of any reading:

    - mu is drawn from the Gaussian that has the inputs' mean and covariance: among the inputs, and on none of them.
    - The projections are orthonormal, in random directions. In mahalanobis the k-th beyond ten is weaker, by 10 / k:
      distances in many dimensions are all alike, and a round unit of 784 features answers all inputs the same.
      Then each unit is scaled to E q = 1, so that E f >= exp(-1/2) = .607, by Jensen's inequality, for any inputs.
    - The rows of pi are drawn, made orthogonal to E f, and scaled to outputs of deviation 1/2, as KUMAR's: they are 0
      on average, so a layer behind gets inputs that differ by as much as they are large. A single unit is only scaled.

    Inputs whose deviation is at most a twentieth of their size are the outputs of a layer that is not trained yet, or
    one and the same. Such a spread says nothing of what it will be a few steps later, a thousand times as much, of
    which units as narrow as it would die. They are looked at with noise of deviation 1 added, the scale that starts of
    layers presume. Two inputs are alike to a unit whose centre is midway between them, whatever its width.

    :raises ContractError: if there are no inputs, or they are not finite
    """
    x = seen(images, generator)
    reading, M, d = layer.layer_type.removeprefix("gmnm-"), layer.units, layer.in_features
    projections = getattr(layer, {"ridge": "W", "mahalanobis": "L", "agp": "a"}[reading]).view(M, -1, d)
    n = projections.shape[1]

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    mean = x.mean(0)
    mu = mean + normal(M, len(x)) @ (x - mean) / math.sqrt(len(x))
    rows = torch.linalg.qr(normal(M, max(n, d), min(n, d))).Q
    rows = rows if n > d else rows.mT  # (M, n, d)
    if reading == "mahalanobis":
        rows = rows * (ROUND / torch.arange(1, n + 1, dtype=torch.float64)).clamp(max=1).unsqueeze(1)
    squared = rows
    if reading == "agp":  # alpha in the span of a: it is of length 1, and so is what they make together
        alpha = torch.nn.functional.normalize(rows @ normal(M, d, 1), dim=1).mT
        squared = alpha @ rows
    q = torch.stack([((x - centre) @ own.T).square().sum(1) for centre, own in zip(mu, squared, strict=True)], 1)
    scale = q.mean(0).rsqrt()
    rows = rows * scale.view(M, 1, 1)
    f = torch.exp(-q * scale.square() / 2)
    pi = normal(*layer.pi.shape)
    if M > 1:
        level = f.mean(0)
        pi -= torch.outer(pi @ level / level.square().sum(), level)
    pi *= TARGET / (f @ pi.T).var(0).mean().sqrt()

    projections.copy_(rows)
    layer.pi.copy_(pi)
    if reading == "ridge":
        layer.b.copy_(-(rows[:, 0] * mu).sum(1))
    else:
        layer.mu.copy_(mu)
    if reading == "agp":
        layer.b.zero_()
        layer.alpha.copy_(alpha[:, 0])
        layer.beta.zero_()


def seen(images, generator):
    """Inputs ``(n, d)`` to calibrate by, in float64 and on the CPU, so that a seed is one network on every device.

    :raises ContractError: if there are none, or they are not finite
    """
    x = some(images).cpu().double()
    if not len(x) or not x.isfinite().all():
        raise ContractError("the initialisation 'calibrated' needs inputs that are finite, and at least one")
    size, deviation = x.square().mean().sqrt().item(), (x - x.mean(0)).square().mean().sqrt().item()
    if deviation > LIKE * size:
        return x
    x = x.repeat(math.ceil(LOOKED / len(x)), 1)[:LOOKED]
    noise = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    return x + max(NOISE, 1e-3 * size) * noise  # float32 tells a thousandth apart


def some(images):
    """At most :data:`LOOKED` of the inputs, evenly taken."""
    return images[:: max(1, len(images) // LOOKED)][:LOOKED]


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
    distances = torch.cdist(some(images).double(), centres.double())
    found = distances.kthvalue(min(NEAREST, len(centres)), 1).values.median().item()
    return found if found > 0 else 1.0
