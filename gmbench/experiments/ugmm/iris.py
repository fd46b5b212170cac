"""The generative experiment of the uGMM paper: one network scores a flower and its label together."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from gmbench.claims.metric import ERROR
from gmbench.contract import Implementation
from gmbench.data import Data, data_on
from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.settings import EPOCHS
from gmbench.experiments.ugmm import claims
from gmbench.experiments.ugmm.measures import SIGMAS
from gmbench.layers.ugmm.inference import Variables, most_probable_explanation
from gmbench.nn import initialise, stack
from gmbench.runs.carry import start_of, unpack
from gmbench.training import classify
from gmbench.training.loop import Trained, batches, finite, order_of

RATE = 1e-3  # of Adam, in every protocol
ROW = 10  # looks of a row
UNKNOWN = 3  # variables that are to be explained: the label and the last two features
EXPLAINED = 30  # test flowers


@dataclass(frozen=True)
class Protocol:
    """How the authors train.

    :param standardised: features of mean 0 and deviation 1 over all flowers, which are all trained on and all tested
        on; else the features as they are, and a split
    :param batch: flowers of a step; None: all
    :param look: passes over the training data between two looks at the test set
    :param row: looks that make one row of a cell, an "epoch" of its page
    """

    standardised: bool
    batch: int | None
    look: int
    row: int = ROW


SCRIPT = Protocol(standardised=False, batch=16, look=1)
NOTEBOOK = Protocol(standardised=True, batch=None, look=10)


@dataclass(frozen=True)
class Net:
    """A network, and how it is trained.

    :param hidden: its hidden widths
    :param label: ``"number"`` (one input: 0, 1 or 2) or ``"one-hot"`` beside the features of a generative uGMM network
        with one output; ``"class"``, of an MLP with an output for each
    :param start: the name of an initialisation
    """

    protocol: Protocol
    hidden: tuple[int, ...]
    label: str = "number"
    start: str = "authors"

    @property
    def text(self) -> str:
        """The same in words."""
        into = {"number": "(d+1)", "one-hot": "(d+C)", "class": "d"}[self.label]
        out = "C" if self.label == "class" else "1"
        named = "MLP " if self.label == "class" else "uGMM net "
        words = [named + "-".join([into, *map(str, self.hidden), out])]
        words += ["label one-hot"] if self.label == "one-hot" else []
        words += ["sigma = 1 at the start"] if self.start == "unit-sigma" else []
        return f"{', '.join(words)}; {'the notebook' if self.protocol is NOTEBOOK else 'the script'}"


def _widths(name: str, protocol: Protocol) -> dict[str, Net]:
    """Networks from 15 to 2568 parameters."""
    hidden = ((), (2,), (5,), (10,), (5, 3), (10, 5), (20, 8), (40, 16))
    return {"-".join([name, *map(str, widths or (0,))]): Net(protocol, widths) for widths in hidden}


ARMS = {
    **_widths("script", SCRIPT),
    "script-one-hot": Net(SCRIPT, (10, 5), label="one-hot"),
    "script-unit": Net(SCRIPT, (10, 5), start="unit-sigma"),
    **_widths("notebook", NOTEBOOK),
    "notebook-one-hot": Net(NOTEBOOK, (20, 8), label="one-hot"),
    "notebook-unit": Net(NOTEBOOK, (20, 8), start="unit-sigma"),
    "mlp": Net(SCRIPT, (32,), label="class"),
    "mlp-matched": Net(SCRIPT, (39,), label="class"),
    "mlp-notebook": Net(NOTEBOOK, (32,), label="class"),
}
HEADLINE = "script-10-5"
MLPS = tuple(name for name, net in ARMS.items() if net.label == "class")


def flowers(data: Data, protocol: Protocol) -> Data:
    """A data set as the protocol has it."""
    if not protocol.standardised:
        return data
    features = torch.cat([data.train_images, data.test_images]).double()
    features = ((features - features.mean(0)) / features.std(0, correction=0).clamp_min(1e-12)).float()
    labels = torch.cat([data.train_labels, data.test_labels])
    return dataclasses.replace(
        data, train_images=features, train_labels=labels, test_images=features, test_labels=labels
    )


class Generative:
    """One score for a flower and its label together: what is minimised, and how a label is found."""

    def __init__(self, spec: Spec, net: Net, data: Data, generator: torch.Generator):
        self.features, self.one_hot = data.features, net.label == "one-hot"
        numbers = torch.arange(data.classes, dtype=torch.float32, device=data.train_images.device)
        self.labels = torch.eye(data.classes, device=numbers.device) if self.one_hot else numbers.unsqueeze(1)
        wide = self.features + self.labels.shape[1]
        self.places = tuple(range(self.features, wide))
        implementation = unpack(spec["implementation"], Implementation)
        self.network = stack("ugmm", [wide, *net.hidden, 1], implementation=implementation, device=spec["device"])
        start = start_of(spec, net.start)
        initialise(self.network, start, self.joined(data.train_images, data.train_labels), generator)

    def joined(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Features and labels side by side."""
        return torch.cat([images, self.labels[labels]], 1)

    def loss(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean negative score."""
        return -self.network(self.joined(images, labels)).mean()

    @torch.no_grad()
    def test(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
        """Error in % of the label with the largest score, and the mean negative score of the true one."""
        found = most_probable_explanation(self.network, images_of(images, self.places), {self.places: self.labels})
        right = (found.states.squeeze(1) == labels) & found.score.isfinite()
        return 100 * (~right).float().mean().item(), self.loss(images, labels).item()

    def unknown(self, data: Data) -> Variables:
        """What is to be explained: the label and the last two features, each with equally spaced states."""
        low, high = data.train_images.amin(0).tolist(), data.train_images.amax(0).tolist()
        unknown = range(max(0, self.features - UNKNOWN + 1), self.features)
        found: dict[int | tuple[int, ...], torch.Tensor | Sequence[Any]] = {
            place: torch.linspace(low[place], high[place], claims.STATES) for place in unknown
        }
        return {**found, self.places: self.labels}

    def missed(self, data: Data) -> dict[str, float]:
        """How often coordinate ascent ends below the largest score, in % of the first test flowers, from eight starts
        and from one.
        """
        x = self.joined(data.test_images, data.test_labels)[:EXPLAINED]
        variables = self.unknown(data)
        total = math.prod(map(len, variables.values()))
        exact = most_probable_explanation(self.network, x, variables, limit=total).score
        least = exact - 1e-5 * exact.abs().clamp_min(1)  # below: more than rounding
        found = {}
        for restarts in (8, 1):
            generator = torch.Generator().manual_seed(0)
            climbed = most_probable_explanation(
                self.network, x, variables, limit=0, restarts=restarts, generator=generator
            )
            found[f"missed_from_{restarts}"] = 100 * (climbed.score < least).float().mean().item()
        return found


def images_of(images: torch.Tensor, places: tuple[int, ...]) -> torch.Tensor:
    """Features with empty columns for the label."""
    return torch.cat([images, images.new_zeros(len(images), len(places))], 1)


class Discriminative:
    """An MLP, its cross-entropy, and the label of its largest output."""

    def __init__(self, spec: Spec, net: Net, data: Data, generator: torch.Generator):
        torch.manual_seed(spec["seed"])
        (hidden,) = net.hidden
        self.network = torch.nn.Sequential(
            torch.nn.Linear(data.features, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, data.classes)
        ).to(spec["device"])

    def loss(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean cross-entropy."""
        return cross_entropy(self.network(images), labels)

    @torch.no_grad()
    def test(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
        """Error in %, and the mean cross-entropy."""
        outputs = self.network(images)
        right = (outputs.argmax(1) == labels) & outputs.isfinite().all(1)
        return 100 * (~right).float().mean().item(), cross_entropy(outputs, labels).item()

    def missed(self, data: Data) -> dict[str, float]:
        """An MLP explains nothing."""
        return {}


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed.

    A row of ``epochs`` stands for ten looks at the test set: ten epochs of the script, 100 steps of the notebook.
    ``test_loss`` is the mean negative score of the test flowers with their labels (an MLP's: cross-entropy).
    ``tests`` are all looks, pairs of a step and the test error. Measures: ``parameters``; ``perfect_last`` and
    ``perfect_ever``, 1 if the last look, or any, is without an error; ``best_look``, the lowest error of any look;
    ``steps_to_0``, the first without; ``score_last`` and ``score_best``, the mean score of the test flowers at the
    last row and at the first of those with the lowest error; ``sigma_min``; ``missed_from_8`` and ``missed_from_1``,
    see :meth:`Generative.missed`; ``diverged``.
    """
    net = ARMS.get(spec["arm"], ARMS[HEADLINE])  # an arm that an initialisation from outside makes
    data = flowers(data_on(spec["device"], spec["data"], spec["digest"], normalised=False), net.protocol)
    generator = torch.Generator().manual_seed(spec["seed"])
    model = (Discriminative if net.label == "class" else Generative)(spec, net, data, generator)
    done = fit(model, data, net.protocol, spec["epochs"], order_of(spec["seed"]), report)
    errors = [error for _, error in done.tests[1:]]
    measures = {
        "parameters": sum(p.numel() for p in model.network.parameters()),
        "perfect_last": int(errors[-1] == 0),
        "perfect_ever": int(min(errors) == 0),
        "best_look": min(errors),
        "steps_to_0": next((step for step, error in done.tests if error == 0), None),
        **done.measures,
    }
    if net.label != "class":
        chosen = min(done.epochs[1:], key=lambda row: row["test_error"])
        measures["score_last"], measures["score_best"] = (
            None if row["test_loss"] is None else -row["test_loss"] for row in (done.epochs[-1], chosen)
        )
        logs = [p.detach().flatten() for name, p in model.network.named_parameters() if name.endswith("log_sigma")]
        measures["sigma_min"] = finite(torch.cat(logs).exp().min().item())
        if done.measures["diverged"] is None:
            measures |= model.missed(data)
    return {"epochs": done.epochs, "measures": measures, "tests": done.tests}


def fit(
    model: Generative | Discriminative,
    data: Data,
    protocol: Protocol,
    epochs: int,
    order: torch.Generator,
    report: Report,
) -> Trained:
    """Minimise the model's loss by Adam; training that diverged ends with its row.

    :return: its ``tests`` are the looks, ``protocol.row`` of which make a row of its ``epochs``; ``measures`` has
        ``diverged``, the first step whose loss was not finite
    """
    optimiser = torch.optim.Adam(model.network.parameters(), lr=RATE)
    everything = data.train_images, data.train_labels
    count, passes = len(data.train_images), protocol.row * protocol.look
    drawn: Iterator[tuple[torch.Tensor, ...]] = itertools.repeat(everything)
    if protocol.batch:
        drawn = batches(everything, protocol.batch, order)
    steps = math.ceil(count / (protocol.batch or count))  # of a pass
    done, step, diverged = Trained(epochs * passes * steps, report), 0, None

    def look() -> tuple[float, float]:
        error, loss = model.test(data.test_images, data.test_labels)
        done.test(step, round(error, 4))
        return round(error, 4), loss

    done.row(step, *look(), None)
    while len(done.epochs) <= epochs and diverged is None:
        total = 0.0
        for number in range(1, passes + 1):
            for images, labels in itertools.islice(drawn, steps):
                loss = model.loss(images, labels)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                step += 1
                value = loss.item()
                total += value * len(images)
                if diverged is None and not math.isfinite(value):
                    diverged = step
            if number % protocol.look == 0:
                found = look()
        done.row(step, *found, total / (passes * count))
    done.measures = {"diverged": diverged}
    return done


DECISIONS = (
    (
        "protocols",
        "the repository has two. The script: features in cm as they are, 120 flowers to train and 30 to test "
        "(random_state 42), 5-10-5-1, Adam at 1e-3, batches of 16 in random order, 300 epochs. The notebook: "
        "standardised features, all 150 flowers both to train and to test, 5-20-8-1, Adam at 1e-3, 3000 steps on all "
        "at once. The paper's own is not known. Claims of the paper are judged by the script",
    ),
    (
        "rows of this page",
        f"an epoch here is {ROW} looks at the test set: {ROW} epochs of the script or 100 steps of the notebook; the "
        "measures know every look",
    ),
    ("which look", "the last; the best, which is chosen on the test flowers themselves, stands beside it"),
    ("what is learned", "the mean score of features and label together, without dropout, LayerNorm or a floor"),
    (
        "score",
        "the network's output is no density of its inputs, so it is called a score and not a likelihood; test loss is "
        "the mean negative score of the test flowers with their true labels, and the measures score_last and "
        "score_best are their mean score at the last row and at the first of those with the lowest error",
    ),
    (
        "start",
        "the authors' code: mu ~ N(0, 1), sigma ~ U(0, 1), logits ~ U(0, 1), drawn in its order, so that a seed means "
        "the same network there and here",
    ),
    ("label", "one input 0, 1 or 2, as in the authors' code; the arms one-hot have three inputs of which one is 1"),
    ("finding a label", "the largest of the three scores, all tried"),
    (
        "finding more than a label",
        f"the label and the last two features at once, each feature with {claims.STATES} equally spaced states. The "
        "measures missed_from_8 and missed_from_1: in % of the first "
        f"{EXPLAINED} test flowers, how often coordinate ascent, from so many random starts, ends below the largest "
        "score, which trying all finds",
    ),
    (
        "how small a network",
        "the arms named by their hidden widths, 0 for none, in both protocols; the measures perfect_last and "
        "perfect_ever are the shares of seeds without an error at the last look and at any",
    ),
    (
        "MLP",
        "d-32-C, Adam at 1e-3, cross-entropy, the script's batches and epochs, its features as they are; mlp-matched "
        "has 315 parameters as 5-10-5-1 has; mlp-notebook follows the notebook",
    ),
    ("implementation", "the formula in plain torch: the networks are too small for compiled layers to pay"),
    ("arithmetic", "float32, one thread, denormals flushed to zero"),
)

MEASURES = {
    **classify.MEASURES,
    **SIGMAS,
    "perfect_last": "1 if the last look at the test set is without an error, else 0",
    "perfect_ever": "1 if any look is without an error, else 0",
    "best_look": "lowest test error of any look, %",
    "score_last": "mean score of the test flowers at the last epoch",
    "score_best": "mean score of the test flowers at the first epoch with the lowest error",
    "missed_from_8": "best scores that coordinate ascent misses from eight starts, % of test flowers",
    "missed_from_1": "best scores that coordinate ascent misses from one start, % of test flowers",
}

EXPERIMENT = Experiment(
    name="ugmm-iris",
    version=1,
    paper="ugmm",
    summary="generative uGMM nets on iris flowers: accuracy and score by protocol, width and seed",
    layer_type="ugmm",
    arms={name: net.text for name, net in ARMS.items()},
    baselines=MLPS,
    headline=HEADLINE,
    data_sets=("iris",),
    default_data="iris",
    budgets=budgets(10, 30, range(20)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.IRIS,
    measures=MEASURES,
    preferred=("eager",),
    metric=dataclasses.replace(ERROR, loss=""),  # a score for all arms but the MLPs
    settings=(EPOCHS,),
)
