"""Rank sets from posterior draws: the orders that hold together in a stated share of the draws."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, frozen, require, require_finite
from headstart.rank.intervals import CONFIDENCE
from headstart.rank.pairs import OrderMatrix
from headstart.rank.rank_sets import RankSets, check_draws, upper_quantile


def rank_sets_from_draws(draws: ArrayLike, *, confidence: float = CONFIDENCE) -> RankSets:
    """Simultaneous credible sets for the ranks of models, from joint draws of their scores.

    Pairs are sorted by their studentised difference: mean of the difference over its standard deviation, both over the
    draws. Ordered are all pairs above the smallest critical value with which all the orders hold *together* in at least
    the stated share of the draws; a draw in which two scores are equal counts against their order. So every rank is
    in its set at once with that posterior probability, up to the number of draws.

    This is a statement about the posterior: it is as good as the model and the prior behind the draws, and promises no
    coverage over repeated measurements. A difference that is the same in every draw, and not 0, is certain here.

    Args:
        draws: Draws x models, higher is better; the draws of one row belong together.
        confidence: Posterior probability that all sets hold at once, in (0, 1).

    Raises:
        InputError: Draws that are not finite, or too few for the confidence.

    >>> rng = np.random.default_rng(0)
    >>> sets = rank_sets_from_draws(np.array([2.0, 0.0, 0.1]) + 0.3 * rng.standard_normal((400, 3)))
    >>> sets.best.tolist(), sets.worst.tolist()
    ([1, 2, 2], [1, 3, 3])
    """
    scores = np.asarray(draws, dtype=np.float64)
    require(scores.ndim == 2 and scores.shape[1] > 0, "draws", "draws x models with at least one model", scores.shape)
    require_finite("draws", scores)
    check_draws(confidence, len(scores))
    n = scores.shape[1]
    means = scores.mean(axis=0)
    order = np.argsort(-means, kind="stable")
    drawn = np.asfortranarray(scores[:, order])
    contradicted = np.zeros(len(scores))
    for j in range(n - 1):
        difference = drawn[:, j, None] - drawn[:, j + 1 :]
        against = np.where(difference <= 0, _studentised(difference), 0.0).max(axis=1)
        np.maximum(contradicted, against, out=contradicted)
    critical = upper_quantile(contradicted, confidence)
    ahead = np.zeros((n, n), dtype=np.bool_)
    for j in range(n - 1):
        ahead[order[j], order[j + 1 :]] = _studentised(drawn[:, j, None] - drawn[:, j + 1 :]) > critical
    return RankSets(
        estimates=frozen(means),
        orders=OrderMatrix(ahead=ahead),
        critical_value=critical,
        confidence=confidence,
        claim="credible",
        n_draws=len(scores),
    )


def _studentised(difference: Float[FloatArray, "draws models"]) -> Float[FloatArray, " models"]:
    """Mean over standard deviation, at least 0; infinite where every draw is the same and above 0."""
    mean, spread = difference.mean(axis=0), difference.std(axis=0)
    same = np.ptp(difference, axis=0) == 0
    ratio = mean / np.where(same, 1.0, spread)
    return np.where(same, np.where(difference[0] > 0, np.inf, 0.0), np.maximum(ratio, 0.0))
