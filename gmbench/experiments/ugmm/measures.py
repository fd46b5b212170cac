"""How the paper's words on what networks learn are measured: how certain they are, what their neurons look at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.nn.functional import softmax

from gmbench.data import Data
from gmbench.nn import UGMMLayer
from gmbench.training.loop import finite, outputs
from gmbench.training.pictures import levels

BATCH = 500  # test images at once
BINS = 15  # of the calibration error
LOOKED = 2000  # test images on which components are compared
CHUNK = 50  # images at once where a number of every component is needed
SHOWN = 6  # neurons that are kept as pictures
TOP = 10  # inputs with the largest weights
TAIL = 0.001  # left out at both ends of a range
CONSTANT = 0.01  # of the median neuron's range: what varies by less is constant

Layer = UGMMLayer | torch.nn.Linear

# In words; declared before the runs.
MEASURES = (
    (
        "inputs that a neuron looks at",
        "its mixture weights, or of a dense layer |w| over their sum. Effective inputs: the exponential of their "
        f"entropy. Top share: what the {TOP} largest hold. Spread: the root mean square distance of the weight from "
        "its centre in the image, over that of equal weights. Means over the neurons of the first layer",
    ),
    (
        "leading component",
        "the one with the largest term at an image: weight times density, or |w x| of a dense layer. Lead: its share "
        "of all terms. Leaders: the exponential of the entropy of which component leads, over the first "
        f"{LOOKED} test images. Dominance: how often the most frequent one leads. Class information: the share of the "
        "class's entropy that the leading component tells, less what it tells of shuffled classes",
    ),
    (
        "range and deviation",
        "of a first-layer neuron before any normalisation or activation, over the same test images (range: without "
        f"{100 * TAIL:g} % at both ends), mean over neurons. Constant: the neurons with less than "
        f"{100 * CONSTANT:g} % of the median range",
    ),
    (
        "uncertainty",
        f"calibration error: of the largest softmax probability, in {BINS} equal bins. Errors found: the chance that a "
        "right answer has a larger one than a wrong answer (AUROC). Blends found: the chance that a test image has a "
        "larger score (the largest output before the softmax) than the mean of two test images of two classes",
    ),
)


# names of measures, and what each is: of the neurons of the first layer, means over them; and of the network
OF_NEURONS = {
    "effective_inputs": "inputs that a neuron looks at: exponential of the entropy of its weights",
    "top_share": "share of a neuron's weight that its ten largest inputs hold",
    "spread": "root mean square distance of a neuron's weight from its centre in the image, over that of equal weights",
    "lead": "share of the leading component in all terms of a neuron",
    "leaders": "components that lead: exponential of the entropy of which one does over images",
    "dominance": "share of images at which the most frequent leader leads",
    "class_information": "share of the class's entropy that the leading component tells",
    "range": "range of a neuron over test images, without 0.1 % at both ends",
    "deviation": "deviation of a neuron over test images",
    "constant": "share of neurons with less than 1 % of the median range",
}
SIGMAS = {"sigma_min": "least sigma at the end", "sigma_max": "largest sigma at the end"}
OF_NETWORKS = {
    "per_connection": "parameters for each pair of an input and a neuron",
    **SIGMAS,
    "calibration_error": "of the largest softmax probability, in 15 equal bins",
    "errors_found": "chance that a right answer has a larger softmax probability than a wrong one",
    "blends_found": "chance that a test image scores above the mean of two of two classes",
}


def of_parameters(network: torch.nn.Module) -> dict[str, float | None]:
    """``per_connection``, the parameters of uGMM and dense layers for each pair of an input and a neuron, without
    what a neuron or an input has only one of; the range of sigma.
    """
    layers = [m for m in network.modules() if isinstance(m, UGMMLayer | torch.nn.Linear)]
    own = sum(p.numel() for layer in layers for p in layer.parameters(recurse=False) if p.dim() > 1)
    found: dict[str, float | None] = {"per_connection": own / sum(m.in_features * m.out_features for m in layers)}
    logs = [layer.log_sigma.detach().flatten() for layer in layers if isinstance(layer, UGMMLayer)]
    if logs:
        sigma = torch.cat(logs).double().exp()
        found |= {"sigma_min": finite(sigma.min().item()), "sigma_max": finite(sigma.max().item())}
    return found


def of_outputs(network: torch.nn.Module, data: Data) -> dict[str, float | None]:
    """``calibration_error``, ``errors_found``, ``blends_found``: see :data:`MEASURES`; None if outputs are not
    finite, or there is nothing to tell apart.
    """
    images, labels = data.test_images, data.test_labels
    partner = labels != labels.roll(1)
    blends = ((images + images.roll(1, 0)) / 2)[partner]
    logits, blended = (outputs(network, each, BATCH).double() for each in (images, blends))
    if not (logits.isfinite().all() and blended.isfinite().all()):
        return {"calibration_error": None, "errors_found": None, "blends_found": None}
    confidence, chosen = softmax(logits, 1).max(1)
    right = chosen == labels
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    gaps = torch.zeros(BINS, dtype=torch.double, device=bins.device).index_add(0, bins, confidence - right.double())
    return {
        "calibration_error": (gaps.abs().sum() / len(images)).item(),
        "errors_found": _chance(confidence[right], confidence[~right]),
        "blends_found": _chance(logits[partner].amax(1), blended.amax(1)),
    }


def _chance(one: torch.Tensor, other: torch.Tensor) -> float | None:
    """The chance that a number of the first kind is larger than one of the second, ties by halves."""
    from scipy.stats import rankdata

    if not (len(one) and len(other)):
        return None
    ranks = rankdata(torch.cat([one, other]).cpu().numpy())[: len(one)]
    return float((ranks.sum() - len(one) * (len(one) + 1) / 2) / (len(one) * len(other)))


def weights_of(layer: Layer) -> torch.Tensor:
    """How much each neuron looks at each input ``(C, d)``, rows of sum 1: mixture weights, or |w| of a dense layer."""
    if isinstance(layer, UGMMLayer):
        return softmax(layer.logits.detach().double(), 1)
    sizes = layer.weight.detach().double().abs()
    return sizes / sizes.sum(1, keepdim=True)


@torch.no_grad()
def of_neurons(layer: Layer, data: Data) -> dict[str, float | None]:
    """What the neurons of a first layer look at, and what they give: see :data:`MEASURES`.

    They are :data:`OF_NEURONS`, without ``spread`` where images are not square; None if the layer is not finite.
    """
    images, labels = data.test_images[:LOOKED], data.test_labels[:LOOKED]
    weights = weights_of(layer)
    given = outputs(layer, images, BATCH)
    if not (weights.isfinite().all() and given.isfinite().all()):
        return dict.fromkeys(OF_NEURONS)
    leading, lead = zip(*(_leading(layer, x) for x in images.split(CHUNK)), strict=True)
    return {
        **_inputs(weights),
        "lead": torch.cat(lead).double().mean().item(),
        **_leaders(torch.cat(leading).cpu().numpy(), labels.cpu().numpy(), layer.in_features, data.classes),
        **_spreads(given.double()),
    }


def pictures(layer: Layer) -> dict[str, Any]:
    """What the first :data:`SHOWN` neurons of a first layer learned of each input, as pictures over it.

    For each of ``mean``, ``deviation`` and ``weight`` (of a dense layer its weight alone): ``low`` and ``high``, the
    extremes over these neurons, and ``neurons``, one text a neuron: base64 of one byte an input, 0 for the lowest and
    255 for the highest. Empty if the layer is not finite.
    """
    kinds = {"weight": layer.weight} if isinstance(layer, torch.nn.Linear) else _mixtures(layer)
    found = {}
    for name, values in kinds.items():
        chosen = values.detach().double().cpu()[:SHOWN]
        if not chosen.isfinite().all():
            return {}
        low, high = chosen.min(), chosen.max()
        texts = [levels(row, low, high) for row in chosen]
        found[name] = {"low": low.item(), "high": high.item(), "neurons": texts}
    return found


def _mixtures(layer: UGMMLayer) -> dict[str, torch.Tensor]:
    means = layer.mu.expand_as(layer.logits)  # tied means are those of every neuron
    return {"mean": means, "deviation": layer.log_deviations().exp(), "weight": weights_of(layer)}


def _inputs(weights: torch.Tensor) -> dict[str, float | None]:
    entropies = torch.special.entr(weights).sum(1)
    found: dict[str, float | None] = {
        "effective_inputs": entropies.exp().mean().item(),
        "top_share": weights.topk(min(TOP, weights.shape[1]), 1).values.sum(1).mean().item(),
    }
    side = math.isqrt(weights.shape[1])
    if side**2 == weights.shape[1]:
        line = torch.arange(side, dtype=weights.dtype, device=weights.device)
        places = torch.cartesian_prod(line, line)

        def distance(shares: torch.Tensor) -> torch.Tensor:  # E |place - centre|^2
            return shares @ places.square().sum(1) - (shares @ places).square().sum(1)

        equal = torch.full_like(weights[:1], 1 / side**2)
        found["spread"] = (distance(weights) / distance(equal)).clamp(min=0).sqrt().mean().item() if side > 1 else None
    return found


def _leading(layer: Layer, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which component leads at each image in each neuron ``(n, C)``, and its share of all terms."""
    if isinstance(layer, UGMMLayer):
        log_sigma = layer.log_deviations()
        constant = layer.logits.log_softmax(1) - log_sigma
        terms = ((x[:, None] - layer.mu) * (-log_sigma).exp()).square_().mul_(-0.5).add_(constant)
        largest, place = terms.max(2)
        return place, (largest - terms.logsumexp(2)).exp()
    terms = (x[:, None] * layer.weight).abs_()
    largest, place = terms.max(2)
    return place, largest / terms.sum(2).clamp(min=1e-30)


