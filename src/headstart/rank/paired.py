"""Two models on the same items: how large the difference is, and whether chance explains it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest
from scipy.stats import t as student

from headstart.contest.arrays import FloatArray, require, require_finite
from headstart.rank.intervals import CONFIDENCE
from headstart.rank.units import units_of

SAME = 1e-14
"""Differences that vary less than this share of the scores are the same on every item."""


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """The difference of two means over the same items.

    Args:
        difference: Mean of the first model minus mean of the second.
        stderr: Its standard error; 0 where the difference is the same on every item.
        low, high: Confidence interval; nan where the standard error is 0, for then the items do not tell the noise.
        p_value: Two-sided, of no difference; nan where the standard error is 0 and the difference is not.
        confidence: Of the interval.
        n_items: Items.
        n_units: Independent units among them: clusters, or the items themselves.
    """

    difference: float
    stderr: float
    low: float
    high: float
    p_value: float
    confidence: float
    n_items: int
    n_units: int


@dataclass(frozen=True, kw_only=True)
class SignTest:
    """Which of two models is better on more units, tested without any assumption on the size of the differences.

    Args:
        better: Units on which the first model has the higher score.
        worse: Units on which the second has.
        equal: Units on which they score the same; they say nothing and are left out.
        p_value: Exact and two-sided; 1 where no unit differs.
    """

    better: int
    worse: int
    equal: int
    p_value: float


def mean_stderr(scores: ArrayLike, *, clusters: ArrayLike | None = None) -> Float[FloatArray, "*models"]:
    """Standard error of the mean score over the items, of one model or of each.

    Args:
        scores: Items, or models x items; no missing values.
        clusters: Cluster of each item, any labels; None: the items are independent.

    Raises:
        InputError: Missing or infinite scores, labels that do not fit, fewer than two items or clusters.

    Source: cluster-robust variance of a mean with the factor m / (m - 1) for m clusters; Miller (2024), Adding Error
    Bars to Evals, arXiv 2411.00640, section 2.2.

    >>> one = [1, 0, 1, 1, 0, 1, 0, 1]
    >>> float(mean_stderr(one).round(3)), float(mean_stderr(one * 4, clusters=list(range(8)) * 4).round(3))
    (0.183, 0.183)
    """
    values = np.asarray(scores, dtype=np.float64)
    require(values.ndim in (1, 2) and values.shape[-1] > 0, "scores", "items, or models x items", values.shape)
    require_finite("scores", values)
    n_items = values.shape[-1]
    units = units_of(clusters, n_items)
    require(len(units) >= 2, "scores", "on at least two items or clusters", len(units))
    sums = units.sums(values - values.mean(axis=-1, keepdims=True))
    return np.asarray(np.sqrt(len(units) / (len(units) - 1.0) * (sums**2).sum(axis=-1)) / n_items)


def paired_difference(
    a: ArrayLike, b: ArrayLike, *, clusters: ArrayLike | None = None, confidence: float = CONFIDENCE
) -> PairedDifference:
    """The mean difference of two models over the items that both answered, with its error.

    The difference is taken item by item, so that what makes an item hard for both models does not count as noise. Its
    interval is that of Student's t with one degree of freedom less than there are units. For many models at once use
    `rank_sets_from_items`: intervals of single pairs do not hold together.

    Args:
        a: Score of the first model on every item.
        b: Score of the second on the same items.
        clusters: Cluster of each item (items of one passage, say), any labels; None: the items are independent.
        confidence: Of the interval, in (0, 1).

    Raises:
        InputError: Scores of different lengths, missing or infinite ones, fewer than two items or clusters.

    Source: Miller (2024), Adding Error Bars to Evals, arXiv 2411.00640, sections 2.2 and 3.2.

    >>> found = paired_difference([1, 1, 1, 0, 1, 1] * 20, [1, 0, 1, 0, 1, 1] * 20)
    >>> round(found.difference, 3), round(found.stderr, 3), found.p_value < 1e-5
    (0.167, 0.034, True)
    """
    first, second = _pair(a, b)
    require(0 < confidence < 1, "confidence", "between 0 and 1", confidence)
    values = first - second
    n_items = len(values)
    n_units = len(units_of(clusters, n_items))
    difference = float(values.mean())
    size = max(float(np.abs(first).max()), float(np.abs(second).max()))
    constant = bool(np.abs(values - difference).max() <= SAME * size)
    stderr = 0.0 if constant and n_units >= 2 else float(mean_stderr(values, clusters=clusters))
    if stderr == 0:
        none = abs(difference) <= SAME * size
        low, high, p_value = math.nan, math.nan, 1.0 if none else math.nan
    else:
        law = student(n_units - 1)
        half = float(law.ppf((1 + confidence) / 2)) * stderr
        low, high, p_value = difference - half, difference + half, float(2 * law.sf(abs(difference) / stderr))
    return PairedDifference(
        difference=difference,
        stderr=stderr,
        low=low,
        high=high,
        p_value=p_value,
        confidence=confidence,
        n_items=n_items,
        n_units=n_units,
    )


def sign_test(a: ArrayLike, b: ArrayLike, *, clusters: ArrayLike | None = None) -> SignTest:
    """Exact test of whether two models are better equally often; of right and wrong answers it is McNemar's exact test.

    If on every unit the two models were as likely to be ahead, the number of units on which the first is would be
    binomial among those on which they differ. With clusters a unit is a cluster, and the sum over its items decides.

    Args:
        a: Score of the first model on every item.
        b: Score of the second on the same items.
        clusters: Cluster of each item, any labels; None: the items are independent.

    Raises:
        InputError: Scores of different lengths, missing or infinite ones, labels that do not fit.

    Source: McNemar (1947), Psychometrika 12; Conover (1999), Practical Nonparametric Statistics, sections 3.4 and 3.5.

    >>> sign_test([1, 1, 1, 1, 1, 1, 0, 1], [0, 0, 0, 1, 0, 0, 0, 0])
    SignTest(better=6, worse=0, equal=2, p_value=0.03125)
    """
    first, second = _pair(a, b)
    difference = first - second
    difference[np.abs(difference) <= SAME * np.maximum(np.abs(first), np.abs(second))] = 0.0
    sums = units_of(clusters, len(first)).sums(difference)
    if clusters is not None:  # what rounding leaves of scores that cancel
        sizes = units_of(clusters, len(first)).sums(np.abs(first) + np.abs(second))
        sums[np.abs(sums) <= SAME * sizes] = 0.0
    better, worse = int((sums > 0).sum()), int((sums < 0).sum())
    p_value = float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
    return SignTest(better=better, worse=worse, equal=len(sums) - better - worse, p_value=p_value)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[Float[FloatArray, " items"], Float[FloatArray, " items"]]:
    first, second = (np.asarray(values) for values in (a, b))
    for name, values in (("a", first), ("b", second)):
        _check_scores(name, values)
    require(first.shape == second.shape, "b", f"of shape {first.shape} as a is", second.shape)
    return first.astype(np.float64), second.astype(np.float64)


def _check_scores(name: str, values: NDArray[Any]) -> None:
    require(values.ndim == 1 and len(values) > 0, name, "one score for each of at least one item", values.shape)
    require(values.dtype.kind in "biuf", name, "numbers", values.dtype)
    require(bool(np.isfinite(values).all()), name, "finite on every item", "missing or infinite values")
