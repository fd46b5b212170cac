"""What the KUMAR note states, experiment by experiment, and how its words are measured."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

from gmbench.claims.claim import Claim, known, quick
from gmbench.claims.evidence import (
    TENTH,
    Alongside,
    Below,
    BelowThroughout,
    Beside,
    Beyond,
    Calculated,
    Count,
    Identity,
    Number,
    Similar,
    Tighter,
    Together,
)
from gmbench.claims.statistics import (
    Run,
    Statistic,
    area,
    best,
    changed,
    error_after,
    first_hit,
    initial_loss,
    last,
    late,
    measure,
    reaches,
    row,
    steps_to,
)
from gmbench.experiments.kumar import calculations as of
from gmbench.experiments.kumar.networks import INTERVAL

# -- what the paths of a layer's components show ---------------------------------------------------------------------


def _of_paths(measured: Callable[[Mapping[str, Any]], float]) -> Statistic:
    """A statistic of the paths that a cell keeps; None where it keeps none."""
    return lambda run: measured(run.paths) if run.paths else None


def _radius(covariances: Iterable[Sequence[Sequence[float]]]) -> float:
    """Of ellipses, mean over them."""
    return mean(math.sqrt((a + d) / 2) for (a, _), (_, d) in covariances)


def _turned(paths: Mapping[str, Any]) -> float:
    """Degrees between the long axes of a component's ellipse after the first epoch and at the end, mean over them."""
    turns = []
    for first, final in zip(paths["covariances"][1], paths["covariances"][-1], strict=True):
        angles = [math.degrees(math.atan2(2 * b, a - d) / 2) for (a, b), (_, d) in (first, final)]
        apart = abs(angles[0] - angles[1]) % 180
        turns.append(min(apart, 180 - apart))
    return mean(turns)


def _went(paths: Mapping[str, Any]) -> float:
    """The way of the centres in the plane, in units of the initial radius of their ellipses."""
    first, *_, final = paths["means"]
    way = mean(math.dist(a, b) for a, b in zip(first, final, strict=True))
    return way / (2 * _radius(paths["covariances"][0]))


def _apart(paths: Mapping[str, Any]) -> float:
    """The mean angle, in degrees, between the ways of two components in the plane, from the start to the end."""
    first, *_, final = paths["means"]
    ways = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(first, final, strict=True)]
    angles = [
        abs(math.degrees(math.atan2(p[0] * q[1] - p[1] * q[0], p[0] * q[0] + p[1] * q[1])))
        for p, q in itertools.combinations(ways, 2)
    ]
    return mean(angles)


# ways in units of the initial size
onset = _of_paths(lambda paths: paths["moved"][1] / paths["size"][0])
moved = _of_paths(lambda paths: paths["moved"][-1] / paths["size"][0])
start_size = _of_paths(lambda paths: paths["size"][0] / paths["size"][-1])
outward = _of_paths(lambda paths: paths["distance"][-1] / paths["distance"][0])
first_epoch = _of_paths(lambda paths: paths["moved"][1] / paths["moved"][-1])
growth = _of_paths(lambda paths: _radius(paths["covariances"][-1]) / _radius(paths["covariances"][0]))
turn = _of_paths(_turned)
moved_in_plane = _of_paths(_went)
apart = _of_paths(_apart)

# -- the stack of two layers, beside FC nets -------------------------------------------------------------------------

FIGURE = "sec. 5, Fig. {}"
RUNS = 5  # of the note, that its numbers are means over; the worst is of as many
STEPS = (
    "the resolution is half the printed range with its rounding, since a range resolves no finer; at epoch ends, "
    "since the note's own figures are by epoch; so it cannot be less than 938 steps. The same with a test every 100 "
    "steps, and the verdict that it would give, stand in the details"
)
LATER = {
    "above": "Our baseline stops higher than the note's. What the note leaves open may lie behind it (see the "
    "decisions), and so may the seeds that diverge, of which the note says nothing."
}
OVER_SEEDS = (
    "how far a seed is from its arm's median{}, seed by seed, of those that trained in both (Brown and Forsythe); how "
    "many diverged is a part of its own"
)


def _finer(arm: str, error: float) -> tuple[Beside, ...]:
    return (Beside(f"with a test every {INTERVAL} steps", arm, first_hit(error)),)


