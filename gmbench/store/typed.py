"""Plain data, as JSON has it, as a dataclass of which every field was looked at."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Fits = Callable[[Any], bool]


class FieldsError(ValueError):
    """Fields that are missing or of another type; the arguments are their names."""

    def __str__(self) -> str:
        return f"missing or of wrong type: {', '.join(map(str, self.args))}"


def typed(kind: Callable[..., T], found: Any) -> T:
    """An object of a dataclass from a dict, whose keys that are no field are ignored.

    Fields are of ``str``, ``int``, ``float`` (also a whole number), ``bool``, ``None``, unions of these, ``Sequence``
    and ``Mapping`` of them (by ``str``), which are kept as they are, other such dataclasses, and ``tuple`` of those.

    :raises FieldsError: naming the fields that are missing or of another type
    :raises ValueError: if the dataclass itself does not take them
    """
    if not isinstance(found, dict):
        raise FieldsError
    wrong: list[str] = []
    values: dict[str, Any] = {}
    for name, (read, needed) in _readers(kind).items():
        if name in found or needed:
            try:
                values[name] = read(found.get(name))
            except FieldsError as error:
                wrong += [f"{name}.{inner}" for inner in error.args] or [name]
    if wrong:
        raise FieldsError(*wrong)
    return kind(**values)


@functools.cache
def _readers(kind: Callable[..., Any]) -> dict[str, tuple[Callable[[Any], Any], bool]]:
    """How each field is read, and whether it has to be there."""
    hints = get_type_hints(kind)
    return {
        each.name: (_reader(hints[each.name]), each.default is MISSING and each.default_factory is MISSING)
        for each in fields(kind)  # type: ignore[arg-type]
        if each.init
    }


def _reader(hint: Any) -> Callable[[Any], Any]:
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    inner = next((option for option in options if is_dataclass(option) and isinstance(option, type)), None)
    if inner is not None:
        return lambda value: None if value is None and NoneType in options else typed(inner, value)
    if get_origin(hint) is tuple and is_dataclass(get_args(hint)[0]):
        return functools.partial(_several, get_args(hint)[0])
    fits = _fits(hint)

    def read(value: Any) -> Any:
        if not fits(value):
            raise FieldsError
        return value

    return read


def _several(kind: Callable[..., T], value: Any) -> tuple[T, ...]:
    if not isinstance(value, list):
        raise FieldsError
    return tuple(typed(kind, each) for each in value)


def _fits(hint: Any) -> Fits:
    """Whether a value is of a plain type."""
    if hint is Any:
        return lambda value: True
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    exact = {kind for option in options for kind in ((int, float) if option is float else (option,))}
    plain = {kind for kind in exact if get_origin(kind) is None}
    nested = [_nested(kind) for kind in exact - plain]
    return lambda value: type(value) in plain or any(fits(value) for fits in nested)


def _nested(hint: Any) -> Fits:
    origin, (*_, inner) = get_origin(hint), get_args(hint)
    fits = _fits(inner)
    if origin is Mapping:
        return lambda value: type(value) is dict and all(type(name) is str and fits(v) for name, v in value.items())
    if origin is Sequence:
        return lambda value: type(value) is list and all(map(fits, value))
    raise TypeError(f"{hint} is not read from plain data")
