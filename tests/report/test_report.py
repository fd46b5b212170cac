"""Reports: made from a store by hand, complete, linked, the same each time, and honest about what is absent."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

import gmbench
from gmbench.claims.intervals import of_mean
from gmbench.cli import base as cli
from gmbench.contract import ContractError
from gmbench.experiments import experiment
from gmbench.report.site import write
from gmbench.report.text import markdown as tables
from gmbench.results import frames
from gmbench.results.leaderboard import behind
from gmbench.store.files import read_json, write_json

KUMAR = experiment("kumar")
NASTY = "<script>alert(1)</script> | `tick` $x$ _a_ [b](c)"
QUANTITIES = ("value", "gradient-x", "gradient-mu")
pytestmark = pytest.mark.xdist_group("report")  # what takes long is made once


def made(cpu="Adding Machine", when="2026-01-02T03:04:05Z", dirty=False):
    return {
        "schema": 1,
        "machine": {"cpu": cpu, "cores": 2, "memory": 4.0, "os": "Linux", "gpu": None},
        "versions": {"python": "3.11", "torch": "2.9.0", "numpy": "2.0", "gmbench": "0.1.0"},
        "commit": {"hash": "0123456789abcdef", "dirty": dirty},
        "when": when,
    }


def record(name, check, dtype="float32", **more):
    seen = {"bulk": {"cases": 3, "worst": 2.0, "median": 1.0}, "tail": {"cases": 1, "worst": 0.5, "median": 0.5}}
    case = {"layer_type": "gm", "sizes": {"K": 1}, "batch": 1, "regime": "bulk", "seed": 7}
    measured = check in QUANTITIES
    return {
        "implementation": name,
        "check": check,
        "dtype": dtype,
        "device": "cpu",
        "status": "passed",
        "message": "",
        "ulps": 2.0 if measured else None,
        "claim": 40.0,
        "cases": 4 if measured else 0,
        "inconclusive": 0,
        "regimes": seen if measured else {},
        "worst": case if measured else None,
        "counterexample": None,
        "seconds": 0.5,
        **more,
    }


def checks(store, name, change=lambda r: r, dtypes=("float32", "float64"), profile="ci", leave=(), file=None, **by):
    records = [
        change(record(name, check, dtype))
        for dtype in dtypes
        for check in (*QUANTITIES, "shapes")
        if check not in leave
    ]
    content = {"kind": "checks", "implementation": {"key": name, "layer_type": "gm"}, "profile": profile}
    path = store / "checks" / f"{file or name.replace('/', '-')}.json"
    write_json(path, {**content, **made(**by), "records": records})


def cell(store, arm, seed, errors, budget="quick", data="digits", epochs=None, hit=None, diverged=None, **by):
    spec = {
        **{"experiment": "kumar", "version": KUMAR.version, "data": data, "digest": "d", "budget": budget},
        **{"epochs": epochs or len(errors), "arm": arm, "seed": seed, "device": "cpu"},
        "implementation": None if arm == "fc" else {"name": "gm/eager"},
        "initialisation": None,
    }
    rows = [(90.0, None), *((error, error / 10 if diverged is None else None) for error in errors)]
    name = f"{budget}-{data}-{arm}-{seed}"
    content = {
        **{"kind": "cells", "id": name, "spec": spec, "seconds": 120.0, **made(**by)},
        "epochs": [
            {"epoch": i, "step": 100 * i, "test_error": e, "test_loss": None, "train_loss": loss, "seconds": 1.0}
            for i, (e, loss) in enumerate(rows)
        ],
        "measures": {"parameters": 1234, "steps_to_10": hit, "steps_to_5": None, "diverged": diverged},
    }
    write_json(store / "cells" / f"{name}.json", content)


def timing(name, direction="forward", size="784-100", status="passed", message="", ratio=2.0, **more):
    row = {
        **{"implementation": name, "layer_type": "gm", "batch": 64, "size": size, "dtype": "float32"},
        **{
            "device": "cpu",
            "allocator": "default",
            "source": "built in",
            "pass": direction,
            "status": status,
            "message": message,
        },
    }
    if status == "passed":
        row |= {"samples": [[0.002]], "median": 0.001 * ratio, "low": 0.0009 * ratio, "high": 0.0012 * ratio}
        row |= {
            "floor": 0.001,
            "linear": 0.0005,
            "ratio": ratio,
            "ratios": {"floor": [ratio, None, None], "linear": [2 * ratio, None, None]},
            "ulps": 0.5,
            "claim": 40.0,
            "verified": 2,
        }
        row |= {"peak_bytes": 2e6, "dropped": 0, "disturbed": True, "threads": 2, "load": [1.5, 2.5]}
    return row | more


def timings(store, rows, file="one", **by):
    write_json(store / "timings" / f"{file}.json", {"kind": "timings", **made(**by), "rows": rows})


def wrong(store):
    rows = [
        {"implementation": "gm/one", "file": "gm", "mistake": "a sum | no mean", "first": "value", "all": ["value"]},
        {"implementation": "gm/two", "file": "gm", "mistake": "views", "first": "value", "all": ["value", "shapes"]},
        {"implementation": "gm/missed", "file": "gm", "mistake": "subtle", "first": None, "all": []},
    ]
    rows[2]["run"] = {"profile": "deep", "when": "2026-01-09T10:00:00Z"}
    write_json(store / "wrong.json", {"kind": "wrong", "profile": "ci", **made(), "rows": rows})


def failing(r):
    if r["check"] == "gradient-x":
        worst = math.inf if r["dtype"] == "float32" else None
        case = {"text": '{"seed": 3}', "case": {}, "decimal": None, "exact": None, "dtype": r["dtype"]}
        return r | {"status": "failed", "message": f"not finite: {NASTY}", "ulps": worst, "counterexample": case}
    return r


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One of everything, on two machines."""
    folder = tmp_path_factory.mktemp("made") / "store"
    checks(folder, "gm/eager")
    checks(folder, "gm/better", lambda r: r | {"ulps": r["ulps"] and 1.5})
    checks(folder, "gm/broken", failing, dirty=True)
    checks(folder, "gm/stopped", lambda r: r | {"ulps": r["ulps"] and 0.1}, leave=["gradient-mu", "shapes"])
    checks(
        folder, "gm/rough", lambda r: r | {"status": "approximate", "message": "draws", "ulps": 1e300, "claim": None}
    )
    checks(folder, "gm/eager", file="elsewhere", cpu="Other Machine", when="2026-01-03T00:00:00Z")
    wrong(folder)
    timings(
        folder,
        [
            timing("gm/eager"),
            timing("gm/eager", "forward+backward", ratio=4.0),
            timing("gm/better", ratio=1.25),
            timing("gm/broken", status="failed", message=NASTY),
            timing("gm/rough", status="approximate", message="draws"),
        ],
    )
    for seed, (fc, bl, kumar) in enumerate([(5, 9, 8), (6, 8, 8.5), (5.5, 8.5, 8.2)]):
        cell(folder, "fc", seed, [9, 7, fc], hit=100)
        cell(folder, "bl", seed, [60, 20, bl])
        cell(folder, "kumar", seed, [30, 12, kumar], hit=200 if seed else None)
    cell(folder, "bl", 0, [100.0], "paper", "mnist", epochs=20, diverged=8)
    cell(folder, "bl", 1, [8.0] * 20, "paper", "mnist")
    cell(folder, "fc", 0, [4.0] * 20, "paper", "mnist")
    cell(folder, "fc", 1, [3.0] * 20, "paper", "mnist")
    return folder


