"""What holds of every experiment: it is one file, its claims speak of arms and data sets that there are."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import gmbench.experiments as package
from gmbench.claims.claim import Claim
from gmbench.claims.evidence import Beside
from gmbench.claims.verdicts import AGREES, NOT_RUN
from gmbench.experiments import experiments
from gmbench.results.columns import CELLS, MEASURES


def test_a_file_in_a_folder_is_an_experiment(tmp_path, monkeypatch):
    folder = tmp_path / "somebodys"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "own.py").write_text(
        "import dataclasses\n"
        "from gmbench.experiments.kumar.single import EXPERIMENT as OTHER\n"
        "EXPERIMENT = dataclasses.replace(OTHER, name='own', claims=())\n"
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        found = experiments.__wrapped__()
    finally:
        for name in [name for name in sys.modules if name.startswith("gmbench.experiments.somebodys")]:
            del sys.modules[name]
    assert set(found) == {*experiments(), "own"} and found["own"].arms == found["kumar-single"].arms


def test_every_experiment_stands_in_the_folder_of_its_paper():
    for name, chosen in experiments().items():
        path = sys.modules[chosen.cell.__module__].__file__
        assert Path(path).parent.name == chosen.paper, name


@pytest.mark.parametrize("name", sorted(experiments()))
def test_an_experiment_is_whole(name):
    chosen = experiments()[name]
    assert chosen.headline in chosen.arms and set(chosen.baselines) <= set(chosen.arms)
    assert set(chosen.budgets) - {"reduced"} == {"smoke", "quick", "paper"}
    names = [setting.name for setting in chosen.settings]
    assert len(names) == len(set(names)) and ("images" in names or "reduced" not in chosen.budgets)
    assert all(budget.seeds for budget in chosen.budgets.values())
    assert chosen.default_data in chosen.data_sets and set(chosen.problems) in (set(), set(chosen.data_sets))
    assert all(isinstance(claim, Claim) for claim in chosen.claims)
    assert {*chosen.layer_types, *chosen.extras} <= set(chosen.arms)


def named(thing):
    """The arms that evidence looks at, as it names them."""
    if isinstance(thing, Mapping):
        thing = tuple(thing.values())
    if isinstance(thing, tuple):
        for each in thing:
            yield from named(each)
    elif isinstance(thing, Beside) or hasattr(thing, "judge"):
        for field, value in vars(thing).items():
            if field in ("arm", "other") and value:
                yield value
            elif field == "others" and not isinstance(value, Mapping):
                yield from value
            else:
                yield from named(value)


@pytest.mark.parametrize("name", sorted(experiments()))
def test_claims_speak_of_arms_that_there_are(name):
    chosen = experiments()[name]
    for claim in chosen.claims:
        arms = list(named(claim.evidence))
        assert arms or claim.judge(lambda arm: {}).verdict != NOT_RUN, claim.id  # a calculation
        for arm in arms:
            own, _, data = arm.partition("@")
            other, _, own = own.rpartition(":")
            of = experiments()[other or name]
            assert own in of.arms, (claim.id, arm)
            assert (data or claim.data or of.data_sets[0]) in of.data_sets, (claim.id, arm)


def test_a_measure_means_one_thing_in_all_experiments():
    meant = {}
    for name, chosen in experiments().items():
        for measure, what in {**chosen.measures, **MEASURES}.items():
            assert what and meant.setdefault(measure, what) == what, (name, measure)
    assert not set(meant) & set(CELLS)


def test_evidence_and_judgements_do_not_change():
    for chosen in experiments().values():
        for claim in chosen.claims:
            judged = claim.judge(lambda arm: {})
            with pytest.raises(dataclasses.FrozenInstanceError):
                judged.verdict = AGREES
