"""The Laplacian of any function of x by autograd: slow, and owing nothing to a closed form."""

import torch


def by_autograd(function, x, *parameters):
    """The sum over inputs of the second derivatives of ``function(x, *parameters)``, ``(..., out_features)``.

    It can be differentiated once more, by x and the parameters.
    """
    wanted = torch.is_grad_enabled()
    with torch.enable_grad():
        at = x if x.requires_grad and wanted else x.detach().requires_grad_()
        outputs = function(at, *parameters)
        results = [torch.zeros_like(outputs[..., c]) for c in range(outputs.shape[-1])]
        for c, output in enumerate(outputs.unbind(-1)):
            (slope,) = torch.autograd.grad(output.sum(), at, create_graph=True)
            for i, each in enumerate(slope.unbind(-1)):
                if not each.requires_grad:  # no batch, or no unit: nothing depends on x
                    continue
                (second,) = torch.autograd.grad(each.sum(), at, create_graph=wanted, retain_graph=True)
                results[c] = results[c] + second[..., i]
        found = torch.stack(results, -1)
    return found if wanted else found.detach()
