"""The diagnostic of the KUMAR note: one GM layer, and the paths of its components."""

from __future__ import annotations

import math
from statistics import mean

import torch

from gmbench.claims.claim import Claim
from gmbench.claims.evidence import Beside, Beyond, Identity, Number, Together
from gmbench.claims.statistics import Run, last, measure
from gmbench.experiments.contract import Budget, Experiment
from gmbench.experiments.kumar import shared as gm_nets

COMPONENTS = 5
THRESHOLDS = (10,)  # % test error

DECISIONS = (
    *gm_nets.DECISIONS,
    ("width", "784-10: one layer whose outputs are the logits"),
    ("rates, batch, order of the data", "as in the main experiment"),
    ("seeds", "0-4; the note shows one run and gives no spread"),
    ("which number is whose", "in the order in which the note names the arms: BL 6.68, KUMAR 6.49"),
    (
        "the plane",
        "the two widest directions of the final mixture of beta, each run its own: means and variances of the "
        "components together (law of total covariance); ellipses are two standard deviations",
    ),
    (
        "nearly static, and large at the start (BL)",
        "over the epochs, averaged over components: the centre moves less than half of the component's initial size "
        "(the root of its summed variances), and the initial size is at least half of the final one",
    ),
    (
        "tight start, outward, growing, turning (KUMAR)",
        "averaged over components: the centre ends at least twice as far from the origin as it began; the "
        "first epoch makes at least a tenth of the whole displacement; the 2-sigma ellipses in the plane end at "
        "least twice as large (mean radius) and their long axes turn by at least 10 degrees between the first epoch's "
        "end and the last's (before training they are circles)",
    ),
    ("onset of motion", "the displacement of the centres in the first epoch, in units of their initial size"),
)


def cell(spec, report):
    """One arm, one seed. Measures as in ``kumar``; ``paths`` as in :class:`~gmbench.experiments.kumar.shared.Paths`."""
    data, images, generator = gm_nets.prepare(spec)
    widths = [data.features, data.classes]
    network, seen = gm_nets.gm_network(spec, widths, COMPONENTS, spec["arm"], images, generator)
    optimiser = torch.optim.SGD(gm_nets.rates(network), lr=gm_nets.RATE)
    paths = gm_nets.Paths(network[0])
    how = {"thresholds": THRESHOLDS, "watch": paths}
    found = gm_nets.trained(spec, report, data, images, network, optimiser, seen, **how)
    return {**found, "paths": paths.projected()}


def onset(run: Run) -> float | None:
    """How far the centres move in the first epoch, in units of their initial size."""
    return run.paths["moved"][1] / run.paths["size"][0] if run.paths else None


def _moved(run: Run) -> float | None:
    return run.paths["moved"][-1] / run.paths["size"][0] if run.paths else None


def _start_size(run: Run) -> float | None:
    return run.paths["size"][0] / run.paths["size"][-1] if run.paths else None


def _outward(run: Run) -> float | None:
    return run.paths["distance"][-1] / run.paths["distance"][0] if run.paths else None


def _first_epoch(run: Run) -> float | None:
    return run.paths["moved"][1] / run.paths["moved"][-1] if run.paths else None


def _radius(covariances) -> float:
    return mean(math.sqrt((a + d) / 2) for (a, _), (_, d) in covariances)


def _growth(run: Run) -> float | None:
    if not run.paths:
        return None
    return _radius(run.paths["covariances"][-1]) / _radius(run.paths["covariances"][0])


def _turn(run: Run) -> float | None:
    """Degrees between the long axes of a component's ellipse after the first epoch and at the end, mean over them."""
    if not run.paths:
        return None
    turns = []
    for first, final in zip(run.paths["covariances"][1], run.paths["covariances"][-1], strict=True):
        angles = [math.degrees(math.atan2(2 * b, a - d) / 2) for (a, b), (_, d) in (first, final)]
        apart = abs(angles[0] - angles[1]) % 180
        turns.append(min(apart, 180 - apart))
    return mean(turns)


