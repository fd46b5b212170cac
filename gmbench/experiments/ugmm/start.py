"""What the start's deviations and the first rate do to the first epoch of the uGMM paper's network."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch.nn.functional import cross_entropy

from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.settings import EPOCHS, IMAGES
from gmbench.experiments.ugmm import claims, networks
from gmbench.experiments.ugmm.mnist import HIDDEN
from gmbench.experiments.ugmm.networks import SCRIPT
from gmbench.nn import UGMMLayer

FLAT = 1e-3  # nats: a neuron whose output's deviation over images is below it hardly varies


@dataclass(frozen=True)
class Arm:
    """A start and a rate.

    :param start: the name of an initialisation
    :param sigma: in the place of the start's own deviations
    :param rate: of Adam
    """

    text: str
    start: str = "authors"
    sigma: float | None = None
    rate: float = SCRIPT.rate


ARMS = {
    "authors": Arm("the authors' start, sigma ~ U(0, 1); Adam at 1e-2, as they train it"),
    "unit": Arm("sigma = 1 at the start", "unit-sigma"),
    "narrow": Arm("sigma = 0.01 at the start", sigma=0.01),
    "wide": Arm("sigma = 100 at the start", sigma=100.0),
    "rate-3e-2": Arm("the authors' start, Adam at 3e-2", rate=3e-2),
    "rate-3e-3": Arm("the authors' start, Adam at 3e-3", rate=3e-3),
    "unit-rate-3e-2": Arm("sigma = 1 at the start, Adam at 3e-2", "unit-sigma", rate=3e-2),
    "unit-rate-3e-3": Arm("sigma = 1 at the start, Adam at 3e-3", "unit-sigma", rate=3e-3),
}
HEADLINE = "authors"


def saturation(network: torch.nn.Sequential, images: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """``flat``: the share of neurons whose output's deviation over the images ``(n, d)`` is below :data:`FLAT`, of the
    layer that has the most of them; ``gradient_share``: the share of the cross-entropy's gradients that are finite and
    not 0, of the parameter that has the fewest. Without dropout.
    """
    before, x, flat = network.training, images, []
    network.eval()
    for module in network:
        x = module(x)
        if isinstance(module, UGMMLayer):
            flat.append((x.detach().std(0) < FLAT).double().mean().item())
    slopes = torch.autograd.grad(cross_entropy(x, labels), list(network.parameters()))
    network.train(before)
    shares = [(slope.isfinite() & (slope != 0)).double().mean().item() for slope in slopes]
    return {"flat": max(flat), "gradient_share": min(shares)}


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. Measures as in ``ugmm-mnist``; ``flat`` and ``gradient_share``, see :func:`saturation`, at the
    end, and with ``_start`` before training.
    """
    data, generator = networks.prepare(spec)
    arm = ARMS.get(spec["arm"], ARMS[HEADLINE])  # an arm that an initialisation from outside makes
    recipe = replace(SCRIPT, rate=arm.rate, milestones=())
    widths = [data.features, *HIDDEN, data.classes]
    images = data.train_images[: networks.CALIBRATION]
    network = networks.ugmm_network(spec, widths, arm.start, generator, images, dropout=(recipe.dropout,))
    if arm.sigma is not None:
        with torch.no_grad():
            for layer in network:
                cast(UGMMLayer, layer).log_sigma.fill_(math.log(arm.sigma))
    seen = data.train_images[: recipe.batch], data.train_labels[: recipe.batch]
    start = {f"{name}_start": value for name, value in saturation(network, *seen).items()}
    found = networks.trained(spec, report, data, network, recipe)
    return {**found, "measures": {**found["measures"], **start, **saturation(network, *seen)}}


DECISIONS = (
    *networks.DECISIONS,
    ("network and training", "784-128-64-10 without LayerNorm, the settings of the authors' newest script, one epoch"),
    (
        "saturated",
        f"a layer more than half of whose neurons have outputs of a deviation below {FLAT:g} nats over 128 training "
        "images (flat), or more than half of whose gradients by one of its parameters are 0 there (gradient_share)",
    ),
    (
        "narrow and wide",
        "a hundredth of sigma = 1 and a hundred times of it; means and weights as the authors draw them",
    ),
    ("a higher rate", "three times the authors' 1e-2, and a third of it beside"),
)

EXPERIMENT = Experiment(
    name="ugmm-start",
    version=1,
    paper="ugmm",
    summary="one epoch of the uGMM net from four sizes of sigma, and at three rates",
    layer_type="ugmm",
    arms={name: arm.text for name, arm in ARMS.items()},
    baselines=(),
    headline=HEADLINE,
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(1, 1, range(10)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.STARTS,
    measures={
        **networks.MEASURES,
        "flat": "neurons whose output hardly varies over images, share in the layer that has the most, at the end",
        "flat_start": "the same before training",
        "gradient_share": "gradients that are finite and not 0, share in the parameter that has the fewest, at the end",
        "gradient_share_start": "the same before training",
    },
    settings=(EPOCHS, IMAGES),
)
