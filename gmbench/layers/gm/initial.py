"""Initialisations of a GM layer by name.

``bl`` is the baseline of the GM paper, ``kumar`` the calibrated one of the KUMAR note of 30 June 2026, ``fan-in``
its first half, ``kumar-per-class`` the same with another target.
"""

import math

import torch

import gmbench
from gmbench.contract import ContractError

GAMMA = 0.5  # BL: standard deviation of every draw, and the value of sigma
TARGET = 0.5  # KUMAR: standard deviation of the layer's outputs
IMAGES = 2048  # KUMAR: how many training images calibrate


def draw(layer, deviation, generator):
    """mu, U, v ~ N(0, deviation^2) and sigma = deviation, in place."""
    for parameter in (layer.mu, layer.U, layer.v):
        # drawn on the CPU in float32, so that a seed means the same network on every device and dtype
        parameter.copy_(deviation * torch.randn(parameter.shape, generator=generator))
    layer.sigma.fill_(deviation)


@gmbench.initialisation("gm", name="bl")
def bl(layer, images, generator):
    """mu, U, v ~ N(0, 1/4) and sigma = 1/2, whatever the width (the GM paper's baseline)"""
    draw(layer, GAMMA, generator)


@gmbench.initialisation("gm", name="fan-in")
def fan_in(layer, images, generator):
    """mu, U, v ~ N(0, 2/d) and sigma = sqrt(2/d), with d the layer's own input width"""
    draw(layer, math.sqrt(2 / layer.in_features), generator)


@gmbench.initialisation("gm", name="kumar", uses_images=True)
def kumar(layer, images, generator):
    """fan-in, then U and v rescaled so that the outputs on 2048 images have standard deviation 1/2"""
    fan_in(layer, images, generator)
    _calibrate("kumar", layer, layer(images[:IMAGES]).std())  # over all entries, unbiased


@gmbench.initialisation("gm", name="kumar-per-class", uses_images=True)
def kumar_per_class(layer, images, generator):
    """fan-in, then U and v rescaled so that an output's standard deviation over 2048 images is 1/2 on average"""
    fan_in(layer, images, generator)
    _calibrate("kumar-per-class", layer, layer(images[:IMAGES]).std(0).mean())


def _calibrate(name, layer, deviation):
    """h is linear in (U, v), so one forward pass calibrates exactly."""
    if not torch.isfinite(deviation) or deviation <= 0:
        raise ContractError(
            f"{name}: the outputs on the calibration images have standard deviation {float(deviation):g}; "
            "give at least two different, finite images"
        )
    scale = TARGET / deviation
    layer.U.mul_(scale)
    layer.v.mul_(scale)