STACK: tuple[Claim, ...] = (
    Claim(
        *("KUM-01", FIGURE.format(1), "BL, start-up transient, mean over seeds", "about 55", "%"),
        Number("bl", error_after(1), 55, digit=1, about=True, runs=RUNS, most=100),
        "the transient is the test error at the end of epoch 1, where the note's curves begin",
        {"above": "The note does not say at which point of the transient it reads its curve, which falls fast."},
    ),
    Claim(
        *("KUM-02", FIGURE.format(1), "BL, start-up transient, worst seed", "about 77", "%"),
        Number("bl", error_after(1), 77, digit=1, about=True, runs=RUNS, worst=True, most=100),
        "as KUM-01; the worst of five is predicted from draws of five",
    ),
    Claim(
        *("KUM-03", FIGURE.format(1), "BL, level reached late in the 20 epochs", "about 5.8", "%"),
        Number("bl", late, 5.8, digit=0.1, about=True, runs=RUNS, most=100, point=1.5),
        "late is the mean of the last five epochs",
        LATER,
    ),
    Claim(
        *("KUM-04", FIGURE.format(1), "KUMAR, start of the curve", "near 9-10", "%"),
        Number("kumar", error_after(1), 9, 10, digit=1, about=True, runs=RUNS, most=100),
        "the end of epoch 1",
    ),
    Claim(
        *("KUM-05", FIGURE.format(1), "KUMAR, after about two epochs", "about 5", "%"),
        Number("kumar", error_after(2), 5, digit=1, about=True, runs=RUNS, most=100),
        "the end of epoch 2",
        {
            "above": "The note contradicts itself here: it also says (KUM-12) that 5 % takes 6,000 to 15,000 steps, "
            "and two epochs are 1,876."
        },
    ),
    Claim(
        *("KUM-06", FIGURE.format(1), "KUMAR, plateau", "about 4.3", "%"),
        Number("kumar", late, 4.3, digit=0.1, about=True, runs=RUNS, most=100, point=1.5),
        "the plateau is the mean of the last five epochs",
        {"above": "The note reads this off a curve that jumps; its final error (KUM-18) is higher than its plateau."},
    ),
    Claim(
        *("KUM-07", FIGURE.format(1), "seed band of the curves: KUMAR much tighter than BL", "KUMAR < BL", ""),
        Tighter("kumar", "bl", "the test error, mean over epochs, points"),
        OVER_SEEDS.format(", averaged over the 20 epochs"),
    ),
    Claim(
        *("KUM-08", FIGURE.format(1), "FC below both GM arms during the whole run", "FC < BL, KUMAR", ""),
        BelowThroughout("fc", ("bl", "kumar")),
        "at the end of every epoch",
    ),
    Claim(
        *("KUM-09", FIGURE.format(2), "KUMAR, steps to 10 % error", "about 1000-2000", "steps"),
        Number(
            "kumar",
            steps_to(10),
            1000,
            2000,
            digit=1000,
            about=True,
            runs=RUNS,
            resolution=1150,
            beside=_finer("kumar", 10),
        ),
        STEPS,
    ),
    Claim(
        *("KUM-10", FIGURE.format(2), "BL, steps to 10 % error", "about 6000-10000", "steps"),
        Number(
            "bl", steps_to(10), 6000, 10000, digit=1000, about=True, runs=RUNS, resolution=3300, beside=_finer("bl", 10)
        ),
        STEPS,
    ),
    Claim(
        *("KUM-11", FIGURE.format(2), "KUMAR, seeds that reach 5 %", "5 of 5", "seeds"),
        Count("kumar", reaches(5), 5, 5, "KUMAR seeds at or below 5 %"),
        "at any epoch's end",
    ),
    Claim(
        *("KUM-12", FIGURE.format(2), "KUMAR, steps to 5 % error", "about 6000-15000", "steps"),
        Number(
            "kumar",
            steps_to(5),
            6000,
            15000,
            digit=1000,
            about=True,
            runs=RUNS,
            resolution=6050,
            beside=_finer("kumar", 5),
        ),
        STEPS,
    ),
    Claim(
        *("KUM-13", FIGURE.format(2), "BL, seeds that reach 5 % in the budget", "0 of 5", "seeds"),
        Count("bl", reaches(5), 0, 5, "BL seeds at or below 5 %"),
        "at any epoch's end; a diverged seed has not reached it",
    ),
    Claim(
        *("KUM-14", FIGURE.format(2), "3.5 % reached by FC only", "FC only", ""),
        Together(
            Count("fc", reaches(3.5), 5, 5, "FC seeds at or below 3.5 %"),
            Count("kumar", reaches(3.5), 0, 5, "KUMAR seeds at or below 3.5 %"),
            Count("bl", reaches(3.5), 0, 5, "BL seeds at or below 3.5 %"),
        ),
        "at any epoch's end; only means all seeds of FC, and none of the others",
    ),
    Claim(
        *("KUM-15", "sec. 5, Fig. 3a", "BL, best test error", "about 5.85", "%"),
        Number("bl", best, 5.85, digit=0.01, about=True, runs=RUNS, most=100, point=1.65),
        "",
        LATER,
    ),
    Claim(
        *("KUM-16", "sec. 5, Fig. 3a", "KUMAR, best test error", "about 4.2", "%"),
        Number("kumar", best, 4.2, digit=0.1, about=True, runs=RUNS, most=100, point=1.65),
    ),
    Claim(
        *("KUM-17", "sec. 5, Fig. 3b", "BL, final test error", "about 5.9", "%"),
        Number("bl", last, 5.9, digit=0.1, about=True, runs=RUNS, most=100, point=1.2),
        "final is the last epoch",
        LATER,
    ),
    Claim(
        *("KUM-18", "sec. 5, Fig. 3b", "KUMAR, final test error", "about 4.7", "%"),
        Number("kumar", last, 4.7, digit=0.1, about=True, runs=RUNS, most=100, point=1.2),
        "final is the last epoch, which jumps by about a point from one to the next",
    ),
    Claim(
        *("KUM-19", "sec. 5, Fig. 3", "spread of the best error over seeds", "KUMAR < BL", ""),
        Tighter("kumar", "bl", "the best error, points", best),
        OVER_SEEDS.format(""),
    ),
    Claim(
        *("KUM-20", "sec. 5, Fig. 3", "neither GM arm reaches the FC net, in best or final error", "FC < both", ""),
        Together(
            Below("fc", "bl", best, "best error, points"),
            Below("fc", "bl", last, "last error, points"),
            Below("fc", "kumar", best, "best error, points"),
            Below("fc", "kumar", last, "last error, points"),
        ),
    ),
    Claim(
        *("KUM-31", "sec. 6", "KUMAR better than BL in every tracked measure", "KUMAR < BL", ""),
        Together(
            Below("kumar", "bl", steps_to(10), "steps to 10 %"),
            Below("kumar", "bl", steps_to(5), "steps to 5 %"),
            Tighter("kumar", "bl", "the best error, points", best),
            Below("kumar", "bl", best, "best error, points"),
            Below("kumar", "bl", last, "last error, points"),
            Below("kumar-single:bl", "kumar-single:kumar", onset, "onset of motion, sizes"),
        ),
        "thresholds, spread, best, final, and the onset of motion in the single layer; each must hold",
    ),
    Claim(
        *("KUM-32", "sec. 3", "calibrated deviation of the logits at the start", "0.5", "logits"),
        Identity("kumar", measure("logit_std"), 0.5, 1e-5, "deviation"),
        "over all images and outputs, on the images of the calibration",
    ),
    Claim(
        *(
            "KUM-34",
            "sec. 3",
            "BL starts at a very high loss; the fan-in draw alone does not fix the scale",
            "high",
            "",
        ),
        Together(
            Beyond("bl", initial_loss, "test loss before training, nats,", above=10 * math.log(10), untrained=True),
            Beyond("fan-in", measure("logit_std"), "deviation of the logits", below=0.05, untrained=True),
        ),
        "very high: more than ten times the ln 10 of guessing; not fixed: less than a tenth of the target",
    ),
    Claim(
        *("KUM-35", "sec. 2", "GM from BL ends near an FC net's accuracy, but trains slower", "near, slower", ""),
        Together(
            Below("bl", "fc", last, "last error, points", bound=1.0),
            Below("fc", "bl", steps_to(10), "steps to 10 %"),
        ),
        "said of the GM paper's own runs, which we do not have; near: within one point at the last epoch",
        {1: "The note's own results say the same of its runs (KUM-20)."},
    ),
    Claim(
        *("KUM-36", "sec. 6", "GM layers stay useful under a tight parameter budget", "useful", ""),
        Below("kumar-small", "fc", best, "best error, points", bound=1.0),
        "useful: a GM stack with the FC net's number of parameters (K = 1) is within one point of its best error. The "
        "note runs no comparison under a budget; its stack has ten times the parameters of its FC net, and the FC net "
        "with as many as that stack is the arm fc-matched. The rates of K = 1 are ours (a tenth), and not tuned",
        {
            "": "Part of this is training: with K = 1 a seed can stay at guessing, and other rates may do better. A GM "
            "layer also spends its parameters on the readout slope U, one C x d matrix for each component."
        },
    ),
)

