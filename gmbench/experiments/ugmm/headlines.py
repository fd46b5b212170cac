"""What the uGMM paper, of which we have a summary, is remembered for."""

from __future__ import annotations

from gmbench.claims.headline import Headline

SUMMARY = "We have a summary by others and the authors' repository, and not the paper"
HEADLINES = (
    Headline(
        title="As accurate as standard networks",
        quote="matches or exceeds standard neural networks in discriminative tasks",
        source="primary result",
        claims=("UGMM-01", "UGMM-02", "UGMM-03", "UGMM-08", "UGMM-35", "UGMM-R1", "UGMM-R2", "UGMM-R3"),
        reading="Both parts, the MLP and the CNN: {UGMM-08}. On MNIST with LayerNorm: {UGMM-01}; without: {UGMM-03}; "
        "the MLP: {UGMM-02}. The log of the authors' own notebook: {UGMM-R1} along the way, {UGMM-R2} at its best, "
        "{UGMM-R3} at the end. Heads with equal numbers of parameters: {UGMM-35}.",
        caveats=f"{SUMMARY}. Four settings are found in the repository and none says which made the printed numbers; "
        "the claim rests on the newest script and the authors' start. The start from unit deviations is an arm "
        "beside it. The published networks differ by a fraction of a point, so a few seeds say little.",
        change="The setting behind the printed number; the multiverse over start, LayerNorm and rate looks for it.",
    ),
    Headline(
        title="A head for a CNN",
        quote="99.12% accuracy versus 99.35%",
        source="key results",
        claims=("UGMM-04", "UGMM-05", "UGMM-19", "UGMM-35"),
        reading="With the uGMM head: {UGMM-04}. The standard CNN: {UGMM-05}. That the standard one is above: "
        "{UGMM-19}. With as many parameters: {UGMM-35}.",
        caveats=f"{SUMMARY}. No architecture is given; ours is a plain one whose baseline can be compared with the "
        "print. That the standard network is ahead is what the document itself reports.",
        change="The authors' convolutions, should the order turn with them.",
    ),
    Headline(
        title="Iris without an error, by inference",
        quote="Perfect classification via posterior inference",
        source="key results",
        claims=("UGMM-06", "UGMM-23", "UGMM-31", "UGMM-36", "UGMM-R4"),
        reading="Accuracy by the script: {UGMM-06}. The step of the notebook's first perfect look at its training "
        "flowers: {UGMM-R4}. Against an MLP: {UGMM-23}. The smallest network without an error: {UGMM-36}. Whether "
        "coordinate ascent finds the most probable explanation: {UGMM-31}.",
        caveats=f"{SUMMARY}. The document prints no number here: perfect is read as every flower right. The "
        "repository has two protocols, of which one tests on the flowers that it trains on; claims rest on the one "
        "that does not. Seeds are the authors' own draws, so that one seed is one and the same network there and "
        "here.",
        change="The seed and protocol of the perfect result. That some seed is perfect and that most are is not the "
        "same statement, and the document does not say which it makes.",
    ),
    Headline(
        title="LayerNorm is what makes it train",
        quote="Performance advantage depends on stabilizing",
        source="mechanism 3",
        claims=("UGMM-07", "UGMM-13", "UGMM-14", "UGMM-15", "UGMM-16", "UGMM-17", "UGMM-39"),
        reading="The two levels, with and without: {UGMM-07}. A wider range of activations: {UGMM-13}, which slows "
        "the start: {UGMM-14}; that LayerNorm helps there: {UGMM-15}. A steadier descent: {UGMM-16}, to a better "
        "optimum: {UGMM-39}. That it is strictly required: {UGMM-17}.",
        caveats=f"{SUMMARY}. The authors' start is taken, since no other is named. Steadier, wider and required are "
        "our proxies, with their thresholds declared before; required means that the network without it fails at "
        "all.",
        change="The same comparison from a start with unit deviations, which is a universe of the experiment.",
    ),
    Headline(
        title="Interpretable units and better uncertainty",
        quote="offering improved interpretability",
        source="primary result",
        claims=("UGMM-11", "UGMM-12", "UGMM-20", "UGMM-21", "UGMM-22"),
        reading="Uncertainty against an MLP, by calibration and by telling wrong answers apart: {UGMM-11}. Ambiguity "
        "between classes: {UGMM-12}. Sparse and localised weights: {UGMM-20}. Submodes that mean something: "
        "{UGMM-21}. More interpretable than weight matrices: {UGMM-22}.",
        caveats=f"{SUMMARY}. It shows no measure of any of these. Ours are common ones, and a reader may hold others "
        "to be better; a neuron's pictures, unselected, are on the page of the probe, to be judged by eye.",
        change="A measure of the authors' own, or one under which the words come out otherwise for good reason.",
    ),
    Headline(
        title="A neuron is a log-density",
        quote="Each neuron outputs the log-density of a learned mixture",
        source="executive summary",
        claims=("UGMM-09", "UGMM-30", "UGMM-37", "UGMM-38"),
        reading="That a neuron of several inputs is a log-density of them: {UGMM-37}. That it has several modes: "
        "{UGMM-38}. Its number of parameters: {UGMM-09}. That the largest log-probability is the least "
        "cross-entropy: {UGMM-30}.",
        caveats="Each component looks at an input of its own, as in the authors' code; the formula, with one "
        "variable for all, is a density of that variable. So the words are true of the formula and are tested here "
        "for what the network computes. These are calculations.",
        change="Nothing in runs; another definition of what the output is a density of would.",
    ),
)
