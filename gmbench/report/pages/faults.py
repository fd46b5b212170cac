"""The page of faults: what was done to runs, and what they lost by it."""

from __future__ import annotations

from gmbench.report.text.markdown import bullets, count, counted, table, text
from gmbench.report.text.origin import stamp
from gmbench.report.text.page import Page
from gmbench.results.read import Results
from gmbench.results.selftests import FaultRow, Faults

COMMAND = "python tests/faults/table.py --store STORE"


def page(results: Results) -> Page:
    """The page, also where there is nothing to show."""
    found, file = Page("faults", "Faults"), results.faults
    if file is None or not file.rows:
        found.add(f"No table of faults is in this store. This makes it, in a checkout: `{COMMAND}`")
        return found
    found.add(
        "What was done to runs of a small experiment, each fault at a random moment, and what came of it. The cells "
        "are real processes, started by the command that a user gives. After the faults the same command is given "
        "again: then every cell has to be there, right to the last digit, and those that were finished before a fault "
        "have to be the very same files.",
        survived(file),
        table(_row(row) for row in file.rows),
        "*Lost*: cells that were finished before a fault and are not the same afterwards. *Half-read*: files that are "
        "not whole results and were taken for ones that are. *Otherwise*: whatever else was not as it has to be: a "
        "cell that is not completed, one that is run twice, a process that outlives its run, a summary that does not "
        "name what failed and how to run it again.",
    )
    problems = [f"{text(row.what)}: {text(problem)}" for row in file.rows for problem in row.problems]
    if problems:
        found.add("## What was not as it has to be", bullets(problems))
    if file.not_tried:
        found.add("## Not tried here", bullets(f"{text(k)}: it takes {text(v)}" for k, v in file.not_tried.items()))
    made = _made(file)
    found.add(f"Run with {text(made)}. `{COMMAND}` does it again." if made else "")
    return found


def survived(file: Faults | None) -> str:
    """What was lost by how many faults, in a sentence."""
    if file is None or not file.rows:
        return ""
    injected, lost, half = (sum(getattr(row, key) for row in file.rows) for key in ("injected", "lost", "half"))
    others = sum(len(row.problems) for row in file.rows)
    words = f"By {counted(injected, 'fault')} of {counted(len(file.rows), 'kind')} {counted(lost, 'finished cell')} "
    words += f"{'was' if lost == 1 else 'were'} lost, and {counted(half, 'half-written result')} read"
    return f"{words}; {counted(others, 'thing')} went wrong otherwise." if others else f"{words}."


def _made(file: Faults) -> str:
    """The commits and the time: rows that were made anew alone say theirs."""
    whole = stamp(file.commit, file.when)
    others = sorted({stamp(row.commit) for row in file.rows if row.commit and stamp(row.commit) not in whole})
    return ", ".join(filter(None, [whole, *(f"some rows with {commit}" for commit in others)]))


def _row(row: FaultRow) -> dict[str, str]:
    bad = {"lost": row.lost, "half-read": row.half, "otherwise": len(row.problems)}
    return {
        "fault": text(row.what),
        "runs": count(row.trials),
        "injected": count(row.injected),
        **{name: f"**{count(n)}**" if n else "0" for name, n in bad.items()},
    }