STACK += known(
    Claim(
        *("KUM-40", "sec. 6", "GM layers do not quite match dense nets in speed", "not matching", ""),
        Together(
            Below("fc", "kumar", first_hit(10), "steps to 10 %"),
            Below("fc", "kumar", first_hit(5), "steps to 5 %"),
            Below("fc", "kumar", changed(row("seconds"), math.log10), "seconds of 20 epochs, decades", margin=TENTH),
        ),
        "speed: in steps to an error, with a test every 100 steps, and in seconds; FC with as many parameters stands "
        "beside",
    ),
    Claim(
        *("KUM-41", FIGURE.format(1), "KUMAR removes the start-up transient of BL", "removes", ""),
        Together(
            Below("kumar", "bl", error_after(1), "error after epoch 1, points"),
            Beyond("kumar", error_after(1), "error after epoch 1, %,", below=20),
        ),
        "after epoch 1, where the note's curves begin; removed: below 20 %, far from the 55 % that it reads off BL",
    ),
    Claim(
        *("KUM-42", "sec. 3", "from KUMAR training starts in the right range, from BL it does not", "right range", ""),
        Together(
            Beyond("kumar", initial_loss, "test loss before training, nats,", below=2 * math.log(10), untrained=True),
            Beyond("bl", initial_loss, "test loss before training, nats,", above=2 * math.log(10), untrained=True),
        ),
        "the right range: at most twice the ln 10 of guessing",
    ),
    Claim(
        *("KUM-44", "sec. 3", "fan-in scaling is right for a ReLU network, and not for a GM layer", "right target", ""),
        Together(
            Beyond(
                "fc", measure("logit_std"), "deviation of the logits", above=0.5**0.5, below=2 * 2**0.5, untrained=True
            ),
            Beyond("fan-in", measure("logit_std"), "deviation of the logits", below=0.05, untrained=True),
        ),
        "the FC net's Kaiming draw keeps the second moment: logits of deviation sqrt 2 on images of unit variance, "
        "within a "
        "factor 2; a sampled ReLU network is the FC net",
    ),
)

