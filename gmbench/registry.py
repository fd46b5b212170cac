"""Where layer types and implementations come from: built in, an installed package, a file, a module.

Nothing is registered globally. A :class:`Registry` is built by looking through modules for the records that
the decorators of :mod:`gmbench.declare` left on functions. What cannot be imported stays listed, with the reason.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from gmbench.contract import MARK, ContractError, Implementation, Initialisation, LayerType
from gmbench.names import nearest

ENTRY_POINTS = "gmbench.implementations"
VARIABLE = "GMBENCH_IMPLEMENTATIONS"
LAYERS = Path(__file__).parent / "layers"  # a family a folder; files beside the folders are what these share

Record = TypeVar("Record", Implementation, Initialisation)


def _imported(pattern: str) -> list[ModuleType]:
    """The modules in the folders of ``gmbench.layers``, of any depth, whose files have such a name."""
    files = sorted(path for path in LAYERS.glob(f"*/**/{pattern}.py") if path.stem != "__init__")
    names = (path.relative_to(LAYERS).with_suffix("").parts for path in files)
    return [importlib.import_module(".".join(("gmbench.layers", *name))) for name in names]


@functools.cache
def _contracts() -> dict[str, tuple[LayerType, Path]]:
    """Every layer type, and the folder of its ``contract.py``."""
    return {
        kind.name: (kind, Path(str(module.__file__)).parent)
        for module in _imported("contract")
        for kind in vars(module).values()
        if isinstance(kind, LayerType)
    }


def layer_types() -> dict[str, LayerType]:
    """Every layer type by its name, found in the files ``contract.py`` of the folders of layers; loads no torch."""
    return {name: kind for name, (kind, _) in _contracts().items()}


def layer_type(name: str) -> LayerType:
    """The layer type of that name.

    :raises ContractError: if there is none, with the nearest name
    """
    return _contract(name)[0]


def folder_of(name: str) -> Path:
    """The folder of a layer type: where its ``contract.py`` is.

    :raises ContractError: if there is no such layer type
    """
    return _contract(name)[1]


def _contract(name: str) -> tuple[LayerType, Path]:
    types = _contracts()
    if not isinstance(name, str) or name not in types:
        raise ContractError(f"unknown layer type {name!r}{nearest(str(name), types)}")
    return types[name]


def value_of(name: str) -> str:
    """The layer type whose layers a layer type is about: that of the value, where it is of another quantity."""
    return next((kind.name for kind in layer_types().values() if name in kind.quantities.values()), name)


@dataclass(frozen=True)
class Broken:
    """A source of implementations that could not be loaded, or a record that could not be taken."""

    source: str
    reason: str


@dataclass(frozen=True)
class Registry:
    """All that was found: implementations and initialisations by key, and what was broken."""

    implementations: dict[str, Implementation]
    initialisations: dict[str, Initialisation]
    broken: tuple[Broken, ...]

    def select(self, name: str) -> list[Implementation]:
        """Implementations that a name means: ``gm/eager``, all of ``gm``, or every one called ``eager``.

        :raises ContractError: if there is none
        """
        chosen = [i for i in self.implementations.values() if name in (i.key, i.layer_type, i.name)]
        if not chosen:
            known = {*self.implementations, *layer_types(), *(i.name for i in self.implementations.values())}
            raise ContractError(f"no implementation is called {name!r}{nearest(name, known)}")
        return chosen

    def implementation(self, layer_type: str, name: str) -> Implementation:
        """The one implementation of this layer type with this name.

        :raises ContractError: if there is none
        """
        return _one(self.implementations, "implementation", layer_type, name)

    def initialisation(self, layer_type: str, name: str) -> Initialisation:
        """The one initialisation of this layer type with this name.

        :raises ContractError: if there is none
        """
        return _one(self.initialisations, "initialisation", layer_type, name)


def _one(table: dict[str, Record], what: str, layer_type: str, name: str) -> Record:
    key = name if "/" in name else f"{layer_type}/{name}"
    if key not in table:
        known = [record.name for record in table.values() if record.layer_type == layer_type]
        raise ContractError(f"{layer_type} has no {what} {name!r}{nearest(name, known)}")
    return table[key]


def unavailable(implementation: Implementation, device: str = "cpu") -> str | None:
    """Why an implementation cannot run here on this device, or None if it can."""
    if device not in implementation.devices:
        return f"does not run on {device}"
    needs = (device, *implementation.requires) if device == "cuda" else implementation.requires
    return next(filter(None, map(_missing, needs)), None)


@functools.cache
def _missing(need: str) -> str | None:
    if need == "cuda":
        import torch

        return None if torch.cuda.is_available() else "no CUDA device here"
    if need == "compiler":
        return _no_compiler()
    try:
        return None if importlib.util.find_spec(need) else f"the module {need} is not installed"
    except (ImportError, ValueError):
        return f"the module {need} is not installed"


def _no_compiler() -> str | None:
    """Why torch.compile has no C++ compiler to call; it has no fallback."""
    usual = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if sys.platform != "win32" and _runs(usual):  # inductor's own first choice: to import inductor takes seconds
        return None
    try:
        from torch._inductor.cpp_builder import get_cpp_compiler

        compiler = get_cpp_compiler()
    except Exception as error:
        return f"torch.compile finds no C++ compiler ({type(error).__name__})"
    return None if _runs(compiler) else f"the C++ compiler {compiler} does not run"


def _runs(compiler: str) -> bool:
    import subprocess

    try:
        subprocess.run([compiler, "--version"], capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def records(module: ModuleType, source: str) -> list[Implementation | Initialisation]:
    """The records that were declared in a module itself (not those that it imported), in order."""
    found = []
    for value in vars(module).values():
        marked = getattr(value, MARK, ()) if not isinstance(value, type) else ()
        if not isinstance(marked, tuple):
            continue
        for record in marked:
            if isinstance(record, Implementation | Initialisation) and record.module == module.__name__:
                found.append(replace(record, source=source))
    return found


def load_file(path: str | os.PathLike) -> ModuleType:
    """Import a Python file by its path, under a name of its own.

    :raises ContractError: if it is not there, or cannot be imported
    """
    path = Path(os.path.expanduser(path)).resolve()
    if not path.is_file():
        raise ContractError(f"{path}: there is no such file")
    if path.suffix != ".py":
        raise ContractError(f"{path}: not a Python file")
    name = f"gmbench_outside_{path.stem}_{abs(hash(str(path))):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ContractError as error:
        del sys.modules[name]
        raise ContractError(f"{path}: {error}") from None
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ContractError(f"{path}: cannot be imported ({_reason(error)})") from error
    return module


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _built_in() -> Iterable[tuple[str, ModuleType | Broken]]:
    for module in _imported("*"):
        yield "built in", module


def _entry_points() -> Iterable[tuple[str, ModuleType | Broken]]:
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS):
        source = f"package {point.dist.name if point.dist else point.name}"
        try:
            yield source, importlib.import_module(point.module)
        except Exception as error:
            yield source, Broken(source, f"{point.value}: cannot be imported ({_reason(error)})")


def _files(paths: Iterable[str | os.PathLike]) -> Iterable[tuple[str, ModuleType | Broken]]:
    for path in paths:
        try:
            yield str(path), load_file(path)
        except ContractError as error:
            yield str(path), Broken(str(path), str(error))


def outside_files() -> list[str]:
    """The files that ``$GMBENCH_IMPLEMENTATIONS`` names, separated like ``$PATH``."""
    return [path for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]


def load(files: Iterable[str | os.PathLike] = (), modules: Iterable[ModuleType] = ()) -> Registry:
    """Everything that is built in, installed, in ``files``, in ``$GMBENCH_IMPLEMENTATIONS`` and in ``modules``.

    A name that is taken keeps its first owner; the later one is listed as broken.
    """
    implementations: dict[str, Implementation] = {}
    initialisations: dict[str, Initialisation] = {}
    broken: list[Broken] = []
    every = dict.fromkeys([*map(str, files), *outside_files()])
    sources = [*_built_in(), *_entry_points(), *_files(every), *((m.__name__, m) for m in modules)]
    for source, module in sources:
        if isinstance(module, Broken):
            broken.append(module)
            continue
        for record in records(module, source):
            table: dict[str, Any] = implementations if isinstance(record, Implementation) else initialisations
            if record.key in table:
                owner = table[record.key].source
                broken.append(Broken(source, f"the name {record.key!r} is taken ({owner}); give yours another name"))
            else:
                table[record.key] = record
    return Registry(implementations, initialisations, tuple(broken))


def fastest(layer_type: str, device: str = "cpu", preferred: Iterable[str] = ()) -> Implementation:
    """The layer type's fastest implementation that runs here.

    :param preferred: names that come before the fastest
    :raises ContractError: if none does
    """
    known, reasons = load(), []
    for name in (*preferred, *layer_types()[layer_type].fastest):
        record = known.implementation(layer_type, name)
        reason = unavailable(record, device)
        if not reason:
            return record
        reasons.append(f"{name}: {reason}")
    raise ContractError(f"no implementation of {layer_type} can be trained here ({', '.join(reasons)})")
