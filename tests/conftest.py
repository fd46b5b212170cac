"""Every test has its own corpus and store, and torch keeps to one thread: the machine is small and shared."""

import os

import pytest
import torch

from gmbench import registry

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
