"""Compiled graphs that are kept, one for each function, its flags and the shapes of what is not a batch; and what
fused passes share.
"""

import types

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

_graphs: dict = {}


def run(body, flags, rows, others, options):
    """``body(*flags, *rows, *others)``, compiled for the shapes of ``others`` and any number of rows above 1.

    :param rows: tensors whose first axis is the batch, detached and contiguous, or other graphs are made of them
    :param others: tensors, likewise, or None
    :param options: of inductor, the same in every call
    """
    shapes = tuple(None if tensor is None else tensor.shape for tensor in others)
    key = (body, *flags, shapes, rows[0].dtype, rows[0].device, len(rows[0]) > 1)
    if key not in _graphs:
        # A code object of its own for each: torch keeps at most eight graphs for one code object.
        twin = types.FunctionType(body.__code__.replace(), body.__globals__, body.__name__)
        _graphs[key] = torch.compile(twin, fullgraph=True, options=options)
        for tensor in rows if len(rows[0]) > 1 else ():
            torch._dynamo.maybe_mark_dynamic(tensor, 0)
    return _graphs[key](*flags, *rows, *others)


def exp2(t):
    """2^t for t <= 0, and 0 below -126 in float32 on a CPU, where torch's own is a call that nothing is fused with."""
    if t.dtype != torch.float32 or t.is_cuda:
        return torch.exp2(t)
    t = t.clamp_min(-127)  # whose power has the bits of 0
    shifted = t + ROUNDED
    part, power = t - (shifted - ROUNDED), POLYNOMIAL[0]
    for coefficient in POLYNOMIAL[1:]:
        power = power * part + coefficient
    return (shifted.view(torch.int32) << 23).view(torch.float32) * power
