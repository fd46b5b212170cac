"""The GMNM paper's autoencoder: a GMNM layer of the latent vector weighs the decoder's last maps; attention beside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import Conv2d, ConvTranspose2d, Flatten, LayerNorm, Linear, ReLU, Sequential, Unflatten

from gmbench.baselines.attention import HEADS, Attention
from gmbench.claims.claim import Claim
from gmbench.claims.evidence import Alongside, Below, Beside, Gap, Number, Together, Undecidable, digit_of, step_times
from gmbench.claims.metric import MEAN_SQUARE
from gmbench.claims.statistics import Statistic, best, changed, decades, last, measure
from gmbench.contract import ContractError, Implementation
from gmbench.experiments.contract import Budget, Experiment
from gmbench.nn import GMNM, initialise
from gmbench.runs.carry import start_of, unpack
from gmbench.training.classify import data_on, evaluated, in_turns, order_of
from gmbench.training.minimise import ADAM, Method, batches, mean_square, minimise
from gmbench.training.pictures import photographs

BATCH, RATE = 128, 1e-3
EVALUATED = 500  # images at once
CALIBRATION = 2048  # training images that an initialisation may look at
TIMED = 20  # training steps of each network, in turns
SHOWN = 10  # test images that a cell keeps
COLOURS = ("cifar-10", "cifar-100")  # others are grey
ENCODER = (32, 64, 320)  # channels, each at half the side of the one before
LATENT = 234
MAPS = 16  # of the decoder, in front of the last convolution
WIDE, NARROW = 64, 48  # channels of the decoder behind its first convolution; the latter where a head weighs its maps
UNITS = 64
PROJECTIONS = 8  # of a mahalanobis unit: as many as latents would be 3.5 million parameters


@dataclass(frozen=True)
class Arm:
    """What weighs the decoder's maps: nothing, ``gmnm`` in a reading, or ``dense``; and whether there is attention."""

    text: str
    head: str = ""
    reading: str = "ridge"
    attention: bool = False


ARMS = {
    "ae": Arm("a convolutional autoencoder"),
    "ae-att": Arm("the autoencoder with attention", attention=True),
    "ae-gmnm": Arm("a ridge GMNM layer of the latent vector weighs the decoder's maps; a narrower decoder", "gmnm"),
    "ae-att-gmnm": Arm("the GMNM layer and attention", "gmnm", attention=True),
    "ae-mahalanobis": Arm(
        f"the GMNM layer in the mahalanobis reading, {PROJECTIONS} projections", "gmnm", "mahalanobis"
    ),
    "ae-dense": Arm("a dense network with as many parameters in the GMNM layer's place", "dense"),
}
HEADLINE = "ae-gmnm"


