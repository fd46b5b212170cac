"""What the columns of the frames of :func:`gmbench.load` are, with their units."""

from __future__ import annotations

from collections.abc import Mapping

_MADE = {
    "machine": "what it was made on: processor, usable cores, GPU",
    "torch": "version of torch",
    "commit": "of the checkout that made it; ends in -dirty if its code differed from that",
    "when": "UTC, ISO 8601, to the second",
}

CHECKS = {
    "layer_type": "the layer type, such as gm",
    "implementation": "its full name, such as gm/eager",
    "profile": "how thorough: smoke, ci or deep",
    "check": "value, gradient-x (of x, and alike of each parameter), or the name of another check",
    "dtype": "float32 or float64",
    "device": "cpu or cuda",
    "status": "passed, failed, inconclusive, unsupported or approximate",
    "message": "why it did not pass",
    "ulps": "largest error seen, in ulps of the error measure",
    "claim": "largest error claimed, in ulps of the error measure",
    "cases": "how many were judged",
    "inconclusive": "of how many of them the reference was too vague",
    "regimes": "of each kind of input: cases, worst and median ulps",
    "worst": "the case with the largest error, as `gmbench verify --case` takes it",
    "counterexample": "the smallest failing case, with its numbers",
    "seconds": "that the check took",
    **_MADE,
}

TIMINGS = {
    "layer_type": "the layer type, such as gm",
    "implementation": "its full name, such as gm/eager",
    "size": "the lengths of the layer's axes, or the widths of a stack, in a word",
    "batch": "rows of x",
    "dtype": "float32 or float64",
    "device": "cpu or cuda",
    "allocator": "glibc's as it is (default) or told to keep freed memory (retained); None on a GPU",
    "pass": "forward, forward+backward or training step",
    "source": "where the implementation comes from",
    "status": "passed, failed, inconclusive, unsupported or approximate; only what passed has times",
    "message": "why it did not pass",
    "median": "of a call, seconds; of several runs the median of theirs",
    "low": "lower end of its 95 % interval, seconds",
    "high": "upper end of it, seconds",
    "ratio": "median of the ratios of interleaved calls to the floor",
    "ratios": "the same to everything that was timed in turns with it, by name, each with its 95 % interval",
    "samples": "seconds of every call, a list a run",
    "ulps": "largest error of the timed calls that were compared, in ulps of the error measure",
    "claim": "largest error claimed, in ulps of the error measure",
    "verified": "how many timed calls were compared with the reference",
    "peak_bytes": "memory that a call takes on top, bytes",
    "dropped": "calls left out because other work interrupted them",
    "disturbed": "whether nearly every call was interrupted, so that none was left out",
    "runs": "how many processes were started one after the other",
    "threads": "that a call may use",
    "load": "least and largest load average of the machine beside it",
    "capability": "vector instructions of the CPU, as torch names them",
    "group": "the same for rows that were timed in turns",
    **_MADE,
}
# of some layer types and sizes: lengths of axes, and what was timed beside
FURTHER = {
    **{"K": "components", "M": "units", "n": "projections of a unit", "d": "in_features", "C": "out_features"},
    "floor": "median seconds of the products and exponentials that no implementation can do without",
    "linear": "median seconds of a dense layer of the same width",
    "linear_matched": "median seconds of a dense layer with as many parameters",
    "kan": "median seconds of a Kolmogorov-Arnold network with as many parameters",
}

