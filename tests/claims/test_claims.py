"""Claims: the verdict that each kind of evidence gives, which cells count, and what `gmbench claims` prints."""

import json
import math
import re

import pytest
from click.testing import CliRunner

import gmbench
from gmbench.claims import claim as claim_module
from gmbench.claims import intervals
from gmbench.claims import statistics as outcomes
from gmbench.claims.claim import Claim
from gmbench.claims.evidence import (
    Below,
    BelowThroughout,
    Beside,
    Beyond,
    Count,
    Gap,
    Identity,
    Number,
    Tighter,
    Together,
    Undecidable,
    combined,
)
from gmbench.claims.statistics import Run, best, last, steps_to
from gmbench.cli import base as cli
from gmbench.experiments import experiments
from gmbench.results import ledger
from gmbench.runs.spec import Spec

R, N, U, X = claim_module.VERDICTS


def run(seed, *errors, diverged=None, **measures):
    steps = tuple(10 * (i + 1) for i in range(len(errors)))
    return Run(seed, errors, steps, {"diverged": diverged, **measures}, {"test_loss": 2.5}, {})


def arms(**found):
    """Runs by arm; each is a list of the errors of its seeds, or of ready runs."""

    def each(rows):
        made = [row if isinstance(row, Run) else run(seed, *row) for seed, row in enumerate(rows)]
        return {one.seed: one for one in made}

    table = {name.replace("_", "-"): each(rows) for name, rows in found.items()}
    return lambda arm: table.get(arm, {})


def ends(*values):
    """Runs of two epochs whose best and last error is the value."""
    return [(90.0, value) for value in values]


class TestNumbers:
    @pytest.mark.parametrize(
        ("values", "verdict"),
        [
            ((4.1, 4.2, 4.3), R),  # t interval 3.95 to 4.45, in 3.73 to 4.67
            ((3.0, 4.2, 5.4), U),  # covers the band and more
            ((5.1, 5.2, 5.3), N),
            ((3.1, 3.2, 3.3), N),
            ((4.2, 4.2), U),  # two seeds have no interval
        ],
    )
    def test_the_interval_against_the_band(self, values, verdict):
        number = Number("a", last, 4.2, digit=0.1, about=True)
        assert number.band() == pytest.approx((4.2 - 0.47, 4.2 + 0.47))
        found = number.judge(arms(a=ends(*values)))
        assert found.verdict == verdict
        assert found.seeds == len(values) and found.centre == pytest.approx(sum(values) / len(values))

    def test_without_about_the_margin_is_half_the_last_digit_and_the_spread(self):
        assert Number("a", last, 6.68, digit=0.01).band() == pytest.approx((6.675, 6.685))
        assert Number("a", last, 6.68, digit=0.01, spread=0.2).band() == pytest.approx((6.475, 6.885))

    def test_about_a_share_near_the_whole_is_a_tenth_of_what_is_missing(self):
        number = Number("a", last, 97.8, digit=0.1, about=True, whole=100)
        assert number.band() == pytest.approx((97.8 - 0.27, 97.8 + 0.27))

    def test_the_margin_of_a_range_is_of_its_middle(self):
        number = Number("a", last, 1000, 2000, digit=1000, about=True)
        assert number.margin == 650 and number.band() == pytest.approx((350, 2650))

    def test_seeds_that_diverged_are_named_and_not_averaged(self):
        lost = run(3, 100.0, 100.0, diverged=7)
        found = Number("a", last, 4.2, digit=0.1, about=True).judge(
            arms(a=[run(i, 90.0, v) for i, v in enumerate((4.1, 4.2, 4.3))] + [lost])
        )
        assert found.verdict == R and found.seeds == 3 and "1 of 4 seeds diverged (3)" in found.detail[0]

    def test_too_few_that_trained_are_inconclusive_however_many_were_run(self):
        lost = [run(seed, 100.0, 100.0, diverged=7) for seed in (2, 3, 4)]
        found = Number("a", last, 4.2, digit=0.1, about=True).judge(arms(a=[run(0, 9.0, 4.2), run(1, 9.0, 4.2), *lost]))
        assert found.verdict == U
        assert Number("a", last, 4.2).judge(arms(a=lost)).measured == "no seed trained"

    def test_the_worst_seed(self):
        worst = Number("a", last, 9.0, digit=0.1, spread=0.5, worst_of=3)
        found = worst.judge(arms(a=ends(9.1, 9.2, 9.3)))
        assert found.centre == 9.3 and found.verdict == R and found.interval[1] == 9.3
        fewer = Number("a", last, 9.0, digit=0.1, spread=0.5, worst_of=4).judge(arms(a=ends(9.1, 9.2, 9.3)))
        assert fewer.verdict == U and "not one over 4" in " ".join(fewer.detail)

    def test_seeds_that_never_get_there_count_as_the_end_if_three_do(self):
        rows = [(9.0, 4.0, 4.0), (9.0, 4.0, 4.0), (9.0, 4.0, 4.0), (9.0, 9.0, 9.0)]
        steps = Number("a", steps_to(5), 22, digit=10, spread=10)
        found = steps.judge(arms(a=rows))
        assert found.centre == pytest.approx(22.5) and found.measured.startswith("at least")
        assert found.verdict == R and any("> 30" in line for line in found.detail)
        found = Number("a", steps_to(5), 1, digit=1).judge(arms(a=[*rows, rows[3]][1:]))
        assert found.verdict == U, "far off, but only two get there"
        assert "only 2 of 4 seeds get there" in found.detail
        assert Number("a", steps_to(1), 1, digit=1).judge(arms(a=rows)).verdict == U

    def test_another_statistic_stands_beside_with_its_own_verdict(self):
        number = Number("a", last, 4.2, digit=0.1, about=True, beside=(Beside("best of all", "a", best),))
        found = number.judge(arms(a=[(1.0, 4.1), (1.1, 4.2), (1.2, 4.3)]))
        assert found.verdict == R and any(
            line.startswith("best of all: 1.1") and line.endswith(N) for line in found.detail
        )

    def test_no_cells(self):
        found = Number("a", last, 4.2).judge(arms(b=ends(1.0)))
        assert found.verdict == X and "a" in found.detail[0]


