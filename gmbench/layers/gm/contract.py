"""The layer type `gm`: diagonal covariances and an affine readout (the reduced GM layer)."""

from gmbench.contract import Domain, LayerType, Parameter, Work
from gmbench.layers.gm import bound, domain


def work(sizes, batch, itemsize):
    """Floor of one forward pass: (batch x d) @ (d x K C), the two small products, two exponentials a (row, k)."""
    K, d, C = sizes["K"], sizes["d"], sizes["C"]
    return Work(
        multiply_adds=batch * K * d * (C + 2) + batch * K * C + K * C * d,
        exponentials=batch * K,
        bytes_moved=itemsize * (batch * (d + C) + K * (2 * d + C * d + C)),
    )


TYPE = LayerType(
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
    kinks=bound.kinks,
    properties=domain.PROPERTIES,
    limits=domain.limits,
    work=work,
    fastest=("compiled", "eager"),
)
