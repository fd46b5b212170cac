"""What the experiments with uGMM layers on images share: settings, networks and their training."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch

from gmbench.contract import Implementation
from gmbench.data import Data
from gmbench.experiments.contract import Report, Spec, data_of
from gmbench.experiments.ugmm.measures import (
    OF_NETWORKS,
    OF_NEURONS,
    Layer,
    of_neurons,
    of_outputs,
    of_parameters,
    pictures,
)
from gmbench.nn import initialise, stack
from gmbench.runs.carry import start_of, unpack
from gmbench.training import classify
from gmbench.training.classify import at_start, train
from gmbench.training.loop import order_of

CALIBRATION = 2048  # training images that an initialisation may look at
MEASURES = {
    **classify.MEASURES,
    **OF_NETWORKS,
    **OF_NEURONS,
    **{f"{name}_start": f"{what}; before training" for name, what in OF_NEURONS.items()},
}
# What the paper leaves open and all experiments on images share; declared before the runs.
DECISIONS = (
    ("pixels", "in [0, 1], no mean or deviation taken out; for the dense baselines and the convolutions too"),
    ("what enters a component", "its own input, as in the authors' code; the paper's formula has one y for all"),
    ("place of LayerNorm", "after the hidden uGMM layers, not after the last; with gain and offset, eps 1e-5"),
    (
        "start",
        "the authors' code: mu ~ N(0, 1), sigma ~ U(0, 1), logits ~ U(0, 1). Their code has no LayerNorm and the paper "
        "names no other start, so claims about LayerNorm are judged from this one; the start with sigma = 1 is an arm "
        "of its own, and stands beside",
    ),
    ("deviations", "sigma = exp(log sigma), no floor"),
    (
        "dropout of components",
        "one mask a step for the whole batch; the weights that remain are normalised again; a neuron that would lose "
        "all its components keeps one",
    ),
    ("loss", "softmax cross-entropy of the last layer's outputs, mean over the batch"),
    ("last partial batch", "kept"),
    ("pairing", "all arms of a seed see the data in one order, drawn apart from the initialisation"),
    ("dense layers", "torch's own initialisation, with biases"),
    (
        "which epoch",
        "the paper does not say whether it prints the last epoch or the best on the test set; verdicts rest on the "
        "last, and the best stands beside",
    ),
    ("evaluation", "all test images without dropout, before training and at the end of each epoch"),
    ("arithmetic", "float32, one thread, denormals flushed to zero"),
)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    :param dropout: of a uGMM net's first layer, before a dense net's last
    :param batch: images of a step
    :param rate: of Adam
    :param milestones: epochs at whose ends the rate falls to a tenth
    :param epochs: of a whole training
    """

    dropout: float
    batch: int
    rate: float
    milestones: tuple[int, ...]
    epochs: int

    def falls(self, epochs: int) -> list[int]:
        """The milestones of a shorter or longer training, at the same shares of it."""
        scaled = (round(milestone * epochs / self.epochs) for milestone in self.milestones)
        return [epoch for epoch in scaled if 0 < epoch < epochs]


STARTS = ("authors", "unit-sigma")
PLACES = ("none", "hidden")  # of LayerNorm

# The four settings that the authors' repository has for one and the same experiment.
SCRIPT = Recipe(dropout=0.3, batch=128, rate=1e-2, milestones=(20, 45, 60), epochs=100)  # the newest
NOTEBOOK = Recipe(dropout=0.2, batch=256, rate=1e-2, milestones=(20, 45), epochs=50)
README = Recipe(dropout=0.5, batch=128, rate=1e-2, milestones=(), epochs=100)
FIRST = Recipe(dropout=0.5, batch=256, rate=1e-2, milestones=(), epochs=100)  # v0.0.1


def prepare(spec: Spec) -> tuple[Data, torch.Generator]:
    """What every cell begins with: its data, pixels in [0, 1], and the generator of its initialisation."""
    torch.manual_seed(spec["seed"])  # for dropout, and for the layers of torch
    data = data_of(spec, normalised=False)
    return data, torch.Generator().manual_seed(spec["seed"])


def ugmm_network(
    spec: Spec,
    widths: Sequence[int],
    start: str,
    generator: torch.Generator,
    images: torch.Tensor | None = None,
    **options: Any,
) -> torch.nn.Sequential:
    """A stack of uGMM layers with the implementation of a cell's spec.

    :param start: the name of an initialisation, which the spec's own replaces
    :param images: what an initialisation from outside may look at
    :param options: of :func:`gmbench.layers.ugmm.module.stack`
    """
    implementation = unpack(spec["implementation"], Implementation)
    network = stack("ugmm", widths, implementation=implementation, device=spec["device"], **options)
    initialise(network, start_of(spec, start), images, generator)
    return network


def dense_network(widths: Sequence[int], dropout: float, device: str) -> torch.nn.Sequential:
    """Linear layers with ReLU between them, and dropout before the last."""
    layers: list[torch.nn.Module] = []
    for wide, narrow in itertools.pairwise(widths):
        layers += [torch.nn.Linear(wide, narrow), torch.nn.ReLU()]
    last = layers[-2]
    return torch.nn.Sequential(*layers[:-2], torch.nn.Dropout(dropout), last).to(device)


def trained(
    spec: Spec,
    report: Report,
    data: Data,
    network: torch.nn.Sequential,
    recipe: Recipe,
    optimiser: torch.optim.Optimizer | None = None,
    inside: bool = True,
) -> dict[str, Any]:
    """Train a network as a cell's spec says, measured before and after: ``epochs``, ``measures``, ``tests``, pairs of
    a step and the test error there, and ``neurons``, their :func:`pictures` at the end.

    :param optimiser: default: Adam with the recipe's rate
    :param inside: also look at the neurons of the first layer, which is the first module
    """
    measures, first = at_start(network, data.train_images[:CALIBRATION]), cast(Layer, network[0])
    if inside:
        measures |= {f"{name}_start": value for name, value in of_neurons(first, data).items()}
    done = train(
        network,
        optimiser or torch.optim.Adam(network.parameters(), lr=recipe.rate),
        data,
        epochs=spec["epochs"],
        batch=recipe.batch,
        order=order_of(spec["seed"]),
        milestones=recipe.falls(spec["epochs"]),
        report=report,
    )
    measures |= {**of_parameters(network), **of_outputs(network, data)}
    if inside:
        measures |= of_neurons(first, data)
    return done.result(measures, **({"neurons": {"end": pictures(first)}} if inside else {}))
