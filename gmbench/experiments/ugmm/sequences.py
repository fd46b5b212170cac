"""uGMM neurons in networks of sequences: recurrent ones and a transformer block, on the rows of digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from gmbench.contract import Implementation
from gmbench.data import Data
from gmbench.experiments.contract import Experiment, Report, Spec, budgets
from gmbench.experiments.settings import EPOCHS, IMAGES
from gmbench.experiments.ugmm import claims, networks
from gmbench.nn import UGMMLayer, initialise
from gmbench.runs.carry import start_of, unpack
from gmbench.training.classify import at_start, train
from gmbench.training.loop import order_of

BATCH = 32
RATE = 1e-3  # of Adam, for everything but uGMM layers
UGMM_RATE = 1e-2  # as the authors train them
HEADS = 4
WIDE = 32  # the hidden state, or the embedding
INNER = 64  # of the feedforward part


@dataclass(frozen=True)
class Net:
    """A network of sequences.

    :param kind: ``"tanh"``, ``"lstm"`` or ``"ugmm"``, recurrent; ``"block-relu"`` or ``"block-ugmm"``
    :param wide: the hidden state, or of a block its feedforward part
    :param norm: LayerNorm behind the uGMM neurons
    :param start: of uGMM layers
    :param rate: of Adam, of what is no uGMM layer
    """

    kind: str
    wide: int
    norm: bool = False
    start: str = "authors"
    rate: float = RATE


NETS = {
    "rnn": Net("tanh", WIDE),
    "rnn-matched": Net("tanh", 56),
    "rnn-rate": Net("tanh", WIDE, rate=UGMM_RATE),
    "lstm": Net("lstm", WIDE),
    "rnn-ugmm": Net("ugmm", WIDE),
    "rnn-ugmm-unit": Net("ugmm", WIDE, start="unit-sigma"),
    "rnn-ugmm-norm": Net("ugmm", WIDE, norm=True, start="unit-sigma"),
    "block": Net("block-relu", INNER),
    "block-matched": Net("block-relu", 126),
    "block-rate": Net("block-relu", INNER, rate=UGMM_RATE),
    "block-ugmm": Net("block-ugmm", INNER),
    "block-ugmm-unit": Net("block-ugmm", INNER, start="unit-sigma"),
    "block-ugmm-norm": Net("block-ugmm", INNER, norm=True, start="unit-sigma"),
}
ARMS = {
    "rnn": f"h = tanh(W [x, h] + b), {WIDE} wide",
    "rnn-matched": "the same, 56 wide, as many parameters as with uGMM neurons",
    "rnn-rate": "the same, Adam at 1e-2",
    "lstm": f"an LSTM, {WIDE} wide",
    "rnn-ugmm": f"h = uGMM [x, h], {WIDE} wide, from the authors' start",
    "rnn-ugmm-unit": "the same, sigma = 1 at the start",
    "rnn-ugmm-norm": "the same with LayerNorm behind it, sigma = 1 at the start",
    "block": f"a transformer block, feedforward part {WIDE}-{INNER}-{WIDE} with ReLU",
    "block-matched": "the same with 126 hidden, as many parameters as with uGMM neurons",
    "block-rate": "the same, Adam at 1e-2",
    "block-ugmm": f"the block with {INNER} uGMM neurons in place of dense ones and ReLU, from the authors' start",
    "block-ugmm-unit": "the same, sigma = 1 at the start",
    "block-ugmm-norm": "the same with LayerNorm behind them, sigma = 1 at the start",
}
HEADLINE = "rnn-ugmm"
BASELINES = tuple(name for name, net in NETS.items() if "ugmm" not in net.kind)


class Recurrent(torch.nn.Module):
    """The hidden state after the last row, from a state of zeros: ``(B, rows, columns) -> (B, hidden)``.

    :param step: ``(B, columns + hidden) -> (B, hidden)``
    """

    def __init__(self, step: torch.nn.Module, hidden: int):
        super().__init__()
        self.step, self.hidden = step, hidden

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The last state of ``x (B, rows, columns)``."""
        h = x.new_zeros(len(x), self.hidden)
        for row in x.unbind(1):
            h = self.step(torch.cat([row, h], 1))
        return h


