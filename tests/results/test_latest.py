"""Of several results of one cell the latest counts, whoever asks."""

import pytest

from gmbench.experiments import experiment
from gmbench.results import ledger
from gmbench.results import read as results
from gmbench.results.latest import latest, run_of
from gmbench.runs.cell import run_cell
from gmbench.runs.spec import Spec
from gmbench.store.files import read_json, write_json
from gmbench.store.reading import Store

KUMAR = experiment("kumar")
EPOCHS = KUMAR.budgets["paper"].epochs_of("fc")
SPEC = Spec("kumar", KUMAR.version, "mnist", "d", "paper", EPOCHS, "fc", KUMAR.budgets["paper"].seeds[0], "cpu")


def work(error):
    rows = [{"epoch": e, "step": 10 * e, "test_error": error} for e in range(EPOCHS + 1)]
    return lambda spec, report: {"epochs": rows, "measures": {}}


@pytest.mark.parametrize("names", ["abc", "cba"])
def test_of_several_results_of_one_cell_the_latest_counts_everywhere(tmp_path, names):
    for name, day in zip(names, (2, 3, 1), strict=True):
        path = run_cell(SPEC, work(float(day)), tmp_path)
        write_json(path.with_name(f"{name}.json"), read_json(path, "cells") | {"when": f"2026-01-0{day}T00:00:00Z"})
        path.unlink()
    opened = Store(tmp_path)
    (((where, result)),) = latest(opened)
    assert result.errors[1] == 3.0 and where.stem == names[1]
    found = results.read(opened)
    assert set(found.cells["test_error"]) == {3.0} and found.results[SPEC.id] == result
    (run,) = ledger.Cells(opened).arms(KUMAR, "mnist", {})("fc").values()
    assert run == run_of(result, KUMAR) and run.errors == (3.0,) * EPOCHS
