"""The paper's functions of two variables by networks of exactly as many parameters."""

from __future__ import annotations

from gmbench.experiments.gmnm import claims
from gmbench.experiments.gmnm.fits import fit_experiment
from gmbench.experiments.gmnm.networks import Dense, Fitter, Radial, Splines, Units
from gmbench.experiments.gmnm.targets import SURFACES

BATCH = 1024
STEPS = 50  # a row
PARAMETERS = 2000
HEADLINE = "mahalanobis"
PROBLEMS = {name: SURFACES[name] for name in ("level-1", "level-4")}

ARMS = {
    "mahalanobis": Fitter(
        "GMNM, 400 units of 2 projections, fixed centres", Units("mahalanobis", 400), 1e-1, steps=STEPS
    ),
    "ridge": Fitter("GMNM, 500 ridges", Units("ridge", 500, "uniform"), 3e-2, steps=STEPS),
    "mlp-tanh": Fitter(
        "an MLP, [2, 57, 31, 1], tanh, no output bias", Dense((57, 31, 1), "tanh", False), 1e-1, steps=STEPS
    ),
    "mlp-relu": Fitter(
        "an MLP, [2, 57, 31, 1], ReLU, no output bias", Dense((57, 31, 1), "relu", False), 1e-2, steps=STEPS
    ),
    "mlp-deep": Fitter("an MLP, [2, 25, 24, 25, 25, 1], tanh", Dense((25, 24, 25, 25, 1), "tanh"), 3e-2, steps=STEPS),
    "kan": Fitter(
        "a KAN of pykan, [2, 5, 5, 1], 45 intervals of cubic splines", Splines((5, 5, 1), 45), 3e-2, steps=STEPS
    ),
    "rbf": Fitter("a classic RBF network of 400 units, all trained", Radial(400), 1e-1, steps=STEPS),
}


EXPERIMENT = fit_experiment(
    name="gmnm-fit2d-equal",
    summary=f"functions of two variables by networks of exactly {PARAMETERS} parameters each",
    arms=ARMS,
    headline=HEADLINE,
    problems=PROBLEMS,
    batch=BATCH,
    claims=claims.FIT2D_EQUAL,
    decisions=(
        (
            "sizes",
            f"{PARAMETERS} trained parameters in every arm. The MLPs of two hidden layers have no output bias, for "
            "with one no widths give this number; nor have GMNM and the RBF network. Of a KAN those count that pykan "
            "uses and trains without its symbolic part: 40 edges of 45 + 3 coefficients, the weight of the spline and "
            "that of the SiLU",
        ),
        ("length", f"{STEPS} steps of Adam a row, two thirds of those of gmnm-fit2d; levels 1 and 4"),
        (
            "arms",
            f"{len(ARMS)} of the arms of gmnm-fit2d. Without trained centres: a unit then has 7 parameters, of which "
            f"{PARAMETERS} is no multiple, and their number is to be a square, for they start on a square grid. "
            "Without those by L-BFGS and in float64: they have the networks, and so the counts, of arms that are here",
        ),
    ),
)