STACK += (
    Claim(
        *("KUM-45", "sec. 1", "sigma -> 0 gives point neurons", "limit", ""),
        Calculated("difference at sigma = 1e-6, over the largest value", of.small_sigma, below=1e-4),
    ),
    Claim(
        *("KUM-46", "sec. 1", "the ReLU-Gaussian expectation has an exact form, no sampling is needed", "exact", ""),
        Calculated("difference to quadrature, over the largest value", of.closed_form_error, below=1e-12),
    ),
    Claim(
        *("KUM-47", "sec. 1", "a GM layer is an infinitely wide two-layer block", "limit", ""),
        Calculated("slope of the error of m sampled neurons over m", of.sampling_slope, above=-0.7, below=-0.3),
    ),
)

# -- one layer -------------------------------------------------------------------------------------------------------

ONE_RUN = "the note shows one run and no spread, so the margin is half the last printed digit"
SPREAD = "The note gives two decimals of one run; seeds differ by more than that."

SINGLE: tuple[Claim, ...] = (
    Claim(
        *("KUM-21", "sec. 5, Fig. 4", "BL (named first), single layer, K = 5, final error", "6.68", "%"),
        Number("bl", last, 6.68, digit=0.01, most=100),
        ONE_RUN,
        {"above": SPREAD, "below": SPREAD},
    ),
    Claim(
        *("KUM-22", "sec. 5, Fig. 4", "KUMAR (named second), single layer, K = 5, final error", "6.49", "%"),
        Number("kumar", last, 6.49, digit=0.01, most=100),
        ONE_RUN,
        {"above": SPREAD, "below": SPREAD},
    ),
    Claim(
        *("KUM-23", "Fig. 4", "BL, single layer: ellipses large at epoch 0 and nearly static", "static", ""),
        Together(
            Beyond(
                *("bl", moved, "way of the centres, initial sizes,"),
                below=0.5,
                beside=(Beside("way in the plane, initial radii", "bl", moved_in_plane),),
            ),
            Beyond("bl", start_size, "initial / final size", above=0.5),
        ),
        "proxies in all 784 directions (see the decisions); the way in the plane of the picture stands beside",
        {1: "What the note shows is the plane of one run, where the way is that in the details."},
    ),
    Claim(
        *("KUM-24", "Fig. 4", "KUMAR, single layer: tight start, outward from epoch 1, growing, turning", "moving", ""),
        Together(
            Beyond("kumar", outward, "final / initial distance from the origin", above=2.0),
            Beyond("kumar", first_epoch, "share of the way made in epoch 1", above=0.1),
            Beyond("kumar", growth, "final / initial radius in the plane", above=2.0),
            Beyond(
                *("kumar", turn, "turn of the long axes, degrees,"),
                above=10.0,
                beside=(Beside("turn of the long axes, degrees", "bl", turn),),
            ),
        ),
        "four proxies, of which each must hold (see the decisions). The turn says little by itself: the long axis of "
        "an ellipse that is nearly a circle turns freely, and BL's turns as well",
    ),
    Claim(
        *("KUM-33", "sec. 3", "calibration takes 2048 images, no labels and no gradient step", "2048", "images"),
        Together(
            Identity("kumar", measure("calibration_images"), 2048, 0, "images that it sees"),
            Identity("kumar", measure("calibration_gradients"), 0, 0, "passes with gradients"),
        ),
        "so by construction: initialisations are given images and no labels; counted where images reach the layer",
    ),
)

