"""The layer type `gm`: diagonal covariances and an affine readout (the reduced GM layer)."""

from collections.abc import Mapping

from gmbench.contract import Domain, Goal, LayerType, Parameter, Stack, Timed, Work
from gmbench.layers.gm import bound, domain


def work(sizes: Mapping[str, int], batch: int, itemsize: int) -> Work:
    """Floor of one forward pass: x with the K C rows of U, with the K means and the K variances, one exponential a
    (row, k).
    """
    K, d, C = sizes["K"], sizes["d"], sizes["C"]
    return Work(
        batch=batch,
        products=((d, K * C), (d, K), (d, K)),
        exponentials=batch * K,
        bytes_moved=itemsize * (batch * (d + C) + K * (2 * d + C * d + C)),
    )


GM = LayerType(
    name="gm",
    summary="a mixture of Gaussians over neurons, diagonal covariance, affine readout",
    formula="mean over k of E[(U_k beta + v_k) relu(<beta, x>)], beta ~ N(mu_k, diag sigma_k^2)",
    parameters=(
        Parameter("mu", ("K", "d"), "means of beta"),
        Parameter("sigma", ("K", "d"), "standard deviations of beta, any sign"),
        Parameter("U", ("K", "C", "d"), "slope of the readout"),
        Parameter("v", ("K", "C"), "offset of the readout"),
    ),
    in_features="d",
    out_features="C",
    reference="gmbench.references.gm:gm",
    domain=Domain(
        sizes={"K": (1, 2, 3, 4, 5, 8, 10, 13), "d": (1, 2, 3, 5, 8, 16, 17, 64, 130), "C": (1, 2, 3, 7, 20)},
        wide={"K": (2, 3, 20, 80), "d": (3, 30, 300, 1000), "C": (1, 5, 33, 150)},
        large=(
            ({"K": 10, "d": 784, "C": 100}, 8, "both"),
            ({"K": 10, "d": 100, "C": 10}, 64, "origin"),
            ({"K": 4, "d": 256, "C": 2}, 300, "bulk"),
            ({"K": 64, "d": 24, "C": 6}, 9, "both"),
            ({"K": 8, "d": 64, "C": 130}, 5, "point"),
            ({"K": 6, "d": 512, "C": 33}, 3, "left"),
            ({"K": 16, "d": 32, "C": 64}, 33, "offset"),
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
    fastest=("compiled", "eager"),
    timed=(
        Timed({"K": 10, "d": 784, "C": 100}, 64),
        Timed({"K": 10, "d": 784, "C": 100}, 1024),
        Timed({"K": 10, "d": 100, "C": 10}, 64),
        Timed({"K": 10, "d": 100, "C": 10}, 1024, everyday=False),
        Timed({"K": 10, "d": 1024, "C": 512}, 256, everyday=False),
    ),
    stack=Stack((784, 100, 10), {"K": 10}, 64, {"mu": -0.5, "sigma": -0.5, "U": -0.5}),
    goals=(
        Goal("compiled", "784-100", 1024, "forward+backward", 1.2, "floor"),
        Goal("compiled", "784-100", 1024, "forward+backward", 20e6),
        Goal("compiled", "784-100-10", 64, "training step", 1.75, "floor"),
        Goal("compiled", "784-100-10", 64, "training step", 1 / 2, "eager"),
    ),
)
