"""Templates that ``gmbench new`` writes: the layer type's built-in ``eager``, as a file of one's own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from gmbench.contract import ContractError, LayerType

HEAD = '''"""An implementation of the layer type `{kind}`.

    {formula}

Shapes: x (..., {features}), {shapes}; the result is (..., {out}).
Check it: gmbench verify {{file}}      Time it: gmbench time {{file}}
"""

'''


def template(kind: LayerType, name: str) -> str:
    """Source of an implementation that passes every check, to be changed.

    :raises ContractError: if the layer type ships no template
    """
    spec = importlib.util.find_spec(f"gmbench.layers.{kind.name.replace('-', '_')}")
    path = Path(spec.submodule_search_locations[0]) / "template.txt" if spec else None
    if path is None or not path.is_file():
        raise ContractError(f"the layer type {kind.name!r} has no template")
    if not name or not all(c.isalnum() or c in "-_." for c in name):
        raise ContractError(f"{name!r} is no name for an implementation; use letters, digits, '-', '_' and '.'")
    head = HEAD.format(
        kind=kind.name,
        formula=kind.formula,
        features=kind.in_features,
        out=kind.out_features,
        shapes=", ".join(f"{p.name} ({', '.join(p.shape)})" for p in kind.parameters),
    )
    return (head + path.read_text("utf-8")).replace("{file}", f"{name.replace('-', '_')}.py").replace("{name}", name)
