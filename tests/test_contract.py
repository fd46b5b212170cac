"""Declarations: what the decorator accepts, and the one line it says to the rest."""

import inspect
import json
import subprocess
import sys

import pytest

import gmbench
from gmbench import registry
from gmbench.contract import MARK, ContractError


def good(x, mu, sigma, U, v):
    """my layer

    More about it.
    """


def declare(function=good, layer_type="gm", **changed):
    return gmbench.implementation(layer_type, **{"name": "mine", "ulps": 64, **changed})(function)


def test_importing_gmbench_loads_no_torch():
    code = "import sys, gmbench, gmbench.registry; gmbench.registry.layer_types(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_function_is_returned_unchanged_with_its_record():
    def function(x, mu, sigma, U, v):
        """my layer"""

    assert declare(function) is function
    (record,) = getattr(function, MARK)
    assert (record.key, record.summary, record.module) == ("gm/mine", "my layer", __name__)
    assert dict(record.ulps) == {"float32": 64.0, "float64": 64.0}
    assert "gm/mine" not in registry.load().implementations  # nothing global was filled


def test_one_claim_per_dtype():
    def function(x, mu, sigma, U, v): ...

    declare(function, ulps={"float32": 8, "float64": 128})
    assert dict(getattr(function, MARK)[0].ulps) == {"float32": 8.0, "float64": 128.0}


def wrong_first(y, mu, sigma, U, v): ...
def misses_two(x, mu, U): ...
def unknown_one(x, mu, sigma, U, v, temperature): ...
def takes_anything(x, **parameters): ...
async def waits(x, mu, sigma, U, v): ...


class Layer:
    def __init__(self, x, mu, sigma, U, v): ...


BAD = [
    (dict(layer_type="gmx"), "there is no layer type 'gmx'; did you mean 'gm'?"),
    (dict(function=wrong_first), "the first argument must be x"),
    (dict(function=misses_two), "missing sigma, v"),
    (dict(function=unknown_one), "unknown temperature"),
    (dict(function=takes_anything), "name the parameters"),
    (dict(function="text"), "not a function"),
    (dict(function=waits), "it is async; declare a plain function"),
    (dict(function=Layer), "Layer is a class; declare a function"),
    (dict(layer_type=["gm"]), "there is no layer type ['gm']"),
    (dict(layer_type=good), 'write @gmbench.implementation("gm", name="...") above the function'),
    (dict(name=None), "gm implementation: name= is missing"),
    (dict(ulp=64), "there is no ulp=; did you mean 'ulps'?"),
    (dict(name=3), "a name is made of"),
    (dict(name="a b"), "a name is made of"),
    (dict(name=""), "a name is made of"),
    (dict(ulps=None), "claim an accuracy"),
    (dict(ulps=0), "positive number"),
    (dict(ulps=True), "positive number"),
    (dict(ulps="many"), "positive number"),
    (dict(ulps=2**20), "claim next to nothing"),
    (dict(ulps=4, dtypes="bfloat16"), "claim next to nothing"),
    (dict(ulps={"float32": 4}), "must name the dtypes"),
    (dict(approximate="sampled"), "either ulps= or approximate="),
    (dict(ulps=None, approximate=""), "takes the reason"),
    (dict(dtypes=()), "at least one dtype"),
    (dict(dtypes=None), "the dtype is a text or several, not None"),
    (dict(requires=None), "what it requires is a text or several, not None"),
    (dict(dtypes=("float31",)), "the dtype 'float31' is not known"),
    (dict(devices=("tpu",)), "the device 'tpu' is not known"),
    (dict(devices=()), "at least one device"),
    (dict(derivatives=3), "derivatives must be 0, 1 or 2"),
    (dict(transforms=("jit",)), "the transform 'jit' is not known"),
    (dict(quantity="laplacian"), "the quantity 'laplacian' is not known"),
]


@pytest.mark.parametrize(("changed", "said"), BAD, ids=[said for _, said in BAD])
def test_what_does_not_fit_is_refused_in_one_line(changed, said):
    with pytest.raises(ContractError) as caught:
        declare(**changed)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_editors_see_every_keyword():
    for decorator in (gmbench.implementation, gmbench.initialisation):
        kinds = {name: parameter.kind.name for name, parameter in inspect.signature(decorator).parameters.items()}
        assert kinds.pop("layer_type") == "POSITIONAL_OR_KEYWORD"
        assert set(kinds.values()) == {"KEYWORD_ONLY"} and "name" in kinds
    with pytest.raises(ContractError, match="gm implementation: there is no nmae=; did you mean 'name'"):
        gmbench.implementation("gm", nmae="mine", ulps=64)


def test_a_record_as_plain_data():
    def function(x, mu, sigma, U, v): ...

    (record,) = getattr(declare(function), MARK)
    plain = json.loads(json.dumps(record.as_dict()))
    assert plain == record.as_dict() and "function" not in plain
    assert (plain["key"], plain["dtypes"], plain["ulps"]["float64"]) == ("gm/mine", ["float32", "float64"], 64)


def test_an_initialisation_has_a_fixed_signature():
    with pytest.raises(ContractError, match="write it as f"):
        gmbench.initialisation("gm", name="mine")(lambda layer: None)
    with pytest.raises(ContractError, match="there is no use_images=; did you mean 'uses_images'"):
        gmbench.initialisation("gm", name="mine", use_images=True)
    with pytest.raises(ContractError, match=r"write @gmbench\.initialisation"):
        gmbench.initialisation(lambda layer, images, generator: None)


def test_every_layer_type_is_complete():
    for name, kind in registry.layer_types().items():
        assert kind.name == name
        sizes = {axis: choices[0] for axis, choices in kind.domain.sizes.items()}
        assert set(kind.shapes(sizes)) == set(kind.names)
        assert kind.work({**sizes, **kind.fixed}, 4, 4).operations > 0
        assert any(i.layer_type == name for i in registry.load().implementations.values())


def test_another_quantity_is_judged_as_a_layer_type_of_its_own():
    def laplacian(x, W, b, pi):
        """its Laplacian"""

    given = dict(name="mine", ulps=64, quantity="laplacian")
    (record,) = getattr(gmbench.implementation("gmnm-ridge", **given)(laplacian), MARK)
    assert record.quantity == "laplacian"
    assert record.layer_type == "gmnm-ridge-laplacian" and record.key == "gmnm-ridge-laplacian/mine"
    assert registry.layer_type(record.layer_type).names == registry.layer_type("gmnm-ridge").names
    with pytest.raises(ContractError, match="the quantity 'laplacain' is not known; choose from value, laplacian"):
        gmbench.implementation("gmnm-ridge", **{**given, "quantity": "laplacain"})(laplacian)


@pytest.mark.parametrize("decorator", [gmbench.implementation, gmbench.initialisation])
@pytest.mark.parametrize(
    ("given", "named", "said"),
    [
        (("gm", "x"), dict(name="y"), 'name="..."): all but the layer type is given by name'),
        (("gm",), dict(layer_type="gm", name="y"), "all but the layer type is given by name"),
        ((), dict(name="x"), "with its layer type"),
        ((), {}, "with its layer type"),
        ((None,), dict(name="x"), "with its layer type"),
    ],
)
def test_a_decorator_that_is_called_wrongly_says_how(decorator, given, named, said):
    with pytest.raises(ContractError) as caught:
        decorator(*given, **named)
    assert said in str(caught.value) and f"@gmbench.{decorator.__name__}(" in str(caught.value)
