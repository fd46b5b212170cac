"""README, CONTRIBUTING and Makefile name what there is, and their commands can be parsed."""

import os
import re
import shlex
from pathlib import Path

import pytest
import torch

import gmbench
from gmbench.cli import base as cli
from gmbench.cli import parse
from gmbench.experiments import experiment, experiments
from gmbench.experiments.plan import cells

ROOT = Path(gmbench.__file__).resolve().parent.parent
TEXTS = {name: (ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md", "Makefile")}
LINES = sorted(
    {
        match.group(1).strip()
        for text in TEXTS.values()
        for match in re.finditer(r"^(?:    |\t\$\(BIN\)/)gmbench (.*?)(?:\s# .*)?$", text, re.MULTILINE)
    }
)
EXPERIMENTS = TEXTS["README.md"].partition("\n## Experiments\n")[2].partition("\n## ")[0]
ROWS = {row.split("`")[1]: row for row in EXPERIMENTS.splitlines() if row.startswith("| `")}


@pytest.mark.parametrize("line", LINES)
def test_a_command_can_be_parsed(line):
    name, *words = shlex.split(line)
    parsed = cli.main.commands[name].make_context(name, words)
    if name != "run":
        return
    chosen = experiment(parsed.params["experiment"])
    arms, seeds = parsed.params["arms"], parsed.params["seeds"]
    cells(
        chosen,
        parsed.params["data_name"] or chosen.default_data,
        "digest",
        parsed.params["budget"],
        arms and parse.arms(arms),
        seeds and parse.seeds(seeds),
    )


def test_there_are_commands_to_parse():
    assert {line.split()[0] for line in LINES} >= {"new", "verify", "time", "run", "claims", "report"}


def test_the_readme_names_every_command():
    text = TEXTS["README.md"]
    assert all(
        f"`gmbench {name}" in text or f"    gmbench {name}" in text for name in set(cli.main.commands) - {"cell"}
    )


def test_the_readme_names_every_experiment_with_committed_results():
    """One that was added has no row before its results are committed."""
    committed = {path.name.partition(".")[0] for path in (ROOT / "reports/data/cells").iterdir()}
    assert committed and committed & set(experiments()) <= set(ROWS)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_readme_knows_the_budget_of_the_paper(name):
    chosen = experiment(name)
    budget = chosen.budgets["paper"]
    said = f"{len(chosen.arms)} arms, {budget.epochs} epochs, seeds {budget.seeds[0]} to {budget.seeds[-1]} |"
    assert f"| {said}" in ROWS[name]


def test_the_layers_of_the_readme_run_as_they_stand_there():
    section = TEXTS["README.md"].partition("\n## Layers as modules\n")[2].partition("\n## ")[0]
    known = {"images": torch.rand(60, 784), "points": torch.rand(50, 2), "source": 1.0, "x": torch.rand(7, 5)}
    for code in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(code.replace('"compiled"', '"eager"'), known)
    assert known["loss"].isfinite() and known["found"].exact and known["y"].shape == (1000,)


@pytest.mark.xdist_group("together")
def test_groups_of_tests_stay_together(request):
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        pytest.skip("one process")
    assert request.node.nodeid.endswith("@together"), "pytest-xdist does not know this pytest"
