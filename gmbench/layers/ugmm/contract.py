"""The layer types `ugmm`, the logarithm of a mixture of one-dimensional Gaussians, one component for each input, and
`ugmm-tied`, the same with means that all neurons share.

Each component sees its own input and ignores the others, so exp of the value is no density over the inputs: of two or
more its integral is infinite. The value is a score.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace

from gmbench.contract import Domain, Goal, LayerType, Parameter, Stack, Timed, Work
from gmbench.layers.ugmm import bound, domain


def work(sizes: Mapping[str, int], batch: int, itemsize: int, tied: bool = False) -> Work:
    """Floor: one exponential for each row, neuron and input in each pass, too many to be saved; no products."""
    d, C = sizes["d"], sizes["C"]
    return Work(
        batch=batch,
        products=(),
        exponentials=batch * C * d,
        bytes_moved=itemsize * (batch * (d + C) + 2 * C * d + (d if tied else C * d)),
        backward_exponentials=batch * C * d,
    )


STACK = Stack((784, 128, 64, 10), {}, 128, {})

UNTIED = LayerType(
    name="ugmm",
    summary="a mixture of one-dimensional Gaussians for each neuron, one component for each input",
    formula="logsumexp over i of log_softmax(logits)_i + log N(x_i; mu_i, sigma_i^2)",
    parameters=(
        Parameter("mu", ("C", "d"), "means"),
        Parameter("log_sigma", ("C", "d"), "logarithms of the standard deviations"),
        Parameter("logits", ("C", "d"), "logits of the weights, which are their softmax over the inputs"),
    ),
    in_features="d",
    out_features="C",
    reference="gmbench.references.ugmm:ugmm",
    domain=Domain(
        sizes=domain.SIZES,
        wide=domain.WIDE,
        large=domain.LARGE,
        batches=domain.BATCHES,
        regimes=domain.REGIMES,
        draw=domain.draw,
    ),
    bound=bound.bound,
    properties=domain.PROPERTIES,
    limits=domain.limits,
    work=work,
    fastest=("native", "compiled", "chunked", "eager"),
    timed=(
        Timed({"d": 784, "C": 128}, 128),
        Timed({"d": 128, "C": 10}, 128, everyday=False),
        Timed({"d": 1024, "C": 1024}, 64, everyday=False),
    ),
    stack=STACK,
    goals=(
        Goal("compiled", "784-128", 128, "forward+backward", 1 / 30, "eager", allocator="default"),
        Goal("compiled", "784-128", 128, "forward+backward", 1 / 4.5, "eager", allocator="retained"),
        Goal("compiled", "784-128", 128, "forward+backward", 10e6),
        Goal("native", "784-128", 128, "forward+backward", 10e6),
    ),
)


TIED = replace(
    UNTIED,
    name="ugmm-tied",
    summary="a mixture of one-dimensional Gaussians for each neuron, with means shared by the neurons",
    parameters=(Parameter("mu", ("d",), "means, of every neuron"), *UNTIED.parameters[1:]),
    reference="gmbench.references.ugmm_tied:ugmm_tied",
    domain=replace(UNTIED.domain, draw=functools.partial(domain.draw, tied=True)),
    limits=functools.partial(domain.limits, tied=True),
    work=functools.partial(work, tied=True),
    timed=(replace(UNTIED.timed[0], everyday=False),),
    stack=replace(STACK, everyday=False),
    goals=(),
    fastest=("native", "compiled", "eager"),
)
