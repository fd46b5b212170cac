"""How many projections a unit needs where inputs are correlated: a function of six variables, and an RBF network."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gmbench.claims.claim import Claim, quick
from gmbench.claims.evidence import TENTH, Alongside, Below, Calculated, Together
from gmbench.claims.statistics import decades, last
from gmbench.experiments.gmnm import calculations as of
from gmbench.experiments.gmnm.claims import TEST
from gmbench.experiments.gmnm.fits import fit_experiment
from gmbench.experiments.gmnm.networks import Fitter, Radial, Units
from gmbench.experiments.gmnm.targets import Problem

BATCH = 1024
STEPS = 50  # a row
INPUTS = 6
COMPONENTS = 8
CONDITION = 30.0
RATE = 3e-2
EQUAL = {1: 123, 2: 84, 3: 64, 6: 37}  # units of as many projections, of 1591 to 1600 parameters


def target(x: torch.Tensor) -> torch.Tensor:
    """The function ``(n,)`` of ``x (n, 6)``, in float64."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    axes = torch.linalg.qr(normal(COMPONENTS, INPUTS, INPUTS)).Q
    values = CONDITION ** torch.linspace(-0.5, 0.5, INPUTS, dtype=torch.float64)
    centres, weights = 0.5 * normal(COMPONENTS, INPUTS), 2.0 * (torch.arange(COMPONENTS) % 2) - 1
    z = x.double().unsqueeze(1) - centres
    q = ((z.unsqueeze(2) @ axes).squeeze(2).square() * values).sum(-1)
    return torch.exp(-q / 2) @ weights.double()


@dataclass(frozen=True)
class Scattered(Problem):
    """A problem of many inputs, whose test error is taken at ``side`` points that are drawn once for all seeds."""

    def grid(self, side: int = 0) -> torch.Tensor:
        """The points ``(side, d)``, in float64."""
        generator = torch.Generator().manual_seed(1)
        drawn = torch.rand(side or self.side, self.inputs, generator=generator, dtype=torch.float64)
        return (2 * drawn - 1) * self.box


PROBLEMS = {
    "correlated-6": Scattered(
        "the sum over k = 1..8 of (-1)^k exp(-(x - m_k)' P_k (x - m_k) / 2) on [-1, 1]^6; the eigenvalues of each P_k "
        "are 30^(-1/2) to 30^(1/2), evenly in their logarithms; its axes, by QR of a matrix of normal numbers, and m_k "
        "of deviation 1/2 from a generator seeded 0; 16384 training and 4096 test points, uniform, drawn anew for each "
        "seed; test error at 8192 uniform points of a generator seeded 1",
        target,
        *(INPUTS, 16384, 4096, 8192),
        {},
        box=1.0,
    )
}


def _units(units: int, projections: int | None, reading: str = "mahalanobis") -> Units:
    return Units(reading, units, "uniform", "trained", projections)


def _said(units: int, n: int) -> str:
    return f"GMNM, {units} units of {n} projection{'s' if n > 1 else ''}, trained centres"


ARMS = {
    **{f"n-{n}": Fitter(_said(units, n), _units(units, n), RATE, steps=STEPS) for n, units in EQUAL.items()},
    **{f"n-{n}-few": Fitter(_said(EQUAL[6], n), _units(EQUAL[6], n), RATE, steps=STEPS) for n in (1, 2, 3)},
    "agp": Fitter(
        "GMNM, 28 units of Eq. 3 to the letter, 6 projections, trained centres", _units(28, 6, "agp"), RATE, steps=STEPS
    ),
    "ridge": Fitter("GMNM, 200 ridges", Units("ridge", 200, "uniform"), RATE, steps=STEPS),
    "rbf": Fitter("a classic RBF network of 123 units, all trained", Radial(123), RATE, steps=STEPS),
}


def _lower(arm: str, *others: str) -> Together:
    return Together(*(Below(arm, other, decades(last), TEST, margin=TENTH) for other in others))


CLAIMS = quick(
    Claim(
        *("GMNM-E05", "summary, design trade-offs", "fewer projections than inputs lose correlations", "may lose", ""),
        Alongside(
            _lower("n-6", "n-1", "n-2", "n-3"),
            {
                "as many units, so fewer parameters": _lower("n-6", "n-1-few", "n-2-few", "n-3-few"),
                "one by one": Together(*_lower("n-2", "n-1").parts, *_lower("n-3", "n-2").parts),
                "against Eq. 3 to the letter": _lower("n-6", "agp"),
                "rank of the form of 2 projections": Calculated(
                    "rank", lambda: of.rank("mahalanobis", 2), above=1.5, below=2.5
                ),
            },
        ),
        "networks of as many parameters, so that fewer projections have more units; a tenth of a decade is no "
        "difference. As many units stand beside, and each number of projections against the next",
    ),
    Claim(
        *("GMNM-C43", "sec. 2", "GMNM adapts better to many dimensions than RBF networks", "better", ""),
        Alongside(
            _lower("n-6", "rbf"),
            {"two projections": _lower("n-2", "rbf"), "ridge": _lower("ridge", "rbf")},
        ),
        "six dimensions, as many parameters, all centres trained; the RBF network has a width along each axis, and the "
        "target's Gaussians lie across them",
    ),
)

EXPERIMENT = fit_experiment(
    name="gmnm-projections",
    summary="a function of six variables, correlated: GMNM units of 1 to 6 projections, and an RBF network",
    arms=ARMS,
    headline="n-6",
    problems=PROBLEMS,
    batch=BATCH,
    claims=CLAIMS,
    decisions=(
        ("target", "ours: eight Gaussians with full covariances of condition 30, of both signs"),
        (
            "sizes",
            "1591 to 1600 parameters: a unit of n projections has 6 n and its centre and weight (agp: 1568). Those "
            "called few have as many units as n-6 instead",
        ),
        (
            "rates",
            f"{RATE:g}: of 0.01, 0.03 and 0.1 that with the lowest mean square of n-1, n-6, agp, ridge and rbf, each, "
            "on a validation part of the training points, after a third of the steps, with seed 100, which no cell has",
        ),
        ("domain", "[-1, 1]^6 here; the test error is taken at points drawn once, and not on a grid"),
        (
            "start",
            "centres by the initialisation 'uniform', of GMNM as of the RBF network; no grid of six dimensions is this "
            "small. All are trained",
        ),
    ),
    seeds=range(10),
)
