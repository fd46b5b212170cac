"""The layer type `gmnm-mahalanobis`: Gaussians of several projections each, the reading that has full Gaussians."""

from collections.abc import Mapping
from dataclasses import replace

from gmbench.contract import Domain, Goal, LayerType, Parameter, Timed, Work
from gmbench.layers.gmnm import bound
from gmbench.layers.gmnm import domain as gmnm
from gmbench.layers.gmnm.mahalanobis import domain


def work(sizes: Mapping[str, int], batch: int, itemsize: int) -> Work:
    """Floor: x with the M n projections, the M exponentials of each row with pi; in backward they are computed anew."""
    M, n, d, C = sizes["M"], sizes["n"], sizes["d"], sizes["C"]
    return Work(
        batch=batch,
        products=((d, M * n), (M, C)),
        exponentials=batch * M,
        bytes_moved=itemsize * (batch * (d + C) + M * (n * d + d + C)),
        backward_exponentials=batch * M,
    )


MAHALANOBIS = LayerType(
    name="gmnm-mahalanobis",
    summary="a weighted sum of Gaussians, each with a precision matrix L^T L of its own",
    formula="sum over m of pi_m exp(-|L_m (x - mu_m)|^2 / 2)",
    parameters=(
        Parameter("mu", ("M", "d"), "centres"),
        Parameter("L", ("M", "n", "d"), "projections; the precision matrices are L^T L"),
        Parameter("pi", ("C", "M"), "weights, of any sign"),
    ),
    in_features="d",
    out_features="C",
    reference="gmbench.references.gmnm:mahalanobis",
    domain=Domain(
        sizes=domain.SIZES,
        wide=domain.WIDE,
        large=domain.LARGE,
        batches=gmnm.BATCHES,
        regimes=gmnm.REGIMES,
        draw=domain.draw,
    ),
    bound=bound.mahalanobis,
    properties=domain.properties(),
    limits=domain.limits,
    work=work,
    fastest=("compiled", "eager"),
    timed=(
        Timed({"M": 900, "n": 2, "d": 2, "C": 1}, 4096),
        Timed({"M": 100, "n": 8, "d": 64, "C": 1}, 1024, everyday=False),
    ),
    quantities={"laplacian": "gmnm-mahalanobis-laplacian"},
    beside=("kan",),
)

LAPLACIAN = replace(  # with respect to x: another quantity, judged as a layer type of its own
    MAHALANOBIS,
    name="gmnm-mahalanobis-laplacian",
    summary="the Laplacian of a weighted sum of Gaussians",
    formula="sum over m of pi_m (|L_m^T y_m|^2 - tr L_m L_m^T) exp(-|y_m|^2 / 2), y_m = L_m (x - mu_m)",
    reference="gmbench.references.gmnm:mahalanobis_laplacian",
    domain=gmnm.of_laplacian(MAHALANOBIS.domain),
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
