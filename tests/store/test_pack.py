"""Packs: read like the files that they are made of, the same bytes each time, and nothing is lost on the way."""

import base64
import json
import lzma
import os
import random
import shutil

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import gmbench
from gmbench.checks.records import CHECKS
from gmbench.cli import base as cli
from gmbench.contract import ContractError
from gmbench.results.status import status
from gmbench.runs.cell import CELLS, finished, run_cell
from gmbench.runs.engines.local import Local
from gmbench.runs.spec import Spec
from gmbench.store import files, pack
from gmbench.store.reading import Store

FIRST, SECOND = "kumar", "gmnm-fit2d"
TARGET = list(range(64))


def spec(experiment=FIRST, arm="fc", seed=0):
    return Spec(experiment, 2, "level-1", "d", "smoke", 1, arm, seed, "cpu")


def levels(numbers):
    return base64.b64encode(bytes(numbers)).decode()


def field(numbers):
    return {"low": 0.1, "high": 1e-05, "side": 8, "levels": levels(numbers)}


def work(error):
    def cell(spec, report):
        own = random.Random(spec["seed"])
        fit = [own.randrange(256) for _ in range(64)]
        return {
            "epochs": [{"epoch": e, "step": e, "test_error": error, "test_loss": None} for e in range(2)],
            "measures": {"steps_to_10": None, "b": 0.1},
            "surfaces": {"target": field(TARGET), "fit": field(fit)},
            "lines": {"x": [0.1, 0.2], "target": [1.0, 2.0], "fit": [own.random(), 2e-300]},
            "photographs": {"originals": [levels(range(48))], "reconstructions": [levels(fit[:48]), "odd"]},
            "neurons": {"own": {"shared": own.randrange(9)}, "two": {"shared": ["σ"]}, "odd": {"shared": {}}},
            "note": ["σ\u2028\x85\ud800", {"shared": 0}, 1e22],
        }

    return cell


@pytest.fixture
def store(tmp_path):
    """Five cells of two experiments, and the checks of one implementation."""
    for seed in range(3):
        run_cell(spec(seed=seed), work(5.0 + seed), tmp_path)
        if seed:
            run_cell(spec(SECOND, "bl", seed), work(5.0), tmp_path)
    record = {"implementation": "gm/eager", "check": "value", "dtype": "float32", "device": "cpu", "ulps": float("inf")}
    declared = {"key": "gm/eager", "layer_type": "gm"}
    content = {"schema": 1, "kind": "checks", "implementation": declared, "profile": "ci", "records": [record]}
    files.write_json(tmp_path / "checks" / "gm-eager-cpu.json", content)
    return tmp_path


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(*words, store):
    return CliRunner().invoke(cli.main, [*words, "--store", str(store)])


def said(store):
    """Everything that is read of a store, as text."""
    frames = [gmbench.load(kind, store).to_csv() for kind in ("cells", "checks")]
    opened = Store(store)
    cells = [(path.stem if path.suffix == ".json" else None, result) for path, result in opened.read(CELLS)]
    return frames, [result for _, result in cells], status(opened)


def test_packs_are_read_like_the_files_and_unpacked_to_the_same_bytes(store):
    before, known = contents(store), said(store)
    done = run("store", "pack", store=store)
    assert done.exit_code == 0 and "3 files into cells/kumar.jsonl.xz, " in done.stdout
    packed = ["cells/gmnm-fit2d.jsonl.xz", "cells/kumar.jsonl.xz", "checks/checks.jsonl.xz"]
    assert sorted(contents(store)) == packed
    assert said(store) == known
    done = run("store", "unpack", store=store)
    assert done.exit_code == 0 and "2 files out of cells/gmnm-fit2d.jsonl.xz\n" in done.stdout
    assert contents(store) == before


