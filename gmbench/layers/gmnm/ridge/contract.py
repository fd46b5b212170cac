"""The layer type `gmnm-ridge`: Gaussians of one projection each, the literal reading of the GMNM paper's Eq. 3."""

from collections.abc import Mapping
from dataclasses import replace

from gmbench.contract import Domain, Goal, LayerType, Parameter, Timed, Work
from gmbench.layers.gmnm import bound
from gmbench.layers.gmnm import domain as gmnm
from gmbench.layers.gmnm.ridge import domain


def work(sizes: Mapping[str, int], batch: int, itemsize: int) -> Work:
    """Floor: x with the M directions, the M exponentials of each row with pi; in backward they are computed anew."""
    M, d, C = sizes["M"], sizes["d"], sizes["C"]
    return Work(
        batch=batch,
        products=((d, M), (M, C)),
        exponentials=batch * M,
        bytes_moved=itemsize * (batch * (d + C) + M * (d + 1 + C)),
        backward_exponentials=batch * M,
    )


RIDGE = LayerType(
    name="gmnm-ridge",
    summary="a weighted sum of Gaussian ridges, each along one direction",
    formula="sum over m of pi_m exp(-(W_m x + b_m)^2 / 2)",
    parameters=(
        Parameter("W", ("M", "d"), "directions, whose lengths are the inverse widths"),
        Parameter("b", ("M",), "offsets"),
        Parameter("pi", ("C", "M"), "weights, of any sign"),
    ),
    in_features="d",
    out_features="C",
    reference="gmbench.references.gmnm:ridge",
    domain=Domain(
        sizes=domain.SIZES,
        wide=domain.WIDE,
        large=domain.LARGE,
        batches=gmnm.BATCHES,
        regimes=gmnm.REGIMES,
        draw=domain.draw,
    ),
    bound=bound.ridge,
    properties=domain.properties(),
    limits=domain.limits,
    work=work,
    fastest=("compiled", "eager"),
    timed=(Timed({"M": 900, "d": 2, "C": 1}, 4096, everyday=False),),
    quantities={"laplacian": "gmnm-ridge-laplacian"},
    beside=("kan",),
)

LAPLACIAN = replace(  # with respect to x: another quantity, judged as a layer type of its own
    RIDGE,
    name="gmnm-ridge-laplacian",
    summary="the Laplacian of a weighted sum of Gaussian ridges",
    formula="sum over m of pi_m |W_m|^2 (y_m^2 - 1) exp(-y_m^2 / 2), y_m = W_m x + b_m",
    reference="gmbench.references.gmnm:ridge_laplacian",
    domain=gmnm.of_laplacian(RIDGE.domain),
    bound=bound.ridge_laplacian,
    properties=domain.properties(power=2),
    quantities={},
    timed=(Timed({"M": 900, "d": 2, "C": 1}, 4096, everyday=False),),
    goals=(
        Goal("compiled", "2-1", 4096, "forward+backward", 1 / 60, "double-backward", allocator="default"),
        Goal("compiled", "2-1", 4096, "forward+backward", 1 / 35, "double-backward", allocator="retained"),
    ),
)
