"""Random inputs: what the domains of several families draw alike. An entry of a domain is 0 or of size 1e-4 to 1e4."""

from collections.abc import Iterable, Mapping

import numpy as np


def entries(rng: np.random.Generator, shape: int | tuple[int, ...], spread: float = 0) -> np.ndarray:
    """Numbers of either sign with full mantissas: of size 10^-spread to 10^spread, or standard normal for spread 0."""
    if spread == 0:
        return rng.standard_normal(shape)
    return rng.choice([-1.0, 1.0], shape) * 10 ** rng.uniform(-spread, spread, shape)


def strew_zeros(rng: np.random.Generator, tensors: Iterable[np.ndarray], quarters: int) -> None:
    """So many quarters of the entries of each tensor made exactly 0, in place and by chance."""
    for tensor in tensors:
        tensor[rng.random(tensor.shape) < quarters / 4] = 0.0


def clip_sizes(tensor: np.ndarray) -> np.ndarray:
    """The nearest tensor whose entries are 0 or of size 1e-4 to 1e4; signs stay."""
    size = np.clip(np.abs(tensor), 1e-4, 1e4)
    return np.where(tensor == 0, 0.0, np.copysign(size, tensor))


def inside(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All of these tensors inside the domain, by :func:`clip_sizes`."""
    return {name: clip_sizes(tensor) for name, tensor in inputs.items()}


def steer(mu: np.ndarray, x: np.ndarray, products: np.ndarray) -> np.ndarray:
    """``mu (K, d)`` moved along the rows of ``x (B, d)`` as little as needed for <mu_k, x_b> = ``products (K, B)``,
    as far as the rows of x permit.
    """
    return mu + (products - mu @ x.T) @ np.linalg.pinv(x.T, rcond=1e-6)
