"""Cases: a few plain numbers from which the inputs follow exactly, drawn and shrunk by hypothesis.

Hypothesis draws the structure; the numbers themselves come from a seed with full mantissas, since round ones hide
lost precision.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from gmbench.contract import ContractError, Implementation, LayerType
from gmbench.registry import layer_type

SEEDS = 2**16
LARGEST = 2**19  # product of the axes of a wide case


@dataclass(frozen=True)
class Case:
    """One input of a layer type, in a few numbers.

    ``sizes`` are the lengths of its axes, ``batch`` the rows of x, ``regime`` a kind of input that its domain knows.
    Entries are of size 10^-spread to 10^spread (or normal for ``spread`` 0), ``zeros`` quarters of them exactly 0, and
    their digits follow from the ``seed``.
    """

    layer_type: str
    sizes: tuple[tuple[str, int], ...]
    batch: int
    regime: str
    spread: int = 0
    zeros: int = 0
    seed: int = 0

    def draw(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Float64 inputs and the cotangent (batch, out_features), before rounding to a dtype."""
        kind = layer_type(self.layer_type)
        sizes = {**dict(self.sizes), **kind.fixed}
        rng = np.random.default_rng(self.seed)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            inputs = kind.domain.draw(sizes, self.batch, self.regime, self.spread, self.zeros, rng)
        return inputs, rng.standard_normal((self.batch, sizes[kind.out_features]))

    def as_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**asdict(self), "sizes": dict(self.sizes)}

    def __str__(self) -> str:
        return json.dumps(self.as_dict())


def parse(given: str | Mapping[str, Any]) -> Case:
    """A case from the JSON that a failure printed, or from the same as plain data.

    :raises ContractError: if it is none
    """
    try:
        data = json.loads(given) if isinstance(given, str) else given
        kind = layer_type(data["layer_type"])
        case = Case(**{**data, "sizes": tuple((axis, int(n)) for axis, n in data["sizes"].items())})
    except ContractError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ContractError(
            f"not a case ({type(error).__name__}: {error}); paste the text that a failure printed"
        ) from None
    if case.regime not in kind.domain.regimes or set(dict(case.sizes)) != set(kind.domain.sizes):
        raise ContractError(
            f"not a case of {kind.name}: unknown regime, or sizes other than {', '.join(kind.domain.sizes)}"
        )
    if case.batch < 1 or min(dict(case.sizes).values()) < 1:
        raise ContractError("not a case: sizes and batch must be at least 1")
    return case


def few_shapes(kind: LayerType) -> list[dict[str, int]]:
    """Two shapes for implementations that are compiled for each one: a small one with the first axis 1, a larger."""
    axes = kind.domain.sizes
    small = {axis: n[0] if i == 0 else n[min(2, len(n) - 1)] for i, (axis, n) in enumerate(axes.items())}
    return [small, {axis: n[max(-3, -len(n))] for axis, n in axes.items()}]


def cases(
    implementation: Implementation, wide: bool = False, regimes: Iterable[str] | None = None, spread: int = 4
) -> st.SearchStrategy[Case]:
    """The strategy that draws cases for an implementation.

    :param wide: of the sizes that are too large for the reference
    :param regimes: those to draw from; all of the domain where None
    :param spread: the largest
    """
    kind = layer_type(implementation.layer_type)
    domain = kind.domain
    if implementation.compiled:
        sizes = st.sampled_from(few_shapes(kind))
        batches = st.sampled_from([3])
    else:
        choices = domain.wide if wide else domain.sizes
        sizes = st.fixed_dictionaries({axis: st.sampled_from(n) for axis, n in choices.items()})
        if wide:
            sizes = sizes.filter(lambda drawn: math.prod(drawn.values()) <= LARGEST)
        else:  # a tail is seen only where nothing dominates it: the first axis is 1 in a third of the cases
            axis, n = next(iter(choices.items()))
            alone = st.builds(lambda drawn: {**drawn, axis: n[0]}, sizes)
            sizes = st.one_of(sizes, sizes, alone)
        batches = st.sampled_from(domain.batches)
    return st.builds(
        Case,
        layer_type=st.just(kind.name),
        sizes=sizes.map(lambda drawn: tuple(drawn.items())),
        batch=batches,
        regime=st.sampled_from(list(regimes or domain.regimes)),
        spread=st.integers(0, spread),
        zeros=st.sampled_from([0, 0, 0, 1, 2]),
        seed=st.integers(0, SEEDS - 1),
    )


def hexadecimal(array: np.ndarray) -> list | str:
    """Nested lists of hexadecimal floats: the exact numbers, readable by ``float.fromhex``."""
    array = np.asarray(array, dtype=np.float64)
    return float(array).hex() if array.ndim == 0 else [hexadecimal(row) for row in array]