CELLS = {
    "cell": "its id: sha256 of its spec",
    "experiment": "its name, such as kumar",
    "version": "of the experiment; cells of two versions cannot be compared",
    "data": "the data set or problem",
    "digest": "sha256 of the data, or of the words that define the problem",
    "budget": "smoke, quick, reduced or paper",
    "epochs": "of a whole training",
    "arm": "what was trained, by the experiment's name for it",
    "seed": "of initialisation and order",
    "device": "cpu or cuda",
    "implementation": "of the arm's layers; None where it has none",
    "implementation_sha256": "of its file, if it came from one",
    "initialisation": "where it is not the arm's own",
    "initialisation_sha256": "of its file, if it came from one",
    "settings": "that are not the arm's own, in words; None where all are",
    "split": "validation: the test columns are of a part of the training data; else None",
    "images": "of the training data, where these were not all",
    "epoch": "0 is before training",
    "step": "training steps so far",
    "test_error": "in the unit of the experiment's metric: wrong labels in %, or a mean square",
    "test_loss": "on the test set: cross-entropy in nats, or the mean square; None if not finite",
    "train_loss": "mean over the epoch's steps; None before training, or if not finite",
    "seconds": "since training began",
    "cell_seconds": "that the whole cell took, by the clock",
    "cell_cpu_seconds": "that the whole cell took, of CPU time",
    **_MADE,
}
# what some experiments measure of a whole cell, or of every epoch; a star stands for a number
MEASURES = {
    "diverged": "step of the first loss that was not finite; None if there was none",
    "parameters": "trained parameters of the network",
    "steps_to_*": "training steps to the first test with at most so many % error; None for never",
    # before training
    "logit_std": "deviation of all logits before training",
    "class_std": "mean over outputs of a logit's deviation over images, before training",
    "offset_std": "deviation of the logits' means over images, before training",
    "hidden_std": "deviation of what the first layer puts out, before training",
    "calibration_images": "the most images that reached a layer in one pass while it was initialised",
    "calibration_gradients": "passes in its initialisation that could have had a gradient",
    # of parameters
    "sigma_min": "least sigma at the end",
    "sigma_max": "largest sigma at the end",
    "sigma_negative": "share of sigma that is below 0 at the end",
    "per_connection": "parameters for each pair of an input and a neuron",
    "attention_parameters": "parameters of attention among all",
    # of neurons of the first layer, means over them, at the end and, ending in _start, before training
    "effective_inputs": "inputs that a neuron looks at: exponential of the entropy of its weights",
    "top_share": "share of a neuron's weight that its ten largest inputs hold",
    "spread": "root mean square distance of a neuron's weight from its centre in the image, over that of equal weights",
    "lead": "share of the leading component in all terms of a neuron",
    "leaders": "components that lead: exponential of the entropy of which one does over images",
    "dominance": "share of images at which the most frequent leader leads",
    "class_information": "share of the class's entropy that the leading component tells",
    "range": "range of a neuron over test images, without 0.1 % at both ends",
    "deviation": "deviation of a neuron over test images",
    "constant": "share of neurons with less than 1 % of the median range",
    # of outputs
    "calibration_error": "of the largest softmax probability, in 15 equal bins",
    "errors_found": "chance that a right answer has a larger softmax probability than a wrong one",
    "blends_found": "chance that a test image scores above the mean of two of two classes",
    "cross_entropy": "of the softmax of the outputs on the test set, nats",
    # of training
    "min_test_loss": "lowest test loss of any epoch",
    "last_test_loss": "test loss of the last epoch",
    "min_train_loss": "lowest training loss of any epoch",
    "last_train_loss": "training loss of the last epoch",
    "train_best": "lowest training error or loss of any epoch",
    "train_last": "training loss of the last epoch",
    "train_error": "mean square on all training points or windows",
    "best_step": "step of the lowest test error",
    "evaluations": "of loss and gradient",
    "step_ms": "median training step, milliseconds",
    "step_ratio": "median ratio of a training step to that of the plain network, in turns with it",
    "perfect_last": "1 if the last look at the test set is without an error, else 0",
    "perfect_ever": "1 if any look is without an error, else 0",
    "best_look": "lowest test error of any look, %",
    "score_last": "mean score of the test flowers at the last epoch",
    "score_best": "mean score of the test flowers at the first epoch with the lowest error",
    "missed_from_8": "best scores that coordinate ascent misses from eight starts, % of test flowers",
    "missed_from_1": "best scores that coordinate ascent misses from one start, % of test flowers",
    "front_gradient_*": "norm of the first convolution's gradient at so many steps",
    "alive": "share of a head's units above 0.001 at some test image, at the end",
    # of units of fits and heads
    "active": "share of test inputs at which a unit is above half of its largest value, mean over units, at the end",
    "closest": "median distance of a centre to its nearest, at the end over the start",
    "indefinite": "share of units whose form has a negative eigenvalue, at the end",
    "largest_gradient": "largest norm of a step's gradient over that of the first step",
    # of fits
    "bump": "mean square in the bump's box",
    "centre": "mean square within 1 of the origin",
    "boundary": "mean square on the boundary",
    "residual": "mean square of the equation's residual inside",
    "normalised": "test error over the target's variance on the grid",
    "points": "mean square on the test points, which are drawn as the training points are",
    "oracle": "test error of the least-squares solve for the output weights over the features at the start",
    "oracle_after": "test error of the least-squares solve for the output weights over the features at the end",
    "scale": "deviation of the target over the training points",
    "variance": "mean square of the test targets about their mean",
    "a*": "coefficient of the sine of a series",
    "b*": "offset of a series",
}

CLAIMS = {
    "id": "such as KUM-16",
    "paper": "kumar, gmnm or ugmm",
    "experiment": "whose cells decide it",
    "source": "where it stands in the paper",
    "statement": "what the paper states",
    "published": "a number, a pair of numbers (a range) or text, in `unit`",
    "printed": "as it stands in the paper, with its unit",
    "unit": "of published, margin, measured, interval, low and high",
    "margin": "of a number what is allowed on either side, of an ordering the difference that counts as none, or None",
    "measured": "ours: a number (of an ordering the mean difference, of a count how many of `seeds`) or text",
    "shown": "the same in words",
    "interval": "our 95 % interval over seeds; None where there is none",
    "prediction": "the 95 % interval in which a printed number is expected; None of others",
    "resolution": "of a printed number: half the widest prediction interval that says something",
    "low": "the published value less its margin",
    "high": "the published value and its margin",
    "seeds": "how many ours rests on",
    "verdict": "one of gmbench.claims.verdicts.VERDICTS",
    "said": "the verdict with its direction and size, or with how many seeds would decide",
    "needed": "of too few seeds: how many would decide; None where no number of ours would",
    "p": "of the test that decides it, alone; None where nothing is tested",
    "holm": "the same among the parts of a claim",
    "dataset": "the claim's first data set",
    "datasets": "all that its evidence looks at",
    "budget": "of the cells",
    "parts": "of a claim of several parts what was found of each: margin to holm as above",
    "tests": "the p of every test that it rests on, each alone",
    "protocol": "what the paper leaves open, and the choice or the proxy",
    "detail": "what else the verdict rests on",
    "remark": "why it does not hold",
    "command": "runs its cells",
}

# the columns that a frame always has, by its kind, and what it may have beside
COLUMNS: Mapping[str, Mapping[str, str]] = {"checks": CHECKS, "timings": TIMINGS, "cells": CELLS, "claims": CLAIMS}
OTHERS: Mapping[str, Mapping[str, str]] = {"timings": FURTHER, "cells": MEASURES}


def described() -> str:
    """Every column of every kind, a line each."""
    lines = []
    for kind, columns in COLUMNS.items():
        lines += ["", f"{kind}:", *(f"    {name}: {what}" for name, what in columns.items())]
        if kind in OTHERS:
            lines += ["  and some of", *(f"    {name}: {what}" for name, what in OTHERS[kind].items())]
    return "\n".join(lines)
