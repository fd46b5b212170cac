"""What the experiments with GM layers share: networks, rates, and measures before and after training."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.utils.parametrize

from gmbench.contract import Implementation, Initialisation
from gmbench.data import Data
from gmbench.experiments.contract import Report, Spec, data_of
from gmbench.experiments.settings import EPOCHS, IMAGES, Setting, choice, count, number
from gmbench.layers.gm.initial import draw
from gmbench.nn import GMLayer, initialise, stack
from gmbench.runs.carry import unpack
from gmbench.training import classify
from gmbench.training.classify import at_start, train
from gmbench.training.loop import finite, order_of

BATCH = 64
RATE = 0.1
SIGMA_RATE = 1.0
CALIBRATION = 2048  # images
INTERVAL = 100  # steps between two looks for a threshold
AS_IT_IS, NOTHING, RELU = "as it is", "nothing", "relu"
LEAST = 1e-12  # of a variance that is trained
SIGMAS = {
    AS_IT_IS: (),
    "softplus": (torch.nn.functional.softplus, lambda sigma: sigma + torch.log(-torch.expm1(-sigma))),
    "variance": (lambda variance: variance.clamp(min=LEAST).sqrt(), torch.square),
    "log": (torch.exp, torch.log),
}
BETWEEN = (NOTHING, RELU)
MEASURES = {
    **classify.MEASURES,
    "calibration_images": "the most images that reached a layer in one pass while it was initialised",
    "calibration_gradients": "passes in its initialisation that could have had a gradient",
    "sigma_min": "least sigma at the end",
    "sigma_max": "largest sigma at the end",
    "sigma_negative": "share of sigma that is below 0 at the end",
}

# What a cell varies, here for all arms; an experiment says which have it.
RATES: tuple[Setting, ...] = (
    number("rate", RATE, "learning rate of SGD", 1e-6, 100),
    count("batch", BATCH, "images of a step"),
    number("clip", 0.0, "the largest norm of a gradient; 0: any", 0, 1e6),
    EPOCHS,
    IMAGES,
)
OF_SIGMA = number("sigma_rate", SIGMA_RATE, "learning rate of sigma", 1e-6, 1000)
PARAMETRISATION = choice("sigma", tuple(SIGMAS), "what of sigma is trained")
PLACED = choice("between", BETWEEN, "what stands between the layers")

# What the KUMAR note leaves open and all its experiments share; declared before the runs.
DECISIONS = (
    ("sigma", "trained as it is: a standard deviation of any sign, no clamp, softplus or logarithm"),
    ("gamma", "the standard deviation of every draw; sigma is filled with it, not with its square"),
    ("reduction", "mean over the K components only, so that the learning rates hold for one K"),
    ("loss", "softmax cross-entropy, mean over the batch"),
    ("optimiser", "plain SGD, no momentum or decay; learning rate 1.0 for sigma, 0.1 for mu, U and v"),
    ("calibration images", "the first 2048 training images (all if there are fewer), normalised; no labels"),
    ("deviation of the outputs", "over all entries (images x outputs), unbiased"),
    ("what is rescaled", "U and v only"),
    ("zero mean, unit deviation", "one mean and deviation over all training pixels (MNIST: 0.1307, 0.3081)"),
    ("last partial batch", "kept: 938 steps per epoch of 60000 images"),
    ("pairing", "all arms of a seed see the data in one order, drawn apart from the initialisation"),
    ("pairing of GM arms", "those of one shape start from the same normal draws"),
    (
        "divergence",
        "a seed whose loss overflows stays in the results, at 100 % error; no clipping, no restart. A number that the "
        "note prints is compared with the seeds that trained, and so are orderings; how many diverged is a part of its "
        "own, since the note reports none. In counts a diverged seed has reached nothing, and it loses its pair",
    ),
    ("E relu and its slope", "exact in both tails; variances clamped inside the root; slope 1/2 at 0"),
    ("arithmetic", "float32, one thread, denormals flushed to zero"),
)


# The same for stacks of two layers.
STACK_DECISIONS = (
    *DECISIONS,
    ("between the layers", "nothing: no activation, bias or normalisation; layer 2 acts on <beta, h1>"),
    ("hidden layer's target", "0.5, as for the logits; layer 2 is calibrated on the calibrated layer 1"),
    ("evaluation", "all test images, before training and at the end of each epoch"),
)


def prepare(spec: Spec) -> tuple[Data, torch.Tensor, torch.Generator]:
    """What every cell begins with: its data, the images of a calibration, and the generator of its initialisation."""
    torch.manual_seed(spec["seed"])  # for implementations that sample
    data = data_of(spec)
    return data, data.train_images[:CALIBRATION], torch.Generator().manual_seed(spec["seed"])


def trained(
    spec: Spec,
    report: Report,
    data: Data,
    images: torch.Tensor,
    network: torch.nn.Sequential,
    optimiser: torch.optim.Optimizer,
    seen: Mapping[str, int],
    **how: Any,
) -> dict[str, Any]:
    """Train a network as a cell's spec says, measured before and after: ``epochs``, ``measures`` and ``tests``, pairs
    of a step and the test error there.

    :param seen: measures of the initialisation
    :param how: passed to :func:`gmbench.training.classify.train`
    """
    measures = {**at_start(network, images), **seen}
    how = {"batch": BATCH, "order": order_of(spec["seed"]), **how}
    done = train(network, optimiser, data, epochs=spec["epochs"], report=report, **how)
    return done.result({**measures, **at_end(network)})


def rates(network: torch.nn.Module, rate: float = RATE, sigma_rate: float = SIGMA_RATE) -> list[dict]:
    """Parameter groups of a stack of GM layers: sigma has a learning rate of its own."""
    named = [("sigma" in name.split("."), parameter) for name, parameter in network.named_parameters()]
    return [
        {"params": [p for is_sigma, p in named if is_sigma], "lr": sigma_rate},
        {"params": [p for is_sigma, p in named if not is_sigma], "lr": rate},
    ]


def gm_network(
    spec: Spec,
    widths: Sequence[int],
    components: int,
    start: str | Sequence[float],
    images: torch.Tensor,
    generator: torch.Generator,
    sigma: str = AS_IT_IS,
    between: str = NOTHING,
) -> tuple[torch.nn.Sequential, dict[str, int]]:
    """A stack of GM layers with the implementation of a cell's spec, and what its initialisation looked at.

    :param start: the name of an initialisation, which the spec's own replaces; or one gamma a layer, for a draw
        that needs no data
    :param sigma: how it is parametrised: one of :data:`SIGMAS`
    :param between: what stands between two layers: one of :data:`BETWEEN`
    """
    implementation = unpack(spec["implementation"], Implementation)
    network = stack("gm", widths, components=components, implementation=implementation, device=spec["device"])
    if between == RELU:
        pairs = [each for layer in network for each in (layer, torch.nn.ReLU())]
        network = torch.nn.Sequential(*pairs[:-1])
    if spec["initialisation"]:
        start = unpack(spec["initialisation"], Initialisation)
    with _watched(network[0]) as seen:
        if isinstance(start, str | Initialisation):
            initialise(network, start, images, generator)
        else:
            with torch.no_grad():
                stacked = [layer for layer in network if isinstance(layer, GMLayer)]
                for layer, gamma in zip(stacked, start, strict=True):
                    draw(layer, gamma, generator)
    if sigma != AS_IT_IS:
        for module in network:
            if isinstance(module, GMLayer):
                torch.nn.utils.parametrize.register_parametrization(module, "sigma", Positive(*SIGMAS[sigma]))
    return network, seen


class Positive(torch.nn.Module):
    """A positive parameter as a function of what is trained.

    :param back: the inverse of ``function``, by which a start is kept
    """

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], back: Callable[[torch.Tensor], torch.Tensor]):
        super().__init__()
        self.function, self.back = function, back

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The parameter."""
        return self.function(x)

    def right_inverse(self, value: torch.Tensor) -> torch.Tensor:
        """What is trained, for a value."""
        return self.back(value)


