"""How much of a model's noise nobody can foresee, however much is known of the others' noise."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.solve.incentive.noise import ScoreNoise


def own_noise_sd(noise: ScoreNoise, n: int) -> Float[FloatArray, "*batch models"]:
    """Standard deviation of each model's noise relative to the field, given the differences among the others.

    Ranks depend on differences of noises only. Given all differences among the others, the noise of model i relative to
    any one of them is normal with this standard deviation; 0 where the others' noise determines it.

    Args:
        noise: Of one field, or of a batch.
        n: Number of models.

    Source: docs/theory, "Dominance".

    >>> own_noise_sd(ScoreNoise.common(0.01), 2).round(6).tolist()  # with one rival: of the difference
    [0.01, 0.01]
    """
    if n < 2:
        return np.zeros((*noise.sd.shape[: max(noise.sd.ndim - 2, 0)], n))
    own = noise.own_sd(n)
    if own is not None:
        return _independent(own)
    squared = noise.difference_sd(n) ** 2
    flat = squared.reshape(-1, n, n)
    return np.sqrt(np.stack([_from_differences(one) for one in flat])).reshape(squared.shape[:-1])


def _independent(sd: FloatArray) -> FloatArray:
    """The own variance and that of the best weighted mean of the others."""
    with np.errstate(divide="ignore"):
        weight = 1.0 / sd**2
    sure = ~np.isfinite(weight)
    others = np.where(sure, 0.0, weight).sum(axis=-1, keepdims=True) - np.where(sure, 0.0, weight)
    known = sure.sum(axis=-1, keepdims=True) - sure > 0  # another model without noise is a fixed mark
    with np.errstate(divide="ignore"):
        rest = np.where(known, 0.0, 1.0 / others)
    return np.sqrt(sd**2 + rest)


def _from_differences(squared: Float[FloatArray, "models models"]) -> Float[FloatArray, " models"]:
    """1 / diagonal of the inverse of the covariance of the differences to one model, rounded down."""
    n = squared.shape[0]
    result = np.empty(n)
    for i in range(n):
        mark = 0 if i else 1
        kept = np.array([i, *(k for k in range(n) if k not in (i, mark))])
        to_mark = squared[kept, mark]
        covariance = (to_mark[:, None] + to_mark - squared[np.ix_(kept, kept)]) / 2
        covariance[np.diag_indices(n - 1)] = to_mark
        others: FloatArray = covariance[1:, 1:]
        shared: FloatArray = covariance[0, 1:]
        explained = 0.0
        if n > 2:
            explained = float(shared @ np.linalg.pinv(others, rcond=1e-12, hermitian=True) @ shared)
        whole = float(to_mark[0])
        left = whole - explained
        result[i] = left if left > 1e-9 * whole else 0.0  # less cannot be told from nothing
    return result
