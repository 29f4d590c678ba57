"""Two models on the same items."""

import numpy as np
import pytest
from scipy.stats import binom, ttest_rel

from headstart.errors import InputError
from headstart.rank import mean_stderr, paired_difference, rank_sets_from_items, sign_test


def pair(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=n)
    return 0.1 + shared + 0.3 * rng.normal(size=n), shared + 0.3 * rng.normal(size=n)


def test_the_difference_is_tested_as_students_paired_test_does() -> None:
    for seed in range(5):
        a, b = pair(seed)
        found, expected = paired_difference(a, b), ttest_rel(a, b)
        assert found.p_value == pytest.approx(expected.pvalue)
        interval = expected.confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
        assert (found.n_items, found.n_units) == (200, 200)


def test_what_is_hard_for_both_is_no_noise() -> None:
    a, b = pair(7)
    assert paired_difference(a, b).stderr < 0.4 * np.hypot(mean_stderr(a), mean_stderr(b))


def test_copied_items_say_no_more_when_the_copies_form_a_cluster() -> None:
    a, b = pair(8)
    clusters = list(range(200)) * 3
    once = paired_difference(a, b)
    copied = paired_difference(np.tile(a, 3), np.tile(b, 3), clusters=clusters)
    assert (copied.stderr, copied.p_value) == pytest.approx((once.stderr, once.p_value))
    assert paired_difference(np.tile(a, 3), np.tile(b, 3)).stderr == pytest.approx(once.stderr / np.sqrt(3), rel=0.01)


def test_a_confidence_interval_with_clusters_holds_the_difference() -> None:
    rng = np.random.default_rng(9)
    clusters = np.repeat(np.arange(30), rng.integers(1, 12, 30))
    held = 0
    for _ in range(400):
        effect = rng.normal(size=30)[clusters]
        a, b = 0.2 + effect + rng.normal(size=len(clusters)), rng.normal(size=len(clusters))
        found = paired_difference(a, b, clusters=clusters)
        held += found.low <= 0.2 <= found.high
    assert held >= 365  # .95 of 400 is 380; 365 is 3.4 standard deviations below


def test_the_errors_of_many_models_are_those_of_each() -> None:
    scores = np.random.default_rng(10).random((4, 60))
    clusters = np.arange(60) // 5
    together = mean_stderr(scores, clusters=clusters)
    np.testing.assert_allclose(together, [mean_stderr(row, clusters=clusters) for row in scores])
    np.testing.assert_allclose(mean_stderr(scores), scores.std(axis=1, ddof=1) / np.sqrt(60))


def test_a_difference_without_any_error_has_no_p_value() -> None:
    """As in the rank sets, where such a pair stays tied."""
    found = paired_difference([0.3, 0.5, 0.7], [0.2, 0.4, 0.6])
    assert found.stderr == 0 and np.isnan([found.p_value, found.low, found.high]).all()
    assert paired_difference([1, 0, 1], [1, 0, 1]).p_value == 1


def test_the_sign_test_is_exact() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        a, b = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
        found = sign_test(a, b)
        better, worse = int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
        assert (found.better, found.worse, found.equal) == (better, worse, 40 - better - worse)
        tail = binom.cdf(min(better, worse), better + worse, 0.5)
        assert found.p_value == pytest.approx(min(1.0, 2 * tail))


def test_a_cluster_is_one_sign() -> None:
    a, b = np.array([1, 1, 0, 1, 0.3]), np.array([0, 0, 1, 0.7, 0.6])
    found = sign_test(a, b, clusters=["x", "x", "x", "y", "y"])
    assert (found.better, found.worse, found.equal, found.p_value) == (1, 0, 1, 1.0)


def test_no_unit_that_differs_is_no_evidence() -> None:
    assert sign_test([1, 0, 1], [1, 0, 1]).p_value == 1.0


def test_a_pair_of_the_rank_sets_is_this_pair() -> None:
    a, b = pair(12, 5000)
    found = paired_difference(a, b)
    statistic = abs(found.difference) / found.stderr
    sets = rank_sets_from_items([a, b], n_draws=400)
    assert sets.ahead.any() == (statistic > sets.critical_value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: paired_difference([1, 0], [1, 0, 1]), r"b must be of shape \(2,\)"),
        (lambda: paired_difference([1, np.nan], [1, 0]), "a must be finite on every item"),
        (lambda: paired_difference([1], [0]), "at least two items or clusters"),
        (lambda: paired_difference([1, 0], [0, 1], clusters=[1, 1]), "at least two items or clusters, got 1"),
        (lambda: paired_difference([1, 0], [0, 1], confidence=1), "confidence must be between 0 and 1"),
        (lambda: sign_test(["x"], [1]), "a must be numbers"),
        (lambda: sign_test([], []), "at least one item"),
        (lambda: mean_stderr([[1, 0]], clusters=[1]), "one label for each of 2 items"),
    ],
)
def test_bad_input_is_named(call, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()
