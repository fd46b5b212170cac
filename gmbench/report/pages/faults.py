"""The page of faults: what was done to runs, and what they lost by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gmbench.report.text.markdown import bullets, count, counted, table, text
from gmbench.report.text.origin import stamp
from gmbench.report.text.page import Page
from gmbench.results.read import Results

COMMAND = "python tests/faults/table.py --store STORE"
Rows = list[dict[str, Any]]


def page(results: Results) -> Page:
    """The page, also where there is nothing to show."""
    found, file = Page("faults", "Faults"), results.faults
    rows = _rows(file)
    if file is None or not rows:
        found.add(f"No table of faults is in this store. This makes it, in a checkout: `{COMMAND}`")
        return found
    found.add(
        "What was done to runs of a small experiment, each fault at a random moment, and what came of it. The cells "
        "are real processes, started by the command that a user gives. After the faults the same command is given "
        "again: then every cell has to be there, right to the last digit, and those that were finished before a fault "
        "have to be the very same files.",
        survived(file),
        table(_row(row) for row in rows),
        "*Lost*: cells that were finished before a fault and are not the same afterwards. *Half-read*: files that are "
        "not whole results and were taken for ones that are. *Otherwise*: whatever else was not as it has to be: a "
        "cell that is not completed, one that is run twice, a process that outlives its run, a summary that does not "
        "name what failed and how to run it again.",
    )
    problems = [f"{text(row.get('what'))}: {text(problem)}" for row in rows for problem in _problems(row)]
    if problems:
        found.add("## What was not as it has to be", bullets(problems))
    lacking = file.get("not_tried")
    if isinstance(lacking, Mapping) and lacking:
        found.add("## Not tried here", bullets(f"{text(k)}: it takes {text(v)}" for k, v in lacking.items()))
    made = _made(file, rows)
    found.add(f"Run with {text(made)}. `{COMMAND}` does it again." if made else "")
    return found


def survived(file: Mapping | None) -> str:
    """What was lost by how many faults, in a sentence."""
    rows = _rows(file)
    if not rows:
        return ""
    injected, lost, half = (sum(_number(row, key) for row in rows) for key in ("injected", "lost", "half"))
    others = sum(len(_problems(row)) for row in rows)
    words = f"By {counted(injected, 'fault')} of {counted(len(rows), 'kind')} {counted(lost, 'finished cell')} "
    words += f"{'was' if lost == 1 else 'were'} lost, and {counted(half, 'half-written result')} read"
    return f"{words}; {counted(others, 'thing')} went wrong otherwise." if others else f"{words}."


def _made(file: Mapping, rows: Rows) -> str:
    """The commits and the time: rows that were made anew alone say theirs."""
    whole = stamp(dict(file))
    commits = [stamp({"commit": row["commit"]}) for row in rows if isinstance(row.get("commit"), dict)]
    others = sorted({commit for commit in commits if commit and commit not in whole})
    return ", ".join(filter(None, [whole, *(f"some rows with {commit}" for commit in others)]))


def _rows(file: Mapping | None) -> Rows:
    rows = (file or {}).get("rows")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _number(row: dict, key: str) -> int:
    value = row.get(key)
    return value if isinstance(value, int) else 0


def _problems(row: dict) -> list[str]:
    found = row.get("problems")
    return [str(problem) for problem in found] if isinstance(found, list) else []


def _row(row: dict) -> dict[str, str]:
    bad = {key: _number(row, key) for key in ("lost", "half")} | {"otherwise": len(_problems(row))}
    return {
        "fault": text(row.get("what")),
        "runs": count(_number(row, "trials")),
        "injected": count(_number(row, "injected")),
        **{{"half": "half-read"}.get(key, key): f"**{count(n)}**" if n else "0" for key, n in bad.items()},
    }
