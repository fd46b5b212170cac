"""Results that are not computed from the inputs of the call."""

import random
from pathlib import Path

import torch

from gmbench import registry

kit = registry.load_file(Path(__file__).with_name("kit.py"))
blank, right, when_timed = kit.blank, kit.right, kit.when_timed
CHEATS, cheat = kit.cheats()

_kept: dict = {}


def kept(key, x, mu, sigma, U, v):
    """The result of the first call with this key and shape."""
    key = (*key, x.shape, U.shape)
    if key not in _kept:
        _kept[key] = right(x, mu, sigma, U, v)
    return _kept[key].clone()


# -- nothing, or always the same --------------------------------------------------------------------------------------


@cheat("zeros", by="gate", derivatives=1)
def zeros(x, mu, sigma, U, v):
    """it returns zeros"""
    return kit.attached(blank(x, U).zero_(), x, mu, sigma, U, v)


@cheat("mean", by="gate", derivatives=1)
def mean(x, mu, sigma, U, v):
    """every entry is the mean of the right ones"""
    return 0 * right(x, mu, sigma, U, v) + right(x, mu, sigma, U, v).mean()


@cheat("nan", by="gate", says="not finite")
def nan(x, mu, sigma, U, v):
    """it returns NaN, which an expected NaN would excuse and a comparison by > would pass"""
    return torch.full_like(blank(x, U), torch.nan)


@cheat("timed-nan")
def timed_nan(x, mu, sigma, U, v):
    """it returns NaN for the shape that is timed alone"""
    return right(x, mu, sigma, U, v) * (torch.nan if kit.timed_shape(x, U) else 1)


@cheat("timed-shape")
def timed_shape(x, mu, sigma, U, v):
    """it leaves out the variances for the shape that is timed alone"""
    return right(x, mu, 0 * sigma if kit.timed_shape(x, U) else sigma, U, v)


@cheat("uninitialised")
@when_timed
def uninitialised(x, mu, sigma, U, v):
    """it returns fresh memory when it is timed, in the hope of an earlier result there"""
    return blank(x, U)


# -- of an earlier call -----------------------------------------------------------------------------------------------


@cheat("cache-id", by="gate")
def cache_id(x, mu, sigma, U, v):
    """it keeps results by the identity of x"""
    return kept(("id", id(x)), x, mu, sigma, U, v)


@cheat("cache-pointer", by="gate")
def cache_pointer(x, mu, sigma, U, v):
    """it keeps results by the addresses of x and of the parameters"""
    pointers = [t.data_ptr() for t in (x, mu, sigma, U, v)]
    return kept(("pointer", *pointers), x, mu, sigma, U, v)


@cheat("cache-input", by="gate")
def cache_input(x, mu, sigma, U, v):
    """it keeps results by the numbers in x, whatever the parameters are"""
    return kept(("input", *x.flatten().tolist()), x, mu, sigma, U, v)


@cheat("cache-parameters", by="gate")
def cache_parameters(x, mu, sigma, U, v):
    """it keeps the squares of sigma by the first element of mu, as if the parameters were frozen"""
    key = ("parameters", mu.shape, float(mu.flatten()[0]))
    if key not in _kept:
        _kept[key] = sigma.detach().clone()
    return right(x, mu, _kept[key], U, v)


@cheat("timed-cache-parameters")
@when_timed
def timed_cache_parameters(x, mu, sigma, U, v):
    """when it is timed it takes the parameters of the first call for those of every call"""
    mu, sigma, U, v = _kept.setdefault("parameters", (mu, sigma, U, v))
    return right(x, mu, sigma, U, v)


@cheat("cache-contents", least=kit.LABOUR)
@when_timed
def cache_contents(x, mu, sigma, U, v):
    """when it is timed it keeps results by the numbers in all of its inputs"""
    key = tuple(tuple(t.flatten().tolist()) for t in (x, mu, sigma, U, v))
    if key not in _kept:
        _kept[key] = kit.laboured(x, mu, sigma, U, v)
    return _kept[key]


@cheat("last-result")
@when_timed
def last_result(x, mu, sigma, U, v):
    """it computes the first timed call and returns that result ever after"""
    return kept(("last",), x, mu, sigma, U, v)


@cheat("call-number")
@when_timed
def call_number(x, mu, sigma, U, v):
    """it computes the first three timed calls and replays them by the number of the call"""
    number = _kept["number"] = _kept.get("number", -1) + 1
    return kept(("number", number % 3), x, mu, sigma, U, v)


@cheat("half")
@when_timed
def half(x, mu, sigma, U, v):
    """it does nothing in a random half of the timed calls"""
    return blank(x, U) if random.random() < 0.5 else right(x, mu, sigma, U, v)


@cheat("after-warm-up")
def after_warm_up(x, mu, sigma, U, v):
    """it does nothing from the sixth call of a process that times on"""
    number = _kept["warm"] = _kept.get("warm", 0) + 1
    return blank(x, U) if kit.timing_process() and number > 5 else right(x, mu, sigma, U, v)


# -- of memory that is not its own ------------------------------------------------------------------------------------


@cheat("buffer", by="gate", says="changes with the next call")
def buffer(x, mu, sigma, U, v):
    """it returns the same memory each time, which the next call overwrites"""
    key = ("buffer", x.shape, U.shape, x.dtype)
    return torch.add(right(x, mu, sigma, U, v), 0, out=_kept.setdefault(key, blank(x, U)))


@cheat("timed-buffer", says="changed what an earlier one had returned")
@when_timed
def timed_buffer(x, mu, sigma, U, v):
    """when it is timed it returns the same memory each time, which the next call overwrites"""
    return torch.add(right(x, mu, sigma, U, v), 0, out=_kept.setdefault("timed buffer", blank(x, U)))


@cheat("inputs-scaled", by="gate", says="was changed")
def inputs_scaled(x, mu, sigma, U, v):
    """it computes in the memory of sigma, which it does not put back"""
    out = right(x, mu, sigma, U, v)
    if sigma.is_contiguous():  # torch refuses to write to some others
        with torch.no_grad():
            sigma.neg_()
    return out


@cheat("timed-inputs-zeroed", says="changed its input")
@when_timed
def timed_inputs_zeroed(x, mu, sigma, U, v):
    """when it is timed it sets U and v to 0, so that 0 is the right result"""
    with torch.no_grad():
        U.zero_(), v.zero_()
        return blank(x, U).zero_()


@cheat("timed-inputs-reused", says="changed its input sigma")
@when_timed
def timed_inputs_reused(x, mu, sigma, U, v):
    """when it is timed it computes in the memory of sigma, which it does not put back"""
    with torch.no_grad():
        out = right(x, mu, sigma, U, v)
        sigma.square_()
        return out


@cheat("expanded", by="gate", says="less memory than elements")
def expanded(x, mu, sigma, U, v):
    """it computes the first row and expands it to all of them"""
    if x.dim() < 2 or x.numel() == 0:
        return right(x, mu, sigma, U, v)
    first = x.reshape(-1, x.shape[-1])[:1]
    return right(first, mu, sigma, U, v).expand(*x.shape[:-1], -1)


@cheat("timed-expanded")
@when_timed
def timed_expanded(x, mu, sigma, U, v):
    """it computes the first row and expands it to all of them when it is timed"""
    return right(x[:1], mu, sigma, U, v).expand(len(x), -1)


@cheat("no-storage", says="storage|memory|killed by SIG")
@when_timed
def no_storage(x, mu, sigma, U, v):
    """when it is timed it returns a tensor of the right shape without any memory behind it"""
    out = blank(x, U)
    out.untyped_storage().resize_(0)
    return out
