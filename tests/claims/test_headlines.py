"""Headlines: a fair reading of each paper, whose every number and verdict is the ledger's."""

import dataclasses
import json
import re
import tomllib
from pathlib import Path

import pandas
import pytest
from click.testing import CliRunner

import gmbench
from gmbench.cli import main
from gmbench.experiments import experiments, headlines
from gmbench.report.pages import claims as page
from gmbench.results.columns import COLUMNS
from gmbench.results.headlines import told
from gmbench.results.ledger import ledger
from gmbench.results.read import Results

LISTS = {
    path.parent.name: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in (Path(gmbench.__file__).parent / "experiments").glob("*/sentences.toml")
}
CLAIMS = {claim.id: chosen.paper for chosen in experiments().values() for claim in chosen.claims}
HEADLINES = [(paper, headline) for paper, declared in headlines().items() for headline in declared]


def plain(quote):
    """A quote without the marks of a typesetter."""
    return (
        re.sub(r"\\text\{([^}]*)\}", r"\1", quote)
        .replace(r"\sim ", "~")
        .replace("--", "-")
        .translate(str.maketrans({"*": "", "$": "", "–": "-"}))
    )


def test_every_paper_has_headlines():
    assert set(headlines()) == set(CLAIMS.values()) and all(headlines().values())


@pytest.mark.parametrize(("paper", "headline"), HEADLINES, ids=lambda value: getattr(value, "title", value))
def test_a_headline_rests_on_claims_of_its_paper_and_says_no_number_itself(paper, headline):
    assert len(set(headline.claims)) == len(headline.claims)
    assert {CLAIMS.get(name) for name in headline.claims} == {paper}
    assert headline.cited <= set(headline.claims)
    for name, words in headline.prose.items():
        assert words and not re.search(r"\d", re.sub(r"\{[^}]*\}", "", words)), name
    stated = LISTS[paper][headline.source]
    near = [each for each in stated if plain(each["quote"]) in headline.quote or headline.quote in plain(each["quote"])]
    assert set(headline.claims) & {name for each in near for name in each.get("claims", ())}, "quoted as the lists do"


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """The ledger of a store without cells."""
    return ledger(tmp_path_factory.mktemp("store"))


def test_a_store_without_cells_is_told_too(rows):
    found = told(rows)
    assert [each.title for each in found] == [headline.title for _, headline in HEADLINES]
    first = next(each for each in found if each.paper == "kumar")
    assert first.found.startswith("not run: 9 (KUM-01") and first.open.startswith("not run: KUM-01")
    assert all("{" not in "".join([each.reading, *each.notes.values()]) for each in found)


@pytest.mark.parametrize("verdict", ["agrees", "differs, ours worse", "too few seeds"])
def test_what_is_told_is_what_the_ledger_says(rows, verdict):
    said = {"agrees": "agrees", "too few seeds": "too few seeds (9 would decide)"}.get(verdict, f"{verdict}, by 3")
    values = {"verdict": verdict, "said": said, "shown": "7.2 %", "measured": 7.2, "interval": (7.0, 7.4), "low": 4.0}
    one = next(row for row in rows if row.id == "KUM-16")
    one = dataclasses.replace(one, found=dataclasses.replace(one.found, **values, needed=9))
    each = next(each for each in told([*rows, one]) if each.title.startswith("A lower error"))
    ours = f"the paper about 4.2 %, here 7.2 % (7 to 7.4) [KUM-16 {said}]"
    assert f"KUMAR's best error: {ours}; its final one: [KUM-18 not run]." in each.reading
    assert f"{verdict}: 1 (KUM-16)" in each.found
    assert ("KUM-16 (9 in all)" in each.open) == (verdict == "too few seeds")


def test_headlines_are_printed_and_shown(rows, tmp_path):
    (tmp_path / "cells").mkdir()
    words = ["claims", "gmnm", "--headlines", "--store", str(tmp_path)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0 and "A better head for image classifiers" in done.output
    assert "The start-up transient goes" not in done.output
    found = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert {each["paper"] for each in found} == {"gmnm"} and all(each["reading"] for each in found)
    empty = {kind: pandas.DataFrame(columns=list(COLUMNS[kind])) for kind in ("checks", "timings", "cells")}
    parts = page.page(Results(**empty, claims=rows)).parts
    assert parts.index("## Headlines") < next(i for i, part in enumerate(parts) if part.startswith("## Paper"))
    for _, headline in HEADLINES:
        assert any(part.startswith(f"**{headline.title}.** ") for part in parts), headline.title
