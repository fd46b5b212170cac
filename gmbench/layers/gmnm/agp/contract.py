"""The layer type `gmnm-agp`: augmented Gaussian projections, Eq. 3 of the GMNM paper to the letter.

Whatever the number of projections, a unit is a ridge: w = sum over n of alpha_n a_n is all of them that counts.
"""

from collections.abc import Mapping

from gmbench.contract import Domain, LayerType, Parameter, Timed, Work
from gmbench.layers.gmnm import bound
from gmbench.layers.gmnm import domain as gmnm
from gmbench.layers.gmnm.agp import domain


def work(sizes: Mapping[str, int], batch: int, itemsize: int) -> Work:
    """Floor: that of the ridge it collapses to."""
    M, n, d, C = sizes["M"], sizes["n"], sizes["d"], sizes["C"]
    return Work(
        batch=batch,
        products=((d, M), (M, C)),
        exponentials=batch * M,
        bytes_moved=itemsize * (batch * (d + C) + M * (n * d + d + 2 * n + 1 + C)),
        backward_exponentials=batch * M,
    )


AGP = LayerType(
    name="gmnm-agp",
    summary="a weighted sum of augmented Gaussian projections; each collapses to a ridge",
    formula="sum over m of pi_m exp(-y_m^2 / 2), y_m = sum over n of alpha_mn (a_mn (x - mu_m) + b_mn) + beta_m",
    parameters=(
        Parameter("mu", ("M", "d"), "centres"),
        Parameter("a", ("M", "n", "d"), "projections"),
        Parameter("b", ("M", "n"), "their offsets"),
        Parameter("alpha", ("M", "n"), "their weights"),
        Parameter("beta", ("M",), "offsets of the units"),
        Parameter("pi", ("C", "M"), "weights, of any sign"),
    ),
    in_features="d",
    out_features="C",
    reference="gmbench.references.gmnm:agp",
    domain=Domain(
        sizes=domain.SIZES,
        wide=domain.WIDE,
        large=domain.LARGE,
        batches=gmnm.BATCHES,
        regimes=gmnm.REGIMES,
        draw=domain.draw,
    ),
    bound=bound.agp,
    properties=domain.PROPERTIES,
    limits=domain.limits,
    work=work,
    fastest=("compiled", "eager"),
    timed=(
        Timed({"M": 900, "n": 2, "d": 2, "C": 1}, 4096, everyday=False),
        Timed({"M": 100, "n": 8, "d": 64, "C": 1}, 1024, everyday=False),
    ),
)
