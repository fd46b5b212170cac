"""The saved outputs of timed calls against the reference, in units of the error measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from gmbench import registry
from gmbench.contract import EPS, TINY, LayerType
from gmbench.timing.inputs import deciding_rows, outputs_path, read, reference_decides
from gmbench.timing.sizes import STEP, Size, layer_axes
from gmbench.timing.turns import Candidate, Rounds
from gmbench.timing.workloads import RATE, Arrays, output_names

if TYPE_CHECKING:
    from gmbench.references import Enclosure

ROWS = 8  # of a value that is compared alone
FORMULA = "eager"  # the implementation of every layer type that reads like its formula
PARTS = ("mid", "rest", "radius")
WORDS = 2**23  # float64 numbers that one temporary of the reference may hold


class Mismatch(Exception):  # noqa: N818 (it is a finding)
    """A candidate has no time: a timed call returned something else than the reference, or it failed otherwise."""

    status = "failed"


class Undecided(Exception):  # noqa: N818
    """The reference is not sharp enough to tell."""

    status = "inconclusive"


def verify(candidate: Candidate, rounds: Rounds, claim: float) -> list[float]:
    """The largest error of each call of an implementation whose outputs were saved, in ulps of the error measure.

    :param claim: ulps
    :raises Mismatch: if it failed when it was timed, an output is wrong, or its clock is doubted
    :raises Undecided: if the reference cannot decide an output
    """
    if candidate.error or not candidate.saved:
        raise Mismatch(candidate.error or "no timed call kept its outputs")
    what, errors = (rounds.kind, rounds.size, rounds.dtype, claim, rounds.direction), []
    try:
        for number in set(candidate.saved.values()):
            file = outputs_path(rounds.folder, candidate.number, number)
            errors.append(largest_error(*what, rounds.inputs[number], file))
    except (OSError, ValueError, KeyError) as error:  # what it wrote is no result
        raise Mismatch(str(error)) from None
    if candidate.doubt:
        raise Mismatch(candidate.doubt)
    return errors


def largest_error(
    kind: LayerType, size: Size, dtype: str, claim: float, direction: str, inputs: Arrays, outputs: Path
) -> float:
    """The largest error of one timed call, in ulps of the error measure.

    A random part of the rows is compared with the reference, and the gradients of the parameters, where there are
    some, with the formula in float64 over all rows; in float64 with the reference, over the rows that decide them.

    :param inputs: float64 arrays, as they were drawn
    :param outputs: the file that the timing process wrote
    :raises Mismatch: beyond the claim, of another shape, or if the call changed its inputs
    :raises Undecided: if the reference cannot decide it
    """
    got = read(outputs)
    for name in [name for name in got if name.startswith("given.")]:
        if not np.array_equal(got.pop(name), inputs[name.removeprefix("given.")]):
            raise Mismatch(f"a timed call changed its input {name.removeprefix('given.')}")
    expected = output_names(kind, size, direction)
    if set(got) != set(expected):
        raise Mismatch("a timed call did not return what was asked for")
    if direction == STEP:
        return _step(kind, size, dtype, claim, inputs, got)
    exact = {name: inputs[name] for name in ("x", *kind.names)}
    return _layer(kind, got, exact, inputs["G"], dtype, claim)


def _layer(
    kind: LayerType, got: dict[str, np.ndarray], exact: Arrays, G: np.ndarray, dtype: str, claim: float
) -> float:
    """The largest error of one layer's value and, where they are there, gradients."""
    shapes = {"value": G.shape, **{name: array.shape for name, array in exact.items()}}
    for name, array in got.items():
        if name != "value" and array.shape == (0,):
            got[name] = np.zeros(shapes[name])  # autograd says: unused
        elif array.shape != shapes[name]:
            raise Mismatch(f"{name} has the shape {array.shape}, expected {shapes[name]}")
    some = np.random.default_rng().permutation(len(G))[:ROWS]
    error = compare(kind, _rows(got, some), _rows(exact, some), G[some], dtype, claim)
    if set(got) <= {"value", "x"}:
        return error
    against = _by_reference if reference_decides(dtype) else _by_formula
    return max(error, against(kind, got, exact, G, dtype, claim))