def _moved_in_plane(run: Run) -> float | None:
    """The way of the centres in the plane, in units of the initial radius of their ellipses."""
    if not run.paths:
        return None
    first, *_, final = run.paths["means"]
    way = mean(math.dist(a, b) for a, b in zip(first, final, strict=True))
    return way / (2 * _radius(run.paths["covariances"][0]))


ONE_RUN = "the note shows one run and no spread, so the margin is half the last printed digit"
SPREAD = "The note gives two decimals of one run; seeds differ by more than that."

CLAIMS = (
    Claim(
        *("KUM-21", "sec. 5, Fig. 4", "BL (named first), single layer, K = 5, final error", "6.68", "%"),
        Number("bl", last, 6.68, digit=0.01, most=100),
        ONE_RUN,
        {"above": SPREAD, "below": SPREAD},
    ),
    Claim(
        *("KUM-22", "sec. 5, Fig. 4", "KUMAR (named second), single layer, K = 5, final error", "6.49", "%"),
        Number("kumar", last, 6.49, digit=0.01, most=100),
        ONE_RUN,
        {"above": SPREAD, "below": SPREAD},
    ),
    Claim(
        *("KUM-23", "Fig. 4", "BL, single layer: ellipses large at epoch 0 and nearly static", "static", ""),
        Together(
            Beyond(
                *("bl", _moved, "way of the centres, initial sizes,"),
                below=0.5,
                beside=(Beside("way in the plane, initial radii", "bl", _moved_in_plane),),
            ),
            Beyond("bl", _start_size, "initial / final size", above=0.5),
        ),
        "proxies in all 784 directions (see the decisions); the way in the plane of the picture stands beside",
        {1: "What the note shows is the plane of one run, where the way is that in the details."},
    ),
    Claim(
        *("KUM-24", "Fig. 4", "KUMAR, single layer: tight start, outward from epoch 1, growing, turning", "moving", ""),
        Together(
            Beyond("kumar", _outward, "final / initial distance from the origin", above=2.0),
            Beyond("kumar", _first_epoch, "share of the way made in epoch 1", above=0.1),
            Beyond("kumar", _growth, "final / initial radius in the plane", above=2.0),
            Beyond(
                *("kumar", _turn, "turn of the long axes, degrees,"),
                above=10.0,
                beside=(Beside("turn of the long axes, degrees", "bl", _turn),),
            ),
        ),
        "four proxies, of which each must hold (see the decisions). The turn says little by itself: the long axis of "
        "an ellipse that is nearly a circle turns freely, and BL's turns as well",
    ),
    Claim(
        *("KUM-33", "sec. 3", "calibration takes 2048 images, no labels and no gradient step", "2048", "images"),
        Together(
            Identity("kumar", measure("calibration_images"), 2048, 0, "images that it sees"),
            Identity("kumar", measure("calibration_gradients"), 0, 0, "passes with gradients"),
        ),
        "so by construction: initialisations are given images and no labels; counted where images reach the layer",
    ),
)

EXPERIMENT = Experiment(
    name="kumar-single",
    version=1,
    paper="kumar",
    summary="one GM layer from the baseline and from KUMAR, and where its components go",
    layer_type="gm",
    arms={
        "bl": f"GM layer d-C, K = {COMPONENTS}, baseline initialisation",
        "kumar": f"GM layer d-C, K = {COMPONENTS}, KUMAR initialisation",
    },
    baselines=(),
    headline="kumar",
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets={
        "smoke": Budget(epochs=1, seeds=(0,)),
        "quick": Budget(epochs=5, seeds=(0, 1, 2)),
        "paper": Budget(epochs=20, seeds=(0, 1, 2, 3, 4)),
    },
    decisions=DECISIONS,
    cell=cell,
    claims=CLAIMS,
)
