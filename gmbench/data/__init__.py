"""Data sets by name: one file here declares one as ``DATA_SET``, and nothing else has to know of it.

A file of a data set is taken from ``$GMBENCH_DATA`` (``NAME/FILE`` or ``FILE``), else from the user's cache,
else downloaded into the cache once; see :mod:`gmbench.data.files`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gmbench.contract import ContractError
from gmbench.data.contract import HELD_OUT, Data, DataSet, File, Raw
from gmbench.data.files import fetch
from gmbench.data.listed import data_set, data_sets

if TYPE_CHECKING:
    import numpy
    import torch

__all__ = ["HELD_OUT", "Data", "DataSet", "File", "Raw", "data_on", "data_set", "data_sets", "load"]


def load(name: str | DataSet, normalised: bool = True) -> Data:
    """Load a data set, fetching it first if need be.

    :param normalised: False: pixels are left in [0, 1]
    :raises ContractError: in one line, if there is no such data set, or a file of it is damaged or has labels that
        are no classes of it, or can neither be found nor be downloaded and stored
    """
    chosen = data_set(name) if isinstance(name, str) else name
    raw = chosen.read(*(fetch(chosen, file) for file in chosen.files))
    for numbers in (raw.train_labels, raw.test_labels):
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < chosen.classes:
            least, most = numbers.min(), numbers.max()
            raise ContractError(f"{chosen.name}: has labels from {least} to {most}, but {chosen.classes} classes")
    return _tensors(chosen, raw, normalised)


def data_on(device: str, name: str, digest: str, normalised: bool = True) -> Data:
    """The very data set that a spec names, on a device.

    :param normalised: False: pixels are left in [0, 1]
    :raises ContractError: if it cannot be had, or is not the one with this digest
    """
    data = load(name, normalised)
    if data.digest != digest:
        raise ContractError(f"the data set {name!r} found here is not the one that the spec names by its digest")
    return data.to(device)


def _tensors(chosen: DataSet, raw: Raw, normalised: bool = True) -> Data:
    import numpy
    import torch

    digest = hashlib.sha256()
    for array in raw:
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        digest.update(numpy.ascontiguousarray(array).data)

    def images(pixels: numpy.ndarray) -> torch.Tensor:
        plain = torch.from_numpy(pixels.astype("float32")).div_(chosen.full)
        return plain.sub_(chosen.mean).div_(chosen.std) if normalised else plain

    def labels(numbers: numpy.ndarray) -> torch.Tensor:
        return torch.from_numpy(numbers.astype("int64"))

    return Data(
        name=chosen.name,
        train_images=images(raw.train_images),
        train_labels=labels(raw.train_labels),
        test_images=images(raw.test_images),
        test_labels=labels(raw.test_labels),
        classes=chosen.classes,
        digest=digest.hexdigest(),
        image=chosen.image,
    )
