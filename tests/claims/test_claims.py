"""Claims: the verdict that each kind of evidence gives, which cells count, and what `gmbench claims` prints."""

import json
import math
import re

import pytest
from click.testing import CliRunner

import gmbench
from gmbench.claims import intervals, statistics
from gmbench.claims.claim import KNOWN, Claim, known, quick
from gmbench.claims.evidence import (
    Alongside,
    Below,
    BelowThroughout,
    Beside,
    Beyond,
    Calculated,
    Choices,
    Count,
    Gap,
    Identity,
    Number,
    Similar,
    Tighter,
    Together,
    Undecidable,
)
from gmbench.claims.evidence.orderings import together
from gmbench.claims.metric import ERROR, MEAN_SQUARE
from gmbench.claims.statistics import Run, best, last, steps_to
from gmbench.claims.verdicts import (
    ABOVE,
    AGREES,
    BELOW,
    BETTER,
    DEPENDS,
    DOES_NOT_HOLD,
    HIGHER,
    HOLDS,
    NEITHER,
    NO_DIFFERENCE,
    NOT_RUN,
    QUICK,
    REVERSED,
    TOO_FEW,
    UNDECIDABLE,
    WORSE,
    Decision,
)
from gmbench.cli import base as cli
from gmbench.experiments import experiments
from gmbench.results import ledger
from gmbench.runs.spec import Spec
from gmbench.store.reading import Store


def run(seed, *errors, diverged=None, **measures):
    steps = tuple(10 * (i + 1) for i in range(len(errors)))
    return Run(seed, errors, steps, {"diverged": diverged, **measures}, {"test_loss": 2.5}, classes=10)


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
    NUMBER = Number("a", last, 4.2, digit=0.1, about=True, runs=5)

    @pytest.mark.parametrize(
        ("values", "verdict"),
        [
            ((4.1, 4.2, 4.3, 4.2), AGREES),
            ((1.0, 4.2, 7.4), TOO_FEW),  # any number may have been seen
            ((9.1, 9.2, 9.3), WORSE),
            ((1.1, 1.2, 1.3), BETTER),
            ((4.2, 4.2), TOO_FEW),  # two seeds have no interval
        ],
    )
    def test_the_printed_number_against_the_one_that_ours_predict(self, values, verdict):
        found = self.NUMBER.judge(arms(a=ends(*values)))
        assert found.verdict == verdict and (found.low, found.high) == pytest.approx((4.2 - 0.47, 4.2 + 0.47))
        assert found.seeds == len(values) and found.centre == pytest.approx(sum(values) / len(values))
        assert found.resolution == pytest.approx(4.2 / 4) and (found.prediction is None) == (len(values) < 3)
        assert found.side == {WORSE: "above", BETTER: "below"}.get(verdict, "")

    def test_which_side_is_better(self):
        high = arms(a=ends(9.1, 9.2, 9.3))
        for better, verdict in ((HIGHER, BETTER), (NEITHER, ABOVE)):
            assert Number("a", last, 4.2, better=better).judge(high).verdict == verdict
        assert Number("a", last, 42.0, better=NEITHER).judge(high).verdict == BELOW

    def test_the_margin_is_half_the_last_digit_and_what_about_allows(self):
        assert Number("a", last, 6.68, digit=0.01).margin == pytest.approx(0.005)
        assert Number("a", last, 6.68, digit=0.01, spread=0.2).margin == pytest.approx(0.205)
        assert Number("a", last, 97.8, digit=0.1, about=True, whole=100).margin == pytest.approx(0.27)
        assert Number("a", last, 1000, 2000, digit=1000, about=True).margin == 650

    def test_a_declared_point_or_resolution_goes_before_the_quarter(self):
        data = arms(a=ends(4.1, 4.2, 4.3, 4.2))
        assert Number("a", last, 4.2, runs=5, point=0.05).judge(data).verdict == TOO_FEW
        assert Number("a", last, 4.2, runs=5, resolution=0.05).judge(data).resolution == 0.05
        assert Number("a", last, 97.8, whole=100).judge(data).resolution == pytest.approx(2.2 / 4)

    def test_seeds_that_diverged_are_a_part_of_their_own(self):
        rows = [run(i, 90.0, v) for i, v in enumerate((4.1, 4.2, 4.3))]
        found = self.NUMBER.judge(arms(a=[*rows, run(3, 100.0, 100.0, diverged=7)]))
        assert found.verdict == AGREES and found.seeds == 3 and found.centre == pytest.approx(4.2)
        assert found.parts[1].shown == "lost: 1 of 4, the paper's 0 of 5"
        assert any("1 of 4 seeds diverged (3)" in line for line in found.detail)
        lost = [run(seed, 100.0, 100.0, diverged=7) for seed in range(3, 23)]
        assert self.NUMBER.judge(arms(a=[*rows, *lost])).verdict == WORSE, "the paper lost none"
        none = self.NUMBER.judge(arms(a=lost[:3]))
        assert none.shown == "no seed trained" and none.verdict == WORSE and none.said == WORSE

    def test_the_worst_seed_of_as_many_as_the_paper_has(self):
        worst = Number("a", last, 9.3, digit=0.1, worst=True, runs=5, resolution=3)
        found = worst.judge(arms(a=ends(9.1, 9.2, 9.3)))
        assert found.centre == 9.3 and found.verdict == AGREES and found.interval is None
        assert found.prediction[1] > 9.3

    def test_seeds_that_never_get_there_are_lost(self):
        rows = [(9.0, 4.0, 4.0), (9.0, 4.0, 4.0), (9.0, 4.0, 4.0), (9.0, 9.0, 9.0)]
        found = Number("a", steps_to(5), 20, digit=10, runs=5).judge(arms(a=rows))
        assert found.centre == 20 and found.seeds == 3 and found.verdict == AGREES
        assert "1 of 4" in found.parts[1].shown and any("> 30" in line for line in found.detail)
        assert Number("a", steps_to(1), 20, digit=10).judge(arms(a=rows)).verdict == TOO_FEW

    def test_another_statistic_stands_beside_with_its_own_verdict(self):
        number = Number("a", last, 4.2, digit=0.1, about=True, runs=5, beside=(Beside("best of all", "a", best),))
        found = number.judge(arms(a=[(1.0, 4.1), (1.1, 4.2), (1.2, 4.3)]))
        assert found.verdict == AGREES
        assert any(line.startswith("best of all: 1.1") and BETTER in line for line in found.detail)

    def test_means_are_arithmetic_and_the_geometric_one_stands_beside(self):
        squares = arms(a=ends(1e-3, 1e-2, 1e-1, 1e-2))
        found = Number("a", last, 2e-2, runs=20, decades=True).judge(squares)
        assert found.centre == pytest.approx(0.03025) and any("geometric mean 0.01" in line for line in found.detail)
        assert Number("a", last, 2e-2, decades=True).judge(squares).centre == pytest.approx(0.01), "of one run"

    def test_no_cells(self):
        found = Number("a", last, 4.2).judge(arms(b=ends(1.0)))
        assert found.verdict == NOT_RUN and found.missing == ("a",)