class TestOrderings:
    def test_pairs_decide_not_the_two_means(self):
        one, two = ends(1.0, 5.0, 9.0, 13.0), ends(1.5, 5.4, 9.6, 13.5)
        assert Below("a", "b", best, "error").judge(arms(a=one, b=two)).verdict == R
        assert Below("b", "a", best, "error").judge(arms(a=one, b=two)).verdict == N
        mixed = ends(1.5, 4.5, 9.6, 12.5)
        assert Below("a", "b", best, "error").judge(arms(a=one, b=mixed)).verdict == U

    def test_equal_is_not_below(self):
        same = ends(1.0, 2.0, 3.0)
        assert Below("a", "b", best, "error").judge(arms(a=same, b=same)).verdict == U

    def test_only_common_seeds_count_and_three_are_needed(self):
        one = [run(seed, 9.0, 1.0) for seed in (0, 1, 5)]
        two = [run(seed, 9.0, 2.0) for seed in (0, 1, 6)]
        found = Below("a", "b", best, "error").judge(arms(a=one, b=two))
        assert found.verdict == U and found.seeds == 2

    def test_what_is_the_same_for_any_seed_needs_one(self):
        one, two = ends(2.0), ends(3.0)
        for kind, verdict in (
            (Below("a", "b", last, "size", constant=True), R),
            (Below("b", "a", last, "size", constant=True), N),
            (Below("b", "a", last, "size", bound=1.5, constant=True), R),
            (Below("a", "b", last, "size"), U),
        ):
            assert kind.judge(arms(a=one, b=two)).verdict == verdict
        assert Below("a", "b", last, "size", constant=True).judge(arms(a=one, b=one)).verdict == N, "not below"
        apart = [run(5, 3.0)]  # no seed in common
        assert Below("a", "b", last, "size", constant=True).judge(arms(a=one, b=apart)).verdict == R
        differs = ends(2.0, 2.1)
        assert Below("a", "b", last, "size", constant=True).judge(arms(a=differs, b=two)).verdict == U

    def test_a_bound_allows_so_much(self):
        one, two = ends(2.5, 3.5, 4.5), ends(2.0, 3.1, 4.0)
        assert Below("a", "b", best, "error", bound=1.0).judge(arms(a=one, b=two)).verdict == R
        assert Below("a", "b", best, "error").judge(arms(a=one, b=two)).verdict == N

    def test_a_diverged_seed_is_at_its_error_of_100(self):
        one = ends(2.0, 2.0, 2.0)
        two = [run(0, 100.0, 100.0, diverged=3), run(1, 9.0, 2.5), run(2, 9.0, 2.5)]
        found = Below("a", "b", best, "error").judge(arms(a=one, b=two))
        assert found.verdict == R and found.centre == pytest.approx(-99 / 3)
        assert any("1 of 3 seeds diverged" in line for line in found.detail)

    def test_throughout_is_lost_by_one_epoch_of_every_seed(self):
        below = arms(a=[(1.0, 1.0, 1.0)] * 3, b=[(2.0, 2.0, 2.0)] * 3, c=[(3.0, 3.0, 3.0)] * 3)
        assert BelowThroughout("a", ("b", "c")).judge(below).verdict == R
        crossed = arms(a=[(1.0, 2.5, 1.0)] * 3, b=[(2.0, 2.0, 2.0)] * 3, c=[(3.0, 3.0, 3.0)] * 3)
        assert BelowThroughout("a", ("b", "c")).judge(crossed).verdict == N
        assert BelowThroughout("a", ("b", "d")).judge(crossed).verdict == X

    @pytest.mark.parametrize(
        ("behind", "verdict", "side"),
        [
            ((3.0, 3.2, 3.4), R, ""),  # 1.2 ahead of the other
            ((4.4, 4.4, 4.4), R, ""),  # within half a digit of 2
            ((2.0, 2.1, 2.2), N, "below"),
            ((5.0, 5.1, 5.2), N, "above"),
            ((2.0, 3.0, 4.0), U, ""),
            ((3.0, 3.2), U, ""),
        ],
    )
    def test_a_gap_of_a_printed_size(self, behind, verdict, side):
        gap = Gap("a", "b", last, "error", 1, 2, digit=1)
        found = gap.judge(arms(a=ends(*behind), b=ends(2.0, 2.0, 2.0)))
        assert (found.verdict, found.side, found.seeds) == (verdict, side, len(behind))
        assert (found.low, found.high, found.margin) == (0.5, 2.5, 0.5) and gap.published == (1, 2)
        assert found.centre == pytest.approx(sum(behind) / len(behind) - 2)

    def test_a_gap_is_of_pairs_and_names_what_is_missing(self):
        gap = Gap("a", "b", last, "error", 1, 1)
        assert gap.published == 1 and gap.judge(arms(a=ends(1.0))).verdict == X
        assert gap.judge(arms(a=ends(2.0, 5.0, 9.0), b=ends(1.0, 4.0, 8.0))).verdict == R
        apart = arms(a=[run(0, 2.0, 2.0)], b=[run(1, 1.0, 1.0)])
        assert gap.judge(apart).verdict == U and "no common seed" in gap.judge(apart).measured
        lost = [run(seed, 9.0, 9.0, diverged=3) for seed in range(3)]
        assert "3 of 3 seeds diverged" in gap.judge(arms(a=lost, b=ends(1.0, 1.0, 1.0))).detail[0]

    def test_a_tighter_arm(self):
        close, wide = ends(4.0, 4.1, 4.2, 4.1, 4.0), ends(5.0, 9.0, 6.0, 12.0, 7.0)
        assert Tighter("a", "b", "best", best).judge(arms(a=close, b=wide)).verdict == R
        assert Tighter("b", "a", "best", best).judge(arms(a=close, b=wide)).verdict == N
        assert Tighter("a", "b", "best", best).judge(arms(a=wide, b=wide)).verdict == U
        # by curves: the same last error, but the first epoch differs
        one, two = [(10.0, 4.0), (11.0, 4.1), (10.5, 4.2)] * 2, [(10.0, 4.0), (60.0, 4.1), (90.0, 4.2)] * 2
        assert Tighter("a", "b", "curve").judge(arms(a=one, b=two)).verdict == R

    def test_rounding_is_no_difference_of_spread(self):
        found = Tighter("a", "b", "best", best).judge(arms(a=ends(1.1, 2.2, 3.3), b=ends(2.1, 3.2, 4.3)))
        assert found.verdict == U and abs(found.centre) < 1e-12

    def test_an_arm_that_never_trained_is_not_tight(self):
        lost = [run(seed, 100.0, 100.0, diverged=3) for seed in range(3)]
        found = Tighter("a", "b", "best", best).judge(arms(a=lost, b=ends(1.0, 5.0, 9.0)))
        assert found.verdict == U and any("no seed of a trained" in line for line in found.detail)

    def test_steps_that_are_never_reached_are_the_end_in_an_ordering(self):
        one, two = [(4.0, 4.0)] * 3, [(9.0, 9.0)] * 3
        found = Below("a", "b", steps_to(5), "steps").judge(arms(a=one, b=two))
        assert found.verdict == R and found.centre == -10

    def test_a_seed_that_never_learned_is_named(self):
        stuck = [run(0, 90.0, 89.0), run(1, 90.0, 4.0), run(2, 90.0, 4.0)]
        found = Below("b", "a", best, "error").judge(arms(a=stuck, b=ends(1.0, 1.0, 1.0)))
        assert "a: 1 of 3 seeds never left guessing (0)" in found.detail

    def test_a_tighter_arm_says_what_the_trained_seeds_alone_show(self):
        wide = [run(0, 100.0, diverged=2), run(1, 5.0), run(2, 6.0), run(3, 7.0)]
        found = Tighter("a", "b", "best", best).judge(arms(a=ends(4.0, 4.1, 4.2, 4.3), b=wide))
        assert any("over the 3 seeds that trained in both" in line for line in found.detail)