class Autoencoder(torch.nn.Module):
    """Images ``(B, features)`` to themselves, by a latent vector; pixels in [0, 1].

    Convolutions of 3 x 3 that halve the side (ReLU), attention or nothing, a linear layer to the latent vector and one
    back, transposed convolutions of 3 x 3 (ReLU), the weights of their maps or nothing, a convolution, the sigmoid.

    :param wide: channels of the decoder behind its first convolution
    :raises ContractError: if images are not square
    """

    def __init__(self, channels: int, features: int, wide: int, attention: bool):
        super().__init__()
        side = math.isqrt(features // channels)
        if channels * side**2 != features:
            raise ContractError(f"gmnm-autoencoder: needs square images, not of {features} features")
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
        self.output = Sequential(Conv2d(before, channels, 3, padding=1), torch.nn.Sigmoid(), Flatten())
        # last, so that all before it starts alike with and without
        self.attention = Attention(ENCODER[-1]) if attention else torch.nn.Identity()
        self.head: torch.nn.Module | None = None

    def code(self, x):
        """The latent vectors ``(B, LATENT)`` of images ``(B, features)``."""
        return self.latent(self.attention(self.encoder(x)))

    def forward(self, x):
        """Images like those given."""
        code = self.code(x)
        maps = self.decoder(code)
        if self.head is not None:
            maps = maps * self.head(code)[:, :, None, None]
        return self.output(maps)


def network_of(spec: Mapping[str, Any], arm: Arm, images: torch.Tensor) -> Autoencoder:
    """The network of a cell, as it starts; torch's global generator is seeded before."""
    torch.manual_seed(spec["seed"])
    channels = 3 if spec["data"] in COLOURS else 1
    network = Autoencoder(channels, images.shape[1], NARROW if arm.head else WIDE, arm.attention)
    network = network.to(device=spec["device"], memory_format=torch.channels_last)
    if not arm.head:
        return network
    scaled = LayerNorm(LATENT, elementwise_affine=False)
    if arm.head == "dense":
        layer: torch.nn.Module = Sequential(Linear(LATENT, UNITS), ReLU(), Linear(UNITS, MAPS, bias=False))
    else:
        layer = GMNM(
            *(LATENT, MAPS, UNITS),
            reading=arm.reading,
            projections=1 if arm.reading == "ridge" else PROJECTIONS,
            implementation=unpack(spec["implementation"], Implementation),
            device=spec["device"],
        )
        with evaluated(network):
            seen = scaled(network.code(images[:CALIBRATION]))
        initialise(layer, start_of(spec, "uniform"), seen, torch.Generator().manual_seed(spec["seed"]))
    network.head = Sequential(scaled, layer).to(spec["device"])
    return network


def cell(spec, report):
    """One arm, one seed. Measures: ``parameters``, and ``attention_parameters`` among them; ``train_best`` and
    ``train_last``, the mean loss of the lowest epoch and of the last one; ``variance``, the mean square that the mean
    training image leaves on the test set; ``step_ms``, the median training step, and ``step_ratio``, to the
    autoencoder's alone, in turns with it.
    """
    arm = ARMS.get(spec["arm"], ARMS[HEADLINE])
    data = data_on(spec["device"], spec["data"], spec["digest"], normalised=False)
    images, tests = data.train_images, data.test_images
    network = network_of(spec, arm, images)
    drawn = batches((images,), BATCH, order_of(spec["seed"]))

    def loss(network, x):
        return (network(x) - x).square().mean()

    done = minimise(
        network.parameters(),
        lambda: loss(network, *next(drawn)),
        lambda: mean_square(network, tests, tests, EVALUATED),
        Method(ADAM, math.ceil(len(images) / BATCH), RATE, decay=False),
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
        plain, few = network_of({**spec, "initialisation": None}, ARMS["ae"], images), images[:BATCH]
        losses = (lambda: loss(network, few), lambda: loss(plain, few))
        measures |= in_turns((network, plain), losses, TIMED, spec["device"])
    with evaluated(network):
        made = network(tests[:SHOWN])
    shown = {"originals": photographs(tests[:SHOWN]), "reconstructions": photographs(made)}
    return {
        "epochs": done.epochs,
        "measures": {**measures, **done.measures},
        "tests": done.tests,
        "photographs": shown if all(shown.values()) else {},
    }


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
        "large: the claims show what they would be then",
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

NOTE = (
    "the lowest of any epoch, as the paper prints, of pixels in [0, 1]; six runs whose spread it does not print, so "
    "the margin is half the last printed digit"
)
CALLED = {"ae": "AE", "ae-att": "AE+attention", "ae-gmnm": "AE+GMNM", "ae-att-gmnm": "AE+attention+GMNM"}
PRINTED = {  # Table 5: train and test of each of CALLED
    "cifar-10": (("0.0187", "0.0190"), ("0.0160", "0.0162"), ("0.0152", "0.0153"), ("0.0148", "0.0151")),
    "cifar-100": (("0.020", "0.020"), ("0.0165", "0.0170"), ("0.0161", "0.0167"), ("0.0141", "0.0144")),
}
COUNTS = (2813167, 3224687, 2778723, 3190243)
MILLISECONDS = {"ae": 23, "ae-att": 25, "ae-gmnm": 17, "ae-att-gmnm": 20}
LOWEST = {"train": measure("train_best"), "test": best}
FINAL = {"train": measure("train_last"), "test": last}


def _scaled(error: Statistic) -> Statistic:
    """A mean square as it would be with pixels in [-1, 1]."""
    return changed(error, lambda value: 4 * value)


def _counts():
    """Table 4, parameters."""
    why = "a count of networks whose architecture the paper does not give; ours was chosen to come near it"
    for i, (arm, count) in enumerate(zip(CALLED, COUNTS, strict=True), 1):
        beside = [Beside("parameters here", arm, measure("parameters"))]
        if "att" in arm:
            beside.append(Beside("of attention here, printed 411520", arm, measure("attention_parameters")))
        what = f"{CALLED[arm]}, parameters"
        yield Claim(
            *(f"GMNM-A{i:02d}", "Table 4", what, f"{count}", ""),
            Undecidable(why, tuple(beside)),
            f"what attention adds in Table 4, {count} - {count - 411520}, is exactly ours" if "att" in arm else "",
        )


def _losses():
    """Table 5, row by row."""
    number = 9
    for data, rows in PRINTED.items():
        for arm, row in zip(CALLED, rows, strict=True):
            for which, value in zip(("train", "test"), row, strict=True):
                beside = [
                    Beside("last epoch", arm, FINAL[which]),
                    Beside("pixels in [-1, 1]", arm, _scaled(LOWEST[which])),
                ]
                if arm == HEADLINE:
                    beside += [
                        Beside(what, other, LOWEST[which])
                        for what, other in (("mahalanobis", "ae-mahalanobis"), ("a dense network instead", "ae-dense"))
                    ]
                yield Claim(
                    *(
                        f"GMNM-A{number:02d}",
                        "Table 5",
                        f"{data}, {CALLED[arm]}, lowest {which} mean square",
                        value,
                        "",
                    ),
                    Number(arm, LOWEST[which], float(value), digit=digit_of(value), beside=tuple(beside)),
                    NOTE,
                    data=data,
                )
                number += 1


def _lower(arm: str, other: str, which: str, data: str, statistics: Mapping[str, Statistic] = LOWEST) -> Below:
    said = f"{data}, {which} mean square, decades"
    return Below(f"{arm}@{data}", f"{other}@{data}", decades(statistics[which]), said)


def _helps(statistics: Mapping[str, Statistic], sets=tuple(PRINTED)) -> list[Below]:
    """GMNM has the lowest test loss, and a lower training loss than the same network without."""
    found = []
    for data in sets:
        for gmnm in ("ae-gmnm", "ae-att-gmnm"):
            found += [_lower(gmnm, other, "test", data, statistics) for other in ("ae", "ae-att")]
            found.append(_lower(gmnm, gmnm.removesuffix("-gmnm"), "train", data, statistics))
    return found


def _no_slower(data: str) -> list[Any]:
    pair = (f"ae-att-gmnm@{data}", f"ae-att@{data}")
    return [
        Number(f"ae-gmnm@{data}", measure("step_ratio"), 0.0, 1.1, what=f"{data}, step over the AE's"),
        Below(*pair, measure("step_ratio"), f"{data}, step over the AE's", bound=0.1),
    ]


def _best(statistics: Mapping[str, Statistic], sets=tuple(PRINTED)) -> Together:
    others = [arm for arm in CALLED if arm != "ae-att-gmnm"]
    return Together(
        *(
            _lower("ae-att-gmnm", other, which, data, statistics)
            for data in sets
            for which in LOWEST
            for other in others
        )
    )


def _factors() -> dict[str, Gap]:
    """How much lower GMNM's test loss is, as printed; both numbers are rounded."""
    found = {}
    for data, rows in PRINTED.items():
        plain, gmnm = float(rows[0][1]), float(rows[2][1])
        half, other = digit_of(rows[0][1]) / 2, digit_of(rows[2][1]) / 2
        found[f"{data}, AE over AE+GMNM, printed {plain / gmnm:.2f} times"] = Gap(
            *(f"ae@{data}", f"ae-gmnm@{data}", decades(best), f"{data}, test mean square, decades"),
            math.log10((plain - half) / (gmnm + other)),
            math.log10((plain + half) / (gmnm - other)),
        )
    return found


CLAIMS = (
    *_counts(),
    *step_times("GMNM-A", 5, "Table 4", {arm: (CALLED[arm], ms) for arm, ms in MILLISECONDS.items()}),
    *_losses(),
    Claim(
        *("GMNM-A25", "sec. 5.2", "GMNM lowers the train loss, has the lowest test loss, and is no slower", "ordering"),
        "",
        Alongside(
            Together(*_helps(LOWEST), *(part for data in PRINTED for part in _no_slower(data))),
            {
                **{f"{data} alone": Together(*_helps(LOWEST, [data]), *_no_slower(data)) for data in PRINTED},
                **{f"{data} alone, after the last epoch": Together(*_helps(FINAL, [data])) for data in PRINTED},
                **{f"{data}, against a dense network": _lower("ae-gmnm", "ae-dense", "test", data) for data in PRINTED},
                **_factors(),
            },
        ),
        "of the lowest losses, paired by seed, on both data sets: AE+GMNM and AE+attention+GMNM against AE and "
        "AE+attention in the test, each against the same without GMNM in training, and at most a tenth of an AE's step "
        "slower. A dense network with as many parameters in the place of the GMNM layer stands beside",
    ),
    Claim(
        *("GMNM-A26", "sec. 5.2", "the networks with GMNM have the fewest parameters", "ordering", ""),
        Together(
            *(
                Below(gmnm, other, measure("parameters"), "parameters", constant=True)
                for gmnm in ("ae-gmnm", "ae-att-gmnm")
                for other in ("ae", "ae-att")
            )
        ),
        "of both against the two without; the decoder is narrower with GMNM, by a choice of ours that follows Table 4",
        {3: "The paper's own Table 4 contradicts it: 3190243 with attention and GMNM, 2813167 without either."},
    ),
    Claim(
        *("GMNM-A27", "sec. 5.2", "attention with GMNM is the best of the four", "ordering", ""),
        Alongside(
            _best(LOWEST),
            {
                **{f"{data} alone": _best(LOWEST, [data]) for data in PRINTED},
                **{f"{data} alone, after the last epoch": _best(FINAL, [data]) for data in PRINTED},
            },
        ),
        "of the lowest losses, train and test, paired by seed, on both data sets",
    ),
)

EXPERIMENT = Experiment(
    name="gmnm-autoencoder",
    version=1,
    paper="gmnm",
    summary="autoencoders whose last maps a GMNM layer of the latent vector weighs, with attention, and without either",
    layer_type="gmnm-ridge",
    arms={name: arm.text for name, arm in ARMS.items()},
    baselines=tuple(name for name, arm in ARMS.items() if arm.head != "gmnm"),
    headline=HEADLINE,
    data_sets=("cifar-10", "cifar-100", "mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets={
        "smoke": Budget(epochs=1, seeds=(0,)),
        "quick": Budget(epochs=5, seeds=(0, 1, 2)),
        "paper": Budget(epochs=40, seeds=(0, 1, 2, 3, 4, 5)),
    },
    decisions=DECISIONS,
    cell=cell,
    claims=CLAIMS,
    layer_types={n: "gmnm-mahalanobis" for n, arm in ARMS.items() if arm.reading == "mahalanobis"},
    preferred=("eager",),  # the head is a thousandth of the work
    metric=MEAN_SQUARE,
)
