"""What the uGMM paper and its repository state, experiment by experiment, and how their words are measured."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from statistics import mean
from typing import Any

import torch

from gmbench.claims.claim import Claim, Evidence, known, quick
from gmbench.claims.evidence import (
    TENTH,
    Alongside,
    Below,
    Beside,
    Beyond,
    Calculated,
    Choices,
    Count,
    Identity,
    Number,
    Similar,
    Together,
    Undecidable,
)
from gmbench.claims.statistics import Run, accuracy, best, changed, error_after, first_hit, last, late, measure, row
from gmbench.claims.verdicts import HIGHER, LOWER
from gmbench.experiments.ugmm import calculations as of
from gmbench.experiments.ugmm.networks import SCRIPT

# -- the main experiment ---------------------------------------------------------------------------------------------


def unsteady(run: Run) -> float | None:
    """The mean change of the test error from one epoch to the next, up or down, before the rate falls."""
    errors = run.errors[: SCRIPT.milestones[0]]
    return mean(abs(a - b) for a, b in itertools.pairwise(errors)) if len(errors) > 1 else None


def from_either_start(of: Callable[[str], Evidence]) -> Choices:
    """Evidence about LayerNorm's arm, read from each of the two starts."""
    return Choices({"from the authors' start": of("ugmm-norm"), "from sigma = 1": of("ugmm-norm-unit")})


RESULTS = "key results"
NOTEBOOK_LOG = "repository, notebook"
ONE_RUN = "one run and no spread: it is predicted as one run of ours"
PLAIN_MARGIN = (
    "the paper gives no number of runs, so it is predicted as one; the resolution is no wider than the difference that "
    "the paper makes a point of; last epoch"
)
PLACED = (
    "LayerNorm as the paper says, and the start of the authors' code, which has no LayerNorm; from sigma = 1 it is "
    "another verdict, which stands in the details"
)
START = (
    "The paper gives no start for LayerNorm's arm, and the authors' code has no such arm: the start of their code and "
    "sigma = 1 are two readings. Until six seeds were there only the first was one, and the second stood beside"
)
UNKNOWN = "The paper names no start, and the repository has no LayerNorm; what sigma = 1 gives stands beside."
ACCURACY: dict[str, Any] = {"most": 100, "whole": 100, "better": HIGHER}
FLOWER = 100 / 30  # points: one of the test flowers
MATCH = 0.1  # points: less than that is no difference

