"""The checks as a library: records, profiles, the corpus, and what is never passed."""

import dataclasses
import json
import os
from pathlib import Path

import hypothesis
import numpy as np
import pytest

import gmbench
from gmbench import registry
from gmbench.checks import accuracy, corpus, resolve
from gmbench.checks import errors as measure
from gmbench.checks.cases import Case, cases, few_shapes, hexadecimal, parse
from gmbench.checks.plan import plan
from gmbench.checks.settings import changed_settings, global_settings
from gmbench.checks.template import template
from gmbench.contract import ContractError
from gmbench.layers.gm.eager import eager


@gmbench.implementation("gm", name="scaled", ulps=64)
def scaled(x, mu, sigma, U, v):
    """wrong by 1 %"""
    return 1.01 * eager(x, mu, sigma, U, v)


@gmbench.implementation("gm", name="fine", ulps=64)
def fine(x, mu, sigma, U, v):
    """right"""
    return eager(x, mu, sigma, U, v)


def drawn(strategy, n=300):
    """What a strategy draws."""
    found = []

    @hypothesis.seed(0)
    @hypothesis.settings(max_examples=n, database=None, deadline=None, phases=[hypothesis.Phase.generate])
    @hypothesis.given(strategy)
    def collect(case):
        found.append(case)

    collect()
    return found


def test_checking_in_code():
    records = gmbench.check(fine, profile="smoke")
    assert all(record.ok for record in records)
    assert {record.check for record in records} >= {"value", "gradient-sigma", "limits", "batch-split"}
    value = next(record for record in records if record.check == "value")
    assert 0 < value.ulps < value.claim == 64
    assert sum(regime["cases"] for regime in value.regimes.values()) == value.cases >= 40


def test_a_profile_draws_the_same_cases_every_time():
    runs = [gmbench.check(fine, profile="smoke", only="value") for _ in range(2)]
    assert [r.ulps for r in runs[0]] == [r.ulps for r in runs[1]]
    assert runs[0][0].worst == runs[1][0].worst


def test_the_smallest_case_is_exact_and_replays():
    (record,) = [r for r in gmbench.check(scaled, profile="smoke", only="value") if r.dtype == "float32"]
    assert record.status == "failed"
    found = record.counterexample
    case = parse(found["text"])
    assert dict(case.sizes) == {"K": 1, "d": 1, "C": 1} and case.batch == 1
    inputs, _ = measure.inputs_of(case, "float32")
    for name, tensor in inputs.items():
        assert hexadecimal(tensor) == found["exact"][name]
        assert (tensor.astype(np.float32) == tensor).all()
    first = found["exact"]["x"][0][0]
    assert float.fromhex(first) == inputs["x"][0, 0]


def test_a_shrunk_case_joins_the_corpus_and_meets_the_next_one_first(monkeypatch):
    monkeypatch.setattr(corpus, "_shipped", lambda name: ())
    gmbench.check(scaled, profile="smoke", only="value")
    kept = list(Path(os.environ["GMBENCH_CORPUS"]).rglob("*.json"))
    assert len(kept) == 1
    case = parse(json.dumps(json.loads(kept[0].read_text())["case"]))
    assert case in corpus.cases(resolve(fine))


def test_a_torn_corpus_file_hinders_nothing():
    folder = Path(os.environ["GMBENCH_CORPUS"]) / "gm"
    folder.mkdir(parents=True)
    (folder / "torn.json").write_text('{"case": {"layer')
    assert all(record.ok for record in gmbench.check(fine, profile="smoke", only="value"))


def test_a_reference_that_cannot_decide_never_passes(monkeypatch):
    real = measure.reference

    def vague(kind, inputs, G, ball=False):
        return {
            name: dataclasses.replace(e, radius=np.abs(e.mid) * 1e-3) for name, e in real(kind, inputs, G, ball).items()
        }

    monkeypatch.setattr(measure, "reference", vague)
    forget = (measure._reference_of.cache_clear, measure._ball_of.cache_clear, accuracy._RECENT.clear)
    for clear in forget:
        clear()
    try:
        for record in gmbench.check(fine, profile="smoke", only="value"):
            assert record.status == "inconclusive"
            assert not record.ok
    finally:
        for clear in forget:
            clear()


def test_not_finite_is_never_within_any_claim():
    @gmbench.implementation("gm", name="nan", ulps=64)
    def nan(x, mu, sigma, U, v):
        return eager(x, mu, sigma, U, v) * float("nan")

    for record in gmbench.check(nan, profile="smoke", only=["value", "limits"]):
        assert record.status == "failed"


def test_an_approximate_one_shows_its_errors_and_is_never_passed():
    for record in gmbench.check("gm/monte-carlo", profile="smoke", only=["value", "limits", "deterministic"]):
        if record.check == "deterministic":
            assert record.status == "passed"
        else:
            assert record.status == "approximate"
            assert record.ulps > 1000


