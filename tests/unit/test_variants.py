"""Private variants: what choosing the best of several adds, and what it is worth."""

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm

from headstart.errors import InputError
from headstart.rank import (
    best_of_inflation,
    best_of_lead,
    corrected_best,
    expected_largest,
    largest_below,
    largest_quantile,
    next_variant_gain,
    variant_gains,
    variants_to_pass,
)
from headstart.rank.variants import largest_density


def observed(rng, repetitions: int, k: int, noise: float, spread: float, correlation: float):
    """True scores and observed scores of k variants, by their definition."""
    true = spread * rng.standard_normal((repetitions, k))
    common = np.sqrt(correlation) * rng.standard_normal((repetitions, 1))
    own = np.sqrt(1 - correlation) * rng.standard_normal((repetitions, k))
    return true, true + noise * (common + own)


def test_the_mean_of_the_largest_is_that_of_independent_quadrature() -> None:
    for k in (1, 2, 5, 27, 1000, 10**6):
        expected = integrate.quad(
            lambda x, k=k: x * k * norm.pdf(x) * np.exp((k - 1) * norm.logcdf(x)), -9, 12, limit=400, points=[0, 3, 6]
        )[0]
        assert float(expected_largest(k)) == pytest.approx(expected, abs=1e-9)
    assert float(expected_largest(2)) == pytest.approx(1 / np.sqrt(np.pi), abs=1e-13)
    assert float(expected_largest(3)) == pytest.approx(1.5 / np.sqrt(np.pi), abs=1e-13)
    assert expected_largest([[1, 2], [3, 4]]).shape == (2, 2)


@pytest.mark.parametrize(
    ("k", "spread", "correlation"), [(5, 0.0, 0.0), (27, 0.0, 0.6), (8, 0.02, 0.3), (3, 0.05, 0.9)]
)
def test_inflation_and_lead_are_those_of_simulated_choices(k: int, spread: float, correlation: float) -> None:
    rng = np.random.default_rng(k)
    true, seen = observed(rng, 100_000, k, 0.01, spread, correlation)
    chosen = seen.argmax(axis=1)[:, None]
    excess = np.take_along_axis(seen - true, chosen, axis=1)[:, 0]
    lead = seen.max(axis=1) - seen[:, 0]
    for found, drawn in (
        (best_of_inflation(0.01, k, spread_sd=spread, correlation=correlation), excess),
        (best_of_lead(0.01, k, spread_sd=spread, correlation=correlation), lead),
    ):
        assert abs(float(found) - drawn.mean()) < 4 * drawn.std() / np.sqrt(len(drawn))


def test_noise_that_all_variants_share_and_variants_without_noise_inflate_nothing() -> None:
    assert (
        best_of_inflation([0.01, 0.0, 0.0], 9, correlation=[1.0, 0.0, 0.0], spread_sd=[0.1, 0.1, 0.0]).tolist()
        == [0] * 3
    )
    assert float(best_of_inflation(0.01, 1)) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.49, 0.5, 0.8, 0.9999, 1.0])
def test_the_distribution_of_the_largest_has_its_simulated_shares_and_its_density(correlation: float) -> None:
    rng = np.random.default_rng(1)
    largest = observed(rng, 100_000, 12, 1.0, 0.0, correlation)[1].max(axis=1)
    bounds = np.array([-0.5, 0.5, 1.5, 2.5])
    share = (largest[:, None] <= bounds).mean(axis=0)
    np.testing.assert_allclose(largest_below(bounds, 12, correlation=correlation), share, atol=0.006)
    slope = np.diff(largest_below(bounds[:, None] + [-1e-4, 1e-4], 12, correlation=correlation), axis=1)[:, 0] / 2e-4
    np.testing.assert_allclose(largest_density(bounds, 12, correlation=correlation), slope, atol=1e-6)


def test_correlations_on_both_sides_of_the_change_of_method_agree() -> None:
    near = [largest_below(2.2, 50, correlation=0.5 + shift) for shift in (-1e-9, 1e-9)]
    assert near[0] == pytest.approx(near[1], abs=1e-8)


def test_quantiles_undo_the_distribution() -> None:
    for correlation in (0.0, 0.3, 0.7, 1.0):
        for k in (1, 2, 27, 10**9):
            p = np.array([0.001, 0.025, 0.5, 0.975, 0.999])
            found = largest_quantile(p, k, correlation=correlation)
            np.testing.assert_allclose(largest_below(found, k, correlation=correlation), p, atol=1e-8)
    assert float(largest_quantile(0.975, 10**12)) == pytest.approx(-norm.ppf(-np.expm1(np.log(0.975) / 10**12)))


