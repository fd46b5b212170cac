"""GM layers: a layer is a mixture of Gaussians over neurons, integrated in closed form."""