ONE, TWO = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0), (1.5, 2.4, 3.6, 4.5, 5.7, 6.4, 7.5)


class TestOrderings:
    def test_pairs_decide_not_the_two_means(self):
        data = arms(a=ends(*ONE), b=ends(*TWO))
        below = Below("a", "b", best, "error", margin=0.1)
        assert below.judge(data).verdict == HOLDS and below.judge(data).margin == 0.1
        assert Below("b", "a", best, "error", margin=0.1).judge(data).verdict == REVERSED
        mixed = arms(a=ends(*ONE), b=ends(*[x + y for x, y in zip(ONE, (0.5, -0.5) * 4, strict=False)]))
        assert below.judge(mixed).verdict == TOO_FEW

    def test_no_difference_is_one_within_the_margin(self):
        data = arms(a=ends(*ONE), b=ends(*[x + 1e-3 * (i % 3) for i, x in enumerate(ONE)]))
        assert Below("a", "b", best, "error", margin=0.1).judge(data).verdict == NO_DIFFERENCE
        found = Below("a", "b", best, "error").judge(data)
        assert found.margin == pytest.approx(0.4, abs=0.01), "a tenth of the other arm's mean"
        assert found.verdict == NO_DIFFERENCE

    def test_only_common_seeds_count_and_six_are_needed(self):
        one = [run(seed, 9.0, 1.0 + seed / 10) for seed in (0, 1, 2, 3, 4, 5)]
        two = [run(seed, 9.0, 2.0 + seed / 11) for seed in (0, 1, 2, 3, 4, 6)]
        found = Below("a", "b", best, "error").judge(arms(a=one, b=two))
        assert found.verdict == TOO_FEW and found.seeds == 5 and found.needed == 6
        two.append(run(5, 9.0, 2.5))
        assert Below("a", "b", best, "error").judge(arms(a=one, b=two)).verdict == HOLDS
        assert Below("a", "b", best, "error").judge(arms(a=one, b=two), QUICK).verdict == TOO_FEW

    def test_what_is_the_same_for_any_seed_needs_one(self):
        one, two = ends(2.0), ends(3.0)
        for kind, verdict in (
            (Below("a", "b", last, "size", constant=True), HOLDS),
            (Below("b", "a", last, "size", constant=True), REVERSED),
            (Below("b", "a", last, "size", bound=1.5, constant=True), HOLDS),
            (Below("a", "b", last, "size"), TOO_FEW),
        ):
            assert kind.judge(arms(a=one, b=two)).verdict == verdict
        assert Below("a", "b", last, "size", constant=True).judge(arms(a=one, b=one)).verdict == NO_DIFFERENCE
        apart = [run(5, 3.0)]  # no seed in common
        assert Below("a", "b", last, "size", constant=True).judge(arms(a=one, b=apart)).verdict == HOLDS
        differs = ends(2.0, 2.1)
        assert Below("a", "b", last, "size", constant=True).judge(arms(a=differs, b=two)).verdict == TOO_FEW

    def test_a_bound_allows_so_much_or_asks_for_it(self):
        data = arms(a=ends(*TWO), b=ends(*ONE))
        for bound, verdict in ((1.0, HOLDS), (0.1, REVERSED), (0.5, TOO_FEW)):
            assert Below("a", "b", best, "error", bound=bound).judge(data).verdict == verdict
        for bound, verdict in ((-0.1, HOLDS), (-1.0, REVERSED)):
            found = Below("b", "a", best, "error", bound=bound).judge(data)
            assert found.verdict == verdict and found.centre == pytest.approx(-0.514, abs=1e-3)

    def test_a_diverged_seed_is_in_no_mean(self):
        rows = [run(seed, 100.0, 100.0, diverged=3) for seed in range(7, 10)]
        found = Below("a", "b", best, "error").judge(arms(a=ends(*ONE, 1.0, 1.0, 1.0), b=[*ends(*TWO), *rows]))
        assert found.verdict == HOLDS and found.centre == pytest.approx(-0.514, abs=1e-3) and found.seeds == 7
        assert any("3 of 10 seeds diverged" in line for line in found.detail) and "lost" in found.parts[1].shown
        many = [run(seed, 100.0, 100.0, diverged=3) for seed in range(7, 27)]
        against = Below("a", "b", best, "error").judge(arms(a=[*ends(*ONE), *many], b=ends(*TWO, *[8.0] * 20)))
        assert against.verdict == DOES_NOT_HOLD, "it diverges more often"

    def test_similar_is_an_equivalence(self):
        data = arms(a=ends(*TWO), b=ends(*ONE))
        for margin, verdict in ((1.0, HOLDS), (0.1, REVERSED), (0.52, TOO_FEW)):
            found = Similar("a", "b", best, "error", margin).judge(data)
            assert found.verdict == verdict and found.margin == margin
        assert Similar("a", "c", best, "error", 1.0).judge(data).verdict == NOT_RUN

    def test_throughout_is_not_lost_by_one_epoch_alone(self):
        def curves(*rows):
            return [tuple(value + seed / 100 for value in row) for seed in range(7) for row in rows]

        below = arms(a=curves((1.0, 1.0, 1.0)), b=curves((2.0, 2.0, 2.0)), c=curves((3.0, 3.0, 3.0)))
        assert BelowThroughout("a", ("b", "c")).judge(below).verdict == HOLDS
        assert BelowThroughout("c", ("a", "b")).judge(below).verdict == DOES_NOT_HOLD
        crossed = arms(a=curves((1.0, 2.5, 1.0)), b=curves((2.0, 2.0, 2.0)), c=curves((3.0, 3.0, 3.0)))
        found = BelowThroughout("a", ("b", "c")).judge(crossed)
        assert "below at every epoch in 0 of 7 seeds" in found.detail[0]
        assert "mean over epochs" in found.parts[0].shown and "worst epoch" in found.parts[1].shown
        assert BelowThroughout("a", ("b", "d")).judge(crossed).verdict == NOT_RUN

    @pytest.mark.parametrize(
        ("behind", "verdict"),
        [
            ((3.0, 3.2, 3.4, 3.2), AGREES),  # 1.2 ahead of the other
            ((2.0, 2.1, 2.2, 2.1), BELOW),
            ((5.0, 5.1, 5.2, 5.1), ABOVE),
            ((1.0, 3.0, 5.0, 3.0), TOO_FEW),
            ((3.0, 3.2), TOO_FEW),
        ],
    )
    def test_a_gap_of_a_printed_size(self, behind, verdict):
        gap = Gap("a", "b", last, "error", 1, 2, digit=1)
        found = gap.judge(arms(a=ends(*behind), b=ends(2.0, 2.0, 2.0, 2.0)))
        assert (found.verdict, found.seeds) == (verdict, len(behind))
        assert (found.low, found.high, found.margin, found.resolution) == (0.5, 2.5, 0.5, 1.0)
        assert gap.published == (1, 2) and found.centre == pytest.approx(sum(behind) / len(behind) - 2)
        assert gap.judge(arms(a=ends(1.0))).verdict == NOT_RUN

    def test_a_gap_without_a_common_seed(self):
        apart = arms(a=[run(0, 2.0, 2.0)], b=[run(1, 1.0, 1.0)])
        found = Gap("a", "b", last, "error", 1, 1).judge(apart)
        assert found.verdict == TOO_FEW and "no common seed" in found.shown

    def test_a_tighter_arm(self):
        close = ends(4.0, 4.1, 4.2, 4.1, 4.0, 4.3, 4.1, 4.2)
        wide = ends(5.0, 9.0, 6.0, 12.0, 7.0, 3.0, 14.0, 2.0)
        assert Tighter("a", "b", "best", best).judge(arms(a=close, b=wide)).verdict == HOLDS
        assert Tighter("b", "a", "best", best).judge(arms(a=close, b=wide)).verdict == REVERSED
        assert Tighter("a", "b", "best", best).judge(arms(a=wide, b=wide)).verdict == TOO_FEW
        assert Tighter("a", "b", "curve").judge(arms(a=close, b=wide)).verdict == HOLDS, "by whole curves"

    def test_an_arm_that_never_trained_is_not_tight(self):
        lost = [run(seed, 100.0, 100.0, diverged=3) for seed in range(7)]
        found = Tighter("a", "b", "best", best).judge(arms(a=lost, b=ends(*ONE)))
        assert found.verdict == DOES_NOT_HOLD and "no common seed that trained" in found.shown

    def test_steps_that_are_never_reached_are_the_end_in_an_ordering(self):
        one, two = [(4.0, 4.0)] * 6, [(9.0, 9.0)] * 6
        found = Below("a", "b", steps_to(5), "steps").judge(arms(a=one, b=two))
        assert found.verdict == HOLDS and found.centre == -10

    def test_a_seed_that_never_learned_is_named(self):
        stuck = [run(0, 90.0, 89.0), run(1, 90.0, 4.0), run(2, 90.0, 4.0)]
        found = Below("b", "a", best, "error").judge(arms(a=stuck, b=ends(1.0, 1.0, 1.0)))
        assert "a: 1 of 3 seeds never left guessing (0)" in found.detail

    @pytest.mark.parametrize(("classes", "limit"), [(10, 80.0), (3, 50.95), (100, 95.68), (2, 33.33)])
    def test_how_right_a_run_must_be_to_have_left_guessing(self, classes, limit):
        assert ERROR.guessing(classes) == pytest.approx(limit, abs=0.01)
        for best_error, stuck in ((limit + 0.1, True), (limit - 0.1, False)):
            assert Run(0, (99.0, best_error), classes=classes).stuck == stuck
            assert not Run(0, (99.0, best_error), measures={"diverged": 3}, classes=classes).stuck

    def test_ten_classes_are_as_they_were_and_without_classes_nobody_guesses(self):
        assert ERROR.guessing(10) == 80.0
        assert ERROR.guessing(None) == MEAN_SQUARE.guessing(10) == math.inf