class TestCounts:
    def count(self, published, of=5):
        return Count("a", lambda one: best(one) <= 5, published, of, "seeds")

    def test_all_none_and_the_same(self):
        assert self.count(5).judge(arms(a=ends(1, 2, 3, 4, 5))).verdict == R
        assert self.count(0).judge(arms(a=ends(6, 7, 8, 9, 6))).verdict == R
        assert self.count(3).judge(arms(a=ends(1, 2, 3, 9, 6))).verdict == R

    def test_the_opposite_is_not_reproduced_and_one_seed_off_is_open(self):
        assert self.count(5).judge(arms(a=ends(6, 7, 8, 9, 6))).verdict == N
        assert self.count(5).judge(arms(a=ends(1, 2, 3, 4, 6))).verdict == U

    def test_fewer_seeds_than_the_paper_never_reproduce(self):
        assert self.count(5).judge(arms(a=ends(1, 2))).verdict == U

    def test_any_number_of_pairs_can_be_judged(self):
        won = Count("a", None, 10, 10, "pairs won", other="b", statistic=last)
        for n in range(1, 10):
            found = won.judge(arms(a=ends(*range(1, n + 1)), b=ends(*range(2, n + 2))))
            assert found.verdict == U and found.measured == f"pairs won: {n} of {n}"
            other = Below("a", "b", last, "error").judge(arms(a=ends(*range(1, n + 1)), b=ends(*range(2, n + 2))))
            assert other.verdict == (R if n >= 3 else U)
            assert Tighter("a", "b", "error", last).judge(arms(a=ends(*range(n)), b=ends(*range(n)))).verdict == U

    def test_pairs_won(self):
        won = Count("a", None, 4, 4, "pairs won", other="b", statistic=last)
        one, two = ends(1, 2, 3, 4), ends(2, 3, 4, 5)
        found = won.judge(arms(a=one, b=two))
        assert found.verdict == R and found.measured == "pairs won: 4 of 4"
        assert won.judge(arms(a=two, b=one)).verdict == N
        assert won.judge(arms(a=one)).verdict == X
        ties = won.judge(arms(a=one, b=one))  # a tie is not a win
        assert ties.measured == "pairs won: 0 of 4"


