"""The error measure: errors in ulps, which are units of eps * S, with S the running error bound of the layer's formula.

Inputs, values and bounds are float64 arrays by name here, whatever the dtype that is judged: ``x (B, d)`` and the
parameters go in, ``value (B, C)`` and a gradient for each of them come out. The cotangent is ``G (B, C)``, and a
gradient that of sum(G * value).
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from gmbench.checks.cases import Case
from gmbench.contract import EPS, TINY, Implementation, LayerType
from gmbench.registry import layer_type

if TYPE_CHECKING:
    from gmbench.references import Enclosure

Arrays = dict[str, np.ndarray]
Tensors = dict[str, torch.Tensor]

BETTER = 10.0  # times: how much better than the tolerance a reference must be
UNDECIDED = 0.05  # share of the entries that may stay undecided at sizes out of reach of ball arithmetic
WAIVED = 256.0  # stands inside S for the claim of an approximate implementation


@dataclass
class Errors:
    """The largest error of each quantity (the value and each gradient) in ulps, and which entry has it, in words.

    ``undecided`` are the quantities for which the reference is not sharp enough, ``infinite`` those with an entry that
    is not finite.
    """

    ulps: dict[str, float] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    undecided: set[str] = field(default_factory=set)
    infinite: set[str] = field(default_factory=set)
    fault: str = ""  # what was raised, or wrong in form


def rounded(arrays: Mapping[str, np.ndarray], dtype: str) -> Arrays:
    """Arrays rounded to the dtype, as float64: what the implementation will be given, exactly."""
    if dtype == "float64":
        return {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    kind = getattr(torch, dtype)
    return {n: torch.from_numpy(np.array(a, dtype=np.float64)).to(kind).double().numpy() for n, a in arrays.items()}


def tensors(arrays: Mapping[str, np.ndarray], dtype: str, device: str, gradients: bool = False) -> Tensors:
    """Fresh contiguous tensors of float64 arrays.

    :param gradients: they ask for them
    """
    kind = getattr(torch, dtype)
    return {
        name: torch.tensor(np.ascontiguousarray(array), dtype=kind, device=device).requires_grad_(gradients)
        for name, array in arrays.items()
    }


def array_of(tensor: torch.Tensor) -> np.ndarray:
    """A tensor as a float64 array."""
    return tensor.detach().to("cpu", torch.float64).numpy()


@functools.lru_cache(maxsize=1024)
def inputs_of(case: Case, dtype: str) -> tuple[Arrays, np.ndarray]:
    """Inputs and cotangent of a case, rounded to the dtype."""
    inputs, G = case.draw()
    exact = rounded({**inputs, "G": G}, dtype)
    return exact, exact.pop("G")


@functools.lru_cache(maxsize=4096)
def _reference_of(case: Case, dtype: str) -> dict[str, Enclosure]:
    return reference(layer_type(case.layer_type), *inputs_of(case, dtype))


@functools.lru_cache(maxsize=512)
def _ball_of(case: Case, dtype: str) -> dict[str, Enclosure]:
    inputs, G = inputs_of(case, dtype)
    return reference(layer_type(case.layer_type), inputs, G, ball=True)


@functools.cache
def reference_function(kind_name: str, ball: bool) -> Callable[..., dict[str, Enclosure]]:
    """The reference of a layer type: by Gauss-Legendre rules in float64, or in ball arithmetic."""
    module, _, name = layer_type(kind_name).reference.partition(":")
    return getattr(importlib.import_module(module), f"{name}_ball" if ball else name)


def reference(kind: LayerType, inputs: Arrays, G: np.ndarray, ball: bool = False) -> dict[str, Enclosure]:
    """The reference's enclosures of the value and the gradients, each with a bound on its own error."""
    function = reference_function(kind.name, ball)
    with np.errstate(all="ignore"):
        return function(inputs, G)


def bound(kind: LayerType, inputs: Arrays, G: np.ndarray, dtype: str, claim: float) -> Arrays:
    """S of the value and of every gradient: what one eps on every input and operation may do to it.

    :param claim: the ulps within which the exponentials of the formula are taken where they are largest
    """
    with np.errstate(all="ignore"):
        return kind.bound(inputs, G, EPS[dtype], TINY[dtype], claim)


def call(implementation: Implementation, given: Tensors) -> torch.Tensor:
    """The implementation's value; parameters go in by name, as the contract says."""
    return implementation.function(given["x"], **{n: t for n, t in given.items() if n != "x"})


