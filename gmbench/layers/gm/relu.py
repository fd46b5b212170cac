"""The two expectations every ReLU GM layer is made of, exact to rounding in both tails."""

import math

import torch


def expectations(m, s2):
    """``A = E relu(t)`` and ``P = E relu'(t)`` for ``t ~ N(m, s2)``, elementwise.

    With z = m/s: A = s (relu(z) + n(z) (1 - |z| R(|z|))) and P = Phi(z), where n is the normal density, Phi the
    normal cdf and R = Phi(-|z|)/n(z) Mills' ratio, taken from the scaled complementary error function. Nothing
    cancels that the formula m Phi(z) + s n(z) does not cancel too. The clamp stands inside the root, so that every
    derivative stays finite at s2 = 0, and there A is relu(m) exactly. ``where`` instead of ``abs`` and ``relu``:
    both have the derivative 0 at 0, which would lose the slope P = 1/2 there.

    :param m: means, any shape
    :param s2: variances, same shape, not negative
    """
    s = s2.clamp_min(torch.finfo(s2.dtype).tiny).sqrt()
    z = m / s
    left = z < 0
    distance = torch.where(left, -z, z)
    density = torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    mills = math.sqrt(math.pi / 2) * torch.special.erfcx(distance / math.sqrt(2))
    A = torch.where(left, 0, m) + torch.where(s2 > 0, s * density * (1 - distance * mills), 0)
    tail = density * mills
    P = torch.where(left, tail, 1 - tail)
    return A, P
