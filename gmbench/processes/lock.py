"""One lock per user, held while something is timed, so that training cells stand still meanwhile.

A timing holds the lock: ``with timing_lock(): ...``. The local engine only asks :func:`timing_now`, suspends
its cells while that is so, and resumes them afterwards. The lock is free again when its holder dies.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from gmbench.contract import ContractError

POLL = 0.2  # seconds between two looks of an engine at the lock
TELL_AFTER = 2.0  # seconds after which somebody who waits for the lock is told so
VARIABLE = "GMBENCH_LOCK"  # the lock file, where the usual place will not do


def lock_file() -> Path:
    """Where the lock is: ``$GMBENCH_LOCK``, else a file of this user in the folder for temporary files."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(os.environ.get(VARIABLE) or Path(tempfile.gettempdir(), f"gmbench-{user}-timing.lock"))


def _lock() -> FileLock:
    path = lock_file()
    try:  # FileLock itself waits for ever for what it may not open
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o644))
    except OSError as error:
        where = f"${VARIABLE} names another"
        raise ContractError(f"the lock file {path} cannot be opened ({error.strerror}); {where}") from None
    return FileLock(path)


@contextlib.contextmanager
def timing_lock(timeout: float = -1, settle: float = 3 * POLL) -> Iterator[None]:
    """Hold the timing lock; other timings wait for it, and local cells are suspended until it is released.

    Not to be nested, neither in one process nor in one that the holder starts and waits for.

    :param timeout: seconds to wait for another timing to end; negative: for ever
    :param settle: seconds to wait once it is held, so that every engine has seen it and suspended its cells
    :raises TimeoutError: if another timing did not end in time
    :raises ContractError: if there can be no lock file in that place
    """
    lock = _lock()
    soon = TELL_AFTER if timeout < 0 else min(TELL_AFTER, timeout)
    try:
        try:
            lock.acquire(timeout=soon)
        except Timeout:
            print(f"waiting for another timing to end, which holds {lock_file()}", file=sys.stderr, flush=True)
            lock.acquire(timeout=timeout if timeout < 0 else timeout - soon)
    except Timeout:
        raise TimeoutError(f"another timing still holds {lock_file()} after {timeout:g} s") from None
    try:
        time.sleep(settle)
        yield
    finally:
        lock.release()


def timing_now() -> bool:
    """Whether someone holds the timing lock at this moment."""
    try:
        lock = _lock()
    except ContractError:  # then no timing of this user can hold it either
        return False
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False
