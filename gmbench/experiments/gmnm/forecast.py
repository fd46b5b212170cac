"""The GMNM paper's series: an LSTM of three units with a GMNM head, against LSTMs with a dense one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from gmbench.baselines import lstm
from gmbench.claims.metric import MEAN_SQUARE
from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.gmnm import claims, fits
from gmbench.experiments.gmnm.networks import gmnm_layer
from gmbench.training import minimise as minimising
from gmbench.training.loop import batches, order_of, outputs
from gmbench.training.minimise import ADAM, Method, mean_square, minimise, settings
from gmbench.training.pictures import line

SIGNALS = 4
SAMPLES = 10_000
START, END = 0.5, 100.0
WINDOW = 10  # steps that a network sees
TRAIN = 8_000  # samples, the first; the others are for the test
HELD = 1_600  # of these, the last, on which rates are chosen
COEFFICIENTS = 2_000_000  # added to a seed for a_i and b_i, so that no arm's initialisation shifts them
UNITS = 100
BATCH = 32
RATE = 1e-3
RATES = (3e-3, 1e-2, 3e-2, 1e-1)  # those tried for the tuned arms
TRIED = (100, 101)  # with these seeds, which no budget has
TUNED = {  # what :func:`tried` gave
    "lstm-3-mahalanobis-tuned": {3e-3: 2.5e-3, 1e-2: 5.6e-3, 3e-2: 6.1e-5, 1e-1: 1.7e-3},
    "lstm-32-tuned": {3e-3: 6.2e-6, 1e-2: 2.7e-6, 3e-2: 2.9e-6, 1e-1: 2.4e-5},
}
CENTRES = 1000  # points of the cube that hidden states are in, which tell an initialisation where they are
SHOWN = 1000  # windows of the test stretch that a cell keeps as a line


@dataclass(frozen=True)
class Forecaster:
    """An LSTM, what gives a number of its last hidden state, and how it is trained.

    :param hidden: units of the LSTM
    :param reading: of a GMNM head; without one, the head is a dense layer
    :param centres: of a GMNM head
    :param rate: of its own, which decays
    """

    hidden: int
    reading: str = ""
    centres: str = "fixed"
    rate: float | None = None


ARMS = {
    "lstm-3": Forecaster(3),
    "lstm-3-mahalanobis": Forecaster(3, "mahalanobis"),
    "lstm-3-ridge": Forecaster(3, "ridge"),
    "lstm-3-mahalanobis-trained": Forecaster(3, "mahalanobis", "trained"),
    "lstm-3-mahalanobis-tuned": Forecaster(3, "mahalanobis", rate=3e-2),
    "lstm-32": Forecaster(32),
    "lstm-32-tuned": Forecaster(32, rate=1e-2),
}


def signals(t: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """x_i(t) = a_i sin t + b_i: ``(..., 4)``."""
    return t.unsqueeze(-1).sin() * a + b


def target(t: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """y(t), whose lags are times, so that none of them has to be a sample."""

    def x(i: int, lag: float = 0.0) -> torch.Tensor:
        return signals(t - lag, a, b)[..., i - 1]

    return x(3) * x(4, 0.1) - x(3, 0.5) * x(1, 0.1) + x(4) * x(3) - x(2, 0.5) * x(1, 0.2)


@dataclass(frozen=True)
class Windows:
    """Windows ``x (n, 10, 4)``, what is wanted of each ``y (n, 1)``, and the time ``t (n,)`` of its last step."""

    x: torch.Tensor
    y: torch.Tensor
    t: torch.Tensor


def coefficients(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """a_i and b_i of a seed, in float64."""
    generator = torch.Generator().manual_seed(COEFFICIENTS + seed)
    a, b = torch.rand(2, SIGNALS, generator=generator, dtype=torch.float64)
    return 0.5 + a, 2 * b - 1


def series(seed: int, held: bool = False, device: str = "cpu") -> tuple[Windows, Windows]:
    """The windows to train on and those of the test, all of whose steps come later.

    :param held: instead, of the samples to train on, the first and the last
    """
    a, b = coefficients(seed)
    t = torch.linspace(START, END, SAMPLES, dtype=torch.float64)
    parts = (t[: TRAIN - HELD], t[TRAIN - HELD : TRAIN]) if held else (t[:TRAIN], t[TRAIN:])
    found = []
    for part in parts:
        x = signals(part, a, b).unfold(0, WINDOW, 1).mT
        y = target(part[WINDOW - 1 :], a, b).unsqueeze(1)
        found.append(Windows(x.float().contiguous().to(device), y.float().to(device), part[WINDOW - 1 :]))
    return found[0], found[1]


def arm_of(spec: Spec) -> Forecaster:
    """What a cell trains; an initialisation from outside is an arm like the headline's."""
    return ARMS.get(spec["arm"], ARMS[EXPERIMENT.headline])


