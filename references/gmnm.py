"""`gmnm`: the formulas in ball arithmetic, proven enclosures, and integrals that they must agree with."""

import functools

import numpy as np

from gmbench.layers.gmnm import formulas
from gmbench.references import Enclosure
from gmbench.references import arb as ball

balls_exp = np.frompyfunc(lambda b: b.exp(), 1, 1)


def in_float64(formula):
    """The formula's reference in float64: right to 4 eps of the running error bound."""

    @functools.wraps(formula)
    def reference(inputs, G):
        results = formula(**inputs, G=G, exp=np.exp)
        return {name: Enclosure(value, 0 * value, 0 * value) for name, value in results.items()}

    return reference


def in_balls(formula):
    """The same in ball arithmetic: a proven enclosure for the exact inputs."""

    @functools.wraps(formula)
    def reference(inputs, G, bits=256):
        with ball.precision(bits):
            exact = {name: ball.balls(array) for name, array in inputs.items()}
            results = formula(**exact, G=ball.balls(G), exp=balls_exp)
            return {name: Enclosure(*ball.floats(value)) for name, value in results.items()}

    return reference


ridge, ridge_ball = in_float64(formulas.ridge), in_balls(formulas.ridge)
mahalanobis, mahalanobis_ball = in_float64(formulas.mahalanobis), in_balls(formulas.mahalanobis)
agp, agp_ball = in_float64(formulas.agp), in_balls(formulas.agp)
ridge_laplacian, ridge_laplacian_ball = in_float64(formulas.ridge_laplacian), in_balls(formulas.ridge_laplacian)
mahalanobis_laplacian = in_float64(formulas.mahalanobis_laplacian)
mahalanobis_laplacian_ball = in_balls(formulas.mahalanobis_laplacian)
