"""Hyper-parameters as data: what a cell may vary, with its name, type, default and meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gmbench.contract import ContractError
from gmbench.names import one_of

Value = float | int | str | bool
FLAGS = {"yes": True, "no": False, "true": True, "false": False}


@dataclass(frozen=True)
class Setting:
    """One hyper-parameter of an experiment.

    :param kind: ``"float"``, ``"int"``, ``"choice"`` or ``"flag"``
    :param default: None where a run has it from elsewhere, as its epochs from the budget
    :param meaning: in a few words
    :param choices: of a choice
    :param low, high: the ends of a number's range, both allowed
    :param arms: those that it concerns; None: all
    :param own: defaults of arms that have another
    """

    name: str
    kind: str
    default: Value | None
    meaning: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = math.inf
    arms: tuple[str, ...] | None = None
    own: Mapping[str, Value] = field(default_factory=dict)

    def of(self, *arms: str, own: Mapping[str, Value] | None = None) -> Setting:
        """The same of some arms alone (of all without any), with defaults of their own."""
        return replace(self, arms=arms or None, own=own or {})

    def concerns(self, arm: str) -> bool:
        """Whether an arm has it."""
        return self.arms is None or arm in self.arms

    def default_of(self, arm: str) -> Value | None:
        """What an arm has if nobody says otherwise."""
        return self.own.get(arm, self.default)

    def read(self, text: str) -> Value:
        """A value as a command line has it.

        :raises ContractError: if it is none, in one line
        """
        if self.kind == "choice":
            return self.canonical(text.strip())
        if self.kind == "flag":
            return self.canonical(FLAGS.get(text.strip().lower(), text))
        try:
            number: Any = int(text) if self.kind == "int" else float(text)
        except ValueError:
            raise self._wrong(text) from None
        return self.canonical(number)

    def canonical(self, value: Any) -> Value:
        """The one form of a value: a float as a float, also where it is whole.

        :raises ContractError: if it is of another type, or out of range
        """
        if self.kind == "choice":
            return one_of(f"value of {self.name}", value, self.choices)
        if self.kind == "flag":
            if not isinstance(value, bool):
                raise self._wrong(value)
            return value
        kinds = (int,) if self.kind == "int" else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not self.low <= value <= self.high:
            raise self._wrong(value)
        if self.kind == "int":
            return value
        found = float(value)
        if not math.isfinite(found):
            raise self._wrong(value)
        return found

    def _wrong(self, value: Any) -> ContractError:
        if self.kind == "flag":
            return ContractError(f"{self.name} is yes or no, not {value!r}")
        what = "a whole number" if self.kind == "int" else "a number"
        return ContractError(f"{self.name} is {what} from {self.low:g} to {self.high:g}, not {value!r}")


def number(name: str, default: float | None, meaning: str, low: float, high: float) -> Setting:
    """A setting that is any number of a range."""
    return Setting(name, "float", default, meaning, low=low, high=high)


def count(name: str, default: int | None, meaning: str, low: int = 1, high: int = 2**20) -> Setting:
    """A setting that is a whole number of a range."""
    return Setting(name, "int", default, meaning, low=low, high=high)


def choice(name: str, choices: tuple[str, ...], meaning: str) -> Setting:
    """A setting that is one of some words, the first by default."""
    return Setting(name, "choice", choices[0], meaning, choices)


EPOCHS = count("epochs", None, "of the training; the budget's by default")
IMAGES = count("images", None, "drawn from the training images once for all seeds; the budget's, or all, by default")


@dataclass(frozen=True)
class Range:
    """Where a number is looked for, on a logarithmic scale or a linear one."""

    low: float
    high: float
    log: bool = True

    def at(self, share: float) -> float:
        """The number at a share, from 0 to 1, of the way from ``low`` to ``high``."""
        if self.log:
            return math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        return self.low + share * (self.high - self.low)


Space = Mapping[str, Range | tuple[Value, ...]]  # of settings: where a number is looked for, or its choices
