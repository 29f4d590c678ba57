"""Rank sets where the noise of some scores is unknown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.rank.intervals import CONFIDENCE
from headstart.rank.pairs import OrderMatrix
from headstart.rank.rank_sets import RankSets, rank_sets_from_estimates


def rank_sets_where_known(
    estimates: Float[FloatArray, " models"],
    standard_errors: Float[FloatArray, " models"],
    *,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> RankSets | None:
    """Rank sets as `rank_sets_from_estimates`; a model without a standard error is ordered with no other.

    Args:
        estimates: One score a model, higher is better.
        standard_errors: One a model; nan where unknown.
        confidence: Probability that all sets hold at once, in (0, 1).
        seed: Of the draws.

    Returns:
        None where no standard error is known.

    Raises:
        InputError: As `rank_sets_from_estimates`.

    >>> sets = rank_sets_where_known(np.array([0.9, 0.8, 0.1]), np.array([0.01, np.nan, 0.01]))
    >>> sets.best.tolist(), sets.worst.tolist()
    ([1, 1, 2], [2, 3, 3])
    """
    known = np.flatnonzero(~np.isnan(standard_errors))
    if not known.size:
        return None
    found = rank_sets_from_estimates(
        estimates[known], standard_errors=standard_errors[known], confidence=confidence, seed=seed
    )
    if known.size == estimates.size:
        return found
    ahead = np.zeros((estimates.size, estimates.size), dtype=np.bool_)
    ahead[np.ix_(known, known)] = found.ahead
    return replace(found, estimates=estimates.copy(), orders=OrderMatrix(ahead=ahead))
