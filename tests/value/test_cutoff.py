"""Gain tables and cut-offs: sums by hand, ties, capacity, optimism, words."""

from __future__ import annotations

import numpy as np
import pytest

import tercet as tc


@pytest.fixture(scope="module")
def customers():
    """Outcomes and true probabilities."""
    rng = np.random.default_rng(9)
    p = rng.beta(1, 6, 3_000)
    return rng.random(3_000) < p, p


class TestGainTable:
    def test_sums_by_hand(self, customers):
        y, p = customers
        table = tc.gain_table(y, p, benefit=30, cost=4, replications=0).table
        best = np.argsort(-p)
        for k in range(10):
            contacted = best[: 300 * (k + 1)]
            assert table["events"][k] == y[contacted].sum()
            assert table["share_captured"][k] == pytest.approx(y[contacted].sum() / y.sum())
            assert table["response"][k] == pytest.approx(y[contacted].mean())
            assert table["lift"][k] == pytest.approx(y[contacted].mean() / y.mean())
            assert table["cutoff"][k] == p[contacted].min()
            profit = 30 * y[contacted].sum() - 4 * len(contacted)
            assert table["profit"][k] == pytest.approx(profit)
            band = best[300 * k : 300 * (k + 1)]
            assert table["band_response"][k] == pytest.approx(y[band].mean())

    def test_ties_count_by_their_mean_over_random_orders(self, customers):
        y, p = customers
        coarse = p.round(1)
        found = tc.gain_table(y, coarse, [0.07, 0.5], 10.0, 1.0, replications=0).table
        rng = np.random.default_rng(0)
        draws = []
        for _ in range(3_000):
            best = np.lexsort((rng.random(3_000), -coarse))
            draws.append([y[best[:210]].sum(), y[best[:1_500]].sum()])
        mean, error = np.mean(draws, axis=0), np.std(draws, axis=0) / 3_000**0.5
        assert (np.abs(found["events"] - mean) < 5 * error + 1e-9).all()

    def test_row_order_changes_nothing(self, customers):
        y, p = customers
        order = np.random.default_rng(1).permutation(3_000)
        first = tc.gain_table(y, p.round(1), benefit=3, cost=1, replications=10).table
        second = tc.gain_table(
            y[order], p[order].round(1), benefit=3, cost=1, replications=10, n_jobs=1
        ).table
        np.testing.assert_array_equal(first, second)

    def test_weights_are_repetitions(self, customers):
        y, p = (some[:400] for some in customers)
        times = np.arange(400) % 4
        weighted = tc.gain_table(y, p, sample_weight=times, replications=0).table
        repeated = tc.gain_table(np.repeat(y, times), np.repeat(p, times), replications=0).table
        np.testing.assert_allclose(weighted, repeated, rtol=1e-9)

    def test_intervals_hold_what_they_surround(self, customers):
        table = tc.gain_table(*customers, benefit=30, cost=4).table
        assert (table["share_captured_lower"] <= table["share_captured"]).all()
        assert (table["share_captured"] <= table["share_captured_upper"]).all()
        assert (table["profit_lower"][:9] < table["profit_upper"][:9]).all()
        assert table["lift_lower"][0] > 1.5

    def test_says_what_pays(self, customers):
        assert "earns most" in tc.gain_table(*customers, benefit=30, cost=4).text()
        assert "None of these" in tc.gain_table(*customers, benefit=1, cost=40).text()

    @pytest.mark.parametrize(
        ("arguments", "parameter"),
        [
            ({"shares": 0}, "shares"),
            ({"shares": [0.5, 0.2]}, "shares"),
            ({"shares": [0.0, 0.2]}, "shares"),
            ({"shares": []}, "shares"),
            ({"benefit": 3}, "cost"),
            ({"cost": 3}, "benefit"),
            ({"benefit": 0, "cost": 1}, "benefit"),
            ({"benefit": 3, "cost": -1}, "cost"),
            ({"benefit": "much", "cost": 1}, "benefit"),
        ],
    )
    def test_bad_arguments_are_named(self, arguments, parameter, customers):
        with pytest.raises((tc.ParameterError, tc.DataError)) as refused:
            tc.gain_table(*customers, **arguments)
        found = getattr(refused.value, "parameter", None) or getattr(refused.value, "column", None)
        assert found == parameter


