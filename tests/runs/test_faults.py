"""Runs that survive: one trial of the kinds of faults; tests/faults/table.py does them all, many times."""

import json
from pathlib import Path

import pytest

from gmbench import registry

FAULTS = Path(__file__).parents[1] / "faults"
TRIALS = registry.load_file(FAULTS / "trials.py")
SOME = (
    "cells_killed",
    "driver_killed",
    "results_damaged",
    "writes_fail",
    "one_of_two_killed",
    "two_runs",
    "exits_at_import",
    "segfaults",
    "hangs_in_c",
    "prints",
    "exits",
)


@pytest.mark.parametrize("name", SOME)
def test_a_run_survives(name, tmp_path):
    outcome = TRIALS.try_(name, tmp_path, seed=0)
    assert not outcome.problems
    assert outcome.lost == outcome.half == 0
    assert outcome.injected


def test_the_harness_sees_what_is_lost_and_what_is_half(tmp_path):
    trial = TRIALS.Trial(tmp_path, None)
    (tmp_path / "store" / "cells").mkdir(parents=True)
    path = tmp_path / "store" / "cells" / "a.json"
    epochs = [{"test_error": TRIALS.FAKE.error_of("one", 0, epoch)} for epoch in range(TRIALS.FAKE.STEPS)]
    file = {"schema": 1, "kind": "cells", "id": "a", "spec": {"arm": "one", "seed": 0}, "epochs": epochs}
    path.write_text(json.dumps(file))
    trial.remember()
    trial.check(trial.expected - {("one", 0)})
    assert trial.outcome == TRIALS.Outcome()
    path.write_text(json.dumps(file) + "\n")
    trial.check(trial.expected - {("one", 0)})
    assert (trial.outcome.lost, trial.outcome.half) == (1, 0)
    path.write_text(json.dumps(file)[:-5])
    trial.check()
    assert (trial.outcome.lost, trial.outcome.half) == (2, 1) and "not completed" in trial.outcome.problems[0]


@pytest.mark.parametrize("name", sorted(TRIALS.KINDS))
def test_a_kind_has_words(name):
    assert len(TRIALS.title(name)) > 20
