"""What a file can do to the process that times it when it is imported; alone, since it is done to all in the file."""

import sys
import time
from pathlib import Path

from gmbench import registry

kit = registry.load_file(Path(__file__).with_name("kit.py"))
CHEATS, cheat = kit.cheats()

if any("gmbench.timing" in word for word in sys.orig_argv):  # a test that only lists the cheats keeps its clock
    for name in ("perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "time", "time_ns", "process_time"):
        setattr(time, name, kit.slow(getattr(time, name)))


@cheat("slow-time", least=kit.LABOUR)
@kit.when_timed
def slow_time(x, mu, sigma, U, v):
    """when it is imported it replaces every timer of the module time by one at a hundredth of its speed"""
    return kit.laboured(x, mu, sigma, U, v)
