"""The implementations of `ugmm` that keep nothing of batch x out x in: what they keep, refuse, and leave to chance."""

import pytest
import torch

from gmbench import registry
from gmbench.contract import ContractError

FUSED = ["ugmm/chunked", "ugmm/native", "ugmm-tied/native"]


def tensors(layer_type, rows=5, inputs=33, neurons=6, **options):
    generator = torch.Generator().manual_seed(1)
    shapes = [(neurons, inputs)] * 3
    shapes[0] = (inputs,) if layer_type == "ugmm-tied" else shapes[0]
    return [torch.randn(shape, generator=generator, **options) for shape in [(rows, inputs), *shapes]]


@pytest.fixture(params=FUSED)
def record(request):
    (found,) = registry.load().select(request.param)
    if registry.unavailable(found):
        pytest.skip(registry.unavailable(found))
    return found


def test_nothing_large_is_kept(record):
    given = [tensor.requires_grad_() for tensor in tensors(record.layer_type, rows=64)]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda t: t):
        record.function(*given)
    assert 0 < max(kept) < 64 * 33 * 6 / 4


def test_it_is_differentiable_once_and_says_so(record):
    given = [tensor.requires_grad_() for tensor in tensors(record.layer_type)]
    with pytest.raises(RuntimeError, match="differentiable once"):
        torch.autograd.grad(record.function(*given).sum(), given[:1], create_graph=True)


@pytest.mark.parametrize("rows", [0, 1, 9])
@pytest.mark.parametrize("inputs", [1, 16, 33])
def test_each_gradient_alone_is_that_of_all_together(record, rows, inputs):
    given = [tensor.requires_grad_() for tensor in tensors(record.layer_type, rows, inputs)]
    out = record.function(*given)
    together = torch.autograd.grad(out, given, torch.ones_like(out), retain_graph=True)
    for tensor, gradient in zip(given, together, strict=True):
        alone = [other.detach().requires_grad_(other is tensor) for other in given]
        (found,) = torch.autograd.grad(record.function(*alone).sum(), [t for t in alone if t.requires_grad])
        assert torch.equal(found, gradient) and found.shape == tensor.shape


def test_threads_do_not_change_the_results(record):
    if record.name != "native":
        pytest.skip("torch's own sums depend on them")
    found, threads = [], torch.get_num_threads()
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            given = [tensor.requires_grad_() for tensor in tensors(record.layer_type, 37, 130, 17)]
            out = record.function(*given)
            found.append([out, *torch.autograd.grad(out.sum(), given)])
    finally:
        torch.set_num_threads(threads)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x, *rest: (x[:, 1:], *rest), r"do not fit: \(5, 32\)"),
        (lambda x, mu, s, w: (x, mu[..., 1:], s, w), "do not fit"),
        (lambda x, mu, s, w: (x, mu, s[:1], w), "do not fit"),
        (lambda x, mu, s, w: (x, mu, s, w[1:]), "do not fit"),
        (lambda x, *rest: (x.double(), *rest), "float32 or float64"),
        (lambda *given: tuple(tensor.half() for tensor in given), "float32 or float64"),
    ],
)
@pytest.mark.parametrize("layer_type", ["ugmm", "ugmm-tied"])
def test_native_refuses_what_does_not_fit(layer_type, change, said):
    record = registry.load().implementation(layer_type, "native")
    with pytest.raises(ContractError, match=said):
        record.function(*change(*tensors(layer_type)))
