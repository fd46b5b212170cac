"""Conduct: how an implementation behaves as a function. Each check is a generator of faults, one line each."""

from __future__ import annotations

import contextlib
import itertools
import os

import numpy as np
import torch

from gmbench.checks.cases import Case, few_shapes
from gmbench.checks.measure import WAIVED, bound, call, form_fault, inputs_of, numbers, tensors
from gmbench.checks.settings import torch_settings
from gmbench.contract import EPS, Implementation
from gmbench.registry import layer_type


class Subject:
    """One implementation in one dtype on one device, with the inputs and comparisons that conduct needs."""

    def __init__(self, implementation: Implementation, dtype: str, device: str):
        self.implementation, self.dtype, self.device = implementation, dtype, device
        self.kind = layer_type(implementation.layer_type)
        self.claim = 2 * implementation.ulps.get(dtype, WAIVED)
        self.differentiable = implementation.derivatives >= 1

    def case(self, sizes=None, batch=3, regime="bulk", seed=0) -> Case:
        """A case of ordinary sizes, or of the given ones."""
        usual = few_shapes(self.kind)[1]
        chosen = tuple({**usual, **({} if self.implementation.compiled else sizes or {})}.items())
        return Case(self.kind.name, chosen, batch, regime, seed=seed)

    def corner_sizes(self) -> list[dict[str, int]]:
        """Ordinary sizes, then each axis at its smallest and its largest."""
        if self.implementation.compiled:
            return few_shapes(self.kind)
        axes = self.kind.domain.sizes
        return [{}, *({axis: end} for axis, n in axes.items() for end in (min(n), max(n)))]

    def tensors(self, case: Case, gradients=False):
        """Fresh tensors of a case, and its cotangent."""
        inputs, G = inputs_of(case, self.dtype)
        given = tensors(inputs, self.dtype, self.device, gradients and self.differentiable)
        return given, torch.tensor(G, dtype=getattr(torch, self.dtype), device=self.device)

    def layouts(self, tensor):
        """The same numbers in other layouts, by name; the first alone where each one may compile anew."""
        return itertools.islice(_layouts(tensor), 1 if self.implementation.compiled else None)

    def __call__(self, given):
        return call(self.implementation, given)

    def run(self, given, G, out=None):
        """Value and gradients (zeros where nothing is asked), as tensors; ``out`` is the value where it is known."""
        out = self(given) if out is None else out
        wanted = {n: t for n, t in given.items() if t.requires_grad}
        if not wanted or not out.requires_grad:
            return {"value": out}
        found = torch.autograd.grad((G * out).sum(), list(wanted.values()), allow_unused=True)
        zeros = (torch.zeros_like(t) if g is None else g for t, g in zip(wanted.values(), found, strict=True))
        return {"value": out, **dict(zip(wanted, zeros, strict=True))}

    def bound(self, case: Case):
        """S of a case."""
        return bound(self.kind, *inputs_of(case, self.dtype), self.dtype, self.claim)

    def differ(self, got, want, S) -> str:
        """How two results differ by more than twice the claim, or an empty text."""
        for name, value in got.items():
            a, b = numbers(value), numbers(want[name])
            if a.size != b.size:
                return f"{name} has the shape {a.shape}, not {b.shape}"
            if np.array_equal(a.ravel(), b.ravel()) and np.isfinite(a).all():  # as most are
                continue
            with np.errstate(all="ignore"):
                gap = np.abs(a.ravel() - b.ravel())
                ulps = np.where(gap == 0, 0.0, gap / (EPS[self.dtype] * S[name].ravel()))
            worst = float(np.where(np.isnan(ulps), np.inf, ulps).max(initial=0.0))
            if worst > self.claim:
                return f"{name} differs by {worst:.3g} ulps"
        return ""