def network_of(spec: Spec) -> torch.nn.Sequential:
    """The network of a cell, as it starts."""
    arm, device = arm_of(spec), spec["device"]
    generator = torch.Generator().manual_seed(spec["seed"])
    if not arm.reading:
        return lstm.network(SIGNALS, arm.hidden, generator, device=device)
    found = lstm.network(SIGNALS, arm.hidden, generator, torch.nn.Identity(), device)
    places = 2 * torch.rand(CENTRES, arm.hidden, generator=generator, dtype=torch.float64) - 1
    found[1] = gmnm_layer(spec, places, 1, UNITS, "uniform", generator, reading=arm.reading, centres=arm.centres)
    return found


def cell(spec: Spec, report: Report, held: bool = False, rate: float | None = None) -> dict[str, Any]:
    """One arm, one seed. Measures: ``parameters``; ``train_error``, the mean square over the training windows after
    the last epoch, and ``train_best``, the lowest of any epoch; ``variance`` of the test's target; ``a`` and ``b``.

    :param held: test on the last of the training samples, and train on the others
    :param rate: another than the arm's, which decays
    """
    EXPERIMENT.same_problem(spec)
    train, test = series(spec["seed"], held, spec["device"])
    network, own = network_of(spec), rate or arm_of(spec).rate
    drawn = batches((train.x, train.y), BATCH, order_of(spec["seed"]))

    def loss() -> torch.Tensor:
        x, y = next(drawn)
        return (network(x) - y).square().mean()

    def train_error() -> dict[str, float]:
        return {"train_error": mean_square(network, train.x, train.y)}

    done = minimise(
        network.parameters(),
        loss,
        lambda: mean_square(network, test.x, test.y),
        Method(ADAM, math.ceil(len(train.x) / BATCH), own or RATE, own is not None, fused=True),
        epochs=spec["epochs"],
        lost=test.y.double().square().mean().item(),
        measures=train_error,
        report=report,
    )
    errors = [row["train_error"] for row in done.epochs[1:] if row["train_error"] is not None]
    a, b = coefficients(spec["seed"])
    fit = outputs(network, test.x[:SHOWN])
    measures = {
        "parameters": sum(p.numel() for p in network.parameters()),
        "train_error": done.epochs[-1]["train_error"],
        "train_best": min(errors, default=None),
        "variance": test.y.double().var(correction=0).item(),
        **{f"a{i}": value for i, value in enumerate(a.tolist(), 1)},
        **{f"b{i}": value for i, value in enumerate(b.tolist(), 1)},
    }
    lines = {"x": line(test.t[:SHOWN]), "target": line(test.y[:SHOWN]), "fit": line(fit)}
    return done.result(measures, lines=lines)


def tried(arm: str, epochs: int = 50, seeds: Iterable[int] = TRIED) -> dict[float, float]:
    """How the rate of a tuned arm was chosen: for each the mean square on the held samples after the last epoch,
    geometric mean over seeds.
    """
    part = None if arm in EXPERIMENT.baselines else {"name": f"{EXPERIMENT.layer_type_of(arm)}/eager"}
    (data,) = EXPERIMENT.problems
    where = {"data": data, "digest": EXPERIMENT.digest(data)}
    spec = {**where, "arm": arm, "epochs": epochs, "device": "cpu", "implementation": part, "initialisation": None}
    found = {}
    for rate in RATES:
        rows = [cell({**spec, "seed": seed}, lambda **progress: None, True, rate)["epochs"] for seed in seeds]
        found[rate] = MEAN_SQUARE.mean([row[-1]["test_error"] for row in rows])
    return found


LAGS = (
    "x_i(t) = a_i sin t + b_i, i = 1..4; y(t) = x3(t) x4(t-0.1) - x3(t-0.5) x1(t-0.1) + x4(t) x3(t) - x2(t-0.5) "
    f"x1(t-0.2); t = linspace({START:g}, {END:g}, {SAMPLES}) in float64. a_i ~ U(0.5, 1.5), b_i ~ U(-1, 1): "
    f"torch.rand(2, 4) in float64 from a generator seeded {COEFFICIENTS} + seed. The first {TRAIN} samples for "
    f"training, the others for the test. Windows of {WINDOW} samples of the four x_i, of one part alone; wanted is y "
    "at the last sample of the window; float32."
)

BUDGETS = budgets(10, 50, range(20))
STEPS = math.ceil((TRAIN - WINDOW + 1) / BATCH)  # a row
SETTINGS = settings(
    {name: Method(ADAM, STEPS, arm.rate or RATE, arm.rate is not None) for name, arm in ARMS.items()},
    BUDGETS["paper"].epochs,
)

