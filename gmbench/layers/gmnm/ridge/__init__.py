"""GMNM with ridges: each unit falls off along one direction and is constant across it."""
