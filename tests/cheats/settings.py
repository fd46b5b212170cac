"""Less precision, more threads, and settings of torch that are not put back."""

import sys
from pathlib import Path

import torch

from gmbench import registry

kit = registry.load_file(Path(__file__).with_name("kit.py"))
right, when_timed = kit.right, kit.when_timed
CHEATS, cheat = kit.cheats()
SETTING = r"changed .*(setting|precision|threads|dtype|tiny|denormal|mode)"


def half_precision(x, mu, sigma, U, v):
    """The layer with every number rounded to bfloat16 first."""
    return right(*(tensor.bfloat16().float() for tensor in (x, mu, sigma, U, v)))


@cheat("bfloat16", by="gate")
def bfloat16(x, mu, sigma, U, v):
    """its products are of numbers rounded to bfloat16"""
    return half_precision(x, mu, sigma, U, v)


@cheat("timed-bfloat16")
@when_timed
def timed_bfloat16(x, mu, sigma, U, v):
    """its products are of numbers rounded to bfloat16 when it is timed"""
    return half_precision(x, mu, sigma, U, v)


@cheat(
    "precision",
    by="gate",
    says="the matmul precision was changed",
)
def precision(x, mu, sigma, U, v):
    """it allows torch matrix products of less precision, everywhere and from then on"""
    torch.set_float32_matmul_precision("medium")
    return right(x, mu, sigma, U, v)


@cheat("timed-precision", says=SETTING)
@when_timed
def timed_precision(x, mu, sigma, U, v):
    """it allows torch matrix products of less precision when it is timed"""
    torch.set_float32_matmul_precision("medium")
    return right(x, mu, sigma, U, v)


@cheat("timed-onednn", says=r"recision")
@when_timed
def timed_onednn(x, mu, sigma, U, v):
    """when it is timed it allows oneDNN alone to multiply in bfloat16"""
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    return right(x, mu, sigma, U, v)


@cheat("timed-flush", says=SETTING)
@when_timed
def timed_flush(x, mu, sigma, U, v):
    """it has the processor take tiny numbers for 0 when it is timed"""
    torch.set_flush_denormal(True)
    return right(x, mu, sigma, U, v)


@cheat("timed-threads", says=SETTING)
@when_timed
def timed_threads(x, mu, sigma, U, v):
    """it takes more threads than it was given when it is timed"""
    torch.set_num_threads(torch.get_num_threads() + 3)
    return right(x, mu, sigma, U, v)


@cheat(
    "threads-back",
    through="settings are not compared within a call; nothing is gained, for all threads share the cores",
)
@when_timed
def threads_back(x, mu, sigma, U, v):
    """when it is timed it takes more threads than it was given, and puts the number back before it returns"""
    given = torch.get_num_threads()
    torch.set_num_threads(given + 3)
    _LARGE.sum()  # large enough to wake them
    out = right(x, mu, sigma, U, v)
    torch.set_num_threads(given)
    return out


_LARGE = torch.ones(2**20)


@cheat("precision-back", says=SETTING)
@when_timed
def precision_back(x, mu, sigma, U, v):
    """when it is timed it allows less precision until the harness asks for its memory, and puts that back then"""
    torch.set_float32_matmul_precision("highest" if _last() else "medium")
    return right(x, mu, sigma, U, v)


def _last():
    """Whether this call is the one after the clock, of which nothing but the memory is measured."""
    frame = sys._getframe()
    while frame and frame.f_code.co_name != "peak":
        frame = frame.f_back
    return bool(frame)
