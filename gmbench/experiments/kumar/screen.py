"""The screen of the KUMAR note: pairs of runs from two initialisations, on two data sets."""

from __future__ import annotations

from typing import Any

import torch

from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.kumar import claims, networks
from gmbench.experiments.settings import count

HIDDEN = 100
COMPONENTS = 20
ONE_LAYER = ("bl-one-layer", "kumar-one-layer")
START = {"bl": "bl", "kumar": "kumar", "bl-one-layer": "bl", "kumar-one-layer": "kumar"}

DECISIONS = (
    *networks.STACK_DECISIONS,
    ("architecture", "784-100-10 as in the main experiment; the note does not say. One layer, 784-10, stands beside"),
    ("rates and batch", "as in the main experiment, not rescaled for K = 20"),
    ("smoothed final error", "the mean of the last five epochs"),
    ("area under the curve", "the mean of the test error over epochs 1 to 30, by the trapezoidal rule"),
)


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. Measures as in ``kumar``, without first hits."""
    data, images, generator = networks.prepare(spec)
    given = EXPERIMENT.values(spec)
    hidden = [] if spec["arm"] in ONE_LAYER else [HIDDEN]
    widths = [data.features, *hidden, data.classes]
    start = START.get(spec["arm"], "kumar")
    network, seen = networks.gm_network(
        spec, widths, given["components"], start, images, generator, sigma=given["sigma"]
    )
    optimiser = torch.optim.SGD(networks.rates(network, given["rate"], given["sigma_rate"]), lr=given["rate"])
    return networks.trained(
        spec, report, data, images, network, optimiser, seen, batch=given["batch"], clip=given["clip"]
    )


EXPERIMENT = Experiment(
    name="kumar-screen",
    version=1,
    paper="kumar",
    summary="ten pairs of GM stacks with K = 20 from the baseline and from KUMAR",
    layer_type="gm",
    arms={
        "bl": f"GM stack d-{HIDDEN}-C, K = {COMPONENTS}, baseline initialisation",
        "kumar": f"GM stack d-{HIDDEN}-C, K = {COMPONENTS}, KUMAR initialisation",
        "bl-one-layer": f"GM layer d-C, K = {COMPONENTS}, baseline initialisation",
        "kumar-one-layer": f"GM layer d-C, K = {COMPONENTS}, KUMAR initialisation",
    },
    baselines=(),
    headline="kumar",
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(5, 30, range(5, 15)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.SCREEN,
    measures=networks.MEASURES,
    settings=(
        *networks.RATES,
        networks.OF_SIGMA,
        count("components", COMPONENTS, "K; the rates stay"),
        networks.PARAMETRISATION,
    ),
)
