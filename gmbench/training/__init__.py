"""How networks are trained, general over experiments."""
