"""What the layers share of autograd: a Laplacian that owes nothing to a closed form, and backwards by hand."""

from collections.abc import Callable

import torch


def laplacian(function: Callable[..., torch.Tensor], x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
    """The sum over inputs of the second derivatives of ``function(x, *parameters)``, ``(..., out_features)``.

    It takes a backward pass for each output and another for each input. It can be differentiated once more, by x and
    the parameters.

    :param function: of x ``(..., in_features)`` and the parameters, in which no row's result depends on other rows
    """
    wanted = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *parameters))
    with torch.inference_mode(False), torch.enable_grad():
        if not wanted:  # copies, since inference tensors take no part in autograd
            x, *copies = (tensor.detach().clone() for tensor in (x, *parameters))
            parameters = tuple(copies)
        at = x if x.requires_grad else x.detach().requires_grad_()
        columns = [_of_output(output, at, wanted) for output in function(at, *parameters).unbind(-1)]
    return torch.stack(columns, -1)


def _of_output(output: torch.Tensor, x: torch.Tensor, wanted: bool) -> torch.Tensor:
    (slope,) = torch.autograd.grad(output.sum(), x, create_graph=True)
    total = torch.zeros_like(output)
    for i, each in enumerate(slope.unbind(-1)):
        (second,) = torch.autograd.grad(each.sum(), x, create_graph=wanted, retain_graph=True)
        total = total + second[..., i]
    return total if wanted else total.detach()


def first_order_only(who: str, other: str) -> None:
    """The first line of a backward that is written by hand, and cannot be differentiated itself.

    torch's own ``once_differentiable`` is silent where the cotangent needs no gradient.

    :param who: the implementation
    :param other: one that has further derivatives
    :raises RuntimeError: if it is to be differentiated
    """
    if torch.is_grad_enabled():
        raise RuntimeError(f"{who} is differentiable once: create_graph=True asks for more, {other} can")
