"""The quantity `laplacian` of `gmnm-mahalanobis`, with respect to x: judged as a layer type of its own."""

import dataclasses

from gmbench.contract import Goal, Timed
from gmbench.layers.gmnm import bound
from gmbench.layers.gmnm import domain as gmnm
from gmbench.layers.gmnm_mahalanobis import domain
from gmbench.layers.gmnm_mahalanobis.contract import TYPE as VALUE

TYPE = dataclasses.replace(
    VALUE,
    name="gmnm-mahalanobis-laplacian",
    summary="the Laplacian of a weighted sum of Gaussians",
    formula="sum over m of pi_m (|L_m^T y_m|^2 - tr L_m L_m^T) exp(-|y_m|^2 / 2), y_m = L_m (x - mu_m)",
    reference="gmbench.references.gmnm:mahalanobis_laplacian",
    domain=gmnm.of_laplacian(VALUE.domain),
    bound=bound.mahalanobis_laplacian,
    properties=domain.properties(power=2),
    quantities={},
    timed=(
        Timed({"M": 900, "n": 2, "d": 2, "C": 1}, 4096, everyday=False),
        Timed({"M": 100, "n": 8, "d": 64, "C": 1}, 1024, everyday=False),
    ),
    goals=(
        Goal("compiled", "2-1", 4096, "forward+backward", 1 / 130, "double-backward", allocator="default"),
        Goal("compiled", "2-1", 4096, "forward+backward", 1 / 100, "double-backward", allocator="retained"),
        Goal("compiled", "64-1", 1024, "forward+backward", 1 / 170, "double-backward"),
    ),
)
