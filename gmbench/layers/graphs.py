"""Compiled graphs that are kept: one for each function, its flags and the shapes of what is not a batch."""

import types

import torch

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