@pytest.mark.parametrize(("spread", "correlation"), [(0.0, 0.0), (0.01, 0.0), (0.03, 0.4)])
def test_a_corrected_score_has_the_right_mean_and_its_interval_holds_the_truth(
    spread: float, correlation: float
) -> None:
    rng = np.random.default_rng(2)
    true, seen = observed(rng, 20_000, 10, 0.01, spread, correlation)
    chosen = seen.argmax(axis=1)[:, None]
    truth = np.take_along_axis(true, chosen, axis=1)[:, 0]
    found = corrected_best(seen.max(axis=1), 0.01, 10, spread_sd=spread, correlation=correlation)
    error = found.corrected - truth
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))
    held = ((found.low <= truth) & (truth <= found.high)).mean()
    assert held >= 0.947
    below = (truth < found.low).mean()
    assert below <= 0.028, "2.5 % at most lie below the lower end"
    if spread == 0:
        assert below >= 0.022, "of variants that are equally good, the lower end is exact"


def test_the_price_of_a_place_is_the_first_number_that_is_enough() -> None:
    gaps = np.array([-0.02, 0.0, 0.004, 0.02, 0.03])
    for correlation in (0.0, 0.3, 0.6):
        for probability in (0.3, 0.5, 0.9):
            found = variants_to_pass(gaps, 0.01, probability=probability, correlation=correlation)
            for gap, k in zip(gaps, found, strict=True):
                if np.isfinite(k):
                    passing = 1 - largest_below(gap / 0.01, [max(k - 1, 1), k], correlation=correlation)
                    assert passing[1] >= probability * (1 - 1e-9)
                    assert k == 1 or passing[0] < probability
    assert variants_to_pass(0.02, 0.01, correlation=1.0) == np.inf
    assert variants_to_pass([-0.1, 0.0, 0.1], 0.0).tolist() == [1, np.inf, np.inf]
    assert variants_to_pass(0.2, 0.01) == np.inf  # twenty standard deviations


def simulated_rewards(score, rivals, rewards, sd, rival_sd, correlation, k, repetitions=40_000):
    rng = np.random.default_rng(k)
    own = score + observed(rng, repetitions, k, sd, 0.0, correlation)[1].max(axis=1)
    theirs = np.asarray(rivals) + np.asarray(rival_sd) * rng.standard_normal((repetitions, len(rivals)))
    return np.asarray(rewards)[(theirs > own[:, None]).sum(axis=1)]


@pytest.mark.parametrize("rewards", [[4.0, 3.0, 2.0, 1.0, 0.0], [10.0, 3.0, 3.0, 1.0, 0.5], [1.0, 0.0, 0.0, 0.0, 0.0]])
@pytest.mark.parametrize("rival_sd", [0.0, 0.01, [0.004, 0.02, 0.01, 0.007]])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7])
def test_expected_rewards_are_those_of_simulated_rankings(rewards, rival_sd, correlation: float) -> None:
    rivals = [0.83, 0.815, 0.80, 0.76]
    gains = variant_gains(0.80, rivals, rewards, sd=0.01, rival_sd=rival_sd, correlation=correlation, most=8)
    for k in (1, 8):
        drawn = simulated_rewards(0.80, rivals, rewards, 0.01, rival_sd, correlation, k)
        assert abs(gains.reward[k - 1] - drawn.mean()) < 4 * drawn.std() / np.sqrt(len(drawn)) + 1e-12


def test_what_the_next_variant_adds_is_the_formula_over_the_rivals_draws() -> None:
    """Proposition V2, against the direct computation of both rewards."""
    rng = np.random.default_rng(3)
    rivals, rewards, sd, rival_sd = np.array([0.83, 0.81, 0.80]), np.array([5.0, 2.0, 1.0, 0.0]), 0.01, 0.012
    direct = variant_gains(0.80, rivals, rewards, sd=sd, rival_sd=rival_sd, most=6)
    thresholds = np.sort(rivals + rival_sd * rng.standard_normal((200_000, 3)), axis=1)[:, ::-1]
    pass_probability = norm.sf((thresholds - 0.80) / sd)
    formula = next_variant_gain(pass_probability, rewards[:-1] - rewards[1:], np.arange(1, 7))
    np.testing.assert_allclose(formula, direct.gain, rtol=0.02)
    fixed = variant_gains(0.80, rivals, rewards, sd=sd, most=6)
    one = norm.sf((rivals - 0.80) / sd)
    np.testing.assert_allclose(
        next_variant_gain(one, rewards[:-1] - rewards[1:], np.arange(1, 7)), fixed.gain, rtol=1e-9
    )