class TestOthers:
    def test_an_identity_holds_for_every_seed_or_not_at_all(self):
        exact = Identity("a", outcomes.measure("scale"), 0.5, 1e-5, "scale")
        good = [run(seed, 9.0, scale=0.5) for seed in range(2)]
        assert exact.judge(arms(a=good)).verdict == R
        assert exact.judge(arms(a=[*good, run(2, 9.0, scale=0.5001)])).verdict == N
        assert exact.judge(arms(a=[run(0, 9.0)])).verdict == X

    def test_beyond_a_limit(self):
        high = Beyond("a", best, "error", above=3.0)
        assert high.judge(arms(a=ends(4.0, 4.1, 4.2))).verdict == R
        assert high.judge(arms(a=ends(2.0, 2.1, 2.2))).verdict == N
        assert high.judge(arms(a=ends(2.0, 3.1, 4.2))).verdict == U
        lost = [run(seed, 9.0, diverged=3) for seed in range(3)]
        assert Beyond("a", outcomes.initial_loss, "loss", above=2.0).judge(arms(a=lost)).verdict == U
        assert Beyond("a", outcomes.initial_loss, "loss", above=2.0, untrained=True).judge(arms(a=lost)).verdict == R

    def test_together(self):
        data = arms(a=ends(4.0, 4.1, 4.2))
        good, bad = Beyond("a", best, "error", above=3.0), Beyond("a", best, "error", above=5.0)
        open_, absent = Beyond("a", best, "error", above=4.1), Beyond("b", best, "error", above=3.0)
        assert Together(good, good).judge(data).verdict == R
        assert Together(good, bad, open_).judge(data).verdict == N
        assert Together(good, open_).judge(data).verdict == U
        assert Together(good, absent).judge(data).verdict == X
        assert Together(bad, absent).judge(data).verdict == N, "nothing that is run later can save it"
        assert Together(good, bad).judge(data).measured == "1 of 2 hold"

    def test_statistics_of_a_run(self):
        one = run(0, 12.0, 6.0, 4.0, 5.0)
        assert (best(one), last(one)) == (4.0, 5.0)
        assert outcomes.area(one) == pytest.approx((9 + 5 + 4.5) / 3)
        assert outcomes.late(run(0, 50.0, 1.0, 2.0, 3.0, 4.0, 5.0)) == 3.0
        assert outcomes.error_after(2)(one) == 6.0
        assert steps_to(5)(one) == 30 and steps_to(1)(one) == math.inf
        assert outcomes.reaches(4)(one) and not outcomes.reaches(3.9)(one)

    def test_intervals(self):
        low, high = intervals.of_mean([1.0, 2.0, 3.0])
        assert (low, high) == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)))
        assert intervals.of_mean([1.0, 2.0]) is None and intervals.of_mean([2.0] * 4) == (2.0, 2.0)
        assert intervals.of_difference([1, 2, 3], [0, 0, 0]) == intervals.of_difference([1, 2, 3], [0, 0, 0])
        assert intervals.sign_flips([2.0]) == intervals.sign_flips([2.0, -2.0]) == 1.0
        assert intervals.sign_flips([1.0, 1.1, 1.2, 0.9, 1.0]) == pytest.approx(2 / 32)
        assert intervals.same_share(5, 5, 0, 5) == pytest.approx(2 / math.comb(10, 5))


