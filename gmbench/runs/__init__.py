"""Cells, where they run, and what is kept of them."""

ENGINES = ("local", "ray", "slurm")  # a module here each; only the chosen one is imported