class TestCounts:
    def count(self, published, of=5, **more):
        return Count("a", lambda one: best(one) <= 5, published, of, "seeds", **more)

    def test_what_agrees_and_what_differs(self):
        assert self.count(10, 10).judge(arms(a=ends(*[1.0] * 10))).verdict == AGREES
        assert self.count(5).judge(arms(a=ends(6, 7, 8, 9, 6))).verdict == WORSE
        assert self.count(0).judge(arms(a=ends(*[1.0] * 5))).verdict == BETTER
        assert self.count(0, better=NEITHER).judge(arms(a=ends(*[1.0] * 5))).verdict == ABOVE
        one_off = self.count(5).judge(arms(a=ends(1, 2, 3, 4, 6)))
        assert one_off.verdict == TOO_FEW and one_off.centre == 4 and one_off.shown == "seeds: 4 of 5"

    def test_five_of_five_are_too_few_against_five(self):
        found = self.count(5).judge(arms(a=ends(1, 2, 3, 4, 5)))
        assert found.verdict == TOO_FEW and found.needed == 7

    def test_pairs_won(self):
        won = Count("a", None, 10, 10, "pairs won", other="b", statistic=last)
        one, two = ends(*range(1, 11)), ends(*[x + 1 + x / 10 for x in range(1, 11)])
        found = won.judge(arms(a=one, b=two))
        assert found.verdict == AGREES and found.shown == "pairs won: 10 of 10"
        assert any("mean difference" in line and line.endswith(HOLDS) for line in found.detail)
        assert won.judge(arms(a=two, b=one)).verdict == WORSE
        assert won.judge(arms(a=one)).verdict == NOT_RUN
        assert won.judge(arms(a=one, b=one)).shown == "pairs won: 0 of 10", "a tie is not a win"
        lost = [run(seed, 100.0, 100.0, diverged=3) for seed in range(10)]
        assert won.judge(arms(a=lost, b=two)).shown == "pairs won: 0 of 10", "a diverged seed loses its pair"


