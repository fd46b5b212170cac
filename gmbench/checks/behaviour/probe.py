"""What every check of behaviour holds: an implementation, inputs for it, and how its results are compared."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
import torch

from gmbench.checks.cases import Case, few_shapes
from gmbench.checks.errors import WAIVED, Arrays, Tensors, array_of, bound, call, inputs_of, tensors
from gmbench.contract import EPS, Implementation
from gmbench.registry import layer_type


class Probe:
    """One implementation in one dtype on one device, with inputs for it and comparisons of its results.

    ``kind`` is its layer type, ``claim`` twice its claimed ulps, which two of its results may differ by, and
    ``differentiable`` whether it has gradients.
    """

    def __init__(self, implementation: Implementation, dtype: str, device: str):
        self.implementation, self.dtype, self.device = implementation, dtype, device
        self.kind = layer_type(implementation.layer_type)
        self.claim = 2 * implementation.ulps.get(dtype, WAIVED)
        self.differentiable = implementation.derivatives >= 1

    def case(self, sizes: Mapping[str, int] | None = None, batch: int = 3, regime: str = "bulk", seed: int = 0) -> Case:
        """A case of ordinary sizes, of which the given ones are changed where nothing is compiled for them."""
        usual = few_shapes(self.kind)[1]
        chosen = tuple({**usual, **({} if self.implementation.compiled else sizes or {})}.items())
        return Case(self.kind.name, chosen, batch, regime, seed=seed)

    def corner_sizes(self) -> list[dict[str, int]]:
        """Ordinary sizes, then each axis at its smallest and its largest."""
        if self.implementation.compiled:
            return few_shapes(self.kind)
        axes = self.kind.domain.sizes
        return [{}, *({axis: end} for axis, n in axes.items() for end in (min(n), max(n)))]

    def tensors(self, case: Case, gradients: bool = False) -> tuple[Tensors, torch.Tensor]:
        """Fresh tensors of a case by name, and its cotangent ``(batch, out_features)``.

        :param gradients: the tensors ask for them, if there are any
        """
        inputs, G = inputs_of(case, self.dtype)
        given = tensors(inputs, self.dtype, self.device, gradients and self.differentiable)
        return given, torch.tensor(G, dtype=getattr(torch, self.dtype), device=self.device)

    def layouts(self, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """The same numbers in other layouts, by name; the first alone where each one may compile anew."""
        return itertools.islice(_layouts(tensor), 1 if self.implementation.compiled else None)

    def __call__(self, given: Tensors) -> torch.Tensor:
        """The implementation's value for x and parameters by name."""
        return call(self.implementation, given)

    def run(self, given: Tensors, G: torch.Tensor, out: torch.Tensor | None = None) -> Tensors:
        """The value, and the gradients of sum(G * value) by what asks for one (zeros where there is none).

        :param out: the value, where it is known
        """
        out = self(given) if out is None else out
        wanted = {n: t for n, t in given.items() if t.requires_grad}
        if not wanted or not out.requires_grad:
            return {"value": out}
        found = torch.autograd.grad((G * out).sum(), list(wanted.values()), allow_unused=True)
        zeros = (torch.zeros_like(t) if g is None else g for t, g in zip(wanted.values(), found, strict=True))
        return {"value": out, **dict(zip(wanted, zeros, strict=True))}

    def bound(self, case: Case) -> Arrays:
        """The error bound S of a case's value and gradients."""
        inputs, G = inputs_of(case, self.dtype)
        return bound(self.kind, inputs, G, self.dtype, self.claim)

    def differ(self, got: Tensors, want: Tensors, S: Arrays) -> str:
        """How two results differ by more than twice the claim in units of eps * S, or an empty text."""
        for name, value in got.items():
            a, b = array_of(value), array_of(want[name])
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


def _layouts(tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
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