def shapes(subject: Subject):
    """x of one to five dimensions, single and empty batches, every axis at its smallest and largest."""
    for sizes in subject.corner_sizes():
        case = subject.case(sizes, batch=6)
        given, G = subject.tensors(case, gradients=True)
        features = G.shape[1]
        want, S = subject.run(given, G), subject.bound(case)
        x = given["x"].detach()
        for shape in ((2, 3), (6, 1), (1, 6), (1, 2, 3), (3, 2, 1, 1), (1, 1, 2, 3)):
            bent = {**given, "x": x.reshape(*shape, -1).clone().requires_grad_(subject.differentiable)}
            out = subject(bent)
            fault = form_fault(out, bent["x"], features)
            if not fault:
                got = subject.run(bent, G.reshape(*shape, features))
                fault = subject.differ(got, want, S)
            if fault:
                yield f"x of shape {tuple(bent['x'].shape)}, {case}: {fault}"
        for row in (0, 5):
            lone = {**given, "x": x[row].clone().requires_grad_(subject.differentiable)}
            out = subject(lone)
            fault = form_fault(out, lone["x"], features) or subject.differ(
                {"value": out}, {"value": want["value"][row]}, {"value": S["value"][row]}
            )
            if fault:
                yield f"x of shape {tuple(lone['x'].shape)}, {case}: {fault}"
    for shape in ((0,), (0, 3), (2, 0)):
        given, G = subject.tensors(subject.case(batch=3), gradients=True)
        empty = torch.zeros(*shape, given["x"].shape[-1], dtype=G.dtype, device=G.device)
        given["x"] = empty.requires_grad_(subject.differentiable)
        out = subject(given)
        fault = form_fault(out, given["x"], G.shape[1])
        if not fault:
            for name, value in subject.run(given, torch.zeros_like(out)).items():
                if name != "value" and (value.shape != given[name].shape or bool(value.any())):
                    fault = f"the gradient of {name} is not zeros of its shape"
        if fault:
            yield f"empty batch, x of shape {tuple(empty.shape)}: {fault}"


def _layouts(tensor: torch.Tensor):
    """The same numbers in other layouts, by name."""
    turned = tensor.mT.contiguous().mT if tensor.dim() > 1 else tensor
    padded = torch.cat([tensor, *[tensor + 1] * 5], -1)[..., : tensor.shape[-1]]
    strided = torch.stack([tensor, tensor + 1], -1)[..., 0]
    offset = torch.cat([tensor.new_full((3,), float("nan")), tensor.flatten()])[3:].view(tensor.shape)
    yield from {"transposed": turned, "padded rows": padded, "strided": strided, "offset": offset}.items()
    if tensor.dim() > 2:
        yield "outer axes swapped", tensor.transpose(0, 1).contiguous().transpose(0, 1)
    if tensor.dim() > 1:
        yield "expanded", tensor[:1].expand(tensor.shape)


def layouts(subject: Subject):
    """Transposed, strided, padded, offset and expanded tensors, for x of one to three dimensions and parameters."""
    features = subject.kind.in_features
    sizes = [
        {},
        *({axis: 1} for axis in subject.kind.domain.sizes),
        {features: max(subject.kind.domain.sizes[features])},
    ]
    crossed = itertools.product(sizes, ((12, ((12,), (3, 4))), (1, ((1,), (1, 1))), (5, ((5,), (1, 5), (5, 1)))))
    for chosen, (batch, forms) in [(sizes[0], (12, ((12,), (3, 4))))] if subject.implementation.compiled else crossed:
        case = subject.case(chosen, batch=batch)
        given, G = subject.tensors(case)
        S = subject.bound(case)
        for shape in forms:
            yield from _bent(subject, {**given, "x": given["x"].reshape(*shape, -1)}, "x", G, S, case)
        yield from _cotangents(subject, given, G, case)
        yield from _bent(subject, {**given, "x": given["x"][0]}, "x", G[:1], S, case)
        outcome = _outcome(subject, given, G)
        for parameter in subject.kind.names:
            yield from _bent(subject, given, parameter, G, S, case, outcome)


def _bent(subject, given, argument, G, S, case, outcome=None):
    """Faults where one argument in another layout gives other results than the same numbers contiguous.

    :param outcome: that of ``given``, where it is known
    """
    tensor = given[argument]
    want, fault = outcome or _outcome(subject, given, G)
    free: dict = {}  # the value where no gradient is asked for
    for name, bent in subject.layouts(tensor):
        here, expected = S, want
        if not fault and name == "expanded":  # other numbers: rows repeat
            plain = bent.clone(memory_format=torch.contiguous_format)
            expected, fault = _outcome(subject, {**given, argument: plain}, G)
        got = None
        if not fault:
            got, fault = _outcome(subject, {**given, argument: bent}, G)
        if not fault:
            if name == "expanded" or given["x"].dim() == 1:  # and S is not of these numbers
                here = {key: np.broadcast_to(S[key].max(), value.shape) for key, value in expected.items()}
            fault = subject.differ(got, expected, here)
        if not fault and not subject.implementation.compiled:  # what asks for no gradient may go another way
            with torch.no_grad():
                if not free or name == "expanded":
                    plain = bent.clone(memory_format=torch.contiguous_format)
                    free = {"value": subject({**given, argument: plain})}
                got = {"value": subject({**given, argument: bent})}
            fault = subject.differ(got, free, here)
            fault = fault and f"without gradients, {fault}"
        if fault:
            yield f"{argument} {tuple(tensor.shape)} {name}, {case}: {fault}"
            fault = ""
            if want is None:
                return


