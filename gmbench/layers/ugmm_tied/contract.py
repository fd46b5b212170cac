"""The layer type `ugmm-tied`: `ugmm` with means shared by the neurons."""

import functools
from dataclasses import replace

from gmbench.contract import Parameter, Work
from gmbench.layers.ugmm import domain
from gmbench.layers.ugmm.contract import TYPE as UNTIED


def work(sizes, batch, itemsize):
    """Floor: one exponential for each row, neuron and input in each pass, too many to be saved; no products."""
    d, C = sizes["d"], sizes["C"]
    return Work(
        batch=batch,
        products=(),
        exponentials=batch * C * d,
        bytes_moved=itemsize * (batch * (d + C) + 2 * C * d + d),
        backward_exponentials=batch * C * d,
    )


TYPE = replace(
    UNTIED,
    name="ugmm-tied",
    summary="a mixture of one-dimensional Gaussians for each neuron, with means shared by the neurons",
    parameters=(Parameter("mu", ("d",), "means, of every neuron"), *UNTIED.parameters[1:]),
    reference="gmbench.references.ugmm_tied:ugmm_tied",
    domain=replace(UNTIED.domain, draw=functools.partial(domain.draw, tied=True)),
    limits=functools.partial(domain.limits, tied=True),
    work=work,
    timed=(replace(UNTIED.timed[0], everyday=False),),
    stack=replace(UNTIED.stack, everyday=False),
    goals=(),
    fastest=("native", "compiled", "eager"),
)