@pytest.fixture(scope="module")
def output(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    assert write(store, folder) == folder / "README.md"
    return folder


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def section(page, heading):
    """The part of a page under a heading."""
    return re.split(r"\n##? ", page.partition(heading)[2])[0]


def rows(markdown, first):
    """Cells of the table rows that begin with this cell."""
    found = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in markdown.splitlines() if "|" in line]
    return [cells for cells in found if cells and cells[0] == first]


def column(markdown, heading, key, by):
    """The cell under a heading in the row whose cell under another heading is ``key``."""
    lines = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in markdown.splitlines()]
    head = next(cells for cells in lines if heading in cells and by in cells)
    after = lines[lines.index(head) + 2 :]
    return next(c for c in after if len(c) == len(head) and c[head.index(by)] == key)[head.index(heading)]


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.targets, self.ids, self.tags = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("href", "src"):
                self.targets.append(value)
            elif name == "id":
                self.ids.add(value)


def test_every_page_is_there_and_no_link_is_dead(output):
    names = {"README", "claims", "checks", "timings", "kumar", "faults"}
    assert {path.stem for path in output.glob("*.md")} == names
    assert {path.stem for path in (output / "html").glob("*.html")} == names - {"README"} | {"index"}
    reached = set()
    for path in (output / "html").glob("*.html"):
        for target in Links(path.read_text()).targets:
            assert not re.match(r"\w+:|/", target), f"{path.name}: {target} is not relative"
            if target.startswith("#"):
                assert f'id="{target[1:]}"' in path.read_text(), f"{path.name}: {target} is dead"
                continue
            assert (path.parent / target.partition("#")[0]).is_file(), f"{path.name}: {target} is dead"
            reached.add((path.parent / target).resolve())
    for path in output.glob("*.md"):
        for target in re.findall(r"(?<!\\)\]\(([^)]+)\)", path.read_text().replace("\\[", "")):
            if target.startswith("#"):  # GitHub makes the same names of headings
                twin = (output / "html" / path.name).with_suffix(".html")
                assert f'id="{target[1:]}"' in twin.read_text(), f"{path.name}: {target} is dead"
            elif target != "c":  # of the nasty text
                assert (output / target).is_file(), f"{path.name}: {target} is dead"
    written = {path.resolve() for path in output.rglob("*") if path.suffix in (".html", ".svg")}
    assert written <= reached, "a page or a figure that nothing links to"


