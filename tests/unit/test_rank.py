"""Rankings: agreement, intervals over posterior draws, which of two models is ahead."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from headstart.rank import kendall_tau, quantile_interval, rank_intervals, share_ahead


def test_tau_agrees_with_scipy_where_nothing_is_tied() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((20, 7)), rng.random((20, 7))
    expected = [kendalltau(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(kendall_tau(a, b), expected)


def test_tau_counts_tied_pairs_neither_way() -> None:
    assert float(kendall_tau(np.array([2.0, 2.0, 1.0]), np.array([3.0, 2.0, 1.0]))) == pytest.approx(2 / 3)


def test_tau_of_one_model_does_not_exist() -> None:
    assert np.isnan(kendall_tau(np.ones((3, 1)), np.ones((3, 1)))).tolist() == [True] * 3


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


def test_share_ahead_counts_draws_half() -> None:
    a, b = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 2.0, 4.0, 3.0])
    assert float(share_ahead(a, b)) == 0.625
