"""What the GMNM paper is remembered for."""

from __future__ import annotations

from gmbench.claims.headline import Headline

SUPPLEMENT = "Sizes, rates and steps are in a supplement that we do not have"
HEADLINES = (
    Headline(
        title="A better approximator than MLPs and KANs",
        quote="Our results consistently demonstrate GMNM's superior performance relative to standard MLPs and KANs",
        source="sec. 1",
        claims=(
            *("GMNM-F01", "GMNM-F02", "GMNM-F03", "GMNM-F04", "GMNM-F05", "GMNM-F06", "GMNM-F07"),
            *("GMNM-D01", "GMNM-Q01", "GMNM-P07"),
        ),
        reading="In two dimensions, on each level and against each rival, in training and test: {GMNM-F01}. By how "
        "much against the deeper MLP: {GMNM-F04}. An almost monotone descent while the others stay on a plateau: "
        "{GMNM-F02}. The KAN's overfitting: {GMNM-F03}. Local structure without harm: {GMNM-F05}. In one dimension: "
        "{GMNM-D01}. With exactly as many parameters: {GMNM-Q01}. Against RBF networks: {GMNM-F06} (they are weaker "
        "than MLPs), {GMNM-F07} (they miss correlations).",
        caveats=f"{SUPPLEMENT}: all networks have about as many parameters, and the rate of each kind is one of a "
        "short list that was looked at on the test grid itself. Whether centres are trained is not said for this "
        "section; the claim rests on fixed ones, and trained ones are a universe.",
        change="The multiverse over centres and rates, anchored where the rivals come out as the paper's curves show "
        "them, or arms tuned with equal budgets on a validation split.",
    ),
    Headline(
        title="An order of magnitude on a Poisson equation, with fewer parameters",
        quote="GMNM attains the lowest error while using fewer parameters than the baseline networks",
        source="sec. 4.2",
        claims=tuple(f"GMNM-P0{number}" for number in range(1, 10)),
        reading="Lowest with the fewest parameters: {GMNM-P07}. An order of magnitude below: {GMNM-P08}. The lowest "
        "error of the KAN: {GMNM-P04}; of the PINN: {GMNM-P05}; of GMNM: {GMNM-P06}. On the boundary and in the "
        "residual: {GMNM-P09}. The counts of parameters, KAN, PINN and GMNM: {GMNM-P01}; {GMNM-P02}; {GMNM-P03}.",
        caveats="The optimiser and its steps are not printed. We take L-BFGS, as is usual for such equations; Adam "
        "stands beside. Our KAN has a coarser grid and fewer iterations, which it may need more of. What a "
        "least-squares solve for the weights reaches, the oracle, stands beside each: where training ends far above "
        "it, the optimiser was compared and not the layer.",
        change="The authors' optimiser and steps; or a training of the same network that comes near its own oracle.",
    ),
    Headline(
        title="Projections in the place of a covariance",
        quote="we prove that this structure is generalized equivalent to the Mahalanobis Distance",
        source="sec. 3",
        claims=("GMNM-E01", "GMNM-E02", "GMNM-E03", "GMNM-E04", "GMNM-E06"),
        reading="That the third equation, to the letter, is equivalent to it: {GMNM-E01}. That with as many "
        "projections as inputs, squared one by one, any covariance can be had: {GMNM-E04}. Positive without being "
        "forced: {GMNM-E03}. Weights that absorb the constant: {GMNM-E02}. How far fewer projections fall short: "
        "{GMNM-E06}.",
        caveats="The paper mentions squaring between its two projections, and its equation has none; the proof is in "
        "the supplement. The reading with squares is the mahalanobis layer here, and it is the one that experiments "
        "use. These are calculations and need no runs.",
        change="The proof, or a reading of the equation that is both literal and of full rank.",
    ),
    Headline(
        title="A better head for image classifiers",
        quote="GMNM consistently enhances the performance of the neural networks",
        source="sec. 5.1",
        claims=(
            *("GMNM-C11", "GMNM-C14", "GMNM-C15", "GMNM-C22", "GMNM-C23"),
            *("GMNM-C34", "GMNM-C35", "GMNM-C36", "GMNM-C37", "GMNM-C38", "GMNM-C39"),
        ),
        reading="Enhanced on every data set: {GMNM-C39}. The lowest test loss, and a lower training loss than the "
        "CNN: {GMNM-C35}. Less overfitting: {GMNM-C37}; that attention overfits: {GMNM-C34}. No slowdown: "
        "{GMNM-C36}. As few parameters: {GMNM-C38}. On MNIST the lowest test loss of the CNN: {GMNM-C14}; with GMNM: "
        "{GMNM-C15}; on CIFAR: {GMNM-C22} and {GMNM-C23}.",
        caveats="The printed counts of parameters fix the networks, and leave open where the head stands, how its "
        "units start, what normalises its input, and the optimiser. Claims rest on the plainest choice of each, with "
        "which most units may die early; the paper cannot have used it if so. A dense head with as many parameters "
        "stands beside as the control: what it gains too is not the module's.",
        change="A universe of start, normalisation and place in which the CNN comes out as printed and the head is "
        "below both it and the dense head.",
    ),
    Headline(
        title="Better autoencoders with fewer parameters",
        quote="consistently achieve the lowest test loss and also show improved training loss",
        source="sec. 5.2",
        claims=(
            *("GMNM-A09", "GMNM-A10", "GMNM-A13", "GMNM-A14"),
            *("GMNM-A25", "GMNM-A26", "GMNM-A27", "GMNM-A30"),
        ),
        reading="The lowest test loss and a lower training loss: {GMNM-A25}. Best together with attention: "
        "{GMNM-A27}. The fewest parameters: {GMNM-A26}. No slowdown: {GMNM-A30}. On CIFAR's ten classes, the test "
        "loss of the plain autoencoder: {GMNM-A10}; with GMNM: {GMNM-A14}.",
        caveats="No architecture is printed; ours has nearly the printed counts. Nor is the scale of pixels, and the "
        "loss of all arms follows it, so where all ours are better in one direction, that says nothing of the "
        "module. Orderings between arms are what the claim is about.",
        change="The authors' decoder, or an ordering that holds in ours for every data set.",
    ),
    Headline(
        title="A small LSTM with GMNM in the place of a large one",
        quote="replacing the larger LSTM with a small LSTM plus GMNM lowers both training and test loss by an order "
        "of magnitude",
        source="sec. 5.3",
        claims=tuple(f"GMNM-S0{number}" for number in range(1, 10)),
        reading="Against the larger LSTM: {GMNM-S07}. Against the small one alone: {GMNM-S09}. Test losses of the "
        "small one: {GMNM-S02}; with GMNM: {GMNM-S04}; of the larger: {GMNM-S06}. That both have about as many "
        "parameters: {GMNM-S08}.",
        caveats="The coefficients of the series are not printed and are drawn anew for each seed, so that our "
        "interval covers them too. The document's formula can be read with other delays; we take those that are "
        "typeset. Rates are defaults; tuned arms stand beside.",
        change="The authors' series and optimiser; or a rate, chosen on held samples, with which the order turns.",
    ),
)
