"""How far two rankings agree."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray


def kendall_tau(
    a: Float[FloatArray, "*batch models"], b: Float[FloatArray, "*batch models"]
) -> Float[FloatArray, "*batch"]:
    """Kendall's tau-a between the orders of two score vectors, over a batch.

    Pairs tied in either count as neither concordant nor discordant. ``scipy.stats.kendalltau`` takes one pair of
    vectors at a time; this takes all posterior draws at once.

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