DECISIONS = (
    (
        "lags",
        "0.1, 0.5, 0.1, 0.5, 0.2, as the formula is typeset, of which t >= 0.5 leaves the series where it is known; "
        "computed at these times, and not from the nearest sample",
    ),
    (
        "a_i and b_i",
        "a_i ~ U(0.5, 1.5), b_i ~ U(-1, 1), drawn for each seed, the same for all its arms, and kept in the cell with "
        "the target's variance: the paper has no values, so an interval over seeds covers them too",
    ),
    ("what is predicted", "y at the last of the ten steps that the network sees"),
    (
        "split",
        f"by time: the first {TRAIN} samples train, the last {SAMPLES - TRAIN} test, and no window crosses "
        f"({TRAIN - WINDOW + 1} and {SAMPLES - TRAIN - WINDOW + 1} windows)",
    ),
    (
        "GMNM in the network",
        f"of the last hidden state, d = 3, in the place of the dense layer, {UNITS} units, no output bias; mahalanobis "
        "with fixed centres, as in the paper's section 5; a ridge and trained centres stand beside",
    ),
    (
        "start of the head",
        "the initialisation 'uniform': centres drawn from the cube (-1, 1)^3, which hidden states cannot leave",
    ),
    ("LSTM and dense layer", "torch's own, two biases a gate, where others have one; drawn from the seed's generator"),
    (
        "optimiser",
        f"Adam at {RATE:g}, constant, batch {BATCH}, the same for all arms: defaults, since the paper has no setting; "
        "the last, partial batch of an epoch is kept",
    ),
    (
        "tuned arms",
        f"for LSTM(32) and for GMNM alike: Adam that decays along half a cosine, the rate from "
        f"{', '.join(f'{rate:g}' for rate in RATES)} with the lowest mean square after 50 epochs on the last {HELD} "
        f"training samples, trained on the others, geometric mean of seeds {TRIED[0]} and {TRIED[1]}, which no budget "
        "has. A start of GMNM in the box of the hidden states before training was tried with the first three, and is "
        "worse at each",
    ),
    ("loss", "mean square; the unit of y is not taken out, so a seed's errors scale with its variance"),
    (
        "which epoch",
        "the paper does not say; verdicts rest on the last, and the best of any epoch, which on the test is a "
        "selection by it, stands beside",
    ),
    ("train loss", "the mean square over all training windows at the end of an epoch, without further steps"),
    ("pairing", "the arms of a seed have the same series and the same order of batches, LSTMs of 3 the same start"),
    ("arithmetic", "float32, one thread, denormals flushed to zero"),
    ("settings", f"{SETTINGS}. A row is one pass over the training windows in batches of {BATCH}"),
)

EXPERIMENT = Experiment(
    name="gmnm-forecast",
    version=1,
    paper="gmnm",
    summary="a series of products of delayed sines, by an LSTM of three units with a GMNM head and by LSTMs alone",
    layer_type="gmnm-mahalanobis",
    arms={
        "lstm-3": "an LSTM of 3 units and a dense layer",
        "lstm-3-mahalanobis": f"an LSTM of 3 units and GMNM of {UNITS} units, mahalanobis, centres fixed",
        "lstm-3-ridge": f"an LSTM of 3 units and GMNM of {UNITS} units, ridge",
        "lstm-3-mahalanobis-trained": "the mahalanobis head with trained centres",
        "lstm-3-mahalanobis-tuned": "the mahalanobis head, centres fixed, at a rate chosen for it",
        "lstm-32": "an LSTM of 32 units and a dense layer",
        "lstm-32-tuned": "the LSTM of 32 units and a dense layer, at a rate chosen for it",
    },
    baselines=("lstm-3", "lstm-32", "lstm-32-tuned"),
    headline=claims.GMNM_HEAD,
    data_sets=("lags",),
    default_data="lags",
    budgets=BUDGETS,
    decisions=DECISIONS,
    cell=cell,
    claims=claims.FORECAST,
    measures={
        **minimising.MEASURES,
        "train_error": fits.MEASURES["train_error"],
        "train_best": "lowest training error or loss of any epoch",
        "variance": "mean square of the test targets about their mean",
        "a*": "coefficient of the sine of a series",
        "b*": "offset of a series",
    },
    layer_types={"lstm-3-ridge": "gmnm-ridge"},
    preferred=("eager",),  # a batch is too small for a compiled layer to be worth its compilation
    metric=MEAN_SQUARE,
    problems={"lags": LAGS},
    across="t",
)