def test_the_same_store_gives_the_same_bytes(store, output, tmp_path):
    # copied in another order, so that nothing hangs on the order or the place of the files
    copy = tmp_path / "copy"
    for path in sorted(store.rglob("*.json"), reverse=True):
        if path.name != "wrong.json":
            kind = path.parent.name
            write_json(copy / kind / f"z{len(path.name)}-{path.name}", read_json(path, kind))
    wrong(copy)
    write(copy, tmp_path / "again")
    assert files(tmp_path / "again") == files(output)


def test_pages_name_no_path(store, output):
    checkout = Path(gmbench.__file__).resolve().parent.parent
    places = [str(store.parent), f"{checkout.parent}/", f"{Path.home()}/", "/home/", "/tmp/"]
    for name, content in files(output).items():
        assert not [place for place in places if place.encode() in content], name


def test_checks_are_ranked_by_what_was_measured(output):
    page = (output / "checks.md").read_text()
    ranked = section(page, "## How right")
    first = ranked.partition("**float64")[0]
    places = {
        name: column(first, "place", f"gm/{name}", "implementation") for name in ("better (run A)", "eager (run B)")
    }
    assert places == {"better (run A)": "1", "eager (run B)": "2"}
    assert column(first, "claimed", "gm/better (run A)", "implementation") == "40"


def test_no_place_for_what_failed_stopped_or_is_approximate(output):
    page = (output / "checks.md").read_text()
    ranked = section(page, "## How right")
    for name in ("gm/broken (run A)", "gm/stopped (run A)"):
        assert column(ranked, "place", name, "implementation") == frames.NONE
    assert "**failed** inf" in ranked
    assert "gradient-x failed: not finite" in ranked
    assert "no record of gradient-mu, shapes" in ranked
    exact, approximate = ranked.split("**Approximate by declaration**")
    assert "gm/rough" not in exact and "1.00e+300" in approximate
    broken = section(page, "What did not pass, and why")
    assert rows(broken, "**failed**") and '`{"seed": 3}`' in broken


