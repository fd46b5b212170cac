"""Compiled graphs that are kept, the way past torch.compile to them, and what they compute with."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gmbench import registry
from gmbench.layers import graphs, products

MISSING = registry._missing("compiler")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "")


def body(twice, x, G, A, b):
    """Numbers, None and one input among the results, nested."""
    y = x @ A.mT
    return (y.sum(1) * (2 if twice else 1), None), (y * G, A * 3), b


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    for kept in ("_graphs", "_shortcuts"):
        monkeypatch.setattr(graphs, kept, {})


def tensors(rows, width=5, dtype=torch.float32):
    return [torch.randn(rows, width, dtype=dtype), torch.randn(rows, 4, dtype=dtype)], [
        torch.randn(4, width, dtype=dtype),
        torch.randn(3, dtype=dtype),
    ]


def called(rows, others, twice=True):
    return graphs.run(body, (twice,), rows, others, {})


def agrees(result, rows, others, twice=True):
    (sums, nothing), (product, tripled), last = result
    (want, _), (wanted, three), _ = body(twice, *rows, *others)
    torch.testing.assert_close([sums, product, tripled], [want, wanted, three])
    return nothing is None and last is others[1]


@pytest.fixture
def compiled(monkeypatch):
    """The inputs and the options of every graph that inductor compiled."""
    seen, inductor = [], graphs._inductor

    def spy(graph, inputs, options):
        seen.append((inputs, options))
        return inductor(graph, inputs, options)

    monkeypatch.setattr(graphs, "_inductor", spy)
    return seen


def test_the_way_past_torch_compile_gives_the_same_of_other_numbers():
    with torch.no_grad():
        for rows in (7, 7, 12, 12, 1, 1, 7):
            given = tensors(rows)
            assert agrees(called(*given), *given)
    assert len(graphs._graphs) == 2, "one for one row, one for any other number"


def test_what_was_called_once_is_not_looked_up_again(monkeypatch):
    def simple(x, A):
        return x @ A, x.sum()

    with torch.no_grad():
        first, second = (torch.randn(6, 4), torch.randn(4, 3)), (torch.randn(6, 4), torch.randn(4, 3))
        graphs.run(simple, (), first[:1], first[1:], {})
        assert len(graphs._shortcuts) == 1
        graphs._graphs.clear()
        monkeypatch.setattr(torch, "compile", lambda *_, **__: pytest.fail("compiled again"))
        torch.testing.assert_close(graphs.run(simple, (), second[:1], second[1:], {})[0], second[0] @ second[1])


@pytest.mark.parametrize("change", ["dtype", "another's dtype", "width", "flag", "threads"])
def test_the_way_past_is_only_for_the_very_same_call(change):
    with torch.no_grad():
        given, twice, threads = tensors(6), True, torch.get_num_threads()
        called(*given)
        assert len(graphs._shortcuts) == 1
        if change == "dtype":
            given = tensors(6, dtype=torch.float64)
        elif change == "another's dtype":
            given[0][1] = given[0][1].double()
        elif change == "width":
            given = tensors(6, width=9)
        elif change == "flag":
            twice = False
        else:
            torch.set_num_threads(threads % 2 + 1)
        try:
            assert agrees(called(*given, twice), *given, twice)
        finally:
            torch.set_num_threads(threads)
        assert len(graphs._shortcuts) == 2


def test_the_way_past_is_not_taken_where_something_is_switched_on():
    with torch.no_grad():
        assert graphs._usual("cpu")
        with torch.enable_grad():
            assert not graphs._usual("cpu")
        with torch.autocast("cpu"):
            assert not graphs._usual("cpu")
        with TorchDispatchMode():
            assert not graphs._usual("cpu")


@pytest.mark.night
@pytest.mark.parametrize("first", ["float32", "autocast"])
def test_what_ran_before_in_another_precision_does_not_matter(first):
    """Forward under autocast and backward outside, as training in mixed precision does it."""
    from gmbench.layers.gm.compiled import compiled
    from gmbench.layers.gm.eager import eager

    def gradients(function, mixed):
        generator = torch.Generator().manual_seed(3)
        shapes = ((5, 40), (3, 40), (3, 40), (3, 7, 40), (3, 7))
        given = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
        with torch.autocast("cpu", enabled=mixed):
            out = function(*given)
        return torch.autograd.grad(out.float().sum(), given)

    wanted = gradients(eager, False)
    for mixed in (True, False) if first == "autocast" else (False, True, False):
        near = 0.05 if mixed else 1e-4
        for found, want in zip(gradients(compiled, mixed), wanted, strict=True):
            assert (found - want).abs().max() <= near * want.abs().max()


def test_a_change_of_settings_does_not_fix_the_batch(compiled):
    """A graph that is made again is still one for every batch: there are at most eight of one code."""
    with torch.no_grad():
        called(*tensors(6))
        with torch.autocast("cpu"):
            for rows in range(7, 18):
                called(*tensors(rows))
    assert len(compiled) == 2


def test_a_layer_inside_somebody_elses_graph_can_be_trained():
    from gmbench.layers.ugmm.compiled import compiled
    from gmbench.layers.ugmm.eager import eager

    generator = torch.Generator().manual_seed(4)
    shapes = ((6, 5), (3, 5), (3, 5), (3, 5))
    given = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
    found = torch.autograd.grad(torch.compile(lambda *every: compiled(*every) * 2)(*given).sum(), given)
    wanted = torch.autograd.grad((eager(*given) * 2).sum(), given)
    torch.testing.assert_close(found, wanted)


def test_shortcuts_do_not_become_ever_more(monkeypatch):
    monkeypatch.setattr(graphs, "MOST", 3)
    with torch.no_grad():
        for rows in range(2, 9):
            given = tensors(rows)
            assert agrees(called(*given), *given)
    assert len(graphs._shortcuts) <= 3


def test_lengths_that_differ_between_two_graphs_stay_lengths(compiled):
    """torch would make them symbols in the second graph, and its code slower."""
    with torch.no_grad():
        for width in (5, 9, 11):
            called(*tensors(6, width))
    numbers = [[each for each in inputs if not isinstance(each, torch.Tensor)] for inputs, _ in compiled]
    assert len(compiled) == 3 and all(len(each) <= 1 for each in numbers), "the batch alone may be one"


def test_little_work_runs_on_one_thread(compiled, monkeypatch):
    with torch.no_grad():
        called(*tensors(6))
        monkeypatch.setattr(graphs, "LITTLE", 1)
        called(*tensors(7))
    assert [options for _, options in compiled] == [{"cpp.threads": 1}, {}]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 3, 64])
def test_products_are_those_of_torch(n, dtype):
    generator = torch.Generator().manual_seed(n)
    a, b = (torch.randn(*shape, dtype=dtype, generator=generator) for shape in ((n, 300), (200, 300)))
    near = dict(rtol=0, atol=1e3 * torch.finfo(dtype).eps)
    torch.testing.assert_close(products.product(a, b), a @ b.mT, **near)
    torch.testing.assert_close(products.product(b, a), b @ a.mT, **near)
    torch.testing.assert_close(products.columns(a, a), a.mT @ a, **near)
    torch.testing.assert_close(products.product(a.mT.contiguous().mT, b.mT.contiguous().mT), a @ b.mT, **near)


def test_large_products_of_float32_are_onednn_s(monkeypatch):
    if not products.AVAILABLE:
        pytest.skip("this torch has no oneDNN")
    with torch.profiler.profile() as seen:
        products.product(torch.randn(3, 300), torch.randn(200, 300))
        products.product(torch.randn(3, 30), torch.randn(20, 30))
    assert [e.name for e in seen.events()].count("mkldnn::_linear_pointwise") == 1
    monkeypatch.setattr(products, "AVAILABLE", False)
    a, b = torch.randn(3, 300), torch.randn(200, 300)
    assert torch.equal(products.product(a, b), a @ b.mT)