def test_the_same_files_give_the_same_bytes(store, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for name, content in reversed(contents(store).items()):
        files.write(other / name, content)
        run("store", "pack", store=other)  # one after the other
    run("store", "pack", store=store)
    assert contents(store) == contents(other)
    assert run("store", "pack", store=store).stdout == f"nothing to do in {store}\n"


def test_what_cells_have_in_common_stands_once(store):
    run("store", "pack", store=store)
    text = lzma.decompress((store / "cells" / f"{FIRST}.jsonl.xz").read_bytes()).decode()
    head, *lines = map(json.loads, text.split("\n")[:-1])
    assert len(lines) == 3 and text.count('"target":{"shared":0}') == 3 and text.count("[1.0,2.0]") == 1
    assert {part: len(each) for part, each in head["shared"].items() if each} == {
        **{"surfaces": 1, "lines": 2, "photographs": 1, "neurons": 2},
    }
    one, two, _ = (result for _, result in Store(store).read(CELLS) if result.spec.experiment == FIRST)
    assert one.surfaces["target"] is two.surfaces["target"] and one.surfaces["target"]["levels"] == levels(TARGET)
    assert one.surfaces["fit"] != two.surfaces["fit"]


def test_a_run_skips_cells_in_a_pack(store):
    run("store", "pack", store=store)
    assert finished(spec(), store).id == spec().id and finished(spec(seed=9), store) is None
    assert finished(spec(), store, packed=False) is None, "a cell's own process looks at no pack"
    engine = Local([spec(), spec(seed=9), spec(SECOND, "bl", 1)], store)
    assert [cell.state for cell in engine.cells] == ["skipped", "waiting", "skipped"]
    assert [cell.state for cell in Local([spec()], store, fresh=True).cells] == ["waiting"]


def test_a_file_beside_a_pack_goes_before_one_in_it(store):
    run("store", "pack", store=store)
    path = run_cell(spec(), work(1.0), store)
    for _ in range(2):
        found = {result.id: result for _, result in Store(store).read(CELLS)}
        assert len(found) == 5 and found[spec().id].epochs[0]["test_error"] == 1.0
        assert finished(spec(), store).epochs[0]["test_error"] == 1.0
        run("store", "pack", store=store)
    assert not path.exists()
    path.write_text("{")  # and one that is none does not hide it
    assert finished(spec(), store).epochs[0]["test_error"] == 1.0 and len(Store(store).read(CELLS)) == 5


def test_what_is_no_result_stays_a_file_of_its_own(store, caplog):
    bad = {"cut.json": '{"schema": 1', "odd.json": '{"schema": 1, "kind": "cells", "id": "a"}'}
    for name, text in bad.items():
        (store / "cells" / name).write_text(text)
    assert run("store", "pack", store=store).exit_code == 0
    assert [record.getMessage().count(".json: not a whole") for record in caplog.records] == [1, 1]
    assert {path.name for path in (store / "cells").glob("*.json")} == set(bad)


def test_a_damaged_pack_is_one_line_and_never_written_over(store, caplog):
    run("store", "pack", store=store)
    path = store / "cells" / f"{FIRST}.jsonl.xz"
    whole = path.read_bytes()
    head = json.dumps({"schema": 1, "kind": "pack", "of": "checks", "shared": {}}).encode()
    for harm in (whole[:-40], b"", b"{}", *map(lzma.compress, (b"", b"[]\n", b"{}\n", head, b"\xff"))):
        path.write_bytes(harm)
        caplog.clear()
        assert len(Store(store).read(CELLS)) == 2
        (line,) = (record.getMessage() for record in caplog.records)
        assert f"{FIRST}.jsonl.xz: not a" in line and "\n" not in line
        loose = run_cell(spec(seed=7), work(1.0), store)
        done = run("store", "pack", store=store)
        assert done.exit_code == 2 and done.stderr.count("\n") == 1 and path.read_bytes() == harm
        assert finished(spec(seed=7), store)
        loose.unlink()


def test_a_pack_that_does_not_say_the_same_costs_nothing(store, monkeypatch):
    run("store", "pack", store=store)
    run_cell(spec(seed=7), work(1.0), store)
    before = contents(store)
    monkeypatch.setattr(pack, "_differences", lambda text: text[::-1])
    done = run("store", "pack", store=store)
    assert done.exit_code == 2 and "would not say what the files say" in done.stderr
    assert contents(store) == before


def test_two_do_not_pack_at_the_same_time(store):
    with pack._alone(store / "cells"):
        for words in (("store", "pack"), ("store", "unpack")):
            done = run(*words, store=store)
            assert done.exit_code == 2 and "is being packed by another process" in done.stderr


def test_a_cell_that_is_made_anew_while_it_is_packed_is_kept(store, monkeypatch):
    written = files.write

    def meanwhile(path, content):
        run_cell(spec(), work(1.0), store)
        return written(path, content)

    monkeypatch.setattr(pack, "write", meanwhile)
    assert run("store", "pack", store=store).exit_code == 0
    assert finished(spec(), store).epochs[0]["test_error"] == 1.0 and len(Store(store).read(CELLS)) == 5


def test_a_cell_that_is_made_anew_as_its_file_goes_is_kept(store, monkeypatch):
    renamed = pack.Path.rename

    def meanwhile(path, aside):
        if path.suffix == ".json":
            monkeypatch.undo()
            run_cell(Spec.of(json.loads(path.read_text())["spec"]), work(1.0), store)
        return renamed(path, aside)

    monkeypatch.setattr(pack.Path, "rename", meanwhile)
    assert run("store", "pack", store=store).exit_code == 0
    assert [result.epochs[0]["test_error"] for _, result in Store(store).read(CELLS)].count(1.0) == 1


def repacked(path, change):
    """A pack with its lines changed."""
    lines = list(map(json.loads, lzma.decompress(path.read_bytes()).decode().split("\n")[:-1]))
    text = "".join(json.dumps(line) + "\n" for line in change(lines))
    path.write_bytes(lzma.compress(text.encode()))


def test_packs_from_before_there_was_a_count_are_read(store):
    known = said(store)
    run("store", "pack", store=store)
    for path in store.rglob("*.xz"):
        repacked(path, lambda lines: [{k: v for k, v in lines[0].items() if k != "members"}, *lines[1:]])
    assert said(store) == known


def test_a_pack_that_lacks_a_line_is_not_whole(store, caplog):
    run("store", "pack", store=store)
    repacked(store / "cells" / f"{FIRST}.jsonl.xz", lambda lines: lines[:-1])
    assert len(Store(store).read(CELLS)) == 2 and f"{FIRST}.jsonl.xz: not a whole pack" in caplog.text


BAD = [
    {"name": "a", "file": [1]},
    {"name": "a", "file": {"schema": 1, "kind": "checks"}},
    {"name": "a", "file": {"schema": 2, "kind": "cells"}},
    {"name": "../../outside", "file": {"schema": 1, "kind": "cells"}},
    {"name": "a\n", "file": {"schema": 1, "kind": "cells"}},
    {"name": 3, "file": {"schema": 1, "kind": "cells"}},
    {"name": "a", "file": {"schema": 1, "kind": "cells", "surfaces": {"target": {"shared": 99}}}},
    {"name": "a", "file": {"schema": 1, "kind": "cells", "surfaces": {"target": {"shared": "no"}}}},
    {"name": "a"},
    [1],
    None,  # the first one twice
]


def test_a_bad_member_costs_one_line_and_is_never_lost(store, caplog):
    run("store", "pack", store=store)
    path = store / "cells" / f"{FIRST}.jsonl.xz"
    whole = path.read_bytes()
    loose = run_cell(spec(seed=7), work(1.0), store)
    for bad in BAD:
        path.write_bytes(whole)
        repacked(path, lambda lines, bad=bad: [{**lines[0], "members": 4}, *lines[1:], bad or lines[1]])
        harmed = path.read_bytes()
        caplog.clear()
        assert len(Store(store).read(CELLS)) == 6
        (line,) = (record.getMessage() for record in caplog.records)
        assert f"{FIRST}.jsonl.xz, " in line and "\n" not in line
        done = run("store", "pack", store=store)
        assert done.exit_code == 2 and done.stderr.count("\n") == 1 and path.read_bytes() == harmed and loose.exists()
        assert run("store", "unpack", store=store).exit_code == 0
        assert path.read_bytes() == harmed and len(list((store / "cells").glob("*.json"))) == 6
    assert not (store.parent / "outside.json").exists()


def test_unpacking_keeps_a_whole_file_and_replaces_a_damaged_one(store, caplog):
    before = contents(store)
    run("store", "pack", store=store)
    whole = run_cell(spec(), work(1.0), store)
    newer = whole.read_bytes()
    cut, odd = (store / "cells" / f"{spec(seed=seed).id}.json" for seed in (1, 2))
    cut.write_text('{"schema": 1')
    odd.write_text('{"schema": 1, "kind": "cells", "id": "a"}')
    assert run("store", "unpack", store=store).exit_code == 0
    assert contents(store) == before | {f"cells/{whole.name}": newer}
    assert [record.getMessage().count("takes its place") for record in caplog.records] == [1, 1]


def test_a_name_that_no_member_can_have_stays_a_file(store, caplog):
    path = store / "cells" / f"{spec().id}.json"
    path.rename(path.with_name("mine.2.json"))
    assert run("store", "pack", store=store).exit_code == 0
    assert (store / "cells" / "mine.2.json").exists() and "mine.2.json" in caplog.text


def test_a_lock_that_its_owner_has_just_removed_is_none(store, monkeypatch):
    locked = pack.fcntl.flock

    def late(descriptor, how):
        (store / "cells" / pack.LOCK).unlink()
        locked(descriptor, how)

    monkeypatch.setattr(pack.fcntl, "flock", late)
    done = run("store", "pack", store=store)
    assert done.exit_code == 2 and "is being packed by another process" in done.stderr


class KilledError(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("change", ["pack", "unpack"])
def test_whatever_ends_it_at_whatever_moment_nothing_is_lost_or_doubled(store, change, tmp_path_factory):
    known = said(store)
    if change == "unpack":
        run("store", "pack", store=store)
    wanted = contents(store)
    for moment in range(100):
        folder = tmp_path_factory.mktemp("killed") / "store"
        shutil.copytree(store, folder)
        ended = killed_after(moment, change, folder)
        assert said(folder) == known and all(finished(result.spec, folder) for result in known[1])
        if ended:
            break
        run("store", change, store=folder)  # once more
        assert said(folder) == known
        kept = {path: content for path, content in contents(folder).items() if not path.endswith(files.TEMPORARY)}
        assert len(kept) == (3 if change == "pack" else 6), "nothing stands twice"
    assert moment > 10 and contents(store) == wanted


def killed_after(steps, change, folder):
    """Pack or unpack, and be killed after so many steps on the disk; whether it came to its end before."""
    left = [steps]

    def counted(do):
        def step(*given, **more):
            left[0] -= 1
            if left[0] < 0:
                raise KilledError
            return do(*given, **more)

        return step

    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "replace", "rename", "chmod"):
            patch.setattr(os, name, counted(getattr(os, name)))
        patch.setattr(pack.Path, "unlink", counted(pack.Path.unlink))
        try:
            for kind in (CELLS, CHECKS):
                getattr(pack, change)(folder, kind.name, lambda *_: None)
        except KilledError:
            return False
    return True


def test_a_store_that_is_packed_while_it_is_read_is_read_whole(store, monkeypatch):
    listed = pack.packs
    for change in ("pack", "unpack"):
        done = []

        def meanwhile(folder, change=change, done=done):
            found = listed(folder)
            if not done:
                done.append(run("store", change, store=store))
            return found

        with monkeypatch.context() as patch:
            patch.setattr(pack, "packs", meanwhile)
            assert len(Store(store).read(CELLS)) == 5, change


def test_a_pack_that_is_a_link_to_nowhere_is_passed_over(store):
    (store / "cells" / "lost.jsonl.xz").symlink_to("nowhere")
    assert len(Store(store).read(CELLS)) == 5


def test_no_store_is_one_line(tmp_path):
    for words in ("pack", "unpack"):
        done = run("store", words, store=tmp_path / "none")
        assert (done.exit_code, done.stderr) == (2, f"gmbench: there is no store {tmp_path / 'none'}\n")


@given(st.binary(max_size=200), st.text(max_size=20))
def test_differences_of_levels_are_undone(raw, text):
    for given_text in (base64.b64encode(raw).decode(), text):
        assert pack._summed(pack._differences(given_text)) == given_text


def test_a_smooth_picture_has_small_differences():
    ramp = bytes(3 * x + 5 * y for y in range(8) for x in range(8))
    found = base64.b64decode(pack._differences(base64.b64encode(ramp).decode()))
    assert found == bytes([0, *[3] * 7, *([5, *[0] * 7] * 7)])


def test_a_pack_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ContractError, match=r"none.jsonl.xz: cannot be read"):
        pack.members(tmp_path / "none.jsonl.xz", "cells")
