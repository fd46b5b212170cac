"""The decorators that declare implementations and initialisations: they check, attach a record, and fill nothing."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from gmbench import registry
from gmbench.contract import (
    DEVICES,
    EPS,
    LARGEST_CLAIM,
    MARK,
    TRANSFORMS,
    ContractError,
    Declaration,
    Implementation,
    Initialisation,
    LayerType,
)
from gmbench.names import is_name, nearest

Keywords = ParamSpec("Keywords")
Decorator = TypeVar("Decorator")
Function = TypeVar("Function", bound=Callable[..., Any])


def _spelt(declare: Callable[Keywords, Decorator]) -> Callable[Keywords, Decorator]:
    """A decorator with explicit keywords, as editors show them, that says in one line which is misspelt or missing."""
    known = [p.name for p in inspect.signature(declare).parameters.values() if p.kind is p.KEYWORD_ONLY]

    @functools.wraps(declare)
    def spelt(*given: Keywords.args, **named: Keywords.kwargs) -> Decorator:
        layer_type, name = given[0] if given else named.get("layer_type"), named.get("name")
        usage = f'@gmbench.{declare.__name__}("gm", name="...")'
        if callable(layer_type) or layer_type is None:
            raise ContractError(f"write {usage} above the function, with its layer type")
        if len(given) + ("layer_type" in named) > 1:
            raise ContractError(f"write {usage}: all but the layer type is given by name")
        where = f"{layer_type} {declare.__name__}"
        unknown = next((word for word in named if word not in ("layer_type", *known)), None)
        if unknown:
            where = where if name is None else f"{where} {name!r}"
            raise ContractError(f"{where}: there is no {unknown}={nearest(unknown, known)}")
        if name is None:
            raise ContractError(f"{where}: name= is missing")
        if not is_name(name):
            raise ContractError(f"{where} {name!r}: a name is made of letters, digits, '-', '_' and '.'")
        return declare(*given, **named)

    return spelt


def _texts(values: object, what: str, where: str) -> tuple[str, ...]:
    values = (values,) if isinstance(values, str) else values
    if not isinstance(values, list | tuple | set | frozenset) or not all(isinstance(value, str) for value in values):
        raise ContractError(f"{where}: {what} is a text or several, not {values!r}")
    return tuple(values)


def _words(values: object, allowed: Collection[str], what: str, where: str) -> tuple[str, ...]:
    values = _texts(values, what, where)
    for value in values:
        if value not in allowed:
            raise ContractError(f"{where}: {what} {value!r} is not known; choose from {', '.join(allowed)}")
    return values


def _claims(ulps: Any, dtypes: Collection[str], approximate: object, where: str) -> Mapping[str, float]:
    if approximate is not None:
        if not isinstance(approximate, str) or not approximate.strip():
            raise ContractError(f"{where}: approximate= takes the reason, as a text")
        if ulps is not None:
            raise ContractError(f"{where}: give either ulps= or approximate=, not both")
        return MappingProxyType({})
    if ulps is None:
        raise ContractError(f"{where}: claim an accuracy with ulps= (or say approximate='why')")
    given = dict(ulps) if isinstance(ulps, Mapping) else dict.fromkeys(dtypes, ulps)
    if set(given) != set(dtypes):
        raise ContractError(f"{where}: ulps= must name the dtypes {', '.join(dtypes)}, and no others")
    for dtype, claim in given.items():
        if isinstance(claim, bool) or not isinstance(claim, int | float) or not claim > 0:
            raise ContractError(f"{where}: ulps for {dtype} must be a positive number, not {claim!r}")
        if claim * EPS[dtype] > LARGEST_CLAIM:
            most = LARGEST_CLAIM / EPS[dtype]
            raise ContractError(f"{where}: {claim} ulps of {dtype} claim next to nothing; the most is {most:g}")
    return MappingProxyType({dtype: float(claim) for dtype, claim in given.items()})


def _check_function(function: object, where: str) -> None:
    if not callable(function):
        raise ContractError(f"{where}: {function!r} is not a function")
    if isinstance(function, type):
        raise ContractError(f"{where}: {function.__name__} is a class; declare a function")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ContractError(f"{where}: it is async; declare a plain function, which returns its result")


def _check_signature(function: Callable[..., Any], layer_type: LayerType, where: str) -> None:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise ContractError(f"{where}: its signature cannot be read; write it as {layer_type.signature}") from None
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise ContractError(f"{where}: name the parameters instead of taking **kwargs: {layer_type.signature}")
    usable = {name for name, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    missing = [name for name in layer_type.names if name not in usable]
    unknown = [
        name
        for name, p in parameters.items()
        if p.default is p.empty and name not in ("x", *layer_type.names) and p.kind is not p.VAR_POSITIONAL
    ]
    if next(iter(parameters), None) != "x" or missing or unknown:
        wrong = []
        if next(iter(parameters), None) != "x":
            wrong.append("the first argument must be x")
        if missing:
            wrong.append(f"missing {', '.join(missing)}")
        if unknown:
            wrong.append(f"unknown {', '.join(unknown)}")
        raise ContractError(f"{where}: wrong signature ({'; '.join(wrong)}); write it as {layer_type.signature}")


def _mark(function: Function, record: Declaration) -> Function:
    try:
        setattr(function, MARK, (*getattr(function, MARK, ()), record))
    except AttributeError:
        raise ContractError(f"{record.key}: {function!r} takes no attributes; wrap it in a function") from None
    return function


def _caller() -> str:
    """The module that a decorator is called in, whatever module the function is of."""
    return sys._getframe(3).f_globals.get("__name__", "")  # above this function, the decorator and its wrapper


def _summary(function: object) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0].strip()


@_spelt
def implementation(
    layer_type: str,
    *,
    name: str,
    devices: str | Collection[str] = ("cpu",),
    dtypes: str | Collection[str] = ("float32", "float64"),
    derivatives: int = 1,
    ulps: float | Mapping[str, float] | None = None,
    quantity: str = "value",
    transforms: str | Collection[str] = (),
    approximate: str | None = None,
    requires: str | Collection[str] = (),
    compiled: bool = False,
) -> Callable[[Function], Function]:
    """Declare a function ``f(x, **parameters)`` as an implementation of a layer type.

    ``x`` is ``(..., in_features)`` and the result ``(..., out_features)``. The function is returned unchanged,
    with a record attached; nothing global is filled.

    :param layer_type: name of the layer type, for instance ``"gm"``
    :param name: name of this implementation, unique in its layer type: letters, digits, ``-``, ``_`` and ``.``
    :param devices: where it runs, from ``cpu`` and ``cuda``
    :param dtypes: from ``float64``, ``float32`` and ``bfloat16``
    :param derivatives: highest order of derivatives that may be taken: 0, 1 or 2
    :param ulps: claimed accuracy in units of the error measure, one number or one per dtype
    :param quantity: what the function returns, ``"value"`` unless the layer type declares others
    :param transforms: ``torch.func`` transforms that it supports, from ``grad``, ``jvp`` and ``vmap``
    :param approximate: why it is not exact; the bound is waived, and it is never ranked among exact ones
    :param requires: what has to be there: ``"compiler"`` (a C++ compiler), ``"cuda"``, or the name of a module
    :param compiled: it is compiled for each shape, so the checks keep to few shapes
    :raises ContractError: where the declaration does not fit the layer type
    """
    where, caller = f"{layer_type} implementation {name!r}", _caller()
    kind = registry.layer_type(layer_type)

    def declare(function: Function) -> Function:
        _check_function(function, where)
        _words([quantity], ("value", *kind.quantities), "the quantity", where)
        judged = registry.layer_type(kind.quantities.get(quantity, layer_type))
        if isinstance(derivatives, bool) or derivatives not in (0, 1, 2):
            raise ContractError(f"{where}: derivatives must be 0, 1 or 2, not {derivatives!r}")
        kinds = _words(dtypes, tuple(EPS), "the dtype", where)
        if not kinds:
            raise ContractError(f"{where}: name at least one dtype")
        places = _words(devices, DEVICES, "the device", where)
        if not places:
            raise ContractError(f"{where}: name at least one device")
        _check_signature(function, kind, where)
        record = Implementation(
            layer_type=judged.name,
            name=name,
            function=function,
            quantity=quantity,
            devices=places,
            dtypes=kinds,
            derivatives=derivatives,
            transforms=_words(transforms, TRANSFORMS, "the transform", where),
            ulps=_claims(ulps, kinds, approximate, where),
            approximate=approximate,
            requires=_texts(requires, "what it requires", where),
            compiled=bool(compiled),
            summary=_summary(function),
            module=caller,
        )
        return _mark(function, record)

    return declare


@_spelt
def initialisation(layer_type: str, *, name: str, uses_images: bool = False) -> Callable[[Function], Function]:
    """Declare ``f(layer, images, generator)`` as a way to initialise a layer of this type, in place.

    ``layer`` is the module, ``images`` its inputs ``(n, in_features)`` with ``uses_images``, which then are required,
    else None; ``generator`` a :class:`torch.Generator`.

    :raises ContractError: where the declaration does not fit
    """
    where, caller = f"{layer_type} initialisation {name!r}", _caller()
    registry.layer_type(layer_type)

    def declare(function: Function) -> Function:
        _check_function(function, where)
        if list(inspect.signature(function).parameters) != ["layer", "images", "generator"]:
            raise ContractError(f"{where}: wrong signature; write it as f(layer, images, generator)")
        record = Initialisation(
            layer_type=layer_type,
            name=name,
            function=function,
            uses_images=uses_images,
            summary=_summary(function),
            module=caller,
        )
        return _mark(function, record)

    return declare
