"""A comparison of two columns says which places change hands, and what noise leaves open."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from headstart.auditing.comparison import compare
from headstart.errors import InputError
from headstart.rank import first_component_share, mean_pairwise_tau_b, rank_sets_from_estimates
from two_column_tables import made_up, of, table


def test_agreement_is_that_of_scipy_and_of_counting():
    made = made_up(models=14, tasks=3)
    tied = np.round(made.direct, 2)
    for one, before, after in zip(compare(table(tied, made.tuned)).benchmarks, tied, made.tuned, strict=True):
        assert one.tau_b == pytest.approx(kendalltau(before, after, variant="b").statistic)
        signs = [np.sign((before[i] - before[j]) * (after[i] - after[j])) for i, j in combinations(range(14), 2)]
        assert one.tau_a == pytest.approx(sum(signs) / len(signs))
        assert one.changed == signs.count(-1)


def test_agreement_between_benchmarks_is_that_of_scipy():
    made = made_up(models=15, tasks=5)
    across = compare(of(made)).across
    assert across is not None and across.tau_b is not None and across.first_component is not None
    for values, found in ((made.direct, across.tau_b.direct), (made.tuned, across.tau_b.tuned)):
        pairs = [kendalltau(a, b).statistic for a, b in combinations(values, 2)]
        assert found.value == pytest.approx(np.mean(pairs))
        assert found.low <= found.value <= found.high
    for values, found in ((made.direct, across.first_component.direct), (made.tuned, across.first_component.tuned)):
        singular = np.linalg.svd(((values.T - values.mean(axis=1)) / values.std(axis=1)).T, compute_uv=False)
        assert found.value == pytest.approx(singular[0] ** 2 / np.sum(singular**2))
    assert across.tau_b.difference.value == pytest.approx(across.tau_b.tuned.value - across.tau_b.direct.value)
    assert across.tau_b.difference.low > 0, "direct scores depend on much that is of one task only"


@given(st.integers(0, 10**6))
def test_leaving_out_a_model_is_what_it_says(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, size=(3, 6)).astype(float)
    scores[rng.random(scores.shape) < 0.15] = np.nan
    found = mean_pairwise_tau_b(scores)

    def by_hand(values):
        taus = []
        for a, b in combinations(values, 2):
            both = ~np.isnan(a) & ~np.isnan(b)
            tau = kendalltau(a[both], b[both]).statistic if both.sum() > 1 else np.nan
            taus += [] if np.isnan(tau) else [tau]
        return np.mean(taus) if taus else np.nan

    np.testing.assert_allclose(found.value, by_hand(scores), atol=1e-12, equal_nan=True)
    without = [by_hand(np.delete(scores, m, axis=1)) for m in range(scores.shape[1])]
    np.testing.assert_allclose(found.left_out, without, atol=1e-12, equal_nan=True)


def test_the_first_component_without_each_model():
    scores = made_up(models=8, tasks=4).direct
    found = first_component_share(scores)
    without = [np.linalg.eigvalsh(np.corrcoef(np.delete(scores, m, axis=1)))[-1] / 4 for m in range(8)]
    np.testing.assert_allclose(found.left_out, without)
    spread = np.sqrt(7 / 8 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert found.stderr == pytest.approx(spread)
    assert np.isnan(first_component_share(np.array([[0.5, 0.5, 0.5], [0.1, 0.2, 0.3]])).value)


def test_ranks_changes_and_ties():
    (one,) = compare(table([0.8, 0.6, 0.4], [0.5, 0.7, 0.695])).benchmarks
    rows = {row.name: row for row in one.models}
    assert [row.name for row in one.models] == ["b", "c", "a"]
    assert [(rows[name].direct_rank, rows[name].tuned_rank) for name in "abc"] == [(1, 3), (2, 1), (3, 2)]
    assert rows["a"].change == pytest.approx(-0.3)
    assert rows["a"].change_stderr == pytest.approx(np.hypot(0.01, 0.01))
    assert [rows[name].falls for name in "abc"] == [True, False, False]
    assert [rows[name].moves for name in "abc"] == [True, False, True]
    assert one.tuned_ties is not None and one.direct_ties is not None
    assert [(group.rank, group.names) for group in one.tuned_ties] == [(1, ("b", "c")), (3, ("a",))]
    assert [group.names for group in one.direct_ties] == [("a",), ("b",), ("c",)]
    assert one.pairs is not None
    # a falls behind b and c for certain; b and c are tied after tuning
    assert (one.pairs.reversed, one.pairs.same, one.pairs.open, one.pairs.changed) == (2, 0, 1, 2)
    assert one.tau_bounds == pytest.approx((-1.0, -1 / 3))


def test_rank_sets_are_those_of_both_columns_together():
    made = made_up(models=9, tasks=1)
    (one,) = compare(of(made)).benchmarks
    sets = rank_sets_from_estimates(made.direct[0], standard_errors=[0.01] * 9, confidence=0.975)
    bounds = {name: (int(b), int(w)) for name, b, w in zip(made.models, sets.best, sets.worst, strict=True)}
    assert {row.name: row.direct_ranks for row in one.models} == bounds


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.003, 0.02, 0.2]))
def test_the_agreement_lies_within_what_noise_leaves_of_it(seed, stderr):
    rng = np.random.default_rng(seed)
    found = compare(table(rng.random((1, 6)), rng.random((1, 6)), stderr=stderr)).benchmarks[0]
    assert found.tau_bounds is not None and found.pairs is not None
    assert found.tau_bounds[0] - 1e-12 <= found.tau_a <= found.tau_bounds[1] + 1e-12
    assert found.pairs.reversed <= found.changed


def test_the_bounds_hold_the_agreement_of_the_exact_scores_as_often_as_they_say():
    rng = np.random.default_rng(1)
    direct, tuned = rng.random(6), rng.random(6)
    exact = compare(table(direct, tuned, stderr=0.0)).benchmarks[0].tau_a
    held = 0
    for _ in range(200):
        noise = 0.1 * rng.standard_normal((2, 6))
        noisy = table(direct + noise[0], tuned + noise[1], stderr=0.1, score_range=(-1.0, 2.0))
        low, high = compare(noisy).benchmarks[0].tau_bounds or (0, 0)
        held += low - 1e-12 <= exact <= high + 1e-12
    assert held >= 184  # 95 % of 200 less three standard errors


def test_prices_are_brackets_and_nothing_is_claimed_of_a_score_that_falls():
    (one,) = compare(table([0.8, 0.6, 0.5, 0.4], [0.9, 0.85, 0.55, 0.3])).benchmarks
    rows = {row.name: row for row in one.models}
    assert [rows[name].first_place for name in "abcd"] == ["within", "within", "more", "not known"]
    assert [rows[name].first_place_certain for name in "abcd"] == [True, True, True, True]
    # d would be last however the others stand; c takes no place by .55
    assert [rows[name].best_place for name in "abcd"] == [1, 1, 3, 4]
    assert [(price.model, price.overtakes, price.bracket) for price in one.prices] == [
        ("b", "a", "within"),
        ("c", "b", "more"),
        ("d", "c", "not known"),
    ]


@given(st.integers(0, 10**6))
def test_a_place_is_within_the_tuning_given_exactly_where_the_tuned_score_passes(seed):
    rng = np.random.default_rng(seed)
    direct, tuned = rng.integers(0, 8, 5) / 8, rng.integers(0, 8, 5) / 8
    (one,) = compare(table(direct, tuned)).benchmarks
    for row in one.models:
        m = "abcde".index(row.name)
        others = np.delete(direct, m)
        assert (row.first_place == "within") == bool(tuned[m] > others.max())
        assert row.best_place == 1 + sum(tuned[m] <= other for other in others)


def test_the_tuned_ranking_is_to_be_published_where_a_pair_changes_order_beyond_noise():
    decision = compare(table([0.8, 0.6, 0.4], [0.5, 0.7, 0.695])).decision
    assert decision.action == "publish the tuned ranking"
    assert decision.sentence == (
        "Publish the ranking after tuning: 2 of 3 pairs of models change order with the same tuning, beyond noise "
        "(tau-b -0.33 between the two rankings). Publish 1 group of ties: 2 of the 3 models cannot be told apart one "
        "by one."
    )


def test_the_direct_ranking_is_kept_where_nothing_changes():
    decision = compare(table([0.8, 0.6, 0.4], [0.9, 0.7, 0.5])).decision
    assert decision.action == "keep the direct ranking"
    assert decision.sentence.startswith("Keep the direct ranking: with the same tuning no pair of models changes order")
    assert "Every neighbour in it can be told apart." in decision.sentence


def test_the_data_cannot_say_where_noise_hides_the_changes_and_the_items_needed_are_told():
    found = compare(table([0.62, 0.6, 0.4], [0.7, 0.72, 0.5]))
    decision, (one,) = found.decision, found.benchmarks
    assert (decision.action, one.verdict) == ("measure more", "cannot say")
    assert decision.items_factor is not None and decision.items_factor == one.items_factor
    finer = 0.01 / np.sqrt(decision.items_factor * 1.001)
    assert compare(table([0.62, 0.6, 0.4], [0.7, 0.72, 0.5], stderr=finer)).benchmarks[0].verdict == "misleads"
    coarser = 0.01 / np.sqrt(decision.items_factor * 0.95)
    assert compare(table([0.62, 0.6, 0.4], [0.7, 0.72, 0.5], stderr=coarser)).benchmarks[0].verdict == "cannot say"


def test_without_standard_errors_the_data_cannot_say():
    found = compare(table([0.8, 0.6, 0.4], [0.5, 0.7, 0.69], stderr=None))
    assert found.decision.action == "measure more"
    assert "Give a standard error or the number of items for every score." in found.decision.sentence
    (one,) = found.benchmarks
    assert (one.pairs, one.tau_bounds, one.tuned_ties, one.items_factor) == (None, None, None, None)
    assert all(row.direct_ranks is None and row.change_stderr is None and not row.falls for row in one.models)


def test_a_model_without_a_standard_error_is_ordered_with_no_other():
    errors = np.array([[0.01, np.nan, 0.01]])
    (one,) = compare(table([0.9, 0.5, 0.1], [0.9, 0.5, 0.1], direct_stderr=errors)).benchmarks
    rows = {row.name: row for row in one.models}
    assert one.without_stderr == ("b",)
    assert [rows[name].direct_ranks for name in "abc"] == [(1, 2), (1, 3), (2, 3)]
    assert [rows[name].tuned_ranks for name in "abc"] == [(1, 1), (2, 2), (3, 3)]


def test_only_models_with_both_scores_count_and_the_others_are_named():
    direct = np.array([[0.8, np.nan, 0.4], [0.5, 0.6, 0.7]])
    tuned = np.array([[0.9, 0.7, 0.5], [0.6, np.nan, np.nan]])
    found = compare(table(direct, tuned))
    (one,) = found.benchmarks
    assert [row.name for row in one.models] == ["a", "c"]
    assert one.incomplete == (("b", ("direct",)),)
    assert found.skipped == (("t1", "1 of 3 models have both scores, and 2 are needed"),)
    assert found.missing == (("t0", "b", "direct"), ("t1", "b", "tuned"), ("t1", "c", "tuned"))
    with pytest.raises(InputError, match="a comparison needs 2 models with both scores"):
        compare(table([0.5, np.nan], [0.6, 0.7]))


def test_a_rising_agreement_of_benchmarks_decides_where_no_single_change_is_known_to_be_real():
    made = made_up(models=14, tasks=5, own=2.0)
    for stderr, why in ((None, "without standard errors"), (0.2, "none of them beyond noise")):
        decision = compare(table(made.direct, made.tuned, stderr=stderr)).decision
        assert decision.action == "publish the tuned ranking"
        assert "agree with each other at a mean tau-b of" in decision.sentence
        assert "That rests on the agreement alone: " in decision.sentence and why in decision.sentence


def test_figures_over_benchmarks_that_do_not_exist_say_why():
    across = compare(table([[0.1, 0.2, 0.3]] * 2, [[0.2, 0.3, 0.4]] * 2)).across
    assert across is not None and across.tau_b is None and across.first_component is None
    assert across.first_component_reason == "3 models have both scores on every benchmark, and 5 are needed"
    assert across.tau_b_reason is not None


def test_falls_are_counted_with_all_the_scores_looked_at():
    # three standard errors below: beyond noise for one model, not among a thousand
    change = -3 * np.hypot(0.01, 0.01)
    few = compare(table([0.5, 0.6], [0.5 + change, 0.6]))
    assert [row.falls for row in few.benchmarks[0].models if row.name == "a"] == [True]
    many = compare(
        table(
            np.full((250, 4), 0.5),
            np.where(np.arange(4) == 0, 0.5 + change, 0.6) * np.ones((250, 1)),
            benchmarks=tuple(f"t{at}" for at in range(250)),
        )
    )
    assert not any(row.falls for one in many.benchmarks for row in one.models)


def test_after_steps_nothing_is_called_direct_evaluation():
    words = compare(table([0.8, 0.6], [0.5, 0.7], labels=("after 10 steps", "after 500 steps"))).decision.sentence
    assert "direct" not in words and "after 500 steps" in words
