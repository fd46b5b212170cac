"""GMNM with augmented Gaussian projections, Eq. 3 of its paper to the letter: ridges with more parameters."""
