"""GMNM with full Gaussians: each unit falls off with the Mahalanobis distance from its centre."""