def test_every_regime_is_drawn_and_one_component_often_enough():
    record = registry.load().implementation("gm", "eager")
    found = drawn(cases(record), 600)
    assert {case.regime for case in found} == set(registry.layer_type("gm").domain.regimes)
    alone = sum(dict(case.sizes)["K"] == 1 for case in found) / len(found)
    assert alone >= 0.3
    assert {case.batch for case in found} >= {1, 3}


def test_what_is_compiled_meets_few_shapes():
    record = registry.load().implementation("gm", "compiled")
    shapes = {(case.sizes, case.batch) for wide in (False, True) for case in drawn(cases(record, wide=wide))}
    assert len(shapes) <= len(few_shapes(registry.layer_type("gm"))) == 2


def test_numbers_stay_in_the_domain():
    for layer in registry.layer_types().values():
        for regime in layer.domain.regimes:
            sizes = dict.fromkeys(layer.domain.sizes, 3)
            inputs, _ = Case(layer.name, tuple(sizes.items()), 2, regime, spread=2, seed=5).draw()
            for name, tensor in inputs.items():
                size = np.abs(tensor[tensor != 0])
                assert np.isfinite(tensor).all(), (layer.name, regime, name)
                if not (layer.name == "gm" and regime == "narrow" and name == "sigma"):
                    assert size.size == 0 or (size.min() >= 0.99e-4 and size.max() <= 1.01e4), (regime, name)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: gmbench.check(print), "decorate it"),
        (lambda: gmbench.check("eager"), "means several"),
        (lambda: gmbench.check(fine, profile="hard"), "there is no profile"),
        (lambda: gmbench.check(fine, only="valu"), "did you mean 'value'"),
        (lambda: parse("{"), "not a case"),
        (lambda: parse('{"layer_type": "gm", "sizes": {"K": 1}, "batch": 1, "regime": "bulk"}'), "sizes other than"),
    ],
)
def test_bad_input_is_one_line(act, said):
    with pytest.raises(ContractError, match=said):
        act()


def test_every_number_from_numpys_generator_is_seen():
    np.random.rand()  # the first one fills its block, the next only moves on in it
    before = global_settings()
    assert changed_settings(before) == []
    np.random.rand()
    assert changed_settings(before) == ["numpy's random state"]


def test_checks_of_an_undifferentiable_one_ask_for_no_gradients():
    @gmbench.implementation("gm", name="values-only", ulps=64, derivatives=0)
    def values_only(x, mu, sigma, U, v):
        return eager(*(tensor.detach() for tensor in (x, mu, sigma, U, v)))

    records = gmbench.check(values_only, profile="smoke")
    assert all(record.ok for record in records), [r.line() for r in records if not r.ok]
    assert not any(record.check.startswith("gradient") for record in records)


@pytest.mark.parametrize("name", registry.layer_types())
def test_a_template_stands_alone(name):
    kind = registry.layer_type(name)
    text = template(kind, "mine", "some_file.py")
    compile(text, "some_file.py", "exec")
    assert {line for line in text.splitlines() if "import " in line} <= {
        "import gmbench",
        "import math",
        "import torch",
    }
    assert all(f"    {parameter}: " in text for parameter in kind.parameters) and "verify some_file.py" in text
    with pytest.raises(ContractError, match="'not mine' is no name"):
        template(kind, "not mine")


def test_a_template_brings_the_constants_that_the_source_names(tmp_path, monkeypatch):
    """Also those that a constant is made of, and what it imports by name."""
    source = """
from math import pi

import torch

import gmbench
from gmbench.names import is_name

HALF = 0.5
ROOT = (2 * pi) ** HALF  # of a density
UNUSED = 3


@gmbench.implementation("gm", name="eager", ulps=64)
def eager(x, mu, sigma, U, v):
    return [helped(each) / ROOT for each in x]


def helped(x):
    return x * ROOT * is_name("x")
"""
    path = tmp_path / "theirs.py"
    path.write_text(source)
    module = registry.load_file(path)
    (record,) = registry.records(module, str(path))
    monkeypatch.setattr(registry, "load", lambda: registry.Registry({"gm/eager": record}, {}, ()))
    text = template(registry.layer_type("gm"), "mine")
    assert "from math import pi\n\nimport gmbench\n\nHALF = 0.5\nROOT = (2 * pi) ** HALF  # of a density\n\n\n@" in text
    assert "UNUSED" not in text and "torch" not in text
    (tmp_path / "mine.py").write_text(text)
    assert registry.load_file(tmp_path / "mine.py").layer([3.0], 0, 0, 0, 0) == [3.0]


def test_plan_is_cheap_until_it_is_called():
    record = registry.load().implementation("gm", "eager")
    assert len({check.key for check in plan(record)}) == len(list(plan(record)))
