"""The page of faults: what was injected and what was lost, and nothing where there is no table."""

import pytest

from gmbench.report.pages import faults
from gmbench.report.site import write
from gmbench.results import read as results
from gmbench.store.files import write_json

NASTY = "<script>alert(1)</script> | `tick` $x$ _a_ [b](c)"
MADE = {"commit": {"hash": "0123456789abcdef"}, "when": "2026-01-02T03:04:05Z"}


def row(**more):
    return {"what": "A cell is killed", "trials": 8, "injected": 40, "lost": 0, "half": 0, "problems": []} | more


def page(folder, rows, name="faults", **more):
    write_json(folder / "faults.json", {"schema": 1, "kind": "faults", **MADE, "rows": rows, **more})
    write(folder, folder / "out")
    return (folder / "out" / f"{name}.md").read_text()


def test_faults_are_shown_with_what_they_cost(tmp_path):
    shown = page(tmp_path, [row(), row(what="The disk is full", injected=1, trials=1)])
    assert "| A cell is killed | 8 | 40 | 0 | 0 | 0 |" in shown and "## What was not" not in shown
    said = "By 41 faults of 2 kinds 0 finished cells were lost, and 0 half-written results read."
    assert said in shown and "Run with commit 0123456" in shown
    assert said in (tmp_path / "out" / "README.md").read_text()


def test_rows_of_another_commit_say_so(tmp_path):
    rows = [row(commit={"hash": "fedcba9876543210", "dirty": True}), row(commit=MADE["commit"]), row(commit=None)]
    assert "Run with commit 0123456" in page(tmp_path, rows) and page(tmp_path, rows).count("some rows with") == 1
    assert "some rows with commit fedcba9" in page(tmp_path, rows)


def test_what_went_wrong_stands_out(tmp_path):
    rows = [row(lost=1, problems=["a run did not end", NASTY]), row(half=2)]
    shown = page(tmp_path, rows, not_tried={"nodes_lost": "ray"})
    assert "| A cell is killed | 8 | 40 | **1** | 0 | **2** |" in shown and "| **2** | 0 |" in shown
    assert "1 finished cell was lost, and 2 half-written results read; 2 things went wrong otherwise." in shown
    assert "- A cell is killed: a run did not end" in shown and "nodes_lost: it takes ray" in shown
    assert "<script>" not in shown


@pytest.mark.parametrize("rows", ["odd", [], [3], [{}], [row(injected="many", problems="odd")]])
def test_odd_tables_break_nothing(tmp_path, rows, caplog):
    assert "# Faults" in page(tmp_path, rows) and len(caplog.records) == bool(rows)


def test_without_a_table_the_command_is_said(tmp_path, caplog):
    (tmp_path / "faults.json").write_text('{"schema": 2, "kind": "faults"}')
    (found,) = faults.page(results.read(tmp_path)).parts
    assert f"`{faults.COMMAND}`" in found and "faults.json" in caplog.text
    write(tmp_path, tmp_path / "out")
    assert faults.COMMAND in (tmp_path / "out" / "README.md").read_text()
