"""Universes: their names, parts of them, and what is decided over them."""

import itertools
import json
from collections import Counter

import pytest
from click.testing import CliRunner

from gmbench.cli import base as cli
from gmbench.contract import ContractError
from gmbench.experiments import experiment, experiments
from gmbench.experiments.plan import cells
from gmbench.experiments.universes import Multiverse
from gmbench.results.ledger import ledger
from gmbench.results.universes import compared, curve, tables, unanchored, universes
from gmbench.runs.cell import CELLS, run_cell
from gmbench.runs.spec import Spec
from gmbench.store.reading import Store

HEADS = experiment("gmnm-classification")
WITH = [name for name, each in experiments().items() if each.multiverse]


def factorial(*levels):
    return Multiverse({f"f{i}": tuple(range(n)) for i, n in enumerate(levels)}, ("rival",))


@pytest.mark.parametrize("name", WITH)
def test_the_first_universe_is_that_of_the_committed_cells(name):
    chosen = experiment(name)
    every = chosen.multiverse.universes
    assert next(iter(every)) == "default" and len(every) == len({str(each) for each in every.values()})
    arms = [chosen.headline, *chosen.multiverse.against]
    for universe, arm in itertools.product(every.values(), arms):
        own = {n: v for n, v in universe.items() if v is not None and n in chosen.settings_of(arm)}
        settled = chosen.settled(arm, own)
        assert universe != every["default"] or settled == {}
    assert {arm.partition("@")[0] for arm in chosen.multiverse.anchors} <= set(arms)


def test_a_universe_is_named_by_what_is_not_as_usual():
    found = HEADS.multiverse
    assert list(found.chosen("place=instead,normalise=batch")) == ["normalise=batch,place=instead"]
    assert found.chosen("all") == found.universes and list(found.chosen("default")) == ["default"]
    for text in ("place=nowhere", "2/3", "1/0", "1/"):
        with pytest.raises(ContractError, match="there is no universe"):
            found.chosen(text)


@pytest.mark.parametrize("levels", [(2, 2, 2), (2, 2, 2, 2), (2, 2, 3), (3, 3), (4, 2), (2, 3, 2, 2)])
@pytest.mark.parametrize("of", [1, 2, 4])
def test_a_part_is_balanced_and_always_the_same(levels, of):
    found = factorial(*levels)
    part = found.part(of)
    assert part == found.part(of) and "default" in part
    assert len(part) == max(1, round(len(found.universes) / of))
    for name, values in found.factors.items():
        seen = Counter(dict.fromkeys(values, 0)) + Counter(each[name] for each in part.values())
        counted = [seen[value] for value in values]
        assert max(counted) - min(counted) <= 1


def test_identical_cells_are_run_once():
    variants = list(HEADS.multiverse.universes.values())
    specs = cells(
        *(HEADS, "mnist", "digest", "reduced", [HEADS.headline, *HEADS.multiverse.against], [0]),
        variants=variants,
        only_own=True,
    )
    assert Counter(spec["arm"] for spec in specs)["cnn"] == 2  # it has a rate, and no head
    assert len({Spec.of(spec).id for spec in specs}) == len(specs)
    assert all(spec["images"] == 12800 and spec["epochs"] == 10 for spec in specs)


@pytest.fixture(params=["paper", "reduced"])
def budget(request):
    return request.param


@pytest.fixture
def store(tmp_path, budget):
    """A multiverse of which one factor decides whether the head is better."""
    variants = list(HEADS.multiverse.universes.values())
    arms = [HEADS.headline, *HEADS.multiverse.against]
    for spec in cells(HEADS, "mnist", "d", budget, arms, range(6), variants=variants, only_own=True):
        given = HEADS.values(spec)
        loss = 8e-3 + 1e-5 * spec["seed"]
        if spec["arm"] == HEADS.headline:
            loss += -1e-3 if given["normalise"] == "batch" else 1e-3
            loss += (1e-5 if given["place"] == "instead" else 0) * (1 + spec["seed"] % 2)
        rows = [{"epoch": i, "step": i, "test_error": 3.0} for i in range(spec["epochs"] + 1)]
        found = {"epochs": rows, "measures": {"min_test_loss": loss}}
        run_cell(Spec.of(spec), lambda spec, report, found=found: found, tmp_path)
    return tmp_path


def of_store(store, budget):
    return universes(HEADS, "mnist", budget, (result for _, result in Store(store).read(CELLS)))


def test_a_claim_depends_on_the_factor_that_decides(store, budget):
    found, hint = of_store(store, budget), unanchored(HEADS, "mnist", budget)
    # what a paper prints of whole trainings anchors no others
    assert hint == ("" if budget == "paper" else "not anchored: reduced budget")
    assert {each.anchored for each in found} == {True if budget == "paper" else None}
    assert len(found) == len(HEADS.multiverse.universes)
    first = next(row for row in compared(found, hint) if row.arm == "cnn")
    assert first.factor == "normalise" and first.effects[0].share > 0.99
    assert first.decision.verdict == "depends on a choice"
    said = f"a hint, {hint}: holds in 8 of 16 universes" if hint else "holds in 8 of 16 anchored universes, of 16"
    assert first.decision.reason == said
    ordered = [each.decisions["cnn"].centre for each in curve(found, "cnn")]
    assert ordered == sorted(ordered) and len(ordered) == 16
    assert len(tables(HEADS, found, "t")) == 2
    words = ["universes", HEADS.name, "--data", "mnist", "--budget", budget, "--store", str(store)]
    printed = " ".join(CliRunner().invoke(cli.main, words).stdout.split())
    assert "main effects" in printed and hint in printed
    shown = json.loads(CliRunner().invoke(cli.main, [*words, "--json"]).stdout)
    assert shown["anchoring"] == hint
    assert len(shown["universes"]) == 16 and {row["deciding"] for row in shown["compared"]} == {"normalise"}


def test_universes_without_cells_are_not_run_and_anchor_nothing(tmp_path):
    found = of_store(tmp_path, "paper")
    assert all(each.anchored is None and not each.decisions["cnn"].seeds for each in found)
    assert compared(found)[0].effects == [] and curve(found, "cnn") == []
    with pytest.raises(ContractError, match="has no universes"):
        universes(experiment("ugmm-iris"), "iris", "smoke", [])
    fits = experiment("gmnm-fit2d")  # nothing is printed there
    assert unanchored(fits, "level-1", "paper") == "not anchored: no baseline is printed for level-1"


def test_every_claim_that_rests_on_a_choice_is_there_and_compares_with_an_arm_of_every_universe():
    for chosen in experiments().values():
        if chosen.multiverse:
            assert set(chosen.multiverse.claims) <= {claim.id for claim in chosen.claims}
            assert set(chosen.multiverse.claims.values()) <= set(chosen.multiverse.against)


def test_what_universes_say_stands_beside_the_verdict(store, budget):
    rows = {row.id: row for row in ledger(store)}
    said = "the mean of cnn-gmnm is below that of cnn in 8 of 16 universes with cells, of 6 pairs or more"
    for name in ("GMNM-C15", "GMNM-C35"):
        assert f"mnist, budget {budget}: {said} (depends on a choice: " in rows[name].detail
        assert "normalise explains 100% of the differences" in rows[name].detail
    assert "universes" not in rows["GMNM-C23"].detail + rows["GMNM-C11"].detail