def test_wrong_implementations_are_counted_by_check(output):
    page = section((output / "checks.md").read_text(), "## What the checks catch")
    assert rows(page, "value") == [["value", "2", "1", "gm/one"]]
    assert rows(page, "shapes") == [["shapes", "1", "0", frames.NONE]]
    assert column(page, "first caught by", "gm/missed", "implementation") == "**not caught**"
    assert "of which **2 are caught**" in page
    assert "; and with profile deep, 2026-01-09 10:00 UTC." in page


def test_machines_and_commits_are_told_apart(output):
    page = (output / "checks.md").read_text()
    assert "gm/eager (run A)" in page and "gm/eager (run B)" in page
    assert rows(page, "A")[0][1] == "Adding Machine, 2 cores" and rows(page, "B")[0][1] == "Other Machine, 2 cores"
    assert "`0123456789`, `0123456789-dirty`" in page and "`-dirty`: the code differed" in page


def test_of_two_runs_on_one_machine_the_latest_counts(tmp_path):
    timings(tmp_path, [timing("gm/eager", ratio=9.0)], "a", when="2026-01-02T00:00:00Z")
    timings(tmp_path, [timing("gm/eager", ratio=3.0)], "b", when="2026-01-01T00:00:00Z")
    page = write(tmp_path).parent.joinpath("timings.md").read_text()
    assert column(page, "x floor", "gm/eager", "implementation") == "9.00" and "3.00" not in page


def test_arms_of_three_seeds_have_no_tier(output):
    page = section((output / "kumar.md").read_text(), "## digits, budget quick")
    assert {column(page, "tier", arm, "arm") for arm in ("fc", "kumar", "bl")} == {frames.NONE}
    assert "Fewer than six seeds, so no tier: all arms." in page
    assert column(page, "best error, %", "fc", "arm") == "5.50"
    assert column(page, "steps to 10 %", "fc", "arm") == "100 (3 of 3)"
    assert column(page, "steps to 10 %", "kumar", "arm") == "200 (2 of 3)"
    assert column(page, "steps to 10 %", "bl", "arm") == "never (0 of 3)"
    assert column(page, "minutes a cell", "bl", "arm") == "2.0"


def test_unfinished_cells_are_said(output):
    page = section((output / "kumar.md").read_text(), "## mnist, budget paper")
    assert column(page, "seeds", "fc", "arm") == "2 of 6"
    assert column(page, "95 % interval", "fc", "arm") == frames.NONE
    assert column(page, "tier", "fc", "arm") == frames.NONE
    assert "kumar was not run" in page and "`gmbench run kumar --data mnist --budget paper --store STORE`" in page
    assert "Fewer than three seeds" in page


def test_a_seed_that_diverged_stays_in(output):
    page = section((output / "kumar.md").read_text(), "## mnist, budget paper")
    assert column(page, "diverged", "bl", "arm") == "1 of 2"
    assert column(page, "best error, %", "bl", "arm") == "54.00"
    assert column(page, "best if not diverged, %", "bl", "arm") == "8.00 (1 seed)"
    assert column(page, "best if not diverged, %", "fc", "arm") == "3.50"
    assert column(page, "at step", "bl", "arm") == "8"
    assert column(page, "mean of last 5, %", "bl", "arm") == "54.00"


def test_decisions_come_from_the_experiment(output):
    page = section((output / "kumar.md").read_text(), "## Declared decisions")
    assert len(re.findall(r"^\| ", page, re.M)) == len(KUMAR.decisions) + 2