class TestRemarks:
    def claim(self, proof, **remarks):
        return Claim("A-1", "sec. 1", "a is so", "4.2", "%", proof, remarks=remarks)

    def remark(self, claim, **data):
        return claim.remark(claim.evidence.judge(arms(**data)))

    def test_they_say_on_which_side_ours_lies(self):
        claim = self.claim(Number("a", last, 4.2, digit=0.1, about=True), above="Too high.", below="Too low.")
        high, low = self.remark(claim, a=ends(9.0, 9.1, 9.2)), self.remark(claim, a=ends(1.0, 1.1, 1.2))
        assert "above the published" in high and high.endswith("Too high.") and "Too low" not in high
        assert "below the published" in low and low.endswith("Too low.")
        assert self.remark(claim, a=ends(4.1, 4.2, 4.3)) == "" and self.remark(claim) == ""

    def test_of_several_parts_those_that_fail_are_named(self):
        both = Together(Beyond("a", best, "first", above=3.0), Beyond("a", best, "second", above=5.0))
        claim = Claim("A-1", "", "", "", "", both, remarks={1: "The first.", 2: "The second."})
        said = self.remark(claim, a=ends(4.0, 4.1, 4.2))
        assert "second (a) above 5" in said and said.endswith("The second.") and "first" not in said

    def test_every_claim_that_fails_has_a_paragraph(self):
        for chosen in experiments().values():
            for claim in chosen.claims:
                if isinstance(claim.evidence, Number):
                    for shift, side in ((-3, "below"), (3, "above")):
                        value = claim.evidence.band()[shift > 0] + shift * (claim.evidence.margin + 1)
                        said = claim.remark(
                            claim_module.Judgement(
                                N, "", value, (value, value), 5, 0.1, *claim.evidence.band(), side=side
                            )
                        )
                        assert side in said, claim.id


class TestUndecidable:
    def test_no_cells_and_no_numbers_decide_it(self):
        claim = Undecidable("nobody knows", (Beside("what was tried", "a", last),))
        for found in (arms(), arms(a=ends(1, 2, 3))):
            assert claim.judge(found).verdict == U and "nobody knows" in claim.judge(found).detail
        assert "what was tried (a): 2" in claim.judge(arms(a=ends(1, 2, 3))).detail[1]


class TestAlongside:
    def test_the_first_decides_and_the_others_are_told(self):
        high, low = Beyond("a", best, "error", above=3.0), Beyond("b", best, "error", below=2.0)
        both = Together(high, Beyond("b", best, "another", above=0.0))
        found = combined.Alongside(high, {"otherwise": low, "together": both, "missing": Beyond("c", best, "")})
        judged = found.judge(arms(a=ends(4.0, 4.1, 4.2), b=ends(4.0, 4.1, 4.2)))
        assert judged.verdict == R and judged.centre == pytest.approx(4.1)
        otherwise, together = judged.detail
        assert otherwise.startswith("otherwise: error (b) below 2") and otherwise.endswith(N)
        assert "error (a) above 3" in together and "another (b)" in together and together.endswith(R)


