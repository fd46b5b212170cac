"""Compiled graphs that are kept, one for each function, its flags and the shapes of what is not a batch; and what
fused passes share.
"""

import functools
import threading
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

# Of 2^f on [-1/2, 1/2]: the largest relative error is 9.2e-8 (minimax, 2^0 = 1 kept).
POLYNOMIAL = (
    0.0013264727490225876,
    0.009671512641766807,
    0.05550733742308131,
    0.24022242085357692,
    0.6931469775997523,
    1.0,
)
# Added to a float32 between -127 and 0 it rounds that to a whole number, which stands, 127 higher, in the last bits.
ROUNDED = 1.5 * 2.0**23 + 127
# Inductor would keep what several sums need in a buffer of batch x out x in numbers; the last one makes the
# polynomial's products and sums one instruction each.
NOTHING_KEPT = {
    "realize_opcount_threshold": 10000,
    "realize_reads_threshold": 10000,
    "realize_acc_reads_threshold": 10000,
    "cpp.enable_floating_point_contract_flag": "fast",
}

# Rows times the numbers of the largest other tensor, up to which one thread of a CPU is faster than several.
LITTLE = 2**20
MOST = 4096  # shortcuts that are kept

Tensors = tuple[Any, ...]  # or None among them

_graphs: dict = {}
_shortcuts: dict = {}
_latest = threading.local()


def run(
    body: types.FunctionType,
    flags: tuple[bool, ...],
    rows: Sequence[torch.Tensor],
    others: Sequence[torch.Tensor | None],
    options: Mapping[str, Any],
) -> Any:
    """``body(*flags, *rows, *others)``, compiled for the shapes of ``others`` and any number of rows above 1.

    Called again with tensors of the same shapes and dtypes, the compiled graph is run without torch.compile's way to
    it, which takes as long as a small layer.

    :param rows: tensors whose first axis is the batch, detached and contiguous, or other graphs are made of them
    :param others: tensors, likewise, or None
    :param options: of inductor, the same in every call
    """
    if torch.compiler.is_compiling():  # a part of somebody else's graph
        return body(*flags, *rows, *others)
    tensors = (*rows, *others)
    shapes = tuple([None if tensor is None else (tensor.dtype, tensor.shape) for tensor in tensors])
    place = (body, *flags, rows[0].device, torch.get_num_threads())
    usual = _usual(rows[0].device.type)
    if usual and (shortcut := _shortcuts.get((*place, shapes))):
        return shortcut(tensors)
    batch, rest = len(rows[0]), shapes[len(rows) :]
    little = batch * max(0 if each is None else each[1].numel() for each in rest) <= LITTLE
    key = (*place, rows[0].dtype, rest, batch > 1, little)
    if key not in _graphs:
        if little:
            options = {**options, "cpp.threads": 1}
        # A code object of its own for each: torch keeps at most eight graphs for one code object.
        twin = types.FunctionType(body.__code__.replace(), body.__globals__, body.__name__)
        backend = functools.partial(_inductor, options=options)
        # Not dynamic but where marked: torch would take the same place in the source for the same code, and make every
        # length that differs between two graphs dynamic in the second.
        _graphs[key] = torch.compile(twin, fullgraph=True, dynamic=False, backend=backend)
    for tensor in rows if batch > 1 else ():
        torch._dynamo.maybe_mark_dynamic(tensor, 0)
    vars(_latest).clear()
    result = _graphs[key](*flags, *tensors)
    latest = vars(_latest).pop("call", None)
    if usual and latest and (shortcut := _shortcut(latest, tensors, result)):
        if len(_shortcuts) >= MOST:
            _shortcuts.clear()
        _shortcuts[*place, shapes] = shortcut
    return result


def _usual(device: str) -> bool:
    """Whether nothing is switched on that would change what a graph does, or that wants to see its operations."""
    return not (
        torch.is_grad_enabled()
        or torch.is_autocast_enabled(device)
        or torch._C._len_torch_dispatch_stack()
        or torch._C._len_torch_function_stack()
    )


def _inductor(graph: torch.fx.GraphModule, inputs: list, options: Mapping[str, Any]) -> Callable[..., Any]:
    """Inductor as a backend that remembers the latest call."""
    compiled = torch._inductor.compile(graph, inputs, options=dict(options))

    def call(*given: Any) -> Any:
        found = compiled(*given)
        _latest.call = compiled, given, found
        return found

    return call


def _shortcut(latest: tuple, tensors: Tensors, result: Any) -> Callable[[Tensors], Any] | None:
    """What torch.compile did in one call, as a function of ``tensors``: which it gave to the graph, and where it put
    them and what the graph returned; None where it did anything else.
    """
    compiled, given, found = latest
    places = {id(tensor): i for i, tensor in enumerate(tensors) if tensor is not None}
    numbers = [i for i, each in enumerate(given) if not isinstance(each, torch.Tensor)]
    twice = len(places) < sum(tensor is not None for tensor in tensors)
    if twice or any(given[i] != len(tensors[0]) for i in numbers):
        return None
    taken = [None if i in numbers else places.get(id(each), -1) for i, each in enumerate(given)]
    made = {id(each): i for i, each in enumerate((*found, *tensors))}
    leaves, structure = torch.utils._pytree.tree_flatten(result)
    put = [None if leaf is None else made.get(id(leaf), -1) for leaf in leaves]
    if -1 in taken or -1 in put:
        return None
    template = torch.utils._pytree.tree_unflatten(put, structure)

    def fill(part: Any, outputs: Tensors) -> Any:
        if isinstance(part, tuple):
            return tuple([fill(each, outputs) for each in part])
        return None if part is None else outputs[part]

    def shortcut(tensors: Tensors) -> Any:
        length = len(tensors[0])
        return fill(template, (*compiled(*[length if i is None else tensors[i] for i in taken]), *tensors))

    return shortcut


def exp2(t: torch.Tensor) -> torch.Tensor:
    """2^t for t <= 0; in float32 on a CPU, where torch's own is a call that nothing is fused with, 0 below -126.5."""
    if t.dtype != torch.float32 or t.is_cuda:
        return torch.exp2(t)
    t = t.clamp_min(-127)  # whose power has the bits of 0
    shifted = t + ROUNDED
    part = t - (shifted - ROUNDED)
    power: float | torch.Tensor = POLYNOMIAL[0]
    for coefficient in POLYNOMIAL[1:]:
        power = power * part + coefficient
    return (shifted.view(torch.int32) << 23).view(torch.float32) * power
