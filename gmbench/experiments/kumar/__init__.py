"""GM layers: Chewi, Rigollet and Yan, arXiv 2508.04883, and J. Paek's note on KUMAR."""
