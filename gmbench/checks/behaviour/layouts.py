"""Whether it takes tensors in every layout of memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch

from gmbench.checks.behaviour.probe import Probe
from gmbench.checks.cases import Case
from gmbench.checks.errors import Arrays, Tensors, array_of, bound, form_fault, inputs_of


def layouts(probe: Probe) -> Iterator[str]:
    """Transposed, strided, padded, offset and expanded tensors, for x of one to three dimensions and parameters."""
    features = probe.kind.in_features
    sizes = [
        {},
        *({axis: 1} for axis in probe.kind.domain.sizes),
        {features: max(probe.kind.domain.sizes[features])},
    ]
    crossed = itertools.product(sizes, ((12, ((12,), (3, 4))), (1, ((1,), (1, 1))), (5, ((5,), (1, 5), (5, 1)))))
    for chosen, (batch, forms) in [(sizes[0], (12, ((12,), (3, 4))))] if probe.implementation.compiled else crossed:
        case = probe.case(chosen, batch=batch)
        given, G = probe.tensors(case)
        S = probe.bound(case)
        for shape in forms:
            yield from _bent(probe, {**given, "x": given["x"].reshape(*shape, -1)}, "x", G, S, case)
        yield from _cotangents(probe, given, G, case)
        yield from _bent(probe, {**given, "x": given["x"][0]}, "x", G[:1], S, case)
        outcome = _outcome(probe, given, G)
        for parameter in probe.kind.names:
            yield from _bent(probe, given, parameter, G, S, case, outcome)


def _bent(
    probe: Probe,
    given: Tensors,
    argument: str,
    G: torch.Tensor,
    S: Arrays,
    case: Case,
    outcome: tuple[Tensors, str] | None = None,
) -> Iterator[str]:
    """Faults where one argument in another layout gives other results than the same numbers contiguous.

    :param outcome: that of ``given``, where it is known
    """
    tensor = given[argument]
    want, fault = outcome or _outcome(probe, given, G)
    free: Tensors = {}  # the value where no gradient is asked for
    for name, bent in probe.layouts(tensor):
        here, expected = S, want
        if not fault and name == "expanded":  # other numbers: rows repeat
            plain = bent.clone(memory_format=torch.contiguous_format)
            expected, fault = _outcome(probe, {**given, argument: plain}, G)
        got: Tensors = {}
        if not fault:
            got, fault = _outcome(probe, {**given, argument: bent}, G)
        if not fault:
            if name == "expanded" or given["x"].dim() == 1:  # and S is not of these numbers
                here = {key: np.broadcast_to(S[key].max(), value.shape) for key, value in expected.items()}
            fault = probe.differ(got, expected, here)
        if not fault and not probe.implementation.compiled:  # what asks for no gradient may go another way
            with torch.no_grad():
                if not free or name == "expanded":
                    plain = bent.clone(memory_format=torch.contiguous_format)
                    free = {"value": probe({**given, argument: plain})}
                got = {"value": probe({**given, argument: bent})}
            fault = probe.differ(got, free, here)
            fault = fault and f"without gradients, {fault}"
        if fault:
            yield f"{argument} {tuple(tensor.shape)} {name}, {case}: {fault}"
            fault = ""
            if not want:
                return


def _outcome(probe: Probe, given: Tensors, G: torch.Tensor) -> tuple[Tensors, str]:
    """Value and gradients, and how their form is wrong, where it is, in place of them."""
    leaves = {n: t.detach().requires_grad_(probe.differentiable) for n, t in given.items()}
    out = probe(leaves)
    fault = form_fault(out, leaves["x"], G.shape[-1])
    if fault:
        return {}, fault
    return probe.run(leaves, G.reshape(out.shape) if G.numel() == out.numel() else torch.ones_like(out), out), ""


def _cotangents(probe: Probe, given: Tensors, G: torch.Tensor, case: Case) -> Iterator[str]:
    """Faults where the gradient that arrives is not contiguous: out.sum().backward() sends an expanded one."""
    if not probe.differentiable:
        return
    leaves = {n: t.detach().clone().requires_grad_() for n, t in given.items()}
    for name, cotangent in (
        ("expanded", torch.ones((), dtype=G.dtype, device=G.device).expand(G.shape)),
        ("transposed", G.mT.contiguous().mT),
    ):
        results = []
        for sent in (cotangent, cotangent.clone(memory_format=torch.contiguous_format)):
            before = sent.clone()
            found = torch.autograd.grad(probe(leaves), list(leaves.values()), sent, allow_unused=True)
            results.append({n: g for n, g in zip(leaves, found, strict=True) if g is not None})
            if not torch.equal(before, sent):
                yield f"the backward writes to the cotangent, {case}"
                return
        inputs, _ = inputs_of(case, probe.dtype)
        S = bound(probe.kind, inputs, array_of(cotangent), probe.dtype, probe.claim)
        fault = probe.differ(results[0], results[1], S)
        if fault:
            yield f"{name} cotangent, {case}: {fault}"
