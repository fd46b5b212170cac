"""Every statement of the documents has claims that decide it or a reason, and every claim is what a document states."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

import gmbench
from gmbench.experiments import experiments

EXPERIMENTS = Path(gmbench.__file__).parent / "experiments"
LISTS = {
    path.parent.name: [
        {"place": place, **sentence}
        for place, sentences in tomllib.loads(path.read_text(encoding="utf-8")).items()
        for sentence in sentences
    ]
    for path in sorted(EXPERIMENTS.glob("*/sentences.toml"))
}
UNFINISHED = tomllib.loads((Path(__file__).parent / "unfinished.toml").read_text(encoding="utf-8"))
PLANNED, SOURCES = UNFINISHED.get("claims", {}), UNFINISHED.get("sources", {})
CLAIMS = {claim.id: claim for chosen in experiments().values() for claim in chosen.claims}
PAPERS = {claim.id: chosen.paper for chosen in experiments().values() for claim in chosen.claims}

STATED = {"printed number", "ordering", "equivalence", "count", "identity", "mechanism", "open question"}
NOT_STATED = {"definition", "motivation", "citation", "setting", "not decidable"}
NEEDS = {"calculation", "cells", "measure", "arms"}
LONGEST = 100  # characters of a quote: enough to find it


def named(sentences):
    """The claims that sentences name."""
    return {claim for sentence in sentences for claim in sentence.get("claims", ())}


NAMED = {paper: named(sentences) for paper, sentences in LISTS.items()}


def numbers(text):
    """The numbers of a text, digit by digit: 0.020 is not 0.02, and 3.6e-08 is 3.6e-8."""
    found = re.findall(r"(?:\d+(?:\.\d+)?|\.\d+)(?:e-?\d+)?", text)
    return {Decimal(number).as_tuple() for number in found}


@pytest.mark.parametrize("paper", sorted(LISTS))
def test_a_sentence_has_claims_or_a_reason(paper):
    for sentence in LISTS[paper]:
        wanted = {"place", "quote", "kind"} | {"claims" if sentence["kind"] in STATED else "reason"}
        assert wanted <= set(sentence) <= wanted | {"line", "says"}, sentence
        assert sentence["kind"] in STATED | NOT_STATED, sentence
        assert all(sentence.values()) and len(sentence["quote"]) <= LONGEST, sentence
        assert len(sentence.get("claims", ())) == len(set(sentence.get("claims", ()))), sentence


def test_every_paper_has_a_list_and_every_claim_a_sentence_in_it():
    assert set(LISTS) == set(PAPERS.values())
    for paper, found in NAMED.items():
        assert {claim for claim, own in PAPERS.items() if own == paper} == found - set(PLANNED), paper


@pytest.mark.parametrize("paper", sorted(LISTS))
def test_a_reason_names_claims_that_there_are(paper):
    for sentence in LISTS[paper]:
        found = re.findall(r"\b[A-Z]{3,4}-[A-Z]?\d+\b", sentence.get("reason", ""))
        assert set(found) <= set(CLAIMS) | set(PLANNED), sentence


def test_a_planned_claim_is_named_and_not_in_the_ledger():
    assert set(PLANNED) == set().union(*NAMED.values()) - set(CLAIMS)
    for claim, entry in PLANNED.items():
        assert set(entry) == {"needs", "decides"} and entry["needs"] in NEEDS, claim


def test_a_claim_has_the_source_of_a_sentence():
    places: dict[str, set[str]] = {}
    for sentences in LISTS.values():
        for sentence in sentences:
            for claim in sentence.get("claims", ()):
                places.setdefault(claim, set()).add(sentence["place"])
    assert {claim.id for claim in CLAIMS.values() if claim.source not in places.get(claim.id, ())} == set(SOURCES)


@pytest.mark.parametrize("paper", sorted(LISTS))
def test_a_claim_prints_the_numbers_of_the_sentence(paper):
    for sentence in LISTS[paper]:
        if sentence["kind"] == "printed number":
            for claim in CLAIMS.keys() & set(sentence["claims"]):
                printed = CLAIMS[claim].printed.partition("(")[0]  # in brackets: what follows from the printed
                said = numbers(sentence.get("says", sentence["quote"]))
                assert numbers(printed) and numbers(printed) <= said, (claim, printed, sentence["quote"])
