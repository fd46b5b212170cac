"""What the paper chose for its units, chosen otherwise: weights, determinants, precisions, depth, trained centres."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from gmbench.claims.claim import Claim, quick
from gmbench.claims.evidence import TENTH, Alongside, Below, Beyond, Calculated, Count, Together
from gmbench.claims.statistics import decades, last, measure
from gmbench.claims.verdicts import LOWER
from gmbench.experiments.contract import Spec
from gmbench.experiments.gmnm import calculations as of
from gmbench.experiments.gmnm.claims import TEST, on
from gmbench.experiments.gmnm.fits import Fit, Measures, fit_experiment
from gmbench.experiments.gmnm.networks import ACTIVITY, Fitter, Units, active, features, gmnm_layer
from gmbench.experiments.gmnm.targets import SURFACES
from gmbench.layers.gmnm.initial import grid
from gmbench.nn import GMNM
from gmbench.training.loop import finite

BATCH = 1024
STEPS = 30  # a row
HEADLINE = "mahalanobis"
PROBLEMS = {name: SURFACES[name] for name in ("level-1", "level-4")}
LARGEST = 1e3  # of a unit whose form has lost its definiteness
WIDE = 8  # numbers between two GMNM layers


class Weighted(torch.nn.Module):
    """A GMNM layer ``(n, d) -> (n, 1)`` whose output weights are something else than free numbers."""

    def __init__(self, layer: GMNM):
        super().__init__()
        self.layer = layer
        layer.pi.requires_grad_(False)

    def weights(self) -> torch.Tensor:
        """In the place of pi, ``(1, M)``."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's value with these weights."""
        *tensors, _ = self.layer.tensors()
        return self.layer.implementation.function(x, *tensors, self.weights())


