"""Initialisations of a uGMM layer by name; none looks at the data, at the widths or at the depth."""

import torch

import gmbench


@gmbench.initialisation("ugmm", name="authors")
@gmbench.initialisation("ugmm-tied", name="authors")
def authors(layer, images, generator):
    """mu ~ N(0, 1), sigma ~ U(0, 1), logits ~ U[0, 1), in this order, as the authors' code draws them"""
    # drawn on the CPU in float32, so that a seed means the same network on every device and dtype
    layer.mu.copy_(torch.randn(layer.mu.shape, generator=generator))
    sigma = torch.rand(layer.log_sigma.shape, generator=generator)
    while bool((zero := sigma == 0).any()):  # once in 2^24 draws; log 0 would make the neuron NaN for good
        sigma[zero] = torch.rand(int(zero.sum()), generator=generator)
    layer.log_sigma.copy_(sigma.log())
    layer.logits.copy_(torch.rand(layer.logits.shape, generator=generator))


@gmbench.initialisation("ugmm", name="unit-sigma")
@gmbench.initialisation("ugmm-tied", name="unit-sigma")
def unit_sigma(layer, images, generator):
    """mu and logits of the authors' draw, and sigma = 1"""
    authors(layer, images, generator)
    layer.log_sigma.zero_()