def _outcome(subject, given, G):
    """Value and gradients, None where their form is wrong, and how it is."""
    leaves = {n: t.detach().requires_grad_(subject.differentiable) for n, t in given.items()}
    out = subject(leaves)
    fault = form_fault(out, leaves["x"], G.shape[-1])
    if fault:
        return None, fault
    return subject.run(leaves, G.reshape(out.shape) if G.numel() == out.numel() else torch.ones_like(out), out), ""


def _cotangents(subject, given, G, case):
    """Faults where the gradient that arrives is not contiguous: out.sum().backward() sends an expanded one."""
    if not subject.differentiable:
        return
    leaves = {n: t.detach().clone().requires_grad_() for n, t in given.items()}
    for name, cotangent in (
        ("expanded", torch.ones((), dtype=G.dtype, device=G.device).expand(G.shape)),
        ("transposed", G.mT.contiguous().mT),
    ):
        results = []
        for sent in (cotangent, cotangent.clone(memory_format=torch.contiguous_format)):
            before = sent.clone()
            found = torch.autograd.grad(subject(leaves), list(leaves.values()), sent, allow_unused=True)
            results.append({n: g for n, g in zip(leaves, found, strict=True) if g is not None})
            if not torch.equal(before, sent):
                yield f"the backward writes to the cotangent, {case}"
                return
        inputs, _ = inputs_of(case, subject.dtype)
        S = bound(subject.kind, inputs, numbers(cotangent), subject.dtype, subject.claim)
        fault = subject.differ(results[0], results[1], S)
        if fault:
            yield f"{name} cotangent, {case}: {fault}"


def form(subject: Subject):
    """Exactly a torch.Tensor of the dtype and device of x, dense, attached to the graph, with memory of its own."""
    for gradients in (True, False):
        given, G = subject.tensors(subject.case(), gradients)
        out = subject(given)
        fault = form_fault(out, given["x"], G.shape[1])
        if fault:
            yield fault
            return
        if out.dtype != given["x"].dtype:
            yield f"the result is {out.dtype} for {given['x'].dtype}"
        if out.device != given["x"].device:
            yield f"the result is on {out.device} for x on {given['x'].device}"
        if out.layout != torch.strided:
            yield f"the result has the layout {out.layout}"
        if out.untyped_storage().nbytes() < out.numel() * out.element_size():
            yield "the result has less memory than elements"
        if out.requires_grad != (gradients and subject.differentiable):
            yield f"the result {'requires no' if gradients else 'requires a'} gradient"
        for name, tensor in given.items():
            if out.data_ptr() == tensor.data_ptr():
                yield f"the result shares memory with {name}"
        if gradients and subject.differentiable:
            for name, value in subject.run(given, G).items():
                if name != "value" and (value.dtype != given[name].dtype or value.shape != given[name].shape):
                    yield f"the gradient of {name} is {value.dtype} {tuple(value.shape)}"
        x = given["x"].detach()
        for other in (x[0], x[:1], x.unsqueeze(1)):  # a path of its own may come back in another dtype
            out = subject({**given, "x": other.clone().requires_grad_(gradients and subject.differentiable)})
            if isinstance(out, torch.Tensor) and (out.dtype, out.device) != (x.dtype, x.device):
                yield f"the result is {out.dtype} on {out.device} for {x.dtype} of shape {tuple(other.shape)}"


def inputs_unchanged(subject: Subject):
    """No input is written to, not even with what it held before, at any corner of the sizes."""
    for gradients, sizes, batch in itertools.product((True, False), subject.corner_sizes(), (3, 1)):
        given, G = subject.tensors(subject.case(sizes, batch), gradients)
        before = {name: (tensor.detach().clone(), tensor._version) for name, tensor in given.items()}
        subject.run(given, G)
        for name, tensor in given.items():
            old, version = before[name]
            if not torch.equal(old, tensor.detach()):
                yield f"{name} was changed"
            elif tensor._version != version:
                yield f"{name} was written to"
            elif tensor.grad is not None:
                yield f"{name}.grad was set"
            elif tensor.requires_grad != (gradients and subject.differentiable):
                yield f"{name}.requires_grad was changed"


