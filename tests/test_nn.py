"""The public face of the modules: `gmbench.nn`, which serves all families alike."""

import subprocess
import sys

import pytest
import torch

import gmbench
from gmbench.contract import ContractError
from gmbench.nn import GMNM, GMLayer, UGMMLayer, initialise, stack

TYPES = {  # the module, its options, and an initialisation
    "gm": (GMLayer, dict(components=3), "kumar"),
    "ugmm": (UGMMLayer, {}, "authors"),
    "ugmm-tied": (UGMMLayer, {}, "unit-sigma"),
    "gmnm-mahalanobis": (GMNM, dict(units=4), "uniform"),
    "gmnm-ridge": (GMNM, dict(units=4), "points"),
    "gmnm-agp": (GMNM, dict(units=4, projections=2), "points"),
}


@pytest.mark.parametrize("layer_type", TYPES)
def test_one_stack_and_one_initialise_for_every_type(layer_type):
    module, options, start = TYPES[layer_type]
    x = torch.randn(20, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    network = stack(layer_type, [5, 4, 2], layer_norm="hidden", dtype=torch.float64, **options)
    assert [type(each) for each in network] == [module, torch.nn.LayerNorm, module]
    assert {network[0].layer_type, network[2].layer_type} == {layer_type}
    initialise(network, start, x, torch.Generator().manual_seed(0))
    assert network(x.view(4, 5, 5)).shape == (4, 5, 2) and network(x).dtype == torch.float64
    assert len(network(x).unique(dim=0)) == 20


def test_it_is_an_attribute_that_loads_torch_at_first_use():
    code = (
        "import sys, gmbench; assert 'torch' not in sys.modules\n"
        "assert gmbench.nn.GMLayer(3, 2).components == 10 and gmbench.nn is sys.modules['gmbench.nn']"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(gmbench.nn.__all__) >= {"GMLayer", "GMNM", "UGMMLayer", "initialise", "stack"}
    assert dir(gmbench) == sorted([*gmbench.__all__, "__version__"]) and "nn" in dir(gmbench)
    assert all(callable(getattr(gmbench.nn, name)) for name in gmbench.nn.__all__)
    with pytest.raises(AttributeError, match="module 'gmbench' has no attribute 'nm'"):
        _ = gmbench.nm


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: stack("ugm", [3, 2]), "there is no module of the layer type 'ugm'; did you mean 'ugmm'"),
        (lambda: stack("gm-full", [3, 1]), "there is no module of the layer type 'gm-full'; there is gm, gmnm-agp, "),
        (lambda: stack("gmnm-ridge", [3], units=2), "at least two widths"),
        (lambda: stack("gm", [784, 10], component=5), "there is no gm option 'component'; did you mean 'components'"),
        (lambda: stack("gm", [784, 10], dropout=0.3), "there is no gm option 'dropout'"),
        (lambda: stack("ugmm-tied", [784, 10], tied=False), "there is no ugmm-tied option 'tied'"),
        (lambda: stack("gmnm-ridge", [3, 2]), "a stack of gmnm-ridge layers needs units="),
        (
            lambda: initialise(stack("gmnm-ridge", [3, 2], units=2), "kumar"),
            "there is no gmnm-ridge initialisation 'kumar'",
        ),
    ],
)
def test_bad_input_is_one_line(act, said):
    with pytest.raises(ContractError, match=said):
        act()
