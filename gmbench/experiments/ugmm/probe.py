"""What the first layer of the uGMM network has learned: pictures of its neurons, and how concentrated they are."""

from __future__ import annotations

from gmbench.claims.claim import Claim
from gmbench.claims.evidence import Below, Beside, Beyond, Together
from gmbench.claims.statistics import measure
from gmbench.experiments.contract import Budget, Experiment
from gmbench.experiments.ugmm import mnist as ugmm_mnist
from gmbench.experiments.ugmm import shared as ugmm_nets

ARMS = ("mlp", "ugmm", "ugmm-norm-unit")


def cell(spec, report):
    """One arm, one seed, as in ``ugmm-mnist``; ``neurons`` has the pictures before and after training."""
    data, generator = ugmm_nets.prepare(spec)
    network, setting = ugmm_mnist.network_of(spec, data, generator)
    start = ugmm_nets.pictures(network[0])
    found = ugmm_nets.trained(spec, report, data, network, setting)
    return {**found, "neurons": {"start": start, **found["neurons"]}}


DECISIONS = (
    *ugmm_mnist.DECISIONS,
    (
        "networks and epochs",
        "three arms of ugmm-mnist, trained for 20 epochs instead of 100, at the same shares of the schedule; the same "
        "measures of the networks that were trained for 100 epochs stand there",
    ),
    (
        "which neurons are shown",
        f"the first {ugmm_nets.SHOWN} of the first layer, unselected; of the lowest seed. Neurons are exchangeable",
    ),
)

FEW = 0.1  # of the inputs
INPUTS = 784


def _others(name: str, what: str) -> tuple[Beside, ...]:
    """The same before training, and of other networks."""
    return (
        Beside(f"{what} before training", "ugmm", measure(f"{name}_start")),
        Beside(f"{what} after 100 epochs", "ugmm-mnist:ugmm", measure(name)),
        Beside(what, "ugmm-norm-unit", measure(name)),
        Beside(what, "mlp", measure(name)),
    )


CLAIMS = (
    Claim(
        *("UGMM-20", "first experiments", "the weights of a hidden neuron are sparse and localised", "sparse", ""),
        Together(
            Beyond(
                *("ugmm", measure("effective_inputs"), "effective inputs"),
                below=FEW * INPUTS,
                beside=_others("effective_inputs", "effective inputs"),
            ),
            Beyond("ugmm", measure("spread"), "spread over the image", below=0.5, beside=_others("spread", "spread")),
        ),
        "sparse: fewer effective inputs than a tenth of the pixels; localised: less than half the spread of equal "
        "weights (see the decisions). Without LayerNorm, from the authors' start, as their code is",
        {1: "The weights start nearly equal: the logits are drawn from U(0, 1)."},
    ),
    Claim(
        *("UGMM-21", "mechanism 2", "components split the inputs into meaningful submodes", "submodes", ""),
        Together(
            Beyond(
                "ugmm",
                measure("leaders"),
                "leading components of a neuron",
                above=2,
                beside=_others("leaders", "leading components"),
            ),
            Beyond(
                *("ugmm", measure("class_information"), "share of the class that the leading component tells"),
                above=0.1,
                beside=_others("class_information", "share of the class"),
            ),
        ),
        "split: different images have different leading components, more than two of a neuron by the exponential of "
        "the entropy; meaningful: which one leads tells a tenth of the class's entropy or more (see the decisions). "
        "What an untrained network has of both stands beside: only what exceeds it was learned",
    ),
    Claim(
        *("UGMM-22", "mechanism 2", "more interpretable than weight matrices", "more", ""),
        Together(
            Below("ugmm", "mlp", measure("effective_inputs"), "effective inputs"),
            Below("ugmm", "mlp", measure("spread"), "spread over the image"),
            Below("mlp", "ugmm", measure("class_information"), "class information of the leading component"),
        ),
        "a proxy for a word: each neuron looks at fewer inputs, closer together, and its leading component tells more "
        "of the class, than an MLP's, of the same three measures",
    ),
)

EXPERIMENT = Experiment(
    name="ugmm-probe",
    version=1,
    paper="ugmm",
    summary="what the neurons of a first uGMM layer have learned of an image, against those of an MLP",
    layer_type="ugmm",
    arms={arm: ugmm_mnist.EXPERIMENT.arms[arm] for arm in ARMS},
    baselines=("mlp",),
    headline="ugmm-norm-unit",
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