class TestBestCutoff:
    def test_it_is_the_highest_point(self, customers):
        y, p = customers
        best = tc.best_cutoff(y, p, benefit=30, cost=4)
        values = np.unique(p)
        profits = [(30.0 * y[p >= value] - 4).sum() for value in values]
        assert best.apparent_profit == pytest.approx(max(profits))
        assert best.cutoff == values[len(profits) - 1 - int(np.argmax(profits[::-1]))]
        contacted = p >= best.cutoff
        assert best.share == pytest.approx(contacted.mean())
        theory = p >= 4 / 30
        assert best.theoretical_cutoff == 4 / 30
        assert best.theoretical_profit == pytest.approx((30.0 * y[theory] - 4).sum())
        assert best.everybody == pytest.approx((30.0 * y - 4).sum())
        assert best.cutoff_interval[0] <= best.cutoff <= best.cutoff_interval[1]

    def test_the_curve_is_the_gain_tables_profit(self, customers):
        y, p = customers
        curve = tc.best_cutoff(y, p, benefit=30, cost=4, replications=10).table
        gains = tc.gain_table(y, p, shares=100, benefit=30, cost=4, replications=10).table
        np.testing.assert_allclose(curve["profit"][1:], gains["profit"])
        np.testing.assert_allclose(curve["lower"][1:], gains["profit_lower"], rtol=1e-9)
        assert curve["profit"][0] == 0

    def test_the_optimism_is_taken_off(self):
        """Without it the search promises more than new customers bring; with it about as much."""
        apparent, honest, true = [], [], []
        fresh = np.random.default_rng(99)
        p_new = fresh.beta(1, 6, 200_000)
        y_new = fresh.random(200_000) < p_new
        for seed in range(120):
            rng = np.random.default_rng(seed)
            p = rng.beta(1, 6, 250)
            y = rng.random(250) < p
            if not y.any():
                continue
            best = tc.best_cutoff(y, p, benefit=8, cost=1, replications=100)
            apparent.append(best.apparent_profit)
            honest.append(best.profit)
            chosen = np.zeros(len(p_new), bool) if best.cutoff is None else p_new >= best.cutoff
            true.append((8.0 * y_new[chosen] - 1).sum() / 200_000 * 250)
        gap, left = np.mean(apparent) - np.mean(true), np.mean(honest) - np.mean(true)
        assert gap > 2.5
        assert abs(left) < 0.25 * gap

    def test_equal_probabilities_are_contacted_together(self):
        y, p = [1, 1, 0, 0, 0, 0], [0.6, 0.6, 0.6, 0.2, 0.2, 0.2]
        best = tc.best_cutoff(y, p, benefit=3, cost=1, replications=0)
        assert (best.cutoff, best.contacted, best.profit) == (0.6, 3, 3)
        limited = tc.best_cutoff(y, p, benefit=3, cost=1, capacity=2, replications=0)
        assert limited.contacted == 2
        assert limited.profit == pytest.approx(2.0)
        assert "as many as can be" in limited.verdict

    def test_the_rule_to_use_leads(self, customers):
        y, p = customers
        best = tc.best_cutoff(y, p, benefit=30, cost=4)
        assert (best.rule, best.rule_cutoff) == ("cost over benefit", 4 / 30)
        assert best.rule_share == best.theoretical_share == pytest.approx((p >= 4 / 30).mean())
        assert best.rule_profit == best.theoretical_profit
        lines = repr(best).splitlines()
        assert lines[2].startswith("> cost over benefit")
        assert lines[3].strip().startswith("highest profit here")
        off = tc.best_cutoff(y, p / 4, benefit=30, cost=4)
        assert (off.rule, off.rule_cutoff, off.rule_profit) == ("search", off.cutoff, off.profit)
        assert repr(off).splitlines()[2].startswith("> highest profit here")

    @pytest.mark.parametrize("by_amount", [False, True])
    def test_where_the_capacity_ends_it_the_rule_is_as_many_as_can_be(self, customers, by_amount):
        y, p = customers
        benefit = np.random.default_rng(3).gamma(2.0, 15.0, 3_000) if by_amount else 30.0
        best = tc.best_cutoff(y, p, benefit=benefit, cost=4, capacity=300)
        value = p * benefit - 4 if by_amount else p
        assert best.rule == "capacity"
        assert best.rule_share == pytest.approx(0.1)
        assert best.rule_cutoff == np.sort(value)[-300]
        assert "as many as can be" in best.verdict
        assert "which more customers have" in best.verdict
        assert repr(best).splitlines()[2].startswith("> as many as can be")
        free = tc.best_cutoff(y, p, benefit=benefit, cost=4, capacity=2_900, replications=20)
        assert free.rule == "cost over benefit"

    def test_of_equally_good_cutoffs_the_fewest_are_contacted(self):
        best = tc.best_cutoff([1, 0, 1, 0], [0.9, 0.5, 0.4, 0.1], benefit=2, cost=1, replications=0)
        assert best.apparent_profit == 1
        assert best.cutoff == 0.9

    def test_capacity_as_a_share_and_as_a_number(self, customers):
        y, p = customers
        by_share = tc.best_cutoff(y, p, benefit=30, cost=1, capacity=0.1)
        by_number = tc.best_cutoff(y, p, benefit=30, cost=1, capacity=300)
        assert by_share.contacted == by_number.contacted == pytest.approx(300)
        assert by_share.profit == pytest.approx(by_number.profit)
        everybody = tc.best_cutoff(y, p, benefit=30, cost=1, capacity=10**9, replications=0)
        assert everybody.capacity == 1

    def test_nobody_and_everybody(self, customers):
        nobody = tc.best_cutoff(*customers, benefit=1, cost=30)
        assert nobody.cutoff is None
        assert nobody.profit <= 0
        assert nobody.share == nobody.contacted == 0
        assert "nobody is best" in nobody.verdict
        rng = np.random.default_rng(1)
        p = rng.uniform(0.5, 0.9, 1_000)
        everybody = tc.best_cutoff(rng.random(1_000) < p, p, benefit=30, cost=2)
        assert everybody.share == 1
        assert "everybody is best" in everybody.verdict
        assert (nobody.rule, nobody.rule_cutoff, nobody.rule_share) == ("nobody", None, 0.0)
        assert repr(nobody).splitlines()[2].startswith("> nobody")
        assert everybody.rule == "everybody"

    def test_customers_of_different_worth(self, customers):
        y, p = customers
        worth = np.random.default_rng(3).gamma(1.0, 40.0, 3_000)
        best = tc.best_cutoff(y, p, benefit=worth, cost=4)
        assert not best.by_probability
        assert best.theoretical_cutoff == 0
        pays = p * worth - 4 > 0
        assert best.theoretical_profit == pytest.approx((worth * y - 4)[pays].sum())
        by_p = tc.best_cutoff(y, p, benefit=float(worth.mean()), cost=4)
        chosen = p >= by_p.cutoff
        assert best.theoretical_profit > (worth * y - 4)[chosen].sum()

    def test_one_amount_a_row_is_the_same_as_one_amount(self, customers):
        y, p = customers
        one = tc.best_cutoff(y, p, benefit=30, cost=4, replications=20)
        each = tc.best_cutoff(y, p, benefit=np.full(3_000, 30.0), cost=4, replications=20)
        assert each.profit == pytest.approx(one.profit)
        assert each.cutoff == pytest.approx(30 * one.cutoff - 4)

    def test_uncalibrated_probabilities_are_told(self, customers):
        y, p = customers
        assert "look at the reliability" in tc.best_cutoff(y, p / 4, benefit=30, cost=4).verdict
        assert "needs no search" in tc.best_cutoff(y, p, benefit=30, cost=4).verdict

    def test_weights_multiply_money(self, customers):
        y, p = customers
        plain = tc.best_cutoff(y, p, benefit=30, cost=4, replications=10)
        double = tc.best_cutoff(
            y, p, benefit=30, cost=4, sample_weight=np.full(3_000, 2.0), replications=10
        )
        assert double.profit == pytest.approx(2 * plain.profit)
        assert double.cutoff == plain.cutoff

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"benefit": 0}, "benefit = 0"),
            ({"benefit": -3}, "benefit = -3"),
            ({"benefit": np.nan}, "benefit"),
            ({"benefit": np.zeros(3_000)}, "column 'benefit': is 0 in every row"),
            ({"benefit": np.r_[np.ones(2_999), -1]}, "column 'benefit', row 2999: is -1"),
            ({"benefit": np.ones(7)}, "column 'benefit': expected 3000 rows, found 7"),
            ({"cost": -1}, "cost = -1"),
            ({"cost": np.r_[np.nan, np.ones(2_999)]}, "column 'cost', row 0: is NaN"),
            ({"capacity": 0}, "capacity = 0"),
            ({"capacity": 1.5}, "capacity = 1.5"),
            ({"capacity": -2}, "capacity = -2"),
        ],
    )
    def test_bad_arguments_are_named(self, arguments, words, customers):
        with pytest.raises((tc.ParameterError, tc.DataError), match=words):
            tc.best_cutoff(*customers, **{"benefit": 3, "cost": 1, **arguments})
