"""The GMNM paper's functions of two variables, on four levels of difficulty: GMNM, MLPs, a KAN, an RBF network."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from gmbench.claims.claim import Claim
from gmbench.claims.evidence import Alongside, Below, Beyond, Gap, Together
from gmbench.claims.metric import MEAN_SQUARE
from gmbench.claims.statistics import Run, Statistic, best, decades, last, measure
from gmbench.experiments.gmnm.fits import declared
from gmbench.experiments.gmnm.networks import Arm, Dense, Radial, Splines, Units
from gmbench.experiments.gmnm.targets import LEVELS, SURFACES

BATCH = 1024
HEADLINE = "mahalanobis"
EXPLODES = 1.0  # decades from the lowest to the last test error
HARMLESS = math.log10(2)  # decades

ARMS = {
    "mahalanobis": Arm("GMNM, 400 units of 2 projections, fixed centres", Units("mahalanobis", 400), 1e-1),
    "ridge": Arm("GMNM, 500 ridges", Units("ridge", 500, "uniform"), 3e-2),
    "mahalanobis-trained": Arm(
        "GMNM, 289 units of 2 projections, trained centres", Units("mahalanobis", 289, centres="trained"), 1e-1
    ),
    "mlp-tanh": Arm("an MLP, 2 hidden layers of 43, tanh", Dense((43, 43, 1), "tanh"), 1e-1),
    "mlp-relu": Arm("an MLP, 2 hidden layers of 43, ReLU", Dense((43, 43, 1), "relu"), 1e-2),
    "mlp-deep": Arm("an MLP, 4 hidden layers of 25, tanh", Dense((25, 25, 25, 25, 1), "tanh"), 3e-2),
    "kan": Arm("a KAN of pykan, [2, 6, 6, 1], 32 intervals of cubic splines", Splines((6, 6, 1), 32), 3e-2),
    "rbf": Arm("a classic RBF network of 400 units, all trained", Radial(400), 1e-1),
}
ARMS |= {
    **{f"{name}-lbfgs": ARMS[name].by_lbfgs() for name in ("mahalanobis", "ridge", "mlp-tanh")},
    **{f"{name}-lbfgs-64": ARMS[name].by_lbfgs("float64") for name in ("mahalanobis", "ridge", "mlp-tanh")},
    "mahalanobis-64": ARMS["mahalanobis"].in_float64(),
}


def train_error(run: Run) -> float | None:
    """The mean square on the training points after the last row."""
    return measure("train_error")(run)


def progress(run: Run) -> float:
    """How many decades the test error falls in the second half of training."""
    return decades(lambda one: one.errors[(len(one.errors) - 1) // 2])(run) - decades(last)(run)


def rises(run: Run) -> float:
    """The share of rows whose test error is above that of the row before."""
    pairs = list(itertools.pairwise(run.errors))
    return sum(later > former for former, later in pairs) / max(len(pairs), 1)


def exploded(run: Run) -> float:
    """How many decades the last test error is above the lowest."""
    return decades(last)(run) - decades(best)(run)


def drawn(run: Run) -> float | None:
    """The mean square on the test points, drawn as the training points are, after the last row."""
    return measure("points")(run)


def overfit(run: Run, test: Statistic = drawn) -> float | None:
    """How many decades the last error on the test points is above that on the training points; 0 would be none.

    :param test: another test error
    """
    error, training = test(run), train_error(run)
    return None if error is None or training is None else MEAN_SQUARE.scaled(error) - MEAN_SQUARE.scaled(training)


def overfit_on_grid(run: Run) -> float | None:
    """The same of the error on the regular grid."""
    return overfit(run, last)


def on(level: str, arm: str) -> str:
    """An arm on a level, as evidence names it."""
    return f"{arm}@{level}"


OTHERS = ("kan", "mlp-tanh", "mlp-relu")
EQUAL, CENTRES = "gmnm-fit2d-equal", "gmnm-centres"  # experiments
TEST, TRAIN = "last test mean square, decades", "last training mean square, decades"
DRAWN = "last mean square on the test points, decades"
BOTH = ((decades(last), TEST), (decades(train_error), TRAIN))


def lowest(arm: str, errors: Sequence[tuple[Statistic, str]] = BOTH) -> Together:
    """An arm is below the paper's baselines on all levels, of each of some errors."""
    return Together(
        *(
            Below(on(level, arm), on(level, other), statistic, what)
            for level in LEVELS
            for other in OTHERS
            for statistic, what in errors
        )
    )


def regions(levels, name: str) -> Together:
    """The headline is below the paper's baselines in a part of the square."""
    statistic, what = decades(measure(name)), f"mean square in the {name}, decades"
    return Together(
        *(Below(on(level, HEADLINE), on(level, other), statistic, what) for level in levels for other in OTHERS)
    )


def overfits(statistic: Statistic) -> Together:
    """The KAN overfits more on the levels with the bump, and its test error explodes."""
    return Together(
        *(
            part
            for v in ("level-3", "level-4")
            for part in (
                Below(on("level-2", "kan"), on(v, "kan"), statistic, "test over training error, decades"),
                Beyond(on(v, "kan"), exploded, "last over lowest test error, decades", above=EXPLODES),
            )
        )
    )


def behind(other: str, arm: str, levels) -> Together:
    """Another arm is one to two decades behind."""
    return Together(*(Gap(on(v, other), on(v, arm), decades(last), TEST, 1, 2, digit=1) for v in levels))