MNIST: tuple[Claim, ...] = (
    Claim(
        *("UGMM-01", RESULTS, "MNIST, uGMM net with LayerNorm, accuracy", "98.34", "%"),
        Number(
            *("ugmm-norm", accuracy(last), 98.34),
            digit=0.01,
            **ACCURACY,
            point=0.19,
            beside=(
                Beside("best epoch", "ugmm-norm", accuracy(best)),
                Beside("from sigma = 1, last", "ugmm-norm-unit", accuracy(last)),
                Beside("from sigma = 1, best", "ugmm-norm-unit", accuracy(best)),
            ),
        ),
        f"{PLAIN_MARGIN}. {PLACED}",
        {"below": UNKNOWN},
    ),
    Claim(
        *("UGMM-02", RESULTS, "MNIST, MLP, accuracy", "98.15", "%"),
        Number(
            *("mlp", accuracy(last), 98.15),
            digit=0.01,
            **ACCURACY,
            point=0.19,
            beside=(
                Beside("best epoch", "mlp", accuracy(best)),
                Beside("with as many parameters as the uGMM net, last", "mlp-matched", accuracy(last)),
                Beside("at the uGMM net's learning rate, last", "mlp-rate", accuracy(last)),
            ),
        ),
        PLAIN_MARGIN,
    ),
    Claim(
        *("UGMM-03", "first experiments", "MNIST, uGMM net without LayerNorm, accuracy", "about 97.8", "%"),
        Number(
            *("ugmm", accuracy(last), 97.8),
            digit=0.1,
            about=True,
            **ACCURACY,
            point=0.54,
            beside=(Beside("best epoch", "ugmm", accuracy(best)),),
        ),
        "about: a tenth of the error, 2.2 %; a tenth of the accuracy would hold for any classifier. Last epoch",
    ),
    Claim(
        *("UGMM-07", "first experiments", "LayerNorm: above 98.3 %; without it a lower plateau", "> 98.3, lower", "%"),
        Alongside(
            from_either_start(
                lambda arm: Together(
                    Beyond(arm, last, "last error, %,", below=1.7),
                    Below(arm, "ugmm", late, "error of the last five epochs, points"),
                )
            ),
            {
                "both from sigma = 1": Below(
                    "ugmm-norm-unit", "ugmm-unit", late, "error of the last five epochs, points"
                )
            },
        ),
        f"the plateau is the mean of the last five epochs. {START}",
    ),
    Claim(
        *("UGMM-08", "primary result", "uGMM matches or exceeds standard networks", "matches", ""),
        Alongside(
            Together(
                from_either_start(lambda arm: Below(arm, "mlp", last, "last error, points", bound=MATCH)),
                Below("ugmm-cnn:cnn-ugmm", "ugmm-cnn:cnn", last, "last error, points", bound=MATCH),
            ),
            {
                "an MLP with as many parameters": Below(
                    "ugmm-norm-unit", "mlp-matched", last, "last error, points", bound=MATCH
                ),
                "a dense head with as many parameters": Below(
                    "ugmm-cnn:cnn-ugmm", "ugmm-cnn:cnn-matched", last, "last error, points", bound=MATCH
                ),
            },
        ),
        f"matches: the last error is at most {MATCH:g} points higher, in the MLP's place and in the CNN's head. The "
        "paper's own CNN row is 0.23 points behind. Networks with as many parameters stand beside. Iris, of which the "
        f"same is said, is UGMM-23. {START}",
    ),
    Claim(
        *("UGMM-09", "design trade-offs", "3N parameters for a neuron of N inputs, a dense neuron has N", "3", "times"),
        Together(
            Identity("ugmm", measure("per_connection"), 3, 1e-12, "parameters for an input of a uGMM neuron"),
            Identity("ugmm", measure("parameters"), 327552, 0, "parameters of the uGMM net 784-128-64-10"),
            Identity("mlp", measure("per_connection"), 1, 1e-12, "parameters for an input of a dense neuron"),
        ),
        "counted in the built networks; biases apart, of which a dense neuron has one and a uGMM neuron none",
    ),
    Claim(
        *("UGMM-11", "primary result", "better uncertainty quantification than standard networks", "better", ""),
        Alongside(
            Together(
                Below("ugmm-norm", "mlp", measure("calibration_error"), "calibration error"),
                Below("mlp", "ugmm-norm", measure("errors_found"), "chance of telling right answers from wrong ones"),
            ),
            {
                "from sigma = 1": Together(
                    Below("ugmm-norm-unit", "mlp", measure("calibration_error"), "calibration error"),
                    Below("mlp", "ugmm-norm-unit", measure("errors_found"), "chance of telling right from wrong"),
                )
            },
        ),
        "of the softmax after the last epoch: a smaller calibration error, and errors that are better told by the "
        "largest probability (see the decisions); each must hold",
    ),
    Claim(
        *("UGMM-12", "mechanism 1", "outputs signal ambiguity where inputs fall between modes", "signal", ""),
        Beyond(
            *("ugmm-norm", measure("blends_found"), "chance that an image scores above a blend"),
            above=0.5,
            beside=(
                Beside("the same", "ugmm-norm-unit", measure("blends_found")),
                Beside("the same", "ugmm", measure("blends_found")),
                Beside("the same of the largest output", "mlp", measure("blends_found")),
            ),
        ),
        "between modes: the mean of two test images of different classes. The score: the largest output of the last "
        "layer. It must be lower than an image's own more often than by chance; the MLP's stands beside",
    ),
    Claim(
        *("UGMM-13", "mechanism 3", "log-density activations vary more and over a wider range", "wider", ""),
        Together(
            Below("mlp", "ugmm", measure("range"), "range of a first-layer neuron"),
            Below("mlp", "ugmm", measure("deviation"), "deviation of a first-layer neuron"),
        ),
        "the document says high variance and a wide range, and wider of the failure signatures: than a dense neuron's "
        "before its activation, over test images after training; at the start: see the measures "
        "of the page",
    ),
    Claim(
        *("UGMM-14", "failure signatures", "the wider range of log-densities slows early learning", "slower", ""),
        Alongside(
            Below("mlp", "ugmm", error_after(1), "error after epoch 1, points"),
            {"an MLP at the same rate": Below("mlp-rate", "ugmm", error_after(1), "error after epoch 1, points")},
        ),
        "early: the end of epoch 1. Slower than the MLP; whether the range is the reason, this does not say (UGMM-13)",
    ),
    Claim(
        *("UGMM-15", "failure signatures", "LayerNorm helps against the slow start", "faster", ""),
        from_either_start(lambda arm: Below(arm, "ugmm", error_after(1), "error after epoch 1, points")),
        f"early: the end of epoch 1. {START}",
    ),
    Claim(
        *("UGMM-16", "mechanism 3", "LayerNorm makes the descent steadier", "steadier", ""),
        from_either_start(lambda arm: Below(arm, "ugmm", unsteady, "change of the error from epoch to epoch, points")),
        "the mean change of the test error between epochs, up or down, until the rate first falls (20 epochs). "
        f"{START}",
    ),
    Claim(
        *("UGMM-17", "critical path", "LayerNorm right after the uGMM output is strictly required", "required", ""),
        Beyond("ugmm", best, "best error, %,", above=10),
        "required: without it the network does not learn, that is, stays above 10 % test error",
    ),
    Claim(
        *("UGMM-18", "design trade-offs", "tied means: fewer parameters, and less expressive", "fewer, worse", ""),
        Together(
            Identity("ugmm-tied", measure("per_connection"), 2, 1e-12, "parameters for an input of a neuron"),
            Below("ugmm", "ugmm-tied", last, "last error, points"),
        ),
        "tied: the neurons of a layer share one mean an input. Means that are the inputs themselves, as the paper's "
        "words can be read, would leave an output that does not depend on them",
    ),
    Claim(
        *("UGMM-R1", NOTEBOOK_LOG, "MNIST, accuracy after epochs 1, 10, 20, 21", "90.10, 95.46, 96.06, 97.22", "%"),
        Together(
            *(
                Number(
                    *("ugmm-notebook", accuracy(error_after(epoch)), printed),
                    digit=0.01,
                    **ACCURACY,
                    what=f"after epoch {epoch}, printed {printed:.2f} %",
                )
                for epoch, printed in ((1, 90.10), (10, 95.46), (20, 96.06), (21, 97.22))
            )
        ),
        ONE_RUN,
    ),
    Claim(
        *("UGMM-R2", NOTEBOOK_LOG, "MNIST, best accuracy", "97.56", "%"),
        Number("ugmm-notebook", accuracy(best), 97.56, digit=0.01, **ACCURACY),
        ONE_RUN,
    ),
    Claim(
        *("UGMM-R3", NOTEBOOK_LOG, "MNIST, accuracy after the last of 50 epochs", "97.46", "%"),
        Number("ugmm-notebook", accuracy(last), 97.46, digit=0.01, **ACCURACY),
        ONE_RUN,
    ),
)

