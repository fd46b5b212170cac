"""What `asv run` measures. Outside asv's own check-outs, the working tree itself is measured."""

import os
import sys
from pathlib import Path

if "ASV_COMMIT" not in os.environ:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
