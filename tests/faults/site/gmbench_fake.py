"""The experiment ``fake``: cells of a fraction of a second, without torch, for the tests of faults.

Everything else is as ever: the same command line, driver, cell processes, locks, files. What the arm ``outside`` does,
an implementation from a file says.
"""

import hashlib
import os
import sys
import time
from dataclasses import replace
from types import ModuleType, SimpleNamespace

SECONDS = float(os.environ.get("GMBENCH_FAULTS_SECONDS", 0.2))  # of a cell
STEPS = 5


def error_of(arm, seed, epoch):
    """What a cell finds: the same wherever it runs."""
    digest = hashlib.sha256(f"{arm} {seed} {epoch}".encode()).digest()
    return 100 * int.from_bytes(digest[:6], "big") / 2**48


def cell(spec, report):
    if spec["implementation"] and "sha256" in spec["implementation"]:
        from gmbench.contract import Implementation
        from gmbench.runs.carry import unpack

        unpack(spec["implementation"], Implementation).function.__wrapped__(*[None] * 5)  # no tensors here
    if os.environ.get("GMBENCH_FAULTS_LOG"):
        with open(os.environ["GMBENCH_FAULTS_LOG"], "a") as log:
            log.write(f"{spec['arm']} {spec['seed']}\n")
    epochs = []
    for epoch in range(STEPS):
        time.sleep(SECONDS / STEPS)
        error = error_of(spec["arm"], spec["seed"], epoch)
        epochs.append({"epoch": epoch, "step": epoch, "test_error": error, "test_loss": error / 50, "train_loss": 0.0})
        report(step=epoch + 1, steps=STEPS, epoch=epoch, test_error=error)
    return {"epochs": epochs, "measures": {}, "weight": list(range(4000))}  # as large as a real one


def install():
    """Make ``fake`` the only experiment; no implementation is built in, so that nothing loads torch."""
    import gmbench.experiments as package
    from gmbench import registry
    from gmbench.contract import Implementation
    from gmbench.experiments import contract

    class Fake(contract.Experiment):
        def usual(self, layer_type, device="cpu"):
            return replace(Implementation("gm", "none", print), derivatives=1)

    fake = Fake(
        name="fake",
        version=1,
        paper="kumar",
        summary="what the tests of faults run",
        layer_type="gm",
        arms={"one": "", "two": "", "outside": ""},
        baselines=("one", "two"),
        headline="outside",
        data_sets=(),
        default_data="none",
        budgets={"smoke": contract.Budget(epochs=STEPS - 1, seeds=(0, 1, 2))},
        decisions=(),
        cell=cell,
        problems={"none": "no data"},
    )
    package.experiments = lambda: {"fake": fake}
    registry.load = lambda *_, **__: registry.Registry({}, {}, ())
    if "cell" in sys.argv or "cell" in sys.orig_argv:  # it asks for torch, to set its threads
        torch = ModuleType("torch")
        torch.set_num_threads = torch.set_flush_denormal = lambda _: None
        torch.cuda = SimpleNamespace(is_available=lambda: False)
        sys.modules["torch"] = torch