# -- the ledger ------------------------------------------------------------------------------------------------------


def cell(
    store,
    arm,
    seed,
    errors,
    name="kumar",
    data="mnist",
    implementation="gm/compiled",
    when="2026-01-01",
    file=None,
    **spec,
):
    chosen = experiments()[name]
    part = {"name": implementation} if isinstance(implementation, str) else implementation
    said = {
        **{"experiment": name, "version": chosen.version, "data": data, "digest": "d", "budget": "paper"},
        **{"epochs": chosen.budgets["paper"].epochs, "arm": arm, "seed": seed, "device": "cpu"},
        **{"implementation": None if arm in chosen.baselines else part, "initialisation": None},
        **spec,
    }
    rows = [
        {"epoch": e, "step": 938 * e, "test_error": error, "test_loss": 1.0, "train_loss": 1.0}
        for e, error in enumerate([90.0, *errors])
    ]
    folder = store / "cells"
    folder.mkdir(parents=True, exist_ok=True)
    label = re.sub(r"\W", "-", f"{name}-{data}-{arm}-{seed}-{part.get('name')}-{when}-{sorted(spec.items())}")
    lost = {"diverged": 7} if len(errors) < said["epochs"] and errors else {}
    found = {"schema": 1, "kind": "cells", "id": Spec.of(said).id, "spec": said, "epochs": rows, "when": when}
    (folder / f"{label[:180]}.json").write_text(json.dumps({**found, "measures": lost, **(file or {})}))


def verdicts(store):
    return {row.id: row.as_dict() for row in ledger.ledger(store)}


def test_all_claims_of_the_note_are_there_once():
    found = [claim.id for chosen in experiments().values() for claim in chosen.claims if claim.id.startswith("KUM-")]
    assert sorted(found) == [f"KUM-{number:02d}" for number in range(1, 37)]
    for chosen in experiments().values():
        for claim in chosen.claims:
            assert claim.source and claim.statement and chosen.budgets["paper"]


def test_an_empty_store_runs_nothing(tmp_path):
    open_ = [claim.id for e in experiments().values() for claim in e.claims if isinstance(claim.evidence, Undecidable)]
    assert {row.verdict for row in ledger.ledger(tmp_path) if row.id not in open_} == {X}


def test_cells_of_the_budget_decide(tmp_path):
    for seed, error in enumerate((4.1, 4.2, 4.3, 4.2, 4.15)):
        cell(tmp_path, "kumar", seed, [9.5] * 19 + [error])
    found = verdicts(tmp_path)
    assert found["KUM-16"]["verdict"] == R and found["KUM-16"]["seeds"] == 5
    assert found["KUM-05"]["verdict"] == N and found["KUM-05"]["remark"]
    assert found["KUM-16"]["remark"] == ""
    row = found["KUM-16"]
    low, high = row["interval"]
    assert row["published"] == 4.2 and row["margin"] == pytest.approx(0.47) and row["measured"] == pytest.approx(4.19)
    assert row["published"] - row["margin"] <= low <= row["measured"] <= high <= row["published"] + row["margin"]
    assert found["KUM-09"]["published"] == (1000, 2000) and found["KUM-11"]["published"] == 5
    assert found["KUM-15"]["verdict"] == X
    frame = gmbench.load("claims", tmp_path)
    wanted = "id, paper, experiment, statement, published, margin, measured, interval, seeds, dataset, budget, verdict"
    assert set(wanted.split(", ")) <= set(frame)
    assert dict(frame.set_index("id")["verdict"])["KUM-16"] == R


@pytest.mark.parametrize(
    "odd",
    [
        {"version": 1},
        {"budget": "quick"},
        {"epochs": 5},
        {"data": "digits"},
        {"initialisation": {"name": "gm/mine", "sha256": "0"}},
        {"implementation": {"name": "gm/mine", "sha256": "0"}},
        {"implementation": {"name": "gm/mine", "origin": "package"}},
        {"implementation": {"name": "gm/monte-carlo", "approximate": "samples"}},
    ],
    ids=str,
)
def test_other_cells_do_not(tmp_path, odd):
    for seed in range(5):
        cell(tmp_path, "kumar", seed, [4.2] * 20, **odd)
    assert verdicts(tmp_path)["KUM-16"]["verdict"] == X


