"""The functions that the experiments fit, as the paper defines them or as was decided here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

BOX = 4.0  # the domain is [-BOX, BOX] in every direction where a problem has no other
# a, b and c of each level: what the sinh, the bump and the normal density are multiplied by
LEVELS = {"level-1": (0.0, 0.0, 0.0), "level-2": (5.0, 0.0, 0.0), "level-3": (5.0, 0.1, 0.0), "level-4": (5.0, 0.1, 40)}
SIGMAS = {"lower": ((0.6, 1.1), (1.1, 3.9)), "literal": ((0.6, 2.0), (1.1, 3.9))}
DEVIATION = 0.6  # of the normal density in one dimension


def surface(x: torch.Tensor, a: float, b: float, c: float, sigma: str = "lower") -> torch.Tensor:
    """The paper's target ``(n,)`` at ``x (n, 2)``, in float64.

    :param sigma: ``lower``, the symmetric matrix with the printed lower triangle, or ``literal``, as it is printed
    """
    x = x.double()
    value = (math.pi * x).sin().prod(1) - a * x.sinh().sum(1)
    value = value + b * bump(x).double() / 1.5
    if c:
        matrix = torch.tensor(SIGMAS[sigma], dtype=torch.float64)
        q = ((x @ torch.linalg.inv(matrix)) * x).sum(1)
        value = value + c * torch.exp(-0.5 * q) / (2 * math.pi * torch.linalg.det(matrix).sqrt())
    return value


def curve(x: torch.Tensor, a: float, b: float, c: float) -> torch.Tensor:
    """Our target ``(n,)`` in one dimension at ``x (n, 1)``, in float64."""
    x = x.double()[:, 0]
    value = (math.pi * x).sin() - a * x.sinh() + b * ((x >= -3.5) & (x <= -2.0)).double() / 1.5
    return value + c * torch.exp(-0.5 * (x / DEVIATION).square()) / (DEVIATION * math.sqrt(2 * math.pi))


def bump(x: torch.Tensor) -> torch.Tensor:
    """Whether points are in the box of the paper's U."""
    return (x[:, 0] >= -3.5) & (x[:, 0] <= -2.0) & (x[:, 1] >= 2.0) & (x[:, 1] <= 3.0)


def centre(x: torch.Tensor) -> torch.Tensor:
    """Whether points are within 1 of the origin, where the normal density is."""
    return x.square().sum(1) < 1


@dataclass(frozen=True)
class Problem:
    """A function on a box, and where it is looked at.

    :param said: all that defines it, in words: a change of these is another problem
    :param value: of points ``(n, d)``, a number ``(n,)`` each
    :param inputs: d
    :param train, test: how many points are drawn
    :param side: cells of the grid along each axis, at whose middles the test error is taken
    :param regions: parts of the box with an error of their own
    :param box: half the side of its domain, which is about the origin
    """

    said: str
    value: Callable[[torch.Tensor], torch.Tensor]
    inputs: int
    train: int
    test: int
    side: int
    regions: Mapping[str, Callable[[torch.Tensor], torch.Tensor]]
    box: float = BOX

    def grid(self, side: int = 0) -> torch.Tensor:
        """The middles of equal cells, ``(side^d, d)`` in float64, the last axis fastest."""
        side = side or self.side
        axis = (torch.arange(side, dtype=torch.float64) + 0.5) * (2 * self.box / side) - self.box
        return torch.cartesian_prod(*[axis] * self.inputs).view(-1, self.inputs)


def _surface(level: str, sigma: str) -> Problem:
    a, b, c = LEVELS[level]
    (p, q), (r, s) = SIGMAS[sigma]
    parts = [
        "sin(pi x1) sin(pi x2)",
        f"- {a:g} (sinh x1 + sinh x2)",
        f"+ {b:g} / 1.5 in [-3.5, -2] x [2, 3]",
        f"+ {c:g} times the normal density of mean 0 and Sigma = (({p}, {q}), ({r}, {s}))",
    ]
    said = " ".join(part for part, there in zip(parts, (True, a, b, c), strict=True) if there)
    return Problem(
        f"{said} on [-4, 4]^2; 16384 training and 4096 test points, uniform, drawn anew for each seed; test error at "
        "the middles of 101 x 101 equal cells",
        lambda x: surface(x, a, b, c, sigma),
        *(2, 16384, 4096, 101),
        {"bump": bump, "centre": centre},
    )


SURFACES = {**{level: _surface(level, "lower") for level in LEVELS}, "level-4-literal": _surface("level-4", "literal")}


def _curve(level: str) -> Problem:
    a, b, c = LEVELS[level]
    parts = [
        "sin(pi x)",
        f"- {a:g} sinh x",
        f"+ {b:g} / 1.5 in [-3.5, -2]",
        f"+ {c:g} times the normal density of mean 0 and deviation {DEVIATION}",
    ]
    said = " ".join(part for part, there in zip(parts, (True, a, b, c), strict=True) if there)
    return Problem(
        f"{said} on [-4, 4]; 2048 training and 512 test points, uniform, drawn anew for each seed; test error at the "
        "middles of 1001 equal cells",
        lambda x: curve(x, a, b, c),
        *(1, 2048, 512, 1001),
        {
            "bump": lambda x: (x[:, 0] >= -3.5) & (x[:, 0] <= -2.0),
            "centre": lambda x: x[:, 0].abs() < 1,
        },
    )


CURVES = {level: _curve(level) for level in LEVELS}
