"""Attention over the places of an image, as the GMNM paper puts it between convolutions."""

from __future__ import annotations

import torch

HEADS = 4


class Attention(torch.nn.Module):
    """Every place of an image looks at all others: x + attention(norm(x)), ``(B, channels, h, w)`` in and out.

    It has 4 channels^2 + 6 channels parameters, in :data:`HEADS` heads.

    :param channels: a multiple of :data:`HEADS`
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = torch.nn.LayerNorm(channels)
        self.attention = torch.nn.MultiheadAttention(channels, HEADS, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The image ``(B, channels, h, w)`` of one ``x`` of that shape."""
        places = x.flatten(2).mT
        seen = self.norm(places)
        found = places + self.attention(seen, seen, seen, need_weights=False)[0]
        return found.mT.reshape(x.shape)
