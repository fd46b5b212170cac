"""Data sets: a damaged, missing or unreachable file is one clear line, and leaves nothing behind."""

import dataclasses
import gzip
import hashlib
import http.server
import io
import os
import threading

import numpy
import pytest
import torch

from gmbench import data
from gmbench.contract import ContractError
from gmbench.data import files, idx

NOWHERE = "http://127.0.0.1:9/"  # the discard port, where nobody listens


def packed(array):
    """An array as a gzipped idx file."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.tobytes(), mtime=0)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A data set of four small idx files, their contents by name, and an empty cache."""
    rng = numpy.random.default_rng(0)
    contents = {
        "train-images.gz": packed(rng.integers(0, 256, (20, 2, 3), numpy.uint8)),
        "train-labels.gz": packed(rng.integers(0, 10, 20, numpy.uint8)),
        "test-images.gz": packed(rng.integers(0, 256, (5, 2, 3), numpy.uint8)),
        "test-labels.gz": packed(rng.integers(0, 10, 5, numpy.uint8)),
    }
    declared = tuple(
        data.File(name, len(content), hashlib.md5(content).hexdigest()) for name, content in contents.items()
    )
    monkeypatch.delenv("GMBENCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    tiny = dataclasses.replace(data.data_set("mnist"), name="tiny", files=declared, mirrors=(NOWHERE,))
    return tiny, contents


@pytest.fixture
def host():
    """A host on this machine: ``host.contents`` is what it serves, ``host.asked`` what it was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/")
            server.asked.append(name)
            if name not in server.contents:
                return self.send_error(404)
            content = server.contents[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content) + server.promised_too_much))
            self.end_headers()
            return self.wfile.write(content)

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.contents, server.asked, server.promised_too_much = {}, [], 0
    server.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def everything_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def refusal(chosen):
    """The text with which loading is refused: one line."""
    with pytest.raises(ContractError) as caught:
        data.load(chosen)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("folder", ["tiny", "."])
def test_files_are_found_in_the_data_folder(tiny, tmp_path, monkeypatch, folder):
    chosen, contents = tiny
    (tmp_path / "given" / folder).mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (tmp_path / "given" / folder / name).write_bytes(content)
    assert files.state(chosen) == "downloadable"
    monkeypatch.setenv("GMBENCH_DATA", str(tmp_path / "given"))
    assert files.state(chosen) == "found"
    found = data.load(chosen)
    assert found.train_images.shape == (20, 6)
    assert found.train_images.dtype == torch.float32
    assert found.test_labels.dtype == torch.int64
    pixels = idx.idx(contents["test-images.gz"]).reshape(5, 6)
    expected = (pixels / 255 - chosen.mean) / chosen.std
    assert numpy.allclose(found.test_images.numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("damage", ["cut short", "damaged"])
def test_a_damaged_file_is_named(tiny, tmp_path, monkeypatch, damage):
    chosen, contents = tiny
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    content = contents["train-images.gz"]
    wrong = content[:-7] if damage == "cut short" else content[:-7] + bytes(7)
    (tmp_path / "train-images.gz").write_bytes(wrong)
    monkeypatch.setenv("GMBENCH_DATA", str(tmp_path))
    text = refusal(chosen)
    assert "train-images.gz" in text and damage in text


@pytest.mark.parametrize(
    "content",
    [b"", b"not gzip", gzip.compress(b"\0\0\x08\1\0\0\0\5abc"), gzip.compress(b"ab")],
    ids=["empty", "not gzip", "cut short", "too short"],  # gzip's own bytes have the time in them
)
def test_what_is_no_whole_idx_file_is_refused(content):
    with pytest.raises(ContractError):
        idx.idx(content)
    assert idx.idx(packed(numpy.arange(6, dtype=numpy.uint8).reshape(2, 3))).tolist() == [
        [0, 1, 2],
        [3, 4, 5],
    ]


def test_without_a_network_one_line_and_nothing_left(tiny, tmp_path):
    chosen, _ = tiny
    text = refusal(chosen)
    assert "no connection" in text and "GMBENCH_DATA" in text and "train-images.gz" in text
    assert everything_below(tmp_path) == []


def test_a_download_is_kept_and_not_repeated(tiny, host, tmp_path):
    chosen, contents = tiny
    host.contents = contents
    chosen = dataclasses.replace(chosen, mirrors=(NOWHERE, host.url))  # the first host is down
    first = data.load(chosen)
    assert sorted(host.asked) == sorted(contents)
    assert sorted(path.name for path in everything_below(tmp_path)) == sorted(contents)
    again = data.load(dataclasses.replace(chosen, mirrors=(NOWHERE,)))
    assert again.digest == first.digest and len(host.asked) == len(contents)


@pytest.mark.parametrize("fault", ["wrong", "cut", "missing"])
def test_a_bad_download_leaves_nothing(tiny, host, tmp_path, fault):
    chosen, contents = tiny
    if fault != "missing":
        host.contents = {name: content[:-9] + b"x" * 9 for name, content in contents.items()}
    host.promised_too_much = 100 if fault == "cut" else 0
    text = refusal(dataclasses.replace(chosen, mirrors=(host.url,)))
    assert {"wrong": "wrong checksum", "cut": "127.0.0.1", "missing": "404"}[fault] in text
    assert everything_below(tmp_path) == []


def test_a_cache_that_cannot_be_written(tiny, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "cannot be written" in refusal(tiny[0])


def test_the_digest_follows_the_contents(tiny, tmp_path, monkeypatch):
    chosen, contents = tiny
    monkeypatch.setenv("GMBENCH_DATA", str(tmp_path))
    digests = set()
    for labels in (numpy.zeros(5, numpy.uint8), numpy.ones(5, numpy.uint8)):
        contents["test-labels.gz"] = packed(labels)
        declared = []
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
            declared.append(data.File(name, len(content), hashlib.md5(content).hexdigest()))
        digests.add(data.load(dataclasses.replace(chosen, files=tuple(declared))).digest)
    assert len(digests) == 2


def test_digits_are_one_fixed_split():
    from sklearn.datasets import load_digits

    found = data.load("digits")
    assert found.train_images.shape == (1437, 64) and found.test_images.shape == (360, 64)
    # every image is there once, and every class has its share of the test images
    both = torch.cat([found.train_images, found.test_images]).mul(0.3759).add(0.3054).mul(16).round()
    everything = torch.tensor(load_digits().data, dtype=torch.float32)
    assert torch.equal(both.unique(dim=0), everything.unique(dim=0))
    assert torch.bincount(found.test_labels).tolist() == [36, 36, 36, 36, 37, 36, 36, 36, 35, 36]
    assert len(found.train_labels[:50].unique()) == 10  # not sorted by class
    # cells made on one machine are continued on another only if the split is the same there
    assert found.digest == "835a6d0e4821b5518f34d94d952953cf2a3c7047fc17cb9519ec03ce28fa268b"


@pytest.mark.parametrize("name", sorted(data.data_sets()))
def test_training_pixels_have_mean_0_and_deviation_1(name):
    if files.state(data.data_set(name)) == "downloadable" or (name != "digits" and not os.environ.get("GMBENCH_DATA")):
        pytest.skip(f"{name} is not under $GMBENCH_DATA")
    found = data.load(name)
    assert abs(found.train_images.mean().item()) < 1e-3
    assert abs(found.train_images.std(correction=0).item() - 1) < 1e-3  # of all there are, not of a sample
    assert found.features == data.data_set(name).features
    assert found.test_labels.max() == data.data_set(name).classes - 1
    assert data.data_set(name).licence and data.data_set(name).source


@pytest.mark.parametrize(
    ("name", "image", "classes"),
    [
        ("mnist", (1, 28, 28), 10),
        ("fashion-mnist", (1, 28, 28), 10),
        ("digits", (1, 8, 8), 10),
        ("cifar-10", (3, 32, 32), 10),
        ("cifar-100", (3, 32, 32), 100),
        ("iris", None, 3),
    ],
)
def test_a_data_set_says_its_image_and_its_classes(name, image, classes):
    known = data.data_set(name)
    assert (known.image, known.classes) == (image, classes)
    assert known.features == (4 if image is None else image[0] * image[1] * image[2])


def test_what_is_loaded_says_it_too():
    digits, iris = data.load("digits"), data.load("iris")
    assert digits.image == (1, 8, 8) and digits.square("who") == (1, 8) and iris.image is None
    for odd in (iris, dataclasses.replace(digits, image=(1, 4, 16)), dataclasses.replace(digits, image=(3, 8, 8))):
        with pytest.raises(ContractError, match=f"^who: needs square images, not of {odd.features} features$"):
            odd.square("who")


FASHION = data.data_set("fashion-mnist")
IMAGES = FASHION.files[0]


def test_fashion_mnist_is_declared_beside_mnist():
    mnist = data.data_set("mnist")
    assert (FASHION.features, FASHION.classes, FASHION.full) == (784, 10, 255)
    # they share the names of their files, and nothing else of them
    assert [file.name for file in FASHION.files] == [file.name for file in mnist.files]
    for one, other in zip(FASHION.files, mnist.files, strict=True):
        assert one.size != other.size and one.md5 != other.md5 and len(one.md5) == 32
    assert not set(FASHION.mirrors) & set(mnist.mirrors) and len(FASHION.mirrors) == 2


@pytest.fixture
def given(tmp_path, monkeypatch):
    """An empty ``$GMBENCH_DATA``, and an empty cache."""
    monkeypatch.setenv("GMBENCH_DATA", str(tmp_path / "given"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


def sparse(path, size):
    """A file of this many zeros."""
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize("folder", ["fashion-mnist", "fashion_mnist", "."])
def test_files_of_fashion_mnist_are_found(given, folder):
    for file in FASHION.files:
        assert files.find(FASHION, file) is None
        sparse(given / folder / file.name, file.size)
        assert files.find(FASHION, file) == given / folder / file.name
    assert files.state(FASHION) == "found" and files.state(data.data_set("mnist")) == "downloadable"
    with pytest.raises(ContractError, match=r"md5.*damaged"):
        files.fetch(FASHION, IMAGES)


@pytest.mark.parametrize(("mine", "other"), [("fashion-mnist", "mnist"), ("mnist", "fashion-mnist")])
def test_a_flat_file_of_the_other_one_is_not_taken(given, mine, other):
    for file in data.data_set(other).files:
        sparse(given / file.name, file.size)
    assert files.state(data.data_set(other)) == "found"
    assert files.state(data.data_set(mine)) == "downloadable"
    assert all(files.find(data.data_set(mine), file) is None for file in data.data_set(mine).files)
    # a folder of its own beside it is
    for file in data.data_set(mine).files:
        sparse(given / mine / file.name, file.size)
    assert files.state(data.data_set(mine)) == "found"


@pytest.mark.parametrize("place", [".", "fashion-mnist"])
def test_a_flat_file_of_neither_size_is_reported(given, place):
    path = sparse(given / place / IMAGES.name, IMAGES.size - 1)
    assert files.find(FASHION, IMAGES) == path
    with pytest.raises(ContractError, match="cut short") as caught:
        files.fetch(FASHION, IMAGES)
    assert str(path) in str(caught.value)


def test_a_file_in_the_folder_of_fashion_mnist_is_not_passed_over(given):
    mnist = data.data_set("mnist").files[0]
    path = sparse(given / "fashion-mnist" / IMAGES.name, mnist.size)  # MNIST's, put into the wrong folder
    assert files.find(FASHION, IMAGES) == path
    with pytest.raises(ContractError, match="of another data set: replace it by fashion-mnist"):
        files.fetch(FASHION, IMAGES)


def test_the_real_fashion_mnist():
    if not os.environ.get("GMBENCH_DATA") or files.state(FASHION) == "downloadable":
        pytest.skip("fashion-mnist is not under $GMBENCH_DATA")
    found = data.load("fashion-mnist")
    assert found.train_images.shape == (60000, 784) and found.test_images.shape == (10000, 784)
    assert torch.bincount(found.train_labels).tolist() == [6000] * 10
    assert torch.bincount(found.test_labels).tolist() == [1000] * 10
    # the first image is a boot, the first of the test images too
    assert found.train_labels[0] == found.test_labels[0] == 9


def test_a_name_inside_a_file_leads_nowhere(tiny, tmp_path, monkeypatch):
    """Nothing is unpacked into folders: a gzip file that names a path out of its folder is read like any other."""
    chosen, contents = tiny
    declared = []
    for name, content in contents.items():
        made = io.BytesIO()
        with gzip.GzipFile("../../escaped", "wb", fileobj=made, mtime=0) as file:
            file.write(gzip.decompress(content))
        assert b"escaped" in made.getvalue()
        (tmp_path / "given").mkdir(exist_ok=True)
        (tmp_path / "given" / name).write_bytes(made.getvalue())
        declared.append(data.File(name, len(made.getvalue()), hashlib.md5(made.getvalue()).hexdigest()))
    monkeypatch.setenv("GMBENCH_DATA", str(tmp_path / "given"))
    assert data.load(dataclasses.replace(chosen, files=tuple(declared))).train_images.shape == (20, 6)
    assert {path.parent for path in everything_below(tmp_path)} == {tmp_path / "given"}


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ContractError, match="did you mean 'mnist'"):
        data.load("mnits")
