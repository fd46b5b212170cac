"""Where and when a result was made: the machine, the versions, the commit. No host name, user or path."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import gmbench

CODE = ("gmbench", "references", "suites")  # what has to be committed for a result to name a clean commit


@dataclass(frozen=True)
class Machine:
    """What a result was made on: ``cores`` usable by the process, ``memory`` in GiB, ``gpu`` a model or None."""

    cpu: str | None = None
    cores: int | None = None
    memory: float | None = None
    os: str | None = None
    gpu: str | None = None

    def __str__(self) -> str:
        cores = None if self.cores is None else f"{self.cores} cores"
        return ", ".join(filter(None, [self.cpu, cores, self.gpu]))


@dataclass(frozen=True)
class Commit:
    """Of the checkout that made a result; ``dirty`` if its code differed from it."""

    hash: str
    dirty: bool = False

    def __str__(self) -> str:
        return self.hash + ("-dirty" if self.dirty else "")


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a result file states of its making, as :func:`provenance` says it; None where it does not."""

    machine: Machine | None = None
    versions: Mapping[str, str | None] | None = None
    commit: Commit | None = None
    when: str | None = None

    def made(self) -> dict[str, str | None]:
        """``machine``, ``torch``, ``commit`` and ``when``, each as one text or None."""
        return {
            "machine": str(self.machine or "") or None,
            "torch": (self.versions or {}).get("torch"),
            "commit": str(self.commit) if self.commit else None,
            "when": self.when,
        }


def provenance() -> dict[str, Any]:
    """What every result file states of its making.

    ``machine``: ``cpu`` (model), ``cores`` (usable by this process), ``memory`` (GiB), ``os``, ``gpu`` (model
    or None); ``versions`` of python, torch, numpy and gmbench; ``commit``: ``hash`` and ``dirty`` of the
    checkout that gmbench lies in, or None; ``when``: UTC, ISO 8601, to the second.
    """
    return {
        "machine": machine(),
        "versions": versions(),
        "commit": commit(),
        "when": datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z",
    }


@functools.cache
def machine() -> dict[str, Any]:
    """The machine in words and numbers, without anything that names it."""
    return {
        "cpu": _cpu(),
        "cores": usable_cores(),
        "memory": _memory(),
        "os": f"{platform.system()} {platform.release()}",
        "gpu": _gpu(),
    }


@functools.cache
def versions() -> dict[str, str | None]:
    """The versions that a result depends on; None for a package that is not installed."""
    return {
        "python": platform.python_version(),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "gmbench": gmbench.__version__,
    }


def commit() -> dict[str, Any] | None:
    """Hash of the checkout that gmbench lies in, and whether its code differs from it; None outside one."""
    root = Path(gmbench.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        changes = _git(root, "status", "--porcelain", "--", *CODE)
    except (OSError, subprocess.SubprocessError):
        return None
    return {"hash": head, "dirty": bool(changes)}


def usable_cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _git(root: Path, *words: str) -> str:
    # without optional locks, so that looking never gets into the way of a commit
    command = ["git", "--no-optional-locks", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _gpu() -> str | None:
    # a process that has not loaded torch, as asv's, is not made to load it: it has used no GPU
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
