"""What a trajectory does that a rising, saturating curve cannot say.

Flags are statements about the measured points ("forgets", "collapses", "at chance", "no gain", "too few points") or
about the fit ("ceiling not identified", "poor fit"). None of them changes a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import isotonic_regression
from scipy.special import chdtrc, ndtri

from headstart.contest.arrays import BoolArray, FloatArray

FORGETS = "forgets"
COLLAPSES = "collapses"
AT_CHANCE = "at chance"
NO_GAIN = "no gain"
CEILING_NOT_IDENTIFIED = "ceiling not identified"
POOR_FIT = "poor fit"
TOO_FEW_POINTS = "too few points"

FALSE_ALARM = 0.01
"""Probability that a model whose true score never falls (or never exceeds its first) is said to: one in a hundred,
shared by all the pairs of points compared (Bonferroni), since the most striking pair is picked after looking."""

POOR_FIT_PROBABILITY = 1e-3
"""A fit is poor when residuals this large would be rarer under the stated standard errors: with 50 models a
false alarm is still unlikely."""

COLLAPSE_SHARE = 0.25
"""Collapsed: at most this share of the way from the base (chance, or the model's own start) to its peak is left."""

CHANCE_MARGIN = 0.02
"""Models without a gain that end up within this share of the score range of chance are at chance. Answer formats
and uneven answer keys move guessing by about that much."""

CEILING_SHARE = 0.5
"""The ceiling is not identified when the part of the rise that may lie beyond the last measured step (upper end of the
95 % interval) exceeds this share of the rise seen, and three standard errors of a score."""

ENOUGH_POINTS = 5
"""Distinct steps needed for a fit of four numbers to be tested by anything."""


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """What the points of one model do beyond noise.

    Args:
        peak: Index of the highest score.
        falls: The score falls from its peak to a later point by more than noise.
        rises: Some later score exceeds the first by more than noise.
        fall: Largest fall from the peak, in the units of the scores.
        last: Mean of the last two scores.
    """

    peak: int
    falls: bool
    rises: bool
    fall: float
    last: float


def pattern(score: FloatArray, noise: FloatArray) -> Pattern:
    """Compare the points of one model, two or more.

    Args:
        score: Scores in the order of their steps.
        noise: Standard errors of the same.
    """
    count, peak = len(score), int(score.argmax())
    fall = (score[peak] - score[peak:]) / np.hypot(noise[peak], noise[peak:])
    rise = (score - score[0]) / np.hypot(noise, noise[0])
    return Pattern(
        peak=peak,
        falls=bool(fall.max() > -ndtri(FALSE_ALARM / (count * (count - 1) / 2))),  # any pair could have been the peak's
        rises=bool(rise.max() > -ndtri(FALSE_ALARM / (count - 1))),
        fall=float(score[peak] - score[peak:].min()),
        last=float(score[-2:].mean()),
    )


def estimated_chance(means: FloatArray, gains: BoolArray) -> float | None:
    """Chance level read from the file: where two or more models without a gain share the lowest level.

    One model alone at the bottom is no evidence of chance; two together at a floor that no model undercuts are.

    Args:
        means: Mean score of each model, rescaled to [0, 1].
        gains: Whether its score moves beyond noise.
    """
    still = means[~gains]
    if not still.size:
        return None
    lowest = still[still <= means.min() + CHANCE_MARGIN]
    return float(lowest.mean()) if len(lowest) >= 2 else None


def at_chance(mean: float, rises: bool, chance: float | None) -> bool:
    """Whether a model never rises and sits within ``CHANCE_MARGIN`` of (or below) the chance level; [0, 1] scores."""
    return chance is not None and not rises and mean <= chance + CHANCE_MARGIN


def collapses(found: Pattern, score: FloatArray, base: float) -> bool:
    """Whether a model that forgets ends near ``base`` (chance), or near where its rise began."""
    first, peak = float(score[0]), float(score[found.peak])
    near_base = peak > base and found.last - base < COLLAPSE_SHARE * (peak - base)
    lost_gain = found.rises and found.last - first < COLLAPSE_SHARE * (peak - first)
    return found.falls and (near_base or lost_gain)


def poor_fit(chi2: Float[FloatArray, " models"], freedom: Float[FloatArray, " models"]) -> Bool[BoolArray, " models"]:
    """Whether the residuals are larger than the stated standard errors allow; never without degrees of freedom."""
    return (freedom > 0) & np.less(chdtrc(np.maximum(freedom, 1), chi2), POOR_FIT_PROBABILITY)


def smoothed_peak(score: FloatArray, noise: FloatArray) -> int:
    """Index of the peak of the rising-then-falling sequence closest to the scores in weighted squares.

    The highest of many noisy scores is partly luck; pooling neighbours by isotonic regression on either side keeps one
    lucky point from being taken for the peak.
    """
    weight = noise**-2.0

    def misfit(peak: int) -> float:
        left, right = slice(0, peak + 1), slice(peak, None)
        up = np.asarray(isotonic_regression(score[left], weights=weight[left]).x)
        down = np.asarray(isotonic_regression(score[right], weights=weight[right], increasing=False).x)
        curve = np.r_[up[:-1], max(up[-1], down[0]), down[1:]]
        return float((weight * (score - curve) ** 2).sum())

    return min(range(len(score)), key=misfit)
