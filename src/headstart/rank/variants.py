"""Private variants: what it adds to a published score that it is the best of several that were tried.

Model of the errors: the observed score of variant j is ``common + t_j + n_j``. How much better or worse the variant
truly is, ``t_j``, has standard deviation ``spread_sd``. The measurement noise ``n_j`` has ``noise_sd`` and, between two
variants, ``correlation``: they answer the same items. All are normal. Published is the largest observed score.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtri

from headstart.contest.arrays import BoolArray, FloatArray, require
from headstart.rank.intervals import CONFIDENCE

REACH = 13.0
"""Standard deviations that integrals cover: beyond, the density is below 1e-37."""

PANELS, NODES = 104, 12
"""Panels of the Gauss-Legendre rule over ``-REACH`` to ``REACH``, and nodes in each: exact to 1e-13 here."""

MOST = 10**12
"""Numbers of variants up to which the largest is described; nobody tries more."""


@lru_cache(maxsize=1)
def normal_rule() -> tuple[Float[FloatArray, " nodes"], Float[FloatArray, " nodes"]]:
    """Nodes and weights that integrate a smooth function against the standard normal density."""
    inner, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(-REACH, REACH, PANELS + 1)
    half = (edges[1] - edges[0]) / 2
    nodes = ((edges[:-1] + edges[1:])[:, None] / 2 + half * inner).ravel()
    density = np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    return nodes, half * np.tile(weights, PANELS) * density


def expected_largest(k: ArrayLike) -> Float[FloatArray, "*shape"]:
    """Mean of the largest of k independent standard normal numbers.

    Computed as the integral of ``1 - Phi(x) ** k - Phi(-x) ** k`` over ``x >= 0``, to about 12 digits.

    Args:
        k: How many, 1 to 10^12.

    Raises:
        InputError: If k is no such whole number.

    Source: the mean of any variable as the integral of its distribution function; David and Nagaraja (2003), Order
    Statistics, section 3.1.

    >>> [round(float(expected_largest(k)), 4) for k in (1, 2, 3, 27)]
    [0.0, 0.5642, 0.8463, 1.9983]
    """
    number = _numbers(k)
    inner, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(0.0, REACH, PANELS + 1)
    half = (edges[1] - edges[0]) / 2
    nodes = ((edges[:-1] + edges[1:])[:, None] / 2 + half * inner).ravel()
    each = number[..., None]
    lacking = -np.expm1(each * _log_below(nodes)) - np.exp(each * _log_below(-nodes))
    return np.where(number == 1, 0.0, lacking @ (half * np.tile(weights, PANELS)))  # one number has mean 0 exactly


def best_of_inflation(
    noise_sd: ArrayLike, k: ArrayLike, *, spread_sd: ArrayLike = 0.0, correlation: ArrayLike = 0.0
) -> Float[FloatArray, "*shape"]:
    """By how much the best of k scores exceeds, on average, the true score of the variant that it belongs to.

    With ``s ** 2 = (1 - correlation) * noise_sd ** 2`` it is ``s ** 2 / sqrt(s ** 2 + spread_sd ** 2)`` times the mean
    of the largest of k standard normal numbers; of variants that are equally good, ``s`` times that mean.

    Args:
        noise_sd: Standard deviation of one score's measurement noise, the standard error of a published score.
        k: How many variants were tried, 1 to 10^12.
        spread_sd: Standard deviation of the true scores of variants; 0: they are equally good.
        correlation: Of the noise of two variants, 0 to 1; positive where they answered the same items.

    Raises:
        InputError: Values out of range.

    >>> float(best_of_inflation(0.01, 27).round(4)), float(best_of_inflation(0.01, 27, correlation=0.5).round(4))
    (0.02, 0.0141)
    """
    own, spread = _checked(noise_sd, spread_sd, correlation)
    total = np.hypot(own, spread)
    share = np.divide(own, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(own * share * expected_largest(k))


def best_of_lead(
    noise_sd: ArrayLike, k: ArrayLike, *, spread_sd: ArrayLike = 0.0, correlation: ArrayLike = 0.0
) -> Float[FloatArray, "*shape"]:
    """By how much the best of k scores exceeds, on average, the score of one variant taken at random.

    What trying k variants adds to a published score: the inflation, and what the variant chosen is truly better by.
    The arguments are those of ``best_of_inflation``.

    >>> lead = best_of_lead(0.03, 10, spread_sd=0.04)
    >>> float(lead.round(4)), float(best_of_inflation(0.03, 10, spread_sd=0.04).round(4))
    (0.0769, 0.0277)
    """
    own, spread = _checked(noise_sd, spread_sd, correlation)
    return np.asarray(np.hypot(own, spread) * expected_largest(k))


def largest_below(x: ArrayLike, k: ArrayLike, *, correlation: ArrayLike = 0.0) -> Float[FloatArray, "*shape"]:
    """Probability that the largest of k standard normal numbers is at most x.

    Args:
        x: The bound.
        k: How many, 1 to 10^12.
        correlation: Of any two of them, 0 to 1.

    >>> float(largest_below(2.0, 10).round(4)), float(largest_below(2.0, 10, correlation=0.8).round(4))
    (0.7944, 0.9201)
    """
    bound, number, shared = _broadcast(x, _numbers(k), correlation)
    _check_correlation(shared)
    alone = np.exp(number * _log_below(bound))
    if not shared.any():
        return alone
    nodes, weights = normal_rule()
    every, root, rest = number[..., None], np.sqrt(shared)[..., None], np.sqrt(1 - shared)[..., None]
    # the integral over the common part, or over the largest of the own parts: whichever leaves a smooth integrand
    given_common = np.exp(every * _log_below((bound[..., None] - root * nodes) / np.maximum(rest, 0.5))) @ weights
    of_largest = np.exp(np.log(every) + (every - 1) * _log_below(nodes))
    given_largest = (
        of_largest * np.exp(_log_below((bound[..., None] - rest * nodes) / np.maximum(root, 0.5)))
    ) @ weights
    return np.where(shared > 0, np.where(shared < 0.5, given_common, given_largest), alone)


def largest_density(x: ArrayLike, k: ArrayLike, *, correlation: ArrayLike = 0.0) -> Float[FloatArray, "*shape"]:
    """Density at x of the largest of k standard normal numbers; the arguments are those of ``largest_below``.

    >>> float(largest_density(0.0, 1).round(4)), float(largest_density(1.5, 10, correlation=0.3).round(4))
    (0.3989, 0.5139)
    """
    bound, number, shared = _broadcast(x, _numbers(k), correlation)
    _check_correlation(shared)
    alone = _density(bound, number)
    if not shared.any():
        return alone
    nodes, weights = normal_rule()
    every, root, rest = number[..., None], np.sqrt(shared)[..., None], np.sqrt(1 - shared)[..., None]
    own, common = np.maximum(rest, 0.5), np.maximum(root, 0.5)
    given_common = (_density((bound[..., None] - root * nodes) / own, every) / own) @ weights
    of_largest = np.exp(np.log(every) + (every - 1) * _log_below(nodes))
    one = np.ones_like(every)
    given_largest = (of_largest * _density((bound[..., None] - rest * nodes) / common, one) / common) @ weights
    return np.where(shared > 0, np.where(shared < 0.5, given_common, given_largest), alone)


def largest_quantile(p: ArrayLike, k: ArrayLike, *, correlation: ArrayLike = 0.0) -> Float[FloatArray, "*shape"]:
    """The bound that the largest of k standard normal numbers does not exceed with probability p, to 1e-10.

    Args:
        p: Probability, in (0, 1).
        k: How many, 1 to 10^12.
        correlation: Of any two of them, 0 to 1.

    >>> float(largest_quantile(0.975, 27).round(3)), float(largest_quantile(0.975, 1).round(3))
    (3.109, 1.96)
    """
    level, number, shared = _broadcast(p, _numbers(k), correlation)
    require(bool(((level > 0) & (level < 1)).all()), "p", "between 0 and 1", p)
    _check_correlation(shared)
    # of p ** (1 / k) near 1 a float keeps little, so what it lacks to 1 is used there
    lower = np.asarray(ndtri(np.exp(np.log(level) / number)), dtype=np.float64)
    upper = -np.asarray(ndtri(-np.expm1(np.log(level) / number)), dtype=np.float64)
    alone = np.where(lower > 0, upper, lower)
    if not shared.any():
        return alone
    # the largest of correlated numbers is stochastically smaller than of independent ones, and larger than a single one
    single = np.asarray(ndtri(level), dtype=np.float64)
    low, high = np.minimum(single, alone) - 1.0, np.maximum(single, alone) + 1.0
    for _ in range(40):
        middle = (low + high) / 2
        below = largest_below(middle, number, correlation=shared) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(shared > 0, (low + high) / 2, alone)


@dataclass(frozen=True, kw_only=True)
class CorrectedScore:
    """A published score without what choosing the best of k variants added to it.

    Args:
        published: The best of k observed scores.
        k: How many variants were tried.
        inflation: What the choice added on average.
        corrected: Published minus inflation.
        low, high: Interval for the true score of the variant published; its lower end is the one to show.
        confidence: Of the interval, at least, whatever the true scores of the variants.
    """

    published: Float[FloatArray, "*shape"]
    k: Float[FloatArray, "*shape"]
    inflation: Float[FloatArray, "*shape"]
    corrected: Float[FloatArray, "*shape"]
    low: Float[FloatArray, "*shape"]
    high: Float[FloatArray, "*shape"]
    confidence: float


def corrected_best(
    published: ArrayLike,
    noise_sd: ArrayLike,
    k: ArrayLike,
    *,
    spread_sd: ArrayLike = 0.0,
    correlation: ArrayLike = 0.0,
    confidence: float = CONFIDENCE,
) -> CorrectedScore:
    """Correct a published score for the winner's curse: it is the best of k observed scores.

    The corrected score has the right mean if variants differ as ``spread_sd`` says; with 0, the default, all of the
    lead is taken for noise. The interval needs no such assumption: the noise of the variant published lies between the
    smallest and the largest noise of all k, whatever their true scores.

    Args:
        published: The best of k observed scores.
        noise_sd: Standard deviation of one score's measurement noise.
        k: How many variants were tried, 1 to 10^12.
        spread_sd: Standard deviation of the true scores of variants; 0: they are equally good.
        correlation: Of the noise of two variants, 0 to 1.
        confidence: Of the interval, in (0, 1).

    Raises:
        InputError: Values out of range.

    >>> found = corrected_best(0.83, 0.01, 27)
    >>> [round(float(value), 4) for value in (found.corrected, found.low, found.high)]
    [0.81, 0.7989, 0.8611]
    """
    require(0 < confidence < 1, "confidence", "between 0 and 1", confidence)
    score = np.asarray(published, dtype=np.float64)
    require(bool(np.isfinite(score).all()), "published", "finite", published)
    inflation = best_of_inflation(noise_sd, k, spread_sd=spread_sd, correlation=correlation)
    quantile = largest_quantile((1 + confidence) / 2, k, correlation=correlation)
    half = np.asarray(noise_sd, dtype=np.float64) * quantile
    shape = np.broadcast_shapes(score.shape, inflation.shape, half.shape)
    return CorrectedScore(
        published=np.broadcast_to(score, shape),
        k=np.broadcast_to(_numbers(k), shape),
        inflation=np.broadcast_to(inflation, shape),
        corrected=np.asarray(score - inflation),
        low=np.asarray(score - half),
        high=np.asarray(score + half),
        confidence=confidence,
    )


def variants_to_pass(
    gap: ArrayLike, sd: ArrayLike, *, probability: ArrayLike = 0.5, correlation: ArrayLike = 0.0
) -> Float[FloatArray, "*shape"]:
    """The price of a place in variants: the fewest whose best exceeds a score with the probability given.

    Args:
        gap: The score to pass minus the true score of the variants.
        sd: Standard deviation of the observed scores of variants (noise and spread together).
        probability: With which it is passed, in (0, 1).
        correlation: Of the scores of two variants, 0 to 1.

    Returns:
        Whole numbers from 1; infinite where 10^12 are too few.

    Raises:
        InputError: Values out of range.

    >>> variants_to_pass([0.0, 0.01, 0.02, 0.03], 0.01).tolist()
    [1.0, 5.0, 31.0, 514.0]
    """
    distance, spread, chance, shared = _broadcast(gap, sd, probability, correlation)
    require(bool(np.isfinite(distance).all()), "gap", "finite", gap)
    require(bool((np.isfinite(spread) & (spread >= 0)).all()), "sd", "finite and at least 0", sd)
    require(bool(((chance > 0) & (chance < 1)).all()), "probability", "between 0 and 1", probability)
    _check_correlation(shared)
    certain, never = (spread == 0) & (distance < 0), (spread == 0) & (distance >= 0)
    bound = np.clip(distance / np.where(spread > 0, spread, 1.0), -REACH, REACH)
    enough = chance * (1 - 1e-12)

    def lacking(k: Float[FloatArray, "*shape"]) -> Bool[BoolArray, "*shape"]:
        """Where the best of k does not pass often enough; by what it lacks to 1, of which a float keeps more."""
        if shared.any():
            return 1 - largest_below(bound, k, correlation=shared) < enough
        return -np.expm1(k * _log_below(bound)) < enough

    # the least whole number that is enough: more than `low`, at most `high`
    low, high = np.zeros(bound.shape), np.full(bound.shape, float(MOST))
    out_of_reach = (lacking(high) | never) & ~certain
    for _ in range(42):
        middle = np.maximum(np.floor((low + high) / 2), 1.0)
        short = lacking(middle)
        low, high = np.where(short, np.maximum(low, middle), low), np.where(short, high, np.minimum(high, middle))
    return np.where(certain, 1.0, np.where(out_of_reach, np.inf, high))


def _broadcast(*values: ArrayLike) -> tuple[Float[FloatArray, "*shape"], ...]:
    return tuple(np.broadcast_arrays(*(np.asarray(one, dtype=np.float64) for one in values)))


def _log_below(x: Float[FloatArray, "*shape"]) -> Float[FloatArray, "*shape"]:
    return np.asarray(log_ndtr(x), dtype=np.float64)


def _density(x: Float[FloatArray, "..."], k: Float[FloatArray, "..."]) -> Float[FloatArray, "..."]:
    """Density of the largest of k independent standard normal numbers."""
    return np.exp(np.log(k) + (k - 1) * _log_below(x) - x**2 / 2) / np.sqrt(2 * np.pi)


def _numbers(k: ArrayLike) -> Float[FloatArray, "*shape"]:
    number = np.asarray(k, dtype=np.float64)
    whole = (number >= 1) & (number <= MOST) & (number == np.floor(number))
    require(bool(whole.all()), "k", "a whole number of variants, 1 to 10^12", k)
    return number


def _check_correlation(values: Float[FloatArray, "*shape"]) -> None:
    require(bool(((values >= 0) & (values <= 1)).all()), "correlation", "between 0 and 1", values)


def _checked(
    noise_sd: ArrayLike, spread_sd: ArrayLike, correlation: ArrayLike
) -> tuple[Float[FloatArray, "*shape"], Float[FloatArray, "*shape"]]:
    """The noise that is not common to all variants, and their spread."""
    noise, spread, shared = _broadcast(noise_sd, spread_sd, correlation)
    require(bool((np.isfinite(noise) & (noise >= 0)).all()), "noise_sd", "finite and at least 0", noise_sd)
    require(bool((np.isfinite(spread) & (spread >= 0)).all()), "spread_sd", "finite and at least 0", spread_sd)
    _check_correlation(shared)
    return noise * np.sqrt(1 - shared), spread
