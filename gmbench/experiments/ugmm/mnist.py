"""The main experiment of the uGMM paper: 784-128-64-10 against an MLP, and what its open settings change."""

from __future__ import annotations

from typing import Any

import torch

from gmbench.data import Data
from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.ugmm import claims, networks
from gmbench.experiments.ugmm.measures import MEASURES
from gmbench.experiments.ugmm.networks import FIRST, NOTEBOOK, README, SCRIPT, Setting

HIDDEN = (128, 64)
MATCHED = 385  # first hidden layer of an MLP with the parameters of the uGMM net: 327579 against 327552

MLP = Setting(dropout=0.5, batch=128, rate=1e-3, milestones=(20, 45, 60), epochs=100)
MLP_RATE = Setting(dropout=0.5, batch=128, rate=1e-2, milestones=(20, 45, 60), epochs=100)

DENSE = {"mlp": MLP, "mlp-rate": MLP_RATE, "mlp-matched": MLP}
OTHERS = {"ugmm-notebook": NOTEBOOK, "ugmm-readme": README, "ugmm-v0": FIRST}
UNIT = ("ugmm-norm-unit", "ugmm-unit")  # sigma = 1 at the start; all others from the authors' start
NORMED = ("ugmm-norm", "ugmm-norm-unit")


def network_of(spec: Spec, data: Data, generator: torch.Generator) -> tuple[torch.nn.Sequential, Setting]:
    """The network of an arm and its setting; an arm that an initialisation from outside makes is the headline's."""
    arm = spec["arm"]
    if arm in DENSE:
        first = MATCHED if arm == "mlp-matched" else HIDDEN[0]
        widths = [data.features, first, *HIDDEN[1:], data.classes]
        return networks.dense_network(widths, DENSE[arm].dropout, spec["device"]), DENSE[arm]
    arm = arm if arm in EXPERIMENT.arms else EXPERIMENT.headline
    setting = OTHERS.get(arm, SCRIPT)
    network = networks.ugmm_network(
        spec,
        [data.features, *HIDDEN, data.classes],
        "unit-sigma" if arm in UNIT else "authors",
        generator,
        data.train_images[: networks.CALIBRATION],
        dropout=(setting.dropout,),
        layer_norm="hidden" if arm in NORMED else "none",
        tied=arm == "ugmm-tied",
    )
    return network, setting


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed.

    Measures: those of :mod:`gmbench.experiments.ugmm.networks` and ``diverged``. ``tests`` are pairs of a step and the
    test error there.
    """
    data, generator = networks.prepare(spec)
    network, setting = network_of(spec, data, generator)
    return networks.trained(spec, report, data, network, setting)


DECISIONS = (
    *networks.DECISIONS,
    (
        "which of the repository's settings",
        "its newest script: dropout 0.3 on the first layer, batch 128, Adam at 1e-2, a tenth of it after epochs 20, 45 "
        "and 60 of 100. The notebook (dropout 0.2, batch 256, falls after 20 and 45 of 50), the readme (dropout 0.5, "
        "no falls; batch 128, since it names none) and v0.0.1 (dropout 0.5, batch 256, no falls) are arms",
    ),
    ("MLP", "784-128-64-10, ReLU, dropout 0.5 before the last layer, Adam at 1e-3, the script's schedule and batch"),
    ("MLP with as many parameters", f"a first hidden layer of {MATCHED}: 327579 against 327552"),
    ("shorter budgets", "the rate falls at the same shares of the training"),
    *MEASURES,
)


EXPERIMENT = Experiment(
    name="ugmm-mnist",
    version=1,
    paper="ugmm",
    summary="uGMM networks with and without LayerNorm, from two starts and at four settings, and MLPs",
    layer_type="ugmm",
    arms={
        "mlp": "MLP d-128-64-C as the authors train it, Adam at 1e-3",
        "ugmm": "uGMM net d-128-64-C without LayerNorm, from the authors' start",
        "ugmm-norm": "the uGMM net with LayerNorm after the hidden layers, from the authors' start",
        "ugmm-norm-unit": "the uGMM net with LayerNorm after the hidden layers, sigma = 1 at the start",
        "mlp-rate": "the MLP at the uGMM net's learning rate, 1e-2",
        "mlp-matched": f"MLP d-{MATCHED}-64-C, as many parameters as the uGMM net",
        "ugmm-unit": "the uGMM net without LayerNorm, sigma = 1 at the start",
        "ugmm-tied": "the uGMM net with means that the neurons of a layer share",
        "ugmm-notebook": "the uGMM net at the settings of the authors' notebook",
        "ugmm-readme": "the uGMM net at the settings of the authors' readme",
        "ugmm-v0": "the uGMM net at the settings of the authors' first version",
    },
    baselines=("mlp", "mlp-rate", "mlp-matched"),
    headline="ugmm-norm-unit",
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(5, 100, range(5), {"ugmm-notebook": NOTEBOOK.epochs}),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.MNIST,
    layer_types={"ugmm-tied": "ugmm-tied"},
)