SINGLE += known(
    Claim(
        *("KUM-37", FIGURE.format(4), "single layer: final errors of BL and KUMAR are similar", "similar", "%"),
        Similar("bl", "kumar", last, "last error, points", 0.5),
        "similar: within 0.5 points; the note's differ by 0.19",
    ),
    Claim(
        *("KUM-38", FIGURE.format(4), "KUMAR, single layer: components go distinct ways", "distinct", ""),
        Together(
            Beyond(
                "kumar",
                apart,
                "mean angle between two ways in the plane, degrees",
                above=45,
                beside=(Beside("the same", "bl", apart),),
            ),
            Below("bl", "kumar", apart, "mean angle, degrees"),
        ),
        "from the stored paths in the plane; five directions spread evenly have 90",
    ),
    Claim(
        *("KUM-43", FIGURE.format(4), "single layer: KUMAR trains faster", "gap", "steps"),
        Alongside(
            Below("kumar", "bl", steps_to(10), "steps to 10 %"),
            {
                "first hits": Below("kumar", "bl", first_hit(10), "steps to 10 %"),
                "area": Below("kumar", "bl", area, "area, points"),
            },
        ),
    ),
)

# -- the first epoch of one layer -------------------------------------------------------------------------------------


def readout_over_centres(run: Run) -> float | None:
    """The change of the readout in epoch 1 over that of the centres, each over its norm before."""
    readout, centres = (measure(f"{name}_change")(run) for name in ("readout", "centre"))
    return readout / centres if readout is not None and centres else None


EARLY: tuple[Claim, ...] = (
    Claim(
        *(
            "KUM-39",
            FIGURE.format(4),
            "BL rescales the readout first, and its centres wait",
            "defers",
            "",
        ),
        Together(
            Beyond("bl", measure("settled"), "steps until the logits have their scale", above=100),
            Beyond(
                *("bl", readout_over_centres, "change of the readout over that of the centres"),
                above=1,
                beside=(Beside("part of the rescaling that the readout makes alone", "bl", measure("by_readout")),),
            ),
            Beyond("bl", measure("moved_before"), "part of the centres' change before that", below=0.1),
            Beyond("kumar", readout_over_centres, "change of the readout over that of the centres", below=1),
        ),
        "epoch 1 of the single layer, proxies as in the decisions. They were written after a look at seeds 0 and 100: "
        "BL's logits come down in a handful of steps",
    ),
)

# -- the screen of pairs ---------------------------------------------------------------------------------------------

MEASURES = (("best error", best), ("smoothed final error", late), ("area under the curve", area))

SCREEN = tuple(
    Claim(
        id=f"KUM-{25 + 3 * row + column}",
        source="sec. 4",
        statement=f"screen, {title}, {what}: KUMAR wins",
        printed="10 of 10",
        unit="seed pairs",
        evidence=Count("kumar", None, 10, 10, "pairs won", other="bl", statistic=statistic),
        protocol="the stack 784-100-10; a diverged seed loses its pair; see the decisions for smoothing and area",
        data=data,
    )
    for row, (title, data) in enumerate((("MNIST", "mnist"), ("Fashion-MNIST", "fashion-mnist")))
    for column, (what, statistic) in enumerate(MEASURES)
)

# -- cells that take less than a minute -----------------------------------------------------------------------------

SINGLE = quick(*SINGLE)
EARLY = quick(*EARLY)
