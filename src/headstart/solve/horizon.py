"""Beyond which level a pair of models is settled for ever, so that a search over all levels can end.

Once the curve with the higher ceiling has passed the other's ceiling, the lower model is behind and can
never catch up, at any level from there on. Curves that share a ceiling are compared by how fast they
approach it, lines by their slopes. See docs/theory, "The horizon".
"""

from __future__ import annotations

import numpy as np

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.contest import Contest
from headstart.contest.curves import Exponential, Linear, LogitPower
from headstart.contest.tables import CurveTable, twins

LARGEST_LOG_LEVEL = 600.0
"""Levels are searched up to exp(600) steps; floating point ends shortly after."""


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
        match family:
            case LogitPower():
                result[own] = _logit_power(family.take(first), family.take(second), spend)
            case Exponential():
                result[own] = _exponential(family.take(first), family.take(second), spend)
            case Linear():
                result[own] = _lines(family.take(first), family.take(second), spend)
            case _:
                pass
    return result


def _attains(curves: CurveTable, ceiling: FloatArray) -> FloatArray:
    return curves.effort_to_reach(ceiling, np.zeros(ceiling.size))


def _lines(a: Linear, b: Linear, spend: FloatArray) -> FloatArray:
    """From where the steeper line leads by more than the other can make up; parallel lines never change."""
    steeper = a.slope > b.slope
    slope, start = np.where(steeper, a.slope, b.slope), np.where(steeper, a.intercept, b.intercept)
    flatter, other = np.where(steeper, b.slope, a.slope), np.where(steeper, b.intercept, a.intercept)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = (other + flatter * spend - start) / (slope - flatter)
    return np.where(slope == flatter, 0.0, np.maximum(level, 0.0))


def _exponential(a: Exponential, b: Exponential, spend: FloatArray) -> FloatArray:
    """Log-shortfalls are lines in the level: the same argument."""
    log_a, log_b = np.log(a.ceiling - a.floor), np.log(b.ceiling - b.floor)
    return _lines(Linear(intercept=-log_a, slope=a.rate), Linear(intercept=-log_b, slope=b.rate), spend)


def _logit_power(a: LogitPower, b: LogitPower, spend: FloatArray) -> FloatArray:
    """Bounds on the log-shortfalls whose difference grows with the level; the level where it turns positive.

    With ``w = log(U - L) - alpha`` the log-shortfall lies between ``w - beta log(1 + e) - log(1 + exp(-z))`` and
    ``w - beta log(1 + e)``. The model that is behind in the end has the smaller beta, or with equal betas the larger w.
    """
    w_a, w_b = np.log(a.U - a.L) - a.alpha, np.log(b.U - b.L) - b.alpha
    a_behind = (a.beta < b.beta) | ((a.beta == b.beta) & (w_a > w_b))
    gap_w = np.where(a_behind, w_a - w_b, w_b - w_a)
    gap_beta = np.abs(a.beta - b.beta)
    alpha, beta = np.where(a_behind, a.alpha, b.alpha), np.where(a_behind, a.beta, b.beta)

    def certain(u: FloatArray) -> BoolArray:
        overtaking = beta * np.log1p(spend * np.exp(-u))
        return gap_w + gap_beta * u - overtaking - np.logaddexp(0.0, -(alpha + beta * u)) > 0

    low, high = np.zeros(spend.size), np.full(spend.size, LARGEST_LOG_LEVEL)
    settles = certain(high)
    for _ in range(60):
        middle = (low + high) / 2
        yes = certain(middle)
        low, high = np.where(yes, low, middle), np.where(yes, middle, high)
    never_known = (gap_beta == 0) & (gap_w == 0)  # equal to first order; twins are told apart by the caller
    return np.where(never_known, np.nan, np.where(settles, np.expm1(high), np.inf))
