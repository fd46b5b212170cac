"""The uGMM paper's convolutional network: its dense head against one of uGMM layers."""

from __future__ import annotations

import math

import torch

from gmbench.claims.claim import Claim
from gmbench.claims.evidence import Alongside, Below, Beside, Number
from gmbench.claims.statistics import accuracy, best, last
from gmbench.contract import ContractError
from gmbench.experiments.contract import Budget, Experiment
from gmbench.experiments.ugmm import shared as ugmm_nets
from gmbench.experiments.ugmm.shared import Setting

CHANNELS = (16, 32)
KERNEL = 5
HIDDEN = 128
MATCHED = 383  # hidden units of a dense head with the parameters of the uGMM head: 200319 against 200448
RATE = 1e-3  # of convolutions and dense layers; uGMM layers have the setting's
DENSE = Setting(dropout=0.5, batch=128, rate=RATE, milestones=(10, 16), epochs=20)
HEAD = Setting(dropout=0.3, batch=128, rate=1e-2, milestones=(10, 16), epochs=20)


def front(features: int, device: str) -> tuple[torch.nn.Sequential, int]:
    """Two convolutions of square images of one channel, each with ReLU and max-pooling by 2, and how many features
    they give.

    :raises ContractError: if images are not square, or too small
    """
    side = math.isqrt(features)
    left = ((side - KERNEL + 1) // 2 - KERNEL + 1) // 2
    # small images keep their border, or nothing would be left of them
    padding = 0 if left > 0 else KERNEL // 2
    left = left if left > 0 else side // 4
    if side**2 != features or left < 1:
        raise ContractError(f"ugmm-cnn: needs square images of at least 4 x 4 pixels, not of {features} features")
    layers: list[torch.nn.Module] = [torch.nn.Unflatten(1, (1, side, side))]
    before = 1
    for channels in CHANNELS:
        convolution = torch.nn.Conv2d(before, channels, KERNEL, padding=padding)
        layers += [convolution, torch.nn.MaxPool2d(2), torch.nn.ReLU()]  # in this order a quarter of the work
        before = channels
    network = torch.nn.Sequential(*layers, torch.nn.Flatten())
    # the layout that convolutions are twice as fast in on a CPU
    return network.to(device=device, memory_format=torch.channels_last), before * left**2


def cell(spec, report):
    """One arm, one seed. Measures as in ``ugmm-mnist``, without those of first-layer neurons."""
    data, generator = ugmm_nets.prepare(spec)
    arm = spec["arm"]
    convolutions, features = front(data.features, spec["device"])
    if arm in EXPERIMENT.baselines:
        setting = DENSE
        widths = [features, MATCHED if arm == "cnn-matched" else HIDDEN, data.classes]
        head = ugmm_nets.dense_network(widths, setting.dropout, spec["device"])
    else:
        setting, plain = HEAD, arm == "cnn-ugmm-plain"
        head = ugmm_nets.ugmm_network(
            spec,
            [features, HIDDEN, data.classes],
            "authors" if plain else "unit-sigma",
            generator,
            convolutions(data.train_images[: ugmm_nets.CALIBRATION]).detach(),
            dropout=(setting.dropout,),
            layer_norm="none" if plain else "hidden",
        )
    groups = [
        {"params": convolutions.parameters(), "lr": RATE},
        {"params": head.parameters(), "lr": setting.rate},
    ]
    network = torch.nn.Sequential(convolutions, head)
    return ugmm_nets.trained(spec, report, data, network, setting, torch.optim.Adam(groups), inside=False)


DECISIONS = (
    *ugmm_nets.DECISIONS,
    (
        "architecture",
        f"the paper gives none: two convolutions of {KERNEL} x {KERNEL} with {CHANNELS[0]} and {CHANNELS[1]} channels, "
        "each with ReLU and max-pooling by 2, so 512 features of an image of 28 x 28 (images that are too small for "
        f"that are padded); the head is features-{HIDDEN}-C, of dense layers with ReLU or of uGMM layers",
    ),
    (
        "which uGMM head",
        "with LayerNorm after its hidden layer and sigma = 1 at the start; the authors' start without LayerNorm stands "
        "beside",
    ),
    ("dropout", "0.5 before the last dense layer; 0.3 of the components of the first uGMM layer"),
    (
        "optimiser",
        "Adam, batch 128, 20 epochs, a tenth of the rates after epochs 10 and 16; 1e-3 for convolutions and dense "
        "layers, 1e-2 for uGMM layers, as where the authors train each of them alone",
    ),
    ("head with as many parameters", f"a dense head with {MATCHED} hidden units: 200319 against 200448"),
    ("pairing of the convolutions", "all arms of a seed start from the same ones"),
    ugmm_nets.MEASURES[-1],
)

MARGIN = "the paper's spread is not known, so the margin is half the last printed digit; last epoch, our architecture"

CLAIMS = (
    Claim(
        *("UGMM-04", "key results", "MNIST, CNN with a uGMM head, accuracy", "99.12", "%"),
        Number(
            *("cnn-ugmm", accuracy(last), 99.12),
            digit=0.01,
            most=100,
            beside=(
                Beside("best epoch", "cnn-ugmm", accuracy(best)),
                Beside("without LayerNorm, from the authors' start, last", "cnn-ugmm-plain", accuracy(last)),
            ),
        ),
        MARGIN,
    ),
    Claim(
        *("UGMM-05", "key results", "MNIST, standard CNN, accuracy", "99.35", "%"),
        Number(
            *("cnn", accuracy(last), 99.35),
            digit=0.01,
            most=100,
            beside=(
                Beside("best epoch", "cnn", accuracy(best)),
                Beside("with as many parameters as the uGMM head, last", "cnn-matched", accuracy(last)),
            ),
        ),
        MARGIN,
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

EXPERIMENT = Experiment(
    name="ugmm-cnn",
    version=1,
    paper="ugmm",
    summary="a convolutional network with a dense head and with a head of uGMM layers",
    layer_type="ugmm",
    arms={
        "cnn": f"two convolutions and a dense head of {HIDDEN} hidden units",
        "cnn-ugmm": f"the same convolutions and a uGMM head, {HIDDEN} hidden units, LayerNorm, sigma = 1 at the start",
        "cnn-matched": f"the same convolutions and a dense head with as many parameters, {MATCHED} hidden units",
        "cnn-ugmm-plain": "the uGMM head without LayerNorm, from the authors' start",
    },
    baselines=("cnn", "cnn-matched"),
    headline="cnn-ugmm",
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
