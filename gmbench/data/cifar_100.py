"""CIFAR-100 with its fine labels, from the python version of its archive."""

from gmbench.data import cifar
from gmbench.data.contract import DataSet, File, Raw


def read(train: bytes, test: bytes) -> Raw:
    """The training file and the test file."""
    return cifar.joined([train], test, "fine_labels")


DATA_SET = DataSet(
    name="cifar-100",
    summary="photographs of 100 kinds, 3 x 32 x 32; 50000 to train, 10000 to test",
    shape=(3, 32, 32),
    classes=100,
    full=255,
    mean=0.4782,
    std=0.2682,
    licence="none stated",
    source="A. Krizhevsky: Learning multiple layers of features from tiny images, 2009",
    read=read,
    files=(
        File("cifar-100-python/train", None, "16019d7e3df5f24257cddd939b257f8d"),
        File("cifar-100-python/test", None, "f0ef6b0ae62326f3e7ffdfab6717acfc"),
    ),
    archive=File("cifar-100-python.tar.gz", 169001437, "eb9058c3a382ffc7106e4002c42a8d85"),
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
)
