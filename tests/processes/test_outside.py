"""What an outside file declares, read in another process."""

import os

import pytest

from gmbench.cli import parse
from gmbench.contract import ContractError
from gmbench.processes.outside import declared
from gmbench.runs.carry import pack


def test_what_an_outside_file_declares_is_known_but_not_imported_here(tmp_path):
    path = tmp_path / "theirs.py"
    path.write_text(
        f"import gmbench, os\nassert os.getpid() != {os.getpid()}\nprint('[]')\n"
        "@gmbench.implementation('gm', name='theirs', dtypes='float32', ulps=40)\n"
        "def theirs(x, mu, sigma, U, v):\n    'Theirs.'\n"
        "@gmbench.initialisation('gm', name='ones')\n"
        "def ones(layer, images, generator): ...\n"
    )
    found = parse.implementation(str(path), "gm")
    assert (found.key, found.dtypes, found.ulps, found.summary) == (
        "gm/theirs",
        ("float32",),
        {"float32": 40},
        "Theirs.",
    )
    assert pack(found)["source"] == path.read_text()
    with pytest.raises(ContractError, match="in another process"):
        found.function()
    assert parse.initialisation("ones", "gm", str(path)).key == "gm/ones"
    with pytest.raises(ContractError, match="did not end within"):
        path.write_text("import time; time.sleep(60)")
        declared(path, seconds=0.5)