def deterministic(subject: Subject):
    """The same input gives the same bits, whatever the global random state."""
    for seed in range(3):
        given, G = subject.tensors(subject.case(seed=seed), gradients=True)
        first = subject.run(given, G)
        for again in range(3):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(1 + again)
                other = subject.run(given, G)
            for name, value in first.items():
                if not torch.equal(value, other[name]):
                    yield f"{name} differs from call to call"
                    return


def no_state(subject: Subject):
    """Nothing is remembered: tensors changed in place, calls in between, and backwards after other forwards."""
    cases = [subject.case(seed=seed) for seed in (1, 2)]
    bounds = [subject.bound(case) for case in cases]
    fresh = []
    for case in cases:
        given, G = subject.tensors(case, gradients=True)
        fresh.append({n: t.detach().clone() for n, t in subject.run(given, G).items()})
    for gradients in (True, False):  # the same objects, with other contents
        held, _ = subject.tensors(cases[0], gradients)
        other, G = subject.tensors(cases[1])
        subject(held)
        for name in held:
            with torch.no_grad():
                subject(held)
                if name in ("x", subject.kind.names[0]):
                    held[name].copy_(other[name])
                else:  # as older optimisers do, past the version counter
                    held[name].data.copy_(other[name])
        for context in (torch.enable_grad, torch.no_grad):
            with context():
                got = {"value": subject(held)}
            fault = subject.differ(got, fresh[1], bounds[1])
            if fault:
                yield f"after its inputs were changed in place, under {context.__name__}: {fault}"
        if gradients and subject.differentiable:
            fault = subject.differ(subject.run(held, G), fresh[1], bounds[1])
            if fault:
                yield f"after its inputs were changed in place: {fault}"
    plain = [subject.tensors(case)[0] for case in cases]
    kept = subject(plain[0])
    subject(plain[1])
    fault = subject.differ({"value": kept}, {"value": fresh[0]["value"]}, bounds[0])
    if fault:
        yield f"a result changes with the next call: {fault}"
    if subject.differentiable:  # the gradients of one call after those of the next
        results = [subject.run(*subject.tensors(case, gradients=True)) for case in cases]
        fault = subject.differ(results[0], fresh[0], bounds[0])
        if fault:
            yield f"a result or gradient changes with the next call: {fault}"
    if subject.differentiable:  # two backwards through one graph; to refuse the second loudly is no fault
        given, G = subject.tensors(cases[0], gradients=True)
        out = subject(given)
        with contextlib.suppress(RuntimeError):
            for _ in range(2):
                found = torch.autograd.grad((G * out).sum(), list(given.values()), retain_graph=True, allow_unused=True)
                got = {n: g for n, g in zip(given, found, strict=True) if g is not None}
                fault = subject.differ(got, fresh[0], bounds[0])
                if fault:
                    yield f"a backward that keeps its graph: {fault}"
    if subject.differentiable:  # changed before the backward: loudly refused, or of no consequence
        for name in (*fresh[0],)[1:]:
            given, G = subject.tensors(cases[0], gradients=True)
            out = subject(given)
            with torch.no_grad():
                given[name].mul_(2)
            with contextlib.suppress(RuntimeError):
                found = torch.autograd.grad((G * out).sum(), list(given.values()), allow_unused=True)
                got = {n: g for n, g in zip(given, found, strict=True) if g is not None}
                fault = subject.differ(got, fresh[0], bounds[0])
                if fault:
                    yield f"with {name} changed in place before the backward, which does not notice: {fault}"
    if subject.differentiable:  # two graphs alive at once
        (first, G1), (second, G2) = (subject.tensors(case, gradients=True) for case in cases)
        out1, out2 = subject(first), subject(second)
        for out, given, G, want, S in ((out1, first, G1, fresh[0], bounds[0]), (out2, second, G2, fresh[1], bounds[1])):
            found = torch.autograd.grad((G * out).sum(), list(given.values()), allow_unused=True)
            got = {n: torch.zeros_like(t) if g is None else g for (n, t), g in zip(given.items(), found, strict=True)}
            fault = subject.differ({**got, "value": out}, want, S)
            if fault:
                yield f"with another forward before its backward: {fault}"


