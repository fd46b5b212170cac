"""Kolmogorov-Arnold networks: those of pykan, an optional extra."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch

from gmbench.contract import ContractError


def kan(
    widths: Sequence[int],
    grid: int,
    order: int,
    box: tuple[float, float],
    seed: int,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> torch.nn.Module:
    """A network of splines on edges, ``(n, widths[0]) -> (n, widths[-1])``, by pykan 0.2.8 (Liu et al., 2024).

    An edge has ``grid + order`` coefficients, the weight of its spline and that of its SiLU: see :func:`size`. Its
    grid is regular over ``box``, in every layer, and stays. What pykan has for symbolic formulas is off and frozen. It
    writes no files. pykan seeds the generators of numpy and of Python too, and its start is a least-squares
    solution, the same again but for rounding.

    :param widths: feature counts, at least two
    :param grid: intervals
    :param order: of the splines' polynomials
    :param box: the ends of the grid, in every input
    :raises ContractError: if pykan is not installed
    """
    try:
        from kan import KAN
    except ImportError as error:
        raise ContractError(f"KAN needs pykan ({error}): pip install 'gmbench[kan]'") from None
    with torch.random.fork_rng(devices=[]):
        network = KAN(
            width=list(widths), grid=grid, k=order, grid_range=list(box), seed=seed, auto_save=False, device="cpu"
        ).speed()
    for parameter in network.symbolic_fun.parameters():
        parameter.requires_grad_(False)
    return torch.nn.Module.to(network, device or "cpu", dtype or torch.get_default_dtype())


def size(widths: Sequence[int], grid: int, order: int) -> int:
    """The parameters that are trained: edges x (grid + order + 2)."""
    return sum(a * b for a, b in itertools.pairwise(widths)) * (grid + order + 2)
