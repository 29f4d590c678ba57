"""Rank sets: who is significantly better, and so which ranks each model may have."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import norm, studentized_range

from headstart.errors import InputError
from headstart.rank import rank_sets_from_draws, rank_sets_from_estimates, rank_sets_from_items
from headstart.rank.pairs import (
    BLOCK,
    CorrelatedErrors,
    IndependentErrors,
    Pairs,
    PairsLeft,
    PrecisionMatrix,
    largest_difference,
)
from headstart.rank.rank_sets import upper_quantile


def binary_scores(rng, abilities, n_items):
    difficulty = rng.normal(size=n_items)
    chance = 1 / (1 + np.exp(difficulty - np.asarray(abilities)[:, None]))
    return (rng.random(chance.shape) < chance).astype(np.int8)


@pytest.mark.parametrize("n_models", [2, 5, 64, 65, 200])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_difference_is_the_brute_force_maximum(n_models: int, dtype: type) -> None:
    rng = np.random.default_rng(n_models)
    deviations = rng.standard_normal((150, n_models)).astype(dtype)
    precision = rng.gamma(1.0, size=(n_models, n_models)).astype(dtype)
    precision[rng.random(precision.shape) < 0.2] = 0
    everything = (deviations[:, :, None] - deviations[:, None, :]) * precision
    found = largest_difference(deviations, PrecisionMatrix(values=precision))
    np.testing.assert_array_equal(found, everything.max(axis=(1, 2)).clip(0))


def every_precision(pairs: Pairs, n: int) -> np.ndarray:
    return pairs.block(np.arange(n), np.arange(n))


@pytest.mark.parametrize("n_models", [3, 64, 150])
def test_pairs_worked_out_in_blocks_give_the_maximum_over_all_of_them(n_models: int) -> None:
    rng = np.random.default_rng(n_models)
    variances = rng.gamma(1.0, size=n_models)
    variances[rng.random(n_models) < 0.3] = 0  # some without any error, pairs of which stay tied
    root = rng.normal(size=(n_models, n_models + 2))
    root[1] = root[0]  # two models with the same errors, which stay tied
    estimates = np.sort(rng.normal(size=n_models))[::-1]
    kinds = [IndependentErrors(variances=variances), CorrelatedErrors(covariance=root @ root.T)]
    kinds += [PairsLeft(pairs=pairs, estimates=estimates, critical_value=0.5) for pairs in kinds]
    deviations = rng.standard_normal((70, n_models))
    for pairs in kinds:
        precision = every_precision(pairs, n_models)
        everything = (deviations[:, :, None] - deviations[:, None, :]) * precision
        np.testing.assert_array_equal(largest_difference(deviations, pairs), everything.max(axis=(1, 2)).clip(0))
        starts = np.arange(0, n_models, BLOCK)
        largest = np.maximum.reduceat(np.maximum.reduceat(precision, starts, axis=0), starts, axis=1)
        assert (pairs.finest(starts) >= largest).all(), "a bound that is too small would skip the maximum"
        shuffled = rng.permutation(n_models)
        np.testing.assert_array_equal(
            every_precision(pairs.taken(shuffled), n_models), precision[np.ix_(shuffled, shuffled)]
        )


def test_precisions_are_one_over_the_standard_error_of_the_difference() -> None:
    independent = every_precision(IndependentErrors(variances=np.array([0.09, 0.16, 0.0, 0.0])), 4)
    np.testing.assert_allclose(independent[0], [0, 2, 1 / 0.3, 1 / 0.3])
    assert independent[2, 3] == 0 and (np.diag(independent) == 0).all()
    correlated = every_precision(CorrelatedErrors(covariance=np.array([[4.0, 1.5], [1.5, 8.0]])), 2)
    np.testing.assert_allclose(correlated, [[0, 1 / 3], [1 / 3, 0]])


def test_orders_of_many_models_take_no_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(20)
    estimates, errors = rng.normal(size=300), rng.uniform(0.02, 0.1, 300)
    sets = rank_sets_from_estimates(estimates, standard_errors=errors, n_draws=200)
    whole = rank_sets_from_estimates(estimates, standard_errors=errors, n_draws=200).ahead
    monkeypatch.setattr("headstart.rank.pairs.CELLS", 7 * 300)
    np.testing.assert_array_equal(sets.best, 1 + whole.sum(axis=0))
    np.testing.assert_array_equal(sets.worst, 300 - whole.sum(axis=1))
    np.testing.assert_array_equal(sets.ahead, whole)


def test_the_critical_value_is_that_of_the_studentised_range() -> None:
    """With independent errors of one size, the largest of all differences is the studentised range / sqrt(2)."""
    for n in (3, 10, 40):
        sets = rank_sets_from_estimates(np.zeros(n), standard_errors=np.full(n, 0.3), n_draws=20_000)
        assert sets.critical_value == pytest.approx(studentized_range.ppf(0.95, n, np.inf) / np.sqrt(2), rel=0.02)


def test_a_standard_error_apart_is_tied_and_twenty_apart_is_not() -> None:
    sets = rank_sets_from_estimates([0.50, 0.51, 0.70], standard_errors=[0.01] * 3)
    assert sets.best.tolist() == [2, 2, 1]
    assert sets.worst.tolist() == [3, 3, 1]
    assert sets.order.tolist() == [2, 1, 0]


def test_a_set_is_one_plus_those_better_to_all_but_those_worse() -> None:
    rng = np.random.default_rng(0)
    sets = rank_sets_from_items(binary_scores(rng, rng.normal(size=40), 400))
    assert 0 < sets.ahead.sum() < 40 * 39 / 2
    for model in range(40):
        assert sets.best[model] == 1 + sum(sets.ahead[other, model] for other in range(40))
        assert sets.worst[model] == 40 - sum(sets.ahead[model, other] for other in range(40))


def test_the_order_of_the_models_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    estimates, errors = rng.normal(size=90), rng.uniform(0.05, 0.4, 90)
    mixed = rng.permutation(90)
    covariance = np.diag(errors**2)
    straight = rank_sets_from_estimates(estimates, covariance=covariance, n_draws=4000, seed=1)
    shuffled = rank_sets_from_estimates(estimates[mixed], covariance=covariance[mixed][:, mixed], n_draws=4000, seed=2)
    assert shuffled.critical_value == pytest.approx(straight.critical_value, rel=0.02)
    assert (shuffled.ahead == straight.ahead[mixed][:, mixed]).mean() > 0.99


def test_independent_errors_are_a_diagonal_covariance() -> None:
    rng = np.random.default_rng(2)
    estimates, errors = rng.normal(size=30), rng.uniform(0.1, 0.3, 30)
    by_errors = rank_sets_from_estimates(estimates, standard_errors=errors, n_draws=20_000)
    by_covariance = rank_sets_from_estimates(estimates, covariance=np.diag(errors**2), n_draws=20_000, seed=1)
    assert by_errors.critical_value == pytest.approx(by_covariance.critical_value, rel=0.02)


def test_positive_correlation_orders_what_independence_cannot() -> None:
    estimates = [0.60, 0.57, 0.54]
    covariance = 0.02**2 * (0.95 + 0.05 * np.eye(3))
    assert rank_sets_from_estimates(estimates, standard_errors=[0.02] * 3).best.tolist() == [1, 1, 1]
    assert rank_sets_from_estimates(estimates, covariance=covariance).best.tolist() == [1, 2, 3]


def test_models_without_any_error_between_them_stay_tied() -> None:
    assert rank_sets_from_estimates([0.9, 0.1], standard_errors=[0, 0]).best.tolist() == [1, 1]
    shared = np.full((2, 2), 0.01)  # one common error, none in the difference
    assert rank_sets_from_estimates([0.9, 0.1], covariance=shared).worst.tolist() == [2, 2]


@pytest.mark.parametrize("scale", [1, 0.5])  # right or wrong in float32; any other scores in float64
def test_identical_models_share_their_set_and_are_never_ordered(scale: float) -> None:
    rng = np.random.default_rng(3)
    scores = scale * binary_scores(rng, [1.5, 0.0, 0.0, -1.5], 600)
    scores[2] = scores[1]
    sets = rank_sets_from_items(scores)
    assert sets.best.tolist() == [1, 2, 2, 4]
    assert sets.worst.tolist() == [1, 3, 3, 4]


def test_a_constant_lead_on_every_item_has_no_error_and_stays_tied() -> None:
    scores = np.random.default_rng(4).random((1, 50)) + np.array([[0.0], [0.1]])
    assert rank_sets_from_items(scores).best.tolist() == [1, 1]
    assert rank_sets_from_items([[1, 1, 1], [0, 0, 0]]).best.tolist() == [1, 1]


def test_scores_of_right_and_wrong_need_no_float64() -> None:
    """The float32 path and the float64 path estimate the same errors, near-identical models included."""
    rng = np.random.default_rng(5)
    scores = binary_scores(rng, rng.normal(size=80), 5000)
    scores[1] = scores[0]
    scores[1, :40] = 1 - scores[1, :40]
    exact = rank_sets_from_items(scores, n_draws=4000, seed=1)
    general = rank_sets_from_items(scores.astype(float), clusters=np.arange(5000), n_draws=4000, seed=2)
    assert exact.critical_value == pytest.approx(general.critical_value, rel=0.02)
    assert (exact.ahead == general.ahead).mean() > 0.995


def test_few_items_need_a_larger_critical_value() -> None:
    """All models tied, 25 items: with the normal critical value every third ranking would order a pair."""
    rng = np.random.default_rng(22)
    wrong = 0
    for repetition in range(200):
        sets = rank_sets_from_items(rng.normal(size=(20, 25)), n_draws=200, seed=repetition)
        wrong += bool(sets.ahead.any())
    assert wrong <= 17  # .05 of 200 is 10; 17 is 2.3 standard deviations above


def test_two_items_order_nothing() -> None:
    assert not rank_sets_from_items([[1, 0.9], [0.1, 0.3]]).ahead.any()


def test_copies_of_a_model_cost_nothing_and_near_copies_are_computed_from_the_items() -> None:
    rng = np.random.default_rng(21)
    scores = np.repeat(rng.random((3, 400)), 40, axis=0)
    scores[:40] += 1.0
    scores[5, 0] += 1e-5  # a near copy: its variance is lost in the rounding of the sums
    sets = rank_sets_from_items(scores, n_draws=200)
    assert not sets.ahead[5, :5].any() and not sets.ahead[:40, :40].any()
    assert sets.ahead[:40, 40:].all()
    apart = scores[[5, 0]]
    difference = apart[0] - apart[1]
    precision = 1 / (difference.std(ddof=1) / np.sqrt(400))
    assert difference.mean() * precision == pytest.approx(1.0)  # one item of 400 differs: t is 1


def test_two_models_get_the_paired_test() -> None:
    """One pair: ordered exactly where the paired t statistic exceeds the two-sided normal quantile."""
    rng = np.random.default_rng(6)
    outcomes = []
    for _ in range(30):
        scores = rng.normal(size=(2, 300)) + rng.normal(size=300) * 5
        scores[0] += 0.16
        difference = scores[0] - scores[1]
        statistic = difference.mean() / (difference.std(ddof=1) / np.sqrt(300))
        sets = rank_sets_from_items(scores, n_draws=5000)
        if abs(abs(statistic) - 1.96) > 0.1:
            outcomes.append((bool(sets.ahead.any()), bool(abs(statistic) > 1.96)))
    assert all(found == expected for found, expected in outcomes)
    assert {expected for _, expected in outcomes} == {True, False}


def test_clusters_are_the_independent_units() -> None:
    """Every item copied ten times says no more than once, if the copies form a cluster."""
    rng = np.random.default_rng(7)
    scores = binary_scores(rng, np.linspace(-1, 1, 12), 300)
    copied, clusters = np.tile(scores, 10), np.tile(np.arange(300), 10)
    single, clustered = rank_sets_from_items(scores, n_draws=4000), rank_sets_from_items(
        copied, clusters=[f"passage {label}" for label in clusters], n_draws=4000, seed=1
    )  # fmt: skip
    assert clustered.critical_value == pytest.approx(single.critical_value, rel=0.03)
    assert (clustered.ahead == single.ahead).mean() > 0.98
    assert rank_sets_from_items(copied).ahead.sum() > 1.2 * single.ahead.sum()


def test_clusters_of_any_size_and_order_give_the_textbook_variance() -> None:
    rng = np.random.default_rng(8)
    clusters = rng.integers(0, 40, 3000)
    scores = rng.normal(size=(2, 3000)) + rng.normal(size=(2, 40))[:, clusters]
    scores[0] += 0.5
    difference = scores[0] - scores[1]
    residuals = difference - difference.mean()
    sums = np.array([residuals[clusters == label].sum() for label in range(40)])
    error = np.sqrt(40 / 39 * (sums**2).sum()) / 3000
    # the pair is ordered at a confidence where the critical value for 40 units is below the statistic, and not above
    statistic = abs(difference.mean()) / error
    level = 2 * norm.cdf(statistic * np.sqrt(40 / (39 + statistic**2))) - 1
    assert 0.6 < level < 0.99, "the test needs a difference that is neither clear nor nothing"
    assert rank_sets_from_items(scores, clusters=clusters, confidence=level - 0.03, n_draws=20_000).ahead.any()
    assert not rank_sets_from_items(scores, clusters=clusters, confidence=level + 0.005, n_draws=20_000).ahead.any()


def test_stepping_down_finds_all_of_the_single_step_and_more() -> None:
    rng = np.random.default_rng(9)
    more = 0
    for _ in range(30):
        scores = binary_scores(rng, np.linspace(-2, 2, 12), 300)
        one, many = (rank_sets_from_items(scores, step_down=choice) for choice in (False, True))
        assert one.steps == 1 and many.critical_value <= one.critical_value
        assert not (one.ahead & ~many.ahead).any()
        more += int((many.ahead & ~one.ahead).sum())
    assert more > 0


def test_stepping_down_ends_where_the_remaining_hypotheses_reject_nothing() -> None:
    estimates = np.r_[np.arange(6) * 3.0, 15.5]
    errors = np.full(7, 0.4)
    sets = rank_sets_from_estimates(estimates, standard_errors=errors, n_draws=2000)
    assert sets.steps >= 2
    draws = np.random.default_rng(0).standard_normal((2000, 7)) * errors
    statistic = (estimates[:, None] - estimates) / np.sqrt(0.32)
    left = ~sets.ahead & ~np.eye(7, dtype=bool)
    largest = ((draws[:, :, None] - draws[:, None, :]) / np.sqrt(0.32) * left).max(axis=(1, 2)).clip(0)
    assert sets.critical_value == pytest.approx(upper_quantile(largest, 0.95))
    assert (statistic[left] <= sets.critical_value).all() and (statistic[sets.ahead] > sets.critical_value).all()


def test_all_sets_hold_at_once_with_ties_in_95_percent_of_repetitions() -> None:
    """Ten models in five pairs of equal ability; a model tied with others must keep every rank of the tie."""
    rng = np.random.default_rng(11)
    abilities = np.repeat([1.0, 0.8, 0.4, 0.0, -0.5], 2)
    best = 1 + (abilities > abilities[:, None]).sum(axis=1)
    worst = 10 - (abilities < abilities[:, None]).sum(axis=1)
    held = 0
    for repetition in range(250):
        sets = rank_sets_from_items(binary_scores(rng, abilities, 500), n_draws=400, seed=repetition)
        held += bool((sets.best <= best).all() and (sets.worst >= worst).all())
    assert held >= 229  # .95 of 250 is 237.5; 229 is 2.5 standard deviations below


def test_credible_sets_hold_together_in_95_percent_of_the_draws() -> None:
    rng = np.random.default_rng(12)
    draws = rng.normal(size=25) + 0.2 * rng.standard_t(4, size=(600, 25)) * rng.uniform(0.5, 2, 25)
    sets = rank_sets_from_draws(draws)
    assert sets.claim == "credible"
    assert sets.ahead.any()
    together = [
        all(draw[j] > draw[k] for j, k in zip(*np.nonzero(sets.ahead), strict=True)) for draw in draws
    ]  # fmt: skip
    assert np.mean(together) >= 0.95
    ranks = 1 + (draws[:, None, :] > draws[:, :, None]).sum(axis=2)
    assert ((ranks >= sets.best) & (ranks <= sets.worst)).all(axis=1).mean() >= 0.95
    # and one more order would break it
    means, spread = draws.mean(axis=0), np.std(draws[:, :, None] - draws[:, None, :], axis=0)
    studentised = np.divide(means[:, None] - means, spread, out=np.zeros_like(spread), where=spread > 0)
    j, k = np.unravel_index(np.where(sets.ahead, -1, studentised).argmax(), studentised.shape)
    broken = np.array(together) & (draws[:, j] > draws[:, k])
    assert broken.mean() < 0.955


def test_certain_and_equal_draws() -> None:
    draws = np.tile([0.5, 0.5, 0.7], (100, 1)) + np.linspace(0, 1, 100)[:, None]
    sets = rank_sets_from_draws(np.round(draws, 3))
    assert sets.best.tolist() == [2, 2, 1]
    assert sets.worst.tolist() == [3, 3, 1]


def test_one_model_is_first() -> None:
    for sets in (
        rank_sets_from_estimates([0.5], standard_errors=[0.1]),
        rank_sets_from_items([[1, 0, 1]]),
        rank_sets_from_draws(np.ones((50, 1))),
    ):
        assert (sets.best.tolist(), sets.worst.tolist()) == ([1], [1])


def test_the_order_statistic_is_exceeded_with_at_most_the_stated_probability() -> None:
    """Of n + 1 exchangeable values, the last exceeds the k-th smallest of the others in (n + 1 - k) / (n + 1)."""
    assert upper_quantile(np.arange(1.0, 20.0), 0.95) == 19.0
    assert upper_quantile(np.arange(1.0, 1001.0), 0.95) == 951.0
    ranks = [sum(order[-1] > other for other in order[:-1]) for order in permutations(range(4))]
    assert np.mean([rank >= 3 for rank in ranks]) == 0.25  # 3 draws, confidence .75: the largest of the three
    assert upper_quantile(np.array([0.0, 1.0, 2.0]), 0.75) == 2.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rank_sets_from_items([[1.0, np.nan]]), "1 missing or infinite"),
        (lambda: rank_sets_from_items([[1], [0]]), "at least two items"),
        (lambda: rank_sets_from_items([[1, 0], [0, 1]], clusters=[1]), "clusters must be one label for each of 2"),
        (lambda: rank_sets_from_items([[1, 0], [0, 1]], clusters=[1, 1]), "at least two items or clusters, got 1"),
        (lambda: rank_sets_from_items([[1, 0], [0, 1]], clusters=[1, np.nan]), "known for every item"),
        (lambda: rank_sets_from_items([["a", "b"]]), "scores must be numbers"),
        (lambda: rank_sets_from_estimates([1.0, 2.0]), "given, one of them, got '0 of them'"),
        (lambda: rank_sets_from_estimates([1.0], standard_errors=[-1]), "standard_errors must be at least 0, got -1"),
        (lambda: rank_sets_from_estimates([1.0, np.inf], standard_errors=[1, 1]), "estimates must be finite"),
        (lambda: rank_sets_from_estimates([1.0, 2.0], covariance=[[1, 0], [1, 1]]), "symmetric"),
        (lambda: rank_sets_from_estimates([1.0, 2.0], covariance=[[1, 2], [2, 1]]), "without negative eigenvalues"),
        (lambda: rank_sets_from_estimates([1.0], standard_errors=[1], n_draws=18), "n_draws must be at least 19"),
        (lambda: rank_sets_from_draws(np.zeros((50, 2)), confidence=0.99), "n_draws must be at least 99"),
        (lambda: rank_sets_from_draws(np.zeros((50, 2)), confidence=1.0), "confidence must be between 0 and 1"),
    ],
)
def test_bad_input_is_named(call, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()
