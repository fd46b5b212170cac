"""GMNM in a multilayer perceptron: in the place of one of its layers, or behind, against a dense module as large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from gmbench.baselines.dense import dense
from gmbench.claims.claim import Claim, quick
from gmbench.claims.evidence import Alongside, Below, Together
from gmbench.claims.metric import ERROR
from gmbench.claims.statistics import best, last
from gmbench.experiments.contract import Experiment, Report, Spec, budgets, data_of
from gmbench.experiments.gmnm.networks import CALIBRATION, gmnm_layer
from gmbench.experiments.settings import EPOCHS, IMAGES, choice, number
from gmbench.training import classify
from gmbench.training.classify import train
from gmbench.training.loop import order_of

BATCH, RATE = 32, 1e-3
HIDDEN = 32
UNITS = 48
STARTS = ("calibrated", "uniform", "points")
PLACES = {
    "first": "in the place of the first linear layer",
    "hidden": "in the place of the second linear layer",
    "last": "in the place of the last linear layer",
    "head": "behind the last linear layer",
}


@dataclass(frozen=True)
class Placed:
    """An MLP with a module in one place; without a module, the MLP itself."""

    place: str = ""
    module: str = ""


ARMS = {
    "mlp": Placed(),
    **{f"{place}-{module}": Placed(place, module) for place in PLACES for module in ("gmnm", "dense")},
}
HEADLINE = "hidden-gmnm"


def network_of(spec: Spec, features: int, classes: int, images: torch.Tensor) -> torch.nn.Sequential:
    """The network of a cell, as it starts: features-32-32-classes with ReLU, and the module.

    :param images: ``(n, features)``, to start a GMNM layer by
    """
    arm = ARMS[EXPERIMENT.known(spec["arm"])]
    generator = torch.Generator().manual_seed(spec["seed"])
    network = dense((features, HIDDEN, HIDDEN, classes), "relu", generator, device=spec["device"])
    if not arm.module:
        return network
    layers = list(network)
    if arm.place == "head":
        layers.append(torch.nn.Identity())
    where = {"first": 0, "hidden": 2, "last": 4, "head": 5}[arm.place]
    before = torch.nn.Sequential(*layers[:where])
    with torch.no_grad():
        seen = before(images[:CALIBRATION])
    wide, narrow = seen.shape[1], classes if where > 3 else HIDDEN
    if arm.module == "dense":
        layers[where] = dense((wide, UNITS, narrow), "relu", generator, bias=False, device=spec["device"])
    else:
        start = EXPERIMENT.values(spec)["start"]
        layers[where] = gmnm_layer(spec, seen, narrow, UNITS, start, generator, reading="ridge")
    return torch.nn.Sequential(*layers)


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. Measures: ``parameters``."""
    data = data_of(spec, normalised=False)
    network = network_of(spec, data.features, data.classes, data.train_images)
    done = train(
        network,
        torch.optim.Adam(network.parameters(), lr=EXPERIMENT.values(spec)["rate"]),
        data,
        epochs=spec["epochs"],
        batch=BATCH,
        order=order_of(spec["seed"]),
        report=report,
    )
    return done.result({"parameters": sum(p.numel() for p in network.parameters())})


def _against(other: str, error: Any = last, places: tuple[str, ...] = tuple(PLACES)) -> Together:
    """GMNM in each place against the MLP, or against the dense module there."""
    what = "best error, %" if error is best else "last error, %"
    return Together(*(Below(f"{place}-gmnm", other.format(place), error, f"{place}, {what}") for place in places))


CLAIMS = quick(
    Claim(
        *("GMNM-N01", "abstract", "GMNM in an MLP consistently improves it", "ordering", ""),
        Alongside(
            Together(*_against("mlp").parts, *_against("{}-dense").parts),
            {
                "in the place of the second layer or behind the last alone": Together(
                    *_against("mlp", places=("hidden", "head")).parts,
                    *_against("{}-dense", places=("hidden", "head")).parts,
                ),
                "the best epoch": Together(*_against("mlp", best).parts, *_against("{}-dense", best).parts),
            },
        ),
        "the paper has no MLP with GMNM. In each of four places, below the MLP itself and below a dense module of as "
        "many parameters: a gain over the MLP alone may be that of the parameters. Within a tenth of the other's error "
        "is no difference",
    ),
    Claim(
        *("GMNM-N03", "summary, open question 2", "where in a network GMNM should stand", "open", ""),
        _against("{}-dense"),
        "of four places in one network, those in which GMNM is below a dense module of as many parameters there; the "
        "parts say in which",
    ),
)

EXPERIMENT = Experiment(
    name="gmnm-mlp",
    version=1,
    paper="gmnm",
    summary="an MLP with GMNM in one of four places, against a dense module of as many parameters there",
    layer_type="gmnm-ridge",
    arms={
        "mlp": f"an MLP, two hidden layers of {HIDDEN}, ReLU",
        **{
            f"{place}-{module}": f"the MLP with {said} of {UNITS} units {where}"
            for place, where in PLACES.items()
            for module, said in (("gmnm", "GMNM"), ("dense", "a ReLU layer"))
        },
    },
    baselines=tuple(name for name, arm in ARMS.items() if arm.module != "gmnm"),
    headline=HEADLINE,
    data_sets=("digits", "mnist", "fashion-mnist"),
    default_data="digits",
    budgets=budgets(10, 40, range(10)),
    decisions=(
        ("network", f"features-{HIDDEN}-{HIDDEN}-classes with ReLU; the paper's abstract names MLPs and has none"),
        (
            "module",
            f"a ridge layer of {UNITS} units without output bias, as the paper's counts have it; activations around it "
            f"stay. The dense module has {UNITS} ReLU units, without output bias: as many parameters, exactly",
        ),
        (
            "start",
            f"of GMNM 'calibrated', on what comes in front of it for {CALIBRATION} training images; 'uniform' is a "
            "setting. Dense layers as torch starts them, the same for all arms of a seed up to the module",
        ),
        (
            "optimiser",
            f"Adam at {RATE:g}, constant, batch {BATCH}, softmax cross-entropy, pixels in [0, 1], the same for all",
        ),
        ("which epoch", "the last; the best on the test set is a selection by it, and stands beside"),
        ("pairing", "all arms of a seed see the data in one order"),
        ("arithmetic", "float32, one thread, denormals flushed to zero"),
    ),
    cell=cell,
    claims=CLAIMS,
    measures=classify.MEASURES,
    preferred=("eager",),  # batches are too small for compiled layers to pay
    metric=ERROR,
    settings=(
        number("rate", RATE, "of Adam", 1e-7, 10),
        choice("start", STARTS, "the initialisation of GMNM").of(*(f"{place}-gmnm" for place in PLACES)),
        EPOCHS,
        IMAGES,
    ),
)
