"""Results whose work is done where the clock does not look: later, earlier, on another thread, process or stream."""

import mmap
import os
import sys
import threading
import time
from pathlib import Path

import numpy
import torch
from torch.utils._pytree import tree_map

from gmbench import registry

kit = registry.load_file(Path(__file__).with_name("kit.py"))
blank, right, laboured, when_timed = kit.blank, kit.right, kit.laboured, kit.when_timed
CHEATS, cheat = kit.cheats()


# -- later ------------------------------------------------------------------------------------------------------------


@cheat("thread", says=r"is off by|ulps|changed what an earlier one had returned")
@when_timed
def thread(x, mu, sigma, U, v):
    """when it is timed a thread fills the result after it was returned"""
    out = blank(x, U)

    def work():
        out.copy_(laboured(x, mu, sigma, U, v))

    threading.Thread(target=work).start()
    return out


@cheat("fork", says=r"is off by|ulps|changed what an earlier one had returned")
@when_timed
def fork(x, mu, sigma, U, v):
    """when it is timed a forked process fills the result, in shared memory, after it was returned"""
    shape = (*x.shape[:-1], U.shape[1])
    shared = mmap.mmap(-1, x.element_size() * shape[0] * shape[1])
    out = torch.frombuffer(shared, dtype=x.dtype).view(shape)
    if os.fork() == 0:
        out.copy_(laboured(x, mu, sigma, U, v))
        os._exit(0)
    return out


class Deferred(torch.Tensor):
    """A tensor without memory: the first operation that touches it computes it."""

    @staticmethod
    def __new__(cls, work, shape, dtype):
        self = torch.Tensor._make_wrapper_subclass(cls, shape, dtype=dtype)
        self.work, self.known = work, None
        return self

    def value(self):
        if self.known is None:
            self.known = self.work()
        return self.known

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        args, kwargs = tree_map(lambda a: a.value() if isinstance(a, cls) else a, (args, kwargs or {}))
        return function(*args, **kwargs)


@cheat("lazy", by="gate", says="not exactly torch.Tensor")
def lazy(x, mu, sigma, U, v):
    """it returns a tensor of a class of its own, which is computed when something touches it"""
    return Deferred(lambda: right(x, mu, sigma, U, v), (*x.shape[:-1], U.shape[1]), x.dtype)


@cheat("timed-lazy", says="not exactly torch.Tensor")
@when_timed
def timed_lazy(x, mu, sigma, U, v):
    """when it is timed it returns a tensor of a class of its own, which is computed when something touches it"""
    return Deferred(lambda: right(x, mu, sigma, U, v), (*x.shape[:-1], U.shape[1]), x.dtype)


