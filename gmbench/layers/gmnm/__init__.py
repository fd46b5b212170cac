"""GMNM: what its layer types share; a mixture of Gaussians of projections, with weights of any sign."""
