"""The Laplacian of GMNM with full Gaussians."""