def batch_split(subject: Subject):
    """A row's result does not depend on the others: a large batch against its uneven parts, a very large one against
    even ones, a huge row, a NaN.
    """
    yield from _many_rows(subject)
    case = subject.case(batch=131, regime="both" if "both" in subject.kind.domain.regimes else "bulk")
    given, G = subject.tensors(case, gradients=True)
    S = subject.bound(case)
    want = subject.run(given, G)
    for cut in (64, 127):
        fault = subject.differ(want, _piecewise(subject, given, G, (cut, 131 - cut)), S)
        if fault:
            yield f"131 rows against {cut} and {131 - cut}: {fault}"
            return
    huge = 2.0 ** {"float64": 400, "float32": 50, "bfloat16": 50}[subject.dtype]
    for name, factor in (("multiplied by a huge number", huge), ("that is NaN", float("nan"))):
        loud = given["x"].detach().clone()
        loud[0] *= factor
        out = subject({**given, "x": loud.requires_grad_(subject.differentiable)})
        fault = subject.differ({"value": out[1:]}, {"value": want["value"][1:]}, {"value": S["value"][1:]})
        if fault:
            yield f"one row {name} changes the others: {fault}"


def _piecewise(subject, given, G, sizes):
    """Value and gradients from pieces of so many rows each."""
    parts = []
    for rows, cotangent in zip(given["x"].detach().split(sizes), G.split(sizes), strict=True):
        parts.append(subject.run({**given, "x": rows.clone().requires_grad_(subject.differentiable)}, cotangent))
    return {
        name: torch.cat([part[name] for part in parts]) if name in ("value", "x") else sum(p[name] for p in parts)
        for name in parts[0]
    }


PIECE, PIECES = 131, 31  # rows together: more than a few blocks of a thousand, and no whole number of them


def _many_rows(subject: Subject):
    """Faults where as many rows as in earnest give something else than they do piece by piece."""
    case = subject.case(batch=PIECE * PIECES)
    given, G = subject.tensors(case, gradients=True)
    S, want = subject.bound(case), subject.run(given, G)
    fault = subject.differ(want, _piecewise(subject, given, G, (PIECE,) * PIECES), S)
    if fault:
        yield f"{PIECE * PIECES} rows against {PIECES} pieces of {PIECE}: {fault}"
    with torch.no_grad():
        fault = subject.differ({"value": subject(given)}, want, S)
    if fault:
        yield f"{PIECE * PIECES} rows under no_grad: {fault}"


def no_grad(subject: Subject):
    """The same values under no_grad, inference_mode and without any tensor that requires a gradient."""
    for regime, seed in itertools.product(subject.kind.domain.regimes, range(2)):
        case = subject.case(regime=regime, seed=seed)
        given, _ = subject.tensors(case, gradients=True)
        plain, _ = subject.tensors(case)
        want, S = {"value": subject(given)}, subject.bound(case)
        for name, context in (("no_grad", torch.no_grad), ("inference_mode", torch.inference_mode)):
            with context():
                out = subject(given)
                if out.requires_grad:
                    yield f"under {name} the result requires a gradient"
                fault = subject.differ({"value": out.clone()}, want, S)
                fault = fault or ("" if bool(out.isfinite().all()) else "the result is not finite")
            if fault:
                yield f"under {name}, {case}: {fault}"
        fault = subject.differ({"value": subject(plain)}, want, S)
        if fault:
            yield f"without gradients asked for, {case}: {fault}"


def partial_gradients(subject: Subject):
    """Any of the inputs may ask for a gradient and the others not, as with frozen parameters or a first layer."""
    if not subject.differentiable:
        return
    case = subject.case()
    given, G = subject.tensors(case, gradients=True)
    want, S = subject.run(given, G), subject.bound(case)
    chosen = [set(some) for size in range(1, len(given)) for some in itertools.combinations(given, size)]
    if subject.implementation.compiled:  # each choice compiles anew: the first alone, and all but it
        chosen = [chosen[0], chosen[-1]]
    for asking in chosen:
        lone = {n: t.detach().clone().requires_grad_(n in asking) for n, t in given.items()}
        out = subject(lone)
        if not out.requires_grad:
            yield f"with only {', '.join(sorted(asking))} asking for a gradient, the result requires none"
            continue
        fault = subject.differ(subject.run(lone, G), want, S)
        if fault:
            yield f"with only {', '.join(sorted(asking))} asking for a gradient: {fault}"


