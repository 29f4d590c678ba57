"""Beyond which level a pair of models is settled for ever, so that a search over all levels can end.

Once the curve with the higher ceiling has passed the other's ceiling, the lower model is behind and can
never catch up, at any level from there on. Curves that share a ceiling are compared by how fast they
approach it, lines by their slopes. See docs/theory, "The horizon".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.contest import Contest
from headstart.contest.curves import Exponential, LogitPower
from headstart.contest.tables import CurveTable, twins

PAIRS_AT_ONCE = 100_000
"""Pairs per batch, so that memory does not grow as their number: changes no answer."""


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """How far a search over all levels must go.

    Args:
        level: Level beyond which no sign changes any more, for all pairs for which there is one, in steps.
        unsettled: A pair for which there is none; None if all are settled.
        beyond: Whether that pair is settled, but at a level beyond floating point.
    """

    level: float
    unsettled: tuple[int, int] | None
    beyond: bool


def horizon_of(contest: Contest) -> Horizon:
    """The horizon of all pairs, looked at in batches."""
    level, unsettled, beyond, n = 0.0, None, False, contest.n
    for start in range(0, n * (n - 1) // 2, PAIRS_AT_ONCE):
        number = np.arange(start, min(start + PAIRS_AT_ONCE, n * (n - 1) // 2))
        i = ((1 + np.sqrt(1.0 + 8.0 * number)) / 2).astype(np.int64)
        i += (i * (i + 1) // 2 <= number).astype(np.int64) - (i * (i - 1) // 2 > number)  # where the root was rounded
        k = number - i * (i - 1) // 2
        settled = settled_beyond(contest, i, k)
        finite = np.isfinite(settled)
        level = max(level, float(np.max(settled, where=finite, initial=0.0)))
        open_ = np.flatnonzero(np.isnan(settled))
        if not open_.size:
            open_ = np.flatnonzero(~finite)
        if open_.size and (unsettled is None or (beyond and np.isnan(settled[open_[0]]))):
            unsettled, beyond = (int(i[open_[0]]), int(k[open_[0]])), bool(np.isinf(settled[open_[0]]))
    return Horizon(level=level, unsettled=unsettled, beyond=beyond)


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
    for index, family in enumerate(curves.families):
        for other, law in enumerate(curves.families):
            if not isinstance(family, Exponential) or not isinstance(law, LogitPower):
                continue
            for fast, slow in ((i, k), (k, i)):
                own = np.flatnonzero((curves.family[fast] == index) & (curves.family[slow] == other) & np.isnan(result))
                rows = family.take(curves.row[fast[own]]), law.take(curves.row[slow[own]])
                result[own] = _exponential_settles(*rows, most[slow[own]])
    return result


def _exponential_settles(fast: Exponential, slow: LogitPower, spend: FloatArray) -> FloatArray:
    """From where an exponential stays nearer to a common ceiling than a power law gets with ``spend`` more effort.

    The logarithm of the exponential's shortfall falls by ``rate`` a step, that of the power law's by at most
    ``beta/(1 + D + spend)``: once the latter is no more than the former, the difference of the two only grows.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        low = np.maximum(slow.beta / fast.rate - 1.0 - spend, 0.0)
        start = np.log(fast.top - fast.floor)

        def ahead(level: FloatArray) -> BoolArray:
            odds = slow.alpha + slow.beta * np.log1p(level + spend)
            return np.log(slow.U - slow.L) - np.logaddexp(0.0, odds) - (start - fast.rate * level) > 0

        high = np.maximum(2 * low, 1.0)
        for _ in range(200):
            high = np.where(ahead(high), high, 2 * high)
        settles = ahead(high)
        for _ in range(60):
            middle = (low + high) / 2
            yes = ahead(middle)
            low, high = np.where(yes, low, middle), np.where(yes, middle, high)
    known = settles & np.isfinite(spend) & (fast.top > fast.floor) & (slow.U > slow.L)
    return np.where(known, high, np.nan)


def _attains(curves: CurveTable, ceiling: FloatArray) -> FloatArray:
    return curves.effort_to_reach(ceiling, np.zeros(ceiling.size))
