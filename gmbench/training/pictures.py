"""Pictures and lines that a cell keeps in its file, for pages to draw."""

from __future__ import annotations

import math
from typing import Any

import torch

from gmbench.store.levels import as_text

POINTS = 400  # of a line, at most


def picture(values: torch.Tensor) -> dict[str, Any]:
    """A square field ``(n, n)``, its first row on top, as ``low``, ``high`` and ``levels``: base64 of one byte a value,
    row by row, 0 for the lowest and 255 for the highest. Empty if it is not finite.
    """
    values = values.detach().double().cpu()
    if not values.isfinite().all():
        return {}
    low, high = values.min(), values.max()
    return {"low": low.item(), "high": high.item(), "side": len(values), "levels": levels(values, low, high)}


def levels(values: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> str:
    """Base64 of one byte a value, 0 for ``low`` and 255 for ``high``."""
    found = ((values - low) / (high - low).clamp(min=1e-300) * 255).round().to(torch.uint8)
    return as_text(found.contiguous().numpy())


def plane(values: torch.Tensor) -> dict[str, Any]:
    """A :func:`picture` of values ``(n * n,)`` over a grid of the plane whose last axis is the fastest: the first one
    goes to the right, the last one up.
    """
    side = math.isqrt(values.numel())
    return picture(values.detach().reshape(side, side).mT.flip(0))


def photographs(pixels: torch.Tensor) -> list[str]:
    """Images ``(n, features)`` with pixels in [0, 1], as :func:`levels` each; none if any is not finite."""
    pixels = pixels.detach().double().cpu()
    if not pixels.isfinite().all():
        return []
    low, high = pixels.new_zeros(()), pixels.new_ones(())
    return [levels(image.clamp(0, 1), low, high) for image in pixels]


def line(values: torch.Tensor) -> list[float]:
    """Numbers ``(n,)`` of six digits, every so many of them; empty if they are not finite."""
    values = values.detach().double().cpu().reshape(-1)
    if not values.isfinite().all():
        return []
    return [float(f"{value:.6g}") for value in values[:: max(1, -(-len(values) // POINTS))].tolist()]
