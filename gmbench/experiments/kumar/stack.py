"""The main experiment of the KUMAR note: a stack of two GM layers, its initialisations, and FC nets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from gmbench.experiments.contract import REDUCED, Experiment, Report, Spec, budgets
from gmbench.experiments.kumar import claims, networks
from gmbench.experiments.settings import Range, count
from gmbench.experiments.universes import Multiverse

HIDDEN = 100
MATCHED = 1022  # hidden units of an FC net with the parameters of the GM stack: 812500 against 812780
COMPONENTS = 10
GAMMAS = (0.14, 0.38)  # of the two layers: logits of a deviation near 0.5 on images of unit variance
THRESHOLDS = (10, 5, 3.5)  # % test error

FC = ("fc", "fc-matched")
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
    arm, given = spec["arm"], EXPERIMENT.values(spec)
    seen: dict[str, int] = {}
    if arm in FC:
        network = networks.fc_network([data.features, given["hidden"], data.classes], spec["device"], generator)
        optimiser = torch.optim.SGD(network.parameters(), lr=given["rate"])
    else:
        widths = [data.features, given["hidden"], data.classes]
        network, seen = networks.gm_network(
            spec,
            widths,
            given["components"],
            START.get(arm, "kumar"),
            images,
            generator,
            sigma=given["sigma"],
            between=given["between"],
        )
        groups = networks.rates(network, given["rate"], given["sigma_rate"])
        optimiser = torch.optim.SGD(groups, lr=given["rate"])
    how = {"decay": arm == "kumar-decay", "thresholds": THRESHOLDS, "interval": networks.INTERVAL}
    how |= {"batch": given["batch"], "clip": given["clip"]}
    return networks.trained(spec, report, data, images, network, optimiser, seen, **how)


ARMS = {
    "fc": f"fully connected d-{HIDDEN}-C, Kaiming initialisation",
    "bl": f"GM stack d-{HIDDEN}-C, K = {COMPONENTS}, baseline initialisation",
    "kumar": f"GM stack d-{HIDDEN}-C, K = {COMPONENTS}, KUMAR initialisation",
    "fc-matched": f"fully connected d-{MATCHED}-C, as many parameters as the GM stack",
    "fan-in": "the GM stack from KUMAR's draw alone, without calibration",
    "tuned": f"the GM stack from the baseline with gamma {GAMMAS[0]} and {GAMMAS[1]}, which needs no data",
    "per-class": "the GM stack from KUMAR with each output's deviation over images as the target",
    "kumar-decay": "kumar with learning rates that fall to 0",
    "kumar-small": "kumar with K = 1, as many parameters as the FC net",
}
GM = tuple(arm for arm in ARMS if arm not in FC)
SMALL = 1 / COMPONENTS  # of the rates

EXPERIMENT = Experiment(
    name="kumar",
    version=2,
    paper="kumar",
    summary="a stack of two GM layers from the KUMAR initialisation, from the baseline and from others, and FC nets",
    layer_type="gm",
    arms=ARMS,
    baselines=FC,
    headline="kumar",
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(5, 20, range(6)) | {"reduced": REDUCED},
    decisions=DECISIONS,
    cell=cell,
    claims=claims.STACK,
    measures=networks.MEASURES,
    settings=(
        networks.RATES[0].of(own={"kumar-small": SMALL * networks.RATE}),
        networks.OF_SIGMA.of(*GM, own={"kumar-small": SMALL * networks.SIGMA_RATE}),
        count("components", COMPONENTS, "K; the rates stay").of(*GM, own={"kumar-small": 1}),
        count("hidden", HIDDEN, "hidden units").of(own={"fc-matched": MATCHED}),
        networks.PARAMETRISATION.of(*GM),
        networks.PLACED.of(*GM),
        *networks.RATES[1:],
    ),
    multiverse=Multiverse(
        factors={"sigma": tuple(networks.SIGMAS), "between": networks.BETWEEN},
        against=("bl", "fc"),
        outcome="late",
        anchors={"bl": ("late", 5.3, 6.3)},  # 5.8 of the note's figure 1, which it calls about
        claims=dict.fromkeys(("KUM-03", "KUM-15", "KUM-17", "KUM-31", "KUM-35", "KUM-41"), "bl"),
    ),
    spaces={
        "kumar": {"rate": Range(1e-2, 1), "sigma_rate": Range(1e-2, 10), "batch": (32, 64, 128)},
        "fc": {"rate": Range(1e-2, 1), "batch": (32, 64, 128)},
        "fc-matched": {"rate": Range(1e-2, 1), "batch": (32, 64, 128)},
    },
)