class TestOthers:
    def test_an_identity_holds_for_every_seed_or_not_at_all(self):
        exact = Identity("a", statistics.measure("scale"), 0.5, 1e-5, "scale")
        good = [run(seed, 9.0, scale=0.5) for seed in range(2)]
        assert exact.judge(arms(a=good)).verdict == AGREES
        assert exact.judge(arms(a=[*good, run(2, 9.0, scale=0.5001)])).verdict == ABOVE
        assert exact.judge(arms(a=[run(0, 9.0)])).verdict == NOT_RUN

    @pytest.mark.parametrize(
        ("limits", "verdict", "side"),
        [
            ({"above": 3.0}, HOLDS, ""),
            ({"above": 5.0}, REVERSED, "below"),
            ({"below": 5.0}, HOLDS, ""),
            ({"below": 3.0}, REVERSED, "above"),
            ({"above": 4.11}, TOO_FEW, ""),
            ({"above": 3.0, "below": 5.0}, HOLDS, ""),
            ({"above": 5.0, "below": 6.0}, REVERSED, "below"),
        ],
    )
    def test_beyond_a_limit(self, limits, verdict, side):
        found = Beyond("a", best, "error", **limits).judge(arms(a=ends(4.0, 4.1, 4.2, 4.1, 4.05, 4.2)))
        assert (found.verdict, found.side) == (verdict, side) and found.centre == pytest.approx(4.108, abs=1e-3)

    def test_a_limit_before_training_is_of_all_seeds(self):
        lost = [run(seed, 9.0, diverged=3) for seed in range(6)]
        assert Beyond("a", statistics.initial_loss, "loss", above=2.0).judge(arms(a=lost)).verdict == TOO_FEW
        before = Beyond("a", statistics.initial_loss, "loss", above=2.0, untrained=True)
        assert before.judge(arms(a=lost)).verdict == HOLDS and before.judge(arms()).verdict == NOT_RUN

    def test_a_calculation_needs_no_cells(self):
        for value, verdict in ((1.0, HOLDS), (3.0, DOES_NOT_HOLD)):
            found = Calculated("size", lambda value=value: value, below=2.0).judge(arms())
            assert found.verdict == verdict and found.shown.startswith("size below 2: ") and not found.tests

    def test_together(self):
        data = arms(a=ends(4.0, 4.1, 4.2, 4.1, 4.05, 4.2, 4.15, 4.1))
        good, bad = Beyond("a", best, "error", above=3.0), Beyond("a", best, "error", above=5.0)
        open_, absent = Beyond("a", best, "error", above=4.11), Beyond("b", best, "error", above=3.0)
        for parts, verdict in (
            ((good, good), HOLDS),
            ((good, bad, open_), DOES_NOT_HOLD),
            ((good, open_), TOO_FEW),
            ((good, absent), NOT_RUN),
            ((bad, absent), NOT_RUN),
        ):
            found = Together(*parts).judge(data)
            assert found.verdict == verdict and len(found.parts) == len(parts)
        assert Together(good, bad).judge(data).shown == "1 of 2 hold"
        assert Together(bad, absent).judge(data).missing == ("b",), "an unrun part never decides, and is named"
        assert len(Together(good, bad).judge(data).tests) == 2

    def test_what_is_read_in_two_ways_depends_on_a_choice(self):
        data = arms(a=ends(4.0, 4.1, 4.2, 4.1, 4.05, 4.2))
        high, low = Beyond("a", best, "error", above=3.0), Beyond("a", best, "error", above=5.0)
        found = Choices({"one": high, "other": low}).judge(data)
        assert found.verdict == DEPENDS and [part.verdict for part in found.parts] == [HOLDS, REVERSED]
        assert found.shown.startswith("one: error") and "; other: error" in found.shown
        assert Choices({"one": high, "other": high}).judge(data).verdict == HOLDS
        assert Choices({"one": high, "other": Beyond("b", best, "")}).judge(data).verdict == NOT_RUN
        few = arms(a=ends(4.0, 4.1, 4.2))
        assert Choices({"one": high, "other": low}).judge(few).verdict == TOO_FEW

    def test_statistics_of_a_run(self):
        one = run(0, 12.0, 6.0, 4.0, 5.0)
        assert (best(one), last(one)) == (4.0, 5.0)
        assert statistics.area(one) == pytest.approx((9 + 5 + 4.5) / 3)
        assert statistics.late(run(0, 50.0, 1.0, 2.0, 3.0, 4.0, 5.0)) == 3.0
        assert statistics.error_after(2)(one) == 6.0
        assert steps_to(5)(one) == 30 and steps_to(1)(one) == math.inf
        assert statistics.reaches(4)(one) and not statistics.reaches(3.9)(one)

    def test_intervals(self):
        low, high = intervals.of_mean([1.0, 2.0, 3.0])
        assert (low, high) == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)))
        assert intervals.of_mean([1.0, 2.0]) is None and intervals.of_mean([2.0] * 4) == (2.0, 2.0)
        assert intervals.same_share(5, 5, 0, 5) == pytest.approx(2 / math.comb(10, 5))

    def test_a_row_of_the_last_epoch(self):
        rows = [{"step": 0, "test_error": 90.0}, {"step": 10, "test_error": 9.0, "train_loss": 0.5}]
        found = Run.of(0, 1, rows, {})
        assert statistics.row("train_loss")(found) == 0.5 and statistics.row("seconds")(found) is None

    def test_claims_say_what_was_known_and_how_many_pairs_they_take(self):
        claim = Claim("A-1", "", "", "", "", Below("a", "b", best, "error"), "so")
        (late,), (short,) = known(claim), quick(claim)
        assert late.protocol == f"so; {KNOWN}" and known(Claim("A-1", "", "", "", "", None))[0].protocol == KNOWN
        six = arms(a=ends(*ONE[:6]), b=ends(*TWO[:6]))
        assert claim.judge(six).verdict == HOLDS and short.judge(six).verdict == TOO_FEW


