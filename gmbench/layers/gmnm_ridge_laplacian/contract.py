"""The quantity `laplacian` of `gmnm-ridge`, with respect to x: judged as a layer type of its own."""

import dataclasses

from gmbench.contract import Goal, Timed
from gmbench.layers.gmnm import bound
from gmbench.layers.gmnm import domain as gmnm
from gmbench.layers.gmnm_ridge import domain
from gmbench.layers.gmnm_ridge.contract import TYPE as VALUE

TYPE = dataclasses.replace(
    VALUE,
    name="gmnm-ridge-laplacian",
    summary="the Laplacian of a weighted sum of Gaussian ridges",
    formula="sum over m of pi_m |W_m|^2 (y_m^2 - 1) exp(-y_m^2 / 2), y_m = W_m x + b_m",
    reference="gmbench.references.gmnm:ridge_laplacian",
    domain=gmnm.of_laplacian(VALUE.domain),
    bound=bound.ridge_laplacian,
    properties=domain.properties(power=2),
    quantities={},
    timed=(Timed({"M": 900, "d": 2, "C": 1}, 4096, everyday=False),),
    goals=(
        Goal("compiled", "2-1", 4096, "forward+backward", 1 / 60, "double-backward", allocator="default"),
        Goal("compiled", "2-1", 4096, "forward+backward", 1 / 35, "double-backward", allocator="retained"),
    ),
)
