"""The python format of CIFAR: read without running it, from batches or from their archive; every fault is one line."""

import dataclasses
import hashlib
import io
import os
import pickle
import tarfile

import numpy
import pytest

from gmbench import data
from gmbench.contract import ContractError
from gmbench.data import cifar, files

NAMES = {"cifar-10": "labels", "cifar-100": "fine_labels"}


def as_python_2(table):
    """A dict with str keys and an array as the original files have it: protocol 2, keys as byte strings."""
    images = table["data"]
    out = io.BytesIO()
    out.write(b"\x80\x02}(")
    for key, value in table.items():
        out.write(b"U" + bytes([len(key)]) + key.encode())  # SHORT_BINSTRING
        if key == "data":
            out.write(b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR(K\x01")
            out.write(b"".join(b"J" + n.to_bytes(4, "little") for n in images.shape) + b"\x86")
            out.write(b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN")
            out.write(2 * b"J\xff\xff\xff\xff" + b"K\x00tb\x89")
            raw = images.tobytes()
            out.write(b"T" + len(raw).to_bytes(4, "little") + raw + b"tb")
        else:
            out.write(pickle.dumps(value, 2)[2:-1])
    out.write(b"u.")
    return out.getvalue()


def table(n, classes, seed, key):
    rng = numpy.random.default_rng(seed)
    return {"data": rng.integers(0, 256, (n, 3072), numpy.uint8), key: rng.integers(0, classes, n).tolist()}


@pytest.fixture(params=sorted(NAMES))
def small(request, tmp_path, monkeypatch):
    """A data set of few images in the original format: its declaration, its tables and the contents of its files."""
    original = data.data_set(request.param)
    key = NAMES[request.param]
    tables = [table(4 + i, original.classes, i, key) for i in range(len(original.files))]
    contents = {file.name: as_python_2(each) for file, each in zip(original.files, tables, strict=True)}
    declared = tuple(data.File(n, len(c), hashlib.md5(c).hexdigest()) for n, c in contents.items())
    packed = tar(contents)
    archive = data.File("small.tar.gz", len(packed), hashlib.md5(packed).hexdigest())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GMBENCH_DATA", str(tmp_path / "given"))
    (tmp_path / "given").mkdir()
    chosen = dataclasses.replace(original, name="small", files=declared, archive=archive, mirrors=())
    return chosen, tables, contents, packed, tmp_path / "given", key


def tar(contents, **kinds):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.type = kinds.get("type", tarfile.REGTYPE)
            member.linkname = "/etc/passwd"
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def write(folder, contents):
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def is_what_was_written(loaded, tables, key):
    images = numpy.concatenate([each["data"] for each in tables[:-1]])
    labels = [label for each in tables[:-1] for label in each[key]]
    assert numpy.array_equal((loaded.train_images.numpy() * 255).round(), images)
    assert loaded.train_labels.tolist() == labels and loaded.test_labels.tolist() == tables[-1][key]


def test_batches_are_read_as_they_were_written(small):
    chosen, tables, contents, _, given, key = small
    write(given, contents)
    assert files.state(chosen) == "found"
    is_what_was_written(data.load(chosen, normalised=False), tables, key)


def test_the_archive_does_as_well_and_is_read_once(small):
    chosen, tables, _, packed, given, key = small
    assert files.state(chosen) == "downloadable"
    write(given, {"small.tar.gz": packed})
    assert files.state(chosen) == "found"
    first = data.load(chosen, normalised=False)
    (given / "small.tar.gz").unlink()  # what it held lies in the cache
    is_what_was_written(first, tables, key)
    assert data.load(chosen).digest == first.digest


@pytest.mark.parametrize("how", ["short", "flipped", "no tar", "a link", "another member", "escaping"])
def test_an_archive_that_is_not_right_is_one_line_and_leaves_nothing(small, how, tmp_path):
    chosen, _, contents, packed, given, _ = small
    packed = {
        "short": packed[:-20],
        "flipped": packed[:100] + bytes([packed[100] ^ 1]) + packed[101:],
        "no tar": b"not a tar at all",
        "a link": tar(contents, type=tarfile.SYMTYPE),
        "another member": tar({"other/" + n: c for n, c in contents.items()}),
        "escaping": tar({"../../../" + n: c for n, c in contents.items()} | {"/tmp/gmbench-escaped": b"x"}),
    }[how]
    if how not in ("short", "flipped"):  # as if its host had made it so
        own = data.File("small.tar.gz", len(packed), hashlib.md5(packed).hexdigest())
        chosen = dataclasses.replace(chosen, archive=own)
    write(given, {"small.tar.gz": packed})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ContractError, match=r"small\.tar\.gz") as caught:
        data.load(chosen)
    assert "\n" not in str(caught.value)
    assert not [path for path in set(tmp_path.rglob("*")) - set(before) if path.is_file()]
    assert not os.path.exists("/tmp/gmbench-escaped")


def test_an_archive_that_is_nowhere_names_the_folder_to_put_it_in(small):
    with pytest.raises(ContractError, match=r"small: small\.tar\.gz cannot be downloaded .*set \$GMBENCH_DATA"):
        data.load(small[0])


def test_a_damaged_batch_is_one_line(small):
    chosen, _, contents, _, given, _ = small
    write(given, contents)
    first = given / chosen.files[0].name
    first.write_bytes(first.read_bytes()[:-3])
    with pytest.raises(ContractError, match=r"cut short: remove it"):
        data.load(chosen)


def test_a_label_that_is_no_class_is_one_line(small):
    chosen, tables, contents, _, given, key = small
    write(given, contents)
    most = max(label for each in tables[:-1] for label in each[key])
    assert data.load(dataclasses.replace(chosen, classes=max(max(each[key]) for each in tables) + 1))
    with pytest.raises(ContractError, match=rf"^small: has labels from \d+ to {most}, but {most} classes$"):
        data.load(dataclasses.replace(chosen, classes=most))


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


@pytest.mark.parametrize(
    "content",
    [pickle.dumps({b"data": Evil()}, 3), pickle.dumps(Evil(), 4), b"cos\nsystem\n(S'touch evil'\ntR."],
)
def test_no_code_of_a_file_is_run(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ContractError, match=r"a CIFAR file cannot be read \(it asks for \w+\.system\)"):
        cifar.batch(content, "labels")
    assert not list(tmp_path.iterdir())


def test_what_is_no_batch_is_one_line():
    good = table(3, 10, 0, "labels")
    assert cifar.batch(as_python_2(good), "labels")[0].shape == (3, 3072)
    whole = as_python_2(good)
    for content, said in (
        (b"", "cannot be read"),
        (whole[:-50], "cannot be read"),
        (pickle.dumps([1, 2], 2), "not a CIFAR file"),
        (pickle.dumps({b"data": 3, b"labels": [1]}, 3), "not a CIFAR file"),
        (as_python_2({**good, "labels": [1, 2]}), "one label an image"),
        (as_python_2({**good, "labels": [1, 2, 700]}), "one label an image"),
        (as_python_2({**good, "labels": ["a", "b", "c"]}), "one label an image"),
        (as_python_2({**good, "data": good["data"][:, :3000]}), "3 x 32 x 32"),
    ):
        with pytest.raises(ContractError, match=said) as caught:
            cifar.batch(content, "labels")
        assert "\n" not in str(caught.value)
    with pytest.raises(ContractError, match="not a CIFAR file: KeyError"):
        cifar.batch(whole, "fine_labels")


def test_numpy_of_today_writes_what_is_read():
    good = table(3, 10, 0, "labels")
    content = pickle.dumps({key.encode(): value for key, value in good.items()}, 2)
    with pytest.raises(ContractError, match=r"_codecs\.encode"):  # bytes by way of a text: the originals have none
        cifar.batch(content, "labels")


@pytest.mark.data
@pytest.mark.parametrize(("name", "each"), [("cifar-10", 5000), ("cifar-100", 500)])
def test_the_real_one(name, each):
    if not os.environ.get("GMBENCH_DATA") or files.state(data.data_set(name)) == "downloadable":
        pytest.skip(f"no {name} under $GMBENCH_DATA")
    loaded = data.load(name)
    assert loaded.train_images.shape == (50000, 3072) and loaded.test_images.shape == (10000, 3072)
    assert set(loaded.train_labels.bincount().tolist()) == {each} and loaded.classes == 50000 // each
    assert abs(loaded.train_images.double().mean()) < 1e-3 and abs(loaded.train_images.double().std() - 1) < 1e-3
