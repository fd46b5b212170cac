"""What a layer type is and what an implementation declares: frozen data, nothing that computes.

This module, and every ``contract.py`` of a layer type, loads no torch.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

EPS = MappingProxyType({"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16": 2.0**-7})
TINY = MappingProxyType({"float64": 2.0**-1022, "float32": 2.0**-126, "bfloat16": 2.0**-126})
DEVICES = ("cpu", "cuda")
TRANSFORMS = ("grad", "jvp", "vmap")
LARGEST_CLAIM = 2.0**-6  # of ulps * eps: beyond it a claim says nothing
MARK = "__gmbench__"  # the attribute that carries the records of a decorated function


class ContractError(ValueError):
    """A declaration, a name or an input that breaks the contract; its text is one line for the user."""


@dataclass(frozen=True)
class Parameter:
    """One named tensor of a layer type; ``shape`` names its axes, for instance ``("K", "C", "d")``."""

    name: str
    shape: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class Work:
    """What one forward pass costs at the least: multiply-adds, exponentials, and bytes in and out."""

    multiply_adds: int
    exponentials: int
    bytes_moved: int


@dataclass(frozen=True)
class Domain:
    """The inputs on which a layer type must be right, declared once for checks, timings and error maps.

    ``sizes`` gives the choices for each axis, the simplest first; ``wide`` those of the properties, which need no
    reference. ``regimes`` maps the name of each kind of
    input to its meaning. ``draw(sizes, batch, regime, spread, zeros, rng)`` returns float64 arrays for ``x``
    ``(batch, in_features)`` and every parameter: entries are of size 10^-spread to 10^spread, ``zeros`` quarters
    of them exactly 0.
    """

    sizes: Mapping[str, tuple[int, ...]]
    wide: Mapping[str, tuple[int, ...]]
    batches: tuple[int, ...]
    regimes: Mapping[str, str]
    draw: Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class LayerType:
    """A mathematical function with named parameters, and all that the harness needs to judge one."""

    name: str
    summary: str
    formula: str
    parameters: tuple[Parameter, ...]
    in_features: str  # the axis that x has last
    out_features: str  # the axis that the result has last
    reference: str  # "module:function", imported only by checks
    domain: Domain
    bound: Callable[..., dict[str, Any]]  # the running error bound of the formula, one entry a quantity
    kinks: Callable[..., dict[str, Any]]  # masks of the gradient entries that do not exist
    properties: Mapping[str, Callable[..., Any]]  # relations between outputs, see gmbench.checks.properties
    limits: Callable[..., Any]  # exact values where the formula degenerates, see gmbench.checks.limits
    work: Callable[..., Work]
    fixed: Mapping[str, int] = field(default_factory=dict)  # axes whose length the type prescribes
    quantities: tuple[str, ...] = ("value",)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def signature(self) -> str:
        """How an implementation is called."""
        return f"f({', '.join(('x', *self.names))})"

    def shapes(self, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter for the given axis lengths."""
        sizes = {**sizes, **self.fixed}
        return {p.name: tuple(sizes[axis] for axis in p.shape) for p in self.parameters}


@dataclass(frozen=True)
class Implementation:
    """One function for one layer type, and the single record of what it can do.

    Checks, timings and experiments read this record and nothing else. ``ulps`` maps each dtype to the claimed
    accuracy in units of the error measure; it is empty for an ``approximate`` implementation, whose reason
    stands there instead.
    """

    layer_type: str
    name: str
    function: Callable[..., Any] = field(repr=False)
    quantity: str = "value"
    devices: tuple[str, ...] = ("cpu",)
    dtypes: tuple[str, ...] = ("float32", "float64")
    derivatives: int = 1
    transforms: tuple[str, ...] = ()
    ulps: Mapping[str, float] = field(default_factory=dict)
    approximate: str | None = None
    requires: tuple[str, ...] = ()
    compiled: bool = False
    summary: str = ""
    module: str = ""
    source: str = "built in"

    @property
    def key(self) -> str:
        """The full name, as ``gmbench list`` prints it."""
        return f"{self.layer_type}/{self.name}"

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)


@dataclass(frozen=True)
class Initialisation:
    """A way to fill the parameters of one layer: ``function(layer, images, generator)``, in place."""

    layer_type: str
    name: str
    function: Callable[..., None] = field(repr=False)
    uses_images: bool = False
    summary: str = ""
    module: str = ""
    source: str = "built in"

    @property
    def key(self) -> str:
        return f"{self.layer_type}/{self.name}"


def _words(values, allowed, what, where) -> tuple[str, ...]:
    values = (values,) if isinstance(values, str) else tuple(values)
    for value in values:
        if value not in allowed:
            raise ContractError(f"{where}: {what} {value!r} is not known; choose from {', '.join(allowed)}")
    return values


def _claims(ulps, dtypes, approximate, where) -> Mapping[str, float]:
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


def _check_signature(function, layer_type: LayerType, where) -> None:
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


def _mark(function, record):
    try:
        setattr(function, MARK, (*getattr(function, MARK, ()), record))
    except AttributeError:
        raise ContractError(f"{record.key}: {function!r} takes no attributes; wrap it in a function") from None
    return function


def _summary(function) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0].strip()


def implementation(
    layer_type: str,
    *,
    name: str,
    devices=("cpu",),
    dtypes=("float32", "float64"),
    derivatives: int = 1,
    ulps=None,
    quantity: str = "value",
    transforms=(),
    approximate: str | None = None,
    requires=(),
    compiled: bool = False,
):
    """Declare a function ``f(x, **parameters)`` as an implementation of a layer type.

    ``x`` is ``(..., in_features)`` and the result ``(..., out_features)``. The function is returned unchanged,
    with a record attached; nothing global is filled.

    :param layer_type: name of the layer type, for instance ``"gm"``
    :param name: name of this implementation, unique in its layer type
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
    caller = sys._getframe(1).f_globals.get("__name__", "")

    def declare(function):
        from gmbench import registry

        where = f"{layer_type} implementation {name!r}"
        if not callable(function):
            raise ContractError(f"{where}: {function!r} is not a function")
        if not isinstance(name, str) or not name or not all(c.isalnum() or c in "-_." for c in name):
            raise ContractError(f"{where}: a name is made of letters, digits, '-', '_' and '.'")
        kind = registry.layer_type(layer_type)
        _words([quantity], kind.quantities, "the quantity", where)
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
            layer_type=layer_type,
            name=name,
            function=function,
            quantity=quantity,
            devices=places,
            dtypes=kinds,
            derivatives=derivatives,
            transforms=_words(transforms, TRANSFORMS, "the transform", where),
            ulps=_claims(ulps, kinds, approximate, where),
            approximate=approximate,
            requires=(requires,) if isinstance(requires, str) else tuple(requires),
            compiled=bool(compiled),
            summary=_summary(function),
            module=caller,
        )
        return _mark(function, record)

    return declare


def initialisation(layer_type: str, *, name: str, uses_images: bool = False):
    """Declare ``f(layer, images, generator)`` as a way to initialise a layer of this type, in place.

    ``layer`` is the module, ``images`` its inputs ``(n, in_features)`` or None, ``generator`` a
    :class:`torch.Generator`. With ``uses_images`` the images are required.
    """
    caller = sys._getframe(1).f_globals.get("__name__", "")

    def declare(function):
        from gmbench import registry

        registry.layer_type(layer_type)
        if list(inspect.signature(function).parameters) != ["layer", "images", "generator"]:
            raise ContractError(
                f"{layer_type} initialisation {name!r}: wrong signature; write it as f(layer, images, generator)"
            )
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
