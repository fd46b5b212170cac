"""The main experiment of the KUMAR note: a stack of two GM layers, two initialisations, and an FC net."""

from __future__ import annotations

import torch

from gmbench.contract import Implementation, Initialisation
from gmbench.experiments import Budget, Experiment
from gmbench.experiments.training import data_on, finite, order_of, train
from gmbench.layers.gm.module import GMLayer, initialise, stack
from gmbench.runs.carry import unpack

HIDDEN = 100
COMPONENTS = 10
BATCH = 64
RATE = 0.1
SIGMA_RATE = 1.0
CALIBRATION = 2048  # images
THRESHOLDS = (10, 5, 3.5)  # % test error

DECISIONS = (
    ("sigma", "trained as it is: a standard deviation of any sign, no clamp, softplus or logarithm"),
    ("gamma", "the standard deviation of every draw; sigma is filled with it, not with its square"),
    ("between the layers", "nothing: no activation, bias or normalisation; layer 2 acts on <beta, h1>"),
    ("reduction", "mean over the K components only, so that the learning rates hold for K = 10"),
    ("loss", "softmax cross-entropy, mean over the batch"),
    ("optimiser", "plain SGD, no momentum or decay; learning rate 1.0 for sigma, 0.1 for mu, U and v"),
    ("evaluation", "all test images, before training and at the end of each epoch"),
    ("first hits", "the test error, looked at every 100 steps and at epoch ends"),
    ("calibration images", "the first 2048 training images (all if there are fewer), normalised; no labels"),
    ("deviation of the outputs", "over all entries (images x outputs), unbiased"),
    ("hidden layer's target", "0.5, as for the logits; layer 2 is calibrated on the calibrated layer 1"),
    ("what is rescaled", "U and v only"),
    ("zero mean, unit deviation", "one mean and deviation over all training pixels (MNIST: 0.1307, 0.3081)"),
    ("last partial batch", "kept: 938 steps per epoch of MNIST"),
    ("pairing", "all arms of a seed see the data in one order, drawn apart from the initialisation"),
    (
        "divergence",
        "a seed whose loss overflows stays in the results, at 100 % error; no clipping, no restart",
    ),
    ("pairing of bl and kumar", "both start from the same normal draws"),
    ("FC arm", "784-100-10 with ReLU, Kaiming normal weights, biases from 0, learning rate 0.1"),
    ("E relu and its slope", "exact in both tails; variances clamped inside the root; slope 1/2 at 0"),
    ("arithmetic", "float32, one thread, denormals flushed to zero"),
)


def cell(spec, report):
    """One arm, one seed.

    Measures: ``parameters``; ``hidden_std`` and ``logit_std`` on the calibration images before training;
    ``steps_to_<error>`` and ``diverged``; for GM arms the range of sigma after training.
    """
    torch.manual_seed(spec["seed"])  # for implementations that sample
    data = data_on(spec["device"], spec["data"], spec["digest"])
    images = data.train_images[:CALIBRATION]
    generator = torch.Generator().manual_seed(spec["seed"])
    if spec["arm"] == "fc":
        network = _fc(data, generator)
        optimiser = torch.optim.SGD(network.parameters(), lr=RATE)
    else:
        network = _gm(spec, data, images, generator)
        optimiser = torch.optim.SGD(rates(network), lr=RATE)
    measures = {"parameters": sum(p.numel() for p in network.parameters()), **_deviations(network, images)}
    epochs, hits = train(
        network,
        optimiser,
        data,
        epochs=spec["epochs"],
        batch=BATCH,
        order=order_of(spec["seed"]),
        thresholds=THRESHOLDS,
        report=report,
    )
    sigmas = [layer.sigma.detach() for layer in network if isinstance(layer, GMLayer)]
    if sigmas:
        measures["sigma_min"] = finite(min(sigma.min().item() for sigma in sigmas))
        measures["sigma_max"] = finite(max(sigma.max().item() for sigma in sigmas))
    return {"epochs": epochs, "measures": {**measures, **hits}}


def rates(network) -> list[dict]:
    """Parameter groups of a stack of GM layers: sigma has a learning rate of its own."""
    named = list(network.named_parameters())
    return [
        {"params": [p for name, p in named if name.endswith("sigma")], "lr": SIGMA_RATE},
        {"params": [p for name, p in named if not name.endswith("sigma")]},
    ]


def _gm(spec, data, images, generator):
    implementation = unpack(spec["implementation"], Implementation)
    initialisation = unpack(spec["initialisation"] or {"name": f"gm/{spec['arm']}"}, Initialisation)
    widths = [data.features, HIDDEN, data.classes]
    network = stack(widths, COMPONENTS, implementation=implementation, device=spec["device"])
    initialise(network, initialisation, images, generator)
    return network


def _fc(data, generator):
    network = torch.nn.Sequential(
        torch.nn.Linear(data.features, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, data.classes)
    )
    for layer in (network[0], network[2]):
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        torch.nn.init.zeros_(layer.bias)
    return network.to(data.train_images.device)


@torch.no_grad()
def _deviations(network, images) -> dict[str, float | None]:
    hidden = network[0](images)
    return {"hidden_std": finite(hidden.std().item()), "logit_std": finite(network(images).std().item())}


EXPERIMENT = Experiment(
    name="kumar",
    version=1,
    paper="kumar",
    summary="a stack of two GM layers from the KUMAR initialisation, from the baseline, and an FC net",
    layer_type="gm",
    arms={
        "fc": f"fully connected d-{HIDDEN}-C, Kaiming initialisation",
        "bl": f"GM stack d-{HIDDEN}-C, K = {COMPONENTS}, baseline initialisation",
        "kumar": f"GM stack d-{HIDDEN}-C, K = {COMPONENTS}, KUMAR initialisation",
    },
    baselines=("fc",),
    data_sets=("mnist", "digits"),
    default_data="digits",
    budgets={
        "smoke": Budget(epochs=1, seeds=(0,)),
        "quick": Budget(epochs=5, seeds=(0, 1, 2)),
        "paper": Budget(epochs=20, seeds=(0, 1, 2, 3, 4)),
    },
    decisions=DECISIONS,
    cell=cell,
)