def _by_reference(kind: LayerType, got: Arrays, exact: Arrays, G: np.ndarray, dtype: str, claim: float) -> float:
    """Of the gradients of the parameters, by the reference, from the rows that decide them."""
    deciding = deciding_rows(G, dtype)
    rest = np.delete(np.arange(len(G)), deciding)
    got, inputs = (_rows(arrays, deciding, True) for arrays in (got, exact))
    truth = enclosures(kind, inputs, G[deciding])
    if len(rest):
        little = _bounds(kind, exact | {"x": exact["x"][rest]}, G[rest], dtype, claim)
        truth |= {n: replace(truth[n], radius=truth[n].radius + little[n]) for n in kind.names}
    return compare(kind, got, inputs, G[deciding], dtype, claim, truth)


def _by_formula(kind: LayerType, got: Arrays, exact: Arrays, G: np.ndarray, dtype: str, claim: float) -> float:
    """Of the gradients of the parameters, by the formula in float64, from all rows."""
    from gmbench.checks.errors import obtain
    from gmbench.references import Enclosure

    formula = registry.load().implementation(kind.name, FORMULA)
    ulps = formula.ulps["float64"]

    def part(x: np.ndarray, G: np.ndarray) -> Arrays:
        arrays, fault = obtain(formula, exact | {"x": x}, G, "float64", "cpu")
        if fault:
            raise Undecided(f"{formula.key} {fault}")
        return arrays

    sums = _joined(kind, exact, G, part)
    S64 = _bounds(kind, exact, G, "float64", ulps)
    truth = {n: Enclosure(sums[n], np.zeros_like(sums[n]), ulps * EPS["float64"] * S64[n]) for n in kind.names}
    return compare(kind, {name: got[name] for name in kind.names}, exact, G, dtype, claim, truth)


def _rows(arrays: Arrays, rows: np.ndarray, parameters: bool = False) -> dict[str, np.ndarray]:
    """Some rows of what has rows; of the outputs of a call the parameters' gradients only if they are wanted."""
    cut = {name: array[rows] for name, array in arrays.items() if name in ("value", "x")}
    whole = parameters or "value" not in arrays
    return cut | ({name: array for name, array in arrays.items() if name not in cut} if whole else {})


def _step(kind: LayerType, size: Size, dtype: str, claim: float, inputs: Arrays, got: Arrays) -> float:
    """The largest error of the layers of a training step, each on what the layer before it really gave.

    So every layer is compared as a single one is; what is between and behind them is compared with its formula.
    """
    errors = []
    x, last = inputs["x"], len(size.widths) - 2
    for place, axes in enumerate(layer_axes(kind, size)):
        value, G = got[f"{place}.value"], got[f"{place}.G"]
        for name, array in (("value", value), ("G", G)):
            if array.shape != (size.batch, axes[kind.out_features]):
                raise Mismatch(f"{place}.{name} has the shape {array.shape}")
        exact = {"x": x, **{name: inputs[f"{place}.{name}"] for name in kind.names}}
        of_layer = {"value": value, **{name: got[f"{place}.{name}"] for name in kind.names}}
        if place > 0:
            of_layer["x"] = got[f"{place - 1}.G"]
        errors.append(_layer(kind, of_layer, exact, G, dtype, claim))
        for name in kind.names:
            before, gradient = exact[name], of_layer[name]
            after = got[f"{place}.{name}.after"]
            room = 2 * EPS[dtype] * (np.abs(before) + RATE * np.abs(gradient)) + TINY[dtype]
            if after.shape != before.shape or not (np.abs(after - (before - RATE * gradient)) <= room).all():
                raise Mismatch(f"the update of {place}.{name} is wrong")
        x = value
    logits, G = got[f"{last}.value"], got[f"{last}.G"]
    chosen = np.eye(size.widths[-1])[inputs["labels"].astype(int)]
    expected = (softmax(logits, axis=1) - chosen) / size.batch
    distance = logits.max(1, keepdims=True) - logits
    room = 16 * EPS[dtype] * (softmax(logits, axis=1) * (1 + distance) + chosen) / size.batch + TINY[dtype]
    if not (np.abs(G - expected) <= room).all():
        raise Mismatch("the gradient of the cross entropy is wrong")
    return max(errors)