def test_seeds_beyond_the_budget_do_not(tmp_path):
    for seed in (0, 1, 7, 8):
        cell(tmp_path, "kumar", seed, [4.2] * 20)
    assert verdicts(tmp_path)["KUM-16"]["seeds"] == 2


def test_two_implementations_are_not_mixed_and_the_default_goes_first(tmp_path):
    for seed in range(4):
        cell(tmp_path, "kumar", seed, [4.2] * 20)
        cell(tmp_path, "kumar", seed, [5.2] * 20, implementation="gm/eager")
    assert verdicts(tmp_path)["KUM-16"]["measured"] == pytest.approx(4.2)
    cell(tmp_path, "kumar", 4, [5.2] * 20, implementation="gm/eager")  # more seeds go before speed
    assert verdicts(tmp_path)["KUM-16"]["measured"] == pytest.approx(5.2)


def test_the_latest_of_two_cells_counts(tmp_path):
    for seed in range(3):
        cell(tmp_path, "kumar", seed, [4.2] * 20, when="2026-01-01")
        cell(tmp_path, "kumar", seed, [8.0] * 20, when="2026-02-01")
    assert verdicts(tmp_path)["KUM-16"]["measured"] == pytest.approx(8.0)


def test_a_damaged_cell_is_passed_over(tmp_path):
    for seed in range(3):
        cell(tmp_path, "kumar", seed, [4.2] * 20)
    cell(tmp_path, "kumar", 3, [])
    (tmp_path / "cells" / "cut.json").write_text('{"schema": 1, "kind": "cells"')
    (tmp_path / "cells" / "odd.json").write_text('{"schema": 1, "kind": "cells", "spec": {"experiment": "kumar"}}')
    assert verdicts(tmp_path)["KUM-16"]["seeds"] == 3


@pytest.mark.parametrize(
    "damage",
    [
        {"measures": None},
        {"measures": 3},
        {"spec": "kumar"},
        {"spec": None},
        {"epochs": None},
        {"epochs": [{"epoch": 0, "step": 0, "test_error": 90.0}]},
        {"epochs": [{"epoch": e, "step": e, "test_error": 4.2} for e in range(4)]},
        {"epochs": [{"epoch": e, "step": e, "test_error": float("nan")} for e in range(21)]},
        {"epochs": [{"epoch": e, "step": e, "test_error": 420} for e in range(21)]},
        {"id": "0" * 64},
        {"paths": [1]},
        {"paths": {"moved": [0.0]}},
    ],
    ids=str,
)
def test_no_claim_rests_on_a_cell_that_is_not_whole(tmp_path, damage, caplog):
    for seed in range(3):
        cell(tmp_path, "kumar", seed, [4.2] * 20)
    cell(tmp_path, "kumar", 3, [4.2] * 20, file=damage)
    assert verdicts(tmp_path)["KUM-16"]["seeds"] == 3
    assert len([line for line in caplog.messages if "no claim rests on" in line or "ignored" in line]) == 1


def test_two_versions_of_the_data_are_not_mixed(tmp_path):
    for seed in range(3):
        cell(tmp_path, "kumar", seed, [4.2] * 20)
    cell(tmp_path, "kumar", 3, [9.0] * 20, digest="other")
    assert verdicts(tmp_path)["KUM-16"]["seeds"] == 3


def test_commands_name_every_experiment_whose_cells_decide(tmp_path):
    found = verdicts(tmp_path)
    assert "run kumar --" in found["KUM-31"]["command"] and "run kumar-single --" in found["KUM-31"]["command"]
    assert "kumar-single" in found["KUM-33"]["command"] and found["KUM-33"]["experiment"] == "kumar-single"
    assert found["KUM-16"]["command"] == "gmbench run kumar --data mnist --budget paper --store STORE"


def test_all_data_sets_that_evidence_looks_at_are_named(tmp_path):
    found = verdicts(tmp_path)
    assert found["GMNM-F01"]["dataset"] == "level-1"
    assert found["GMNM-F01"]["datasets"] == ["level-1", "level-2", "level-3", "level-4"]
    assert found["GMNM-F05"]["datasets"] == ["level-3", "level-4"], "in the experiment's order"
    assert found["KUM-28"]["datasets"] == ["fashion-mnist"] and found["KUM-16"]["datasets"] == ["mnist"]
    (tmp_path / "cells").mkdir()
    assert "level-1, level-2, level-3, level-4, budget paper" in gm("GMNM-F01", "--store", str(tmp_path)).stdout