MNIST += (
    Claim(
        *(
            "UGMM-25",
            "foundational learning",
            "log(sum(exp)) under- or overflows, log-sum-exp does not",
            "unstable",
            "",
        ),
        Calculated("lost values, float32, 20 deviations away", of.direct_value, above=0.5),
    ),
    Claim(
        *("UGMM-26", "critical path", "gradients flow through mu, sigma and the weights", "flow", ""),
        Calculated("least share of gradients that are finite and not 0", of.flowing, above=0.5),
    ),
    Claim(
        *(
            "UGMM-27",
            "failure signatures",
            "NaN comes of exp(); a least variance or double precision mend it",
            "NaN",
            "",
        ),
        Together(
            Calculated("not finite at log sigma = -52, float32", lambda: of.lost(-52.0), above=0.5),
            Calculated("with a floor of 1e-6", lambda: of.lost(-52.0, floor=1e-6), below=0.5),
            Calculated("in float64", lambda: of.lost(-52.0, torch.float64), below=0.5),
            Calculated("in float64 at log sigma = -400", lambda: of.lost(-400.0, torch.float64), below=0.5),
        ),
        "beside it: cells that diverged, of the arms without a floor (none)",
    ),
    Claim(
        *(
            "UGMM-28",
            "failure signatures",
            "sigma^2 near 0 or infinity: constant output, vanishing gradient; clamping mends it",
            "vanishes",
            "",
        ),
        Together(
            *(
                Calculated(
                    f"gradient by mu, {what}, log sigma {v:+g}, over that at 0",
                    partial(of.gradient_ratio, v, w),
                    below=1e-3,
                )
                for w, what in ((False, "one component"), (True, "a whole neuron"))
                for v in (-8.0, 8.0)
            ),
            Calculated(
                "one component, log sigma -8, variance floor 0.01",
                lambda: of.gradient_ratio(-8.0, False, "mu", 1e-2),
                above=1e-3,
            ),
        ),
        "of a whole neuron near 0 the gradient grows, it does not vanish",
    ),
    Claim(
        *(
            "UGMM-30",
            "foundational learning",
            "the largest log-probability output is the least cross-entropy",
            "equivalent",
            "",
        ),
        Alongside(
            Calculated(
                "cosine of the gradients of cross-entropy and of the true output",
                lambda: of.same_direction(False),
                above=1 - 1e-9,
            ),
            {"after normalising over classes": Calculated("cosine", lambda: of.same_direction(True), above=1 - 1e-9)},
        ),
    ),
    Claim(
        *("UGMM-37", "executive summary", "each neuron's output is a log-density", "log-density", ""),
        Alongside(
            Calculated(
                "integral of exp(output) over [-20, 20]^2, two inputs", lambda: of.mass(2, 20.0), above=0.99, below=1.01
            ),
            {
                "one input": Calculated("integral", lambda: of.mass(1, 10.0), above=0.99, below=1.01),
                "[-10, 10]^2": Calculated("integral", lambda: of.mass(2, 10.0), above=0.99, below=1.01),
            },
        ),
        "as the code has it, each component at its own input; the formula's common y is a density, and is never "
        "evaluated",
    ),
    Claim(
        *("UGMM-38", "executive summary", "a unit captures several modes", "multimodal", ""),
        Calculated("maxima of one unit's output", of.stationary, above=1.5),
        "in its inputs: each term sees one input, so the gradient is 0 at the means alone",
    ),
)

