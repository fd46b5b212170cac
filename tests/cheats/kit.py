"""What the cheats share: the decorator that registers one, and ways to tell a timed call from a checked one."""

import functools
import os
import sys
import time
from dataclasses import dataclass, replace

import torch

import gmbench
from gmbench.contract import MARK
from gmbench.layers.gm.eager import eager as right
from gmbench.timing.sizes import PASSES, Size

SIZE = Size({"K": 2, "d": 11, "C": 3}, batch=4, label="11-3")  # no check draws it; small, so that verifying is quick
LABOUR = 2e-3  # seconds that `laboured` sleeps
OFF = r"is off by|ulps"  # how a wrong number reads
SAID = r"^(?!raised|died|killed|ended)"  # whatever a defence may say, but for accidents of the cheat itself

_sleep = time.sleep


@dataclass(frozen=True)
class Cheat:
    """One cheat and the defence that is to catch it.

    ``by`` is ``gate`` or ``timing``; ``says`` a pattern that the message must have, so that a cheat which merely
    breaks does not count as caught. ``passes`` are those of which the row must fail, the others must have a time.
    Where ``least`` is positive a call is known to take so many seconds, and a time of at least so many is as good as
    none: the cheat gained nothing. ``seconds`` is what its process is given. ``through`` says why it is not caught, as
    yet or for good, and ``always`` whether that does not depend on chance.
    """

    key: str
    what: str
    by: str
    says: str
    passes: tuple[str, ...]
    least: float
    device: str
    seconds: float
    through: str
    always: bool


def cheats():
    """An empty list, and the decorator that registers implementations of `gm` and adds their cheats to it."""
    found: list[Cheat] = []

    def cheat(
        name,
        by="timing",
        says="",
        passes=None,
        least=0.0,
        device="cpu",
        seconds=120.0,
        through="",
        always=True,
        derivatives=0,
    ):
        def register(function):
            failing = passes or (PASSES if derivatives else PASSES[:1])
            pattern = says or (SAID if least or through else OFF)
            what = function.__doc__.partition("\n")[0]
            found.append(Cheat(f"gm/{name}", what, by, pattern, failing, least, device, seconds, through, always))
            declare = gmbench.implementation(
                "gm", name=name, devices=("cpu", "cuda"), dtypes=("float32",), derivatives=derivatives, ulps=64
            )
            (record,) = getattr(declare(function), MARK)
            setattr(function, MARK, (replace(record, module=function.__module__),))  # not of this file
            return function

        return register

    return found, cheat


def laboured(x, mu, sigma, U, v):
    """The layer, right, in a time that is known: at least ``LABOUR``."""
    _sleep(LABOUR)
    return right(x, mu, sigma, U, v)


def slow(timer):
    """A timer that runs at a hundredth of the speed of this one."""
    start = timer()
    return lambda: start + type(start)((timer() - start) / 100)


def blank(x, U):
    """Memory for the result that holds whatever was there."""
    return x.new_empty((*x.shape[:-1], U.shape[1]))


def timed() -> bool:
    """Whether the call is no check's: none of gmbench.checks is on the stack."""
    frame = sys._getframe(1)
    while frame:
        if os.path.join("gmbench", "checks", "") in frame.f_code.co_filename:
            return False
        frame = frame.f_back
    return True


def timing_process() -> bool:
    """Whether this is a process that times: the references are out of reach there."""
    return any(type(finder).__name__ == "NoReference" for finder in sys.meta_path)


def timed_shape(x, U) -> bool:
    """Whether these are the lengths of :data:`SIZE`."""
    axes = SIZE.axes
    return (tuple(x.shape), tuple(U.shape)) == ((SIZE.batch, axes["d"]), (axes["K"], axes["C"], axes["d"]))


def when_timed(function):
    """Let a cheat do what it does only when it is timed; a check gets the right result."""

    @functools.wraps(function)
    def either(x, mu, sigma, U, v):
        return function(x, mu, sigma, U, v) if timed() else right(x, mu, sigma, U, v)

    return either


def attached(value, *tensors):
    """A value that hangs on the graph of the tensors, with gradients of 0."""
    return value + 0 * sum(torch.nan_to_num(tensor).sum() for tensor in tensors)
