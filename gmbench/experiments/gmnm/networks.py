"""The networks of the GMNM paper's experiments: GMNM layers, alone and inside others, and those that fit functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch

from gmbench.baselines.dense import dense
from gmbench.baselines.kan import kan
from gmbench.baselines.rbf import RBF
from gmbench.contract import ContractError, Implementation
from gmbench.experiments.contract import Spec
from gmbench.experiments.gmnm.targets import BOX
from gmbench.nn import GMNM, initialise
from gmbench.registry import load as load_registry
from gmbench.runs.carry import start_of, unpack
from gmbench.training.minimise import ADAM, LBFGS, Method, spectral

CHUNK = 4096  # points evaluated at once
ORDER = 3  # of a KAN's splines
CALIBRATION = 2048  # training images that an initialisation may look at
HALF = 0.5  # of its largest value, above which a unit is active
ACTIVITY = {"active": "share of test inputs at which a unit is above half of its largest value, mean over units"}


def gmnm_layer(
    spec: Spec,
    points: torch.Tensor,
    outputs: int,
    units: int,
    start: str,
    generator: torch.Generator,
    *,
    reading: str = "mahalanobis",
    projections: int | None = None,
    centres: str = "fixed",
    implementation: Implementation | None = None,
    dtype: torch.dtype = torch.float32,
) -> GMNM:
    """A GMNM layer, as it starts, on the device of a cell's spec.

    :param points: ``(n, d)`` of what it will see: an initialisation may look at them
    :param outputs: C
    :param start: the name of an initialisation, which the spec's own replaces
    :param reading, projections, centres: as :class:`~gmbench.layers.gmnm.module.GMNM` has them
    :param implementation: default: the spec's
    """
    layer = GMNM(
        *(points.shape[1], outputs, units),
        reading=reading,
        projections=projections,
        centres=centres,
        implementation=implementation or unpack(spec["implementation"], Implementation),
        device=spec["device"],
        dtype=dtype,
    )
    initialise(layer, start_of(spec, start), points.to(layer.pi), generator)
    return layer


@dataclass(frozen=True)
class Design:
    """A convolutional network: what its head is, and whether it has attention.

    :param text: the same in words
    :param head: ``"gmnm"``, in a reading; ``"dense"``, of as many parameters; or none
    :param centres: of a GMNM head
    :param normalised: the head sees what comes before it normalised over the batch, without parameters
    :param start: the initialisation of a GMNM head
    """

    text: str
    head: str = ""
    reading: str = "ridge"
    centres: str = "fixed"
    attention: bool = False
    normalised: bool = False
    start: str = "uniform"


class Network(Protocol):
    """What fits a function."""

    def build(self, spec: Spec, x: torch.Tensor, generator: torch.Generator) -> torch.nn.Module:
        """The network ``(n, d) -> (n, 1)``, as it starts, for points like ``x (n, d)``."""


@dataclass(frozen=True)
class Units:
    """A GMNM layer: its reading, units, the name of its initialisation, whether centres are trained, and the
    projections of a unit, as many as inputs where None.
    """

    reading: str
    units: int
    start: str = "grid"
    centres: str = "fixed"
    projections: int | None = None

    def with_centres(self, centres: str, inputs: int) -> Units:
        """Units of the mahalanobis reading with fixed or trained centres, k^inputs of them, and as many parameters as
        that allows.

        A unit has inputs^2 numbers and its output weight, and inputs more where its centre is trained.
        """
        if centres == self.centres:
            return self
        fixed = inputs**2 + 1
        share = fixed / (fixed + inputs) if centres == "trained" else (fixed + inputs) / fixed
        side = round((self.units * share) ** (1 / inputs))
        return replace(self, units=side**inputs, centres=centres)

    def build(self, spec: Spec, x: torch.Tensor, generator: torch.Generator) -> GMNM:
        """The layer with the implementation of a spec, started on points ``x (n, d)``.

        :raises ContractError: if that implementation does not take their dtype
        """
        implementation = unpack(spec["implementation"], Implementation)
        dtype = str(x.dtype).removeprefix("torch.")
        if dtype not in implementation.dtypes:
            raise ContractError(f"{implementation.key} does not take {dtype}, which the arm {spec['arm']} is in")
        return gmnm_layer(
            *(spec, x, 1, self.units, self.start, generator),
            reading=self.reading,
            projections=self.projections,
            centres=self.centres,
            implementation=implementation,
            dtype=x.dtype,
        )


@dataclass(frozen=True)
class Dense:
    """An MLP, by its widths after the inputs."""

    widths: tuple[int, ...]
    activation: str
    bias: bool = True

    def build(self, spec: Spec, x: torch.Tensor, generator: torch.Generator) -> torch.nn.Module:
        """The network for points like ``x (n, d)``."""
        widths = (x.shape[1], *self.widths)
        return dense(widths, self.activation, generator, bias=self.bias, device=x.device, dtype=x.dtype)


@dataclass(frozen=True)
class Radial:
    """A classic RBF network."""

    units: int

    def build(self, spec: Spec, x: torch.Tensor, generator: torch.Generator) -> torch.nn.Module:
        """The network, started on points ``x (n, d)``."""
        network = RBF(x.shape[1], self.units, device=x.device, dtype=x.dtype)
        network.initialise(x, generator)
        return network


@dataclass(frozen=True)
class Splines:
    """A KAN, by its widths after the inputs, and the intervals of its grid."""

    widths: tuple[int, ...]
    grid: int

    def build(self, spec: Spec, x: torch.Tensor, generator: torch.Generator) -> torch.nn.Module:
        """The network for points like ``x (n, d)``."""
        widths = (x.shape[1], *self.widths)
        return kan(widths, self.grid, ORDER, (-BOX, BOX), spec["seed"], device=x.device, dtype=x.dtype)


@dataclass(frozen=True)
class Fitter:
    """A network that fits a function, how it is trained, and in which numbers.

    :param said: the same in words
    :param rate: of the method
    :param method: Adam or L-BFGS
    :param steps: a row of the result
    """

    said: str
    network: Network
    rate: float = 1e-2
    method: str = ADAM
    steps: int = 75
    dtype: str = "float32"

    @property
    def trained(self) -> Method:
        """The optimiser with its settings."""
        return Method(self.method, self.steps, self.rate)

    def by_lbfgs(self, dtype: str = "float32", steps: int = 10) -> Fitter:
        """The same network by L-BFGS."""
        said = f"{self.said}, by L-BFGS on all points{', in float64' if dtype == 'float64' else ''}"
        return replace(self, said=said, rate=1.0, method=LBFGS, steps=steps, dtype=dtype)

    def in_float64(self) -> Fitter:
        """The same network in float64."""
        return replace(self, said=f"{self.said}, in float64", dtype="float64")


def features(network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor | None:
    """What the output weights of a network of units weigh, ``(n, M)`` in float64; None for other networks."""
    if isinstance(network, GMNM):
        layer = load_registry().implementation(network.layer_type, "eager").function
        *tensors, pi = (tensor.detach().double() for tensor in network.tensors())
        each = torch.eye(pi.shape[1], dtype=torch.float64, device=x.device)
        return torch.cat([layer(part, *tensors, each) for part in x.double().split(CHUNK)])
    if isinstance(network, RBF):
        with torch.no_grad():
            return network.features(x.to(network.weight)).double()
    return None


def active(values: torch.Tensor) -> float:
    """The share of inputs at which a unit is above half of its largest value, mean over units; of ``(n, M)``."""
    return (values > HALF * values.amax(0)).double().mean().item()


def solved(A: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The least-squares solution of ``A w = y`` for many rows: that of its triangular factor, which is small."""
    R = torch.linalg.qr(torch.cat([A, y.unsqueeze(1)], 1), mode="r").R
    return spectral(R[:, :-1], R[:, -1])