MNIST += known(
    Claim(
        *("UGMM-39", "mechanism 3", "with LayerNorm training ends in a better optimum", "superior", ""),
        from_either_start(
            lambda arm: Below(
                *(arm, "ugmm", changed(row("train_loss"), math.log10)),
                "training loss of the last epoch, decades",
                margin=TENTH,
            )
        ),
        f"an optimum is one of the training loss, with dropout alike; UGMM-07 has the test error. {START}",
    ),
)

# -- the convolutional network ---------------------------------------------------------------------------------------

CNN_MARGIN = f"{PLAIN_MARGIN}, our architecture"

CNN: tuple[Claim, ...] = (
    Claim(
        *("UGMM-04", "key results", "MNIST, CNN with a uGMM head, accuracy", "99.12", "%"),
        Number(
            *("cnn-ugmm", accuracy(last), 99.12),
            digit=0.01,
            **ACCURACY,
            point=0.23,
            beside=(
                Beside("best epoch", "cnn-ugmm", accuracy(best)),
                Beside("without LayerNorm, from the authors' start, last", "cnn-ugmm-plain", accuracy(last)),
            ),
        ),
        CNN_MARGIN,
    ),
    Claim(
        *("UGMM-05", "key results", "MNIST, standard CNN, accuracy", "99.35", "%"),
        Number(
            *("cnn", accuracy(last), 99.35),
            digit=0.01,
            **ACCURACY,
            point=0.23,
            beside=(
                Beside("best epoch", "cnn", accuracy(best)),
                Beside("with as many parameters as the uGMM head, last", "cnn-matched", accuracy(last)),
            ),
        ),
        CNN_MARGIN,
    ),
    Claim(
        *("UGMM-19", "key results", "the standard CNN is above the one with a uGMM head", "99.35 > 99.12", ""),
        Alongside(
            Below("cnn", "cnn-ugmm", last, "last error, points"),
            {"with equal parameters": Below("cnn-matched", "cnn-ugmm", last, "last error, points")},
        ),
        "of the error after the last epoch; the paper's networks differ in their number of parameters, and a dense "
        "head with as many stands beside",
    ),
)

