"""`ugmm-tied`: the formula of `ugmm`, whose means broadcast over the neurons."""

from gmbench.references.ugmm import ugmm as ugmm_tied
from gmbench.references.ugmm import ugmm_ball as ugmm_tied_ball

__all__ = ["ugmm_tied", "ugmm_tied_ball"]
