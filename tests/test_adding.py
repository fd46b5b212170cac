"""To add a thing is to add a file: each kind, in a scratch copy of the checkout where nothing else is edited."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gmbench

ROOT = Path(gmbench.__file__).resolve().parent.parent

ADDED = {
    "gmbench/layers/gm/mine.py": '''
"""The formula once more."""

import gmbench
from gmbench.layers.gm.eager import eager


@gmbench.implementation("gm", name="mine", dtypes=("float64",), ulps=64)
def mine(x, mu, sigma, U, v):
    """somebody's own"""
    return eager(x, mu, sigma, U, v)


@gmbench.initialisation("gm", name="my-start")
def my_start(layer, images, generator):
    """everything is one half"""
    for parameter in layer.parameters():
        parameter.data.fill_(0.5)
''',
    "gmbench/layers/dense/__init__.py": '"""A family of one."""\n',
    "gmbench/layers/dense/contract.py": '''
"""The layer type `dense`: a matrix product."""

import numpy as np

from gmbench.contract import Domain, LayerType, Parameter, Timed, Work


def draw(sizes, batch, regime, spread, zeros, rng):
    return {"x": rng.standard_normal((batch, sizes["d"])), "W": rng.standard_normal((sizes["C"], sizes["d"]))}


def bound(inputs, G, eps, tiny, ulps):
    x, W, G = (np.abs(array) for array in (inputs["x"], inputs["W"], G))
    count = x.shape[1] + G.shape[1] + len(x)
    return {"value": count * (x @ W.T), "x": count * (G @ W), "W": count * (G.T @ x)}


def work(sizes, batch, itemsize):
    d, C = sizes["d"], sizes["C"]
    return Work(batch, ((d, C),), 0, itemsize * (batch * (d + C) + d * C))


DENSE = LayerType(
    name="dense",
    summary="a matrix product",
    formula="W x",
    parameters=(Parameter("W", ("C", "d"), "weights"),),
    in_features="d",
    out_features="C",
    reference="gmbench.references.dense:dense",
    domain=Domain(
        sizes={"d": (1, 2, 3, 8), "C": (1, 2, 3)},
        wide={"d": (2, 30), "C": (1, 5)},
        batches=(1, 2, 3),
        large=(({"d": 64, "C": 10}, 8, "bulk"),),
        regimes={"bulk": "normal numbers"},
        draw=draw,
    ),
    bound=bound,
    nondifferentiable=lambda inputs, eps, ulps: {},
    properties={},
    limits=lambda dtype: {"x = 0": {"x": np.zeros((4, 3)), "W": np.ones((2, 3))}},
    work=work,
    fastest=("eager",),
    timed=(Timed({"d": 64, "C": 10}, 64),),
)
''',
    "gmbench/layers/dense/eager.py": '''
"""The formula, as it is written down."""

import gmbench


@gmbench.implementation("dense", name="eager", derivatives=1, ulps=16)
def eager(x, W):
    """W x"""
    return x @ W.mT
''',
    "gmbench/layers/dense/module.py": '''
"""A torch module of dense layers."""

from gmbench.layers.modules import Layer


class Dense(Layer):
    """Over any implementation of `dense`."""

    def __init__(self, in_features, out_features, implementation="eager", device=None, dtype=None):
        super().__init__("dense", in_features, out_features, implementation, device, dtype)


MODULES = {"dense": Dense}
''',
    "references/dense.py": '''
"""`dense`: in float64 and in ball arithmetic."""

from gmbench.references.gmnm import in_balls, in_float64


def of_dense(x, W, G, exp):
    return {"value": x @ W.T, "x": G @ W, "W": G.T @ x}


dense, dense_ball = in_float64(of_dense), in_balls(of_dense)
''',
    "gmbench/experiments/kumar/own.py": '''
"""An experiment of one's own, with a claim."""

from dataclasses import replace

