"""The page of checks: how right every implementation is, what failed, where, and what the checks can catch."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pandas

from gmbench.checks.records import BUILT_IN
from gmbench.report.figures.checks import ulps
from gmbench.report.text.markdown import bullets, code, count, counted, exact, number, table, text
from gmbench.report.text.origin import dirty, made, stamp
from gmbench.report.text.page import Page, slug
from gmbench.results.frames import NONE, absent
from gmbench.results.read import Results
from gmbench.results.selftests import Wrong, WrongRun

STATUSES = ("passed", "failed", "inconclusive", "unsupported", "approximate")
UNCLAIMED = ("failed", "inconclusive")  # what bars an implementation from a place
COMMAND = "gmbench verify NAME --store STORE"


def page(results: Results) -> Page:
    """The page, also where there is nothing to show."""
    made_page = Page("checks", "Checks")
    frame = results.checks
    if frame.empty:
        made_page.add(f"No checks are in this store. This makes them: `{COMMAND}`")
    else:
        _accuracy(made_page, frame)
        _statuses(made_page, frame)
        _regimes(made_page, frame)
        _worst(made_page, frame)
    _wrong(made_page, results.wrong)
    if not frame.empty:
        made_page.add("## Where the records come from", made(frame, "record", "profile"), dirty(frame))
        made_page.add("Of several runs on one machine the latest counts.")
    return made_page


def is_quantity(check: str) -> bool:
    """Whether a check compares the value or a gradient with the reference."""
    return check == "value" or check.startswith("gradient-")


def ranking(frame: pandas.DataFrame, known: Sequence[str]) -> list[dict]:
    """The implementations of one layer type, dtype, device and profile, the most accurate first.

    A row has ``name``, ``place`` (None: not ranked), ``worst`` (None: nothing measured), ``claim``,
    ``quantities`` (name -> ulps), ``records`` (check -> row), ``approximate`` and ``why`` (not ranked).

    :param known: the checks of this layer type, see :func:`expected`
    """
    rows: list[dict[str, Any]] = []
    columns = list(dict.fromkeys(check for check in frame["check"] if is_quantity(check)))
    for name, part in _subjects(frame):
        records = {row["check"]: row for row in part.to_dict("records")}
        quantities = {c.removeprefix("gradient-"): _ulps(records[c]) for c in columns if c in records}
        # a fault, as of shape, has no ulps, and no place either
        measured = [value for value in quantities.values() if value is not None]
        approximate = any(record["status"] == "approximate" for record in records.values())
        bad = [status for status in UNCLAIMED if any(r["status"] == status for r in records.values())]
        missing = lacking(records, known)
        why = "approximate" if approximate else bad[0] if bad else ""
        if not why and missing:
            why = f"no record of {', '.join(missing)}"
        elif not why and len(measured) < len(columns):
            why = "not every quantity was measured"
        claims = [r["claim"] for r in records.values() if not absent(r["claim"])]
        rows.append(
            {
                "name": name,
                "worst": max(measured) if measured else None,
                "claim": claims[0] if claims else None,
                "quantities": quantities,
                "records": records,
                "approximate": approximate,
                "why": why,
                "place": None,
            }
        )
    rows.sort(key=lambda row: (bool(row["why"]), math.inf if row["worst"] is None else row["worst"], row["name"]))
    ranked = [row for row in rows if not row["why"]]
    for row in ranked:
        row["place"] = 1 + sum(other["worst"] < row["worst"] for other in ranked)
    return rows


def expected(of_kind: pandas.DataFrame) -> list[str]:
    """The checks that an implementation of a layer type has to have records of, as far as the store shows."""
    return [check for check in dict.fromkeys(of_kind["check"]) if check != "second-derivatives"]


def lacking(own: Collection[str], known: Sequence[str]) -> list[str]:
    """The checks of which there is no record; one without any gradient may declare no derivatives."""
    derivatives = any(check.startswith("gradient-") for check in own)
    return [c for c in known if c not in own and (derivatives or not c.startswith("gradient-"))]


def _subjects(frame: pandas.DataFrame) -> Iterator[tuple[str, pandas.DataFrame]]:
    """Each implementation on each machine, by a name that tells them apart."""
    keys = ["implementation", "source", "run", "profile", "device"]
    several = {key: frame[key].nunique(dropna=False) > 1 for key in ("profile", "device")}
    for _, part in frame.groupby(keys, dropna=False, sort=True):
        first = part.iloc[0]
        marks = [str(first["source"])] if first["source"] != BUILT_IN else []
        marks += [str(first[key]) for key, differs in several.items() if differs]
        marks += [f"run {first['run']}"] if first["run"] else []
        yield str(first["implementation"]) + (f" ({', '.join(marks)})" if marks else ""), part


def _ulps(record) -> float | None:
    return None if absent(record["ulps"]) else float(record["ulps"])


def _accuracy(page: Page, frame: pandas.DataFrame) -> None:
    page.add(
        "## How right",
        "The largest error seen of the value and of each gradient, against numerical integration or a proven "
        "enclosure, in ulps of the error measure (machine epsilon times a running error bound of the formula), and the "
        "number of ulps claimed. Ranked by the largest of a row. It is the worst of finitely many inputs, so small "
        "differences mean little; more thorough profiles find larger errors, and profiles are never ranked together. "
        "An implementation of which any check failed, was inconclusive or was not run has no place.",
    )
    for kind, of_kind in frame.groupby("layer_type", dropna=False, sort=True):
        panels, approximate, unranked = {}, [], []
        page.add(f"### {text(kind)}")
        for (dtype, device, profile), part in of_kind.groupby(["dtype", "device", "profile"], dropna=False, sort=True):
            title = f"{dtype}, {device}, profile {profile}"
            rows = ranking(part, expected(of_kind))
            exact = [row for row in rows if not row["approximate"]]
            approximate += [(title, row) for row in rows if row["approximate"]]
            unranked += [(title, row) for row in exact if row["why"]]
            if not exact:
                continue
            names = list(dict.fromkeys(name for row in rows for name in row["quantities"]))
            page.add(f"**{text(title)}**", table(_accuracy_row(row, names) for row in exact))
            panels[title] = {row["name"]: row for row in exact if row["quantities"]}
        if unranked:
            page.add("Without a place:", bullets(_why(title, row) for title, row in unranked))
        page.show(f"ulps-{slug(kind)}", ulps(panels), f"worst ulps of the implementations of {kind}")
        if approximate:
            names = list(dict.fromkeys(name for _, row in approximate for name in row["quantities"]))
            page.add("**Approximate by declaration**: their errors are shown, and they are never ranked.")
            page.add(
                table(
                    {
                        "implementation": text(row["name"]),
                        "in": text(title),
                        **{_column(name): number(row["quantities"].get(name)) for name in names},
                    }
                    for title, row in approximate
                )
            )
            said = {
                (row["name"], record["message"])
                for _, row in approximate
                for record in row["records"].values()
                if record["status"] == "approximate"
            }
            page.add(bullets(f"{text(name)}: {text(message)}" for name, message in sorted(said)))


def _accuracy_row(row, names):
    cells = {"place": NONE if row["place"] is None else str(row["place"]), "implementation": text(row["name"])}
    for name in names:
        record = row["records"].get(name if name == "value" else f"gradient-{name}")
        shown = number(row["quantities"].get(name))
        if record is None:
            shown = "no record"
        elif record["status"] in UNCLAIMED:
            shown = f"**{record['status']}** {'' if shown == NONE else shown}".strip()
        cells[_column(name)] = shown
    cells |= {"largest": number(row["worst"]), "claimed": exact(row["claim"])}
    total = sum(r["cases"] for r in row["records"].values() if is_quantity(r["check"]) and not absent(r["cases"]))
    return cells | {"cases": count(total)}


def _column(name: str) -> str:
    return text(name if name == "value" else f"grad {name}")


def _why(title, row):
    bad = [
        f"{check} {record['status']}" + (f": {text(record['message'])}" if record["message"] else "")
        for check, record in row["records"].items()
        if record["status"] in UNCLAIMED
    ]
    more = f" (and {len(bad) - 2} more checks, below)" if len(bad) > 2 else ""
    return f"{text(row['name'])}, {text(title)}: " + ("; ".join(bad[:2]) + more if bad else text(row["why"]))


def _statuses(page: Page, frame: pandas.DataFrame) -> None:
    rows, gaps = [], []
    for (kind, *_), group in frame.groupby(["layer_type", "dtype", "device"], dropna=False, sort=True):
        known = expected(frame[frame["layer_type"] == kind])
        for name, part in _subjects(group):
            without = lacking(set(part["check"]), known)
            first = part.iloc[0]
            row = {"implementation": text(name), "dtype": text(first["dtype"]), "device": text(first["device"])}
            row |= {s: str(int((part["status"] == s).sum())) for s in STATUSES}
            if row["failed"] != "0":
                row["failed"] = f"**{row['failed']}**"
            rows.append(row | {"no record": str(len(without)), "seconds": number(part["seconds"].sum())})
            if without:
                gaps.append(f"{text(name)}, {text(first['dtype'])}: {text(', '.join(without))}")
    page.add("## All checks", table(rows))
    if gaps:
        page.add(
            "No record, though others of the layer type have one (a run ends at its first failure, or at its "
            "time limit, unless told to go on):",
            bullets(gaps),
        )
    for (kind, device), group in frame.groupby(["layer_type", "device"], dropna=False, sort=True):
        subjects = list(_subjects(group))
        checks = list(dict.fromkeys(group["check"]))
        page.add(f"### {text(kind)} on {text(device)}, check by check")
        page.add(
            table(
                {"check": text(check), **{text(name): _merged(part[part["check"] == check]) for name, part in subjects}}
                for check in checks
            )
        )
    bad = frame[~frame["status"].isin(["passed", "approximate"])]
    if len(bad):
        page.add("### What did not pass, and why", table(_bad_rows(bad)))


def _merged(part: pandas.DataFrame) -> str:
    """The statuses of one check in all dtypes."""
    shown = {row.dtype: f"**{row.status}**" if row.status in UNCLAIMED else row.status for row in part.itertuples()}
    if len(set(shown.values())) <= 1:
        return next(iter(shown.values()), NONE)
    return ", ".join(f"{dtype} {status}" for dtype, status in shown.items())


def _bad_rows(bad: pandas.DataFrame) -> list[dict[str, str]]:
    """One row for each reason, the failed ones first."""
    found: dict[tuple, list[str]] = {}
    for name, part in _subjects(bad):
        for row in part.to_dict("records"):
            case = (row.get("counterexample") or {}) if isinstance(row.get("counterexample"), dict) else {}
            key = (row["status"], name, row["check"], row["message"], case.get("text") or "")
            found.setdefault(key, []).append(row["dtype"])
    any_case = any(case for *_, case in found)
    order = {"failed": 0, "inconclusive": 1}
    rows = sorted(found.items(), key=lambda item: order.get(item[0][0], 2))
    return [
        {
            "status": f"**{status}**" if status in UNCLAIMED else text(status),
            "implementation": text(name),
            "check": text(check),
            "dtype": text(", ".join(dict.fromkeys(dtypes))),
            "reason": text(message) if message else NONE,
            **({"smallest case": code(case) if case else NONE} if any_case else {}),
        }
        for (status, name, check, message, case), dtypes in rows
    ]


def _regimes(page: Page, frame: pandas.DataFrame) -> None:
    quantities = frame[frame["check"].map(is_quantity)] if "regimes" in frame else frame.iloc[:0]
    if len(quantities):
        quantities = quantities[[isinstance(r, dict) and bool(r) for r in quantities["regimes"]]]
    if not len(quantities):
        return
    page.add(
        "## Where the cases lie",
        "Each case is drawn in a regime of the layer type's domain. `share`: of the cases of the value checks; "
        "then, for each implementation, the worst ulps seen there and in parentheses the median, of the value and "
        "of the gradients (the largest over the gradients).",
    )
    for (kind, dtype, device, profile), group in quantities.groupby(
        ["layer_type", "dtype", "device", "profile"], dropna=False, sort=True
    ):
        names = sorted({name for regimes in group["regimes"] for name in regimes})
        values = [regimes for check, regimes in zip(group["check"], group["regimes"], strict=True) if check == "value"]
        total = sum(seen["cases"] for regimes in values for seen in regimes.values())
        rows = []
        for regime in names:
            here = sum(regimes[regime]["cases"] for regimes in values if regime in regimes)
            row = {
                "regime": text(regime),
                "share": f"{100 * here / total:.0f} %" if total else NONE,
                "cases": count(here),
            }
            for name, part in _subjects(group):
                for title, gradients in (("value", False), ("gradients", True)):
                    seen = [
                        regimes[regime]
                        for check, regimes in zip(part["check"], part["regimes"], strict=True)
                        if (check != "value") == gradients and regime in regimes
                    ]
                    row[f"{text(name)} {title}"] = _spread(seen)
            rows.append(row)
        page.add(f"**{text(kind)}, {text(dtype)}, {text(device)}, profile {text(profile)}**", table(rows))


def _spread(seen) -> str:
    if not seen:
        return NONE
    return f"{number(max(s['worst'] for s in seen), 2)} ({number(max(s['median'] for s in seen), 2)})"


def _worst(page: Page, frame: pandas.DataFrame) -> None:
    rows = []
    if "worst" not in frame:
        return
    for _, group in frame.groupby("layer_type", dropna=False, sort=True):
        for name, part in _subjects(group):
            for row in part.to_dict("records"):
                if is_quantity(row["check"]) and isinstance(row["worst"], dict) and row["status"] != "approximate":
                    case = json.dumps(row["worst"])
                    rows.append(
                        {
                            "implementation": text(name),
                            "dtype": text(row["dtype"]),
                            "check": text(row["check"]),
                            "ulps": number(_ulps(row)),
                            "regime": text(row["worst"].get("regime")),
                            "case": code(case),
                        }
                    )
    if rows:
        page.add(
            "## The worst inputs",
            "Any of them is replayed by `gmbench verify NAME --only CHECK --case 'CASE'`.",
            table(rows),
        )


def _wrong(page: Page, file: Wrong | None) -> None:
    page.add("## What the checks catch")
    if file is None:
        page.add("No table of wrong implementations is in this store. This makes it, in a checkout: ")
        page.parts[-1] += "`python tests/wrong/table.py --store STORE`"
        return
    caught = {row.implementation: list(dict.fromkeys(row.all)) for row in file.rows}
    missed = [name for name, checks in caught.items() if not checks]
    page.add(
        f"{counted(len(caught), 'deliberately wrong implementation')}, of which "
        f"{'**' if missed else ''}{len(caught) - len(missed)} are caught{'**' if missed else ''}. "
        "What each check catches, and what no other check would:"
    )
    checks = list(dict.fromkeys(check for each in caught.values() for check in each))
    rows = []
    for check in checks:
        alone = [name for name, each in caught.items() if each == [check]]
        how_many = sum(check in each for each in caught.values())
        rows.append((how_many, len(alone), check, alone))
    rows.sort(key=lambda row: (-row[1], -row[0], row[2]))
    page.add(
        table(
            {
                "check": text(check),
                "catches": str(how_many),
                "it alone": str(only),
                "these": text(", ".join(alone)) if alone else NONE,
            }
            for how_many, only, check, alone in rows
        )
        if rows
        else ""
    )
    page.add(
        table(
            {
                "implementation": text(row.implementation),
                "mistake": text(row.mistake),
                "first caught by": text(row.first) if row.first else "**not caught**",
                "caught by": text(", ".join(caught[row.implementation])) or NONE,
            }
            for row in file.rows
        )
        if file.rows
        else ""
    )
    whole = WrongRun(file.profile, file.commit, file.when)
    runs = dict.fromkeys(_run_of(row.run or whole) for row in file.rows)
    page.add(f"Run with {text('; and with '.join(run for run in runs if run))}." if any(runs) else "")


def _run_of(run: WrongRun) -> str:
    """With what and when a row was found: the profile, the commit, the time."""
    return ", ".join(filter(None, [f"profile {run.profile}" if run.profile else "", stamp(run.commit, run.when)]))


def catch(file: Wrong | None) -> str:
    """How many wrong implementations the checks catch, in a sentence."""
    rows = file.rows if file else ()
    caught = sum(bool(row.all) for row in rows)
    return f"Of {counted(len(rows), 'deliberately wrong implementation')} the checks catch {caught}." if rows else ""
