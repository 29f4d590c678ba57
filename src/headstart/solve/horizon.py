"""Beyond which level a pair of models is settled for ever, so that a search over all levels can end.

Once the curve with the higher ceiling has passed the other's ceiling, the lower model is behind and can
never catch up, at any level from there on. Curves that share a ceiling are compared by how fast they
approach it, lines by their slopes. See docs/theory, "The horizon".
"""

from __future__ import annotations

import numpy as np

from headstart.contest.arrays import FloatArray, IntArray
from headstart.contest.contest import Contest
from headstart.contest.tables import CurveTable, twins


def settled_beyond(contest: Contest, i: IntArray, k: IntArray) -> FloatArray:
    """Level from which no sign that stability depends on changes any more, for each pair.

    The signs are those of ``score_i(D + E) - score_k(D)`` and of the same with i and k exchanged, for every
    effort E up to the most that a reward could ever pay for.

    Args:
        contest: The contest; its own level is not used.
        i: One model of each pair, shape (pairs,).
        k: The other, shape (pairs,).

    Returns:
        Steps, shape (pairs,); ``inf`` where it is beyond floating point, ``nan`` where no argument is known.
    """
    most = np.minimum(contest.max_effort, contest.costs.effort_at(contest.rewards[0] - contest.rewards[-1]))
    curves = contest.curves
    ceiling_i, ceiling_k = curves.ceiling[i], curves.ceiling[k]
    result = np.full(i.size, np.nan)
    differ = ceiling_i != ceiling_k
    low, high = np.where(ceiling_i < ceiling_k, i, k), np.where(ceiling_i < ceiling_k, k, i)
    result[differ] = _passes_ceiling(curves, low[differ], high[differ])
    same = ~differ
    result[same] = _same_ceiling(curves, i[same], k[same], most)
    result[twins(curves, i, k)] = 0.0  # identical for ever
    return result


def _passes_ceiling(curves: CurveTable, low: IntArray, high: IntArray) -> FloatArray:
    ceiling = curves.ceiling[low]
    top = curves.ceiling[high]
    with np.errstate(invalid="ignore"):
        shortfall = np.where(np.isfinite(top), top - ceiling, np.inf)
    return curves.take(high).effort_to_exceed(ceiling, shortfall)


def _same_ceiling(curves: CurveTable, i: IntArray, k: IntArray, most: FloatArray) -> FloatArray:
    result = np.full(i.size, np.nan)
    a, b = curves.take(i), curves.take(k)
    ceiling = a.ceiling
    finite = np.isfinite(ceiling)
    # a curve that attains the common ceiling is ahead, or level with the other, from there on
    attained = np.fmin(np.where(finite, _attains(a, ceiling), np.inf), np.where(finite, _attains(b, ceiling), np.inf))
    both = np.fmax(np.where(finite, _attains(a, ceiling), np.inf), np.where(finite, _attains(b, ceiling), np.inf))
    result = np.where(np.isfinite(attained), np.where(np.isfinite(both), both, attained), np.nan)
    for index, family in enumerate(curves.families):
        own = np.flatnonzero((curves.family[i] == index) & (curves.family[k] == index) & np.isnan(result))
        if not own.size:
            continue
        first, second = curves.row[i[own]], curves.row[k[own]]
        spend = np.maximum(most[i[own]], most[k[own]])
        result[own] = family.settled(first, second, spend)
    return result


def _attains(curves: CurveTable, ceiling: FloatArray) -> FloatArray:
    return curves.effort_to_reach(ceiling, np.zeros(ceiling.size))
