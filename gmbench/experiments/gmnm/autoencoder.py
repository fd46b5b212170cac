"""The GMNM paper's autoencoder: a GMNM layer of the latent vector weighs the decoder's last maps; attention beside."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch.nn import Conv2d, ConvTranspose2d, Flatten, LayerNorm, Linear, ReLU, Sequential, Unflatten

from gmbench.baselines.attention import HEADS, Attention
from gmbench.claims.metric import MEAN_SQUARE
from gmbench.data import Data
from gmbench.experiments.contract import REDUCED, Experiment, Report, Spec, budgets, data_of
from gmbench.experiments.gmnm import claims
from gmbench.experiments.gmnm.networks import CALIBRATION, Design, gmnm_layer
from gmbench.experiments.settings import EPOCHS, IMAGES, choice, count, number
from gmbench.experiments.universes import Multiverse
from gmbench.training import minimise as minimising
from gmbench.training import speed
from gmbench.training.loop import batches, evaluated, order_of, outputs
from gmbench.training.minimise import ADAM, Method, mean_square, minimise
from gmbench.training.pictures import photographs
from gmbench.training.speed import channels_last, in_turns

NAME = "gmnm-autoencoder"
BATCH, RATE = 128, 1e-3
EVALUATED = 500  # images at once
TIMED = 20  # training steps of each network, in turns
SHOWN = 10  # test images that a cell keeps
ENCODER = (32, 64, 320)  # channels, each at half the side of the one before
LATENT = 234
MAPS = 16  # of the decoder, in front of the last convolution
WIDE, NARROW = 64, 48  # channels of the decoder behind its first convolution; the latter where a head weighs its maps
UNITS = 64
PROJECTIONS = 8  # of a mahalanobis unit: as many as latents would be 3.5 million parameters
POSITIVE, SIGNED = "0 to 1", "-1 to 1"  # what pixels are, and so the network's last function


ARMS = {
    "ae": Design("a convolutional autoencoder"),
    "ae-att": Design("the autoencoder with attention", attention=True),
    "ae-gmnm": Design("a ridge GMNM layer of the latent vector weighs the decoder's maps; a narrower decoder", "gmnm"),
    "ae-att-gmnm": Design("the GMNM layer and attention", "gmnm", attention=True),
    "ae-mahalanobis": Design(
        f"the GMNM layer in the mahalanobis reading, {PROJECTIONS} projections", "gmnm", "mahalanobis"
    ),
    "ae-dense": Design("a dense network with as many parameters in the GMNM layer's place", "dense"),
}
HEADLINE = "ae-gmnm"


class Autoencoder(torch.nn.Module):
    """Images ``(B, features)`` to themselves, by a latent vector.

    Convolutions of 3 x 3 that halve the side (ReLU), attention or nothing, a linear layer to the latent vector and one
    back, transposed convolutions of 3 x 3 (ReLU), the weights of their maps or nothing, a convolution, the sigmoid of
    pixels in [0, 1] or tanh of those in [-1, 1].

    :param wide: channels of the decoder behind its first convolution
    :param last: the last function
    :raises ContractError: if images are not square
    """

    def __init__(self, data: Data, wide: int, attention: bool, last: torch.nn.Module):
        super().__init__()
        channels, side = data.square(NAME)
        sides, before = [side], channels
        layers: list[torch.nn.Module] = [Unflatten(1, (channels, side, side))]
        for after in ENCODER:
            layers += [Conv2d(before, after, 3, stride=2, padding=1), ReLU()]
            sides.append((sides[-1] + 1) // 2)
            before = after
        code = before * sides[-1] ** 2
        self.encoder = Sequential(*layers)
        self.latent = Sequential(Flatten(), Linear(code, LATENT))
        layers = [Linear(LATENT, code), ReLU(), Unflatten(1, (before, sides[-1], sides[-1]))]
        for after, (wanted, had) in zip(
            (wide, ENCODER[0], MAPS), zip(sides[-2::-1], sides[:0:-1], strict=True), strict=True
        ):
            layers += [ConvTranspose2d(before, after, 3, 2, padding=1, output_padding=wanted - (2 * had - 1)), ReLU()]
            before = after
        self.decoder = Sequential(*layers)
        self.output = Sequential(Conv2d(before, channels, 3, padding=1), last, Flatten())
        # last, so that all before it starts alike with and without
        self.attention = Attention(ENCODER[-1]) if attention else torch.nn.Identity()
        self.head: torch.nn.Module | None = None

    def code(self, x: torch.Tensor) -> torch.Tensor:
        """The latent vectors ``(B, LATENT)`` of images ``(B, features)``."""
        return self.latent(self.attention(self.encoder(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images like those given."""
        code = self.code(x)
        maps = self.decoder(code)
        if self.head is not None:
            maps = maps * self.head(code)[:, :, None, None]
        return self.output(maps)


