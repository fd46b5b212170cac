"""Fisher's iris flowers, which come inside scikit-learn."""

import numpy

from gmbench.data.contract import DataSet, Raw

SEED = 42  # of the split that the uGMM repository makes with scikit-learn
TESTED = 30


def read() -> Raw:
    """Millimetres, and the split of ``train_test_split(test_size=0.2, random_state=42)``: 120 to train, 30 to test."""
    from sklearn.datasets import load_iris

    centimetres, labels = load_iris(return_X_y=True)
    images, labels = (10 * centimetres).round().astype("uint8"), labels.astype("uint8")
    order = numpy.random.RandomState(SEED).permutation(len(labels))  # numpy froze this stream for good
    test, train = order[:TESTED], order[TESTED:]
    return Raw(images[train], labels[train], images[test], labels[test])


DATA_SET = DataSet(
    name="iris",
    summary="iris flowers, four lengths in cm, inside scikit-learn; 120 to train, 30 to test",
    shape=(4,),
    classes=3,
    full=10,  # millimetres in a centimetre
    mean=3.4452,
    std=1.9628,
    licence="CC BY 4.0",
    source="R. A. Fisher: Iris, UCI, 1936",
    read=read,
)
