"""The asv environment "current": this interpreter, with the commit's check-out first on its path.

Nothing is built or installed: "install" means to check the commit out below ``env_dir``, "run" means to run
the current interpreter on it. asv imports this module into its own process, from the current directory, so it
must not load torch. The underscored members of the base class are those of the asv 0.6 series.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from asv import util
from asv.environment import Environment
from asv.machine import Machine, MachineCollection

from gmbench.registry import VARIABLE, outside_files


class Current(Environment):
    """One environment: the running Python version, whatever is installed in it."""

    tool_name = "current"

    def __init__(self, conf: Any, python: str, requirements: Any, tagged_env_vars: Any):
        self._requirements = requirements  # the base class reads it before it sets it
        super().__init__(conf, python, requirements, tagged_env_vars)

    @classmethod
    def matches(cls, python: str) -> bool:
        """Only the running version: asv asks with ``"major.minor"``."""
        return python == f"{sys.version_info.major}.{sys.version_info.minor}"

    def check_presence(self) -> bool:
        return os.path.isdir(self._path)

    def _setup(self) -> None:
        os.makedirs(self._path, exist_ok=True)

    def install_project(self, conf: Any, repo: Any, commit_hash: str | None = None) -> None:
        if self._get_installed_commit_hash() != commit_hash:
            self.checkout_project(repo, commit_hash)
            self._set_installed_commit_hash(commit_hash)
        self._set_commit_hash(commit_hash)

    def run(self, args: Sequence[str], **kwargs: Any) -> str:
        env = dict(kwargs.pop("env", None) or os.environ)
        env.update(self._global_env_vars)
        source = os.path.normpath(os.path.join(self._build_root, self._repo_subdir or ""))
        env["PYTHONPATH"] = env["ASV_PYTHONPATH"] = source  # asv drops the first where the second is missing
        kwargs.setdefault("timeout", self._install_timeout)
        return util.check_output([sys.executable, *args], env=env, **kwargs)


def gpu() -> str:
    """Name of the first GPU as the driver tells it, or an empty text."""
    program = shutil.which("nvidia-smi")
    if not program:
        return ""
    query = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.partition("\n")[0].strip()


def setup() -> None:
    """Called by asv when it has imported the plugin."""
    if not shutil.which("git"):
        raise util.UserError("asv measures commits, and there is no git on the PATH")
    # The benchmark processes run in other directories.
    if outside_files():
        os.environ[VARIABLE] = os.pathsep.join(map(os.path.abspath, outside_files()))
    # A machine file, so that the first run needs no terminal; extra keys become filters of the site.
    machine = Machine.get_unique_machine_name()
    try:
        known = MachineCollection.load(machine)
    except util.UserError:
        known = {}
    wanted = {**(known or Machine.get_defaults()), **({"gpu": name} if (name := gpu()) else {})}
    if wanted != known:
        MachineCollection.save(wanted["machine"], wanted)
