"""The index: what was verified, timed and run, where and when, and a few rows of every page."""

from __future__ import annotations

from gmbench.report.pages import checks, claims, faults, timings
from gmbench.report.text.markdown import bullets, count, exact, number, table, text
from gmbench.report.text.origin import dirty, made
from gmbench.report.text.page import Page, file_of
from gmbench.results import leaderboard as boards
from gmbench.results.frames import NONE
from gmbench.results.read import Results

RUN = "gmbench run EXPERIMENT --data NAME --budget BUDGET --store STORE"


def page(results: Results) -> Page:
    """The index of all pages."""
    found = Page("README", "What the runs showed")
    found.add(
        "These pages are made from the files of checks, timings and cells in a store, and from nothing else. "
        "To read them in a browser: [html/index.html](html/index.html)."
    )
    _claims(found, results)
    _checks(found, results)
    _timings(found, results)
    _experiments(found, results)
    found.add("## [Faults](faults.md): what runs survive")
    found.add(faults.survived(results.faults) or f"None yet. This injects some, in a checkout: `{faults.COMMAND}`")
    found.add("## Where and when")
    for title, frame, noun, budget in (
        ("Verified", results.checks, "record", "profile"),
        ("Timed", results.timings, "row", None),
        ("Run", results.cells, "cell", "budget"),
    ):
        found.add(f"**{title}**", made(frame, noun, budget) or "nothing")
    found.add(dirty(results.checks, results.timings, results.cells))
    found.add(
        "## How to make these again",
        "```\n"
        f"{checks.COMMAND}   # a name, such as gm/eager, or a layer type\n"
        f"{timings.COMMAND}\n"
        f"{RUN}\n"
        "gmbench report --store STORE --output FOLDER\n"
        "```",
        "The last line alone makes the pages again from what is in the store; the same store gives the same bytes.",
    )
    return found


def _claims(found: Page, results: Results) -> None:
    every = claims.by_paper(results.claims)
    found.add("## [Claims](claims.md): what holds")
    found.add(claims.counts(every) if every else f"None yet. Cells make them: `{claims.COMMAND}`")


def _checks(found: Page, results: Results) -> None:
    found.add("## [Checks](checks.md): how right", checks.catch(results.wrong))
    frame = results.checks
    if frame.empty:
        found.add(f"None yet. This makes them: `{checks.COMMAND}`")
        return
    rows = []
    for (kind, dtype, device, profile), part in frame.groupby(
        ["layer_type", "dtype", "device", "profile"], dropna=False, sort=True
    ):
        of_kind = frame[frame["layer_type"] == kind]
        for row in checks.ranking(part, checks.expected(of_kind)):
            records = list(row["records"].values())
            failed = sum(record["status"] == "failed" for record in records)
            rows.append(
                {
                    "layer type": text(kind),
                    "dtype": text(dtype),
                    "device": text(device),
                    "profile": text(profile),
                    "place": NONE if row["place"] is None else str(row["place"]),
                    "implementation": text(row["name"]),
                    "worst ulps": number(row["worst"]),
                    "claimed": exact(row["claim"]),
                    "passed": str(sum(record["status"] == "passed" for record in records)),
                    "failed": f"**{failed}**" if failed else "0",
                    "unsupported": str(sum(record["status"] == "unsupported" for record in records)),
                    "note": text(row["why"]) if row["why"] else "",
                }
            )
    found.add(table(rows))


def _timings(found: Page, results: Results) -> None:
    found.add("## [Timings](timings.md): how fast", timings.withstood(results.cheats))
    frame = results.timings
    if frame.empty:
        found.add(f"None yet. This makes them: `{timings.COMMAND}`")
        return
    found.add(bullets([*timings.summary(frame), *timings.goals_summary(frame)]))


def _experiments(found: Page, results: Results) -> None:
    names = boards.names(results)
    if not names:
        found.add("## Experiments", f"None yet. This makes cells: `{RUN}`")
        return
    for name in names:
        found.add(f"## [Experiment {text(name)}]({file_of(name)}.md)")
        rows = []
        for board in boards.boards(results, name):
            metric = board.metric
            for arm in board.arms:
                rows.append(
                    {
                        "data set": text(board.title),
                        "tier": NONE if arm.tier is None else str(arm.tier),
                        "arm": text(arm.label),
                        "seeds": arm.seeds + (f" ({len(arm.diverged)} diverged)" if arm.diverged else ""),
                        metric.titled(f"best {metric.short}"): arm.averaged(arm.best),
                        "95 % interval": arm.ends,
                        metric.titled("last"): arm.averaged(arm.last),
                    }
                )
        found.add(table(rows) if rows else "No cell is finished.")
        own = results.cells[results.cells["experiment"] == name]
        found.add(f"From {count(own['cell'].nunique())} cells.")
