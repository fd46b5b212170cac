"""Every test has its own corpus and store, and torch keeps to one thread: the machine is small and shared."""

import os

import pytest
import torch

from gmbench import registry
from gmbench.processes import child

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("GMBENCH_CORPUS", str(tmp_path / "corpus"))
    monkeypatch.setenv("GMBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("GMBENCH_IMPLEMENTATIONS", raising=False)
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")


@pytest.fixture(scope="session")
def warm():
    """Where tests that start many children have them forked from; see its file."""
    with registry.load_file(__file__.replace("conftest.py", "warm.py")).Warm() as forking:
        yield forking


@pytest.fixture
def forked(warm, monkeypatch):
    """Children are forked from where torch is known."""
    monkeypatch.setattr(child, "start", warm.start)


@pytest.fixture
def program(monkeypatch):
    """Children run the text that it is given in the place of their module."""
    start = child.start
    return lambda text: monkeypatch.setattr(child, "start", lambda _, environment: start(["-c", text], environment))
