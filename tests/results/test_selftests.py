"""The tables of what gmbench was put to: each field is looked at, and what is no such table is one line."""

import pytest

from gmbench.contract import ContractError
from gmbench.report.pages import checks, faults, timings
from gmbench.results import ledger
from gmbench.results.selftests import CHEATS, FAULTS, WRONG
from gmbench.store.files import write_json
from gmbench.store.reading import Store

ROWS = {
    WRONG: {"implementation": "gm/a", "mistake": "a sum", "first": "value", "all": ["value"]},
    CHEATS: {"cheat": "clock", "what": "moves it", "caught_by": None, "message": ""},
    FAULTS: {"what": "killed", "trials": 1, "injected": 1, "lost": 0, "half": 0, "problems": []},
}
NULLABLE = ("first", "caught_by")
KINDS = [pytest.param(kind, id=kind.name) for kind in ROWS]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_table_is_one_line_and_never_written(tmp_path, kind, caplog):
    row = ROWS[kind]
    lacking = [{name: row[name] for name in row if name != left} for left in row if left not in NULLABLE]
    for rows in (5, None, "odd", [3], [[row]], *([each] for each in lacking), [row | {name: {} for name in row}]):
        caplog.clear()
        write_json(tmp_path / f"{kind.name}.json", {"schema": 1, "kind": kind.name, "rows": rows})
        opened = Store(tmp_path)
        assert opened.one(kind) is None and opened.one(kind) is None
        (line,) = (record.getMessage() for record in caplog.records)
        assert f"{kind.name}.json: not a whole file of kind" in line and "\n" not in line
        with pytest.raises(ContractError):
            kind.write({"rows": rows}, tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_read_as_it_was_written(tmp_path, kind):
    assert Store(tmp_path).one(kind) is None
    kind.write({"rows": [ROWS[kind]]}, tmp_path)
    (row,) = Store(tmp_path).one(kind).rows
    assert {name: getattr(row, name) for name in ROWS[kind]} == ROWS[kind]


def test_the_committed_tables_are_whole():
    opened = Store(ledger.COMMITTED)
    told = [
        checks.catch(opened.one(WRONG)),
        timings.withstood(opened.one(CHEATS)),
        faults.survived(opened.one(FAULTS)),
    ]
    assert all(told)