class Gated(torch.nn.Module):
    """The same of an LSTM."""

    def __init__(self, columns: int, hidden: int):
        super().__init__()
        self.lstm = torch.nn.LSTM(columns, hidden, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The last state of ``x (B, rows, columns)``."""
        return self.lstm(x)[1][0][0]


class Block(torch.nn.Module):
    """One transformer block over embedded rows with a trained vector for each place, and the mean over places:
    ``(B, rows, columns) -> (B, WIDE)``; attention, then the feedforward part, each added and normalised (Vaswani et
    al. 2017, sec. 3.1).

    :param hidden: of the feedforward part, ``(..., WIDE) -> (..., inner)``
    """

    def __init__(self, rows: int, columns: int, hidden: torch.nn.Module, inner: int):
        super().__init__()
        self.embed, self.place = torch.nn.Linear(columns, WIDE), torch.nn.Parameter(torch.randn(rows, WIDE))
        self.attention = torch.nn.MultiheadAttention(WIDE, HEADS, batch_first=True)
        self.hidden, self.out = hidden, torch.nn.Linear(inner, WIDE)
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(WIDE) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The mean over places of ``x (B, rows, columns)``."""
        x = self.embed(x) + self.place
        x = self.norms[0](x + self.attention(x, x, x, need_weights=False)[0])
        return self.norms[1](x + self.out(self.hidden(x))).mean(1)


def network_of(spec: Spec, net: Net, data: Data, generator: torch.Generator) -> torch.nn.Sequential:
    """An arm's network, ``(B, features) -> (B, classes)``, over the rows of square images of one channel.

    :raises ContractError: if images are not square
    """
    _, side = data.square(EXPERIMENT.name)

    def neurons(wide: int) -> torch.nn.Module:
        layer = UGMMLayer(wide, net.wide, implementation=unpack(spec["implementation"], Implementation))
        initialise(layer, start_of(spec, net.start), None, generator)
        return torch.nn.Sequential(layer, torch.nn.LayerNorm(net.wide)) if net.norm else layer

    front: torch.nn.Module
    if net.kind.startswith("block"):
        if net.kind == "block-ugmm":
            hidden = neurons(WIDE)
        else:
            hidden = torch.nn.Sequential(torch.nn.Linear(WIDE, net.wide), torch.nn.ReLU())
        front = Block(side, side, hidden, net.wide)
    elif net.kind == "lstm":
        front = Gated(side, net.wide)
    elif net.kind == "ugmm":
        front = Recurrent(neurons(side + net.wide), net.wide)
    else:
        front = Recurrent(torch.nn.Sequential(torch.nn.Linear(side + net.wide, net.wide), torch.nn.Tanh()), net.wide)
    head = torch.nn.Linear(WIDE if net.kind.startswith("block") else net.wide, data.classes)
    return torch.nn.Sequential(torch.nn.Unflatten(1, (side, side)), front, head).to(spec["device"])


def cell(spec: Spec, report: Report) -> dict[str, Any]:
    """One arm, one seed. Measures: ``parameters`` and others before training, ``diverged``."""
    data, generator = networks.prepare(spec)
    net = NETS.get(spec["arm"], NETS[HEADLINE])  # an arm that an initialisation from outside makes
    network = network_of(spec, net, data, generator)
    layers = [module for module in network.modules() if isinstance(module, UGMMLayer)]
    ugmm = [p for layer in layers for p in layer.parameters()]
    others = [p for p in network.parameters() if all(p is not each for each in ugmm)]
    groups: list[dict[str, Any]] = [{"params": ugmm, "lr": UGMM_RATE}] if ugmm else []
    optimiser = torch.optim.Adam([*groups, {"params": others}], lr=net.rate)
    measures = at_start(network, data.train_images[: networks.CALIBRATION])
    order = order_of(spec["seed"])
    done = train(network, optimiser, data, epochs=spec["epochs"], batch=BATCH, order=order, report=report)
    return done.result(measures)


DECISIONS = (
    ("data", "the rows of a digit from the top, pixels in [0, 1]; 8 rows of 8 pixels"),
    (
        "recurrent networks",
        "h = f [x, h] from h = 0, and a dense layer of the last h; f is tanh of a dense layer, or a uGMM layer with "
        "nothing behind it or with LayerNorm",
    ),
    (
        "transformer block",
        f"rows embedded in {WIDE} numbers with a trained vector for each place, attention of {HEADS} heads, a "
        f"feedforward part {WIDE}-{INNER}-{WIDE}, each added and normalised, the mean over places, a dense layer. In "
        "place of the feedforward part's hidden dense layer and ReLU: a uGMM layer, with nothing behind it or with "
        "LayerNorm",
    ),
    (
        "start",
        "uGMM layers from the authors' start, and beside it from sigma = 1, with LayerNorm and without; dense layers "
        "as torch starts them",
    ),
    (
        "training",
        f"Adam at 1e-3, uGMM layers at 1e-2, as the authors train each; batches of {BATCH}, 20 epochs, no falls, no "
        "dropout, no clipping. Plain networks at 1e-2 stand beside",
    ),
    ("as many parameters", "recurrent 4210 against 4170; blocks 13448 against 13450"),
    ("which epoch", "the last"),
    ("pairing", "all arms of a seed see the data in one order, drawn apart from the initialisation"),
    ("implementation", "the formula in plain torch: the networks are too small for compiled layers to pay"),
    ("arithmetic", "float32, one thread, denormals flushed to zero"),
)

EXPERIMENT = Experiment(
    name="ugmm-sequences",
    version=1,
    paper="ugmm",
    summary="recurrent networks and transformer blocks with uGMM neurons and without, on the rows of digits",
    layer_type="ugmm",
    arms=ARMS,
    baselines=BASELINES,
    headline=HEADLINE,
    data_sets=("digits", "mnist", "fashion-mnist"),
    default_data="digits",
    budgets=budgets(5, 20, range(10)),
    decisions=DECISIONS,
    cell=cell,
    claims=claims.SEQUENCES,
    measures=networks.MEASURES,
    preferred=("eager",),
    settings=(EPOCHS, IMAGES),
)
