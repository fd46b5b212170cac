"""What depends on a choice: the universes of an experiment as a picture and tables, part of its page."""

from __future__ import annotations

from gmbench.experiments.contract import Experiment
from gmbench.report.figures.universes import Effect, specification_curve
from gmbench.report.text.markdown import code, counted, number, table, text
from gmbench.report.text.page import Page, slug
from gmbench.results.frames import NONE
from gmbench.results.read import Results
from gmbench.results.universes import (
    ANCHORED,
    Comparison,
    Found,
    compared,
    curve,
    levels_of,
    lost_of,
    mean_of,
    share_of,
    unanchored,
    universes,
    value_of,
)

READ = (
    "Each column of a picture is a universe: one combination of what the paper leaves open, which the dark dots below "
    "name. Above stand the mean difference over seeds and its 95 % interval, from the lowest; **below 0 the first arm "
    "is better**. A choice decides where its dots gather at one end. Filled marks are anchored universes: the paper's "
    "baseline comes out there as printed, so they may be the authors' setting; hollow ones are not."
)


def section(found: Page, results: Results, known: Experiment) -> None:
    """A part of the page for every data set and budget on which more than one universe was run."""
    if known.multiverse is None:
        return
    own = [result for result in results.results.values() if result.spec.experiment == known.name]
    for data in known.data_sets:
        for budget in known.budgets:
            every = universes(known, data, budget, own)
            run = {arm: curve(every, arm) for arm in known.multiverse.against}
            if any(len(several) > 1 for several in run.values()):
                _multiverse(found, known, data, budget, every)


def _multiverse(found: Page, known: Experiment, data: str, budget: str, every: list[Found]) -> None:
    declared = known.multiverse
    assert declared is not None
    hint = unanchored(known, data, budget)
    where = f"{data}, budget {budget}"
    outcome = declared.outcome.replace("_", " ") + (", decades" if known.metric.decades else "")
    found.add(f"## What depends on a choice: {text(where)}")
    if hint:
        found.add(
            f"**{text(hint[0].upper() + hint[1:])}.** So no universe can be told to be the authors', all marks are "
            "hollow, and what follows is a hint and no verdict on the paper."
        )
    rows = compared(every, hint)
    found.add(table(_verdict(known, row) for row in rows))
    factors = {name: [value_of(value) for value in values] for name, values in declared.factors.items()}
    for row in rows:
        drawn = [_effect(each, row.arm) for each in curve(every, row.arm)]
        difference = f"{outcome}:\n{known.headline} less {row.arm}"
        title = f"{known.headline} against {row.arm}, {where}"
        figure = specification_curve(drawn, factors, difference, title, hint or "not anchored")
        alternative = f"{known.headline} against {row.arm} in {len(drawn)} universes, {where}"
        found.show(slug(known.name, where, "universes", row.arm), figure, alternative)
    found.add(READ)
    effects = [
        {
            "against": text(row.arm),
            "factor": text(effect.factor),
            "share of the variance": share_of(effect),
            "mean difference at each value": text(levels_of(effect)),
        }
        for row in rows
        for effect in row.effects
    ]
    if effects:
        found.add("**Main effects** of the factors on the difference, over all universes that have one", table(effects))
    found.add(f"**The universes**: {text(outcome)}, means over seeds", table(_row(each, known, hint) for each in every))
    command = f"gmbench run {known.name} --data {data} --budget {budget} --universe all --store STORE"
    found.add(f"This runs those that are missing: {code(command)}")


def _verdict(known: Experiment, row: Comparison) -> dict[str, str]:
    return {
        "ordering": text(f"{known.headline} below {row.arm}"),
        "over universes": f"**{text(row.decision.verdict)}**",
        "why": text(row.decision.reason),
        "what decides": text(row.factor) or "no one factor",
    }


def _effect(each: Found, arm: str) -> Effect:
    decision = each.decisions[arm]
    values = {name: value_of(value) for name, value in each.universe.items()}
    assert decision.centre is not None  # of all that have a pair
    return Effect(decision.centre, decision.interval, decision.verdict, each.anchored is True, values)


def _row(each: Found, known: Experiment, hint: str) -> dict[str, str]:
    assert known.multiverse is not None
    row = {"universe": text(each.name)} | ({} if hint else {"anchored": ANCHORED[each.anchored]})
    for arm in (known.headline, *known.multiverse.against):
        row[text(arm)] = number(mean_of(each.values[arm].values())) + lost_of(each.runs[arm])
    for arm, decision in each.decisions.items():
        pairs = counted(decision.seeds, "pair")
        shown = NONE if decision.centre is None else f"{decision.centre:+.3g} ({pairs}, {decision.verdict})"
        row[text(f"less {arm}")] = text(shown)
    return row
