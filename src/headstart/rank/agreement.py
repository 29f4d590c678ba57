"""How far two rankings agree."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray


def kendall_tau(
    a: Float[FloatArray, "*batch models"], b: Float[FloatArray, "*batch models"]
) -> Float[FloatArray, "*batch"]:
    """Kendall's tau-a between the orders of two score vectors, over a batch; the same as `tau_a`.

    (Concordant - discordant pairs) / all pairs. Pairs tied in either count as neither concordant nor discordant, so
    with ties the value stays below 1 even between a vector and itself; `tau_b` corrects for that.
    ``scipy.stats.kendalltau`` takes one pair of vectors at a time; this takes all posterior draws at once.

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
    first, second = np.triu_indices(n, 1)
    agreement = np.sign(a[..., first] - a[..., second]) * np.sign(b[..., first] - b[..., second])
    return np.asarray(agreement.mean(axis=-1))


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
    first, second = np.triu_indices(n, 1)
    of_a = np.sign(a[..., first] - a[..., second])
    of_b = np.sign(b[..., first] - b[..., second])
    untied = np.abs(of_a).sum(axis=-1) * np.abs(of_b).sum(axis=-1)
    balance = (of_a * of_b).sum(axis=-1)
    return np.asarray(np.where(untied > 0, balance / np.sqrt(np.where(untied > 0, untied, 1)), np.nan))