class TestRemarks:
    def claim(self, proof, **remarks):
        return Claim("A-1", "sec. 1", "a is so", "4.2", "%", proof, remarks=remarks)

    def remark(self, claim, **data):
        return claim.remark(claim.judge(arms(**data)))

    def test_they_say_on_which_side_ours_lies(self):
        claim = self.claim(Number("a", last, 4.2, digit=0.1, about=True), above="Too high.", below="Too low.")
        assert self.remark(claim, a=ends(9.0, 9.1, 9.2)) == "Too high."
        assert self.remark(claim, a=ends(1.0, 1.1, 1.2)) == "Too low."
        assert self.remark(claim, a=ends(4.1, 4.2, 4.3)) == "" and self.remark(claim) == ""

    def test_of_several_parts_those_that_fail_are_named(self):
        both = Together(Beyond("a", best, "first", above=3.0), Beyond("a", best, "second", above=5.0))
        claim = Claim("A-1", "", "", "", "", both, remarks={1: "The first.", 2: "The second.", "": "Both."})
        said = self.remark(claim, a=ends(*[4.0, 4.1, 4.2, 4.1, 4.0, 4.2, 4.1, 4.2]))
        assert "second (a) above 5" in said and said.endswith("The second. Both.") and "first" not in said

    def test_what_differs_says_its_direction(self):
        found = Number("a", last, 4.2).judge(arms(a=ends(9.0, 9.1, 9.2)))
        assert found.said == "differs, ours worse, 2.17 times as large"
        assert Number("a", last, 8.0).judge(arms(a=ends(9.0, 9.1, 9.2))).said == "differs, ours worse, by 1.1"