def test_parts_of_a_claim_have_verdicts_of_their_own(tmp_path):
    for seed in range(5):
        cell(tmp_path, "fc", seed, [2.0] * 20)
        cell(tmp_path, "bl", seed, [50.0] * 19 + [6.0])
    row = verdicts(tmp_path)["KUM-35"]
    assert row["verdict"] == N and [part["verdict"] for part in row["parts"]] == [N, R]
    assert row["parts"][0]["measured"] == pytest.approx(4.0)
    assert "last error" in row["remark"] and "steps to 10 %" not in row["remark"]


def test_a_run_that_ended_early_stays_at_its_last_error():
    result = {
        "spec": {"seed": 3, "epochs": 4},
        "epochs": [{"step": 0, "test_error": 90.0}, {"step": 10, "test_error": 100.0}],
        "measures": {"diverged": 8},
    }
    found = Run.of(result)
    assert found.errors == (100.0,) * 4 and found.steps == (10, 20, 30, 40) and found.diverged


def test_the_screen_counts_pairs_on_each_data_set(tmp_path):
    for seed in range(5, 15):
        cell(tmp_path, "kumar", seed, [5.0] * 30, name="kumar-screen")
        cell(tmp_path, "bl", seed, [6.0] * 30, name="kumar-screen")
        cell(tmp_path, "kumar", seed, [12.0] * 30, name="kumar-screen", data="fashion-mnist")
        cell(tmp_path, "bl", seed, [11.0] * 30, name="kumar-screen", data="fashion-mnist")
    found = verdicts(tmp_path)
    assert [found[f"KUM-{number}"]["verdict"] for number in range(25, 31)] == [R] * 3 + [N] * 3
    assert found["KUM-28"]["dataset"] == "fashion-mnist" and "fashion-mnist" in found["KUM-28"]["command"]


# -- the command -----------------------------------------------------------------------------------------------------


def gm(*words):
    return CliRunner().invoke(cli.main, ["claims", *words])


def test_the_command_prints_json_of_every_claim(tmp_path):
    (tmp_path / "cells").mkdir()
    rows = json.loads(gm("--json", "--store", str(tmp_path)).stdout)
    needed = {"id", "paper", "experiment", "statement", "published", "margin", "measured", "interval", "seeds"}
    assert all(needed | {"dataset", "budget", "verdict"} <= set(row) for row in rows)
    assert {row["paper"] for row in rows} <= {"kumar", "gmnm", "ugmm"}


def test_the_command_selects_and_explains(tmp_path):
    for seed, error in enumerate((4.1, 4.2, 4.3, 4.2, 4.15)):
        cell(tmp_path, "kumar", seed, [9.5] * 19 + [error])
    store = ("--store", str(tmp_path))
    one = gm("KUM-16", *store).stdout
    assert "reproduced" in one and "about 4.2 % +- 0.47" in one and "gmbench run kumar --data mnist" in one
    assert {row["id"] for row in json.loads(gm("kumar-single", "--json", *store).stdout)} == {
        f"KUM-{number}" for number in (21, 22, 23, 24, 33)
    }
    lost = json.loads(gm("--verdict", "not reproduced", "--json", *store).stdout)
    assert lost and {row["verdict"] for row in lost} == {N}
    whole = gm(*store).stdout
    assert "KUM-36" in whole and re.search(r"\d+ reproduced, \d+ not reproduced, \d+ inconclusive, \d+ not run", whole)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("KUM-99",), "there is no claim"),
        (("--verdict", "reproducd"), "did you mean 'reproduced'"),
        (("--store", "/no/such/store"), "there is no store"),
        (("--store", "/no/such/store", "--json"), "there is no store"),
    ],
)
def test_bad_input_is_one_line(words, line, tmp_path, monkeypatch):
    monkeypatch.setenv("GMBENCH_STORE", str(tmp_path))
    done = gm(*words)
    assert done.exit_code == 2 and line in done.stderr and done.stderr.count("\n") == 1


def test_by_default_the_users_own_cells_count_else_the_committed_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GMBENCH_STORE", raising=False)
    assert ledger.default_store().folder == ledger.COMMITTED
    cell(tmp_path / "gmbench-results", "kumar", 0, [4.2] * 20, budget="smoke")
    assert ledger.default_store().folder == ledger.COMMITTED, "no claim rests on a smoke run"
    cell(tmp_path / "gmbench-results", "kumar", 0, [4.2] * 20)
    assert ledger.default_store().folder.resolve() == (tmp_path / "gmbench-results").resolve()
    monkeypatch.setenv("GMBENCH_STORE", str(tmp_path / "mine"))
    assert ledger.default_store().folder == tmp_path / "mine"
