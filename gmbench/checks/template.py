"""Templates that ``gmbench new`` writes: the layer type's built-in ``eager``, as a file of one's own."""

from __future__ import annotations

from gmbench.contract import ContractError, LayerType
from gmbench.registry import folder_of

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
    path = folder_of(kind.name) / f"template-{kind.name}.txt"
    if not path.is_file():
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
