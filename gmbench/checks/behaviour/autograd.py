"""Whether it behaves under autograd: modes without gradients, some inputs alone, torch.func, compiled code."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch

from gmbench.checks.behaviour.probe import Probe
from gmbench.checks.errors import array_of, call
from gmbench.contract import EPS


def no_grad(probe: Probe) -> Iterator[str]:
    """The same values under no_grad, inference_mode and without any tensor that requires a gradient."""
    for regime, seed in itertools.product(probe.kind.domain.regimes, range(2)):
        case = probe.case(regime=regime, seed=seed)
        given, _ = probe.tensors(case, gradients=True)
        plain, _ = probe.tensors(case)
        want, S = {"value": probe(given)}, probe.bound(case)
        for name, context in (("no_grad", torch.no_grad), ("inference_mode", torch.inference_mode)):
            with context():
                out = probe(given)
                if out.requires_grad:
                    yield f"under {name} the result requires a gradient"
                fault = probe.differ({"value": out.clone()}, want, S)
                fault = fault or ("" if bool(out.isfinite().all()) else "the result is not finite")
            if fault:
                yield f"under {name}, {case}: {fault}"
        fault = probe.differ({"value": probe(plain)}, want, S)
        if fault:
            yield f"without gradients asked for, {case}: {fault}"


def partial_gradients(probe: Probe) -> Iterator[str]:
    """Any of the inputs may ask for a gradient and the others not, as with frozen parameters or a first layer."""
    if not probe.differentiable:
        return
    case = probe.case()
    given, G = probe.tensors(case, gradients=True)
    want, S = probe.run(given, G), probe.bound(case)
    chosen = [set(some) for size in range(1, len(given)) for some in itertools.combinations(given, size)]
    if probe.implementation.compiled:  # each choice compiles anew: the first alone, and all but it
        chosen = [chosen[0], chosen[-1]]
    for asking in chosen:
        lone = {n: t.detach().clone().requires_grad_(n in asking) for n, t in given.items()}
        out = probe(lone)
        if not out.requires_grad:
            yield f"with only {', '.join(sorted(asking))} asking for a gradient, the result requires none"
            continue
        fault = probe.differ(probe.run(lone, G), want, S)
        if fault:
            yield f"with only {', '.join(sorted(asking))} asking for a gradient: {fault}"


def transforms(probe: Probe) -> Iterator[str]:
    """The torch.func transforms that are claimed: grad, jvp, vmap over the batch and over stacked parameters."""
    claimed = probe.implementation.transforms
    case = probe.case(batch=4)
    given, G = probe.tensors(case)
    names = list(given)
    values = tuple(given.values())
    S = probe.bound(case)

    def function(*arguments: torch.Tensor) -> torch.Tensor:
        return call(probe.implementation, dict(zip(names, arguments, strict=True)))

    plain = {n: t.detach().clone().requires_grad_() for n, t in given.items()}
    want = probe.run(plain, G)
    if "grad" in claimed:
        found = torch.func.grad(lambda *a: (G * function(*a)).sum(), argnums=tuple(range(len(values))))(*values)
        fault = probe.differ(dict(zip(names, found, strict=True)), want, S)
        if fault:
            yield f"torch.func.grad: {fault}"
    if "vmap" in claimed:
        rows = torch.func.vmap(function, in_dims=(0, *[None] * (len(names) - 1)))(*values)
        fault = probe.differ({"value": rows}, want, S)
        if fault:
            yield f"torch.func.vmap over the rows of x: {fault}"
        stacked = torch.func.vmap(function)(*(torch.stack([v, v]) for v in values))
        fault = probe.differ({"value": stacked[1]}, want, S)
        if fault:
            yield f"torch.func.vmap over stacked parameters: {fault}"
    if "jvp" in claimed:
        tangents = tuple(torch.where(v < 0, -v, v).detach() for v in values)
        slope = torch.func.jvp(function, values, tangents)[1]
        forward = (G.double() * slope.double()).sum()
        backward = sum((want[n].double() * t.double()).sum() for n, t in zip(names, tangents, strict=True))
        unit = EPS[probe.dtype] * sum((S[n] * array_of(t)).sum() for n, t in zip(names, tangents, strict=True))
        ulps = float(abs(forward - backward)) / unit
        if not ulps <= probe.claim:
            yield f"torch.func.jvp disagrees with the gradients by {ulps:.3g} ulps"


def runs_compiled(probe: Probe) -> Iterator[str]:
    """The checked result came from compiled code: a second call finds its graph, and nothing compiles or falls back."""
    case = probe.case()
    given, G = probe.tensors(case, gradients=True)
    want = probe.run(given, G)
    counted = _Counted()
    with counted, torch.compiler.set_stance("fail_on_recompile"):
        got = probe.run({n: t.detach().clone().requires_grad_(t.requires_grad) for n, t in given.items()}, G)
    fault = probe.differ(got, want, probe.bound(case))
    if fault:
        yield fault
    if not counted.calls:
        yield "no compiled code ran"


class _Counted:
    """Counts the compiled graphs that inductor runs."""

    def __enter__(self) -> _Counted:
        from torch._inductor.output_code import CompiledFxGraph

        self.kind: Any = CompiledFxGraph
        self.calls, self.call = 0, self.kind.__call__

        def counting(graph: Any, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return self.call(graph, *args, **kwargs)

        self.kind.__call__ = counting  # type: ignore[assignment, method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self.kind.__call__ = self.call
