"""How hard a check looks."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from gmbench.names import choose


@dataclass(frozen=True)
class Profile:
    """How many cases a check draws: ``examples`` of each value and gradient, ``wide`` of each property.

    The ``seed`` says which; only the deep profile has another one in each process.
    """

    name: str
    examples: int
    wide: int
    seed: int = 0


PROFILES = {
    "smoke": Profile("smoke", examples=40, wide=5),
    "ci": Profile("ci", examples=300, wide=16),
    "deep": Profile("deep", examples=10_000, wide=300, seed=secrets.randbits(64)),
}


def profile(name: str | Profile) -> Profile:
    """The profile of that name.

    :raises ContractError: if there is none
    """
    return name if isinstance(name, Profile) else choose("profile", name, PROFILES)
