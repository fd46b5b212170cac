"""The GMNM paper's image classifiers: convolutions with a GMNM head, attention, both, and heads of equal size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from gmbench.baselines.attention import HEADS, Attention
from gmbench.claims.metric import ERROR
from gmbench.data import Data
from gmbench.experiments.contract import REDUCED, Experiment, Report, Spec, budgets, data_of
from gmbench.experiments.gmnm import claims
from gmbench.experiments.gmnm.networks import CALIBRATION, Design, gmnm_layer
from gmbench.experiments.settings import EPOCHS, IMAGES, Range, Space, choice, count, number
from gmbench.experiments.universes import Multiverse
from gmbench.training import speed
from gmbench.training.classify import train
from gmbench.training.loop import finite, order_of, outputs
from gmbench.training.speed import channels_last, in_turns

NAME = "gmnm-classification"
BATCH, RATE = 128, 1e-3
EVALUATED = 500  # images at once
CALIBRATED = "calibrated"  # the initialisation of arms of ours
BATCHED = "batch"
STARTS = ("uniform", "points", "calibrated")
NORMALISED = ("none", BATCHED)
TIMED = 40  # training steps of each network, in turns


@dataclass(frozen=True)
class Shape:
    """Networks for one kind of image.

    :param wide: the channels of the five convolutions
    :param narrow: those in front of a head; the paper's are smaller for images in colour
    :param attended: attention stands behind so many convolutions
    :param units: of a head
    """

    wide: tuple[int, ...]
    narrow: tuple[int, ...]
    attended: int
    units: int


GREY = Shape(wide=(16, 16, 16, 32, 64), narrow=(16, 16, 16, 32, 64), attended=4, units=64)
COLOUR = Shape(wide=(32, 32, 32, 128, 128), narrow=(30, 24, 28, 128, 128), attended=3, units=100)

ARMS = {
    "cnn": Design("five convolutions and a linear layer"),
    "cnn-gmnm": Design("the CNN with a GMNM head behind the linear layer, ridge as its parameter count says", "gmnm"),
    "cnn-att": Design("the CNN with attention", attention=True),
    "cnn-gmnm-att": Design("the GMNM head and attention", "gmnm", attention=True),
    "cnn-gmnm-mahalanobis": Design("the GMNM head in the mahalanobis reading", "gmnm", "mahalanobis"),
    "cnn-gmnm-trained": Design(
        "the GMNM head in the mahalanobis reading, with trained centres", "gmnm", "mahalanobis", "trained"
    ),
    "cnn-gmnm-normalised": Design("the GMNM head on normalised outputs of the linear layer", "gmnm", normalised=True),
    "cnn-gmnm-calibrated": Design("the GMNM head from a start at which its units stay alive", "gmnm", start=CALIBRATED),
    "cnn-gmnm-mahalanobis-calibrated": Design(
        "the GMNM head in the mahalanobis reading, from that start", "gmnm", "mahalanobis", start=CALIBRATED
    ),
    "cnn-dense": Design("a dense head with as many parameters as the GMNM head, on its convolutions", "dense"),
}
HEADLINE = "cnn-gmnm"


def shape_of(data: Data) -> Shape:
    """The networks for the images of a data set.

    :raises ContractError: if they are not square
    """
    return GREY if data.square(NAME)[0] == 1 else COLOUR


BEHIND, INSTEAD, POOLED = PLACES = ("behind", "instead", "pooled")


def body(design: Design, data: Data, place: str = BEHIND) -> tuple[torch.nn.Sequential, int]:
    """Images ``(B, features)`` to a number for each class, and how many numbers these are.

    Convolutions of 3 x 3 with ReLU, the first four followed by max-pooling by 2 as long as there is anything to pool.
    ReLU and a maximum may be taken in either order, with the same values and gradients to the last bit; behind the
    pooling there is a quarter of the work.

    :param place: of a head: behind the linear layer, instead of it, or instead of it on the mean of each channel; on
        images of 28 x 28 the last two are the same
    :raises ContractError: if images are not square
    """
    shape, (before, side) = shape_of(data), data.square(NAME)
    layers: list[torch.nn.Module] = [torch.nn.Unflatten(1, (before, side, side))]
    for depth, channels in enumerate(shape.narrow if design.head else shape.wide, 1):
        layers.append(torch.nn.Conv2d(before, channels, 3, padding=1))
        before = channels
        # the paper's counts leave both sides of the pooling open; behind it there are fewer places
        if depth < 5 and side > 1:
            layers.append(torch.nn.MaxPool2d(2))
            side //= 2
        layers.append(torch.nn.ReLU())
        if design.attention and depth == shape.attended:
            layers.append(Attention(channels))
    if place == POOLED:
        layers.append(torch.nn.AdaptiveAvgPool2d(1))
        side = 1
    layers.append(torch.nn.Flatten())
    if place != BEHIND:
        return torch.nn.Sequential(*layers), before * side**2
    return torch.nn.Sequential(*layers, torch.nn.Linear(before * side**2, data.classes)), data.classes


def network_of(spec: Spec, design: Design, data: Data) -> torch.nn.Sequential:
    """The network of a cell, as it starts; torch's global generator is seeded before.

    :raises ContractError: if images are not square
    """
    torch.manual_seed(spec["seed"])
    given = EXPERIMENT.values(spec)
    convolutions, wide = body(design, data, given["place"] if design.head else BEHIND)
    front, classes = channels_last(convolutions, spec["device"]), data.classes
    if not design.head:
        return torch.nn.Sequential(front)
    units = given["units"] or shape_of(data).units
    if given["normalise"] == BATCHED:
        front = torch.nn.Sequential(front, torch.nn.BatchNorm1d(wide, eps=1e-10, affine=False, device=spec["device"]))
    if design.head == "dense":
        hidden = torch.nn.Linear(wide, units), torch.nn.ReLU(), torch.nn.Linear(units, classes, bias=False)
        return torch.nn.Sequential(front, torch.nn.Sequential(*hidden).to(spec["device"]))
    with torch.no_grad():  # not as it is evaluated: nothing has been counted yet to normalise by
        seen = front(data.train_images[:CALIBRATION])
    generator = torch.Generator().manual_seed(spec["seed"])
    what = (spec, seen, classes, units, given["start"], generator)
    head = gmnm_layer(*what, reading=design.reading, centres=design.centres)
    return torch.nn.Sequential(front, head)


def binary(logits: torch.Tensor, labels: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Binary cross-entropy of the sigmoid of every output ``(B, C)`` with labels ``(B,)``, mean over outputs.

    :param reduction: over images, ``"mean"`` or ``"sum"``
    """
    wanted = one_hot(labels, logits.shape[1]).to(logits)
    found = binary_cross_entropy_with_logits(logits, wanted)
    return found if reduction == "mean" else found * len(labels)


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. ``test_loss`` and ``train_loss`` are binary cross-entropies.

    Measures: ``parameters``; ``min_test_loss`` and ``min_train_loss``, the lowest of any epoch, which are the paper's,
    and ``last_test_loss`` and ``last_train_loss``; ``cross_entropy`` on the test set, of the softmax of the outputs;
    ``step_ms``, the median training step, and ``step_ratio``, to the CNN's of the same data in turns with it.
    """
    return run(spec, report)


# what an experiment measures beside: looks at a network before training, and gives what tells its measures after it
Observer = Callable[[torch.nn.Sequential, Data], Callable[[], Mapping[str, float | None]]]


def run(spec: Spec, report: Report, observe: Observer = lambda network, data: dict) -> dict[str, Any]:
    """One cell.

    :param observe: measures beside
    """
    design = ARMS.get(spec["arm"], ARMS[HEADLINE])
    data, given = data_of(spec, normalised=False), EXPERIMENT.values(spec)
    network = network_of(spec, design, data)
    observed = observe(network, data)
    done = train(
        network,
        torch.optim.Adam(network.parameters(), lr=given["rate"]),
        data,
        epochs=spec["epochs"],
        batch=given["batch"],
        order=order_of(spec["seed"]),
        criterion=binary,
        report=report,
    )
    measures: dict[str, Any] = {"parameters": sum(p.numel() for p in network.parameters()), **observed()}
    for which in ("test", "train"):
        losses = [row[f"{which}_loss"] for row in done.epochs[1:]]
        known = [loss for loss in losses if loss is not None]
        measures |= {f"min_{which}_loss": min(known, default=None), f"last_{which}_loss": losses[-1]}
    logits = outputs(network, data.test_images, EVALUATED)
    measures["cross_entropy"] = finite(cross_entropy(logits, data.test_labels).item())
    if done.measures["diverged"] is None:
        measures |= steps(spec, network, data)
    return done.result(measures)


def steps(spec: Spec, network: torch.nn.Module, data: Data) -> dict[str, float]:
    """How long a training step takes, and the median ratio to that of a CNN, in turns on the first batch."""
    rival = network_of({**spec, "initialisation": None}, ARMS["cnn"], data)
    images, labels = data.train_images[:BATCH], data.train_labels[:BATCH]
    losses = [lambda net=net: binary(net(images), labels) for net in (network, rival)]
    return in_turns((network, rival), losses, TIMED, spec["device"])


DECISIONS = (
    (
        "architecture",
        "five convolutions of 3 x 3 that keep the size, ReLU, max-pooling by 2 after the first four, no normalisation, "
        "a linear layer to the classes: one recipe that gives the paper's counts of 28586 (MNIST; channels 16, 16, 16, "
        "32, 64) and 209098 (CIFAR; 32, 32, 32, 128, 128) exactly. Other chains give them too",
    ),
    (
        "attention",
        f"LayerNorm and multi-head attention ({HEADS} heads) over the places of the image, added to its input, behind "
        "the fourth convolution and its pooling on MNIST, the third on CIFAR: 4288 parameters, as the paper's",
    ),
    (
        "GMNM head",
        "behind the linear layer, so d = C; on MNIST 64 units and the CNN's convolutions, 29930 parameters; on CIFAR "
        "100 units and convolutions of 30, 24, 28, 128, 128 channels, 200618. Both are the paper's counts, exactly, "
        "with w and b of a ridge and no output bias; so the ridge is the arm that claims rest on, and the mahalanobis "
        "reading, with more parameters, stands beside",
    ),
    (
        "start of the head",
        "the initialisation 'uniform' in the box of what the linear layer gives for the first training images. It "
        "is a small one: there, outputs differ by less than 1e-3, units are as narrow, and most die within twenty "
        "steps, all of the mahalanobis reading. An arm of ours normalises the outputs over the batch; two start from "
        "'calibrated', in either reading, which takes inputs that hardly differ for those of a front not trained yet",
    ),
    (
        "dense head",
        "a hidden layer of as many ReLU units as the GMNM head has, without output bias, which is exactly as many "
        "parameters, on the same convolutions: what it gains is not the module's",
    ),
    (
        "loss",
        "sigmoid and binary cross-entropy, mean over outputs: the printed losses fit it, and neither a mean square nor "
        "softmax cross-entropy. The latter, of the same outputs, is the measure cross_entropy",
    ),
    (
        "which epoch",
        "the paper prints the lowest loss of any epoch, which on the test set is a selection by it; its claims are "
        "judged by the same, and the last epoch stands beside",
    ),
    ("train loss", "the mean over the images of an epoch, each as it was trained on"),
    (
        "optimiser",
        f"Adam at {RATE:g}, constant, batch {BATCH}, no augmentation, the same for all arms: the paper has no setting. "
        "An epoch is one pass over the training images, 469 steps of MNIST and 391 of CIFAR; its last, partial batch "
        "is kept",
    ),
    ("pixels", "in [0, 1]; images that are not of CIFAR have the networks of MNIST"),
    (
        "CIFAR-100",
        "the paper calls its networks unchanged, which 100 classes rule out; the linear layer, and with it the head, "
        "has 100 outputs, and the counts are those of 10",
    ),
    (
        "speed",
        f"the paper's milliseconds are of another machine. After its training each cell times {TIMED} training steps "
        "of its network and of a CNN for the same data, in turns: step_ratio. The CNN's own is its noise, and stands "
        "beside the others",
    ),
    (
        "pairing",
        "all arms of a seed see the data in one order; networks with the same convolutions start alike, with attention "
        "up to where it stands",
    ),
    (
        "arithmetic",
        "float32, one thread, convolutions channels last, denormals flushed to zero; on Linux freed memory stays with "
        "the process, which changes no number, only the time of a step",
    ),
)

WITH_HEAD = tuple(name for name, design in ARMS.items() if design.head)
GMNM_HEADS = tuple(name for name, design in ARMS.items() if design.head == "gmnm")
SPACE: Space = {"rate": Range(1e-4, 1e-2), "batch": (32, 64, 128, 256)}
HEAD_SPACE: Space = {**SPACE, "normalise": NORMALISED, "place": (BEHIND, INSTEAD)}

EXPERIMENT = Experiment(
    name=NAME,
    version=1,
    paper="gmnm",
    summary="small convolutional networks with a GMNM head, with attention, with both, and with a dense head",
    layer_type="gmnm-ridge",
    arms={name: design.text for name, design in ARMS.items()},
    baselines=tuple(name for name, design in ARMS.items() if design.head != "gmnm"),
    headline=HEADLINE,
    data_sets=("mnist", "cifar-10", "cifar-100", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(5, 40, range(6)) | {"reduced": REDUCED},
    decisions=DECISIONS,
    cell=cell,
    claims=claims.CLASSIFICATION,
    measures={
        **speed.MEASURES,
        "min_test_loss": "lowest test loss of any epoch",
        "last_test_loss": "test loss of the last epoch",
        "min_train_loss": "lowest training loss of any epoch",
        "last_train_loss": "training loss of the last epoch",
        "cross_entropy": "of the softmax of the outputs on the test set, nats",
    },
    layer_types={n: "gmnm-mahalanobis" for n, design in ARMS.items() if design.reading == "mahalanobis"},
    preferred=("eager",),  # of ten features and a hundred units a batch is too small for compiled layers to pay
    metric=ERROR,
    settings=(
        number("rate", RATE, "of Adam", 1e-7, 10),
        count("batch", BATCH, "images of a step"),
        choice("start", STARTS, "the initialisation of the head").of(
            *GMNM_HEADS, own={name: design.start for name, design in ARMS.items() if design.start != STARTS[0]}
        ),
        choice("normalise", NORMALISED, "what the head sees, over the batch, without parameters").of(
            *WITH_HEAD, own={name: BATCHED for name, design in ARMS.items() if design.normalised}
        ),
        choice("place", PLACES, "of the head: behind the linear layer, instead of it, or on pooled channels").of(
            *WITH_HEAD
        ),
        count("units", None, "of the head; 64, or 100 of images in colour, by default").of(*WITH_HEAD),
        EPOCHS,
        IMAGES,
    ),
    multiverse=Multiverse(
        factors={
            "start": ("uniform", "calibrated"),
            "normalise": NORMALISED,
            "place": (BEHIND, INSTEAD),
            "rate": (None, 3e-4),  # the paper's training is slower than ours
        },
        against=("cnn", "cnn-dense"),
        outcome="min_test_loss",
        # Table 3's 8.063e-3 for MNIST, and a quarter to either side
        anchors={"cnn@mnist": ("min_test_loss", 6.05e-3, 1.01e-2)},
        claims={
            **dict.fromkeys(("GMNM-C15", "GMNM-C23", "GMNM-C35", "GMNM-C39"), "cnn"),
            "GMNM-C41": "cnn-dense",
        },
    ),
    spaces={
        **dict.fromkeys(("cnn", "cnn-att"), SPACE),
        "cnn-dense": HEAD_SPACE,
        **{name: {**HEAD_SPACE, "start": STARTS} for name in GMNM_HEADS},
    },
)