from gmbench.claims.claim import Claim
from gmbench.claims.evidence import Undecidable
from gmbench.experiments.kumar.single import EXPERIMENT as OTHER

CLAIM = Claim("OWN-01", "nowhere", "something", "5", "%", Undecidable("nobody says how"))


def cell(spec, report):
    """One that measures something of its own."""
    return {
        "epochs": [{"epoch": 0, "test_error": 50.0}],
        "measures": {"roundness": 0.5},
    }


EXPERIMENT = replace(OTHER, name="own", claims=(CLAIM,), cell=cell, measures={"roundness": "of nothing, in degrees"})
''',
    "gmbench/runs/engines/twice.py": '''
"""An engine that has two places."""

from gmbench.runs.engines.local import Local


class Twice(Local):
    """Always two cells at a time."""

    def __init__(self, *words, **options):
        super().__init__(*words, **options)
        self.slots = 2


ENGINE = Twice
''',
    "gmbench/data/halves.py": '''
"""Two classes of two pixels."""

import numpy

from gmbench.data.contract import DataSet, Raw


def read():
    images = numpy.array([[0, 1], [1, 0]] * 8, "uint8")
    labels = numpy.array([0, 1] * 8, "uint8")
    return Raw(images, labels, images, labels)


DATA_SET = DataSet(
    name="halves",
    summary="made up",
    shape=(1, 1, 2),
    classes=2,
    full=1,
    mean=0.5,
    std=0.5,
    licence="none",
    source="nowhere",
    read=read,
)
''',
}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A copy of the checkout with one file more of each kind; runs a command of it, from somewhere else."""
    folder = tmp_path_factory.mktemp("scratch")
    for name in ("gmbench", "references", "suites"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "asv.conf.json", folder)
    for name, text in ADDED.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        assert not path.exists()  # nothing that is there is edited
        path.write_text(text.lstrip("\n"))
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GMBENCH_")}
    environment["PYTHONPATH"] = str(folder)

    def run(*words, program=("-m", "gmbench")):
        command = [sys.executable, "-P", *program, *words]
        return subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)

    return run


def printed(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_implementation_an_initialisation_and_a_layer_type(scratch):
    found = printed(scratch("list", "--json"))
    assert {"gm/mine", "dense/eager"} <= {row["name"] for row in found["implementations"]} and not found["broken"]
    assert "gm/my-start" in {row["name"] for row in found["initialisations"]}
    assert "dense" in {row["name"] for row in found["layer_types"]}
    said = printed(scratch("verify", "dense/eager", "--profile", "smoke", "--json"))
    assert said["exit"] == 0 and said["problem"] == ""
    assert {"value", "gradient-x", "gradient-W"} <= {record["check"] for record in said["records"]}
    assert printed(scratch("verify", "gm/mine", "--profile", "smoke", "--only", "value", "--json"))["exit"] == 0


def test_an_experiment_with_measures_a_data_set_and_an_engine(scratch, tmp_path):
    assert printed(scratch("data", "halves", "--json"))["classes"] == 2
    words = ("--data", "halves", "--engine", "twice", "--arms", "kumar", "--store", str(tmp_path))
    done = scratch("run", "own", *words)
    assert done.returncode == 0 and "1 cells to run, 2 at a time" in done.stderr
    told = """
import sys

import gmbench

assert gmbench.nn.stack("dense", [3, 2])[0].W.shape == (2, 3)
frame = gmbench.load("cells", sys.argv[1])
print({name: what for name, what in gmbench.columns("cells").items() if frame.get(name, frame["cell"])[0] == 0.5})
"""
    done = scratch(str(tmp_path), program=("-c", told))
    assert done.stdout == "{'roundness': 'of nothing, in degrees'}\n"


def test_a_claim(scratch, tmp_path):
    rows = printed(scratch("claims", "OWN-01", "--json", "--store", str(tmp_path)))
    assert [(row["id"], row["experiment"]) for row in rows] == [("OWN-01", "own")]