class TestUndecidable:
    def test_no_cells_and_no_numbers_decide_it(self):
        claim = Undecidable("nobody knows", (Beside("what was tried", "a", last),))
        for found in (arms(), arms(a=ends(1, 2, 3))):
            assert claim.judge(found).verdict == UNDECIDABLE and "nobody knows" in claim.judge(found).detail
        assert "what was tried (a): 2" in claim.judge(arms(a=ends(1, 2, 3))).detail[1]


class TestAlongside:
    def test_the_first_decides_and_the_others_are_told(self):
        high, low = Beyond("a", best, "error", above=3.0), Beyond("b", best, "error", below=2.0)
        both = Together(high, Beyond("b", best, "another", above=0.0))
        found = Alongside(high, {"otherwise": low, "together": both, "missing": Beyond("c", best, "")})
        values = (4.0, 4.1, 4.2, 4.1, 4.0, 4.2)
        judged = found.judge(arms(a=ends(*values), b=ends(*values)))
        assert judged.verdict == HOLDS and judged.centre == pytest.approx(4.1)
        otherwise, together = judged.detail
        assert otherwise.startswith("otherwise: error (b) below 2") and otherwise.endswith(REVERSED)
        assert "error (a) above 3" in together and "another (b)" in together and together.endswith(HOLDS)


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


