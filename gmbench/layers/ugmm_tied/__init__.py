"""uGMM layers whose neurons share the means."""
