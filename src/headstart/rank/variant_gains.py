"""What the next private variant gains in rewards, and what a submission must cost so that one is the best reply."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import ndtr

from headstart.contest.arrays import FloatArray, require, require_finite
from headstart.rank.variants import largest_below, largest_density

STEP = 0.25
"""Step of the integral over the own score, as a share of the least standard deviation of a rival."""

LONGEST_STEP = 0.1
"""The same as a share of the own one, at most. The trapezoidal rule gives 12 digits of functions so smooth."""

MOST_STEPS = 40_000
"""Steps of that integral at most: rivals may be measured up to about 500 times as precisely as the own variants."""

SPAN = 9.0
"""Standard deviations of the own score that the integral covers: beyond lies 1e-19."""


@dataclass(frozen=True, kw_only=True)
class VariantGains:
    """Rewards by the number of variants of which the best is published.

    Args:
        reward: Expected reward of 1, 2, ... variants; never falls, and rises by less with each.
        gain: What variant 2, 3, ... adds, up to the one after the last of ``reward``.
        ceiling: No further variant adds more, whatever the rivals do: a quarter of first minus last reward.
    """

    reward: Float[FloatArray, " variants"]
    gain: Float[FloatArray, " variants"]
    ceiling: float

    @property
    def price_for_one(self) -> float:
        """The least price of a further submission at which one is the best reply to these rivals."""
        return float(self.gain[0])

    def best_reply(self, price: float) -> int | None:
        """How many variants to try at a price of each after the first; None: more than were worked out.

        Because every further variant adds less, the first that is not worth its price is the last to look at.

        >>> gains = variant_gains(0.80, [0.83, 0.81, 0.70], [3.0, 2.0, 1.0, 0.0], sd=0.01)
        >>> gains.best_reply(0.5), gains.best_reply(0.05)
        (1, 7)
        """
        require(math.isfinite(price) and price >= 0, "price", "a number of at least 0", price)
        enough = np.flatnonzero(self.gain <= price)
        return int(enough[0]) + 1 if enough.size else None


def next_variant_gain(pass_probability: ArrayLike, gaps: ArrayLike, k: ArrayLike) -> Float[FloatArray, "*variants"]:
    """Expected reward that variant k + 1 adds: the sum over places m of ``gap_m * E[q_m * (1 - q_m) ** k]``.

    ``q_m`` is the probability that one variant alone is placed m-th or better, given all that is common to the
    variants: what the rivals score, and the part of the own noise that variants share. The mean is over the draws.

    Args:
        pass_probability: Draws x places; one draw: places.
        gaps: Reward of place m minus that of place m + 1, for each place, none negative.
        k: Variants already tried, at least 1.

    Raises:
        InputError: Values out of range or shapes that do not fit.

    Source: proposition V2 of docs/variants.

    >>> next_variant_gain([0.5, 0.1], [1.0, 2.0], [1, 2]).round(4).tolist()
    [0.43, 0.287]
    """
    chance = np.atleast_2d(np.asarray(pass_probability, dtype=np.float64))
    worth, number = np.asarray(gaps, dtype=np.float64), np.asarray(k, dtype=np.float64)
    require(bool(((chance >= 0) & (chance <= 1)).all()), "pass_probability", "between 0 and 1", pass_probability)
    require(worth.shape == chance.shape[-1:], "gaps", f"one for each of {chance.shape[-1]} places", worth.shape)
    require(bool((worth >= 0).all()), "gaps", "at least 0", gaps)
    require(bool((number >= 1).all()), "k", "at least 1", k)
    adds = chance * (1 - chance) ** number[..., None, None]
    return np.asarray((adds @ worth).mean(axis=-1))


def variant_gains(
    score: float,
    rivals: ArrayLike,
    rewards: ArrayLike,
    *,
    sd: float,
    rival_sd: ArrayLike = 0.0,
    correlation: float = 0.0,
    most: int = 100,
) -> VariantGains:
    """Expected rewards of publishing the best of 1, 2, ..., ``most`` variants, and what each further one adds.

    The other arguments are those of ``variant_rewards``.

    Args:
        most: Number of variants up to which rewards are worked out.

    Raises:
        InputError: As ``variant_rewards``.

    Source: propositions V2 and V3 of docs/variants.

    >>> gains = variant_gains(0.80, [0.83, 0.81, 0.70], [3.0, 2.0, 1.0, 0.0], sd=0.01, most=3)
    >>> gains.reward.round(3).tolist(), gains.gain.round(3).tolist(), gains.ceiling
    ([1.16, 1.295, 1.408], [0.135, 0.114, 0.096], 0.75)
    """
    require(most >= 1, "most", "at least 1", most)
    # one more than asked for, so that the gain of the variant after the last is there too
    found = variant_rewards(
        score, rivals, rewards, np.arange(1, most + 2), sd=sd, rival_sd=rival_sd, correlation=correlation
    )
    worth = np.asarray(rewards, dtype=np.float64)
    return VariantGains(
        reward=found[:-1], gain=np.maximum(np.diff(found), 0.0), ceiling=float(worth[0] - worth[-1]) / 4
    )


def variant_rewards(
    score: float,
    rivals: ArrayLike,
    rewards: ArrayLike,
    k: ArrayLike,
    *,
    sd: float,
    rival_sd: ArrayLike = 0.0,
    correlation: float = 0.0,
) -> Float[FloatArray, " numbers"]:
    """Expected reward of publishing the best of k variants, against rivals with one score each.

    Exact up to quadrature. The errors of different models are independent: what all models share (the same items are
    hard for all) moves no rank and is no part of ``sd``.

    Args:
        score: True score of the developer's variants.
        rivals: Scores of the others: as published, or true ones with ``rival_sd``.
        rewards: By rank, one more than there are rivals, never rising.
        k: Numbers of variants, each at least 1.
        sd: Standard deviation of the observed score of a variant.
        rival_sd: Standard deviation of the rivals' observed scores: 0 where they stand already, else positive for all.
        correlation: Of the observed scores of two variants, 0 to 1.

    Raises:
        InputError: Values out of range, or rivals of whom some have no error and others have.

    >>> variant_rewards(0.80, [0.83, 0.81], [2.0, 1.0, 0.0], [1, 27], sd=0.01).round(3).tolist()
    [0.16, 1.026]
    """
    others, worth = np.asarray(rivals, dtype=np.float64), np.asarray(rewards, dtype=np.float64)
    noise, number = np.asarray(rival_sd, dtype=np.float64), np.asarray(k, dtype=np.float64)
    require(others.ndim == 1, "rivals", "one score each", others.shape)
    require_finite("rivals", others)
    require(worth.shape == (len(others) + 1,), "rewards", f"one for each of {len(others) + 1} ranks", worth.shape)
    require_finite("rewards", worth)
    require(bool((np.diff(worth) <= 0).all()), "rewards", "non-increasing with rank", worth)
    require(math.isfinite(score), "score", "finite", score)
    require(math.isfinite(sd) and sd > 0, "sd", "a number > 0", sd)
    require(0 <= correlation <= 1, "correlation", "between 0 and 1", correlation)
    require(noise.shape in ((), others.shape), "rival_sd", "one number, or one for each rival", noise.shape)
    require(bool((np.isfinite(noise) & (noise >= 0)).all()), "rival_sd", "at least 0", rival_sd)
    fixed = not noise.any()
    require(fixed or bool((noise > 0).all()), "rival_sd", "0 for all rivals or positive for all", rival_sd)
    gaps = worth[:-1] - worth[1:]
    if fixed:
        paid = gaps > 0
        bounds = ((np.sort(others)[::-1] - score) / sd)[paid]
        above = [gaps[paid] @ (1 - largest_below(bounds, one, correlation=correlation)) for one in number]
        return worth[-1] + np.array(above, dtype=np.float64)
    everyone = np.broadcast_to(noise, others.shape)
    return worth[-1] + _against_noise(others, everyone, gaps, score, sd, correlation, number)


def _against_noise(
    rivals: Float[FloatArray, " rivals"],
    noise: Float[FloatArray, " rivals"],
    gaps: Float[FloatArray, " places"],
    score: float,
    sd: float,
    correlation: float,
    number: Float[FloatArray, " variants"],
) -> Float[FloatArray, " variants"]:
    """Expected reward above the last: the worth of an observed score, averaged over that of the best variant."""
    step = min(STEP * float(noise.min()) / sd, LONGEST_STEP)
    require(2 * SPAN / step <= MOST_STEPS, "rival_sd", "at least about 1/500 of sd, or 0", float(noise.min()))
    at = np.linspace(-SPAN, SPAN, math.ceil(2 * SPAN / step) + 1)
    worth = _worth(score + sd * at, rivals, noise, gaps) * (at[1] - at[0])
    return np.stack([largest_density(at, k, correlation=correlation) @ worth for k in number])


def _worth(
    scores: Float[FloatArray, " scores"],
    rivals: Float[FloatArray, " rivals"],
    noise: Float[FloatArray, " rivals"],
    gaps: Float[FloatArray, " places"],
) -> Float[FloatArray, " scores"]:
    """Expected reward above the last of an observed score: rivals above it are a Poisson-binomial number."""
    if np.ptp(gaps) <= 1e-12 * gaps.max():  # evenly spaced: every rival beaten is worth the same
        beaten = np.zeros(len(scores))
        for rival, error in zip(rivals.tolist(), noise.tolist(), strict=True):
            beaten += np.asarray(ndtr((scores - rival) / error), dtype=np.float64)
        return gaps[0] * beaten
    if not gaps.any():
        return np.zeros(len(scores))
    depth = int(np.flatnonzero(gaps)[-1]) + 1  # places beyond are worth no more than the last
    above = np.zeros((depth, len(scores)))  # probability of 0, 1, ... rivals above; more than that are dropped
    above[0] = 1.0
    for rival, error in zip(rivals.tolist(), noise.tolist(), strict=True):
        ahead = np.asarray(ndtr((rival - scores) / error), dtype=np.float64)
        above[1:] = above[1:] * (1 - ahead) + above[:-1] * ahead
        above[0] *= 1 - ahead
    # with m rivals above, place m + 1 is taken, worth every gap from there on
    return np.asarray(above.T @ np.cumsum(gaps[::-1])[::-1][:depth])
