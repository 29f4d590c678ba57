"""How far two rankings agree."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.stats import kendalltau

from headstart.contest.arrays import FloatArray

MANY = 150
"""Models from which pairs are counted by sorting, one element of the batch at a time: n log n instead of n^2."""


def kendall_tau(
    a: Float[FloatArray, "*batch models"], b: Float[FloatArray, "*batch models"]
) -> Float[FloatArray, "*batch"]:
    """Kendall's tau-a between the orders of two score vectors, over a batch; the same as `tau_a`.

    (Concordant - discordant pairs) / all pairs. Pairs tied in either count as neither concordant nor discordant, so
    with ties the value stays below 1 even between a vector and itself; `tau_b` corrects for that.
    ``scipy.stats.kendalltau``, used for many models, takes one pair of vectors at a time; of few models all posterior
    draws are taken at once.

    Args:
        a: Scores.
        b: Scores of the same models.

    Returns:
        In [-1, 1]; nan with fewer than two models.

    >>> float(kendall_tau(np.array([3.0, 2.0, 1.0]), np.array([3.0, 1.0, 2.0])))
    0.3333333333333333
    """
    n = a.shape[-1]
    if n < 2:
        return np.full(np.broadcast_shapes(a.shape, b.shape)[:-1], np.nan)
    if n >= MANY:
        return _by_sorting(a, b)
    first, second = np.triu_indices(n, 1)
    agreement = np.sign(a[..., first] - a[..., second]) * np.sign(b[..., first] - b[..., second])
    return np.asarray(agreement.mean(axis=-1))


def _by_sorting(
    a: Float[FloatArray, "*batch models"], b: Float[FloatArray, "*batch models"]
) -> Float[FloatArray, "*batch"]:
    """Tau-a from scipy's tau-b, whose numerator it shares."""
    a, b = np.broadcast_arrays(a, b)
    n = a.shape[-1]
    pairs = n * (n - 1) // 2
    found = np.empty(a.shape[:-1])
    for at in np.ndindex(found.shape):
        untied = math.sqrt(pairs - _tied_pairs(a[at])) * math.sqrt(pairs - _tied_pairs(b[at]))
        # undefined where all scores of one vector are equal: no pair is concordant then
        found[at] = round(_tau_b_of(a[at], b[at]) * untied) / pairs if untied > 0 else 0.0
    return found


def _tau_b_of(a: Float[FloatArray, " models"], b: Float[FloatArray, " models"]) -> float:
    return float(kendalltau(a, b).statistic)


def _tied_pairs(scores: Float[FloatArray, " models"]) -> int:
    """Pairs of models with the same score."""
    count = np.unique(scores, return_counts=True)[1]
    return int((count * (count - 1) // 2).sum())


def tau_a(a: Float[FloatArray, "*batch models"], b: Float[FloatArray, "*batch models"]) -> Float[FloatArray, "*batch"]:
    """Kendall's tau-a, over a batch: (concordant - discordant pairs) / all pairs.

    Args:
        a: Scores.
        b: Scores of the same models.

    Returns:
        In [-1, 1]; nan with fewer than two models.

    Source: Kendall (1938), A New Measure of Rank Correlation, Biometrika 30.

    >>> float(tau_a(np.array([2.0, 2.0, 1.0]), np.array([2.0, 2.0, 1.0])))
    0.6666666666666666
    """
    return kendall_tau(a, b)


def tau_b(a: Float[FloatArray, "*batch models"], b: Float[FloatArray, "*batch models"]) -> Float[FloatArray, "*batch"]:
    """Kendall's tau-b, over a batch: tau-a with the pairs tied in either vector taken out of its denominator.

    (Concordant - discordant) / sqrt(pairs not tied in a * pairs not tied in b). Without ties it equals tau-a.

    Args:
        a: Scores.
        b: Scores of the same models.

    Returns:
        In [-1, 1]; nan where all models are tied in one vector, and with fewer than two models.

    Source: Kendall (1945), The Treatment of Ties in Ranking Problems, Biometrika 33.

    >>> float(tau_b(np.array([2.0, 2.0, 1.0]), np.array([2.0, 2.0, 1.0])))
    1.0
    """
    n = a.shape[-1]
    if n < 2:
        return np.full(np.broadcast_shapes(a.shape, b.shape)[:-1], np.nan)
    if n >= MANY:
        a, b = np.broadcast_arrays(a, b)
        each = [_tau_b_of(a[at], b[at]) for at in np.ndindex(a.shape[:-1])]
        return np.array(each).reshape(a.shape[:-1])
    first, second = np.triu_indices(n, 1)
    of_a = np.sign(a[..., first] - a[..., second])
    of_b = np.sign(b[..., first] - b[..., second])
    untied = np.abs(of_a).sum(axis=-1) * np.abs(of_b).sum(axis=-1)
    balance = (of_a * of_b).sum(axis=-1)
    return np.asarray(np.where(untied > 0, balance / np.sqrt(np.where(untied > 0, untied, 1)), np.nan))