def test_every_further_variant_adds_less_and_none_more_than_a_quarter_of_what_is_at_stake() -> None:
    rng = np.random.default_rng(4)
    largest = 0.0
    for _ in range(60):
        rivals, rewards = rng.normal(0.8, 0.02, 5), np.sort(rng.exponential(size=6))[::-1]
        correlation = float(rng.choice([0.0, 0.4, 0.9]))
        gains = variant_gains(0.8, rivals, rewards, sd=0.01, correlation=correlation, most=12)
        assert (np.diff(gains.gain) <= 1e-12).all()
        assert gains.gain.max() <= gains.ceiling * (1 + 1e-9)
        largest = max(largest, gains.gain.max() / gains.ceiling)
    tight = variant_gains(0.8, [0.8], [1.0, 0.0], sd=0.01)
    assert tight.gain[0] == pytest.approx(tight.ceiling), "reached where one variant wins with probability 1/2"


def test_one_submission_is_the_best_reply_exactly_from_its_price_on() -> None:
    gains = variant_gains(0.80, [0.82, 0.805], [2.0, 1.0, 0.0], sd=0.01, most=50)
    price = gains.price_for_one
    profit = gains.reward - price * np.arange(50)
    assert profit.argmax() == 0 and gains.best_reply(price) == 1
    assert gains.best_reply(0.9 * price) > 1
    for share in (0.7, 0.3, 0.1):
        best = gains.best_reply(share * price)
        assert best == 1 + int((gains.reward - share * price * np.arange(50)).argmax())
    assert variant_gains(0.80, [0.82], [1.0, 0.0], sd=0.01, most=3).best_reply(0.0) is None


def test_variants_with_one_score_gain_nothing() -> None:
    gains = variant_gains(0.80, [0.81], [1.0, 0.0], sd=0.01, correlation=1.0, most=4)
    assert gains.gain.max() < 1e-12 and gains.reward == pytest.approx([norm.sf(1.0)] * 4)


def test_many_rivals_are_soon_done() -> None:
    rivals = np.linspace(0.7, 0.9, 4000)
    even = variant_gains(0.8, rivals, np.arange(4001.0)[::-1], sd=0.01, rival_sd=0.01, most=5)
    assert even.reward[0] == pytest.approx(2000, abs=1e-6)
    first = variant_gains(0.89, rivals, np.r_[1.0, np.zeros(4000)], sd=0.01, rival_sd=0.01, most=5)
    assert 0 < first.reward[0] < first.reward[-1] < 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: best_of_inflation(0.01, 0), "k must be a whole number of variants"),
        (lambda: best_of_inflation(0.01, 2.5), "k must be a whole number of variants"),
        (lambda: best_of_inflation(-0.01, 2), "noise_sd must be finite and at least 0"),
        (lambda: best_of_inflation(0.01, 2, spread_sd=np.inf), "spread_sd must be finite"),
        (lambda: best_of_inflation(0.01, 2, correlation=1.5), "correlation must be between 0 and 1"),
        (lambda: corrected_best(np.nan, 0.01, 2), "published must be finite"),
        (lambda: corrected_best(0.5, 0.01, 2, confidence=1.0), "confidence must be between 0 and 1"),
        (lambda: largest_quantile(1.0, 2), "p must be between 0 and 1"),
        (lambda: variants_to_pass(0.1, 0.01, probability=1.0), "probability must be between 0 and 1"),
        (lambda: next_variant_gain([0.5], [1.0, 1.0], 1), "gaps must be one for each of 1 places"),
        (lambda: next_variant_gain([1.5], [1.0], 1), "pass_probability must be between 0 and 1"),
        (lambda: variant_gains(0.5, [0.4], [1.0], sd=0.1), "rewards must be one for each of 2 ranks"),
        (lambda: variant_gains(0.5, [0.4], [0.0, 1.0], sd=0.1), "rewards must be non-increasing"),
        (lambda: variant_gains(0.5, [0.4], [1.0, 0.0], sd=0.0), "sd must be a number > 0"),
        (lambda: variant_gains(0.5, [0.4, 0.3], [1.0, 0.0, 0.0], sd=0.1, rival_sd=[0.1, 0]), "0 for all rivals or"),
        (lambda: variant_gains(0.5, [0.4], [1.0, 0.0], sd=1.0, rival_sd=1e-5), "at least about 1/500 of sd"),
        (lambda: variant_gains(0.5, [0.4], [1.0, 0.0], sd=0.1).best_reply(-1), "price must be a number of at least 0"),
    ],
)
def test_bad_input_is_named(call, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()