def compare(
    kind: LayerType,
    got: Arrays,
    inputs: Arrays,
    G: np.ndarray,
    dtype: str,
    claim: float,
    truth: Mapping[str, Enclosure] | None = None,
) -> float:
    """The largest error in ulps, of the quantities in ``got``.

    At these sizes ball arithmetic is out of reach, so an error counts as within the claim only with the
    reference's own bound added to it, and as beyond only with that bound taken off.

    :param G: the cotangent ``(batch, out_features)``
    :param truth: enclosures by quantity; by default those of the reference
    :raises Mismatch: beyond the claim
    :raises Undecided: if the reference cannot decide it
    """
    truth = truth or enclosures(kind, inputs, G)
    S, S64 = (_bounds(kind, inputs, G, each, claim) for each in (dtype, "float64"))
    nondifferentiable = kind.nondifferentiable(inputs, EPS[dtype], claim)
    largest = 0.0
    for name, value in got.items():
        unit, radius = EPS[dtype] * S[name], truth[name].radius + 4 * EPS["float64"] * S64[name]
        gap = np.abs((value - truth[name].mid) - truth[name].rest)
        gap[nondifferentiable.get(name, np.zeros(gap.shape, bool)) & np.isfinite(value)] = 0.0
        # written so that NaN is wrong; a difference of exactly 0 is right whatever the unit
        ulps = np.where(gap == 0, 0.0, gap / np.maximum(unit, TINY["float64"]))
        wrong = ~(gap - radius <= claim * unit) & (gap != 0)
        if wrong.any():
            at = np.unravel_index(int(np.where(np.isnan(ulps), np.inf, ulps).argmax()), ulps.shape)
            place = ", ".join(map(str, at))
            raise Mismatch(
                f"a timed call is off by {ulps[at]:.3g} ulps of {claim:g}: {name}[{place}] = "
                f"{value[at]:.9g}, the reference has {truth[name].mid[at]:.9g}"
            )
        if (~(gap + radius <= claim * unit) & (gap != 0)).any():
            raise Undecided(f"the reference is not sharp enough for {claim:g} ulps of {dtype} ({name})")
        largest = max(largest, float(ulps.max(initial=0.0)))
    return largest


def enclosures(kind: LayerType, inputs: Arrays, G: np.ndarray) -> dict[str, Enclosure]:
    """The float64 reference of the value and of every gradient."""
    from gmbench.checks.errors import reference
    from gmbench.references import Enclosure

    def part(x: np.ndarray, G: np.ndarray) -> Arrays:
        found = reference(kind, inputs | {"x": x}, G)
        return {f"{name} {what}": getattr(found[name], what) for name in found for what in PARTS}

    joined = _joined(kind, inputs, G, part)
    return {name: Enclosure(*(joined[f"{name} {what}"] for what in PARTS)) for name in ("value", "x", *kind.names)}


def _bounds(kind: LayerType, inputs: Arrays, G: np.ndarray, dtype: str, claim: float) -> dict[str, np.ndarray]:
    """S of every quantity."""
    from gmbench.checks.errors import bound

    return _joined(kind, inputs, G, lambda x, G: bound(kind, inputs | {"x": x}, G, dtype, claim))


def _joined(
    kind: LayerType, inputs: Arrays, G: np.ndarray, part: Callable[[np.ndarray, np.ndarray], Arrays]
) -> dict[str, np.ndarray]:
    """What ``part(x, G)`` gives of a few rows at a time, for its temporaries grow with the rows and the parameters:
    of a value and the gradient of x the rows, of any other gradient the sum.
    """
    step = max(1, WORDS // sum(inputs[name].size for name in kind.names))
    parts: dict[str, list[np.ndarray]] = {}
    for i in range(0, len(G), step):
        for name, array in part(inputs["x"][i : i + step], G[i : i + step]).items():
            parts.setdefault(name, []).append(array)
    return {
        name: np.concatenate(arrays) if name.partition(" ")[0] in ("value", "x") else np.sum(arrays, axis=0)
        for name, arrays in parts.items()
    }
