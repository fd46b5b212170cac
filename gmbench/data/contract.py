"""What a data set is: as its file declares it, and as it is loaded. Frozen data; loads no torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from gmbench.contract import ContractError

if TYPE_CHECKING:
    import numpy
    import torch

HELD_OUT = 6  # one training image in so many is in the validation split: 10,000 of MNIST's


@dataclass(frozen=True)
class File:
    """One original file of a data set, as its hosts serve it."""

    name: str
    size: int | None  # bytes; None where only the checksum is known
    md5: str


class Raw(NamedTuple):
    """What the files say: pixels ``(n, d)`` and labels ``(n,)`` as they are stored there."""

    train_images: numpy.ndarray
    train_labels: numpy.ndarray
    test_images: numpy.ndarray
    test_labels: numpy.ndarray


@dataclass(frozen=True)
class DataSet:
    """A data set as data: where it comes from, what it holds, how it is scaled.

    A pixel p becomes ``(p / full - mean) / std``: one mean and one deviation, those of all training pixels.
    ``read`` gets the contents of ``files``, in their order, and returns a :class:`Raw`.

    :param shape: of one example: ``(channels, height, width)`` of an image, whose pixels lie in that order, or
        ``(features,)`` of anything else
    """

    name: str
    summary: str
    shape: tuple[int, ...]
    classes: int
    full: float
    mean: float
    std: float
    licence: str
    source: str
    read: Callable[..., Raw]
    files: tuple[File, ...] = ()  # none: it comes inside an installed package
    mirrors: tuple[str, ...] = ()  # a file is at mirror + file name
    archive: File | None = None  # a tar of which the files are members: it is what the mirrors have

    @property
    def features(self) -> int:
        """Numbers of one example."""
        return math.prod(self.shape)

    @property
    def image(self) -> tuple[int, int, int] | None:
        """Channels, height and width of an image; None if its examples are none."""
        if len(self.shape) != 3:
            return None
        channels, height, width = self.shape
        return channels, height, width


@dataclass(frozen=True)
class Data:
    """A loaded data set: images float32 ``(n, features)``, normalised or with pixels in [0, 1]; labels int64 ``(n,)``.

    :param digest: the sha256 of the stored pixels and labels, shapes and types included
    :param image: channels, height and width of an image; None if its examples are none
    """

    name: str
    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    classes: int
    digest: str
    image: tuple[int, int, int] | None = None

    @property
    def features(self) -> int:
        """Features of one image."""
        return self.train_images.shape[1]

    def square(self, asking: str) -> tuple[int, int]:
        """Channels and side of its images.

        :param asking: who needs them to be square, in words
        :raises ContractError: if they are not, or there are none
        """
        channels, height, width = self.image or (0, 0, 0)
        if height != width or channels * height * width != self.features:
            raise ContractError(f"{asking}: needs square images, not of {self.features} features")
        return channels, width

    def part(self, images: int | None = None, validation: bool = False) -> Data:
        """The same data with fewer training images.

        All parts are of one random order of the training images, the same for every seed. Its end is the validation
        split, one image in :data:`HELD_OUT`; its beginning is trained on.

        :param images: to train on; None: all
        :param validation: the validation split stands in the place of the test images, and is not trained on
        :raises ContractError: if there are not so many images
        """
        if images is None and not validation:
            return self
        import torch

        whole = len(self.train_images)
        order = torch.randperm(whole, generator=torch.Generator().manual_seed(0)).to(self.train_images.device)
        left = whole - whole // HELD_OUT if validation else whole
        if not 1 <= (left if images is None else images) <= left:
            raise ContractError(f"{self.name}: there are {left} images to train on, not {images}")
        kept, held = order[: left if images is None else images], order[left:]
        found = replace(self, train_images=self.train_images[kept], train_labels=self.train_labels[kept])
        if not validation:
            return found
        return replace(found, test_images=self.train_images[held], test_labels=self.train_labels[held])

    def to(self, device: str | torch.device) -> Data:
        """The same data on a device."""
        names = ("train_images", "train_labels", "test_images", "test_labels")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})
