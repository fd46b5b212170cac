"""The GMNM paper's functions of two variables, on four levels of difficulty: GMNM, MLPs, a KAN, an RBF network."""

from __future__ import annotations

from gmbench.experiments.gmnm import claims
from gmbench.experiments.gmnm.fits import CENTRES, fit_experiment
from gmbench.experiments.gmnm.networks import Dense, Fitter, Radial, Splines, Units
from gmbench.experiments.gmnm.targets import SURFACES
from gmbench.experiments.universes import Multiverse

BATCH = 1024
HEADLINE = "mahalanobis"
ARMS = {
    "mahalanobis": Fitter("GMNM, 400 units of 2 projections, fixed centres", Units("mahalanobis", 400), 1e-1),
    "ridge": Fitter("GMNM, 500 ridges", Units("ridge", 500, "uniform"), 3e-2),
    "mahalanobis-trained": Fitter(
        "GMNM, 289 units of 2 projections, trained centres", Units("mahalanobis", 289, centres="trained"), 1e-1
    ),
    "mlp-tanh": Fitter("an MLP, 2 hidden layers of 43, tanh", Dense((43, 43, 1), "tanh"), 1e-1),
    "mlp-relu": Fitter("an MLP, 2 hidden layers of 43, ReLU", Dense((43, 43, 1), "relu"), 1e-2),
    "mlp-deep": Fitter("an MLP, 4 hidden layers of 25, tanh", Dense((25, 25, 25, 25, 1), "tanh"), 3e-2),
    "kan": Fitter("a KAN of pykan, [2, 6, 6, 1], 32 intervals of cubic splines", Splines((6, 6, 1), 32), 3e-2),
    "rbf": Fitter("a classic RBF network of 400 units, all trained", Radial(400), 1e-1),
}
ARMS |= {
    **{f"{name}-lbfgs": ARMS[name].by_lbfgs() for name in ("mahalanobis", "ridge", "mlp-tanh")},
    **{f"{name}-lbfgs-64": ARMS[name].by_lbfgs("float64") for name in ("mahalanobis", "ridge", "mlp-tanh")},
    "mahalanobis-64": ARMS["mahalanobis"].in_float64(),
}


EXPERIMENT = fit_experiment(
    name="gmnm-fit2d",
    summary="functions of two variables on four levels of difficulty: GMNM, MLPs, a KAN, an RBF network",
    arms=ARMS,
    headline=HEADLINE,
    problems=SURFACES,
    batch=BATCH,
    decisions=(
        (
            "sizes",
            "the paper gives none: 2000 parameters or nearly so. Exactly equal ones are in gmnm-fit2d-equal",
        ),
        (
            "KAN",
            "pykan 0.2.8, widths [2, 6, 6, 1], 32 intervals, cubic: 54 edges of 37 parameters, the best of three of "
            "about 2000 ([2, 10, 10, 1] with 10 intervals, [2, 5, 5, 1] with 45) after 500 steps on levels 1 and 4, "
            "with seed 100. Its grids are those of the inputs' box in every layer, and stay; its symbolic part is off",
        ),
    ),
    claims=claims.FIT2D,
    multiverse=Multiverse(
        factors={"centres": CENTRES, "rate": (None, 1e-2, 3e-2)},
        against=("mlp-tanh", "mlp-relu", "kan", "rbf"),
        claims={"GMNM-F01": "mlp-tanh"},
    ),
)