class Fixed:
    """Evidence that was judged already, in parts."""

    def __init__(self, parts):
        self.parts = parts

    def judge(self, runs_of, least=6):
        return together(list(self.parts))


def verdicts(store):
    return {row.id: row.as_dict() for row in ledger.ledger(store)}


def test_all_claims_of_the_note_are_there_once():
    found = [claim.id for chosen in experiments().values() for claim in chosen.claims if claim.id.startswith("KUM-")]
    assert sorted(found) == [f"KUM-{number:02d}" for number in range(1, 48)]
    for chosen in experiments().values():
        for claim in chosen.claims:
            assert claim.source and claim.statement and chosen.budgets["paper"]


def test_an_empty_store_runs_nothing(tmp_path):
    rows = ledger.ledger(tmp_path)
    assert sum(row.verdict == NOT_RUN for row in rows) > 150
    for row in rows:
        assert row.verdict in (NOT_RUN, UNDECIDABLE) or not (row.found.seeds or row.tests), "a calculation"


def test_cells_of_the_budget_decide(tmp_path):
    for seed, error in enumerate((4.1, 4.2, 4.3, 4.2, 4.15)):
        cell(tmp_path, "kumar", seed, [9.5] * 19 + [error])
    found = verdicts(tmp_path)
    assert found["KUM-16"]["verdict"] == AGREES and found["KUM-16"]["seeds"] == 5
    assert found["KUM-05"]["verdict"] == WORSE and found["KUM-05"]["remark"]
    assert found["KUM-05"]["said"] == "differs, ours worse, by 4.5"
    assert found["KUM-16"]["remark"] == ""
    row = found["KUM-16"]
    low, high = row["interval"]
    assert row["published"] == 4.2 and row["margin"] == pytest.approx(0.47) and row["measured"] == pytest.approx(4.19)
    assert row["prediction"][0] < low <= row["measured"] <= high < row["prediction"][1]
    assert row["resolution"] == pytest.approx(1.05) and row["p"] == 1 and row["needed"] is None
    few = found["KUM-11"]
    assert few["verdict"] == TOO_FEW and few["needed"] == 7 and few["said"] == "too few seeds (7 would decide)"
    assert found["KUM-09"]["published"] == (1000, 2000) and found["KUM-11"]["published"] == 5
    assert found["KUM-15"]["verdict"] == NOT_RUN
    frame = gmbench.load("claims", tmp_path)
    wanted = "id, paper, experiment, statement, published, margin, measured, interval, seeds, dataset, budget, verdict"
    assert set(wanted.split(", ")) <= set(frame)
    assert dict(frame.set_index("id")["verdict"])["KUM-16"] == AGREES


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
    assert verdicts(tmp_path)["KUM-16"]["verdict"] == NOT_RUN


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
    parts = (
        Decision(REVERSED, shown="last error, points, bl - fc 4", centre=4.0, p=0.001),
        Decision(HOLDS, shown="steps to 10 %", centre=-2.0, p=0.01),
    )
    chosen = Claim("A-1", "", "", "", "", Fixed(parts))
    row = ledger._row(experiments()["kumar"], chosen, ledger.Cells(Store.of(tmp_path))).as_dict()
    assert row["verdict"] == DOES_NOT_HOLD and [part["verdict"] for part in row["parts"]] == [REVERSED, HOLDS]
    assert row["parts"][0]["measured"] == 4.0 and row["tests"] == (0.001, 0.01)
    assert [part["holm"] for part in row["parts"]] == [0.002, 0.01]
    assert "last error" in row["remark"] and "steps to 10 %" not in row["remark"]


