"""The running error bounds of the `gmnm` formulas and of their Laplacians."""

from gmbench.layers.running import Running, exp


def of(formula):
    """The bound of one of :mod:`gmbench.layers.gmnm.formulas`, in the arithmetic of :mod:`gmbench.layers.running`."""

    def bound(inputs, G, eps, tiny, ulps):
        """S of the value and of each gradient of sum(G * value), float64 arrays of their shapes."""
        running = {name: Running.of(array, eps, tiny, ulps) for name, array in {**inputs, "G": G}.items()}
        return {name: result.S for name, result in formula(**running, exp=exp).items()}

    return bound


def kinks(inputs, eps, ulps):
    """None: the layers are smooth."""
    return {}
