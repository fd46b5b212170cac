"""What the papers compare their layers with. Some need an optional extra."""

from __future__ import annotations

import importlib.util

EXTRAS = {"kan": ("kan", "tqdm", "yaml", "sklearn", "sympy")}  # of pyproject.toml: the modules that each must bring


def lacking(extra: str) -> str | None:
    """What to do about an optional extra, a key of :data:`EXTRAS`, that is not installed; None if it is."""
    if all(importlib.util.find_spec(module) for module in EXTRAS[extra]):
        return None
    return f"needs the optional extra {extra!r}: pip install 'gmbench[{extra}]'"
