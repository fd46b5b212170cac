"""How many centres a GMNM layer needs, where they should start, and whether they should be trained."""

from __future__ import annotations

from gmbench.experiments.gmnm import claims
from gmbench.experiments.gmnm.fits import fit_experiment
from gmbench.experiments.gmnm.networks import Fitter, Units
from gmbench.experiments.gmnm.targets import SURFACES

BATCH = 1024
STEPS = 30  # a row
NUMBERS = (25, 100, 400, 900)
STARTS = {"grid": "on a grid", "uniform": "drawn from the box", "points": "on training points"}
HEADLINE = "grid-400"
PROBLEMS = {name: SURFACES[name] for name in ("level-1", "level-4")}

ARMS = {
    f"{start}-{units}{'-trained' if centres == 'trained' else ''}": Fitter(
        f"{units} centres {where}, {centres}", Units("mahalanobis", units, start, centres), 1e-1, steps=STEPS
    )
    for start, where in STARTS.items()
    for units in NUMBERS
    for centres in ("fixed", "trained")
}


EXPERIMENT = fit_experiment(
    name="gmnm-centres",
    summary="the number of a GMNM layer's centres, where they start, fixed and trained",
    arms=ARMS,
    headline=HEADLINE,
    problems=PROBLEMS,
    batch=BATCH,
    claims=claims.FIXED_CENTRES,
    decisions=(
        (
            "centres",
            "the paper fixes them in its section 5 and does not say in section 4, so both: 5 parameters a unit where "
            "they are fixed, 7 where they are trained. Every arm has the rate of 400 fixed ones",
        ),
    ),
)
