"""The diagnostic of the KUMAR note: one GM layer, and the paths of its components."""

from __future__ import annotations

import torch

from gmbench.experiments import Budget, Experiment, gm_nets
from gmbench.experiments.training import data_on, order_of, train

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
        "least twice as large (mean radius) and their long axes turn by at least 10 degrees",
    ),
    ("onset of motion", "the displacement of the centres in the first epoch, in units of their initial size"),
)


def cell(spec, report):
    """One arm, one seed. Measures as in ``kumar``; ``paths`` as in :class:`gmbench.experiments.gm_nets.Paths`."""
    torch.manual_seed(spec["seed"])  # for implementations that sample
    data = data_on(spec["device"], spec["data"], spec["digest"])
    images = data.train_images[: gm_nets.CALIBRATION]
    generator = torch.Generator().manual_seed(spec["seed"])
    widths = [data.features, data.classes]
    network, seen = gm_nets.gm_network(spec, widths, COMPONENTS, spec["arm"], images, generator)
    measures = {**gm_nets.at_start(network, images), **seen}
    paths = gm_nets.Paths(network[0])
    trained = train(
        network,
        torch.optim.SGD(gm_nets.rates(network), lr=gm_nets.RATE),
        data,
        epochs=spec["epochs"],
        batch=gm_nets.BATCH,
        order=order_of(spec["seed"]),
        thresholds=THRESHOLDS,
        watch=paths,
        report=report,
    )
    measures |= {**gm_nets.at_end(network), **trained.measures}
    return {"epochs": trained.epochs, "measures": measures, "tests": trained.tests, "paths": paths.projected()}


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
)
