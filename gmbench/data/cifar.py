"""The python format of the CIFAR data sets: pickles of a dict with an array of pixels and a list of labels.

Whoever unpickles runs what the file says. Nothing is run here: of the names that a file may ask for there are three,
those of a numpy array, and each stands for a record of ours that keeps what it is given.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any

import numpy

from gmbench.contract import ContractError
from gmbench.data.contract import Raw

PIXELS = 3072  # 3 channels of 32 x 32, one behind the other


class Kept:
    """What a pickle makes and fills, as it was given."""

    def __init__(self, *given: Any):
        self.given, self.state = given, None

    def __setstate__(self, state: Any) -> None:
        self.state = state


ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): Kept,
    ("numpy._core.multiarray", "_reconstruct"): Kept,
    ("numpy", "ndarray"): Kept,
    ("numpy", "dtype"): Kept,
}


class Reader(pickle.Unpickler):
    """An unpickler that knows :data:`ALLOWED` and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The record that stands for a name.

        :raises pickle.UnpicklingError: for any other name
        """
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return ALLOWED[module, name]


def batch(content: bytes, labels: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The pixels ``(n, 3072)`` and the labels ``(n,)`` in a file, both uint8.

    :param labels: the key of the labels
    :raises ContractError: if it is no such file, is cut short, or asks for anything else
    """
    try:
        found = Reader(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a pickle that is not whole raises whatever its bytes happen to mean
        reason = " ".join(str(error).split())[:200]
        raise ContractError(f"a CIFAR file cannot be read ({reason or type(error).__name__})") from None
    try:
        pixels, numbers = found[b"data"].state, found[labels.encode()]
        _, shape, dtype, fortran, raw = pixels
        # of a dtype's state only the byte order is left to say, and one byte has none
        if dtype.given[0] not in (b"u1", "u1") or fortran or len(shape) != 2 or shape[1] != PIXELS:
            raise ValueError("its pixels are not bytes of 3 x 32 x 32")
        images = numpy.frombuffer(raw, numpy.uint8).reshape(shape)
        classes = numpy.array(numbers)
        if classes.shape != (len(images),) or classes.dtype.kind != "i" or not ((classes >= 0) & (classes < 256)).all():
            raise ValueError("it has not one label an image")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ContractError(f"not a CIFAR file: {type(error).__name__}: {error}") from None
    return images, classes.astype(numpy.uint8)


def joined(train: Sequence[bytes], test: bytes, labels: str) -> Raw:
    """Several training files and one test file."""
    parts = [batch(content, labels) for content in train]
    images, numbers = (numpy.concatenate([part[i] for part in parts]) for i in (0, 1))
    return Raw(images, numbers, *batch(test, labels))