def _leaders(leading: np.ndarray, labels: np.ndarray, inputs: int, classes: int) -> dict[str, float | None]:
    """From which component leads ``(n, C)``."""
    shuffled = np.random.default_rng(0).permutation(labels)
    counts = [np.bincount(own, minlength=inputs) / len(own) for own in leading.T]
    told = [
        _information(own, labels, inputs, classes) - _information(own, shuffled, inputs, classes) for own in leading.T
    ]
    return {
        "leaders": float(np.mean([math.exp(_entropy(share)) for share in counts])),
        "dominance": float(np.mean([share.max() for share in counts])),
        "class_information": float(np.mean(told)) / _entropy(np.bincount(labels) / len(labels)),
    }


def _information(leading: np.ndarray, labels: np.ndarray, inputs: int, classes: int) -> float:
    """The mutual information of the leading component and the class, in nats."""
    joint = np.bincount(leading * classes + labels, minlength=inputs * classes).reshape(inputs, classes) / len(labels)
    return _entropy(joint.sum(0)) + _entropy(joint.sum(1)) - _entropy(joint.ravel())


def _entropy(shares: np.ndarray) -> float:
    kept = shares[shares > 0]
    return float(-(kept * np.log(kept)).sum())


def _spreads(given: torch.Tensor) -> dict[str, float | None]:
    """From what each neuron gives of each image ``(n, C)``."""
    ordered = given.sort(0).values
    cut = math.floor(TAIL * len(given))
    ranges = ordered[len(given) - 1 - cut] - ordered[cut]
    return {
        "range": ranges.mean().item(),
        "deviation": given.std(0).mean().item(),
        "constant": (ranges < CONSTANT * ranges.median()).double().mean().item(),
    }
