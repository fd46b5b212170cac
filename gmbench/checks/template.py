"""Templates that ``gmbench new`` writes: the layer type's built-in ``eager``, as a file that stands alone."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
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
{constants}

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
    constants: dict[str, str] = {}
    _collect(eager.function.__name__, sys.modules[eager.module], functions, constants, modules)
    own, *helpers = functions.values()
    return TEMPLATE.format(
        kind=kind,
        name=name,
        file=file,
        out_features=kind.fixed.get(kind.out_features, kind.out_features),
        parameters="\n".join(f"    {parameter}: {parameter.meaning}" for parameter in kind.parameters),
        imports=_blocks(modules),
        constants="".join(f"\n{line}" for line in constants.values()) + "\n" * bool(constants),
        layer_type=registry.value_of(kind.name),
        quantity="" if eager.quantity == "value" else f'\n    quantity="{eager.quantity}",',
        ulps=eager.ulps["float64"],
        functions="\n\n\n".join([own.replace(f"def {eager.function.__name__}(", "def layer(", 1), *helpers]) + "\n",
    )


def _collect(
    name: str, module: ModuleType, functions: dict[str, str], constants: dict[str, str], modules: dict[str, str]
) -> None:
    """Add the source of what a module calls so, without decorators, and of all that it names, and what these import."""
    source = inspect.getsource(module)
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if name != (alias.asname or alias.name):
                    continue
                if node.module.partition(".")[0] == "gmbench":
                    _collect(alias.name, importlib.import_module(node.module), functions, constants, modules)
                else:
                    modules[f"{node.module}.{alias.name}"] = f"from {node.module} import {ast.unparse(alias)}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if name == (alias.asname or alias.name.partition(".")[0]):
                    modules[alias.name] = f"import {ast.unparse(alias)}"
        elif name in _bound(node) and name not in functions and name not in constants:
            text = "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno])
            if isinstance(node, ast.FunctionDef):
                functions[name], node.decorator_list = text, []
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and inner.id != name:
                    _collect(inner.id, module, functions, constants, modules)
            if not isinstance(node, ast.FunctionDef):
                constants[name] = text  # behind those that it is made of


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement of a module gives something to."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def _blocks(modules: dict[str, str]) -> str:
    """Imports in their usual order: the standard library, other packages, gmbench."""
    blocks: list[list[str]] = [[], [], []]
    for name, line in sorted(modules.items()):
        blocks[2 if name == "gmbench" else 0 if name.partition(".")[0] in sys.stdlib_module_names else 1].append(line)
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)
