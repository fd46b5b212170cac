"""A multiverse as data: in every universe whether it is anchored, and how the headline stands to the other arms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gmbench.claims import statistics
from gmbench.claims.decisions import ordering
from gmbench.claims.several import Effect, deciding, main_effects, over_universes
from gmbench.claims.statistics import Run, Statistic
from gmbench.claims.verdicts import Decision
from gmbench.contract import ContractError
from gmbench.experiments.contract import Experiment
from gmbench.experiments.settings import Value
from gmbench.experiments.universes import Universe
from gmbench.names import choose
from gmbench.results.latest import BUDGET, run_of
from gmbench.runs.cell import CellResult

ERRORS: Mapping[str, Statistic] = {
    name: getattr(statistics, name) for name in ("best", "last", "late", "area")
}  # of test errors; any other outcome is a measure

ANCHORED = {True: "yes", False: "no", None: "not known"}

Runs = Mapping[str, Mapping[int, Run]]  # of arms, by seed


@dataclass(frozen=True)
class Found:
    """One universe, and what its cells came to.

    :param runs: of the headline and the arms that it is compared with
    :param values: of each arm its outcome by seed, without the seeds that diverged
    :param anchored: whether the paper's baseline comes out as printed; None where that cannot be said:
        :func:`unanchored`, or it was not run
    :param decisions: of each arm that the headline is compared with
    """

    name: str
    universe: Universe
    runs: Runs
    values: Mapping[str, Mapping[int, float]]
    anchored: bool | None
    decisions: Mapping[str, Decision]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "universe": self.name,
            "factors": dict(self.universe),
            "anchored": self.anchored,
            "seeds": {arm: len(runs) for arm, runs in self.runs.items()},
            "diverged": {arm: sum(run.diverged for run in runs.values()) for arm, runs in self.runs.items()},
            "outcome": {arm: mean_of(values.values()) for arm, values in self.values.items()},
            "against": {
                arm: {
                    "verdict": decision.verdict,
                    "difference": decision.centre,
                    "interval": decision.interval,
                    "pairs": decision.seeds,
                    "p": decision.p,
                }
                for arm, decision in self.decisions.items()
            },
        }


def mean_of(values: Iterable[float]) -> float | None:
    """The mean, or None of nothing."""
    found = list(values)
    return math.fsum(found) / len(found) if found else None


def unanchored(chosen: Experiment, data: str, budget: str) -> str:
    """Why no universe can be anchored; empty where they can. Papers print what whole trainings come to, which shorter
    ones on less data cannot meet, whatever the setting.
    """
    declared = chosen.multiverse
    if budget != BUDGET:
        return f"not anchored: {budget} budget"
    printed = declared is not None and any(arm.partition("@")[2] in ("", data) for arm in declared.anchors)
    return "" if printed else f"not anchored: no baseline is printed for {data}"


def universes(chosen: Experiment, data: str, budget: str, results: Iterable[CellResult]) -> list[Found]:
    """Every universe of an experiment, in order, with the cells that are there; differences of errors that are mean
    squares are in decades.

    :raises ContractError: if the experiment has no universes, or there is no such budget
    """
    declared = chosen.multiverse
    if declared is None:
        raise ContractError(f"{chosen.name} has no universes")
    spending = choose("budget", budget, chosen.budgets)
    arms = [chosen.headline, *declared.against]
    # arm, settings -> implementation, device -> seed
    cells: dict[tuple[str, str], dict[tuple[str, str], dict[int, Run]]] = {}
    for result in results:
        spec = result.spec
        wanted = (chosen.name, chosen.version, data, budget, None, spending.images)
        if (spec.experiment, spec.version, spec.data, spec.budget, spec.split, spec.images) != wanted:
            continue
        if spec.initialisation or spec.arm not in arms:
            continue
        try:
            run = run_of(result, chosen)
        except ValueError:
            continue
        own = cells.setdefault((spec.arm, _key(spec.settings or {})), {}).setdefault((spec.layer, spec.device), {})
        own[spec.seed] = run

    def runs(arm: str, universe: Universe) -> dict[int, Run]:
        given = {n: value for n, value in universe.items() if value is not None and n in chosen.settings_of(arm)}
        variants = cells.get((arm, _key(chosen.settled(arm, given))), {})
        most = max(sorted(variants), key=lambda key: len(variants[key]), default=None)
        return {} if most is None else dict(sorted(variants[most].items()))

    found, open_ = [], unanchored(chosen, data, budget)
    for name, universe in declared.universes.items():
        here = {arm: runs(arm, universe) for arm in arms}
        outcome = outcome_of(chosen, declared.outcome)
        values = {arm: _values(each, outcome) for arm, each in here.items()}
        decisions = {
            arm: ordering(
                [value - values[arm][seed] for seed, value in values[chosen.headline].items() if seed in values[arm]]
            )
            for arm in declared.against
        }
        anchored = None if open_ else _anchored(chosen, data, here)
        found.append(Found(name, universe, here, values, anchored, decisions))
    return found


def _key(settings: Mapping[str, Any]) -> str:
    return repr(sorted(settings.items()))


def outcome_of(chosen: Experiment, name: str) -> Statistic:
    """A statistic of a run by its name, the lower the better; of errors that are mean squares in decades."""
    if name not in ERRORS:
        return statistics.measure(name)
    return statistics.decades(ERRORS[name]) if chosen.metric.decades else ERRORS[name]


def _values(runs: Mapping[int, Run], outcome: Statistic) -> dict[int, float]:
    found = {seed: outcome(run) for seed, run in runs.items() if not run.diverged}
    return {seed: value for seed, value in found.items() if value is not None}


def _anchored(chosen: Experiment, data: str, runs: Runs) -> bool | None:
    """Whether the mean over the seeds that trained is what the paper has, for all arms that it prints; a seed that
    diverged, of which no paper says anything, speaks against it.
    """
    assert chosen.multiverse is not None
    said = []
    for where, (name, low, high) in chosen.multiverse.anchors.items():
        arm, _, place = where.partition("@")
        if place not in ("", data) or not runs.get(arm):
            continue
        statistic = ERRORS.get(name) or statistics.measure(name)
        mean = mean_of(_values(runs[arm], statistic).values())
        lost = any(run.diverged for run in runs[arm].values())
        said.append(mean is not None and not lost and low <= mean <= high)
    return all(said) if said else None


@dataclass(frozen=True)
class Comparison:
    """The headline against one arm over all universes.

    :param decision: over the anchored universes; over all, as a hint, where none can be anchored
    :param effects: of the factors on the mean difference, over all universes that have one, the largest first
    """

    arm: str
    decision: Decision
    effects: list[Effect]

    @property
    def factor(self) -> str:
        """The factor that decides; empty if none does."""
        return deciding(self.effects)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "against": self.arm,
            "verdict": self.decision.verdict,
            "reason": self.decision.reason,
            "deciding": self.factor,
            "effects": [
                {
                    "factor": effect.factor,
                    "share": effect.share,
                    "levels": {str(value): mean for value, mean in effect.levels.items()},
                    "aliased": effect.aliased,
                }
                for effect in self.effects
            ],
        }


def compared(found: Iterable[Found], hint: str = "") -> list[Comparison]:
    """The headline against each other arm, over universes.

    :param hint: what :func:`unanchored` says of them
    """
    every = list(found)
    rows = []
    for arm in every[0].decisions if every else ():
        counting = {each.name: (each.decisions[arm], each.anchored is not False) for each in every}
        decision = over_universes(counting, hint)
        known = [(each.universe, each.decisions[arm].centre) for each in every if each.decisions[arm].seeds]
        effects = main_effects((universe, centre) for universe, centre in known if centre is not None)
        rows.append(Comparison(arm, decision, effects))
    return rows


def curve(found: Iterable[Found], arm: str) -> list[Found]:
    """The universes of a specification curve: those in which the headline and an arm have common seeds, the lowest
    difference first.
    """
    known = [each for each in found if each.decisions[arm].seeds]
    return sorted(known, key=lambda each: (each.decisions[arm].centre or 0.0, each.name))


def beside(chosen: Experiment, claim: str, data: str, found_in: Callable[[str], list[Found]]) -> str:
    """What stands beside the verdict of a claim that rests on an undisclosed choice: in how many universes the headline
    is lower than the arm it is compared with, and which factor decides most; empty where fewer than two have cells.

    :param found_in: the universes of a budget, as :func:`universes` finds them
    """
    arm = chosen.multiverse.claims.get(claim, "") if chosen.multiverse else ""
    said = []
    for budget in chosen.budgets if arm else ():
        found, hint = found_in(budget), unanchored(chosen, data, budget)
        known = curve(found, arm)
        if len(known) < 2:
            continue
        row = next(each for each in compared(found, hint) if each.arm == arm)
        lower = sum((each.decisions[arm].centre or 0.0) < 0 for each in known)
        first = row.effects[0]
        said.append(
            f"{data}, budget {budget}: the mean of {chosen.headline} is below that of {arm} in {lower} of {len(known)} "
            f"universes with cells, of {min(each.decisions[arm].seeds for each in known)} pairs or more "
            f"({row.decision.verdict}: {row.decision.reason}); "
            f"{first.factor} explains {first.share:.0%} of the differences"
        )
    return "; ".join(said)


def tables(chosen: Experiment, found: Iterable[Found], title: str, hint: str = "") -> list[Any]:
    """Two rich tables: the universes, and the main effects of the factors.

    :param hint: what :func:`unanchored` says of them
    """
    from rich.table import Table

    every = list(found)
    assert chosen.multiverse is not None
    outcome, arms = chosen.multiverse.outcome, [chosen.headline, *chosen.multiverse.against]
    title = ", ".join(filter(None, [title, hint]))
    shown = Table(title=f"{title}: {outcome}, mean over seeds", title_justify="left")
    for name in ("universe", "anchored", *arms):
        shown.add_column(name, overflow="fold", justify="right" if name in arms else "left")
    for arm in chosen.multiverse.against:
        shown.add_column(f"less {arm}", overflow="fold")
    for each in every:
        means = [mean_of(each.values[arm].values()) for arm in arms]
        cells = [
            ("" if mean is None else f"{mean:.4g}") + lost_of(each.runs[arm])
            for arm, mean in zip(arms, means, strict=True)
        ]
        against = [
            f"{decision.centre:+.3g}, {decision.seeds} pairs: {decision.verdict}" if decision.seeds else "not run"
            for decision in each.decisions.values()
        ]
        shown.add_row(each.name, ANCHORED[each.anchored], *cells, *against)
    effects = Table(title=f"{title}: main effects on the difference", title_justify="left")
    for name in ("against", "factor", "share", "mean difference at each value", "verdict"):
        effects.add_column(name, overflow="fold")
    for row in compared(every, hint):
        verdict = f"{row.decision.verdict}: {row.decision.reason}"
        verdict += f"; {row.factor} decides" if row.factor else ""
        for effect in row.effects:
            effects.add_row(row.arm, effect.factor, share_of(effect), levels_of(effect), verdict)
            verdict = ""
    return [shown, effects]


def value_of(value: Value | None) -> str:
    """A factor's value in words."""
    return "each arm's own" if value is None else str(value)


def share_of(effect: Effect) -> str:
    """How much of the variance over universes a factor explains."""
    return f"{100 * effect.share:.0f} %" + (" (aliased)" if effect.aliased else "")


def levels_of(effect: Effect) -> str:
    """The mean difference at each of its values."""
    return ", ".join(f"{value_of(value)}: {mean:+.3g}" for value, mean in effect.levels.items())


def lost_of(runs: Mapping[int, Run]) -> str:
    """How many seeds diverged, in words; empty if none did."""
    lost = sum(run.diverged for run in runs.values())
    return f" ({lost} of {len(runs)} diverged)" if lost else ""
