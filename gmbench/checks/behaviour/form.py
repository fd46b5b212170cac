"""What it returns for every shape, and that it leaves its inputs alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch

from gmbench.checks.behaviour.probe import Probe
from gmbench.checks.errors import form_fault


def shapes(probe: Probe) -> Iterator[str]:
    """x of one to five dimensions, single and empty batches, every axis at its smallest and largest."""
    for sizes in probe.corner_sizes():
        case = probe.case(sizes, batch=6)
        given, G = probe.tensors(case, gradients=True)
        features = G.shape[1]
        want, S = probe.run(given, G), probe.bound(case)
        x = given["x"].detach()
        for shape in ((2, 3), (6, 1), (1, 6), (1, 2, 3), (3, 2, 1, 1), (1, 1, 2, 3)):
            bent = {**given, "x": x.reshape(*shape, -1).clone().requires_grad_(probe.differentiable)}
            out = probe(bent)
            fault = form_fault(out, bent["x"], features)
            if not fault:
                got = probe.run(bent, G.reshape(*shape, features))
                fault = probe.differ(got, want, S)
            if fault:
                yield f"x of shape {tuple(bent['x'].shape)}, {case}: {fault}"
        for row in (0, 5):
            lone = {**given, "x": x[row].clone().requires_grad_(probe.differentiable)}
            out = probe(lone)
            fault = form_fault(out, lone["x"], features) or probe.differ(
                {"value": out}, {"value": want["value"][row]}, {"value": S["value"][row]}
            )
            if fault:
                yield f"x of shape {tuple(lone['x'].shape)}, {case}: {fault}"
    for rows in ((0,), (0, 3), (2, 0)):
        given, G = probe.tensors(probe.case(batch=3), gradients=True)
        empty = torch.zeros(*rows, given["x"].shape[-1], dtype=G.dtype, device=G.device)
        given["x"] = empty.requires_grad_(probe.differentiable)
        out = probe(given)
        fault = form_fault(out, given["x"], G.shape[1])
        if not fault:
            for name, value in probe.run(given, torch.zeros_like(out)).items():
                if name != "value" and (value.shape != given[name].shape or bool(value.any())):
                    fault = f"the gradient of {name} is not zeros of its shape"
        if fault:
            yield f"empty batch, x of shape {tuple(empty.shape)}: {fault}"


def form(probe: Probe) -> Iterator[str]:
    """Exactly a torch.Tensor of the dtype and device of x, dense, attached to the graph, with memory of its own."""
    for gradients in (True, False):
        given, G = probe.tensors(probe.case(), gradients)
        out = probe(given)
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
        if out.requires_grad != (gradients and probe.differentiable):
            yield f"the result {'requires no' if gradients else 'requires a'} gradient"
        for name, tensor in given.items():
            if out.data_ptr() == tensor.data_ptr():
                yield f"the result shares memory with {name}"
        if gradients and probe.differentiable:
            for name, value in probe.run(given, G).items():
                if name != "value" and (value.dtype != given[name].dtype or value.shape != given[name].shape):
                    yield f"the gradient of {name} is {value.dtype} {tuple(value.shape)}"
        x = given["x"].detach()
        for other in (x[0], x[:1], x.unsqueeze(1)):  # a path of its own may come back in another dtype
            out = probe({**given, "x": other.clone().requires_grad_(gradients and probe.differentiable)})
            if isinstance(out, torch.Tensor) and (out.dtype, out.device) != (x.dtype, x.device):
                yield f"the result is {out.dtype} on {out.device} for {x.dtype} of shape {tuple(other.shape)}"


def inputs_unchanged(probe: Probe) -> Iterator[str]:
    """No input is written to, not even with what it held before, at any corner of the sizes."""
    for gradients, sizes, batch in itertools.product((True, False), probe.corner_sizes(), (3, 1)):
        given, G = probe.tensors(probe.case(sizes, batch), gradients)
        before = {name: (tensor.detach().clone(), tensor._version) for name, tensor in given.items()}
        probe.run(given, G)
        for name, tensor in given.items():
            old, version = before[name]
            if not torch.equal(old, tensor.detach()):
                yield f"{name} was changed"
            elif tensor._version != version:
                yield f"{name} was written to"
            elif tensor.grad is not None:
                yield f"{name}.grad was set"
            elif tensor.requires_grad != (gradients and probe.differentiable):
                yield f"{name}.requires_grad was changed"
