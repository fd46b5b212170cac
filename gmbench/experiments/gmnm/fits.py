"""What the experiments that fit functions with GMNM layers share: points, a cell, and the declaration of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch

from gmbench.claims.claim import Claim
from gmbench.claims.metric import MEAN_SQUARE
from gmbench.data import HELD_OUT
from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.gmnm.networks import CHUNK, Fitter, Splines, Units, features, solved
from gmbench.experiments.gmnm.targets import Problem
from gmbench.experiments.settings import EPOCHS, Range, choice, number
from gmbench.experiments.universes import Multiverse
from gmbench.runs.spec import VALIDATION
from gmbench.training import minimise as minimising
from gmbench.training.loop import finite, order_of, outputs
from gmbench.training.minimise import ADAM, FLOATS, HISTORY, minimise, settings
from gmbench.training.pictures import line, plane

CENTRES = ("fixed", "trained")
SHOWN = 64  # points a side of a picture
POINTS = 2_000_000  # added to a seed for the points, so that no arm's initialisation shifts them
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)  # of Adam, that were tried
MEASURES = {
    **minimising.MEASURES,
    "bump": "mean square in the bump's box",
    "centre": "mean square within 1 of the origin",
    "normalised": "test error over the target's variance on the grid",
    "points": "mean square on the test points, which are drawn as the training points are",
    "train_error": "mean square on all training points or windows",
    "oracle": "test error of the least-squares solve for the output weights over the features at the start",
    "oracle_after": "test error of the least-squares solve for the output weights over the features at the end",
    "scale": "deviation of the target over the training points",
}


# What the paper leaves open and all experiments that fit functions share; declared before the runs.
DECISIONS = (
    (
        "domain and points",
        "not in the paper's main text: [-4, 4], which holds the bump; uniform training and test points, the same for "
        "all arms of a seed. Each problem's own words define it",
    ),
    (
        "test error",
        "the mean square at the middles of a grid of equal cells, which training never sees and which is the same for "
        "all seeds, in the unit of the target. The measure 'points' is that on the test points, 'train_error' that on "
        "all training points, 'normalised' the test error over the target's variance on the grid, 'bump' and "
        "'centre' the mean square in the bump's box and within 1 of the origin",
    ),
    (
        "standardised targets",
        "every arm learns (target - mean) / deviation of the training points; all errors are in the target's own unit",
    ),
    (
        "Adam",
        "batches of the same points in the same order for all arms of a seed, the rate falls to 0 along half a "
        f"cosine. Each kind of network has the rate of {', '.join(f'{rate:g}' for rate in RATES)} with the lowest "
        "geometric mean of the test errors of levels 1 and 4 in two dimensions after 1000 steps (KAN: 500), with seed "
        "100, which no cell has. These are errors on the very grid that the cells are tested on, so the rates were "
        "chosen by the test. For three kinds, mahalanobis, the tanh MLP of two hidden layers and the RBF network, the "
        f"largest rate tried, {RATES[-1]:g}, was the best: their optimum may lie beyond it",
    ),
    (
        "L-BFGS",
        f"on all training points, rate 1, strong Wolfe line search, {HISTORY} pairs remembered, up to twice as many "
        "evaluations of loss and gradient as iterations",
    ),
    (
        "GMNM",
        "no output bias; units of the mahalanobis reading have fixed centres on a regular grid, the registered "
        "initialisation 'grid', ridges the one called 'uniform'; a width of 2.5 distances to the fourth nearest "
        "centre. Trained centres and other starts are in gmnm-centres",
    ),
    ("MLP", "biases everywhere, torch's own start"),
    (
        "RBF network",
        "trained centres and a trained width along each axis, 5 parameters a unit in the plane, no output bias; it "
        "starts like a GMNM from 'uniform', its centres drawn from the box",
    ),
    (
        "oracle",
        "the measure 'oracle': the test error of the least-squares solve, in float64, for the output weights over the "
        "features that a network of units starts with; 'oracle_after': over those it has learned. What training leaves "
        "above them is the optimiser's",
    ),
    ("arithmetic", "float32 unless an arm says float64, one thread, denormals flushed to zero"),
)


@dataclass
class Fit:
    """The points and targets of one cell; targets are standardised by the training points' mean and deviation, so that
    ``offset + scale * network(x)`` is the fit.

    :param dtype: of the network; targets and errors are in float64
    :param validation: a part of the training points stands in the place of the grid and of the test points
    """

    problem: Problem
    seed: int
    dtype: torch.dtype
    device: str
    validation: bool = False

    def __post_init__(self) -> None:
        problem, generator = self.problem, torch.Generator().manual_seed(POINTS + self.seed)
        drawn = torch.rand(problem.train + problem.test, problem.inputs, generator=generator, dtype=torch.float64)
        drawn = (2 * drawn - 1) * problem.box
        places = {"train": drawn[: problem.train], "test": drawn[problem.train :], "grid": problem.grid()}
        if self.validation:
            trained, held = places["train"].tensor_split([problem.train - problem.train // HELD_OUT])
            places = {"train": trained, "test": held, "grid": held}
        self.x = {name: x.to(self.device, self.dtype) for name, x in places.items()}
        # of the points as they are in double precision: rounding them is part of the network's task
        self.y = {name: problem.value(x).to(self.device) for name, x in places.items()}
        self.offset, self.scale = self.y["train"].mean(), self.y["train"].std()
        self.train_x = self.x["train"]
        self.train_y = ((self.y["train"] - self.offset) / self.scale).to(self.dtype)
        self.inside = {name: inside(places["grid"]).to(self.device) for name, inside in problem.regions.items()}
        self.variance = self.y["grid"].var(correction=0).item()

    def fitted(self, network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        """The fit ``(n,)`` in float64."""
        return self.offset + self.scale * outputs(network, x, CHUNK).double().reshape(-1)

    def errors(self, network: torch.nn.Module) -> dict[str, float]:
        """The mean square on the grid, and in parts of it."""
        wrong = self.squares(network, "grid")
        inside = {name: wrong[where].mean().item() for name, where in self.inside.items()}
        return {"grid": wrong.mean().item(), **inside}

    def squares(self, network: torch.nn.Module, points: str) -> torch.Tensor:
        """The squares of a network's errors at ``train``, ``test`` or ``grid`` points."""
        return (self.fitted(network, self.x[points]) - self.y[points]).square()

    def oracle(self, network: torch.nn.Module) -> float | None:
        """The mean square on the grid of the least-squares solve for the output weights over a network's features."""
        A = features(network, self.train_x)
        if A is None or not A.isfinite().all():
            return None
        weights = solved(A, (self.y["train"] - self.offset) / self.scale)
        on_grid = features(network, self.x["grid"])
        assert on_grid is not None
        return finite((self.offset + self.scale * (on_grid @ weights) - self.y["grid"]).square().mean().item())

    def kept(self, network: torch.nn.Module) -> dict[str, Any]:
        """Pictures of the target, the fit and their difference, x2 upwards; or lines; nothing of more inputs."""
        if self.problem.inputs > 2:
            return {}
        x = self.problem.grid(SHOWN) if self.problem.inputs == 2 else self.problem.grid()
        target = self.problem.value(x).to(self.device)
        fit = self.fitted(network, x.to(self.device, self.dtype))
        if self.problem.inputs == 1:
            return {"lines": {"x": line(x), "target": line(target), "fit": line(fit)}}
        found = {"target": target, "fit": fit, "residual": fit - target}
        # rows from the top of the square down, and x1 to the right
        drawn = {name: plane(values) for name, values in found.items()}
        return {"surfaces": {name: each for name, each in drawn.items() if each}}


