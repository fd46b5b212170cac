"""uGMM-NN: Zakeria Sharif Ali, arXiv 2509.07569."""
