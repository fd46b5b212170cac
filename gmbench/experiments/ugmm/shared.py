"""Accuracy for as many parameters: uGMM networks whose neurons share their means, and such that do not."""

from __future__ import annotations

import itertools
from typing import Any

from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.settings import EPOCHS, IMAGES
from gmbench.experiments.ugmm import claims, networks
from gmbench.experiments.ugmm.mnist import HIDDEN
from gmbench.experiments.ugmm.networks import SCRIPT

TIED = ("tied", "tied-wide")
ARMS = {
    "untied": "uGMM net d-128-64-C",
    "tied": "the same with means that the neurons of a layer share",
    "tied-wide": "shared means and a wider first layer, as many parameters as untied",
    "untied-narrow": "own means and a narrower first layer, as many parameters as tied",
}
AS_MANY = {"tied-wide": "untied", "untied-narrow": "tied"}


def parameters(widths: list[int], tied: bool) -> int:
    """Of a stack: a mean, a deviation and a weight for each pair of an input and a neuron; tied: a mean an input."""
    return sum((2 * narrow + 1) * wide if tied else 3 * narrow * wide for wide, narrow in itertools.pairwise(widths))


def widths_of(arm: str, features: int, classes: int) -> list[int]:
    """The widths of an arm's network, whose first layer is as wide as brings it nearest to the parameters of its
    counterpart.
    """

    def of(first: int) -> list[int]:
        return [features, first, *HIDDEN[1:], classes]

    if arm not in AS_MANY:
        return of(HIDDEN[0])
    wanted = parameters(of(HIDDEN[0]), AS_MANY[arm] in TIED)
    return of(min(range(1, 4 * HIDDEN[0]), key=lambda first: abs(parameters(of(first), arm in TIED) - wanted)))


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. Measures as in ``ugmm-mnist``."""
    data, generator = networks.prepare(spec)
    arm = EXPERIMENT.known(spec["arm"])
    widths, images = widths_of(arm, data.features, data.classes), data.train_images[: networks.CALIBRATION]
    dropout = (SCRIPT.dropout,)
    network = networks.ugmm_network(spec, widths, "authors", generator, images, dropout=dropout, tied=arm in TIED)
    return networks.trained(spec, report, data, network, SCRIPT)


DECISIONS = (
    *networks.DECISIONS,
    ("training", "the settings of the authors' newest script, without LayerNorm"),
    (
        "as many parameters",
        "by the width of the first layer: 193 and 84 of the digits' nets (51009 against 51072, 34176 against 34304), "
        "192 and 85 of MNIST's (327952 against 327552, 218160 against 219344)",
    ),
    ("data", "claims are judged on the digits, where ten seeds take minutes; MNIST stands beside where it was run"),
)

EXPERIMENT = Experiment(
    name="ugmm-shared",
    version=1,
    paper="ugmm",
    summary="uGMM nets with means of their own and with shared ones, as wide and with as many parameters",
    layer_type="ugmm",
    arms=ARMS,
    baselines=(),
    headline="untied",
    data_sets=("digits", "mnist", "fashion-mnist"),
    default_data="digits",
    budgets=budgets(5, 100, range(10)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.SHARED,
    measures=networks.MEASURES,
    layer_types=dict.fromkeys(TIED, "ugmm-tied"),
    settings=(EPOCHS, IMAGES),
)
