"""The generative experiment of the uGMM paper: one network scores a flower and its label together."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from gmbench.claims.claim import Claim
from gmbench.claims.evidence import Beside, Number, Undecidable
from gmbench.claims.metric import ERROR
from gmbench.claims.statistics import Run, accuracy, first_hit, last, measure
from gmbench.contract import Implementation
from gmbench.data import Data
from gmbench.experiments.contract import Budget, Experiment
from gmbench.layers.ugmm.inference import most_probable_explanation
from gmbench.nn import initialise, stack
from gmbench.runs.carry import start_of, unpack
from gmbench.training.classify import data_on, finite, order_of

RATE = 1e-3  # of Adam, in every protocol
ROW = 10  # looks at the test set that make one row of a cell, an "epoch" of its page
LOOKED = 200  # steps between two looks of the authors' notebook
STATES = 20  # of a feature, where features are to be explained
UNKNOWN = 3  # variables that are to be explained: the label and the last two features
EXPLAINED = 30  # test flowers


@dataclass(frozen=True)
class Protocol:
    """How the authors train. ``standardised``: features of mean 0 and deviation 1 over all flowers, which are all
    trained on and all tested on; else the features as they are, and a split. ``batch`` None: all at once. A look at
    the test set comes after every ``look`` passes over the training data.
    """

    standardised: bool
    batch: int | None
    look: int


SCRIPT = Protocol(standardised=False, batch=16, look=1)
NOTEBOOK = Protocol(standardised=True, batch=None, look=10)


@dataclass(frozen=True)
class Arm:
    """A network with these hidden widths. ``label``: ``"number"`` (one input: 0, 1 or 2) or ``"one-hot"`` beside the
    features of a generative uGMM network with one output; ``"class"``, of an MLP with an output for each.
    """

    protocol: Protocol
    hidden: tuple[int, ...]
    label: str = "number"
    start: str = "authors"

    @property
    def text(self) -> str:
        """The arm in words."""
        into = {"number": "(d+1)", "one-hot": "(d+C)", "class": "d"}[self.label]
        out = "C" if self.label == "class" else "1"
        named = "MLP " if self.label == "class" else "uGMM net "
        words = [named + "-".join([into, *map(str, self.hidden), out])]
        words += ["label one-hot"] if self.label == "one-hot" else []
        words += ["sigma = 1 at the start"] if self.start == "unit-sigma" else []
        return f"{', '.join(words)}; {'the notebook' if self.protocol is NOTEBOOK else 'the script'}"


def _widths(name: str, protocol: Protocol) -> dict[str, Arm]:
    """Networks from 15 to 2568 parameters."""
    hidden = ((), (2,), (5,), (10,), (5, 3), (10, 5), (20, 8), (40, 16))
    return {"-".join([name, *map(str, widths or (0,))]): Arm(protocol, widths) for widths in hidden}


ARMS = {
    **_widths("script", SCRIPT),
    "script-one-hot": Arm(SCRIPT, (10, 5), label="one-hot"),
    "script-unit": Arm(SCRIPT, (10, 5), start="unit-sigma"),
    **_widths("notebook", NOTEBOOK),
    "notebook-one-hot": Arm(NOTEBOOK, (20, 8), label="one-hot"),
    "notebook-unit": Arm(NOTEBOOK, (20, 8), start="unit-sigma"),
    "mlp": Arm(SCRIPT, (32,), label="class"),
    "mlp-matched": Arm(SCRIPT, (39,), label="class"),
    "mlp-notebook": Arm(NOTEBOOK, (32,), label="class"),
}
HEADLINE = "script-10-5"
MLPS = tuple(name for name, arm in ARMS.items() if arm.label == "class")


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

    def __init__(self, spec: Mapping[str, Any], arm: Arm, data: Data, generator):
        self.features, self.one_hot = data.features, arm.label == "one-hot"
        numbers = torch.arange(data.classes, dtype=torch.float32, device=data.train_images.device)
        self.labels = torch.eye(data.classes, device=numbers.device) if self.one_hot else numbers.unsqueeze(1)
        wide = self.features + self.labels.shape[1]
        self.places = tuple(range(self.features, wide))
        implementation = unpack(spec["implementation"], Implementation)
        self.network = stack("ugmm", [wide, *arm.hidden, 1], implementation=implementation, device=spec["device"])
        start = start_of(spec, arm.start)
        initialise(self.network, start, self.joined(data.train_images, data.train_labels), generator)

    def joined(self, images, labels):
        """Features and labels side by side."""
        return torch.cat([images, self.labels[labels]], 1)

    def loss(self, images, labels):
        """The mean negative score."""
        return -self.network(self.joined(images, labels)).mean()

    @torch.no_grad()
    def test(self, images, labels) -> tuple[float, float]:
        """Error in % of the label with the largest score, and the mean negative score of the true one."""
        found = most_probable_explanation(self.network, images_of(images, self.places), {self.places: self.labels})
        right = (found.states.squeeze(1) == labels) & found.score.isfinite()
        return 100 * (~right).float().mean().item(), self.loss(images, labels).item()

    def missed(self, data: Data) -> dict[str, float]:
        """How often coordinate ascent ends below the largest score, in % of the first test flowers, from eight starts
        and from one: the label and the last two features unknown, each feature with equally spaced states.
        """
        x = self.joined(data.test_images, data.test_labels)[:EXPLAINED]
        low, high = data.train_images.amin(0).tolist(), data.train_images.amax(0).tolist()
        unknown = range(max(0, self.features - UNKNOWN + 1), self.features)
        variables = {place: torch.linspace(low[place], high[place], STATES) for place in unknown}
        variables |= {self.places: self.labels}
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


def images_of(images, places):
    """Features with empty columns for the label."""
    return torch.cat([images, images.new_zeros(len(images), len(places))], 1)


class Discriminative:
    """An MLP, its cross-entropy, and the label of its largest output."""

    def __init__(self, spec: Mapping[str, Any], arm: Arm, data: Data, generator):
        torch.manual_seed(spec["seed"])
        (hidden,) = arm.hidden
        self.network = torch.nn.Sequential(
            torch.nn.Linear(data.features, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, data.classes)
        ).to(spec["device"])

    def loss(self, images, labels):
        """The mean cross-entropy."""
        return cross_entropy(self.network(images), labels)

    @torch.no_grad()
    def test(self, images, labels) -> tuple[float, float]:
        """Error in %, and the mean cross-entropy."""
        outputs = self.network(images)
        right = (outputs.argmax(1) == labels) & outputs.isfinite().all(1)
        return 100 * (~right).float().mean().item(), cross_entropy(outputs, labels).item()

    def missed(self, data: Data) -> dict[str, float]:
        """An MLP explains nothing."""
        return {}


def cell(spec, report):
    """One arm, one seed.

    A row of ``epochs`` stands for ten looks at the test set: ten epochs of the script, 100 steps of the notebook.
    ``test_loss`` is the mean negative score of the test flowers with their labels (an MLP's: cross-entropy).
    ``tests`` are all looks, pairs of a step and the test error. Measures: ``parameters``; ``perfect_last`` and
    ``perfect_ever``, 1 if the last look, or any, is without an error; ``best_look``, the lowest error of any look;
    ``steps_to_0``, the first without; ``score_last`` and ``score_best``, the mean score of the test flowers at the
    last row and at the first of those with the lowest error; ``sigma_min``; ``missed_from_8`` and ``missed_from_1``,
    see :meth:`Generative.missed`; ``diverged``.
    """
    arm = ARMS.get(spec["arm"], ARMS[HEADLINE])  # an arm that an initialisation from outside makes
    data = flowers(data_on(spec["device"], spec["data"], spec["digest"], normalised=False), arm.protocol)
    generator = torch.Generator().manual_seed(spec["seed"])
    model = (Discriminative if arm.label == "class" else Generative)(spec, arm, data, generator)
    rows, tests, diverged = fit(model, data, arm.protocol, spec["epochs"], order_of(spec["seed"]), report)
    errors = [error for _, error in tests[1:]]
    measures = {
        "parameters": sum(p.numel() for p in model.network.parameters()),
        "perfect_last": int(errors[-1] == 0),
        "perfect_ever": int(min(errors) == 0),
        "best_look": min(errors),
        "steps_to_0": next((step for step, error in tests if error == 0), None),
        "diverged": diverged,
    }
    if arm.label != "class":
        chosen = min(rows[1:], key=lambda row: row["test_error"])
        measures["score_last"], measures["score_best"] = (
            None if row["test_loss"] is None else -row["test_loss"] for row in (rows[-1], chosen)
        )
        sigmas = torch.cat([layer.log_sigma.detach().flatten() for layer in model.network]).exp()
        measures["sigma_min"] = finite(sigmas.min().item())
        if diverged is None:
            measures |= model.missed(data)
    return {"epochs": rows, "measures": measures, "tests": tests}


def fit(
    model, data: Data, protocol: Protocol, epochs: int, order: torch.Generator, report: Callable[..., None]
) -> tuple[list[dict[str, Any]], list[tuple[int, float]], int | None]:
    """Minimise the model's loss by Adam: rows, looks, and the first step whose loss was not finite, if there is one:
    training ends with its row.
    """
    optimiser = torch.optim.Adam(model.network.parameters(), lr=RATE)
    count, begun = len(data.train_images), time.perf_counter()
    batch = protocol.batch or count
    passes = ROW * protocol.look
    steps = epochs * passes * math.ceil(count / batch)
    rows: list[dict[str, Any]] = []
    tests: list[tuple[int, float]] = []
    step, diverged = 0, None

    def look() -> tuple[float, float]:
        error, loss = model.test(data.test_images, data.test_labels)
        tests.append((step, round(error, 4)))
        report(step=step, steps=steps, epoch=len(rows), test_error=error)
        return error, loss

    def row(error: float, loss: float, train_loss: float | None) -> None:
        rows.append(
            {
                "epoch": len(rows),
                "step": step,
                "test_error": round(error, 4),
                "test_loss": finite(loss),
                "train_loss": finite(train_loss),
                "seconds": round(time.perf_counter() - begun, 3),
            }
        )

    row(*look(), None)
    while len(rows) <= epochs and diverged is None:
        total = 0.0
        for number in range(1, passes + 1):
            everything = torch.arange(count) if protocol.batch is None else torch.randperm(count, generator=order)
            for some in everything.to(data.train_images.device).split(batch):
                loss = model.loss(data.train_images[some], data.train_labels[some])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                step += 1
                value = loss.item()
                total += value * len(some)
                if diverged is None and not math.isfinite(value):
                    diverged = step
            if number % protocol.look == 0:
                found = look()
        row(*found, total / (passes * count))
    return rows, tests, diverged


def authors_looks(run: Run) -> float:
    """The first of the notebook's looks, every 200 steps, without an error; infinite if there is none."""
    looks = zip(run.steps, run.errors, strict=True)
    return next((step for step, error in looks if step % LOOKED == 0 and error == 0), math.inf)


def of_the_log(run: Run) -> float | None:
    """The same of seed 0, which the notebook's log is of; None for others."""
    return authors_looks(run) if run.seed == 0 else None


NOTE = "neither the paper's protocol nor its number of seeds is known; "

CLAIMS = (
    Claim(
        *("UGMM-06", "results", "Iris, generative: labels by posterior inference, accuracy", "100", "%"),
        Number(
            HEADLINE,
            accuracy(last),
            100,
            digit=1,
            most=100,
            beside=(
                Beside("the script, best look", HEADLINE, accuracy(measure("best_look"))),
                Beside("the notebook (5-20-8-1, test = training flowers), last", "notebook-20-8", accuracy(last)),
                Beside("the notebook, best look", "notebook-20-8", accuracy(measure("best_look"))),
                Beside("the script with one-hot labels, last", "script-one-hot", accuracy(last)),
                Beside("the script from sigma = 1, last", "script-unit", accuracy(last)),
                Beside("the MLP, last", "mlp", accuracy(last)),
            ),
        ),
        NOTE + "the repository's newest script, its last epoch, the mean over 20 seeds; others beside it",
        {
            "below": "The number is a mean over seeds, and one seed says little here: perfect last and perfect ever, "
            "on the page, are the shares of seeds without an error. The score beside them is what was trained."
        },
    ),
    Claim(
        *("UGMM-R4", "repository, notebook", "Iris, training flowers: first 100 %, at step", "2200", "steps"),
        Number(
            "notebook-20-8",
            authors_looks,
            2200,
            digit=LOOKED,
            beside=(
                Beside("seed 0 alone, which is the notebook's", "notebook-20-8", of_the_log),
                Beside("with a look every 10 steps", "notebook-20-8", first_hit(0)),
                Beside("with hidden layers of 10 and 5", "notebook-10-5", authors_looks),
            ),
        ),
        f"one run of the notebook, which looks every {LOOKED} steps (one step later than we do); the network is the "
        "one that it prints, 5-20-8-1",
        {
            "above": "The notebook shows one seed, 0. Ours starts from the same network, but rounding separates two "
            "processors over 2000 steps, and one flower decides which look is the first without an error."
        },
    ),
    Claim(
        *(
            "UGMM-10",
            "sec. 5",
            "no efficient search for the most probable explanation of the full generative network",
            "open problem",
            "",
        ),
        Undecidable(
            "That no efficient algorithm is known says nothing about any network, and trying one decides it neither "
            "way: if it finds all best scores it may still miss others, and if it does not, another may find them",
            beside=(
                Beside(
                    "best scores that coordinate ascent misses, % of test flowers", HEADLINE, measure("missed_from_8")
                ),
                Beside("the same from one start", HEADLINE, measure("missed_from_1")),
                Beside("best scores that it misses from 8 starts, %", "notebook-20-8", measure("missed_from_8")),
            ),
        ),
        "no run can decide what is open. Measured beside it: a search whose cost grows with the sum of the numbers of "
        f"states, and not with their product (coordinate ascent from 8 starts over the label and two features of "
        f"{STATES} states each), and how often it misses the best score",
    ),
)

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
        f"the label and the last two features at once, each feature with {STATES} equally spaced states. The measures "
        "missed_from_8 and missed_from_1: in % of the first "
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

EXPERIMENT = Experiment(
    name="ugmm-iris",
    version=1,
    paper="ugmm",
    summary="generative uGMM nets on iris flowers: accuracy and score by protocol, width and seed",
    layer_type="ugmm",
    arms={name: arm.text for name, arm in ARMS.items()},
    baselines=MLPS,
    headline=HEADLINE,
    data_sets=("iris",),
    default_data="iris",
    budgets={
        "smoke": Budget(epochs=1, seeds=(0,)),
        "quick": Budget(epochs=10, seeds=(0, 1, 2)),
        "paper": Budget(epochs=30, seeds=tuple(range(20))),
    },
    decisions=DECISIONS,
    cell=cell,
    claims=CLAIMS,
    preferred=("eager",),
    metric=dataclasses.replace(ERROR, loss=""),  # a score for all arms but the MLPs
)
