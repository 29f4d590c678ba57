"""Rankings: agreement, intervals over posterior draws, which of two models is ahead."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from headstart.rank import kendall_tau, quantile_interval, rank_intervals, share_ahead, tau_a, tau_b
from headstart.rank.agreement import MANY


def test_tau_agrees_with_scipy_where_nothing_is_tied() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((20, 7)), rng.random((20, 7))
    expected = [kendalltau(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(kendall_tau(a, b), expected)


def test_tau_counts_tied_pairs_neither_way() -> None:
    assert float(kendall_tau(np.array([2.0, 2.0, 1.0]), np.array([3.0, 2.0, 1.0]))) == pytest.approx(2 / 3)


def test_tau_of_one_model_does_not_exist() -> None:
    assert np.isnan(kendall_tau(np.ones((3, 1)), np.ones((3, 1)))).tolist() == [True] * 3


def test_tau_a_is_the_mean_over_pairs_and_what_kendall_tau_computes() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 5, (2, 30, 9)).astype(float)
    for x, y, found in zip(a, b, tau_a(a, b), strict=True):
        pairs = [np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for i in range(9) for j in range(i)]
        assert float(found) == pytest.approx(np.mean(pairs))
    np.testing.assert_array_equal(tau_a(a, b), kendall_tau(a, b))


def test_tau_b_agrees_with_scipy_with_ties() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 4, (2, 40, 8)).astype(float)
    a[0] = 1.0  # all tied: neither has a value
    expected = [kendalltau(x, y, variant="b").statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(tau_b(a, b), expected)
    assert np.isnan(tau_b(a, b)[0]) and np.isnan(tau_b(np.ones((3, 1)), np.ones((3, 1)))).all()
    assert (np.abs(tau_b(a, b)[1:]) >= np.abs(tau_a(a, b)[1:])).all()


def test_tau_a_and_tau_b_are_one_where_nothing_is_tied() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random((20, 7)), rng.random((20, 7))
    np.testing.assert_allclose(tau_a(a, b), tau_b(a, b))


def test_an_interval_leaves_out_the_outer_worlds_and_never_interpolates_infinity() -> None:
    worlds = np.r_[np.arange(1.0, 97.0), np.full(4, np.inf)]  # 4 % of the worlds are infinite
    low, high = quantile_interval(worlds)
    assert (float(low), float(high)) == (3.0, np.inf)
    low, high = quantile_interval(np.r_[np.arange(1.0, 99.0), np.inf, np.inf])
    assert float(high) == 98.0


def test_rank_intervals_by_hand() -> None:
    scores = np.array([[3.0, 2.0, 1.0]] * 90 + [[2.0, 3.0, 1.0]] * 10)
    assert rank_intervals(scores).tolist() == [[1, 2], [1, 2], [3, 3]]
    assert rank_intervals(scores[:1]).tolist() == [[1, 1], [2, 2], [3, 3]]


def test_identical_models_share_their_ranks_whatever_the_order_of_the_columns() -> None:
    scores = np.random.default_rng(4).random((200, 6))
    scores[:, 4] = scores[:, 1]
    intervals = rank_intervals(scores)
    assert intervals[4].tolist() == intervals[1].tolist()
    for columns in ([5, 4, 3, 2, 1, 0], [1, 4, 0, 2, 3, 5]):
        assert rank_intervals(scores[:, columns]).tolist() == intervals[columns].tolist()


def test_a_tie_takes_all_of_its_places() -> None:
    assert rank_intervals(np.array([[0.5, 0.7, 0.7, 0.1]])).tolist() == [[3, 3], [1, 2], [1, 2], [4, 4]]


def test_share_ahead_counts_draws_half() -> None:
    a, b = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 2.0, 4.0, 3.0])
    assert float(share_ahead(a, b)) == 0.625


def test_many_models_are_counted_by_sorting_with_the_same_result_as_pair_by_pair() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 40, (2, 3, MANY + 10)).astype(float)
    a[0] = 1.0  # all tied: no pair is concordant, and tau-b has no value
    b[1] = a[1]
    first, second = np.triu_indices(MANY + 10, 1)
    pairs = np.sign(a[:, first] - a[:, second]) * np.sign(b[:, first] - b[:, second])
    np.testing.assert_array_equal(kendall_tau(a, b), pairs.sum(axis=1) / first.size)
    assert np.isnan(tau_b(a, b)[0])
    assert tau_b(a, b)[1] == pytest.approx(1.0) and kendall_tau(a, b)[1] < 1
