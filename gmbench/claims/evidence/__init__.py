"""What a claim says, as data, and the verdict that cells allow.

A number carries a margin: half its last printed digit, a tenth of it where the paper says "about", and the paper's
stated spread. *Reproduced*: the 95 % interval over seeds lies inside published +- margin. *Not reproduced*: it is
disjoint from that. Otherwise *inconclusive*. An ordering holds where the paired 95 % interval excludes 0. Fewer than
three seeds are inconclusive, except for counts, identities and what is the same for any seed.

A seed that diverged is at 100 % error, in orderings and counts; a printed number is compared with the seeds that
trained.
"""

from gmbench.claims.evidence.combined import Alongside, Together, Undecidable
from gmbench.claims.evidence.counts import Count
from gmbench.claims.evidence.numbers import Beside, Beyond, Identity, Number, digit_of
from gmbench.claims.evidence.orderings import Below, BelowThroughout, Gap, Tighter
from gmbench.claims.evidence.times import step_times

__all__ = [
    "Alongside",
    "Below",
    "BelowThroughout",
    "Beside",
    "Beyond",
    "Count",
    "Gap",
    "Identity",
    "Number",
    "Tighter",
    "Together",
    "Undecidable",
    "digit_of",
    "step_times",
]
