"""Every cheat is caught, by what is to catch it, and what is right passes the same way."""

import functools
from pathlib import Path

import pytest

from gmbench import registry
from gmbench.processes import child
from gmbench.timing import session as run

table = registry.load_file(Path(__file__).parents[1] / "cheats" / "table.py")
FOUND = table.cheats()
BY_KEY = {cheat.key: cheat for _, cheat in FOUND}
pytestmark = pytest.mark.xdist_group("cheats")  # what takes long is made once


@pytest.fixture(scope="module")
def judge(tmp_path_factory, warm):
    """A function that gives the gate's verdict and the timed rows of a key; what takes long is done once for all."""
    folder = tmp_path_factory.mktemp("cheats")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMBENCH_CORPUS", str(folder / "corpus"))
        patch.setenv("GMBENCH_LOCK", str(folder / "lock"))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.delenv("GMBENCH_IMPLEMENTATIONS", raising=False)
        patch.setattr(child, "start", warm.start)

        @functools.cache
        def common():
            return table.quick_subjects(FOUND), table.quick_verdicts(FOUND)

        @functools.cache
        def rows(number):
            subjects, verdicts = common()
            passed = [each for each in groups[number] if verdicts[each[1].key].status == "passed"]
            return table.timed(passed, subjects, verdicts)

        groups = table.groups([each for each in FOUND if each[1].by == "timing"])
        place = {cheat.key: number for number, group in enumerate(groups) for _, cheat in group}

        def judge(key):
            verdict = common()[1][key]
            timed = key not in BY_KEY or (BY_KEY[key].by == "timing" and verdict.status == "passed")
            return verdict, rows(place.get(key, 0)).get(key, []) if timed else []

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
    verdict, rows = judge(cheat.key)
    if cheat.by == "timing":
        assert verdict.status == "passed", f"it is no cheat that a check catches: {verdict.message}"
    by, message = table.judged(cheat, verdict, rows)
    assert table.expected(cheat, by, message), f"{cheat.what}: {by or 'not caught'}, {message}"
    for row in rows:
        if row["status"] != "unsupported" and row["pass"] not in cheat.passes:
            assert row["status"] == "passed", row["message"]


def test_what_is_right_passes(judge):
    verdict, rows = judge("gm/eager")
    assert verdict.status == "passed", verdict.message
    assert [(row["pass"], row["status"]) for row in rows] == [("forward", "passed"), ("forward+backward", "passed")]


def test_the_gate_withholds_the_time(judge):
    subject = table.quick_subjects([])["gm/eager"]
    (row,) = run.measure([subject], table.SIZE, passes=["forward"], verdicts={subject.key: judge("gm/zeros")[0]})
    assert row["status"] == "failed" and "median" not in row and row["message"].startswith("value: ")


def test_no_two_have_the_same_name():
    assert len(BY_KEY) == len(FOUND) >= 60
