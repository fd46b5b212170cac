"""Functions of one variable, on four levels of difficulty: a GMNM layer, MLPs, a KAN, an RBF network."""

from __future__ import annotations

from gmbench.experiments.gmnm import claims
from gmbench.experiments.gmnm.fits import fit_experiment
from gmbench.experiments.gmnm.networks import Dense, Fitter, Radial, Splines, Units
from gmbench.experiments.gmnm.targets import CURVES

BATCH = 256
STEPS = 50  # a row
HEADLINE = "mahalanobis"

ARMS = {
    "mahalanobis": Fitter(
        "GMNM, 67 units, trained centres", Units("mahalanobis", 67, centres="trained"), 1e-1, steps=STEPS
    ),
    "mlp-tanh": Fitter("an MLP, [1, 12, 12, 1], tanh", Dense((12, 12, 1), "tanh"), 1e-1, steps=STEPS),
    "mlp-relu": Fitter("an MLP, [1, 12, 12, 1], ReLU", Dense((12, 12, 1), "relu"), 1e-2, steps=STEPS),
    "kan": Fitter("a KAN of pykan, [1, 5, 1], 15 intervals of cubic splines", Splines((5, 1), 15), 3e-2, steps=STEPS),
    "rbf": Fitter("a classic RBF network of 67 units, all trained", Radial(67), 1e-1, steps=STEPS),
}


EXPERIMENT = fit_experiment(
    name="gmnm-fit1d",
    summary="functions of one variable on four levels of difficulty: GMNM, MLPs, a KAN, an RBF network",
    arms=ARMS,
    headline=HEADLINE,
    problems=CURVES,
    batch=BATCH,
    claims=claims.FIT1D,
    decisions=(
        (
            "targets",
            "the paper's own in one dimension are in a supplement that we do not have; these are ours, after its four "
            "levels in two: a sine, a sinh, a box and a normal density",
        ),
        (
            "readings",
            "in one dimension a unit of one projection with a trained centre is a ridge, so the two readings are one "
            "class of functions and one arm stands for both. Its centres are trained here, as a ridge's are; the RBF "
            "network is the same function too, with another start and rate",
        ),
        ("sizes", "201 parameters (GMNM, RBF network), 200 (KAN), 193 (MLPs)"),
    ),
)
