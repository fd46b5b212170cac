"""On ``$PYTHONPATH`` it makes every gmbench of the processes below know the experiment ``fake`` and nothing heavy."""

import os
import sys

if os.environ.get("GMBENCH_FAULTS") and any("gmbench" in word for word in sys.orig_argv[1:]):
    import gmbench_fake

    gmbench_fake.install()