HIDDEN = (
    "From level 2 on the mean square is that of the sinh, whose variance is 4633: the bump is worth 1e-4, 2e-8 of it. "
    "So errors in the bump's box and around the normal density stand beside"
)

CLAIMS = (
    Claim(
        *("GMNM-F01", "Fig. 2", "GMNM has the lowest training and test loss on all four levels"),
        *("GMNM < KAN, MLPs", ""),
        Alongside(
            lowest(HEADLINE),
            {
                "on the test points, which are drawn as the training points are": lowest(
                    HEADLINE, [(decades(drawn), DRAWN)]
                ),
                "the ridge reading": lowest("ridge"),
                "trained centres": lowest("mahalanobis-trained"),
                "in the bump's box, levels 3 and 4": regions(("level-3", "level-4"), "bump"),
                "around the normal density, level 4": regions(("level-4",), "centre"),
                "exactly as many parameters, two thirds of the steps, levels 1 and 4": Together(
                    *(
                        Below(on(v, f"{EQUAL}:{HEADLINE}"), on(v, f"{EQUAL}:{other}"), decades(last), TEST)
                        for v in ("level-1", "level-4")
                        for other in OTHERS
                    )
                ),
                "by L-BFGS, against the tanh MLP": Together(
                    *(Below(on(v, f"{HEADLINE}-lbfgs"), on(v, "mlp-tanh-lbfgs"), decades(last), TEST) for v in LEVELS)
                ),
            },
        ),
        "the paper shows curves only: the mean squares after the last row, paired by seed, against the KAN and the two "
        f"MLPs of two activations, each of about 2000 parameters. {HIDDEN}",
    ),
    Claim(
        *("GMNM-F02", "sec. 4.1", "GMNM descends almost monotonically while the others plateau early"),
        *("qualitative", ""),
        Together(
            *(Beyond(on(v, HEADLINE), rises, "share of rows that rise", below=0.1) for v in LEVELS),
            *(
                Below(on(v, other), on(v, HEADLINE), progress, "fall in the second half, decades")
                for v in LEVELS
                for other in OTHERS
            ),
        ),
        "our proxy: at most a tenth of the rows have a test error above the row before, and in the second half of "
        "training the test error falls by more decades than that of each other. All rates fall to 0, which ends every "
        "plateau of noise",
    ),
    Claim(
        *("GMNM-F03", "sec. 4.1", "KAN overfits once the bump is introduced, and its test loss explodes"),
        *("qualitative", ""),
        Alongside(overfits(overfit), {"by the error on the regular grid": overfits(overfit_on_grid)}),
        "our proxy: the last error on the test points, which are drawn as the training points are, is further above "
        "that on the training points than on level 2, which has no bump; and the last test error, on the grid, is at "
        f"least {EXPLODES:g} decade above its lowest. The grid's error stood in the first place too until the first "
        "cells were seen: in it a few cells at the corners, where the sinh is steep, weigh much, with the bump and "
        "without it, so it stands beside",
    ),
    Claim(
        *("GMNM-F04", "sec. 4.1", "the deeper MLP lags behind GMNM"),
        *("1-2", "orders of magnitude"),
        Alongside(
            behind("mlp-deep", HEADLINE, ("level-3", "level-4")),
            {
                "levels 1 and 2": behind("mlp-deep", HEADLINE, ("level-1", "level-2")),
                "the ridge reading": behind("mlp-deep", "ridge", ("level-3", "level-4")),
                "an MLP of two hidden layers": behind("mlp-tanh", HEADLINE, ("level-3", "level-4")),
            },
        ),
        "said of the targets with the bump, so on levels 3 and 4: the paired difference of the last test mean squares "
        "in decades, within half a decade of the printed range; the deeper MLP has 4 hidden layers, tanh",
    ),
    Claim(
        *("GMNM-F05", "sec. 4.1", "with extreme local structure (level 4) GMNM still improves, unharmed globally"),
        *("qualitative", ""),
        Alongside(
            Together(
                Beyond(on("level-4", HEADLINE), progress, "fall in the second half, decades", above=0.0),
                Below(on("level-4", HEADLINE), on("level-3", HEADLINE), decades(last), TEST, bound=HARMLESS),
            ),
            {
                "900 centres below 400": Below(
                    *(on("level-4", f"{CENTRES}:grid-900"), on("level-4", f"{CENTRES}:grid-400"), decades(last), TEST)
                ),
                "trained centres": Beyond(
                    *(on("level-4", "mahalanobis-trained"), progress, "fall in the second half, decades"), above=0.0
                ),
            },
        ),
        "our proxy: on level 4 the test error falls in the second half of training, and ends at most twice as high as "
        "on level 3",
    ),
    Claim(
        *("GMNM-F06", "sec. 4.1", "the RBF network is weaker than the MLPs"),
        *("RBF > MLPs", ""),
        Together(
            *(
                Below(on(v, other), on(v, "rbf"), decades(last), TEST)
                for v in LEVELS
                for other in ("mlp-tanh", "mlp-relu")
            )
        ),
        "said without numbers or a level: the last test mean squares on all four, of a network with trained centres "
        "and widths along the axes, as many parameters, trained alike",
    ),
)

EXPERIMENT = declared(
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
    claims=CLAIMS,
)
