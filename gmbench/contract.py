"""What a layer type is and what an implementation declares: frozen data, nothing that computes.

This module, and every ``contract.py`` of a layer type, loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
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

    def __str__(self) -> str:
        """Its name and shape: ``v (K, C)``."""
        return f"{self.name} ({', '.join(self.shape)}{',' if len(self.shape) == 1 else ''})"


@dataclass(frozen=True)
class Work:
    """What one forward pass costs at the least: matrix products with the batch, exponentials, and bytes in and out.

    ``products`` are pairs (inner, columns): each stands for one (batch x inner) @ (inner x columns).
    ``backward_exponentials`` are those that backward needs anew, because so many of forward are not kept.
    """

    batch: int
    products: tuple[tuple[int, int], ...]
    exponentials: int
    bytes_moved: int
    backward_exponentials: int = 0

    @property
    def operations(self) -> int:
        """Multiply-adds of the products, and exponentials."""
        return self.batch * sum(inner * columns for inner, columns in self.products) + self.exponentials


@dataclass(frozen=True)
class Timed:
    """A size that is timed: the length of every axis, and the batch.

    ``everyday`` sizes are timed by default, the others in the full grid.
    """

    axes: Mapping[str, int]
    batch: int
    everyday: bool = True


@dataclass(frozen=True)
class Stack:
    """A network whose whole training step is timed: layers one behind the other, with these feature counts.

    ``axes`` are the lengths that all layers share. A parameter drawn for a layer is multiplied by
    ``in_features ** scale[name]``, so that signals keep their size from layer to layer.
    """

    widths: tuple[int, ...]
    axes: Mapping[str, int]
    batch: int
    scale: Mapping[str, float]
    everyday: bool = True


@dataclass(frozen=True)
class Goal:
    """What an implementation is to reach: a ratio of times to ``against``, or, without it, bytes of
    temporaries: at the peak of a call, beside what it returns.

    ``size`` is a label as timings print it, ``against`` the floor or an implementation's name, ``allocator`` the
    regime in which it holds (None: in each).
    """

    implementation: str
    size: str
    batch: int
    direction: str
    at_most: float
    against: str | None = None
    allocator: str | None = None
    dtype: str = "float32"


@dataclass(frozen=True)
class Domain:
    """The inputs on which a layer type must be right, declared once for checks, timings and error maps.

    ``sizes`` gives the choices for each axis, the simplest first; ``wide`` those of the properties, which need no
    reference. ``regimes`` maps the name of each kind of input to its meaning. ``draw(sizes, batch, regime, spread,
    zeros, rng)`` returns float64 arrays for ``x`` ``(batch, in_features)`` and every parameter: entries are of size
    10^-spread to 10^spread, ``zeros`` quarters of them exactly 0.
    """

    sizes: Mapping[str, tuple[int, ...]]
    wide: Mapping[str, tuple[int, ...]]
    batches: tuple[int, ...]
    large: tuple[tuple[Mapping[str, int], int, str], ...]  # (sizes, batch, regime): the sizes that are used in earnest
    regimes: Mapping[str, str]
    draw: Callable[..., dict[str, Any]]


def _nowhere(inputs: Mapping[str, Any], eps: float, ulps: float) -> dict[str, Any]:
    """No masks: of a layer that is smooth."""
    return {}


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
    properties: Mapping[str, Callable[..., Any]]  # relations between values, see gmbench.layers.relations
    limits: Callable[[str], Mapping[str, Any]]  # of a dtype: inputs where the formula degenerates, by name
    work: Callable[..., Work]
    fastest: tuple[str, ...]  # implementations to train with, the fastest first: the first that runs here is taken
    timed: tuple[Timed, ...]
    nondifferentiable: Callable[..., dict[str, Any]] = _nowhere  # masks of the gradient entries that do not exist
    stack: Stack | None = None
    goals: tuple[Goal, ...] = ()
    fixed: Mapping[str, int] = field(default_factory=dict)  # axes whose length the type prescribes
    # beside the value, the others that implementations may return, and the layer type by which each is judged
    quantities: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()  # further yardsticks of its timings, of gmbench.timing.yardsticks.BESIDE

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
class Declaration:
    """What a decorator attaches to a function: for which layer type it is, and by what name."""

    layer_type: str
    name: str
    function: Callable[..., Any] = field(repr=False)

    @property
    def key(self) -> str:
        """The full name, as ``gmbench list`` prints it."""
        return f"{self.layer_type}/{self.name}"

    def as_dict(self) -> dict[str, Any]:
        """All of it but the function, and the key, as plain data that is ready for JSON."""
        known = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "function"}
        lists = {name: list(value) for name, value in known.items() if isinstance(value, tuple)}
        dicts = {name: dict(value) for name, value in known.items() if isinstance(value, Mapping)}
        return {"key": self.key, **known, **lists, **dicts}


@dataclass(frozen=True)
class Implementation(Declaration):
    """One function for one layer type, and the single record of what it can do.

    What returns another ``quantity`` than the value has the layer type of that quantity.

    Checks, timings and experiments read this record and nothing else. ``ulps`` maps each dtype to the claimed
    accuracy in units of the error measure; it is empty for an ``approximate`` implementation, whose reason
    stands there instead.
    """

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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __deepcopy__(self, memo: object) -> Implementation:
        return self  # frozen: modules that hold one can be copied

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "ulps": dict(self.ulps)}  # and saved: a read-only view of a dict cannot be pickled

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, ulps=MappingProxyType(state["ulps"]))


@dataclass(frozen=True)
class Initialisation(Declaration):
    """A way to fill the parameters of one layer: ``function(layer, images, generator)``, in place."""

    uses_images: bool = False
    summary: str = ""
    module: str = ""
    source: str = "built in"
