"""What the columns of the frames of :func:`gmbench.load` are, with their units."""

from __future__ import annotations

from collections.abc import Mapping

from gmbench.names import choose

_MADE = {
    "machine": "what it was made on: processor, usable cores, GPU",
    "torch": "version of torch",
    "commit": "of the checkout that made it; ends in -dirty if its code differed from that",
    "when": "UTC, ISO 8601, to the second",
}

CHECKS = {
    "layer_type": "the layer type, such as gm",
    "implementation": "its full name, such as gm/eager",
    "source": "where the implementation comes from: built in, the package, or file",
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
# what every training measures; what an experiment measures beside stands where it is declared
MEASURES = {
    "diverged": "step of the first loss that was not finite; None if there was none",
    "parameters": "trained parameters of the network",
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

# the columns that a frame always has, by its kind
COLUMNS: Mapping[str, Mapping[str, str]] = {"checks": CHECKS, "timings": TIMINGS, "cells": CELLS, "claims": CLAIMS}


def others(kind: str) -> dict[str, str]:
    """The columns that a frame may have beside: of cells what their experiments measure, of the whole or of every
    epoch. A star stands for a number.
    """
    if kind == "cells":
        from gmbench.experiments import experiments

        return MEASURES | {name: what for each in experiments().values() for name, what in each.measures.items()}
    return FURTHER if kind == "timings" else {}


def described(kind: str) -> dict[str, str]:
    """Every column of a kind's frame, and what it is.

    :raises ContractError: if there is no such kind, with the nearest one
    """
    return {**choose("kind of results", kind, COLUMNS), **others(kind)}
