"""What the KUMAR note is remembered for."""

from __future__ import annotations

from gmbench.claims.headline import Headline

BASELINE = (
    "The note does not say how sigma is parametrised, what stands between the two layers, or whether gradients are "
    "clipped; we take the plainest form of each, and in it a seed of BL may overflow, of which the note says nothing"
)
HEADLINES = (
    Headline(
        title="The start-up transient goes",
        quote="removes the large BL (blue) startup transient and converges faster, with a tighter band",
        source="sec. 5, Fig. 1",
        claims=("KUM-01", "KUM-02", "KUM-04", "KUM-05", "KUM-06", "KUM-07", "KUM-34", "KUM-41", "KUM-42"),
        reading="The transient itself, by the error after the first epoch: {KUM-41}. Its height under BL: {KUM-01}; "
        "in the worst seed: {KUM-02}. KUMAR's curve begins ({KUM-04}), falls ({KUM-05}) and settles ({KUM-06}) as "
        "these say. That the loss before training is in the right range from KUMAR and not from BL: {KUM-42}. The "
        "tighter band: {KUM-07}.",
        caveats=f"{BASELINE}: {{KUM-01.parts[2]}}. Such seeds are in no mean. The start of the curve is read as the "
        "end of the first epoch, since no untrained network has the error that the note gives.",
        change="The authors' code of BL, or a reading of it whose curve is theirs from the transient to the end; the "
        "multiverse of this experiment looks for one.",
    ),
    Headline(
        title="Fewer steps to the same error",
        quote="At 10% error, KUMAR arrives in ~1-2k gradient steps while BL needs ~6-10k",
        source="sec. 5, Fig. 2",
        claims=("KUM-09", "KUM-10", "KUM-11", "KUM-12", "KUM-13", "KUM-31"),
        reading="Steps of KUMAR to the first threshold: {KUM-09}; of BL: {KUM-10}. At the second, the seeds of KUMAR "
        "that get there: {KUM-11}, in {KUM-12}; those of BL: {KUM-13}. All that the note tracks, measure by measure: "
        "{KUM-31}.",
        caveats="The note gives ranges without saying of what; we take them as holding its mean. Its steps can only "
        "be those of epoch ends, so ours are compared there; finer ones stand on the experiment's page. A seed that "
        "never arrives counts as the end of training.",
        change="Seeds in which BL is as fast. Five seeds, the note's number, cannot decide an exact test by "
        "themselves.",
    ),
    Headline(
        title="A lower error at the end, and in every measure",
        quote="KUMAR ends clearly below BL on both best-so-far and final test error, and its best-error spread is "
        "tighter",
        source="sec. 5, Fig. 3",
        claims=(
            *("KUM-03", "KUM-15", "KUM-16", "KUM-17", "KUM-18", "KUM-19", "KUM-31"),
            *("KUM-25", "KUM-26", "KUM-27", "KUM-28", "KUM-29", "KUM-30"),
        ),
        reading="KUMAR's best error: {KUM-16}; its final one: {KUM-18}. Those of BL: {KUM-15} and {KUM-17}. The "
        "spread of the best error: {KUM-19}. The wider screen, on MNIST, by best error, final error and area under "
        "the curve: {KUM-25}, {KUM-26}, {KUM-27}; on Fashion-MNIST: {KUM-28}, {KUM-29}, {KUM-30}.",
        caveats=f"{BASELINE}: {{KUM-15.parts[2]}}. A diverged seed loses its pair and is in no mean, so what remains "
        "of BL is its better seeds, which favours BL.",
        change="A reading of BL that ends where the note's does and is then not above KUMAR.",
    ),
    Headline(
        title="A gap to the dense network remains",
        quote="Neither GM arm closes the gap to the plain FC net",
        source="sec. 5, Fig. 3",
        claims=("KUM-08", "KUM-14", "KUM-20", "KUM-35", "KUM-36", "KUM-40"),
        reading="Best and final error against the dense network, for both: {KUM-20}. During the whole run: {KUM-08}. "
        "The lowest threshold, which the note's dense network alone reaches: {KUM-14}. Speed: {KUM-40}. Use under a "
        "tight budget of parameters: {KUM-36}. The older paper's words on BL, near in the end and slower: {KUM-35}.",
        caveats="The dense network has the same widths and so a tenth of the parameters of the GM stack; one with as "
        "many stands beside it on the experiment's page. The note gives no rate for it. Here it is the authors who "
        "say that their method falls short, so agreeing is no credit to us.",
        change="Tuned arms of equal budgets: if the GM stack then comes level, the gap was one of settings.",
    ),
    Headline(
        title="Components move at once instead of waiting",
        quote="KUMAR turns gradient steps into feature motion right away",
        source="sec. 5, Fig. 4",
        claims=("KUM-21", "KUM-22", "KUM-23", "KUM-24", "KUM-31", "KUM-37", "KUM-38", "KUM-43"),
        reading="In one layer: components of BL nearly still: {KUM-23}; those of KUMAR outward from the first epoch, "
        "growing and turning: {KUM-24}, on distinct ways: {KUM-38}. It trains faster: {KUM-43}. Final errors, BL "
        "first: {KUM-21} and {KUM-22}; that they are similar: {KUM-37}.",
        caveats="The note shows pictures; still, outward and distinct are our measures of them, declared with their "
        "thresholds. Which of the two printed final errors is whose is our reading of their order.",
        change="Other measures of motion that are as close to the words, and come out otherwise.",
    ),
    Headline(
        title="It costs next to nothing",
        quote="The construction is label-free, needs no pretraining or clustering",
        source="sec. 3",
        claims=("KUM-32", "KUM-33", "KUM-34", "KUM-44"),
        reading="What the calibration sees: {KUM-33}. The scale that it sets: {KUM-32}. That a fan-in draw alone "
        "does not set it for a GM layer: {KUM-34}, and does for a dense one: {KUM-44}.",
        caveats="These look at the procedure as the note writes it down, and not at what it gains.",
        change="Nothing in runs; a different procedure in the authors' code would.",
    ),
)
