"""The lock of a timing: who holds it, who waits, and where there can be none."""

import subprocess
import sys

import pytest

from gmbench.contract import ContractError
from gmbench.processes import lock
from gmbench.processes.lock import timing_lock, timing_now


@pytest.mark.parametrize("where", ["", "missing/lock"])
def test_where_no_lock_can_be_nothing_is_timed_and_nothing_waits(where, tmp_path, monkeypatch):
    monkeypatch.setenv("GMBENCH_LOCK", str(tmp_path / where))
    assert lock.timing_now() is False
    said = r"the lock file .* cannot be opened \(.*\); \$GMBENCH_LOCK names another"
    with pytest.raises(ContractError, match=said), lock.timing_lock():
        pass


def test_the_lock_is_free_when_its_holder_is_killed_and_who_waits_is_told(monkeypatch, capsys):
    monkeypatch.setattr("gmbench.processes.lock.TELL_AFTER", 0.05)
    program = "import time\nfrom gmbench.processes.lock import timing_lock\n" \
              "with timing_lock(settle=0):\n print('held', flush=True)\n time.sleep(60)"  # fmt: skip
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    assert timing_now()
    with pytest.raises(TimeoutError), timing_lock(timeout=0.1):
        pass
    assert capsys.readouterr().err.startswith("waiting for another timing to end, which holds ")
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert not timing_now()
    with timing_lock(settle=0):
        assert timing_now()