class Simplex(Weighted):
    """A mixture's weights, positive and of sum 1, times a positive number; and a constant, if it is trained."""

    def __init__(self, layer: GMNM, shifted: bool):
        super().__init__(layer)
        self.logits = torch.nn.Parameter(layer.pi.detach() * layer.units**0.5)
        self.size = torch.nn.Parameter(layer.pi.new_tensor(math.log(layer.units) / 2))  # its logarithm
        self.shift = torch.nn.Parameter(layer.pi.new_zeros(()), requires_grad=shifted)

    def weights(self) -> torch.Tensor:
        """In the place of pi."""
        return self.size.exp() * self.logits.softmax(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The mixture, and the constant."""
        return super().forward(x) + self.shift


class Density(Weighted):
    """Units with the normalising constant of a normal density, det(L) / (2 pi)^(d/2); it starts as the layer does."""

    def __init__(self, layer: GMNM):
        super().__init__(layer)
        with torch.no_grad():
            self.pi = torch.nn.Parameter(layer.pi / self.constants())

    def constants(self) -> torch.Tensor:
        """Of each unit."""
        return torch.linalg.det(self.layer.L).abs() / (2 * math.pi) ** (self.layer.in_features / 2)

    def weights(self) -> torch.Tensor:
        """In the place of pi."""
        return self.pi * self.constants()


@dataclass(frozen=True)
class Reweighted(Units):
    """Such a layer."""

    made: Callable[[GMNM], Weighted] = Density

    def build(self, spec: Spec, x: torch.Tensor, generator: torch.Generator) -> torch.nn.Module:  # type: ignore[override]
        """The network."""
        return self.made(super().build(spec, x, generator))


class Precisions(torch.nn.Module):
    """Units exp(-z' P z / 2), z = x - mu, of two inputs whose P is any symmetric matrix: three trained numbers.

    It starts as a layer does; a unit is at most :data:`LARGEST`, where its form is below 0.
    """

    def __init__(self, layer: GMNM):
        super().__init__()
        mu, L, _ = (tensor.detach() for tensor in layer.tensors())
        P = L.mT @ L
        self.mu = mu
        self.P = torch.nn.Parameter(torch.stack([P[:, 0, 0], P[:, 0, 1], P[:, 1, 1]]))
        self.pi = torch.nn.Parameter(layer.pi.detach().clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The network's value ``(n, 1)``."""
        z, w = ((x[:, i : i + 1] - self.mu[:, i]) for i in (0, 1))
        q = self.P[0] * z.square() + 2 * self.P[1] * z * w + self.P[2] * w.square()
        return torch.exp((-q / 2).clamp(max=math.log(LARGEST))) @ self.pi.mT

    def indefinite(self) -> float:
        """The share of units with a negative eigenvalue."""
        a, b, c = self.P.detach()
        return ((a * c < b.square()) | (a + c < 0)).double().mean().item()


@dataclass(frozen=True)
class Inverse:
    """Such a network, its centres on a grid."""

    units: int

    def build(self, spec: Spec, x: torch.Tensor, generator: torch.Generator) -> Precisions:
        """The network."""
        layer = GMNM(x.shape[1], 1, self.units, device=x.device, dtype=x.dtype)
        with torch.no_grad():
            grid(layer, x, generator)
        return Precisions(layer)


BEHIND = Units("mahalanobis", 56, "points", "trained", 2)


@dataclass(frozen=True)
class Deep(Units):
    """A layer behind another: this one's units, fixed on a grid, and then those of ``behind``, which starts from what
    the first gives.
    """

    behind: Units = BEHIND

    def build(self, spec: Spec, x: torch.Tensor, generator: torch.Generator) -> torch.nn.Module:  # type: ignore[override]
        """The network."""
        first = gmnm_layer(spec, x, WIDE, self.units, self.start, generator, dtype=x.dtype)
        with torch.no_grad():
            seen = first(x)
        return torch.nn.Sequential(first, self.behind.build(spec, seen, generator))


def nearest(layer: GMNM) -> float:
    """The median distance from a centre to its nearest."""
    mu = layer.mu.detach().double()
    return torch.cdist(mu, mu).fill_diagonal_(math.inf).amin(1).median().item()


def observe(fit: Fit, network: torch.nn.Module) -> Callable[[], Measures]:
    """``largest_gradient`` of any network, ``active`` and ``closest`` of GMNM layers, ``indefinite`` of precisions."""
    squares: list[list[torch.Tensor]] = []
    for parameter in network.parameters():
        if parameter.requires_grad:
            squares.append([])

            def seen(parameter: torch.Tensor, own: list[torch.Tensor] = squares[-1]) -> None:
                assert parameter.grad is not None
                own.append(parameter.grad.square().sum())

            parameter.register_post_accumulate_grad_hook(seen)
    before = nearest(network) if isinstance(network, GMNM) and network.reading != "ridge" else None

    def measured() -> Measures:
        norms = sum(torch.stack(own) for own in squares).sqrt()  # type: ignore[union-attr]
        found: dict[str, float | None] = {"largest_gradient": finite((norms.max() / norms[0]).item())}
        if isinstance(network, Precisions):
            found["indefinite"] = network.indefinite()
        values = features(network, fit.x["grid"])
        if values is not None:
            found["active"] = active(values)
        if before:
            assert isinstance(network, GMNM)
            found["closest"] = nearest(network) / before
        return found

    return measured


MAHALANOBIS = Units("mahalanobis", 400)
PLAIN = Fitter("GMNM, 400 units of 2 projections, fixed centres", MAHALANOBIS, 1e-1, steps=STEPS)
RIDGE = Fitter("GMNM, 500 ridges", Units("ridge", 500, "uniform"), 3e-2, steps=STEPS)
ARMS = {
    HEADLINE: PLAIN,
    "ridge": RIDGE,
    "mahalanobis-fast": replace(PLAIN, said=f"{PLAIN.said}, at rate 1", rate=1.0),
    "ridge-fast": replace(RIDGE, said=f"{RIDGE.said}, at rate 1", rate=1.0),
    **{
        f"trained-{units}": replace(
            PLAIN,
            said=f"GMNM, {units} units, trained centres",
            network=replace(MAHALANOBIS, units=units, centres="trained"),
        )
        for units in (400, 900)
    },
    "simplex": replace(
        PLAIN,
        said="400 units whose weights are positive and of sum 1, times one trained positive number",
        network=Reweighted("mahalanobis", 400, made=lambda layer: Simplex(layer, False)),
    ),
    "simplex-shifted": replace(
        PLAIN,
        said="400 units whose weights are positive and of sum 1, times one trained positive number, and a constant",
        network=Reweighted("mahalanobis", 400, made=lambda layer: Simplex(layer, True)),
    ),
    "density": replace(
        PLAIN, said="400 units, each with the constant of a normal density", network=Reweighted("mahalanobis", 400)
    ),
    "precision": replace(
        PLAIN, said="400 units, each with three trained numbers of an inverse covariance", network=Inverse(400)
    ),
    "deep": Fitter(
        f"GMNM of 49 units on a grid and {WIDE} outputs, and behind it GMNM of 56 units of 2 projections, trained "
        "centres",
        Deep("mahalanobis", 49),
        *(1e-2, "adam", STEPS),
    ),
}


def _everywhere(low: str, high: str, bound: float = 0.0) -> Together:
    """One arm is below another on both levels."""
    margin = None if bound else TENTH
    return Together(*(Below(on(v, low), on(v, high), decades(last), TEST, bound, margin=margin) for v in PROBLEMS))


def _limits(arms: tuple[str, ...], name: str, what: str, above: float = -math.inf, below: float = math.inf) -> Together:
    """A measure of arms is within limits on both levels."""
    return Together(*(Beyond(on(v, arm), measure(name), what, above, below) for v in PROBLEMS for arm in arms))


ACTIVE = "share of the square where a unit is above half of its largest value"
CLOSEST = "median distance of a centre to its nearest, end over start"
GRADIENT = "largest norm of the gradient over that of the first step"

CLAIMS = quick(
    Claim(
        *("GMNM-F08", "sec. 1", "without the constraints on weights mixtures become approximators", "flexible", ""),
        Alongside(
            _everywhere(HEADLINE, "simplex"),
            {"with a trained constant, so that values below 0 are in reach": _everywhere(HEADLINE, "simplex-shifted")},
        ),
        "free weights against those of a mixture, positive and of sum 1, times one trained positive number. It is "
        "trivially so: no such mixture is below 0, and the targets, standardised, are; with a constant stands beside",
    ),
    Claim(
        *("GMNM-E07", "sec. 3", "an inverse covariance that is trained directly loses its definiteness"),
        *("challenging", ""),
        Alongside(
            _limits(("precision",), "indefinite", "share of units with a negative eigenvalue", above=0.01),
            {
                "it diverges in no seed": Together(
                    *(
                        Count(on(v, "precision"), lambda run: run.diverged, 0, 10, f"{v}: diverged", better=LOWER)
                        for v in PROBLEMS
                    )
                ),
                "and is behind": _everywhere(HEADLINE, "precision"),
            },
        ),
        "our proxy: more than one unit in a hundred has a negative eigenvalue after training, on both levels; three "
        f"numbers a unit, a unit at most {LARGEST:g}, else trained as the paper's units are",
    ),
    Claim(
        *("GMNM-E08", "sec. 3", "leaving out the determinant helps back-propagation", "benefits", ""),
        _everywhere(HEADLINE, "density"),
        "the same units with the constant of a normal density, through which the gradient then goes, from the same "
        "start: the last test mean square is lower without it, on both levels",
    ),
    Claim(
        *("GMNM-E09", "summary, failure signatures", "the exponential amplifies large y: exploding gradients"),
        *("exploding", ""),
        Alongside(
            Calculated("largest slope of exp(-y^2 / 2)", of.largest_slope, above=1.0),
            {
                "an explosion, more than 100 times the first step's": _limits(
                    (HEADLINE, "ridge"), "largest_gradient", GRADIENT, above=100.0
                ),
                "the same at rate 1": _limits(
                    ("mahalanobis-fast", "ridge-fast"), "largest_gradient", GRADIENT, above=100.0
                ),
            },
        ),
        "to amplify, the unit would have a slope above 1 somewhere; it is exp(-1/2) at y = 1 and falls beyond",
    ),
    Claim(
        *("GMNM-M06", "summary, design trade-offs", "trained centres may collapse", "may", ""),
        _limits(("trained-400", "trained-900"), "closest", CLOSEST, below=0.1),
        "our proxy of a collapse: the median distance from a centre to its nearest falls to less than a tenth, on both "
        "levels",
    ),
    Claim(
        *("GMNM-M07", "sec. 6", "each component responds to specific input patterns, locally", "specific", ""),
        Alongside(
            Together(
                *_limits((HEADLINE,), "active", ACTIVE, below=0.1).parts,
                *(Below(on(v, HEADLINE), on(v, "ridge"), measure("active"), ACTIVE) for v in PROBLEMS),
            ),
            {
                "the ridge reading": _limits(("ridge",), "active", ACTIVE, below=0.1),
                "heads, by test images of MNIST": Together(
                    *(
                        Beyond(f"gmnm-heads:{arm}@mnist", measure("active"), f"{arm}, share of images", below=0.1)
                        for arm in ("cnn-gmnm", "cnn-gmnm-mahalanobis-calibrated")
                    )
                ),
            },
        ),
        "our proxy of local: a unit is above half of its largest value in less than a tenth of the square, mean over "
        "units, and in less of it than a ridge, which runs through the square",
    ),
    Claim(
        *("GMNM-N02", "summary, open question 1", "depth in the place of width", "comparable", ""),
        Alongside(_everywhere("deep", HEADLINE, bound=0.5), {"lower at all": _everywhere("deep", HEADLINE)}),
        "two layers of 49 and 56 units, 1988 parameters, against one of 400, 2000. Comparable: at most half a decade "
        "above it, on both levels",
    ),
)

EXPERIMENT = fit_experiment(
    name="gmnm-choices",
    summary="what the paper chose for its units, chosen otherwise: weights, constants, precisions, depth, centres",
    arms=ARMS,
    headline=HEADLINE,
    problems=PROBLEMS,
    batch=BATCH,
    claims=CLAIMS,
    decisions=(
        ("units", "all arms have the 400 fixed centres of gmnm-fit2d, its ridges, or say otherwise; levels 1 and 4"),
        (
            "depth",
            "the second layer's centres start on what the first gives for training points. That and its rate, 0.01, "
            "had the lowest mean square of level 1 on a validation part of the training points, with seed 100, which "
            "no cell has, of the initialisations 'calibrated', 'points' and 'uniform', each at 0.01 and 0.03",
        ),
        ("rates", "those of the same units in gmnm-fit2d, but of two layers. Twice 1, to see gradients there"),
    ),
    observe=observe,
    observed={
        "largest_gradient": "largest norm of a step's gradient over that of the first step",
        "indefinite": "share of units whose form has a negative eigenvalue, at the end",
        **ACTIVITY,
        "closest": "median distance of a centre to its nearest, at the end over the start",
    },
    seeds=range(10),
)
