"""Child processes that are forked from one in which torch is imported already, instead of each importing it anew.

A test that starts dozens of children puts :meth:`Warm.start` in the place of ``gmbench.processes.child.start``: a
child then has the same environment, pipes, session, limits and end as ever, in a hundredth of the time. What is forked
from has seen no reference and no outside file. How a child really starts is shown by the tests that do without.
"""

import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback

WIDTH = 8  # bytes of a number that is told
IMPORTED = (
    "torch",
    "gmbench.layers.gm.eager",
    "gmbench.timing.clock",
    "gmbench.timing.yardsticks",
    "gmbench.timing.inputs",
)


class Warm:
    """The process that is forked from. Use it as a context: it ends, with all its children, at the end of that."""

    def __enter__(self):
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-P", __file__, str(theirs.fileno())]
            environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}  # no fork beside a GPU
            self._process = subprocess.Popen(
                command, pass_fds=(theirs.fileno(),), env=environment, start_new_session=True
            )
        return self

    def __exit__(self, *_):
        self._socket.close()  # it ends when it reads that
        self._process.wait()

    def start(self, arguments, environment):
        assert arguments[:2] == ["-P", "-m"]
        return Forked(self._socket, arguments[2:], environment)


class Forked:
    """One forked process: what is used of a ``Popen``."""

    def __init__(self, to, words, environment):
        self.returncode = None
        (stdin, write), (read, stdout), (errors, stderr), (self._state, state) = (os.pipe() for _ in range(4))
        self.stdin, self.stdout, self.stderr = open(write, "wb"), open(read, "rb"), open(errors, "rb")  # noqa: SIM115
        request = {"words": words, "env": dict(environment), "folder": os.getcwd()}
        theirs = [stdin, stdout, stderr, state]
        socket.send_fds(to, [json.dumps(request).encode()], theirs)
        for end in theirs:
            os.close(end)
        self.pid = self._told(60)

    def _told(self, timeout=None):
        """The next number that is told of its state: the pid, then the end."""
        if not select.select([self._state], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked child", timeout)
        told = os.read(self._state, WIDTH)
        assert told, "the process that children are forked from is gone"
        return int.from_bytes(told, "big")

    def poll(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout=None):
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(self._told(timeout))
            os.close(self._state)
        return self.returncode


def serve(place):
    """Fork for each request, and tell its pid and its end, until the other side is closed."""
    for module in IMPORTED:
        __import__(module)
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=place)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    states = {}
    while True:
        ready, _, _ = select.select([requests, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            with contextlib.suppress(ChildProcessError):
                while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                    tell(states[ended[0]], ended[1])
                    os.close(states.pop(ended[0]))
        if requests in ready:
            text, given, _, _ = socket.recv_fds(requests, 2**20, 4)
            if not text:
                break
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                become(json.loads(text), given)
            *pipes, states[pid] = given
            for number in pipes:
                os.close(number)
    for pid in states:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def tell(pipe, number):
    with contextlib.suppress(BrokenPipeError):
        os.write(pipe, number.to_bytes(WIDTH, "big"))


def become(request, given):
    """Be the process that was asked for, to its end."""
    code = 1
    try:
        os.setsid()
        *pipes, state = given
        tell(state, os.getpid())  # now that all it starts can be ended with it
        for number, pipe in enumerate(pipes):
            os.dup2(pipe, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["env"])
        module, *_ = sys.argv = request["words"]
        sys.orig_argv = [sys.executable, "-P", "-m", *sys.argv]
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
