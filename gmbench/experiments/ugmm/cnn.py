"""The uGMM paper's convolutional network: its dense head against one of uGMM layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from gmbench.contract import ContractError
from gmbench.data import Data
from gmbench.experiments.contract import REDUCED, Experiment, Report, Spec, budgets
from gmbench.experiments.settings import EPOCHS, IMAGES, choice, count, number
from gmbench.experiments.ugmm import claims, networks
from gmbench.experiments.ugmm.measures import MEASURES
from gmbench.experiments.ugmm.networks import Recipe
from gmbench.experiments.universes import Multiverse
from gmbench.training.speed import channels_last

CHANNELS = (16, 32)
KERNEL = 5
HIDDEN = 128
MATCHED = 383  # hidden units of a dense head with the parameters of the uGMM head: 200319 against 200448
RATE = 1e-3  # of convolutions and dense layers; uGMM layers have the setting's
BASELINES = ("cnn", "cnn-matched")
UGMM = ("cnn-ugmm", "cnn-ugmm-plain")
DENSE = Recipe(dropout=0.5, batch=128, rate=RATE, milestones=(10, 16), epochs=20)
HEAD = Recipe(dropout=0.3, batch=128, rate=1e-2, milestones=(10, 16), epochs=20)


def front(data: Data, device: str) -> tuple[torch.nn.Sequential, int]:
    """Two convolutions of square images of one channel, each with ReLU and max-pooling by 2, and how many features
    they give.

    :raises ContractError: if images are not square, or too small
    """
    channels, height, side = data.image or (0, 0, 0)
    left = ((side - KERNEL + 1) // 2 - KERNEL + 1) // 2
    # small images keep their border, or nothing would be left of them
    padding = 0 if left > 0 else KERNEL // 2
    left = left if left > 0 else side // 4
    if (channels, height) != (1, side) or left < 1:
        raise ContractError(f"ugmm-cnn: needs square images of at least 4 x 4 pixels, not of {data.features} features")
    layers: list[torch.nn.Module] = [torch.nn.Unflatten(1, (1, side, side))]
    before = 1
    for wide in CHANNELS:
        convolution = torch.nn.Conv2d(before, wide, KERNEL, padding=padding)
        layers += [convolution, torch.nn.MaxPool2d(2), torch.nn.ReLU()]  # in this order a quarter of the work
        before = wide
    network = torch.nn.Sequential(*layers, torch.nn.Flatten())
    return channels_last(network, device), before * left**2


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. Measures as in ``ugmm-mnist``, without those of first-layer neurons."""
    data, generator = networks.prepare(spec)
    arm, given = spec["arm"], EXPERIMENT.values(spec)
    convolutions, features = front(data, spec["device"])
    changed = {name: given[name] for name in ("dropout", "batch")}
    recipe = replace(DENSE if arm in BASELINES else HEAD, rate=given["head_rate"], **changed)
    if arm in BASELINES:
        widths = [features, MATCHED if arm == "cnn-matched" else HIDDEN, data.classes]
        head = networks.dense_network(widths, recipe.dropout, spec["device"])
    else:
        head = networks.ugmm_network(
            spec,
            [features, HIDDEN, data.classes],
            given["start"],
            generator,
            convolutions(data.train_images[: networks.CALIBRATION]).detach(),
            dropout=(recipe.dropout,),
            layer_norm=given["layer_norm"],
        )
    groups = [
        {"params": convolutions.parameters(), "lr": given["rate"]},
        {"params": head.parameters(), "lr": recipe.rate},
    ]
    network = torch.nn.Sequential(convolutions, head)
    return networks.trained(spec, report, data, network, recipe, torch.optim.Adam(groups), inside=False)


DECISIONS = (
    *networks.DECISIONS,
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
    MEASURES[-1],
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
    baselines=BASELINES,
    headline="cnn-ugmm",
    data_sets=("mnist", "fashion-mnist", "digits"),
    default_data="digits",
    budgets=budgets(5, 20, range(6)) | {"reduced": REDUCED},
    decisions=DECISIONS,
    cell=cell,
    claims=claims.CNN,
    measures=networks.MEASURES,
    settings=(
        number("rate", RATE, "of Adam, for the convolutions, before it falls", 1e-7, 10),
        number("head_rate", HEAD.rate, "of Adam, for the head, before it falls", 1e-7, 10).of(
            own=dict.fromkeys(BASELINES, DENSE.rate)
        ),
        count("batch", HEAD.batch, "images of a step"),
        number(
            "dropout", HEAD.dropout, "of a uGMM head's first components, or before the last dense layer", 0, 0.99
        ).of(own=dict.fromkeys(BASELINES, DENSE.dropout)),
        choice("start", networks.STARTS, "the initialisation of the head").of(*UGMM, own={"cnn-ugmm": "unit-sigma"}),
        choice("layer_norm", networks.PLACES, "where LayerNorm is").of(*UGMM, own={"cnn-ugmm": "hidden"}),
        EPOCHS,
        IMAGES,
    ),
    multiverse=Multiverse(
        factors={"start": ("unit-sigma", "authors"), "layer_norm": ("hidden", "none"), "head_rate": (None, 1e-3)},
        against=("cnn", "cnn-matched"),
        claims={"UGMM-19": "cnn", "UGMM-35": "cnn-matched"},
    ),
)
