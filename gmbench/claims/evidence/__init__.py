"""What a claim says, as data, and the verdict that cells allow: by :mod:`gmbench.claims.decisions` and
:mod:`gmbench.claims.several`.

A number declares what it is rounded to, of how many of the paper's runs it is the mean, which side is the better one,
and the resolution below which an interval says something; an ordering the difference that counts as none; an
equivalence and a limit their margin. A seed that diverged is in no mean: how many did is a part of its own.
"""

from gmbench.claims.evidence.combined import Alongside, Choices, Together, Undecidable
from gmbench.claims.evidence.counts import Count
from gmbench.claims.evidence.numbers import Beside, Beyond, Calculated, Identity, Number, digit_of
from gmbench.claims.evidence.orderings import TENTH, Below, BelowThroughout, Gap, Similar, Tighter
from gmbench.claims.evidence.times import step_times

__all__ = [
    "TENTH",
    "Alongside",
    "Below",
    "BelowThroughout",
    "Beside",
    "Beyond",
    "Calculated",
    "Choices",
    "Count",
    "Gap",
    "Identity",
    "Number",
    "Similar",
    "Tighter",
    "Together",
    "Undecidable",
    "digit_of",
    "step_times",
]
