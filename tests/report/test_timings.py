"""The page of timings: both allocators, the floor, rivals, goals, cheats and GPUs."""

import math
import re
from dataclasses import replace

import pytest

from gmbench import registry
from gmbench.contract import Goal
from gmbench.report.figures import timings as figures
from gmbench.report.pages import goals, timings
from gmbench.report.site import write
from gmbench.results import read as results
from gmbench.results.frames import NONE
from gmbench.store.files import write_json

NASTY = "<script>alert(1)</script> | `tick` $x$ _a_ [b](c)"
GOAL = ("784-100", 1024, "forward+backward")


def made(gpu=None, when="2026-01-02T03:04:05Z", cpu="Adding Machine"):
    return {
        "schema": 1,
        "machine": {"cpu": cpu, "cores": 2, "memory": 4.0, "os": "Linux", "gpu": gpu},
        "versions": {"python": "3.11", "torch": "2.9.0", "numpy": "2.0", "gmbench": "0.1.0"},
        "commit": {"hash": "0123456789abcdef", "dirty": False},
        "when": when,
    }


def row(name, allocator="default", ratios=None, size="784-100", batch=64, direction="forward", **more):
    """A row of the schema; ``ratios`` maps another to its ratio, or to the ratio and its interval."""
    base = {
        **{"implementation": f"gm/{name}", "layer_type": "gm", "K": 10, "d": 784, "C": 100, "batch": batch},
        **{"size": size, "dtype": "float32", "device": "cpu", "allocator": allocator, "source": "built in"},
        **{"pass": direction, "status": "passed", "message": ""},
    }
    if more.get("status", "passed") != "passed":
        return base | more
    ratios = {"floor": 2.0, "linear": 8.0, "linear-matched": 4.0} | (ratios or {})
    ratios = {n: r if isinstance(r, list) else [r, 0.9 * r, 1.1 * r] for n, r in ratios.items()}
    ratio = ratios["floor"][0]
    base |= {"samples": [[0.002] * 30, [0.002] * 30], "ratios": ratios, "ratio": ratio, "floor": 0.001}
    base |= {"median": 0.001 * ratio, "low": 0.0009 * ratio, "high": 0.0012 * ratio, "linear": 0.00025}
    base |= {"ulps": 0.5, "claim": 40.0, "verified": 4, "peak_bytes": 2e6, "dropped": 5, "disturbed": False}
    return base | {"threads": 2, "load": [1.5, 2.5], "runs": 2, "group": "a"} | more


def pair():
    """Two implementations under both allocators, beside one that fails and one that cannot."""
    unable = {"status": "unsupported", "message": "no derivatives"}
    return [
        row("quick", ratios={"floor": 1.25, "gm/eager": [0.5, 0.48, 0.52]}),
        row("quick", "retained", {"floor": 1.1, "gm/eager": [0.9, 0.8, 1.01]}),
        row("eager", ratios={"floor": 2.5, "gm/quick": 2.0}),
        row("eager", "retained", {"floor": 1.2, "gm/quick": 1.1}, disturbed=True, dropped=20),
        row("broken", status="failed", message=NASTY),
        row("broken", "retained", status="failed", message=NASTY),
        row("forward-only", ratios={"gm/quick": 3.0}),
        *(row("forward-only", a, direction="forward+backward", **unable) for a in ("default", "retained")),
    ]


def store(folder, rows, name="one", **by):
    write_json(folder / "timings" / f"{name}.json", {"kind": "timings", **made(**by), "rows": rows})


def cheats(folder, rows, **more):
    write_json(folder / "cheats.json", {"kind": "cheats", **made(), "rows": rows, **more})


def page(folder, name="timings"):
    return (write(folder, folder / "out").parent / f"{name}.md").read_text()


