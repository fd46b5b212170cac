"""Fashion-MNIST, from its four original files; they have the names of MNIST's."""

from gmbench.data import idx
from gmbench.data.contract import DataSet, File

DATA_SET = DataSet(
    name="fashion-mnist",
    summary="articles of clothing, 28 x 28; 60000 to train, 10000 to test",
    shape=(1, 28, 28),
    classes=10,
    full=255,
    mean=0.2860,
    std=0.3530,
    licence="MIT",
    source="H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, arXiv:1708.07747",
    read=idx.read,
    files=(
        File("train-images-idx3-ubyte.gz", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        File("train-labels-idx1-ubyte.gz", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
        File("t10k-images-idx3-ubyte.gz", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
        File("t10k-labels-idx1-ubyte.gz", 5148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
)