@contextlib.contextmanager
def _watched(layer: torch.nn.Module) -> Iterator[dict[str, int]]:
    """What reaches a layer: the most images of one pass, and the passes that could have had a gradient."""
    seen = {"calibration_images": 0, "calibration_gradients": 0}

    def look(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen["calibration_images"] = max(seen["calibration_images"], len(inputs[0]))
        seen["calibration_gradients"] += torch.is_grad_enabled()

    handle = layer.register_forward_pre_hook(look)
    try:
        yield seen
    finally:
        handle.remove()


def fc_network(widths: Sequence[int], device: str, generator: torch.Generator) -> torch.nn.Sequential:
    """Linear layers with ReLU between them, Kaiming normal weights and biases from 0."""
    layers: list[torch.nn.Module] = []
    for wide, narrow in itertools.pairwise(widths):
        linear = torch.nn.Linear(wide, narrow)
        torch.nn.init.kaiming_normal_(linear.weight, nonlinearity="relu", generator=generator)
        torch.nn.init.zeros_(linear.bias)
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1]).to(device)


def at_end(network: torch.nn.Sequential) -> dict[str, float | None]:
    """The range of sigma over all GM layers, and the share of it that changed its sign."""
    sigmas = [layer.sigma.detach().flatten() for layer in network if isinstance(layer, GMLayer)]
    if not sigmas:
        return {}
    sigma = torch.cat(sigmas)
    negative = (sigma < 0).float().mean().item() if sigma.isfinite().all() else None
    return {
        "sigma_min": finite(sigma.min().item()),
        "sigma_max": finite(sigma.max().item()),
        "sigma_negative": finite(negative),
    }
