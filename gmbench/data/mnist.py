"""MNIST, from its four original files."""

from gmbench.data import idx
from gmbench.data.contract import DataSet, File

DATA_SET = DataSet(
    name="mnist",
    summary="handwritten digits, 28 x 28; 60000 to train, 10000 to test",
    shape=(1, 28, 28),
    classes=10,
    full=255,
    mean=0.1307,
    std=0.3081,
    licence="CC BY-SA 3.0, as usually listed",
    source="Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database of handwritten digits",
    read=idx.read,
    files=(
        File("train-images-idx3-ubyte.gz", 9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        File("train-labels-idx1-ubyte.gz", 28881, "d53e105ee54ea40749a09fcbcd1e9432"),
        File("t10k-images-idx3-ubyte.gz", 1648877, "9fb629c4189551a2d022fa330f9573f3"),
        File("t10k-labels-idx1-ubyte.gz", 4542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)
