"""The generative network of the uGMM paper beyond Iris: one network scores a digit's pixels and its label together."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from gmbench.claims.metric import ERROR
from gmbench.data import Data
from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.settings import EPOCHS
from gmbench.experiments.ugmm import claims, iris, networks
from gmbench.experiments.ugmm.iris import EXPLAINED, RATE, Discriminative, Generative, Net, Protocol, fit
from gmbench.layers.ugmm.inference import Variables
from gmbench.training.loop import order_of

PIXELS = 3  # that are to be explained beside the label
STATES = 8  # of each, equally spaced in [0, 1]
HIDDEN = (32, 16)
MATCHED = 104  # hidden units of an MLP with the parameters of the generative net: 7810 against 7824
PROTOCOL = Protocol(standardised=False, batch=16, look=1, row=1)

NETS = {
    "number": Net(PROTOCOL, HIDDEN),
    "one-hot": Net(PROTOCOL, HIDDEN, label="one-hot"),
    "number-unit": Net(PROTOCOL, HIDDEN, start="unit-sigma"),
    "one-hot-unit": Net(PROTOCOL, HIDDEN, label="one-hot", start="unit-sigma"),
    "mlp": Net(PROTOCOL, HIDDEN[:1], label="class"),
    "mlp-matched": Net(PROTOCOL, (MATCHED,), label="class"),
}
HEADLINE = "number"
ARMS = {
    "number": "uGMM net (d+1)-32-16-1, the label 0 to 9 as one input",
    "one-hot": "uGMM net (d+C)-32-16-1, the label as C inputs",
    "number-unit": "the label as one input, sigma = 1 at the start",
    "one-hot-unit": "the label as C inputs, sigma = 1 at the start",
    "mlp": "MLP d-32-C",
    "mlp-matched": f"MLP d-{MATCHED}-C, as many parameters as the net with one input for the label",
}


class Digits(Generative):
    """One score for a digit and its label together."""

    def unknown(self, data: Data) -> Variables:
        """The label, and the pixels that vary most over the training images."""
        chosen = data.train_images.std(0).topk(PIXELS).indices.tolist()
        return {**dict.fromkeys(sorted(chosen), torch.linspace(0, 1, STATES)), self.places: self.labels}


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed.

    ``test_loss`` is the mean negative score of the test digits with their labels (an MLP's: cross-entropy). Measures:
    ``parameters``, ``diverged``, and of generative nets ``missed_from_8`` and ``missed_from_1``, as in ``ugmm-iris``.
    """
    net = NETS.get(spec["arm"], NETS[HEADLINE])  # an arm that an initialisation from outside makes
    data, generator = networks.prepare(spec)
    model = (Discriminative if net.label == "class" else Digits)(spec, net, data, generator)
    done = fit(model, data, net.protocol, spec["epochs"], order_of(spec["seed"]), report)
    measures = {"parameters": sum(p.numel() for p in model.network.parameters())}
    return done.result(measures | ({} if done.measures["diverged"] else model.missed(data)))


DECISIONS = (
    ("network", "d+1 inputs, hidden layers of 32 and 16, one output: the score of pixels and label together"),
    (
        "training",
        f"the script of ugmm-iris: Adam at {RATE:g}, batches of 16 in random order, the mean score of pixels and label "
        "is maximised, without dropout, LayerNorm or a floor; 30 epochs, 2,700 steps (the script takes 2,400)",
    ),
    ("pixels", "in [0, 1]"),
    ("start", "the authors' code: mu ~ N(0, 1), sigma ~ U(0, 1), logits ~ U(0, 1); sigma = 1 beside"),
    ("label", "one input 0 to 9, as the authors have it of flowers; or one-hot. The claim is read both ways"),
    ("finding a label", "the largest of the ten scores, all tried"),
    (
        "finding more than a label",
        f"the label and the {PIXELS} pixels that vary most over the training images, each with {STATES} equally spaced "
        f"states, of the first {EXPLAINED} test digits: how often coordinate ascent, from eight random starts and from "
        "one, ends below the largest score, which trying all 5,120 joint states finds",
    ),
    ("MLP", "d-32-C, cross-entropy, the same batches, rate and epochs; mlp-matched has 7810 parameters, the net 7824"),
    ("which epoch", "the last"),
    ("implementation", "the formula in plain torch, as in ugmm-iris"),
    ("arithmetic", "float32, one thread, denormals flushed to zero"),
)

EXPERIMENT = Experiment(
    name="ugmm-digits",
    version=1,
    paper="ugmm",
    summary="generative uGMM nets on digits: accuracy by the largest score, and how often a search misses it",
    layer_type="ugmm",
    arms=ARMS,
    baselines=("mlp", "mlp-matched"),
    headline=HEADLINE,
    data_sets=("digits",),
    default_data="digits",
    budgets=budgets(5, 30, range(10)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.DIGITS,
    measures=iris.MEASURES,
    preferred=("eager",),
    metric=dataclasses.replace(ERROR, loss=""),  # a score for all arms but the MLPs
    settings=(EPOCHS,),
)
