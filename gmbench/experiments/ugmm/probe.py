"""What the first layer of the uGMM network has learned: pictures of its neurons, and how concentrated they are."""

from __future__ import annotations

from typing import Any, cast

from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.settings import EPOCHS, IMAGES
from gmbench.experiments.ugmm import claims, mnist, networks
from gmbench.experiments.ugmm.measures import SHOWN, Layer, pictures

ARMS = ("mlp", "ugmm", "ugmm-norm-unit")


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed, as in ``ugmm-mnist``; ``neurons`` has the pictures before and after training."""
    data, generator = networks.prepare(spec)
    network, recipe = mnist.network_of(spec, data, generator)
    start = pictures(cast(Layer, network[0]))
    found = networks.trained(spec, report, data, network, recipe)
    return {**found, "neurons": {"start": start, **found["neurons"]}}


DECISIONS = (
    *mnist.DECISIONS,
    (
        "networks and epochs",
        "three arms of ugmm-mnist, trained for 20 epochs instead of 100, at the same shares of the schedule; the same "
        "measures of the networks that were trained for 100 epochs stand there",
    ),
    (
        "which neurons are shown",
        f"the first {SHOWN} of the first layer, unselected; of the lowest seed. Neurons are exchangeable",
    ),
)

EXPERIMENT = Experiment(
    name="ugmm-probe",
    version=1,
    paper="ugmm",
    summary="what the neurons of a first uGMM layer have learned of an image, against those of an MLP",
    layer_type="ugmm",
    arms={arm: mnist.EXPERIMENT.arms[arm] for arm in ARMS},
    baselines=("mlp",),
    headline="ugmm-norm-unit",
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(5, 20, range(6)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.PROBE,
    measures=networks.MEASURES,
    settings=(EPOCHS, IMAGES),
)
