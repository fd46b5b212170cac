"""Templates that ``gmbench new`` writes: the layer type's built-in ``eager``, as a file that stands alone."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import ModuleType

from gmbench import registry
from gmbench.contract import ContractError, LayerType
from gmbench.names import is_name

TEMPLATE = '''"""An implementation of the layer type `{kind.name}`.

    {kind.formula}

    x (..., {kind.in_features}): inputs; the result is (..., {out_features})
{parameters}

Check it: gmbench verify {file}      Time it: gmbench time {file}
"""

{imports}


@gmbench.implementation(
    "{layer_type}",{quantity}
    name="{name}",
    devices=("cpu",),
    dtypes=("float32", "float64"),
    derivatives=1,  # the highest order of derivatives that you support
    ulps={ulps:g},  # how right it is, in units of the error measure: your claim, which the checks hold you to
)
{functions}'''


def template(kind: LayerType, name: str, file: str = "my_layer.py") -> str:
    """Source of an implementation that passes every check, to be changed.

    :param name: of the implementation
    :param file: what the file will be called
    :raises ContractError: if it is no name, or the layer type has no ``eager`` that is built in
    """
    if not is_name(name):
        raise ContractError(f"{name!r} is no name for an implementation; use letters, digits, '-', '_' and '.'")
    eager = registry.load().implementation(kind.name, "eager")
    modules: dict[str, str] = {"gmbench": "import gmbench"}
    functions: dict[str, str] = {}
    _collect(eager.function, functions, modules)
    own, *helpers = functions.values()
    return TEMPLATE.format(
        kind=kind,
        name=name,
        file=file,
        out_features=kind.fixed.get(kind.out_features, kind.out_features),
        parameters="\n".join(f"    {parameter}: {parameter.meaning}" for parameter in kind.parameters),
        imports=_blocks(modules),
        layer_type=registry.value_of(kind.name),
        quantity="" if eager.quantity == "value" else f'\n    quantity="{eager.quantity}",',
        ulps=eager.ulps["float64"],
        functions="\n\n".join([own.replace(f"def {eager.function.__name__}(", "def layer(", 1), *helpers]),
    )


def _collect(function: Callable, functions: dict[str, str], modules: dict[str, str]) -> None:
    """Add a function's source without its decorators, that of every function it calls, and what all of them import."""
    source = inspect.getsource(function)
    functions[function.__name__] = "def " + f"\n{source}".partition("\ndef ")[2]
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            alias = "" if name == value.__name__ else f" as {name}"
            modules[value.__name__] = f"import {value.__name__}{alias}"
        elif inspect.isfunction(value) and name not in functions:
            _collect(value, functions, modules)


def _blocks(modules: dict[str, str]) -> str:
    """Imports in their usual order: the standard library, other packages, gmbench."""
    blocks: list[list[str]] = [[], [], []]
    for name, line in sorted(modules.items()):
        blocks[2 if name == "gmbench" else 0 if name in sys.stdlib_module_names else 1].append(line)
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)