def test_html_shows_markup_and_never_obeys_it(output):
    for path in (output / "html").glob("*.html"):
        text = path.read_text()
        assert "<script" not in text and "onerror" not in text
    checks_page = (output / "html" / "checks.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; | `tick` $x$ _a_ [b](c)" in checks_page


@pytest.mark.parametrize("present", ["nothing", "checks", "timings", "cells"])
def test_what_is_absent_is_said_with_the_command_that_makes_it(tmp_path, present):
    {
        "nothing": lambda: None,
        "checks": lambda: checks(tmp_path, "gm/eager"),
        "timings": lambda: timings(tmp_path, [timing("gm/eager")]),
        "cells": lambda: cell(tmp_path, "fc", 0, [5.0], "smoke"),
    }[present]()
    index = write(tmp_path, tmp_path / "out").read_text()
    commands = {"checks": "gmbench verify", "timings": "gmbench time", "cells": "gmbench run"}
    for kind, command in commands.items():
        said = f"This makes {'cells' if kind == 'cells' else 'them'}: `{command}"
        assert (said in index) == (kind != present)
        if kind != "cells" and kind != present:
            assert said in (tmp_path / "out" / f"{kind}.md").read_text()
    assert (tmp_path / "out" / "kumar.md").exists() == (present == "cells")


def test_numbers_that_are_not_finite_do_not_crash(tmp_path):
    def infinite(r):
        return r | {
            "ulps": math.inf,
            "regimes": {"bulk": {"cases": 1, "worst": math.inf, "median": math.nan}},
            "status": "failed" if r["check"] in QUANTITIES else "passed",
        }

    checks(tmp_path, "gm/odd$name|_", infinite)
    timings(tmp_path, [timing("gm/odd", ratio=math.inf, peak_bytes=None), timing("gm/none", ulps=math.nan)])
    cell(tmp_path, "bl", 0, [100.0, 100.0], diverged=1)
    page = write(tmp_path, tmp_path / "out").parent
    assert "No finite training loss: bl" in (page / "kumar.md").read_text()
    assert "**failed** inf" in (page / "checks.md").read_text()


def test_a_damaged_file_costs_only_itself(tmp_path, caplog):
    checks(tmp_path, "gm/eager")
    (tmp_path / "checks" / "cut.json").write_text('{"schema": 1, "ki')
    (tmp_path / "wrong.json").write_text(json.dumps({"schema": 1, "kind": "else"}))
    assert "gm/eager" in write(tmp_path).read_text()
    assert "cut.json" in caplog.text and "wrong.json" in caplog.text
    caplog.clear()
    (tmp_path / "checks" / "cut.json").unlink()
    wrong(tmp_path)
    write(tmp_path)
    assert not caplog.text, "the table of wrong implementations is read, not ignored"


def test_the_command_prints_the_index(tmp_path):
    store = tmp_path / "store"
    timings(store, [timing("gm/rough", status="approximate", message="draws")])
    run = CliRunner().invoke(cli.main, ["report", "--store", str(store), "--output", str(tmp_path / "out")])
    assert run.exit_code == 0 and run.output.strip() == str(tmp_path / "out" / "README.md")
    run = CliRunner().invoke(cli.main, ["report", "--store", str(tmp_path / "none")])
    assert run.exit_code == 2 and "there is no store" in run.output and not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(ContractError, match="cannot be written"):
        write(store, tmp_path / "file" / "out")


def test_intervals_by_hand():
    # Student's t with two degrees of freedom: 4.302653 * 1 / sqrt(3)
    low, high = of_mean([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-5)
    assert of_mean([1.0, 2.0, 3.0], low=0)[0] == 0
    assert of_mean([1.0, 2.0]) is None
    same = behind({0: 3, 1: 4, 2: 5}, {0: 1, 1: 2, 2: 3, 9: 0})
    assert (same.gap, same.interval, same.p) == (2, (2, 2), 0.25), "of three pairs a quarter of all changes of sign"
    assert behind({0: 3, 1: 4}, {0: 1, 1: 2}).interval is None and behind({0: 1}, {1: 1}) is None
    low, high = behind({0: 1, 1: 2, 2: 3}, {0: 2, 1: 2, 2: 2}).interval
    assert low < 0 < high


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((None, frames.NONE), (math.nan, frames.NONE), (math.inf, "inf"), (-math.inf, "-inf"), (0, "0")),
        *((0.05291, "0.0529"), (1.129, "1.13"), (12345.6, "12,346"), (3.2e37, "3.20e+37"), (1e-9, "1.00e-09")),
    ],
)
def test_numbers_are_short(value, shown):
    assert tables.number(value) == shown
