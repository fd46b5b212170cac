"""CIFAR-10, from the python version of its archive."""

from gmbench.data import cifar
from gmbench.data.contract import DataSet, File, Raw


def read(*contents: bytes) -> Raw:
    """Five training batches and the test batch."""
    return cifar.joined(contents[:-1], contents[-1], "labels")


DATA_SET = DataSet(
    name="cifar-10",
    summary="photographs of 10 kinds, 3 x 32 x 32; 50000 to train, 10000 to test",
    shape=(3, 32, 32),
    classes=10,
    full=255,
    mean=0.4734,
    std=0.2516,
    licence="none stated",
    source="A. Krizhevsky: Learning multiple layers of features from tiny images, 2009",
    read=read,
    files=(
        File("cifar-10-batches-py/data_batch_1", 31035704, "c99cafc152244af753f735de768cd75f"),
        File("cifar-10-batches-py/data_batch_2", 31035320, "d4bba439e000b95fd0a9bffe97cbabec"),
        File("cifar-10-batches-py/data_batch_3", 31035999, "54ebc095f3ab1f0389bbae665268c751"),
        File("cifar-10-batches-py/data_batch_4", 31035696, "634d18415352ddfa80567beed471001a"),
        File("cifar-10-batches-py/data_batch_5", 31035623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        File("cifar-10-batches-py/test_batch", 31035526, "40351d587109b95175f43aff81a1287e"),
    ),
    archive=File("cifar-10-python.tar.gz", 170498071, "c58f30108f718f92721af3b95e74349a"),
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
)
