"""One function for each kind of fault: it injects some into runs of the experiment ``fake``, and says what came of it.

A trial has a store of its own and real processes: the command line as a user types it, its cells, and what kills them.
After the faults the same command is given again; then every cell has to be there, right to the last digit, and those
that were finished before a fault have to be the very same files.
"""

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from gmbench import registry
from gmbench.results.frames import load

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FAKE = registry.load_file(HERE / "site" / "gmbench_fake.py")
ARMS, SEEDS = ("one", "two"), (0, 1, 2)
SECONDS = 900.0  # that anything here may take on a busy machine
DEATH = 20.0  # seconds after which no process of a killed run may be left


@dataclass
class Outcome:
    """What a trial showed."""

    injected: int = 0
    lost: int = 0  # cells that were finished before a fault, and are not the same afterwards
    half: int = 0  # results that are not whole, and were taken for ones that are
    problems: list[str] = field(default_factory=list)  # whatever else was not as it has to be


class Trial:
    """A store and the runs on it."""

    def __init__(self, folder, rng, **environment):
        self.folder, self.rng, self.outcome = Path(folder), rng, Outcome()
        self.store, self.log = self.folder / "store", self.folder / "log"
        self.folder.mkdir(parents=True, exist_ok=True)
        paths = [str(HERE / "site"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "GMBENCH_FAULTS": "1",
            "GMBENCH_FAULTS_LOG": str(self.log),
            "GMBENCH_LOCK": str(self.folder / "lock"),
            "OMP_NUM_THREADS": "1",
            **environment,
        }
        self.words = ["--arms", ",".join(ARMS), "--seeds", "0-2", "--jobs", "2"]
        self.expected = {(arm, seed) for arm in ARMS for seed in SEEDS}
        self.started, self.finished = [], {}

    # -- processes -----------------------------------------------------------------------------------------------------

    def begin(self, *words, limit=None, **environment):
        """Start a run in the background; what it says goes to a file."""

        def prepare():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # in the background of a shell it is ignored
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        said = self.folder / f"said-{len(self.started)}"
        with said.open("w") as file:
            driver = subprocess.Popen(
                [sys.executable, "-m", "gmbench", "run", "fake", *(words or self.words), "--store", str(self.store)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
                env=self.environment | environment,
                preexec_fn=prepare,
                start_new_session=True,
            )
        driver.said = said
        self.started.append(driver)
        return driver

    def end(self, driver, *codes):
        """Wait for its end; the text that it wrote."""
        try:
            code = driver.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.problem("a run did not end")
            self.close()
            code = None
        text = driver.said.read_text(errors="replace")
        if codes and code not in codes:
            self.problem(f"a run exited with {code}, not {' or '.join(map(str, codes))}: {text[-500:]}")
        return text

    def cells(self):
        """The processes of cells of this trial, wherever they write their results."""
        mine, found = os.fsencode(f"GMBENCH_FAULTS_LOG={self.log}"), []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words, about = ((folder / name).read_bytes().split(b"\0") for name in ("cmdline", "environ"))
                if b"--driven" in words and mine in about:
                    found.append(int(folder.name))
        return found

    def kill_a_cell(self):
        """SIGKILL to one that runs, chosen at random; whether there was one."""
        for pid in sorted(self.cells(), key=lambda _: self.rng.random()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def orphans(self):
        """Nothing that a killed run has started may go on."""
        end = time.monotonic() + DEATH
        while left := self.cells():
            if time.monotonic() > end:
                self.problem(f"{len(left)} cells outlived their run")
                return
            time.sleep(0.05)

    def close(self):
        """End whatever still runs."""
        for driver in self.started:
            if driver.poll() is None:
                driver.kill()
                driver.wait()
        for pid in self.cells():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # -- what has to be ------------------------------------------------------------------------------------------------

    def problem(self, text):
        self.outcome.problems.append(text)

    def right(self, path):
        """The arm and the seed of a file that is whole and right to the last digit, else None."""
        try:
            file = json.loads(path.read_text())
            arm, seed = file["spec"]["arm"], file["spec"]["seed"]
            found = [epoch["test_error"] for epoch in file["epochs"]]
        except (KeyError, OSError, TypeError, ValueError):
            return None
        whole = file["schema"] == 1 and file["kind"] == "cells" and file["id"] == path.stem
        return (arm, seed) if whole and found == [FAKE.error_of(arm, seed, e) for e in range(FAKE.STEPS)] else None

    def files(self):
        return sorted(self.store.glob("cells/*.json"))

    def remember(self):
        """What is finished at this moment may never change again."""
        for path in self.files():
            with contextlib.suppress(OSError):
                about = path.stat()
                self.finished.setdefault(path, (about.st_ino, about.st_mtime_ns, path.read_bytes()))

    def check(self, missing=()):
        """Compare what is there with what has to be."""
        there = {self.right(path) for path in self.files()}
        if None in there:
            self.outcome.half += sum(self.right(path) is None for path in self.files())
        for path, (inode, when, content) in self.finished.items():
            about = path.stat() if path.exists() else None
            if about is None or (about.st_ino, about.st_mtime_ns) != (inode, when) or path.read_bytes() != content:
                self.outcome.lost += 1
        if absent := self.expected - there - set(missing):
            self.problem(f"not completed: {sorted(absent)}")

    def summary(self, text, failed):
        """The end of a run names what failed, and how to run it again."""
        named = sum(f"{arm} seed {seed}" in line and " failed" in line for arm, seed in failed
                    for line in text.splitlines() if line.startswith("gmbench: "))  # fmt: skip
        if failed and (named < len(failed) or "gmbench: this runs them again: gmbench run fake" not in text):
            self.problem(f"the summary does not name {sorted(failed)}: {text[-400:]}")

    def failed(self):
        """The cells that the store says have failed."""
        found = [json.loads(path.read_text()) for path in self.store.glob("failed/*.json")]
        return {(file["spec"]["arm"], file["spec"]["seed"]) for file in found}

    def again(self):
        """The same command once more: it completes what is missing."""
        self.end(self.begin(), 0)
        self.check()
        if self.failed():
            self.problem("failures are kept of cells that have succeeded since")


# -- the kinds of faults -----------------------------------------------------------------------------------------------


def cells_killed(trial):
    """A cell is killed (SIGKILL) at a random moment"""
    driver = trial.begin()
    while driver.poll() is None and trial.outcome.injected < 5:
        time.sleep(trial.rng.uniform(0.05, 0.7))
        trial.remember()
        trial.outcome.injected += trial.kill_a_cell()
    text = trial.end(driver, 0, 1)
    trial.summary(text, trial.failed())
    trial.check(trial.failed())
    trial.again()


def _stopped(number):
    def trial_of(trial):
        for _ in range(3):
            driver = trial.begin()
            time.sleep(trial.rng.uniform(0.2, 2.5))
            trial.remember()
            if driver.poll() is None:
                driver.send_signal(number)
                trial.outcome.injected += 1
            text = trial.end(driver)
            if number != signal.SIGKILL and driver.returncode == 130 and "of 6 cells done" in text:
                pass  # it says so, unless it was stopped before there was anything to say
            trial.orphans()
            trial.check(trial.expected)
        trial.again()

    return trial_of


driver_killed = _stopped(signal.SIGKILL)
driver_killed.__doc__ = "The run itself is killed (SIGKILL), and started again"
driver_interrupted = _stopped(signal.SIGINT)
driver_interrupted.__doc__ = "The run is interrupted (Ctrl-C), and started again"
driver_terminated = _stopped(signal.SIGTERM)
driver_terminated.__doc__ = "The run is terminated (SIGTERM), and started again"


def results_damaged(trial):
    """A result is truncated, empty, garbled, another cell's or of another version"""
    trial.end(trial.begin(), 0)
    damaged = trial.rng.sample(trial.files(), 4)
    for path in damaged:
        text = path.read_bytes()
        other = trial.rng.choice([file for file in trial.files() if file != path])
        harm = {
            "truncated": text[: trial.rng.randrange(1, len(text) - 2)],
            "empty": b"",
            "garbled": bytes(trial.rng.randrange(256) for _ in range(2000)),
            "other version": text.replace(b'"schema": 1', b'"schema": 2'),
            "other kind": text.replace(b'"kind": "cells"', b'"kind": "checks"'),
            "another's": other.read_bytes(),
        }
        path.write_bytes(trial.rng.choice(list(harm.values())))
        trial.outcome.injected += 1
    for path in set(trial.files()) - set(damaged):
        about = path.stat()
        trial.finished[path] = (about.st_ino, about.st_mtime_ns, path.read_bytes())
    trial.again()
    if load("cells", trial.store)["cell"].nunique() != len(trial.expected):
        trial.problem("the frame of the store has other cells")


def writes_fail(trial):
    """A result cannot be written to its end (a limit of the system)"""
    text = trial.end(trial.begin("--arms", "one", "--seeds", "0", "--jobs", "1"), 0)
    trial.remember()
    text = trial.end(trial.begin(limit=trial.rng.randrange(8000, 30000)), 1)
    failed = trial.expected - {("one", 0)}
    trial.outcome.injected += len(failed)
    trial.summary(text, failed)
    trial.check(failed)
    trial.again()


@contextlib.contextmanager
def _small_disk(trial, room):
    """The store on a disk of its own that has room for this many bytes more; gives the file that fills the rest."""
    trial.store.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(trial.store)], check=True)
    try:
        for name in ("cells", "running", "failed"):
            (trial.store / name).mkdir()
        ballast = trial.store / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        os.truncate(ballast, ballast.stat().st_size - room)
        yield ballast
    finally:
        trial.close()
        subprocess.run(["umount", str(trial.store)], check=True)


def disk_full(trial):
    """The disk is full, and stays so; room is made before the run is started again"""
    with _small_disk(trial, room=trial.rng.randrange(16, 50) * 4096) as ballast:
        text = trial.end(trial.begin(GMBENCH_PATIENCE="0.2"), 1)
        there = {trial.right(path) for path in trial.files()}
        failed = trial.expected - there
        trial.outcome.injected += len(failed)
        trial.summary(text, failed)
        trial.remember()
        trial.check(failed)
        ballast.unlink()
        trial.again()


def disk_full_for_a_while(trial):
    """The disk is full when a cell ends, and room is made soon"""
    with _small_disk(trial, room=16384) as ballast:
        driver = trial.begin(GMBENCH_PATIENCE="60")
        time.sleep(trial.rng.uniform(2, 4))
        trial.outcome.injected += 1
        ballast.unlink()
        trial.end(driver, 0)
        trial.check()


def can_mount():
    """Whether a disk can be made for a trial: in a process that sees mounts of its own."""
    return os.environ.get("GMBENCH_FAULTS_ALONE") == "1" and os.geteuid() == 0


def two_runs(trial):
    """Two runs on one store at once; they share the cells"""
    both = [trial.begin(), trial.begin()]
    trial.outcome.injected += 1
    for driver in both:
        trial.end(driver, 0)
    trial.check()
    worked = trial.log.read_text().splitlines()
    if len(worked) != len(set(worked)):
        trial.problem(f"cells were run twice: {sorted(worked)}")


def one_of_two_killed(trial):
    """Of two runs on one store one is killed"""
    both = [trial.begin(), trial.begin()]
    time.sleep(trial.rng.uniform(0.5, 3))
    trial.remember()
    if both[0].poll() is None:
        both[0].kill()
        trial.outcome.injected += 1
    trial.end(both[0])
    trial.end(both[1], 0)
    trial.orphans()
    trial.check()


HEAD = """
import ctypes, itertools, os, sys, time
import gmbench
{at_import}

@gmbench.implementation("gm", name="outside", ulps=40, derivatives=1)
def outside(x, mu, sigma, U, v):
    {body}
"""
CELL = "'--driven' in sys.argv"
FOREVER = "sum(itertools.repeat(0))"  # without a moment at which Python could do anything else


def _outside(title, body="pass", at_import="", words=(), fails=True):
    def trial_of(trial):
        file = trial.folder / "bad_layer.py"
        file.write_text(HEAD.format(at_import=at_import, body=body))
        words_ = ["--arms", "one,outside", "--seeds", "0,1", "--jobs", "2", "--implementation", str(file), *words]
        trial.expected = {(arm, seed) for arm in ("one", "outside") for seed in (0, 1)}
        bad = {("outside", 0), ("outside", 1)} if fails else set()
        text = trial.end(trial.begin(*words_), int(fails))
        trial.outcome.injected += 2
        trial.summary(text, bad)
        trial.check(bad)
        if trial.failed() != bad:
            trial.problem(f"the store says that {trial.failed()} have failed")
        if len(text) > 20000:
            trial.problem(f"{len(text)} characters were printed")
        trial.orphans()

    trial_of.__doc__ = title
    return trial_of


def exits_at_import(trial):
    """An outside implementation that ends the process that imports it; nothing is started"""
    file = trial.folder / "bad_layer.py"
    file.write_text(HEAD.format(at_import=trial.rng.choice(["sys.exit(0)", "os._exit(0)"]), body="pass"))
    text = trial.end(trial.begin("--implementation", str(file)), 2)
    trial.outcome.injected += 1
    if text.count("\n") != 1 or str(file) not in text or trial.files():
        trial.problem(f"not one line: {text}")


segfaults = _outside("An outside implementation that segfaults", "ctypes.string_at(0)")
hangs = _outside("An outside implementation that hangs", "time.sleep(10**6)", words=["--time-limit", "4"])
hangs_in_c = _outside(
    "An outside implementation that hangs and lets nothing else run", FOREVER, words=["--time-limit", "4"]
)
allocates = _outside(
    "An outside implementation that allocates without end",
    "blocks = [bytearray(2**26) for _ in itertools.count()]",
    words=["--memory-limit", "1"],
)
prints = _outside(
    "An outside implementation that prints megabytes",
    "[(print('x' * 2**20), os.write(2, b'y' * 2**20)) for _ in range(10)]",
    fails=False,
)
exits = _outside("An outside implementation that ends its cell as if all were well", "os._exit(0)")
leaves_import = _outside(
    "An outside implementation that exits when a cell imports it", at_import=f"if {CELL}: sys.exit(0)"
)
raises = _outside("An outside implementation that raises", "raise RuntimeError('no')")
lingers = _outside(
    "An outside implementation that leaves a process behind",
    "os.fork() or (os.setsid(), time.sleep(3), os._exit(0))",
    fails=False,
)


@contextlib.contextmanager
def _cluster(trial):
    """A Ray cluster of three nodes, of which two run cells; gives its address, and a function that gives it orders."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "site" / "cluster.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=trial.environment,
        start_new_session=True,
    )

    def order(word):
        process.stdin.write(f"{word}\n")
        process.stdin.flush()
        return process.stdout.readline()

    try:
        yield process.stdout.readline().strip(), order
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            trial.problem("the cluster did not end")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def nodes_lost(trial):
    """A node of a Ray cluster is lost in the middle, and another one comes"""
    trial.environment["GMBENCH_FAULTS_SECONDS"] = "2"
    with _cluster(trial) as (address, order):
        driver = trial.begin(*trial.words, "--engine", "ray", "--engine-option", f"address={address}")
        for _ in range(2):
            end = time.monotonic() + SECONDS
            while not trial.cells() and driver.poll() is None and time.monotonic() < end:
                time.sleep(0.1)
            time.sleep(trial.rng.uniform(0, 1.5))
            trial.remember()
            if driver.poll() is None:
                order("lose")
                trial.outcome.injected += 1
                order("add")
        trial.end(driver, 0)
        trial.check()
    trial.orphans()


def jobs_killed(trial):
    """A job of submitit is killed with its cell (SIGKILL)"""
    driver = trial.begin(*trial.words, "--engine", "slurm", "--engine-option", "cluster=local")
    while driver.poll() is None and trial.outcome.injected < 2:
        time.sleep(trial.rng.uniform(0.1, 1))
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if b"submitit.core._submit" in words and os.fsencode(trial.store / "slurm") in words:
                    trial.remember()
                    os.kill(int(folder.name), signal.SIGKILL)
                    trial.outcome.injected += 1
                    break
    trial.end(driver, 0)
    trial.orphans()
    trial.check()


NEEDS = {"nodes_lost": "ray", "jobs_killed": "submitit"}  # a package that a kind cannot do without

KINDS = {
    name: kind
    for name, kind in list(globals().items())
    if callable(kind) and getattr(kind, "__module__", None) == __name__ and kind.__doc__ and not name.startswith("_")
    and name not in ("Outcome", "Trial", "can_mount")
}  # fmt: skip
TRIALS = {  # of a kind in the table, where not 2
    **{"cells_killed": 8, "driver_killed": 8, "results_damaged": 10, "two_runs": 5, "one_of_two_killed": 6},
    **{"driver_interrupted": 4, "driver_terminated": 4, "disk_full": 4, "disk_full_for_a_while": 4},
}


def try_(name, folder, seed, **environment):
    """Inject the faults of one trial of a kind; its outcome."""
    trial = Trial(folder, random.Random(f"{name} {seed}"), **environment)
    try:
        KINDS[name](trial)
    finally:
        trial.close()
    return trial.outcome


def title(name):
    """A kind in words."""
    return KINDS[name].__doc__.splitlines()[0].rstrip(".")
