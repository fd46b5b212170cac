"""``python -m gmbench`` is the command line."""

from gmbench.cli import main

main(prog_name="gmbench")