CNN += known(
    Claim(
        *("UGMM-35", "next checks", "equal architectures and parameters: the heads match", "comparison", ""),
        Similar("cnn-ugmm", "cnn-matched", last, "last error, points", MATCH),
        "an equivalence within 0.1 points; the ordering is UGMM-19's",
    ),
)

# -- what the first layer has learned --------------------------------------------------------------------------------

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


PROBE = (
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
        "What an untrained network has of both stands beside: only what exceeds it was learned. Submodes is said of "
        "one "
        "unit, whose output has one maximum: UGMM-38",
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

# -- the generative network on flowers -------------------------------------------------------------------------------

SCRIPT_NET = "script-10-5"  # the arm that the paper's claims rest on
LOOKED = 200  # steps between two looks of the authors' notebook
STATES = 20  # of a feature, where features are to be explained
MISSED = 5.0  # % of best scores that a search may miss


def authors_looks(run: Run) -> float:
    """The first of the notebook's looks, every 200 steps, without an error; infinite if there is none."""
    looks = zip(run.steps, run.errors, strict=True)
    return next((step for step, error in looks if step % LOOKED == 0 and error == 0), math.inf)


def of_the_log(run: Run) -> float | None:
    """The same of seed 0, which the notebook's log is of; None for others."""
    return authors_looks(run) if run.seed == 0 else None


NOTE = "neither the paper's protocol nor its number of seeds is known; "

IRIS: tuple[Claim, ...] = (
    Claim(
        *("UGMM-06", RESULTS, "Iris, generative: labels by posterior inference, accuracy", "100", "%"),
        Number(
            SCRIPT_NET,
            accuracy(last),
            100,
            digit=1,
            **ACCURACY,
            resolution=FLOWER,
            beside=(
                Beside("the script, best look", SCRIPT_NET, accuracy(measure("best_look"))),
                Beside("the notebook (5-20-8-1, test = training flowers), last", "notebook-20-8", accuracy(last)),
                Beside("the notebook, best look", "notebook-20-8", accuracy(measure("best_look"))),
                Beside("the script with one-hot labels, last", "script-one-hot", accuracy(last)),
                Beside("the script from sigma = 1, last", "script-unit", accuracy(last)),
                Beside("the MLP, last", "mlp", accuracy(last)),
            ),
        ),
        'the document says "perfect classification", and no number: 100 is ours for it, to one flower of 30; '
        + NOTE
        + "the repository's newest script, its last epoch, the mean over 20 seeds; others beside it",
        {
            "below": "The number is a mean over seeds, and one seed says little here: perfect last and perfect ever, "
            "on the page, are the shares of seeds without an error. The score beside them is what was trained."
        },
    ),
    Claim(
        *("UGMM-R4", "repository, notebook", "Iris, training flowers: first 100 %, at step", "2200", "steps"),
        Number(
            "notebook-20-8",
            authors_looks,
            2200,
            digit=LOOKED,
            beside=(
                Beside("seed 0 alone, which is the notebook's", "notebook-20-8", of_the_log),
                Beside("with a look every 10 steps", "notebook-20-8", first_hit(0)),
                Beside("with hidden layers of 10 and 5", "notebook-10-5", authors_looks),
            ),
        ),
        f"one run of the notebook, which looks every {LOOKED} steps (one step later than we do); the network is the "
        "one that it prints, 5-20-8-1",
        {
            "above": "The notebook shows one seed, 0. Ours starts from the same network, but rounding separates two "
            "processors over 2000 steps, and one flower decides which look is the first without an error."
        },
    ),
    Claim(
        *(
            "UGMM-10",
            "open question 1",
            "no efficient search for the most probable explanation of the full generative network",
            "open problem",
            "",
        ),
        Undecidable(
            "That no efficient algorithm is known says nothing about any network, and trying one decides it neither "
            "way: if it finds all best scores it may still miss others, and if it does not, another may find them",
            beside=(
                Beside(
                    "best scores that coordinate ascent misses, % of test flowers", SCRIPT_NET, measure("missed_from_8")
                ),
                Beside("the same from one start", SCRIPT_NET, measure("missed_from_1")),
                Beside("best scores that it misses from 8 starts, %", "notebook-20-8", measure("missed_from_8")),
            ),
        ),
        "no run can decide what is open. Measured beside it: a search whose cost grows with the sum of the numbers of "
        f"states, and not with their product (coordinate ascent from 8 starts over the label and two features of "
        f"{STATES} states each), and how often it misses the best score",
    ),
)

IRIS += known(
    Claim(
        *("UGMM-23", "executive summary", "Iris: as accurate as an MLP, or more", "comparable or superior", ""),
        Alongside(
            Below("script-10-5", "mlp", last, "last error, points", bound=FLOWER),
            {
                "as many parameters": Below("script-10-5", "mlp-matched", last, "last error, points", bound=FLOWER),
                "the notebook": Below("notebook-20-8", "mlp-notebook", last, "last error, points", bound=FLOWER),
                "40 and 16 hidden": Below("script-40-16", "mlp", last, "last error, points", bound=FLOWER),
            },
        ),
        "within one flower of 30",
    ),
    Claim(
        *("UGMM-31", "open question 1", "coordinate ascent finds the most probable explanation", "open", "%"),
        Together(
            *(
                Beyond(
                    arm,
                    measure("missed_from_8"),
                    "best scores missed, % of flowers,",
                    below=MISSED,
                    beside=(Beside("from one start", arm, measure("missed_from_1")),),
                )
                for arm in ("script-0", "script-10-5", "script-20-8", "notebook-20-8")
            )
        ),
        "an experiment of ours: 8 starts, against all 1,200 joint states (20 x 20 x 3); one neuron alone (script-0) "
        "is separable",
    ),
    Claim(
        *("UGMM-36", "next checks", "the smallest network without an error", "minimum complexity", ""),
        Together(
            *(
                Beyond(arm, measure("perfect_last"), "share of seeds without an error,", above=0.95)
                for arm in (
                    "script-10-5",
                    "script-20-8",
                    "script-40-16",
                    "notebook-10-5",
                    "notebook-20-8",
                    "notebook-40-16",
                )
            )
        ),
        "hidden widths stand for components, of which a neuron has one an input; none of 2,568 parameters or fewer is"
        " without one",
    ),
)

# -- starts and rates ------------------------------------------------------------------------------------------------

AFTER_ONE = "error after epoch 1, points"

STARTS: tuple[Claim, ...] = (
    Claim(
        *("UGMM-24", "critical path", "variances at the start can prevent immediate saturation", "prevent", ""),
        Alongside(
            Together(
                Beyond("authors", measure("flat_start"), "share of flat neurons", below=0.5, untrained=True),
                Beyond("authors", measure("gradient_share_start"), "gradients not 0", above=0.5, untrained=True),
                Beyond("wide", measure("flat_start"), "share of flat neurons", above=0.5, untrained=True),
                Beyond("narrow", measure("gradient_share_start"), "gradients not 0", below=0.5, untrained=True),
                Below("authors", "wide", error_after(1), AFTER_ONE),
                Below("authors", "narrow", error_after(1), AFTER_ONE),
            ),
            {
                "from sigma = 1": Together(
                    Beyond("unit", measure("flat_start"), "share of flat neurons", below=0.5, untrained=True),
                    Beyond("unit", measure("gradient_share_start"), "gradients not 0", above=0.5, untrained=True),
                    Below("unit", "wide", error_after(1), AFTER_ONE),
                    Below("unit", "narrow", error_after(1), AFTER_ONE),
                ),
                "wide, after epoch 1": Beyond("wide", measure("flat"), "share of flat neurons", above=0.5),
                "narrow, after epoch 1": Beyond("narrow", measure("gradient_share"), "gradients not 0", below=0.5),
            },
        ),
        "saturated: see the decisions. The authors' start is not; a hundred times sigma = 1 and a hundredth of it are, "
        "each in its way, and the network learns less from them in an epoch. What is saturated at the start was looked "
        "at, of one seed, before this was written; no training was",
    ),
    Claim(
        *("UGMM-29", "failure signatures", "a higher initial rate mends the slow start", "faster", ""),
        Alongside(
            Below("rate-3e-2", "authors", error_after(1), AFTER_ONE),
            {
                "1e-2 against 3e-3": Below("authors", "rate-3e-3", error_after(1), AFTER_ONE),
                "from sigma = 1": Below("unit-rate-3e-2", "unit", error_after(1), AFTER_ONE),
                "from sigma = 1, 1e-2 against 3e-3": Below("unit", "unit-rate-3e-3", error_after(1), AFTER_ONE),
            },
        ),
        "slow: at the end of epoch 1, as in UGMM-14 and UGMM-15; higher: three times the rate that the authors train "
        "with, for they name no other",
    ),
)

# -- shared means ----------------------------------------------------------------------------------------------------

SHARED: tuple[Claim, ...] = (
    Claim(
        *("UGMM-34", "open question 3", "shared means are more accurate for as many parameters", "open", ""),
        Alongside(
            Together(
                Below("tied-wide", "untied", last, "last error, points"),
                Below("tied", "untied-narrow", last, "last error, points"),
            ),
            {
                "as wide": Below("tied", "untied", last, "last error, points"),
                "MNIST": Together(
                    Below("tied-wide@mnist", "untied@mnist", last, "last error, points"),
                    Below("tied@mnist", "untied-narrow@mnist", last, "last error, points"),
                ),
            },
        ),
        "an experiment of ours, for a question that the paper leaves open: efficiency is the error of nets with as "
        "many parameters, at two numbers of them; as wide nets, of which the tied one has two thirds, stand beside",
    ),
)

# -- networks of sequences -------------------------------------------------------------------------------------------

SEEDS = 10  # of the experiments of ours
POINT = 1.0  # of test error: more than that is a loss


def _preserves(arm: str, plain: str) -> Together:
    """A network with uGMM neurons trains in every seed, and its error is at most a point above the plain one's."""
    return Together(
        Count(arm, lambda run: run.diverged or run.stuck, 0, SEEDS, "seeds that did not train", better=LOWER),
        Below(arm, plain, last, "last error, points", bound=POINT),
    )


PRESERVES = (
    f"an experiment of ours, for a question that the paper leaves open. Stability: of {SEEDS} seeds none diverges or "
    f"stays at guessing; performance: the last error is at most {POINT:g} point above the plain network's. Without "
    "LayerNorm, since the question is whether it needs specialized interventions; with it, with as many parameters and "
    "at the plain network's other rate beside. One seed, 100, was looked at before this was written"
)

SEQUENCES: tuple[Claim, ...] = (
    Claim(
        *("UGMM-32", "open question 2", "a recurrent network of uGMM neurons stays stable and accurate", "open", ""),
        Alongside(
            _preserves("rnn-ugmm", "rnn"),
            {
                "from sigma = 1": _preserves("rnn-ugmm-unit", "rnn"),
                "with LayerNorm": _preserves("rnn-ugmm-norm", "rnn"),
                "as many parameters": _preserves("rnn-ugmm", "rnn-matched"),
                "a tanh network at 1e-2": _preserves("rnn-ugmm", "rnn-rate"),
                "an LSTM": _preserves("rnn-ugmm", "lstm"),
                "with LayerNorm, an LSTM": _preserves("rnn-ugmm-norm", "lstm"),
                "with LayerNorm, a tanh network at 1e-2": _preserves("rnn-ugmm-norm", "rnn-rate"),
            },
        ),
        PRESERVES,
    ),
    Claim(
        *("UGMM-33", "open question 2", "a transformer block with uGMM neurons stays stable and accurate", "open", ""),
        Alongside(
            _preserves("block-ugmm", "block"),
            {
                "from sigma = 1": _preserves("block-ugmm-unit", "block"),
                "with LayerNorm": _preserves("block-ugmm-norm", "block"),
                "as many parameters": _preserves("block-ugmm", "block-matched"),
                "a ReLU block at 1e-2": _preserves("block-ugmm", "block-rate"),
                "with LayerNorm, as many parameters": _preserves("block-ugmm-norm", "block-matched"),
                "with LayerNorm, a ReLU block at 1e-2": _preserves("block-ugmm-norm", "block-rate"),
            },
        ),
        PRESERVES
        + "; the LayerNorm in question is the one behind the uGMM layer, and that of the block is in all arms",
    ),
)

# -- a generative network on digits ----------------------------------------------------------------------------------


def _generates(arm: str) -> Together:
    """A generative network labels digits as well as an MLP, and coordinate ascent explains them."""
    return Together(
        Below(arm, "mlp", last, "last error, points", bound=POINT),
        Beyond(
            *(arm, measure("missed_from_8"), "best scores missed, % of digits,"),
            below=MISSED,
            beside=(Beside("from one start", arm, measure("missed_from_1")),),
        ),
    )


DIGITS: tuple[Claim, ...] = (
    Claim(
        *("UGMM-40", "open question 1", "a generative network works beyond Iris", "open", ""),
        Choices({"the label as a number": _generates("number"), "one-hot": _generates("one-hot")}),
        f"an experiment of ours, on digits of 8 x 8 pixels: labels by posterior inference are at most {POINT:g} point "
        "behind an MLP's, and the most probable explanation of the label and three pixels of 8 states each is found by "
        f"coordinate ascent from 8 starts, so that trying all 5,120 joint states finds more in less than {MISSED:g} %. "
        "One seed, 100, was looked at before this was written: all nets stay above 70 %, at ten times the rate too",
    ),
)

# -- cells that take less than a minute -----------------------------------------------------------------------------

IRIS = quick(*IRIS)
STARTS, SHARED = quick(*STARTS), quick(*SHARED)
SEQUENCES, DIGITS = quick(*SEQUENCES), quick(*DIGITS)
