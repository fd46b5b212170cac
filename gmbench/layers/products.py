"""Matrix products of float32 on a CPU by oneDNN, inside compiled graphs too.

torch's own are MKL's, which keeps to AVX2 on processors that are not Intel's; oneDNN takes AVX-512 wherever it is.
"""

import torch

LARGE = 2**15  # numbers of the second factor, or of the result: below, the call costs more than it saves
AVAILABLE = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")

# An operation of its own, since inductor takes the other one for constant weights alone.
_library = torch.library.Library("gmbench", "FRAGMENT")
_library.define("rows_product(Tensor a, Tensor b) -> Tensor", tags=(torch.Tag.flexible_layout,))
_library.impl("rows_product", lambda a, b: torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], ""), "CPU")
torch.library.register_fake("gmbench::rows_product", lambda a, b: a.new_empty(len(a), len(b)), lib=_library)


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``a @ b.mT`` of ``a (n, d)`` and ``b (m, d)``."""
    return torch.ops.gmbench.rows_product(a, b) if _suits(a, b.numel()) else a @ b.mT


def columns(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``a.mT @ b`` of ``a (n, d)`` and ``b (n, m)``."""
    if not _suits(a, a.shape[1] * b.shape[1]):
        return a.mT @ b
    # the first factor is copied where it is transposed: the one with fewer columns
    if a.shape[1] > 4 * b.shape[1]:
        return torch.ops.gmbench.rows_product(b.mT, a.mT).mT.contiguous()
    return torch.ops.gmbench.rows_product(a.mT, b.mT)


def _suits(a: torch.Tensor, numbers: int) -> bool:
    return AVAILABLE and numbers >= LARGE and a.dtype == torch.float32 and a.device.type == "cpu"