Measures = Mapping[str, float | None]
# what an experiment measures beside: looks at a network before training, and gives what tells its measures after it
Observer = Callable[[Fit, torch.nn.Module], Callable[[], Measures]]


def run(
    spec: Spec,
    report: Report,
    arm: Fitter,
    problem: Problem,
    batch: int,
    observe: Observer = lambda fit, network: dict,
) -> dict[str, Any]:
    """One cell: ``epochs``, ``measures``, and pictures or lines.

    :param batch: of Adam
    :param observe: measures beside
    """
    validation = spec.get("split") == VALIDATION
    fit = Fit(problem, spec["seed"], FLOATS[arm.dtype], spec["device"], validation)
    network = arm.network.build(spec, fit.train_x, torch.Generator().manual_seed(spec["seed"]))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    before, observed = fit.oracle(network), observe(fit, network)
    order = order_of(spec["seed"])
    waiting: list[torch.Tensor] = []

    def loss() -> torch.Tensor:
        x, y = fit.train_x, fit.train_y
        if arm.method == ADAM:
            if not waiting:  # of whole batches: one shape of a compiled layer
                waiting.extend(torch.randperm(len(x), generator=order).split(batch)[: max(1, len(x) // batch)])
            chosen = waiting.pop().to(x.device)
            x, y = x[chosen], y[chosen]
        return (network(x).reshape(-1) - y).square().mean()

    latest: dict[str, float] = {}

    def test() -> float:
        latest.update(fit.errors(network))
        return latest["grid"]

    done = minimise(
        trained,
        loss,
        test,
        arm.trained,
        epochs=spec["epochs"],
        lost=fit.y["grid"].square().mean().item(),
        measures=lambda: {name: latest[name] for name in fit.inside},
        report=report,
    )
    measures = {
        **done.measures,
        "parameters": sum(parameter.numel() for parameter in trained),
        **{name: finite(latest[name]) for name in fit.inside},
        "normalised": finite(latest["grid"] / fit.variance),
        "train_error": finite(fit.squares(network, "train").mean().item()),
        "points": finite(fit.squares(network, "test").mean().item()),
        "oracle": before,
        "oracle_after": fit.oracle(network),
        "scale": fit.scale.item(),
        **observed(),
    }
    return {"epochs": done.epochs, "measures": measures, **({} if validation else fit.kept(network))}


def fit_experiment(
    *,
    name: str,
    summary: str,
    arms: Mapping[str, Fitter],
    headline: str,
    problems: Mapping[str, Problem],
    batch: int,
    decisions: tuple[tuple[str, str], ...],
    claims: tuple[Claim, ...] = (),
    multiverse: Multiverse | None = None,
    observe: Observer = lambda fit, network: dict,
    observed: Mapping[str, str] = MappingProxyType({}),
    seeds: Iterable[int] = range(10),
) -> Experiment:
    """An experiment with these arms on these problems.

    :param batch: of Adam
    :param decisions: beside those that all share
    :param multiverse: of what the paper leaves open
    :param observe: measures beside, which ``observed`` describes
    :param seeds: of the budget ``paper``
    """

    def cell(spec: Spec, report: Report) -> dict[str, Any]:
        found.same_problem(spec)
        # an initialisation from outside is another start of the headline
        arm, given = arms[found.known(spec["arm"])], found.values(spec)
        network = arm.network
        if "centres" in given and isinstance(network, Units):
            network = network.with_centres(given["centres"], problems[spec["data"]].inputs)
        changed = replace(arm, network=network, rate=given["rate"])
        return run(spec, report, changed, problems[spec["data"]], batch, observe)

    mahalanobis = {
        arm: made.network.centres
        for arm, made in arms.items()
        if isinstance(made.network, Units) and made.network.reading == "mahalanobis" and not made.network.projections
    }
    varied = [
        choice("centres", CENTRES, "trained, with fewer units of as many parameters; or fixed").of(
            *mahalanobis, own=mahalanobis
        )
    ]
    units = {arm: made.network for arm, made in arms.items() if isinstance(made.network, Units)}
    spending = budgets(10, 40, tuple(seeds))
    trained = settings({arm: made.trained for arm, made in arms.items()}, spending["paper"].epochs)
    batches = f"{trained}. Adam's batches are of {batch} points, whole ones alone, in an order drawn anew for each pass"
    found = Experiment(
        name=name,
        version=1,
        paper="gmnm",
        summary=summary,
        layer_type="gmnm-mahalanobis",
        arms={arm: made.said for arm, made in arms.items()},
        baselines=tuple(arm for arm in arms if arm not in units),
        headline=headline,
        data_sets=tuple(problems),
        default_data=next(iter(problems)),
        budgets=spending,
        decisions=(*DECISIONS, *decisions, ("settings", batches)),
        cell=cell,
        claims=claims,
        measures={**MEASURES, **observed},
        layer_types={
            arm: f"gmnm-{network.reading}" for arm, network in units.items() if network.reading != "mahalanobis"
        },
        metric=MEAN_SQUARE,
        problems={problem: made.said for problem, made in problems.items()},
        extras={arm: "kan" for arm, made in arms.items() if isinstance(made.network, Splines)},
        settings=(
            number("rate", arms[headline].rate, "of Adam, before it falls, or of L-BFGS", 1e-7, 10).of(
                own={arm: made.rate for arm, made in arms.items()}
            ),
            *(varied if mahalanobis else ()),
            EPOCHS,
        ),
        multiverse=multiverse,
        spaces={arm: {"rate": Range(1e-4, 1)} for arm, made in arms.items() if made.method == ADAM},
    )
    return found
