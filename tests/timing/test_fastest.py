"""What a run takes by default: the declared order is that of the committed timings, and every one named is green."""

from pathlib import Path

import pytest

import gmbench
from gmbench import registry
from gmbench.checks.records import CHECKS
from gmbench.contract import ContractError
from gmbench.experiments import experiments
from gmbench.registry import fastest
from gmbench.store.reading import Store
from gmbench.timing.records import TIMINGS

DATA = Path(gmbench.__file__).resolve().parent.parent / "reports" / "data"
COMMITTED = {file.implementation.layer_type for _, file in Store(DATA).read(CHECKS)}
TYPES = sorted(COMMITTED & set(registry.layer_types()))  # one that was just added has nothing committed yet
NAMED = [(name, chosen) for name in TYPES for chosen in registry.layer_type(name).fastest]


@pytest.fixture
def no_compiler(monkeypatch):
    """A machine where torch.compile finds no C++ compiler."""
    missing = registry._missing
    reason = "torch.compile finds no C++ compiler"
    monkeypatch.setattr(registry, "_missing", lambda need: reason if need == "compiler" else missing(need))


def test_there_are_committed_checks():
    assert {"gm", "ugmm", "gmnm-ridge"} <= set(TYPES)


@pytest.mark.parametrize(("layer_type", "name"), NAMED)
def test_what_is_named_can_be_trained(layer_type, name):
    record = registry.load().implementation(layer_type, name)
    assert record.derivatives >= 1 and "float32" in record.dtypes and not record.approximate
    assert "cpu" in record.devices
    assert record.quantity == "value" or layer_type.endswith(f"-{record.quantity}")


@pytest.mark.parametrize("layer_type", TYPES)
def test_the_last_choice_needs_nothing(layer_type):
    last = registry.load().implementation(layer_type, registry.layer_type(layer_type).fastest[-1])
    assert last.requires == ()


def test_the_first_that_runs_here_is_taken(monkeypatch):
    monkeypatch.setattr(registry, "_missing", lambda need: None)
    assert fastest("gm").key == "gm/compiled"


def test_without_a_compiler_it_is_eager(no_compiler):
    assert fastest("gm").key == "gm/eager"


def test_without_any_that_runs_here_it_says_why(monkeypatch, no_compiler):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ContractError, match=r"gm can be trained here.*eager: no CUDA device here"):
        fastest("gm", "cuda")


@pytest.mark.parametrize("experiment", sorted(experiments()))
def test_every_experiment_has_a_default(experiment):
    assert fastest(experiments()[experiment].layer_type).layer_type == experiments()[experiment].layer_type


def measured(layer_type):
    """Medians of a training pass at the biggest size, by implementation; one dict a machine, device and dtype."""
    found = {}
    for session, (_, file) in enumerate(Store(DATA).read(TIMINGS)):
        for row in file.rows:
            if row.layer_type != layer_type or row.direction != "forward+backward" or row.status != "passed":
                continue
            work = registry.layer_type(layer_type).work(row.axes, row.batch, 4).operations
            group = found.setdefault((session, row.device, row.dtype), {})
            group.setdefault(work, {})[row.implementation.partition("/")[2]] = row.median
    return [sizes[max(sizes)] for sizes in found.values()]


@pytest.mark.parametrize("layer_type", TYPES)
def test_the_declared_order_is_the_measured_one(layer_type):
    groups, declared = measured(layer_type), registry.layer_type(layer_type).fastest
    assert any(set(declared) <= set(medians) for medians in groups), "not all of them were timed together"
    for medians in groups:
        ranked = sorted(medians, key=medians.get)
        assert [name for name in ranked if name in declared] == [name for name in declared if name in ranked]
        assert ranked[0] in declared, f"{ranked[0]} is faster than what runs take"


@pytest.mark.parametrize(("layer_type", "name"), NAMED)
def test_what_runs_take_is_right(layer_type, name):
    files = [file for _, file in Store(DATA).read(CHECKS) if file.implementation.key == f"{layer_type}/{name}"]
    assert files, "there is no committed check of it"
    for file in files:
        states = {record.status for record in file.records}
        assert "passed" in states and states <= {"passed", "unsupported"}
        checks = {record.check for record in file.records if record.status == "passed"}
        gradients = {f"gradient-{parameter}" for parameter in registry.layer_type(layer_type).names}
        assert {"value", "large", "limits", *gradients} <= checks