def network_of(spec: Spec, design: Design, data: Data) -> Autoencoder:
    """The network of a cell, as it starts; torch's global generator is seeded before.

    :raises ContractError: if images are not square
    """
    torch.manual_seed(spec["seed"])
    last = torch.nn.Tanh() if EXPERIMENT.values(spec)["pixels"] == SIGNED else torch.nn.Sigmoid()
    made = Autoencoder(data, NARROW if design.head else WIDE, design.attention, last)
    network = channels_last(made, spec["device"])
    if not design.head:
        return network
    scaled = LayerNorm(LATENT, elementwise_affine=False)
    if design.head == "dense":
        layer: torch.nn.Module = Sequential(Linear(LATENT, UNITS), ReLU(), Linear(UNITS, MAPS, bias=False))
    else:
        with evaluated(network):
            seen = scaled(network.code(data.train_images[:CALIBRATION]))
        generator = torch.Generator().manual_seed(spec["seed"])
        projections = 1 if design.reading == "ridge" else PROJECTIONS
        layer = gmnm_layer(
            spec, seen, MAPS, UNITS, "uniform", generator, reading=design.reading, projections=projections
        )
    network.head = Sequential(scaled, layer).to(spec["device"])
    return network


def rescaled(data: Data, pixels: str) -> Data:
    """The same images, whose pixels in [0, 1] are as a setting says."""
    if pixels == POSITIVE:
        return data
    return replace(data, train_images=2 * data.train_images - 1, test_images=2 * data.test_images - 1)


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. Measures: ``parameters``, and ``attention_parameters`` among them; ``train_best`` and
    ``train_last``, the mean loss of the lowest epoch and of the last one; ``variance``, the mean square that the mean
    training image leaves on the test set; ``step_ms``, the median training step, and ``step_ratio``, to the
    autoencoder's alone, in turns with it.
    """
    design = ARMS.get(spec["arm"], ARMS[HEADLINE])
    given = EXPERIMENT.values(spec)
    data = rescaled(data_of(spec, normalised=False), given["pixels"])
    images, tests = data.train_images, data.test_images
    network = network_of(spec, design, data)
    drawn = batches((images,), given["batch"], order_of(spec["seed"]))

    def loss(network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        return (network(x) - x).square().mean()

    done = minimise(
        network.parameters(),
        lambda: loss(network, *next(drawn)),
        lambda: mean_square(network, tests, tests, EVALUATED),
        Method(ADAM, math.ceil(len(images) / given["batch"]), given["rate"], decay=False),
        epochs=spec["epochs"],
        lost=tests.double().square().mean().item(),
        report=report,
    )
    known = [row["train_loss"] for row in done.epochs[1:] if row["train_loss"] is not None]
    measures: dict[str, Any] = {
        "parameters": sum(p.numel() for p in network.parameters()),
        "attention_parameters": sum(p.numel() for p in network.attention.parameters()),
        "train_best": min(known, default=None),
        "train_last": done.epochs[-1]["train_loss"],
        "variance": (tests - images.mean(0)).double().square().mean().item(),
    }
    if done.measures["diverged"] is None:
        rival, few = network_of({**spec, "initialisation": None}, ARMS["ae"], data), images[:BATCH]
        losses = (lambda: loss(network, few), lambda: loss(rival, few))
        measures |= in_turns((network, rival), losses, TIMED, spec["device"])
    both = {"originals": tests[:SHOWN], "reconstructions": outputs(network, tests[:SHOWN])}
    plain = given["pixels"] == POSITIVE
    shown = {name: photographs(each if plain else (each + 1) / 2) for name, each in both.items()}
    return done.result(measures, photographs=shown if all(shown.values()) else {})


DECISIONS = (
    (
        "architecture",
        f"three convolutions of 3 x 3 that halve the side, {', '.join(map(str, ENCODER))} channels, a latent vector of "
        f"{LATENT}, and transposed convolutions of {WIDE}, {ENCODER[0]}, {MAPS} maps back: 2813453 parameters, where "
        "the paper prints 2813167 and no architecture. What it prints for attention is exactly that of 320 channels",
    ),
    (
        "attention",
        f"LayerNorm and multi-head attention ({HEADS} heads) over the 4 x 4 places behind the encoder's convolutions, "
        "added to its input: 411520 parameters, as the paper's",
    ),
    (
        "GMNM in the network",
        f"of the latent vector, {UNITS} units, a number for each of the {MAPS} maps in front of the last convolution, "
        f"which it multiplies, as the paper has it. The decoder's {WIDE} channels are {NARROW} with it: 2778813 "
        "parameters, where the paper prints 2778723. The ridge is the arm that claims rest on, since a unit of the "
        f"mahalanobis reading has {LATENT} x {LATENT} numbers with as many projections as latents; with "
        f"{PROJECTIONS} of them, and so more parameters, it stands beside",
    ),
    (
        "what the GMNM layer sees",
        "the latent vector, normalised by a LayerNorm without parameters: the widths of its units are chosen once, for "
        "the scale of what they see, and latent vectors are twenty times as long after fifty steps. The dense network "
        "in its place sees the same",
    ),
    ("start of the head", "the initialisation 'uniform' in the box of what it sees of the first training images"),
    (
        "dense network in its place",
        "a hidden layer of as many ReLU units, without output bias: exactly as many parameters, on the same decoder. "
        "What it gains is not the module's",
    ),
    (
        "pixels",
        "in [0, 1], and a sigmoid at the end; the paper does not say. On [-1, 1] a mean square would be four times as "
        "large: the claims show what they would be then, and the setting pixels trains so, with tanh at the end",
    ),
    (
        "which epoch",
        "the paper prints the lowest loss of any epoch, which on the test set is a selection by it; its claims are "
        "judged by the same, and the last epoch stands beside. The train loss is the mean over the steps of an epoch",
    ),
    (
        "optimiser",
        f"Adam at {RATE:g}, constant, batch {BATCH}, no augmentation, the same for all arms: the paper has no setting. "
        "An epoch is one pass over the training images, 391 steps of CIFAR; its last, partial batch is kept",
    ),
    (
        "speed",
        f"the paper's milliseconds are of another machine. After its training each cell times {TIMED} training steps "
        "of its network and of the autoencoder alone, in turns: step_ratio. That of the autoencoder alone is its noise",
    ),
    ("pairing", "all arms of a seed see the data in one order, and their encoders start alike"),
    (
        "arithmetic",
        "float32, one thread, convolutions channels last, denormals flushed to zero; on Linux freed memory stays with "
        "the process, which changes no number, only the time of a step",
    ),
)

EXPERIMENT = Experiment(
    name=NAME,
    version=1,
    paper="gmnm",
    summary="autoencoders whose last maps a GMNM layer of the latent vector weighs, with attention, and without either",
    layer_type="gmnm-ridge",
    arms={name: design.text for name, design in ARMS.items()},
    baselines=tuple(name for name, design in ARMS.items() if design.head != "gmnm"),
    headline=HEADLINE,
    data_sets=("cifar-10", "cifar-100", "mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(5, 40, range(6)) | {"reduced": REDUCED},
    decisions=DECISIONS,
    cell=cell,
    claims=claims.AUTOENCODER,
    measures={
        **minimising.MEASURES,
        **speed.MEASURES,
        "attention_parameters": "parameters of attention among all",
        "train_best": "lowest training error or loss of any epoch",
        "train_last": "training loss of the last epoch",
        "variance": "mean square of the test targets about their mean",
    },
    layer_types={n: "gmnm-mahalanobis" for n, design in ARMS.items() if design.reading == "mahalanobis"},
    preferred=("eager",),  # the head is a thousandth of the work
    metric=MEAN_SQUARE,
    settings=(
        number("rate", RATE, "of Adam", 1e-7, 10),
        count("batch", BATCH, "images of a step"),
        choice("pixels", (POSITIVE, SIGNED), "what they are scaled to; the last function is a sigmoid, or tanh"),
        EPOCHS,
        IMAGES,
    ),
    multiverse=Multiverse(
        factors={"pixels": (POSITIVE, SIGNED), "rate": (None, 3e-4, 1e-4)},
        against=("ae", "ae-dense"),
        outcome="best",
        # Table 5's 0.0190 for CIFAR-10, and a quarter to either side
        anchors={"ae@cifar-10": ("best", 0.0142, 0.0238)},
        claims=dict.fromkeys(("GMNM-A10", "GMNM-A14", "GMNM-A25"), "ae"),
    ),
)
