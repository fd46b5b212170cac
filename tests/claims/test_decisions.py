"""The statistics of verdicts: what they decide, how often they are wrong, and what they do not depend on."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gmbench.claims import decisions
from gmbench.claims.decisions import (
    constant,
    counted,
    equivalence,
    fewer,
    identity,
    noninferiority,
    ordering,
    printed,
    quarter,
    sign_flips,
    spread,
)
from gmbench.claims.seeds import least_pairs, pairs_for_ordering
from gmbench.claims.several import (
    adjusted,
    benjamini_hochberg,
    conjunction,
    deciding,
    exchanges,
    holm,
    main_effects,
    over_universes,
    parted,
    tiers,
)
from gmbench.claims.verdicts import (
    ABOVE,
    AGAINST,
    AGREES,
    BELOW,
    BETTER,
    DEPENDS,
    DIFFERS,
    DOES_NOT_HOLD,
    FAVOURABLE,
    HIGHER,
    HOLDS,
    LEVEL,
    LOWER,
    NEITHER,
    NO_DIFFERENCE,
    NOT_RUN,
    REVERSED,
    TOO_FEW,
    UNDECIDABLE,
    WORSE,
    Decision,
    not_run,
    undecidable,
)

DECIDED = (HOLDS, *AGAINST)
SURE = [-1.0, -1.1, -0.9, -1.2, -0.8, -1.0, -1.1, -0.9, -1.3, -0.7]  # ten pairs, all one way


def moved(values, mean, deviation):
    """The same values with another mean and deviation."""
    values = np.asarray(values, float)
    return mean + deviation * (values - values.mean()) / values.std(ddof=1)


class TestWords:
    def test_which_side_is_better(self):
        said = {(above, better): decisions.side_of(above, better) for above in (True, False) for better in SIDES}
        assert said[True, LOWER] == said[False, HIGHER] == WORSE
        assert said[True, HIGHER] == said[False, LOWER] == BETTER
        assert (said[True, NEITHER], said[False, NEITHER]) == (ABOVE, BELOW)
        with pytest.raises(ValueError, match="better is"):
            decisions.side_of(True, "up")

    def test_only_known_verdicts(self):
        with pytest.raises(ValueError, match="no such verdict"):
            Decision("reproduced")

    def test_what_is_said(self):
        assert ordering([-1.0] * 3).said == "too few seeds (6 would decide)"
        assert printed([1.0, 1.01, 1.02], 5.0).said == "differs, ours better, 0.202 times as large"
        assert printed([97.0, 97.1, 97.2], 98.3, better=HIGHER, resolution=0.4).said == "differs, ours worse, by 1.2"
        assert undecidable("nobody knows").said == "undecidable by runs" and not_run("a", "b").reason.endswith("a, b")


SIDES = (LOWER, HIGHER, NEITHER)


class TestPrinted:
    def test_the_interval_is_that_of_spence_and_stanley(self):
        values = [4.1, 4.3, 4.0, 4.6]
        found = printed(values, 4.2, runs_of_paper=5)
        half = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) * math.sqrt(1 / 4 + 1 / 5)
        assert found.prediction == pytest.approx((4.25 - half, 4.25 + half)) and found.centre == pytest.approx(4.25)
        assert found.verdict == AGREES and half < 4.2 / 4

    @pytest.mark.parametrize(
        ("published", "better", "verdict"),
        [
            (4.2, LOWER, AGREES),
            (6.0, LOWER, BETTER),
            (6.0, HIGHER, WORSE),
            (6.0, NEITHER, BELOW),
            (3.0, LOWER, WORSE),
            (3.0, HIGHER, BETTER),
            (3.0, NEITHER, ABOVE),
            ((5.9, 7.0), LOWER, BETTER),
            ((4.0, 7.0), LOWER, AGREES),
        ],
    )
    def test_the_side(self, published, better, verdict):
        found = printed([4.1, 4.2, 4.3, 4.2], published, better=better)
        assert found.verdict == verdict
        assert found.p == 1.0 if published == 4.2 else found.p < 1 or verdict == AGREES

    def test_the_rounding_is_the_papers_to_use(self):
        values = [4.1, 4.2, 4.3, 4.2]
        end = printed(values, 4.2).prediction[1]
        assert printed(values, end + 0.04).verdict == BETTER
        assert printed(values, end + 0.04, rounding=0.05).verdict == AGREES

    def test_the_difference_and_the_factor_are_to_the_nearer_end(self):
        found = printed([1.0, 1.01, 1.02], (2.0, 3.0))
        assert found.difference == pytest.approx(-0.99) and found.factor == pytest.approx(0.505)
        assert printed([2.4, 2.5, 2.6], (2.0, 3.0)).difference == 0

    def test_a_wide_interval_says_how_many_seeds_would_make_it_narrow(self):
        values = moved([1, 2, 3, 5], 10, 1)
        found = printed(values, 10, runs_of_paper=10, resolution=0.8)
        assert found.verdict == TOO_FEW
        for n, verdict in ((found.needed, AGREES), (found.needed - 1, TOO_FEW)):
            more = moved(np.arange(n) ** 1.5, 10, 1)
            assert printed(more, 10, runs_of_paper=10, resolution=0.8).verdict == verdict

    def test_or_would_leave_the_published_value_outside(self):
        values = moved([1, 2, 3], 10, 1)
        found = printed(values, 13, runs_of_paper=1, resolution=0.5)  # one run of the paper's is never that narrow
        assert found.verdict == TOO_FEW and "no number" not in found.reason
        assert printed(moved(np.arange(found.needed), 10, 1), 13, resolution=0.5).verdict == BETTER

    def test_no_number_of_ours_decides_where_the_papers_own_runs_vary_by_more(self):
        found = printed(moved([1, 2, 3, 5], 10, 1), 10.5, runs_of_paper=1, resolution=0.5)
        assert found.verdict == TOO_FEW and found.needed is None
        assert "no number of ours decides it: one run of the paper's varies by 1.96" in found.reason
        assert printed(moved(range(900), 10, 1), 10.5, resolution=0.5).verdict == TOO_FEW

    def test_fewer_than_three_seeds_have_no_interval(self):
        for values in ([], [1.0], [1.0, 1.1]):
            found = printed(values, 9.0)
            assert found.verdict == TOO_FEW and found.needed == 3 and found.seeds == len(values)

    def test_a_quantity_keeps_to_its_bounds(self):
        found = printed([99, 99.9, 98, 99.5], 99.9, resolution=2, better=HIGHER, high=100)
        assert found.prediction[1] == 100 and found.verdict == AGREES
        assert printed([99, 99.9, 98, 99.5], 99.9, resolution=2, better=HIGHER).verdict == TOO_FEW

    def test_the_resolution_is_a_quarter_and_no_wider_than_the_point(self):
        assert quarter(0.088) == pytest.approx(0.022) and quarter((1000, 2000)) == 375
        assert quarter(98.15, whole=100) == pytest.approx(0.4625)
        assert quarter(98.15, whole=100, point=0.19) == 0.19

    def test_one_run_of_decades_is_predicted_by_the_logarithms(self):
        values = [1e-8, 3e-8, 1e-7]
        found = printed(values, 2e-8, decades=True)
        half = stats.t.ppf(0.975, 2) * np.std([-8, math.log10(3e-8), -7], ddof=1) * math.sqrt(4 / 3)
        middle = np.mean(np.log10(values))
        assert np.log10(found.prediction) == pytest.approx([middle - half, middle + half])
        assert found.centre == pytest.approx(10**middle)
        assert printed(values, 1e-3, decades=True).verdict == BETTER

    def test_the_resolution_of_decades_is_a_quarter_too(self):
        values = 10 ** moved([1, 2, 3, 5, 8, 13], -7, 0.032)
        assert printed(values, 1e-7, decades=True).verdict == AGREES  # 0.097 decades are 25 %
        assert printed(values, 1e-7, decades=True, resolution=2e-8).verdict == TOO_FEW

    def test_an_arithmetic_mean_of_decades_is_not_its_geometric_one(self):
        values = 10 ** moved(stats.norm.ppf((np.arange(20) + 0.5) / 20), -2, 0.7)
        arithmetic, geometric = (
            printed(values, 4e-2, 5e-3, runs_of_paper=20, decades=True, geometric=way) for way in (False, True)
        )
        assert arithmetic.centre == pytest.approx(values.mean()) and arithmetic.verdict == TOO_FEW
        assert geometric.centre == pytest.approx(1e-2) and geometric.verdict == BETTER
        assert printed(values, 4e-5, 5e-6, runs_of_paper=20, decades=True).verdict == WORSE
        assert printed(values, 4e-5, 5e-6, runs_of_paper=20).verdict == TOO_FEW, "what Student's t would say"

    def test_draws_agree_with_students_t_where_it_is_exact(self):
        by_t, worst, powers = (
            decisions._Paper(-2, 0.5, 1, kind, (0, 0), (-math.inf, math.inf)) for kind in ("mean", "worst", "powers")
        )
        for n in (5, 20, math.inf):
            exact = by_t.interval(by_t.law(n))
            assert worst.interval(worst.law(n)) == pytest.approx(exact, abs=0.06)
            assert np.log10(powers.interval(powers.law(n))) == pytest.approx(exact, abs=0.06)

    def test_the_worst_of_more_seeds_is_worse(self):
        values = [60.0, 70, 80, 75, 65]
        ends = [printed(values, 77, 8, m, worst=True).prediction for m in (1, 5, 20)]
        assert ends[0][0] < ends[1][0] < ends[2][0] and ends[0][1] < ends[1][1] < ends[2][1]
        assert printed(values, 77, 8, 5, worst=True).centre == 80
        assert printed(values, 30, 3, 5, worst=True).verdict == WORSE

    def test_bad_input_is_one_line(self):
        with pytest.raises(ValueError, match="not finite"):
            printed([1, math.inf, 2], 1)
        with pytest.raises(ValueError, match="at least one run"):
            printed([1, 2, 3], 1, runs_of_paper=0)


class TestSignFlips:
    @pytest.mark.parametrize("values", [[1, -2, 3, 4, 5, 0.5], [0, 0, 1, 1, -1, 2, 1], [0.1, 0.2, 0.3, -0.3, 0.6, 0.1]])
    def test_all_changes_of_sign(self, values):
        whole = np.rint(np.array(values) * 10)
        sums = [abs(np.dot(whole, signs)) for signs in itertools.product((1, -1), repeat=len(values))]
        assert sign_flips(values) == pytest.approx(np.mean(np.array(sums) >= abs(whole.sum())))

    def test_six_of_one_sign_are_the_fewest_that_can_decide(self):
        assert sign_flips([1.0] * 6) == 2 / 2**6 and sign_flips([1.0] * 5) == 2 / 2**5 > LEVEL
        assert sign_flips([1.0]) == sign_flips([]) == sign_flips([0.0] * 8) == 1

    def test_beyond_fourteen_pairs_the_observed_one_is_counted(self):
        assert sign_flips([1.0] * 20) == pytest.approx(2 / (decisions.RESAMPLES + 1))

    def test_many_at_once(self):
        table = np.random.default_rng(0).normal(size=(3, 2, 7))
        found = sign_flips(table)
        assert found.shape == (3, 2) and found[1, 1] == sign_flips(table[1, 1])


class TestOrderings:
    def test_holds_reversed_and_neither(self):
        assert ordering(SURE).verdict == HOLDS and ordering(SURE, alternative="greater").verdict == REVERSED
        found = ordering([1, -1, 2, -2, 0.5, -0.4, 0.1])
        assert found.verdict == TOO_FEW and found.needed is None, "nobody would run so many"
        assert found.interval == pytest.approx(
            stats.ttest_1samp([1, -1, 2, -2, 0.5, -0.4, 0.1], 0).confidence_interval()
        )

    def test_five_pairs_decide_nothing_however_far_apart(self):
        assert ordering(SURE[:5]).verdict == TOO_FEW and ordering(SURE[:5]).needed == 6
        assert ordering(SURE[:9], least=10).needed == 10 and ordering([]).needed == 6

    def test_a_difference_within_the_margin_is_none_however_sure(self):
        assert ordering(SURE, margin=3).verdict == NO_DIFFERENCE
        assert ordering(SURE, margin=1).verdict == HOLDS, "not within for sure"
        assert ordering(moved(SURE, 0, 0.1), margin=0.2).verdict == NO_DIFFERENCE

    def test_how_many_would_decide_is_the_power_of_the_t_test(self):
        values = moved(SURE, 0.5, 1)
        assert ordering(values).needed == 34  # of d = 0.5, two-sided 5 %, power 80 %, as G*Power has it
        assert pairs_for_ordering(values, margin=0.2) == 34
        assert pairs_for_ordering(moved(SURE, 0.05, 1), margin=1) < 20, "to put them within is sooner"
        assert pairs_for_ordering(moved(SURE, 100, 1)) == 11, "more than there are"

    @pytest.mark.parametrize(
        ("parts", "pairs"), [(1, 6), (2, 7), (3, 7), (4, 8), (6, 8), (7, 9), (12, 9), (13, 10), (24, 10)]
    )
    def test_parts_take_more_pairs(self, parts, pairs):
        assert least_pairs(parts=parts) == pairs
        assert 2 / 2**pairs * parts <= LEVEL < 2 / 2 ** (pairs - 1) * parts

    def test_bad_input_is_one_line(self):
        for call in (lambda: ordering([1, math.nan]), lambda: ordering([1], alternative="below")):
            with pytest.raises(ValueError):
                call()


class TestEquivalence:
    def test_two_one_sided_tests(self):
        values = np.array([0.1, -0.2, 0.15, 0.05, -0.1, 0.0, 0.1])
        found = equivalence(values, 0.2)
        ps = [
            stats.ttest_1samp(values, side * 0.2, alternative=way).pvalue
            for side, way in ((-1, "greater"), (1, "less"))
        ]
        assert found.verdict == HOLDS and found.p == pytest.approx(max(ps))
        assert equivalence(values, 0.05).verdict == TOO_FEW and equivalence(values, 0.05).needed > 7
        assert equivalence(values + 3, 0.2).verdict == equivalence(values - 3, 0.2).verdict == REVERSED

    def test_as_many_as_needed_put_them_within(self):
        needed = equivalence(moved(SURE, 0.1, 1), 0.5).needed
        assert equivalence(moved(np.arange(needed), 0.1, 1), 0.5).verdict == HOLDS

    def test_what_does_not_vary(self):
        assert equivalence([0.0] * 6, 0.1).verdict == HOLDS and equivalence([0.2] * 6, 0.1).verdict == REVERSED
        assert equivalence([0.0] * 5, 0.1).needed == 6

    def test_no_slower(self):
        ratios = np.array([1.02, 1.05, 0.98, 1.01, 1.04, 1.0])
        assert noninferiority(ratios - 1, 0.1).verdict == HOLDS
        assert noninferiority(ratios - 0.7, 0.1).verdict == REVERSED
        assert noninferiority(ratios - 0.91, 0.1).verdict == TOO_FEW
        assert noninferiority(1 - ratios, 0.1, "greater").verdict == HOLDS
        assert noninferiority(ratios[:5] - 1, 0.1).needed == 6
        end = stats.ttest_1samp(ratios - 1, 0).confidence_interval().high
        assert noninferiority(ratios - 1, end + 1e-6).verdict == HOLDS
        assert noninferiority(ratios - 1, end - 1e-6).verdict == TOO_FEW

    def test_a_margin_is_asked_for(self):
        for call in (lambda: equivalence(SURE, 0), lambda: noninferiority(SURE, -1)):
            with pytest.raises(ValueError, match="a margin is"):
                call()


class TestSpread:
    def test_the_narrower_arm(self):
        wide = np.array([-9, 5, -3, 8, -6, 1, 9, -8, 4, -2.0])
        assert spread(wide / 20, wide).verdict == HOLDS and spread(wide, wide / 20).verdict == REVERSED
        assert spread(wide + 100, wide).verdict == TOO_FEW
        curves = np.stack([wide, wide[::-1]], 1)
        assert spread(curves / 20, curves).verdict == HOLDS and spread([], []).verdict == TOO_FEW

    def test_seeds_are_paired(self):
        with pytest.raises(ValueError, match="other seeds"):
            spread([1, 2], [1, 2, 3])


class TestWhatDoesNotVary:
    def test_identity(self):
        assert identity([28586] * 2, 28586).verdict == AGREES and identity([0.500001], 0.5, 1e-5).verdict == AGREES
        found = identity([7150.0, 7150.0], 10600)
        assert found.verdict == BELOW and found.factor == pytest.approx(0.6745, abs=1e-4)
        assert identity([0.5, 0.7], 0.5, 1e-5).verdict == ABOVE, "one seed is enough"
        with pytest.raises(ValueError, match="no value"):
            identity([], 1)

    def test_constant(self):
        assert [constant(d).verdict for d in (-1, 0, 1)] == [HOLDS, NO_DIFFERENCE, REVERSED]
        assert constant(0.02, margin=0.04).verdict == HOLDS, "at most so much more"
        assert constant(0.05, margin=0.04).verdict == REVERSED


class TestCounts:
    @pytest.mark.parametrize(
        ("ours", "papers", "verdict"),
        [
            ((10, 10), (10, 10), AGREES),
            ((5, 5), (5, 5), TOO_FEW),  # the paper may have had 2 of 5
            ((10, 10), (5, 5), AGREES),
            ((0, 10), (5, 5), WORSE),
            ((9, 10), (0, 10), BETTER),
            ((0, 10), (0, 5), AGREES),
        ],
    )
    def test_against_the_paper(self, ours, papers, verdict):
        found = counted(*ours, *papers, better=HIGHER)
        assert found.verdict == verdict
        assert found.p == pytest.approx(
            stats.fisher_exact([[ours[0], ours[1] - ours[0]], [papers[0], papers[1] - papers[0]]])[1]
        )
        exact = stats.binomtest(*ours).proportion_ci(method="exact")
        assert found.interval == (exact.low, exact.high)

    def test_how_many_would_decide(self):
        needed = counted(5, 5, 5, 5).needed
        assert counted(needed, needed, 5, 5).verdict == AGREES
        assert counted(0, 0, 5, 5).needed == 6

    def test_which_arm_loses_fewer(self):
        assert fewer(0, 10, 8, 10).verdict == HOLDS and fewer(8, 10, 0, 10).verdict == REVERSED
        found = fewer(0, 5, 2, 5)
        assert (
            found.verdict == TOO_FEW
            and fewer(0, found.needed, round(0.4 * found.needed), found.needed).verdict == HOLDS
        )
        assert fewer(0, 0, 1, 2).verdict == TOO_FEW

    def test_not_a_count(self):
        for call in (lambda: counted(3, 2, 1, 1), lambda: counted(1, 2, 1, 0), lambda: fewer(1, 2, -1, 2)):
            with pytest.raises(ValueError):
                call()

    def test_what_diverged_is_a_part_of_its_own(self):
        trained = printed([4.1, 4.2, 4.3, 4.2], 4.2)
        few, many = counted(0, 4, 0, 5, better=LOWER), counted(16, 20, 0, 5, better=LOWER)
        assert parted(trained, few).verdict == AGREES and parted(trained, many).verdict == WORSE
        assert len(parted(trained, few).parts) == 2 and "16 of 20" in parted(trained, many).reason
        assert parted(ordering(SURE), fewer(8, 20, 0, 20)).verdict == DOES_NOT_HOLD
        assert parted(ordering(SURE), fewer(0, 20, 8, 20)).verdict == HOLDS
        assert parted(ordering(SURE[:3]), fewer(0, 20, 8, 20)).verdict == TOO_FEW, "what is lost decides for nobody"
        assert parted(ordering(SURE[:3]), fewer(0, 20, 8, 20)).needed == 6, "holds at 5 % each"
        lost = parted(ordering(SURE), fewer(10, 20, 0, 20))
        assert conjunction([lost] * 3).verdict == DOES_NOT_HOLD


class TestSeveral:
    def test_holm(self):
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
        assert holm([0.9, 0.8]) == [1, 1] and holm([]) == []

    def test_benjamini_and_hochberg(self):
        assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])
        assert benjamini_hochberg([]) == []

    def test_a_part_is_decided_after_all_parts(self):
        against = ordering(SURE[:6], alternative="greater")
        one, two = adjusted([against, against])
        assert one.verdict == two.verdict == TOO_FEW and one.p == 2 / 2**6 and one.holm == 2 * one.p
        assert one.needed == 7, "as many as two parts take"
        assert adjusted([against])[0].verdict == REVERSED
        assert adjusted([against, identity([1], 1)])[0].verdict == REVERSED, "nothing is tested there"
        assert adjusted([against, not_run("a")])[0].verdict == TOO_FEW, "it will be tested"
        assert adjusted([ordering(SURE), ordering(moved(SURE, 0, 0.1), margin=0.2)])[1].verdict == NO_DIFFERENCE

    def test_a_part_that_holds_keeps_its_own_level(self):
        """All of them have to: an intersection-union test."""
        found = adjusted([ordering(SURE[:6])] * 24)
        assert {part.verdict for part in found} == {HOLDS} and found[0].p == 2 / 2**6 and found[0].holm == 24 * 2 / 2**6
        assert conjunction([ordering(SURE[:6])] * 24).verdict == HOLDS

    HELD, LOST, OPEN = ordering(SURE), ordering(SURE, alternative="greater"), ordering(SURE[:3])
    SAME = ordering(moved(SURE, 0, 0.1), margin=0.2)
    LIKE, BEHIND, AHEAD = (printed([4.1, 4.2, 4.3, 4.2], value) for value in (4.2, 2.0, 8.0))

    @pytest.mark.parametrize(
        ("parts", "verdict", "said"),
        [
            ([HELD] * 24, HOLDS, "24 of 24 hold"),
            ([HELD, LOST], DOES_NOT_HOLD, "1 of 2 hold"),
            ([HELD, OPEN], TOO_FEW, "1 of 2 hold"),
            ([HELD, SAME], NO_DIFFERENCE, "1 of 2 hold"),
            ([HELD, SAME, OPEN], TOO_FEW, "1 of 3 hold"),
            ([OPEN, LOST], DOES_NOT_HOLD, "0 of 2 hold"),
            ([HELD, not_run("a")], NOT_RUN, "1 of 2 hold; no cells of a"),
            ([LOST, not_run("a")], NOT_RUN, "0 of 2 hold; no cells of a"),
            ([HELD, undecidable("so")], UNDECIDABLE, "1 of 2 hold"),
            ([LIKE, LIKE], AGREES, "2 of 2 hold"),
            ([LIKE, BEHIND], WORSE, "1 of 2 hold"),
            ([AHEAD, BEHIND], DOES_NOT_HOLD, "0 of 2 hold"),
            ([LIKE, BEHIND, printed([1.0], 1.0)], WORSE, "1 of 3 hold"),
            ([LIKE, HELD], HOLDS, "2 of 2 hold"),
            ([BEHIND, HELD], DOES_NOT_HOLD, "1 of 2 hold"),
        ],
    )
    def test_a_conjunction(self, parts, verdict, said):
        found = conjunction(parts)
        assert found.verdict == verdict and found.reason == said and len(found.parts) == len(parts)

    def test_what_a_conjunction_needs_is_what_its_worst_part_needs(self):
        assert conjunction([ordering(SURE[:5])] * 4).needed == 6
        assert conjunction([ordering(SURE[:6], alternative="greater")] * 4).needed == 8
        assert conjunction([ordering([0.0] * 6), ordering(SURE[:6])]).needed is None
        assert conjunction([ordering([0.0] * 6), ordering(SURE[:5], alternative="greater")]).needed == 7, "against it"
        assert conjunction([not_run("a", "b"), not_run("b", "c")]).missing == ("a", "b", "c")
        with pytest.raises(ValueError, match="no parts"):
            conjunction([])


class TestTiers:
    @staticmethod
    def board(*means, seeds=10, deviation=1.0):
        rng = np.random.default_rng(0)
        return {f"{i}": dict(enumerate(rng.normal(mean, deviation, seeds).tolist())) for i, mean in enumerate(means)}

    def test_arms_far_apart_are_apart_and_the_others_together(self):
        assert list(tiers(self.board(0, 0, 0, 9, 9, 30)).values()) == [1, 1, 1, 2, 2, 3]
        alike = {f"{i}": {seed: float((seed + i) % 10) for seed in range(10)} for i in range(5)}
        assert set(tiers(alike).values()) == {1}
        assert tiers({}) == {} and tiers(self.board(3)) == {"0": 1}

    def test_fewer_than_six_seeds_have_no_tier_and_take_none(self):
        board = self.board(0, 9, 30)
        board["1"] = dict(list(board["1"].items())[:5])
        assert tiers(board) == {"0": 1, "1": None, "2": 2}

    def test_without_common_seeds_nothing_is_told_apart(self):
        board = self.board(0, 9)
        board["1"] = {seed + 5: value for seed, value in board["1"].items()}
        assert tiers(board) == {"0": 1, "1": 1}

    def test_the_order_over_common_seeds_counts(self):
        board = {"a": dict.fromkeys(range(6), 1.0), "b": dict.fromkeys(range(6), 0.5)}
        board["b"] |= dict.fromkeys(range(6, 9), 9.0)
        assert tiers(board) == {"a": 1, "b": 1}, "b has the higher mean, and is lower on every common seed"

    def test_two_arms_are_the_sign_flip_test(self):
        table = np.random.default_rng(0).normal(size=(8, 2))
        table[:, 1] += 1
        assert exchanges(table) == pytest.approx(sign_flips(table[:, 1] - table[:, 0]), abs=2e-2)

    @settings(max_examples=20, deadline=None, derandomize=True)
    @given(st.lists(st.lists(st.integers(0, 9), min_size=6, max_size=8), min_size=2, max_size=5), st.randoms())
    def test_they_are_monotone_and_depend_on_no_order(self, rows, shuffle):
        board = {f"{i}": dict(enumerate(map(float, row))) for i, row in enumerate(rows)}
        found = tiers(board)
        means = {name: np.mean(list(values.values())) for name, values in board.items()}
        for a, b in itertools.permutations(board, 2):
            assert found[a] <= found[b] or means[a] >= means[b]
        order, seeds = list(board), list(range(8))
        shuffle.shuffle(order)
        shuffle.shuffle(seeds)
        assert tiers({a: {s: board[a][s] for s in seeds if s in board[a]} for a in order}) == found
        assert tiers({a: {s: 4 * v for s, v in values.items()} for a, values in board.items()}) == found


class TestUniverses:
    YES, NO, SAME, OPEN = (Decision(v) for v in (HOLDS, REVERSED, NO_DIFFERENCE, TOO_FEW))

    @pytest.mark.parametrize(
        ("found", "verdict"),
        [
            ([(YES, True), (YES, True), (NO, False)], HOLDS),
            ([(NO, True), (NO, True)], REVERSED),
            ([(YES, True), (NO, True), (OPEN, True)], DEPENDS),
            ([(YES, True), (SAME, True)], DEPENDS),
            ([(SAME, True), (SAME, True)], NO_DIFFERENCE),
            ([(SAME, True), (NO, True)], DOES_NOT_HOLD),
            ([(YES, True), (OPEN, True)], TOO_FEW),
            ([(YES, True), (Decision(NOT_RUN), True), (OPEN, True)], NOT_RUN),
            ([(YES, False), (NO, False)], NOT_RUN),
            ([], NOT_RUN),
        ],
    )
    def test_only_anchored_ones_count(self, found, verdict):
        decided = over_universes({str(i): one for i, one in enumerate(found)})
        assert decided.verdict == verdict
        anchored = [decision for decision, counts in found if counts]
        held = sum(decision.verdict == HOLDS for decision in anchored)
        if anchored:
            assert decided.reason == f"holds in {held} of {len(anchored)} anchored universes, of {len(found)}"

    @pytest.mark.parametrize(("found", "verdict"), [((YES, NO), DEPENDS), ((YES, YES), HOLDS), ((OPEN, YES), TOO_FEW)])
    def test_where_none_can_be_anchored_all_give_a_hint(self, found, verdict):
        decided = over_universes({str(i): (one, False) for i, one in enumerate(found)}, "not anchored: reduced budget")
        held = sum(one.verdict == HOLDS for one in found)
        assert decided.verdict == verdict
        assert decided.reason == f"a hint, not anchored: reduced budget: holds in {held} of 2 universes"

    def test_main_effects_of_a_full_factorial_are_its_analysis_of_variance(self):
        rows = [
            (
                {"start": a, "norm": b, "place": c},
                {"x": 0.0, "y": 4.0}[a] + 0.5 * b + (0.1 if (a, c) == ("x", 1) else 0),
            )
            for a, b, c in itertools.product("xy", range(3), range(2))
        ]
        found = main_effects(rows)
        assert [effect.factor for effect in found] == ["start", "norm", "place"] and deciding(found) == "start"
        y = np.array([outcome for _, outcome in rows])
        for effect in found:
            groups = [[v for row, v in rows if row[effect.factor] == value] for value in effect.levels]
            between = sum(len(group) * (np.mean(group) - y.mean()) ** 2 for group in groups)
            assert effect.share == pytest.approx(between / np.square(y - y.mean()).sum())
            assert list(effect.levels.values()) == pytest.approx([np.mean(group) for group in groups])
        assert sum(effect.share for effect in found) < 1 and not any(effect.aliased for effect in found)

    def test_a_half_fraction_still_tells_its_factors_apart(self):
        rows = [({"a": a, "b": b, "c": (a + b) % 2}, 3.0 * a + b) for a in (0, 1) for b in (0, 1)]
        shares = {effect.factor: effect.share for effect in main_effects(rows)}
        assert shares == pytest.approx({"a": 0.9, "b": 0.1, "c": 0.0}, abs=1e-12)

    def test_factors_that_vary_together_decide_nothing(self):
        found = main_effects([({"a": a, "b": a}, 3.0 * a) for a in (0, 1, 2)])
        assert all(effect.aliased for effect in found) and deciding(found) == ""
        assert main_effects([]) == [] and deciding(main_effects([({"a": 1}, 2.0)])) == ""
        with pytest.raises(ValueError, match="other factors"):
            main_effects([({"a": 1}, 1.0), ({"b": 1}, 1.0)])
        with pytest.raises(ValueError, match="not finite"):
            main_effects([({"a": 1}, math.nan)])


# ---- how often they are wrong: nothing differs, or something does


def allowed(rate, cases):
    """A rate with two standard errors of its simulation."""
    return rate + 2 * math.sqrt(rate * (1 - rate) / cases)


DRAWN = {
    "normal": lambda rng, size: rng.normal(size=size),
    "skewed": lambda rng, size: rng.exponential(size=size),
    "heavy": lambda rng, size: rng.standard_t(2, size=size),
    "ties": lambda rng, size: rng.integers(0, 3, size=size).astype(float),
}


class TestErrorRates:
    def test_orderings_where_nothing_differs(self):
        """Two arms with one distribution, and a part that the seed gives to both."""
        wrong = np.zeros((len(DRAWN), 21))
        cases = np.zeros(21)
        for n in range(3, 21):
            cases[n] = 200 if n <= 12 else 80
            rng, size = np.random.default_rng(n), (3, int(cases[n]), n)
            shared, one, other = np.stack([draw(rng, size) for draw in DRAWN.values()], 1)
            d = (one + shared) - (other + shared)
            ps = sign_flips(d)
            wrong[:, n] = (ps <= LEVEL).sum(1) if n >= 6 else 0
            for rows, p in zip(d, ps, strict=True):  # what is counted is what is said
                found = ordering(rows[0])
                assert (found.verdict in DECIDED) == (n >= 6 and p[0] <= LEVEL) and (n < 6 or found.p == p[0])
        assert (wrong.sum(1) / cases.sum() <= allowed(LEVEL, cases.sum())).all(), "of a distribution"
        for n in range(3, 21):
            assert wrong[:, n].sum() / cases[n] / 4 <= allowed(LEVEL, 4 * cases[n]), n

    def test_an_ordering_by_two_deviations_is_found(self):
        rng = np.random.default_rng(1)
        apart = rng.normal(0, 1, (400, 10)) - rng.normal(2, 1, (400, 10))
        assert np.mean(sign_flips(apart) <= LEVEL) >= 0.95
        assert all(ordering(row).verdict == HOLDS for row in apart[sign_flips(apart) <= LEVEL][:5])

    def test_where_only_means_are_equal(self):
        """One arm skewed and the other not: the limit of the test, which its documentation names."""
        rng = np.random.default_rng(2)
        wrong = np.mean(sign_flips(rng.exponential(size=(1000, 10)) - 1) <= LEVEL)
        assert LEVEL < wrong <= allowed(0.10, 1000)

    def test_equivalence_at_the_margin(self):
        rng = np.random.default_rng(3)
        found = [equivalence(rng.normal(1, 0.4, n), 1).verdict for n in (6, 10, 20) for _ in range(100)]
        assert found.count(HOLDS) / 300 <= allowed(LEVEL, 300) and found.count(REVERSED) / 300 <= allowed(
            LEVEL / 2, 450
        )
        found = [noninferiority(rng.normal(1, 0.4, n), 1).verdict for n in (6, 10, 20) for _ in range(100)]
        assert (300 - found.count(TOO_FEW)) / 300 <= allowed(LEVEL, 300)

    @pytest.mark.parametrize(
        ("draw", "rate"),
        [
            (lambda rng, size: 5 + rng.normal(size=size), LEVEL),
            (lambda rng, size: 5 + rng.standard_t(3, size=size), 0.08),
            (lambda rng, size: np.round(5 + rng.normal(size=size)), 0.08),
            (lambda rng, size: rng.exponential(size=size), 0.11),
        ],
        ids=["normal", "heavy", "ties", "skewed"],
    )
    def test_numbers_that_are_drawn_as_ours_are(self, draw, rate):
        """The limits for what is not normal are those that the documentation names."""
        rng, wrong, cases = np.random.default_rng(4), 0, 0
        for n, m in itertools.product(range(3, 21), (1, 6)):
            for _ in range(12):
                ours, papers = draw(rng, n), float(draw(rng, m).mean())
                wrong += printed(ours, round(papers, 2), 0.005, m).verdict in DIFFERS
                cases += 1
        assert wrong / cases <= allowed(rate, cases)

    def test_means_of_decades_that_are_drawn_as_ours_are(self):
        rng, wrong, student = np.random.default_rng(5), 0, 0
        for n in (3, 5, 10, 20):
            for _ in range(60):
                ours, papers = 10 ** rng.normal(-3, 0.7, n), float((10 ** rng.normal(-3, 0.7, 6)).mean())
                wrong += printed(ours, papers, 0, 6, decades=True).verdict in DIFFERS
                student += printed(ours, papers, 0, 6).verdict in DIFFERS
        assert wrong / 240 <= allowed(LEVEL, 240) < student / 240, "Student's t alone would not do"

    def test_the_worst_of_some_that_are_drawn_as_ours_are(self):
        rng, wrong = np.random.default_rng(6), 0
        for n in (3, 5, 10, 20):
            for _ in range(60):
                wrong += printed(rng.normal(size=n), rng.normal(size=5).max(), 0, 5, worst=True).verdict in DIFFERS
        assert wrong / 240 <= allowed(LEVEL, 240)

    def test_a_number_that_is_off_by_two_deviations_is_found(self):
        rng = np.random.default_rng(7)
        found = [printed(rng.normal(2, 1, 10), rng.normal(0, 1, 10).mean(), 0, 10).verdict for _ in range(200)]
        assert found.count(WORSE) / 200 >= 0.95

    def test_counts_where_nothing_differs(self):
        rng = np.random.default_rng(8)
        pairs = [(rng.binomial(10, share), rng.binomial(5, share)) for share in (0.1, 0.5, 0.9) for _ in range(40)]
        wrong = sum(counted(ours, 10, papers, 5).verdict in DIFFERS for ours, papers in pairs)
        assert wrong / len(pairs) <= allowed(LEVEL, len(pairs))

    @pytest.mark.parametrize("n", [3, 6, 10, 12])
    def test_conjunctions_of_24_parts_where_nothing_differs(self, n):
        """Of four data sets, an arm against three others by two measures, which share the arm."""
        rng, cases, wrong = np.random.default_rng(n), 120, 0
        arms = rng.normal(size=(cases, 4, 2, 4, n))
        d = (arms[:, :, :, :1] - arms[:, :, :, 1:]).reshape(cases, 24, n)
        ps = sign_flips(d) if n >= 6 else np.ones((cases, 24))
        said = np.where(ps > LEVEL, TOO_FEW, np.where(d.mean(-1) < 0, HOLDS, REVERSED))
        assert [ordering(one).verdict for one in d[0]] == said[0].tolist()
        for verdicts, p in zip(said.tolist(), ps.tolist(), strict=True):
            found = conjunction([Decision(verdict, p=one) for verdict, one in zip(verdicts, p, strict=True)])
            wrong += found.verdict in DECIDED
            assert (found.verdict == DOES_NOT_HOLD) == any(part.verdict == REVERSED for part in found.parts)
        assert wrong / cases <= allowed(LEVEL, cases)

    @pytest.mark.parametrize(("arms", "seeds"), [(5, 6), (7, 10)])
    def test_boards_of_equal_arms_are_one_tier(self, arms, seeds):
        rng, cases = np.random.default_rng(arms), 120
        split = 0
        for _ in range(cases):
            table = rng.exponential(size=(arms, seeds)) + rng.normal(size=seeds)
            split += max(tiers({str(i): dict(enumerate(row)) for i, row in enumerate(table)}).values()) > 1
        assert split / cases <= allowed(LEVEL, cases)

    def test_boards_of_two_kinds_are_two_tiers(self):
        rng, cases = np.random.default_rng(9), 60
        found = []
        for _ in range(cases):
            table = rng.normal(size=(6, 10)) + np.repeat([0, 3], 3)[:, None]
            found.append(list(tiers({str(i): dict(enumerate(row)) for i, row in enumerate(table)}).values()))
        right = sum(one == [1, 1, 1, 2, 2, 2] for one in found)
        assert right / cases >= 0.9, "few groups of equal arms are split, and the two are told apart"

    def test_spreads_where_nothing_differs(self):
        for draw, rate in ((DRAWN["normal"], LEVEL), (DRAWN["heavy"], LEVEL), (DRAWN["skewed"], 0.07)):
            rng, cases = np.random.default_rng(10), 160
            wrong = sum(
                spread(draw(rng, n), draw(rng, n)).verdict in DECIDED for n in (6, 10) for _ in range(cases // 2)
            )
            assert wrong / cases <= allowed(rate, cases)


# ---- what they do not depend on

WHOLE = st.lists(st.integers(-50, 50), min_size=3, max_size=10).map(lambda values: [float(v) for v in values])
MIRROR = {HOLDS: REVERSED, REVERSED: HOLDS}
QUICKLY = settings(max_examples=40, deadline=None, derandomize=True)


class TestProperties:
    @QUICKLY
    @given(WHOLE, st.randoms(), st.sampled_from([0.0, 3.0]))
    def test_the_order_of_seeds(self, values, shuffle, margin):
        other = list(values)
        shuffle.shuffle(other)
        assert ordering(values, margin) == ordering(other, margin)
        assert printed(values, 3.0, 0.5, 5) == printed(other, 3.0, 0.5, 5)
        assert equivalence(values, 2) == equivalence(other, 2)

    @QUICKLY
    @given(WHOLE, st.sampled_from([0.0, 3.0]))
    def test_the_arms_exchanged(self, values, margin):
        one, two = ordering(values, margin), ordering([-v for v in values], margin)
        assert two.verdict == MIRROR.get(one.verdict, one.verdict) and two.p == one.p and two.needed == one.needed
        assert ordering([-v for v in values], margin, "greater").verdict == one.verdict
        assert equivalence(values, 3).verdict == equivalence([-v for v in values], 3).verdict

    @QUICKLY
    @given(WHOLE, st.sampled_from([0.001, 0.01, 4, 100, 1000]), st.sampled_from([0.0, 3.0]))
    def test_the_unit(self, values, unit, margin):
        scaled = [unit * v for v in values]
        for one, two in (
            (ordering(values, margin), ordering(scaled, unit * margin)),
            (equivalence(values, 3), equivalence(scaled, unit * 3)),
            (noninferiority(values, 3), noninferiority(scaled, unit * 3)),
            (printed(values, 7.3, 0.5, 5), printed(scaled, unit * 7.3, unit * 0.5, 5)),
        ):
            assert two.verdict == one.verdict and two.needed == one.needed
            assert one.p is None or two.p == pytest.approx(one.p, rel=1e-6, abs=1e-12)

    @QUICKLY
    @given(
        st.lists(st.floats(1e-6, 1e3), min_size=3, max_size=8), st.sampled_from([1e-3, 7.0]), st.sampled_from([1, 4])
    )
    def test_the_unit_of_decades(self, values, unit, m):
        one, two = (printed([u * v for v in values], u * 0.1, 0, m, decades=True) for u in (1, unit))
        assert two.verdict == one.verdict and two.prediction == pytest.approx([unit * end for end in one.prediction])

    @QUICKLY
    @given(
        WHOLE.filter(lambda values: len(values) >= 6), st.lists(st.integers(0, 40), min_size=2, max_size=2).map(sorted)
    )
    def test_more_of_a_difference_is_no_less_of_a_decision(self, values, shifts):
        rank = [REVERSED, TOO_FEW, HOLDS]
        some, more = (ordering([v - shift for v in values]) for shift in shifts)
        assert rank.index(some.verdict) <= rank.index(more.verdict)
        some, more = (noninferiority([v - shift for v in values], 1) for shift in shifts)
        assert rank.index(some.verdict) <= rank.index(more.verdict)

    @QUICKLY
    @given(WHOLE, st.lists(st.integers(0, 200), min_size=2, max_size=2).map(sorted))
    def test_a_number_farther_off_is_no_nearer_to_agreement(self, values, shifts):
        near, far = (printed(values, np.mean(values) + shift, 0.5, 5, resolution=9) for shift in shifts)
        assert near.verdict not in DIFFERS or far.verdict == near.verdict
        assert far.p <= near.p + 1e-12

    @QUICKLY
    @given(WHOLE, st.integers(-60, 60))
    def test_the_mirror_of_a_number(self, values, published):
        one = printed(values, published, 0.5, 5, resolution=9, better=LOWER)
        two = printed([-v for v in values], -published, 0.5, 5, resolution=9, better=HIGHER)
        assert two.verdict == one.verdict

    @QUICKLY
    @given(WHOLE)
    def test_what_would_decide_is_more_than_there_is(self, values):
        for found in (
            ordering(values, 2),
            equivalence(values, 2),
            noninferiority(values, 2),
            printed(values, 1.0, 0.5),
        ):
            assert found.needed is None or (found.verdict == TOO_FEW and found.needed > found.seeds)

    @QUICKLY
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
    def test_adjustment_takes_nothing_back_and_keeps_the_order(self, ps):
        for found in (holm(ps), benjamini_hochberg(ps)):
            assert all(q >= p - 1e-12 for p, q in zip(ps, found, strict=True)) and max(found) <= 1
            assert all(found[i] <= found[j] + 1e-12 for i in range(len(ps)) for j in range(len(ps)) if ps[i] < ps[j])

    @QUICKLY
    @given(
        st.lists(
            st.sampled_from([TestSeveral.HELD, TestSeveral.LOST, TestSeveral.OPEN, TestSeveral.SAME]),
            min_size=1,
            max_size=5,
        ),
        st.randoms(),
    )
    def test_the_order_of_parts(self, parts, shuffle):
        other = list(parts)
        shuffle.shuffle(other)
        assert conjunction(parts).verdict == conjunction(other).verdict
        assert conjunction(parts).verdict not in FAVOURABLE or all(part.verdict in FAVOURABLE for part in parts)
