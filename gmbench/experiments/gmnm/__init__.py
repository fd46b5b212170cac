"""GMNM: Lu, Yuan, Zhang and Li, arXiv 2510.06660."""