class Filled(torch.Tensor):
    """A tensor of ordinary memory, which the first function of torch that is called with it fills."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            for self in args:
                if isinstance(self, cls) and "work" in vars(self):
                    self.copy_(vars(self).pop("work")())
            return function(*args, **(kwargs or {}))


@cheat("timed-lazy-function", says="not exactly torch.Tensor")
@when_timed
def timed_lazy_function(x, mu, sigma, U, v):
    """when it is timed it returns memory that the first function of torch called with it fills"""
    out = blank(x, U).as_subclass(Filled)
    vars(out)["work"] = lambda: right(x, mu, sigma, U, v)
    return out


class Pending(torch.utils._python_dispatch.TorchDispatchMode):
    """Computes a result in the first operation that follows on it."""

    def __init__(self, out, work):
        super().__init__()
        self.out, self.work = out, work

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if self.work and any(arg is self.out for arg in args):
            work, self.work = self.work, None
            self.out.copy_(work())
        return function(*args, **(kwargs or {}))


@cheat("mode", says=r"mode")
@when_timed
def mode(x, mu, sigma, U, v):
    """when it is timed it leaves a mode of torch behind that computes the result once something reads it"""
    out = blank(x, U)
    Pending(out, lambda: right(x, mu, sigma, U, v)).__enter__()
    return out


_pending: list = []


def _finish():
    """Do what was put off."""
    while _pending:
        out, work = _pending.pop()
        out.copy_(work())


def _put_off(x, mu, sigma, U, v):
    out = blank(x, U)
    _pending[:] = [(out, lambda: laboured(x, mu, sigma, U, v))]
    return out


def _finishing(function):
    def before(*args, **kwargs):
        _finish()
        return function(*args, **kwargs)

    return before


@cheat("torch-patched", least=kit.LABOUR)
@when_timed
def torch_patched(x, mu, sigma, U, v):
    """when it is timed the work is done by what a harness would read the result with: clone, detach, numpy, equal"""
    if torch.clone is _clone:
        torch.clone = _finishing(torch.clone)
        for name in ("clone", "detach", "numpy", "cpu", "to", "equal", "isfinite"):
            setattr(torch.Tensor, name, _finishing(getattr(torch.Tensor, name)))
    return _put_off(x, mu, sigma, U, v)


_clone = torch.clone


@cheat("tensor-patched", least=kit.LABOUR)
@when_timed
def tensor_patched(x, mu, sigma, U, v):
    """when it is timed the work is done where a harness looks at the form of the result: its dtype, device, layout"""
    if torch.Tensor.dtype is _dtype:
        for name in ("dtype", "device", "layout", "requires_grad"):
            getter = _finishing(getattr(torch.Tensor, name).__get__)
            setattr(torch.Tensor, name, property(getter))
    out = x.new_zeros((*x.shape[:-1], U.shape[1]))
    _pending[:] = [(out, lambda: laboured(x, mu, sigma, U, v))]
    return out


_dtype = torch.Tensor.dtype


@cheat("profiler", least=kit.LABOUR)
@when_timed
def profiler(x, mu, sigma, U, v):
    """when it is timed it leaves a profiler to Python that does the work once the answer is written"""

    def later(frame, event, function):
        if event == "c_return" and function.__name__ == "flush":
            sys.setprofile(None)
            _finish()

    sys.setprofile(later)
    return _put_off(x, mu, sigma, U, v)


# -- earlier ----------------------------------------------------------------------------------------------------------

_seen: dict = {}


@cheat("loader-patched", least=kit.LABOUR)
@when_timed
def loader_patched(x, mu, sigma, U, v):
    """when it is timed it computes the results while the harness makes tensors of the inputs, before the clock runs"""
    if torch.tensor is _tensor:
        torch.tensor = _peeking
    found = _seen.pop("result", None)
    return laboured(x, mu, sigma, U, v) if found is None else found


_tensor = torch.tensor


def _peeking(*args, **kwargs):
    made = _tensor(*args, **kwargs)
    recent = _seen.setdefault("recent", [])
    recent[:] = [*recent[-4:], made]
    if [t.dim() for t in recent] == [2, 2, 2, 3, 2] and len({t.shape[-1] for t in recent[:-1]}) == 1:
        _seen["result"] = laboured(*recent)
    return made


@cheat(
    "watcher",
    least=kit.LABOUR,
    through="the inputs of a round lie there before the turn comes, and other threads go on between the turns",
    always=False,
)
@when_timed
def watcher(x, mu, sigma, U, v):
    """when it is timed a thread reads the inputs where the harness puts them, and has the result before its turn"""
    if not _seen:
        frame = sys._getframe()
        while frame and not hasattr(frame.f_locals.get("self"), "folder"):
            frame = frame.f_back
        threading.Thread(target=_watch, args=(Path(frame.f_locals["self"].folder),), daemon=True).start()
        _seen["x"], _seen["result"] = x, right(x, mu, sigma, U, v)
    known, result = _seen["x"], _seen["result"]
    return result if torch.equal(known, x) else laboured(x, mu, sigma, U, v)


def _watch(folder):
    last = None
    while True:
        time.sleep(2e-4)
        try:
            newest = max(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime_ns)
            if newest != last:
                with numpy.load(last := newest) as arrays:
                    given = [torch.tensor(arrays[name]).float() for name in ("x", "mu", "sigma", "U", "v")]
                result = laboured(*given)
                _seen["x"], _seen["result"] = given[0], result
        except (OSError, ValueError, KeyError):  # it is gone, or no inputs
            continue


# -- beside -----------------------------------------------------------------------------------------------------------


@cheat("stream", says=r"clock|is off by", device="cuda")
@when_timed
def stream(x, mu, sigma, U, v):
    """when it is timed on a GPU it works on a stream of its own and waits for nothing"""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        torch.cuda._sleep(20_000_000)
        return right(x, mu, sigma, U, v)
