"""The Laplacian of GMNM with ridges."""
