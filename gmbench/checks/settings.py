"""Global settings that change what a call computes or costs, and that an implementation must leave alone."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import torch


def global_settings() -> dict[str, object]:
    """All of them as they are, by a name that a message can say: of the process, of numpy and of torch."""
    drawn = np.random.get_state(legacy=False)["state"]
    return {
        "the random state": torch.random.get_rng_state().tolist(),
        "numpy's random state": (drawn["key"].tolist(), drawn["pos"]),
        **{f"the {name}": value for name, value in torch_settings().items()},
        "numpy's error state": np.geterr(),
        "the working folder": os.getcwd(),
    }


def changed_settings(before: Mapping[str, object]) -> list[str]:
    """Names of the global settings that are no longer what they were."""
    return [name for name, value in global_settings().items() if value != before[name]]


def torch_settings() -> dict[str, object]:
    """Those of torch alone, by name."""
    smallest = torch.tensor(torch.finfo(torch.float64).tiny, dtype=torch.float64)
    return {
        "default dtype": torch.get_default_dtype(),
        "grad mode": torch.is_grad_enabled(),
        "number of threads": torch.get_num_threads(),
        "matmul precision": _matmul_precision(),
        "TF32 setting": (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32),
        "oneDNN precision": _onednn_precision(),
        "deterministic mode": torch.are_deterministic_algorithms_enabled(),
        "autocast setting": (torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")),
        "anomaly mode": torch.is_anomaly_enabled(),
        "flushing of denormals": bool(smallest / 2 == 0),
        "stack of modes": tuple(
            getattr(torch._C, name)()
            for name in ("_len_torch_dispatch_stack", "_len_torch_function_stack")
            if hasattr(torch._C, name)
        ),
    }


def _matmul_precision() -> str:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError as error:  # where somebody has set a part of it by its other name
        return str(error)


def _onednn_precision() -> tuple[str, ...]:
    module = getattr(torch.backends, "mkldnn", None)
    return tuple(str(getattr(part, "fp32_precision", None)) for part in (module, getattr(module, "matmul", None)))
