"""uGMM layers: each neuron is a mixture of one-dimensional Gaussians, one for each of its inputs."""
