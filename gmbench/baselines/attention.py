"""Attention over the places of an image, as the GMNM paper puts it between convolutions."""

from __future__ import annotations

import torch

HEADS = 4


class Attention(torch.nn.Module):
    """Every place of an image looks at all others: x + attention(norm(x)) over ``(B, channels, h, w)``.

    It has 4 channels^2 + 6 channels parameters.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = torch.nn.LayerNorm(channels)
        self.attention = torch.nn.MultiheadAttention(channels, HEADS, batch_first=True)

    def forward(self, x):
        """As many features at each place."""
        places = x.flatten(2).mT
        seen = self.norm(places)
        found = places + self.attention(seen, seen, seen, need_weights=False)[0]
        return found.mT.reshape(x.shape)
