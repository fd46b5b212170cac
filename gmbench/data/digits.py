"""The 8 x 8 digits that come inside scikit-learn: real data for a machine without a network."""

import numpy

from gmbench.data.contract import DataSet, Raw

SEED = 0  # of the one fixed split
FOLDS = 5  # one in so many is a test image


def read() -> Raw:
    """A fixed split in which every class has the same share: 1437 to train, 360 to test, in random order."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images, labels = images.astype("uint8"), labels.astype("uint8")
    order = numpy.random.RandomState(SEED).permutation(len(labels))  # numpy froze this stream for good
    by_class = order[numpy.argsort(labels[order], kind="stable")]
    tested = numpy.isin(order, by_class[::FOLDS])
    train, test = order[~tested], order[tested]
    return Raw(images[train], labels[train], images[test], labels[test])


DATA_SET = DataSet(
    name="digits",
    summary="handwritten digits, 8 x 8, inside scikit-learn; 1437 to train, 360 to test",
    shape=(1, 8, 8),
    classes=10,
    full=16,
    mean=0.3054,
    std=0.3759,
    licence="CC BY 4.0",
    source="E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998",
    read=read,
)
