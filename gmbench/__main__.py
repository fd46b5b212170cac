"""``python -m gmbench`` is the command line."""

from gmbench.cli.base import main

main(prog_name="gmbench")
