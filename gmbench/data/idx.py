"""The idx format of the MNIST family: a magic number with the type and rank, the lengths, the entries."""

from __future__ import annotations

import gzip
import math
import zlib

import numpy

from gmbench.contract import ContractError
from gmbench.data.contract import Raw

UNSIGNED_BYTE = 0x08


def idx(content: bytes) -> numpy.ndarray:
    """The uint8 array in a gzipped idx file.

    :raises ContractError: if it is no such file, or cut short
    """
    try:
        content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ContractError(f"an idx file cannot be decompressed ({error})") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise ContractError("not an idx file of unsigned bytes")
    start = 4 + 4 * content[3]
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    if len(content) != start + math.prod(shape):
        raise ContractError(f"an idx file of shape {tuple(shape)} has {len(content) - start} entries")
    return numpy.frombuffer(content, numpy.uint8, offset=start).reshape(shape)


def read(train_images: bytes, train_labels: bytes, test_images: bytes, test_labels: bytes) -> Raw:
    """The four files of an MNIST-like data set, images made flat."""
    train, test = idx(train_images), idx(test_images)
    return Raw(train.reshape(len(train), -1), idx(train_labels), test.reshape(len(test), -1), idx(test_labels))
