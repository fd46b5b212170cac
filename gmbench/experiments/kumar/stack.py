"""The main experiment of the KUMAR note: a stack of two GM layers, its initialisations, and FC nets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.kumar import claims, networks

HIDDEN = 100
MATCHED = 1022  # hidden units of an FC net with the parameters of the GM stack: 812500 against 812780
COMPONENTS = 10
GAMMAS = (0.14, 0.38)  # of the two layers: logits of a deviation near 0.5 on images of unit variance
THRESHOLDS = (10, 5, 3.5)  # % test error

FC = {"fc": HIDDEN, "fc-matched": MATCHED}
START: Mapping[str, str | tuple[float, ...]] = {
    "bl": "bl",
    "fan-in": "fan-in",
    "tuned": GAMMAS,
    "per-class": "kumar-per-class",
}

DECISIONS = (
    *networks.STACK_DECISIONS,
    (
        "first hits",
        f"looked for every {networks.INTERVAL} steps and at epoch ends. The note's own figures are by epoch (its KUMAR "
        "starts at 9-10 % and reaches 10 % at 1-2k steps), so its steps are compared with ours at epoch ends; the "
        "finer ones stand beside them. A seed that never gets there counts as the end of training in a mean, where at "
        "least three others do",
    ),
    ("the curves' start", "the end of epoch 1; epoch 0, before training, is shown and not compared"),
    ("the plateau", "the mean of the last five epochs"),
    ("FC arms", "ReLU, Kaiming normal weights, biases from 0, learning rate 0.1"),
    ("decay", "the rates of kumar-decay fall to 0 along half a cosine, step by step"),
    (
        "kumar-small",
        "K = 1 has the parameters of the FC net (81278 against 79510); both rates are divided by 10, because "
        "the mean over components multiplies each one's rate by 1/K",
    ),
)


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed.

    Measures: those of :mod:`gmbench.experiments.kumar.networks`, ``steps_to_<error>`` and ``diverged``. ``tests`` are
    pairs of a step and the test error there.
    """
    data, images, generator = networks.prepare(spec)
    arm = spec["arm"]
    seen: dict[str, int] = {}
    if arm in FC:
        network = networks.fc_network([data.features, FC[arm], data.classes], spec["device"], generator)
        optimiser = torch.optim.SGD(network.parameters(), lr=networks.RATE)
    else:
        components = 1 if arm == "kumar-small" else COMPONENTS
        widths = [data.features, HIDDEN, data.classes]
        network, seen = networks.gm_network(spec, widths, components, START.get(arm, "kumar"), images, generator)
        scale = components / COMPONENTS
        optimiser = torch.optim.SGD(
            networks.rates(network, scale * networks.RATE, scale * networks.SIGMA_RATE), lr=networks.RATE
        )
    how = {"decay": arm == "kumar-decay", "thresholds": THRESHOLDS, "interval": networks.INTERVAL}
    return networks.trained(spec, report, data, images, network, optimiser, seen, **how)


EXPERIMENT = Experiment(
    name="kumar",
    version=2,
    paper="kumar",
    summary="a stack of two GM layers from the KUMAR initialisation, from the baseline and from others, and FC nets",
    layer_type="gm",
    arms={
        "fc": f"fully connected d-{HIDDEN}-C, Kaiming initialisation",
        "bl": f"GM stack d-{HIDDEN}-C, K = {COMPONENTS}, baseline initialisation",
        "kumar": f"GM stack d-{HIDDEN}-C, K = {COMPONENTS}, KUMAR initialisation",
        "fc-matched": f"fully connected d-{MATCHED}-C, as many parameters as the GM stack",
        "fan-in": "the GM stack from KUMAR's draw alone, without calibration",
        "tuned": f"the GM stack from the baseline with gamma {GAMMAS[0]} and {GAMMAS[1]}, which needs no data",
        "per-class": "the GM stack from KUMAR with each output's deviation over images as the target",
        "kumar-decay": "kumar with learning rates that fall to 0",
        "kumar-small": "kumar with K = 1, as many parameters as the FC net",
    },
    baselines=("fc", "fc-matched"),
    headline="kumar",
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(5, 20, range(5)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.STACK,
)
