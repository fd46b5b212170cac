"""The layer type `gm-full`: full covariance over (omega, beta), one output."""

from collections.abc import Mapping

from gmbench.contract import Domain, LayerType, Parameter, Timed, Work
from gmbench.layers.gm.full import bound, domain


def work(sizes: Mapping[str, int], batch: int, itemsize: int) -> Work:
    """Floor of one forward pass: x with the K d rows of Sigma, with K means and K covariances, one exponential a
    (row, k).
    """
    K, d = sizes["K"], sizes["d"]
    return Work(
        batch=batch,
        products=((d, K * d), (d, K), (d, K)),
        exponentials=batch * K,
        bytes_moved=itemsize * (batch * (d + 1) + K * (d * d + 2 * d + 1)),
    )


GM_FULL = LayerType(
    name="gm-full",
    summary="a mixture of Gaussians over neurons, full covariance of (omega, beta), one output",
    formula="mean over k of E[omega relu(<beta, x>)], (omega, beta) jointly normal",
    parameters=(
        Parameter("mu_omega", ("K",), "means of omega"),
        Parameter("mu", ("K", "d"), "means of beta"),
        Parameter("cross", ("K", "d"), "covariances of omega and beta"),
        Parameter("Sigma", ("K", "d", "d"), "covariances of beta, symmetric"),
    ),
    in_features="d",
    out_features="C",
    fixed={"C": 1},
    reference="gmbench.references.gm_full:gm_full",
    domain=Domain(
        sizes={"K": (1, 2, 3, 4, 5, 8, 10), "d": (1, 2, 3, 5, 8, 17, 33)},
        wide={"K": (2, 3, 20, 80), "d": (3, 30, 130)},
        large=(
            ({"K": 10, "d": 100}, 8, "both"),
            ({"K": 16, "d": 40}, 40, "origin"),
            ({"K": 6, "d": 64}, 130, "bulk"),
            ({"K": 64, "d": 12}, 9, "point"),
            ({"K": 3, "d": 128}, 5, "left"),
        ),
        batches=(1, 2, 3, 5),
        regimes=domain.REGIMES,
        draw=domain.draw,
    ),
    bound=bound.bound,
    nondifferentiable=bound.nondifferentiable,
    properties=domain.PROPERTIES,
    limits=domain.limits,
    work=work,
    fastest=("eager",),
    timed=(
        Timed({"K": 10, "d": 100, "C": 1}, 64),
        Timed({"K": 10, "d": 100, "C": 1}, 1024, everyday=False),
        Timed({"K": 4, "d": 512, "C": 1}, 64, everyday=False),
    ),
)
