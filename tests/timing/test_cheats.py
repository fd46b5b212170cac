"""Every cheat is caught, by what is to catch it, and what is right passes the same way."""

import functools
from pathlib import Path

import pytest

from gmbench import registry
from gmbench.processes import child
from gmbench.timing import session

table = registry.load_file(Path(__file__).parents[1] / "cheats" / "table.py")
FOUND = table.cheats()
BY_KEY = {cheat.key: cheat for _, cheat in FOUND}
pytestmark = pytest.mark.xdist_group("cheats")  # what takes long is made once


@pytest.fixture(scope="module")
def judge(tmp_path_factory, warm):
    """A function that gives what the gate says of a key and its timed rows; what takes long is done once for all."""
    folder = tmp_path_factory.mktemp("cheats")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMBENCH_CORPUS", str(folder / "corpus"))
        patch.setenv("GMBENCH_LOCK", str(folder / "lock"))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.delenv("GMBENCH_IMPLEMENTATIONS", raising=False)
        patch.setattr(child, "start", warm.start)

        @functools.cache
        def common():
            return table.quick_implementations(FOUND), table.quick_statuses(FOUND)

        @functools.cache
        def rows(number):
            implementations, statuses = common()
            passed = [each for each in groups[number] if statuses[each[1].key].status == "passed"]
            return table.timed(passed, implementations, statuses)

        groups = table.groups([each for each in FOUND if each[1].by == "timing"])
        place = {cheat.key: number for number, group in enumerate(groups) for _, cheat in group}

        def judge(key):
            status = common()[1][key]
            timed = key not in BY_KEY or (BY_KEY[key].by == "timing" and status.status == "passed")
            return status, rows(place.get(key, 0)).get(key, []) if timed else []

        yield judge


def marked(cheat):
    marks = []
    if cheat.device != "cpu":
        marks.append(pytest.mark.skip(reason="the cheat takes a GPU, which is timed by hand"))
    if cheat.through:
        marks.append(pytest.mark.xfail(strict=cheat.always, reason=cheat.through))
    return pytest.param(cheat, id=cheat.key, marks=marks)


@pytest.mark.parametrize("cheat", [marked(cheat) for _, cheat in FOUND])
def test_caught(cheat, judge):
    status, rows = judge(cheat.key)
    if cheat.by == "timing":
        assert status.status == "passed", f"it is no cheat that a check catches: {status.message}"
    by, message = table.judged(cheat, status, rows)
    assert table.expected(cheat, by, message), f"{cheat.what}: {by or 'not caught'}, {message}"
    for row in rows:
        if row["status"] != "unsupported" and row["pass"] not in cheat.passes:
            assert row["status"] == "passed", row["message"]


def test_what_is_right_passes(judge):
    status, rows = judge("gm/eager")
    assert status.status == "passed", status.message
    assert [(row["pass"], row["status"]) for row in rows] == [("forward", "passed"), ("forward+backward", "passed")]


def test_the_gate_withholds_the_time(judge):
    statuses = {"gm/eager": judge("gm/zeros")[0]}
    (row,) = session.measure(["gm/eager"], table.SIZE, passes=["forward"], statuses=statuses).rows
    assert row.status == "failed" and row.samples is None and row.message.startswith("value: ")


def test_no_two_have_the_same_name():
    assert len(BY_KEY) == len(FOUND) >= 60