def transforms(subject: Subject):
    """The torch.func transforms that are claimed: grad, jvp, vmap over the batch and over stacked parameters."""
    claimed = subject.implementation.transforms
    case = subject.case(batch=4)
    given, G = subject.tensors(case)
    names = list(given)
    values = tuple(given.values())
    S = subject.bound(case)

    def function(*arguments):
        return call(subject.implementation, dict(zip(names, arguments, strict=True)))

    plain = {n: t.detach().clone().requires_grad_() for n, t in given.items()}
    want = subject.run(plain, G)
    if "grad" in claimed:
        found = torch.func.grad(lambda *a: (G * function(*a)).sum(), argnums=tuple(range(len(values))))(*values)
        fault = subject.differ(dict(zip(names, found, strict=True)), want, S)
        if fault:
            yield f"torch.func.grad: {fault}"
    if "vmap" in claimed:
        rows = torch.func.vmap(function, in_dims=(0, *[None] * (len(names) - 1)))(*values)
        fault = subject.differ({"value": rows}, want, S)
        if fault:
            yield f"torch.func.vmap over the rows of x: {fault}"
        stacked = torch.func.vmap(function)(*(torch.stack([v, v]) for v in values))
        fault = subject.differ({"value": stacked[1]}, want, S)
        if fault:
            yield f"torch.func.vmap over stacked parameters: {fault}"
    if "jvp" in claimed:
        tangents = tuple(torch.where(v < 0, -v, v).detach() for v in values)
        _, forward = torch.func.jvp(function, values, tangents)
        forward = (G.double() * forward.double()).sum()
        backward = sum((want[n].double() * t.double()).sum() for n, t in zip(names, tangents, strict=True))
        unit = EPS[subject.dtype] * sum((S[n] * numbers(t)).sum() for n, t in zip(names, tangents, strict=True))
        ulps = float(abs(forward - backward)) / unit
        if not ulps <= subject.claim:
            yield f"torch.func.jvp disagrees with the gradients by {ulps:.3g} ulps"


def settings() -> dict:
    """Global settings that an implementation must leave alone, by name."""
    return {
        "the random state": torch.random.get_rng_state().tolist(),
        "numpy's random state": np.random.get_state()[1].tolist(),
        **{f"the {name}": value for name, value in torch_settings().items()},
        "numpy's error state": np.geterr(),
        "the working folder": os.getcwd(),
    }


def changed_settings(before: dict) -> list[str]:
    """Names of the settings that are no longer what they were."""
    return [name for name, value in settings().items() if value != before[name]]


def global_state(subject: Subject):
    """Torch's global settings and random state are left as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.seed()  # a state that no implementation can have left behind
        # an earlier call may have set these
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision("highest")
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
        for context in (torch.enable_grad, torch.no_grad):
            given, G = subject.tensors(subject.case(), gradients=context is torch.enable_grad)
            with context():
                before = settings()
                subject.run(given, G)
                changed = changed_settings(before)
            for name in changed:
                yield f"{name} was changed, under {context.__name__}"


def runs_compiled(subject: Subject):
    """The checked result came from compiled code: a second call finds its graph, and nothing compiles or falls back."""
    case = subject.case()
    given, G = subject.tensors(case, gradients=True)
    want = subject.run(given, G)
    counted = _Counted()
    with counted, torch.compiler.set_stance("fail_on_recompile"):
        got = subject.run({n: t.detach().clone().requires_grad_(t.requires_grad) for n, t in given.items()}, G)
    fault = subject.differ(got, want, subject.bound(case))
    if fault:
        yield fault
    if not counted.calls:
        yield "no compiled code ran"


class _Counted:
    """Counts the compiled graphs that inductor runs."""

    def __enter__(self):
        from torch._inductor.output_code import CompiledFxGraph

        self.calls, self.kind, self.call = 0, CompiledFxGraph, CompiledFxGraph.__call__

        def counting(graph, *args, **kwargs):
            self.calls += 1
            return self.call(graph, *args, **kwargs)

        CompiledFxGraph.__call__ = counting
        return self

    def __exit__(self, *_):
        self.kind.__call__ = self.call
