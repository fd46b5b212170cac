"""Values, gradients, limits and properties: is it right, and how right.

Each check is a function of an implementation, a dtype, a device and a profile, and returns its record.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gmbench.checks import records
from gmbench.checks.cases import Case, cases
from gmbench.checks.errors import (
    BETTER,
    WAIVED,
    Arrays,
    Errors,
    array_of,
    bound,
    call,
    compare,
    evaluate,
    form_fault,
    inputs_of,
    obtain,
    reference,
    rounded,
    tensors,
)
from gmbench.checks.profiles import Profile
from gmbench.checks.search import CaseResult, search
from gmbench.contract import EPS, TINY, Implementation, LayerType
from gmbench.registry import layer_type

if TYPE_CHECKING:
    from gmbench.references import Enclosure


# A name, inputs, a cotangent, and their enclosures as a function of whether by ball arithmetic.
Given = tuple[str, Arrays, np.ndarray, "Callable[..., dict[str, Enclosure]]"]


def _case_result(errors: Errors, quantity: str, claim: float | None) -> CaseResult:
    """The outcome of one quantity of one case; without a claim only what is not finite fails."""
    if errors.fault:
        return CaseResult(failure=errors.fault)
    ulps = errors.ulps[quantity]
    if quantity in errors.infinite:
        return CaseResult(failure=f"not finite: {errors.where[quantity]}")
    if claim is not None and ulps > claim:
        return CaseResult(ulps, failure=f"{ulps:.3g} ulps, claimed {claim:g}: {errors.where[quantity]}")
    return CaseResult(ulps, undecided=quantity in errors.undecided)


def quantity(
    name: str, implementation: Implementation, dtype: str, device: str, profile: Profile, case: Case | None = None
) -> records.Record:
    """The value, or one gradient, against the reference over the whole domain.

    :param name: ``value``, or the name of the input that the gradient is by
    :param case: judge this one alone
    """
    claim = implementation.ulps.get(dtype)
    shared = _evaluations(implementation, dtype, device)

    def judge(case: Case) -> CaseResult:
        return _case_result(shared(case), name, claim)

    check = name if name == "value" else f"gradient-{name}"
    strategy = cases(implementation)
    return search(implementation, check, dtype, device, profile, strategy, judge, profile.examples, only=case)


_RECENT: list[tuple[tuple[Implementation, str, str], Callable[[Case], Errors]]] = []


def _evaluations(implementation: Implementation, dtype: str, device: str) -> Callable[[Case], Errors]:
    """Evaluations of one implementation, shared by its value and gradient checks, which draw the same cases."""
    for key, shared in _RECENT:
        if key == (implementation, dtype, device):
            return shared
    shared = functools.lru_cache(maxsize=20_000)(lambda case: evaluate(implementation, case, dtype, device))
    _RECENT[:] = [*_RECENT[-1:], ((implementation, dtype, device), shared)]
    return shared


def limits(implementation: Implementation, dtype: str, device: str, profile: Profile) -> records.Record:
    """Values and gradients where the formula degenerates."""
    kind = layer_type(implementation.layer_type)

    def inputs() -> Iterator[Given]:
        for name, given in kind.limits(dtype).items():
            exact = rounded({**given, "G": _cotangent(kind, given)}, dtype)
            yield name, exact, exact.pop("G"), functools.partial(_limit, kind.name, name, dtype)

    return _given(implementation, "limits", dtype, device, inputs(), balls=True)


def large(implementation: Implementation, dtype: str, device: str, profile: Profile) -> records.Record:
    """Value and gradients at the sizes that are used in earnest, against the float64 reference.

    Ball arithmetic is out of reach there, so the reference need only be twice as good as the tolerance.
    """
    kind = layer_type(implementation.layer_type)

    def inputs() -> Iterator[Given]:
        for number, (sizes, batch, regime) in enumerate(kind.domain.large[: 1 if implementation.compiled else None]):
            case = Case(kind.name, tuple(sizes.items()), batch, regime, seed=number)
            yield str(case), *inputs_of(case, dtype), functools.partial(_large, case, dtype)

    return _given(implementation, "large", dtype, device, inputs(), balls=False, better=2.0)


def _given(
    implementation: Implementation,
    check: str,
    dtype: str,
    device: str,
    inputs: Iterable[Given],
    balls: bool,
    better: float = BETTER,
) -> records.Record:
    """The record of a check on given inputs.

    :param balls: the reference by ball arithmetic is within reach
    """
    kind = layer_type(implementation.layer_type)
    claim = implementation.ulps.get(dtype)
    faults, ulps, cases, undecided = [], 0.0, 0, 0
    for name, exact, G, enclosures in inputs:
        got, fault = obtain(implementation, exact, G, dtype, device)
        if fault:
            faults.append(f"{name}: {fault}")
            continue
        high = functools.partial(enclosures, True) if balls else None
        errors = compare(kind, got, exact, G, dtype, claim, enclosures(), high, better)
        cases += 1
        undecided += bool(errors.undecided)
        for which in errors.ulps:
            judged = _case_result(errors, which, claim)
            ulps = max(ulps, judged.ulps or 0.0)
            if judged.failure:
                faults.append(f"{name}: {judged.failure}")
    status, message = records.PASSED, ""
    if faults:
        status, message = records.FAILED, "; ".join(faults[:3])
    elif implementation.approximate:
        status, message = records.APPROXIMATE, implementation.approximate
    elif undecided:
        status, message = records.INCONCLUSIVE, f"{undecided} of {cases} undecided"
    return records.Record(implementation.key, check, dtype, device, status, message, ulps, claim, cases, undecided)


@functools.lru_cache(maxsize=16)
def _large(case: Case, dtype: str) -> dict[str, Enclosure]:
    return reference(layer_type(case.layer_type), *inputs_of(case, dtype))


def _cotangent(kind: LayerType, given: Arrays) -> np.ndarray:
    """A cotangent of full mantissas for a limit, (batch, out_features)."""
    parameter = next(p for p in kind.parameters if kind.out_features in p.shape) if not kind.fixed else None
    width = 1 if parameter is None else given[parameter.name].shape[parameter.shape.index(kind.out_features)]
    return np.random.default_rng(7).standard_normal((len(given["x"]), width))


@functools.cache
def _limit(layer: str, name: str, dtype: str, ball: bool = False) -> dict[str, Enclosure]:
    kind = layer_type(layer)
    given = kind.limits(dtype)[name]
    exact = rounded({**given, "G": _cotangent(kind, given)}, dtype)
    G = exact.pop("G")
    return reference(kind, exact, G, ball)


def relation(
    name: str, implementation: Implementation, dtype: str, device: str, profile: Profile, case: Case | None = None
) -> records.Record:
    """A property of the layer type: sum of weight * h(inputs) = constant, within twice the claim, at wide sizes.

    What a property is, and that the sum may also be at most the constant: :mod:`gmbench.layers.relations`.

    :param name: of the property
    :param case: judge this one alone
    """
    kind = layer_type(implementation.layer_type)
    claim = 2 * implementation.ulps.get(dtype, WAIVED)

    def judge(case: Case) -> CaseResult:
        inputs, G = inputs_of(case, dtype)
        terms, constant, *below = kind.properties[name](inputs, dtype, np.random.default_rng(case.seed))
        total = np.zeros(G.shape, np.longdouble) if constant is None else -constant
        S = np.zeros(G.shape)
        for weight, changed in terms:
            changed = rounded(changed, dtype)
            given = tensors(changed, dtype, device)
            try:
                out = call(implementation, given)
            except Exception as error:
                return CaseResult(failure=f"raised {type(error).__name__}: {' '.join(str(error).split())[:300]}")
            fault = form_fault(out, given["x"], G.shape[1])
            if fault:
                return CaseResult(failure=fault)
            total = total + np.longdouble(weight) * array_of(out)
            # underflow is no error, and a term that was scaled down may underflow where the others do not
            S = S + abs(weight) * (bound(kind, changed, G, dtype, claim)["value"] + TINY[dtype] / EPS[dtype])
        if below:
            total = np.maximum(total, 0)  # NaN stays NaN
        with np.errstate(all="ignore"):
            ulps = np.where(total == 0, 0.0, np.abs(total) / (EPS[dtype] * S)).astype(float)
        worst = float(np.where(np.isnan(ulps), np.inf, ulps).max())
        if worst > claim and not implementation.approximate:
            return CaseResult(worst, failure=f"violated by {worst:.3g} ulps, twice the claim is {claim:g}")
        return CaseResult(worst)

    regimes = [r for r in ("bulk", "both") if r in kind.domain.regimes] or None
    strategy = cases(implementation, wide=True, regimes=regimes, spread=0)
    return search(implementation, name, dtype, device, profile, strategy, judge, profile.wide, False, case)


def second_derivatives(implementation: Implementation, dtype: str, device: str, profile: Profile) -> records.Record:
    """Second derivatives against differences of the first (torch's gradgradcheck).

    In float64 every entry at a few sizes, and where there is a regime of inputs that lie on the means, where norms and
    roots have their kinks, there too; along random directions at many more: each axis at 1, axes that differ, larger
    ones, x of three dimensions, and with x or the parameters alone asking for a gradient. In float32 with a long step,
    which tells a term that is lost and not its last digits.
    """
    kind = layer_type(implementation.layer_type)
    status, message, cases = records.PASSED, "", 0
    for case, bent, asking, every in _second_cases(kind, dtype):
        inputs, _ = inputs_of(case, dtype)
        given = tensors(inputs, dtype, device, gradients=True)
        if bent:
            given["x"] = given["x"].detach().unsqueeze(1).requires_grad_()
        given = {name: t if asking(name) else t.detach() for name, t in given.items()}

        def function(*values: torch.Tensor, names: tuple[str, ...] = tuple(given)) -> torch.Tensor:
            return call(implementation, dict(zip(names, values, strict=True)))

        steps = FINE if dtype == "float64" else COARSE
        cases += 1
        try:
            with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
                warnings.simplefilter("ignore")  # that float32 is not precise
                torch.manual_seed(case.seed)  # the cotangent is drawn: the same one in every process
                torch.autograd.gradgradcheck(function, tuple(given.values()), fast_mode=not every, **steps)
        except Exception as error:
            status = records.FAILED
            asked = ", ".join(name for name in given if asking(name))
            said = " ".join(str(error).split())[:400]
            message = f"{case}, gradients of {asked}: {type(error).__name__}: {said}"
            break
    return records.Record(implementation.key, "second-derivatives", dtype, device, status, message, cases=cases)


# of differences: the step, and the tolerances of gradgradcheck
FINE: dict[str, Any] = {"eps": 1e-6, "atol": 1e-6, "rtol": 1e-4}
COARSE: dict[str, Any] = {"eps": 1e-2, "atol": 2e-2, "rtol": 5e-2}  # in float32


def _second_cases(kind: LayerType, dtype: str) -> Iterator[tuple[Case, bool, Callable[[str], bool], bool]]:
    """Cases, whether x gets another axis, which inputs ask for a gradient, and whether every entry is compared."""

    def case(sizes: Mapping[str, int], batch: int = 2, regime: str = "bulk", zeros: int = 0, seed: int = 0) -> Case:
        return Case(kind.name, tuple(sizes.items()), batch, regime, zeros=zeros, seed=seed)

    def all_at(n: int) -> dict[str, int]:
        return {axis: min(n, max(choices)) for axis, choices in kind.domain.sizes.items()}

    def everything(name: str) -> bool:
        return True

    if dtype != "float64":
        for sizes in (all_at(2), {**all_at(2), kind.out_features: 1}):
            yield case({axis: sizes[axis] for axis in kind.domain.sizes}), False, everything, True
        return
    regimes = ["bulk"] * 3 + ["means"] * ("means" in kind.domain.regimes)
    for seed, regime in enumerate(regimes):
        yield case(all_at(2 + seed), 2, regime, seed % 3, seed), False, everything, True
    axes = list(kind.domain.sizes)
    corners = [{**all_at(3), axis: 1} for axis in axes]
    differing = {axis: 2 + (2 * i) % 5 for i, axis in enumerate(axes)}
    for sizes in (*corners, differing, dict(zip(axes, reversed(differing.values()), strict=True)), all_at(8)):
        yield case(sizes, 3), False, everything, False
    for sizes in (all_at(3), {**all_at(3), **({kind.out_features: 1} if kind.out_features in axes else {})}):
        yield case(sizes, 3), True, everything, False
        yield case(sizes, 3), False, lambda name: name == "x", False
        yield case(sizes, 3), False, lambda name: name != "x", False
