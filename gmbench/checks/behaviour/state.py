"""Whether it remembers or changes anything."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from gmbench.checks.behaviour.probe import Probe
from gmbench.checks.settings import changed_settings, global_settings


def deterministic(probe: Probe) -> Iterator[str]:
    """The same input gives the same bits, whatever the global random state."""
    for seed in range(3):
        given, G = probe.tensors(probe.case(seed=seed), gradients=True)
        first = probe.run(given, G)
        for again in range(3):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(1 + again)
                other = probe.run(given, G)
            for name, value in first.items():
                if not torch.equal(value, other[name]):
                    yield f"{name} differs from call to call"
                    return


def no_state(probe: Probe) -> Iterator[str]:
    """Nothing is remembered: tensors changed in place, calls in between, and backwards after other forwards."""
    cases = [probe.case(seed=seed) for seed in (1, 2)]
    bounds = [probe.bound(case) for case in cases]
    fresh = []
    for case in cases:
        given, G = probe.tensors(case, gradients=True)
        fresh.append({n: t.detach().clone() for n, t in probe.run(given, G).items()})
    for gradients in (True, False):  # the same objects, with other contents
        held, _ = probe.tensors(cases[0], gradients)
        other, G = probe.tensors(cases[1])
        probe(held)
        for name in held:
            with torch.no_grad():
                probe(held)
                if name in ("x", probe.kind.names[0]):
                    held[name].copy_(other[name])
                else:  # as older optimisers do, past the version counter
                    held[name].data.copy_(other[name])
        for context in (torch.enable_grad, torch.no_grad):
            with context():
                got = {"value": probe(held)}
            fault = probe.differ(got, fresh[1], bounds[1])
            if fault:
                yield f"after its inputs were changed in place, under {context.__name__}: {fault}"
        if gradients and probe.differentiable:
            fault = probe.differ(probe.run(held, G), fresh[1], bounds[1])
            if fault:
                yield f"after its inputs were changed in place: {fault}"
    plain = [probe.tensors(case)[0] for case in cases]
    kept = probe(plain[0])
    probe(plain[1])
    fault = probe.differ({"value": kept}, {"value": fresh[0]["value"]}, bounds[0])
    if fault:
        yield f"a result changes with the next call: {fault}"
    if probe.differentiable:  # the gradients of one call after those of the next
        results = [probe.run(*probe.tensors(case, gradients=True)) for case in cases]
        fault = probe.differ(results[0], fresh[0], bounds[0])
        if fault:
            yield f"a result or gradient changes with the next call: {fault}"
    if probe.differentiable:  # two backwards through one graph; to refuse the second loudly is no fault
        given, G = probe.tensors(cases[0], gradients=True)
        out = probe(given)
        with contextlib.suppress(RuntimeError):
            for _ in range(2):
                found = torch.autograd.grad((G * out).sum(), list(given.values()), retain_graph=True, allow_unused=True)
                got = {n: g for n, g in zip(given, found, strict=True) if g is not None}
                fault = probe.differ(got, fresh[0], bounds[0])
                if fault:
                    yield f"a backward that keeps its graph: {fault}"
    if probe.differentiable:  # changed before the backward: loudly refused, or of no consequence
        for name in (*fresh[0],)[1:]:
            given, G = probe.tensors(cases[0], gradients=True)
            out = probe(given)
            with torch.no_grad():
                given[name].mul_(2)
            with contextlib.suppress(RuntimeError):
                found = torch.autograd.grad((G * out).sum(), list(given.values()), allow_unused=True)
                got = {n: g for n, g in zip(given, found, strict=True) if g is not None}
                fault = probe.differ(got, fresh[0], bounds[0])
                if fault:
                    yield f"with {name} changed in place before the backward, which does not notice: {fault}"
    if probe.differentiable:  # two graphs alive at once
        (first, G1), (second, G2) = (probe.tensors(case, gradients=True) for case in cases)
        out1, out2 = probe(first), probe(second)
        for out, given, G, want, S in ((out1, first, G1, fresh[0], bounds[0]), (out2, second, G2, fresh[1], bounds[1])):
            found = torch.autograd.grad((G * out).sum(), list(given.values()), allow_unused=True)
            got = {n: torch.zeros_like(t) if g is None else g for (n, t), g in zip(given.items(), found, strict=True)}
            fault = probe.differ({**got, "value": out}, want, S)
            if fault:
                yield f"with another forward before its backward: {fault}"


def global_state(probe: Probe) -> Iterator[str]:
    """Torch's global settings and random state are left as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.seed()  # a state that no implementation can have left behind
        # an earlier call may have set these
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision("highest")
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
        for context in (torch.enable_grad, torch.no_grad):
            given, G = probe.tensors(probe.case(), gradients=context is torch.enable_grad)
            with context():
                before = global_settings()
                probe.run(given, G)
                changed = changed_settings(before)
            for name in changed:
                yield f"{name} was changed, under {context.__name__}"