def cells(markdown, heading, *first):
    """The row of the table under a heading that begins with these cells, by the names of the columns."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in markdown.partition(heading)[2].splitlines() if "|" in line]
    lines = [[cell.strip() for cell in line] for line in lines]
    found = next(line for line in lines if tuple(line[: len(first)]) == first)
    return dict(zip(lines[0], found, strict=True))


def outcome(measured, at_most=1.2, **more):
    """The verdict on a goal with this ratio and interval."""
    goal = Goal("quick", *GOAL, at_most, "floor")
    found = row("quick", "default", {"floor": measured}, *GOAL, **more) | {"run": ""}
    return goals._judged("gm", goal, found)


@pytest.fixture
def goal(monkeypatch):
    """The layer types, with these goals of gm and no others."""

    def declare(*wanted):
        kinds = {name: replace(kind, goals=()) for name, kind in registry.layer_types().items()}
        kinds["gm"] = replace(kinds["gm"], goals=wanted)
        monkeypatch.setattr(registry, "layer_types", lambda: kinds)

    return declare


def without_timings(folder):
    (folder / "timings").mkdir()
    return page(folder)


def test_both_allocators_stand_side_by_side(tmp_path):
    store(tmp_path, pair())
    text = page(tmp_path)
    table = text.partition("**784-100, batch 64, forward**")[2]
    order = [tuple(c.strip() for c in line.split("|")[1:3]) for line in table.splitlines() if line.startswith("| gm/")]
    assert order == [(f"gm/{n}", a) for n in ("quick", "eager") for a in ("default", "retained")] + [
        *(("gm/forward-only", "default"), ("gm/broken", "default"), ("gm/broken", "retained"))
    ], "the fastest first, and what has no time last"
    assert cells(table, "Yardsticks", "gm/quick", "default") == {
        **{"implementation": "gm/quick", "allocator": "default", "median": "1.25 ms (1.12 to 1.50)"},
        **{"x floor": "1.25 (1.12 to 1.38)", "x fastest rival": "**0.500 (0.480 to 0.520) of eager**"},
        **{"peak MB": "2.00", "ulps seen": "0.50 of 40"},
    }
    assert cells(table, "Yardsticks", "gm/broken", "default")["median"] == "**failed**"


def test_the_lead_is_bold_only_where_it_is_clear(tmp_path):
    store(tmp_path, pair())
    text = page(tmp_path)
    rival = {
        key: cells(text, "batch 64, forward**", *key)["x fastest rival"]
        for key in (("gm/quick", "retained"), ("gm/eager", "default"), ("gm/forward-only", "default"))
    }
    assert rival["gm/quick", "retained"] == "0.900 (0.800 to 1.01) of eager"
    assert rival["gm/eager", "default"] == "2.00 (1.80 to 2.20) of quick"
    assert rival["gm/forward-only", "default"] == "3.00 (2.70 to 3.30) of quick"


def test_only_a_rival_that_has_a_time_counts(tmp_path):
    """A ratio to one that was failed since, or that is not there, is no lead."""
    store(tmp_path, [row("eager", ratios={"gm/broken": 9.0}), row("broken", status="failed", message="wrong")])
    assert cells(page(tmp_path), "forward**", "gm/eager")["x fastest rival"] == NONE


def test_dense_layers_are_told_as_context(tmp_path):
    store(tmp_path, pair())
    line = next(line for line in page(tmp_path).splitlines() if line.startswith("Yardsticks"))
    assert line.startswith("Yardsticks, default / retained: floor 1.00 ms / 1.00 ms; nn.Linear 250 µs / 250 µs; ")
    assert re.search(r"nn.Linear \(matched\) \d+ µs / \d+ µs\.$", line)


def test_what_was_disturbed_is_said(tmp_path):
    store(tmp_path, pair())
    text = page(tmp_path)
    assert cells(text, "batch 64, forward**", "gm/eager", "retained")["median"].endswith("\\*")
    assert "interrupted in nearly every call" in text
    assert "40 of 340 calls were dropped" in text
    assert "most of gm/eager, 784-100, batch 64, forward, retained: 20 of 80." in text
    assert "Each row is from 2 runs. Load average of the machine beside the timings: 1.50 to 2.50." in text


def test_what_has_no_time_is_listed_with_its_reason(tmp_path):
    store(tmp_path, pair())
    text = page(tmp_path)
    assert re.search(r"- gm/broken: \*\*failed\*\*: .*script", text)
    where = "(784-100, batch 64, forward+backward, default and retained)"
    assert f"- gm/forward-only {where}: **unsupported**: no derivatives" in text


def test_a_stack_is_a_size_of_its_own_behind_the_layers(tmp_path):
    store(tmp_path, [row("eager", size="784-100-10", direction="training step"), row("eager", size="100-10")])
    text = page(tmp_path)
    assert text.index("**100-10, batch 64, forward**") < text.index("**784-100-10, batch 64, training step**")


def test_batches_are_in_order(tmp_path):
    store(tmp_path, [row("eager", batch=1024), row("eager", batch=64)])
    text = page(tmp_path)
    assert text.index("batch 64, forward**") < text.index("batch 1024, forward**")


def test_names_from_outside_are_shown_and_never_obeyed(tmp_path):
    store(tmp_path, [row(NASTY, ratios={"gm/eager": 2.0}), row("eager", ratios={f"gm/{NASTY}": 0.5})])
    cheats(tmp_path, [{"cheat": NASTY, "what": NASTY, "caught_by": NASTY, "message": NASTY}], undefended=[NASTY])
    write(tmp_path, tmp_path / "out")
    for name in ("timings", "index"):
        assert "<script" not in (tmp_path / "out" / "html" / f"{name}.html").read_text()
    shown = (tmp_path / "out" / "html" / "timings.html").read_text()
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt; | `tick` $x$ _a_ [b](c)") >= 6


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        *(([1.1, 1.0, 1.19], "reached"), ([1.1, 1.0, 1.2], "reached"), ([1.1, 1.0, 1.3], "reached, narrowly")),
        ([1.3, 1.25, 1.4], "not reached"),
        ([1.3, 1.2, 1.4], "not reached, narrowly"),
        ([1.1, None, None], "reached, narrowly"),
    ],
)
def test_the_median_decides_a_goal(interval, verdict):
    assert outcome(interval)[1] == verdict


def test_what_failed_measures_no_goal():
    assert outcome(1.0, status="failed", message="wrong") == ("no time: failed", "not measured")


def test_goals_are_judged_under_each_allocator(tmp_path, goal):
    goal(
        Goal("quick", *GOAL, 1.2, "floor"),
        Goal("quick", *GOAL, 3e6),
        Goal("quick", *GOAL, 0.5, "eager", "retained"),
        Goal("quick", "784-100-10", 64, "training step", 1.75, "floor"),
        Goal("quick", *GOAL, 1.2, "floor", dtype="bfloat16"),
    )
    seen = {"floor": [1.1, 1.05, 1.15], "gm/eager": [0.4, 0.25, 0.5]}
    peak = {"peak_bytes": 2e6 + 4 * (1024 * 100 + 1024 * 784 + 2 * 10 * 784 + 10 * 100 * 784 + 10 * 100)}
    store(tmp_path, [row("quick", allocator, seen, *GOAL, **peak) for allocator in ("default", "retained")])
    text = page(tmp_path)
    start = "quick, 784-100 x 1024, forward+backward"
    floor = cells(text, "## Goals", "gm", f"{start}: at most 1.2 x the floor", "default")
    assert (floor["verdict"], floor["measured"], floor["runs"]) == ("reached", "1.10 (1.05 to 1.15)", "2")
    memory = cells(text, "## Goals", "gm", f"{start}: at most 3 MB of temporaries", "retained")
    assert memory["measured"] == "2.00 MB, 8.82 MB with what it returns"
    faster = cells(text, "## Goals", "gm", f"{start}: at least 2 times faster than eager", "retained")
    assert (faster["measured"], faster["verdict"]) == ("2.50 (2.00 to 4.00) times", "reached")
    with pytest.raises(StopIteration):
        cells(text, "## Goals", "gm", f"{start}: at least 2 times faster than eager", "default")
    stack = "quick, 784-100-10 x 64, training step: at most 1.75 x the floor"
    assert cells(text, "## Goals", "gm", stack, "default")["verdict"] == "not measured"
    assert cells(text, "## Goals", "gm", f"{start}, bfloat16: at most 1.2 x the floor", "default")["measured"] == NONE
    assert "5 goals, judged under each allocator: 5 reached, 4 not measured." in text
    assert "`gmbench time --goals --runs 5 --store STORE`" in text
    assert "two cores with AVX-512; on other machines they are only reported" in text
    assert "Goals of gm: 5 reached, 4 not measured." in page(tmp_path, "README")


def test_every_declared_goal_is_there_without_any_timing(tmp_path):
    text = without_timings(tmp_path)
    declared = [goal for kind in registry.layer_types().values() for goal in kind.goals]
    assert declared and all(goals.goals.text(goal) in text for goal in declared)
    assert "No timings are in this store" in text and "`gmbench time --goals --runs 5 --store STORE`" in text


def test_where_there_is_no_gpu_the_command_is_said(tmp_path):
    store(tmp_path, [row("eager"), row("eager", None, device="cuda", status="unsupported", message="no CUDA device")])
    text = page(tmp_path)
    for kind in registry.layer_types():
        command = f"`gmbench time {kind} --device cuda --store STORE`"
        assert f"- {kind}: no GPU timings in this store; this makes them: {command}" in text


def test_a_gpu_has_a_section_of_its_own_and_is_named(tmp_path):
    store(tmp_path, [row("eager")])
    store(tmp_path, [row("eager", None, device="cuda")], "two", gpu="Abacus 9000", cpu="Other Machine")
    text = page(tmp_path)
    assert "## gm, float32, cpu, run A" in text and "## gm, float32, cuda, run B" in text
    assert "allocator" not in cells(text, "cuda, run B", "gm/eager")
    assert "Other Machine, 2 cores, Abacus 9000" in text and "- gm: no GPU timings" not in text


def test_a_newer_row_takes_the_place_of_an_older_one(tmp_path):
    store(tmp_path, [row("eager", ratios={"floor": 9.0})], "a", when="2026-01-01T00:00:00Z")
    store(tmp_path, [row("eager", ratios={"floor": 3.0})], "b", when="2026-01-02T00:00:00Z")
    text = page(tmp_path)
    assert "9.00" not in text and cells(text, "forward**", "gm/eager")["x floor"] == "3.00 (2.70 to 3.30)"


def test_odd_rows_do_not_crash(tmp_path, caplog):
    rows = [
        row("inf", ratios={"floor": math.inf, "gm/nan": math.nan}),
        row("nan", ratios={"floor": [math.nan] * 3}, ulps=math.nan, peak_bytes=None),
        row("bare", batch=1024) | {"ratios": None, "ratio": None, "floor": None, "linear": None, "median": None},
        row("none", batch=256) | {"samples": None, "load": None, "runs": None},
    ]
    store(tmp_path, rows)
    store(tmp_path, [row("list") | {"ratios": [1, 2]}], "other")
    text = page(tmp_path)
    assert cells(text, "batch 64, forward**", "gm/inf")["x floor"] == "inf (inf to inf)"
    assert cells(text, "batch 1024, forward**", "gm/bare")["x floor"] == NONE
    assert "gm/list" not in text and "other.json: not a whole file of kind 'timings'" in caplog.text
    assert page(tmp_path, "README")


def test_cheats_are_shown_with_what_catches_them(tmp_path):
    cheats(
        tmp_path,
        [
            {"cheat": "clock", "what": "moves the clock", "caught_by": "timing: clock", "message": "disagrees"},
            {"cheat": "memo", "what": "keeps results", "caught_by": "gate: check value", "message": ""},
            {"cheat": "subtle", "what": "is subtle", "caught_by": None, "message": ""},
        ],
        undefended=["A changed | interpreter."],
    )
    text = page(tmp_path)
    assert cells(text, "## Cheats", "clock") == {
        **{"cheat": "clock", "what it does": "moves the clock", "caught by": "timing: clock"},
        "what that says": "disagrees",
    }
    assert cells(text, "## Cheats", "memo")["caught by"] == "gate: check value"
    assert cells(text, "## Cheats", "subtle")["caught by"] == "**not caught**"
    assert "### Not defended against\n\n- A changed \\| interpreter." in text
    assert "Run with commit 0123456789, 2026-01-02 03:04 UTC." in text
    assert "Of 3 deliberate cheats 2 are caught." in page(tmp_path, "README")


def test_without_a_table_of_cheats_the_command_is_said(tmp_path, caplog):
    assert "`python tests/cheats/table.py --store STORE`" in without_timings(tmp_path)
    (tmp_path / "cheats.json").write_text('{"schema": 1, "kind": "else"}')
    assert "`python tests/cheats/table.py --store STORE`" in page(tmp_path)
    assert "cheats.json" in caplog.text


def test_the_front_page_says_how_the_fastest_stands(tmp_path):
    store(tmp_path, pair())
    line = next(line for line in page(tmp_path, "README").splitlines() if line.startswith("- gm, float32, cpu"))
    assert line == (
        "- gm, float32, cpu: nearest to the floor is gm/quick in 2 of 2 comparisons, between 1.10 x "
        "(784-100, batch 64, forward, retained) and 1.25 x (784-100, batch 64, forward, default)."
    )
    store(tmp_path, [row("broken", status="failed", message="x")])
    assert "gm, float32, cpu: no time; see the page for the reasons." in page(tmp_path, "README")


def test_the_figure_has_a_panel_a_pass_and_both_allocators(tmp_path):
    store(tmp_path, [*pair(), row("eager", size="784-100-10", direction="training step")])
    found = timings.page(results.read(tmp_path))
    (figure,) = found.figures.values()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title("left") for axes in panels] == [
        "784-100, batch 64, forward",
        "784-100-10, batch 64, training step",
    ]
    drawn = {text.get_text() for text in panels[0].texts}
    assert {"1.25", "1.10", "2.50", "1.20"} <= drawn
    labels = [label.get_text() for label in panels[0].get_yticklabels()]
    assert labels == ["gm/quick", "gm/eager", "gm/forward-only", "nn.Linear", "nn.Linear (matched)"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["allocator: default", "allocator: retained"]
    assert panels[0].get_xlim()[0] < 1 < panels[0].get_xlim()[1], "the floor is in the picture"


def test_without_times_there_is_no_figure():
    assert figures.distances({}) is None and figures.distances({"784-100": {"forward": []}}) is None