def form_fault(out: object, x: torch.Tensor, features: int) -> str:
    """What is wrong with the form of a result, which is to be a tensor ``(..., features)``; or an empty text."""
    if type(out) is not torch.Tensor:
        return f"returned {type(out).__name__}, not exactly torch.Tensor"
    expected = (*x.shape[:-1], features)
    if tuple(out.shape) != expected:
        return f"returned the shape {tuple(out.shape)} for x {tuple(x.shape)}; expected {expected}"
    return ""


def obtain(
    implementation: Implementation, inputs: Arrays, G: np.ndarray, dtype: str, device: str
) -> tuple[Arrays, str]:
    """What an implementation gives for inputs: its value and gradients, and a fault (a line) in place of them."""
    gradients = implementation.derivatives >= 1
    given = tensors(inputs, dtype, device, gradients)
    try:
        out = call(implementation, given)
        fault = form_fault(out, given["x"], G.shape[1])
        if fault:
            return {}, fault
        got = {"value": array_of(out)}
        if gradients:
            cotangent = torch.tensor(G, dtype=out.dtype, device=out.device)
            found = torch.autograd.grad((cotangent * out).sum(), list(given.values()), allow_unused=True)
            for (name, tensor), gradient in zip(given.items(), found, strict=True):
                got[name] = np.zeros(tensor.shape) if gradient is None else array_of(gradient)
        return got, ""
    except Exception as error:
        text = " ".join(str(error).split())
        return {}, f"raised {type(error).__name__}: {text[:300]}"


def compare(
    kind: LayerType,
    got: Arrays,
    inputs: Arrays,
    G: np.ndarray,
    dtype: str,
    claim: float | None,
    low: dict[str, Enclosure],
    high: Callable[[], dict[str, Enclosure]] | None,
    better: float = BETTER,
) -> Errors:
    """Errors of what was obtained, in ulps.

    :param got: the value, and the gradients there are
    :param claim: the claimed ulps, or None for an approximate implementation: then nothing is undecided, and entries
        that no rounding can touch (S = 0) are not compared
    :param low: enclosures by Gauss-Legendre
    :param high: returns enclosures in ball arithmetic, called only where the first cannot decide; None for sizes that
        are out of their reach
    :param better: how many times better than the tolerance the reference must be
    """
    result = Errors()
    exact, claim = claim is not None, claim or WAIVED
    S = bound(kind, inputs, G, dtype, claim)
    S64 = S if dtype == "float64" else bound(kind, inputs, G, "float64", claim)
    nondifferentiable = kind.nondifferentiable(inputs, EPS[dtype], claim)
    for name, value in got.items():
        unit = EPS[dtype] * S[name]
        compared = ~nondifferentiable[name] if name in nondifferentiable else np.ones(value.shape, bool)
        enclosure, radius = low[name], low[name].radius + 4 * EPS["float64"] * S64[name]
        decided = radius <= claim * unit / better
        if exact and high and not decided[compared].all():
            enclosure = high()[name]
            radius = enclosure.radius
            decided = radius <= claim * unit / better
        if exact and np.count_nonzero(~decided[compared]) > (0 if high else UNDECIDED * value.size):
            result.undecided.add(name)
        with np.errstate(all="ignore"):
            gap = np.abs((value - enclosure.mid) - enclosure.rest)
            ulps = np.where(gap == 0, 0.0, gap / unit)
        ulps = np.where(compared & decided & (exact | (unit > 0)), ulps, 0.0)
        ulps = np.where(np.isfinite(value), np.where(np.isnan(ulps), np.inf, ulps), np.inf)
        if not np.isfinite(value).all():
            result.infinite.add(name)
        result.ulps[name] = float(ulps.max(initial=0.0))
        if ulps.size:
            at = np.unravel_index(int(ulps.argmax()), ulps.shape)
            place = ", ".join(map(str, at))
            result.where[name] = (
                f"{name}[{place}] = {value[at]:.17g}, reference {enclosure.mid[at]:.17g} +- {radius[at]:.1g}, "
                f"one ulp is {unit[at]:.3g}"
            )
    return result


def evaluate(implementation: Implementation, case: Case, dtype: str, device: str) -> Errors:
    """Errors of an implementation on a case: a reference in float64, and one in ball arithmetic where that is vague."""
    kind = layer_type(case.layer_type)
    inputs, G = inputs_of(case, dtype)
    got, fault = obtain(implementation, inputs, G, dtype, device)
    if fault:
        return Errors(fault=fault)
    low = _reference_of(case, dtype)
    return compare(kind, got, inputs, G, dtype, implementation.ulps.get(dtype), low, lambda: _ball_of(case, dtype))