def test_the_false_discovery_rate_is_of_all_tests(tmp_path):
    cells = ledger.Cells(Store.of(tmp_path))
    rows = [
        ledger._row(
            experiments()["kumar"],
            Claim(f"A-{i}", "", "", "", "", Fixed(tuple(Decision(HOLDS, p=p) for p in ps))),
            cells,
        )
        for i, ps in enumerate([(0.001, 0.04), (0.03,), (0.9, 0.8, 0.7, 0.6)])
    ]
    assert ledger.tests_of(rows) == ledger.Tests(7, 3, 1, ("A-0", "A-1"))
    assert ledger.tests_of([]) == ledger.Tests(0, 0, 0, ())


def test_a_run_that_ended_early_stays_at_its_last_error():
    found = Run.of(3, 4, [{"step": 0, "test_error": 90.0}, {"step": 10, "test_error": 100.0}], {"diverged": 8})
    assert found.errors == (100.0,) * 4 and found.steps == (10, 20, 30, 40) and found.diverged


@pytest.mark.parametrize(("data", "classes"), [("iris", 3), ("mnist", 10), ("cifar-100", 100), ("level-1", None)])
def test_a_run_knows_the_classes_of_its_data(data, classes):
    rows = [{"step": 0, "test_error": 90.0}, {"step": 10, "test_error": 9.0}]
    assert Run.of(0, 1, rows, {}, data=data).classes == classes


def test_the_screen_counts_pairs_on_each_data_set(tmp_path):
    for seed in range(5, 15):
        cell(tmp_path, "kumar", seed, [5.0] * 30, name="kumar-screen")
        cell(tmp_path, "bl", seed, [6.0] * 30, name="kumar-screen")
        cell(tmp_path, "kumar", seed, [12.0] * 30, name="kumar-screen", data="fashion-mnist")
        cell(tmp_path, "bl", seed, [11.0] * 30, name="kumar-screen", data="fashion-mnist")
    found = verdicts(tmp_path)
    assert [found[f"KUM-{number}"]["verdict"] for number in range(25, 31)] == [AGREES] * 3 + [WORSE] * 3
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
    assert (
        "agrees" in one
        and "expected" in one
        and "about 4.2 % +- 0.47" in one
        and "gmbench run kumar --data mnist" in one
    )
    assert {row["id"] for row in json.loads(gm("kumar-single", "--json", *store).stdout)} == {
        f"KUM-{number}" for number in (21, 22, 23, 24, 33, 37, 38, 43)
    }
    lost = json.loads(gm("--verdict", "differs, ours worse", "--json", *store).stdout)
    assert lost and {row["verdict"] for row in lost} == {WORSE}
    whole = gm(*store).stdout
    assert "KUM-36" in whole and re.search(
        r"\d+ agrees, \d+ differs, ours worse, .*\d+ too few seeds, .*\d+ not run", whole
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("KUM-99",), "there is no claim"),
        (("--verdict", "agres"), "did you mean 'agrees'"),
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
