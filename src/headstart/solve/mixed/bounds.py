"""Which positions a developer may sensibly choose: everything else is dominated and left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.solve.mixed.axis import ScoreAxis

ROUNDS = 100
"""Enough rounds of elimination for any real contest; stopping early leaves dominated positions in, no harm."""
NUDGE = 1e-10
"""Just above a rival's last position, as a share of the range of positions."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bounds:
    """The interval of positions that is left to each developer.

    Args:
        low: Position that costs nothing (the head start), shape (models,).
        high: Last position worth its cost, shape (models,); equal to ``low`` for a developer that never tunes.
        low_effort: Effort at ``low``, in steps: 0, or what is free.
        high_effort: Effort at ``high``, in steps.
        capped: Whether a cap or a ceiling, not the cost, ends the interval.
        contested: The most that any developer may sensibly spend, in cost units; at most first minus last reward.
    """

    low: Float[FloatArray, " models"]
    high: Float[FloatArray, " models"]
    low_effort: Float[FloatArray, " models"]
    high_effort: Float[FloatArray, " models"]
    capped: Bool[BoolArray, " models"]
    contested: float

    @property
    def active(self) -> Bool[BoolArray, " models"]:
        """Developers with more than one position."""
        return self.high > self.low


def bounds(axis: ScoreAxis) -> Bounds:
    """Eliminate dominated positions until nothing changes.

    A developer never pays more than the best reward still open to it minus the worst it can be held to for
    nothing, and never climbs beyond what passes every rival it can pass at all.

    Source: docs/mixed, "Which positions matter"; the reach of docs/theory, Sec. 9, tightened by iterated dominance.
    """
    contest, n = axis.contest, axis.contest.n
    low_effort = np.minimum(contest.costs.free, contest.max_effort)
    low = np.array([float(axis.position(i, low_effort[i])) for i in range(n)])
    gain = np.full(n, contest.rewards[0] - contest.rewards[-1])
    place = contest.priority
    high, high_effort, capped = _reach(axis, low_effort, low, gain)
    limit = np.full(n, np.inf)
    for _ in range(ROUNDS):
        new_limit = np.minimum(limit, _beyond_rivals(low, high, place))
        best = contest.rewards[_surely_above(low, high, place)]
        worst = contest.rewards[n - 1 - _surely_below(low, high, place)]
        if (best - worst >= gain).all() and (new_limit >= np.minimum(limit, high)).all():
            break
        gain, limit = np.minimum(gain, best - worst), new_limit
        high, high_effort, capped = _reach(axis, low_effort, low, gain)
        clipped = high > np.maximum(limit, low)
        for i in np.flatnonzero(clipped):
            high[i] = max(limit[i], low[i])
            high_effort[i] = max(float(axis.effort(int(i), high[i])), low_effort[i])
    contested = float(contest.costs.cost(high_effort).max())
    return Bounds(
        low=low, high=high, low_effort=low_effort, high_effort=high_effort, capped=capped, contested=contested
    )


def _reach(
    axis: ScoreAxis, low_effort: FloatArray, low: FloatArray, gain: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Last position whose cost does not exceed the gain, its effort, and whether something else ends it."""
    contest = axis.contest
    affordable = np.where(gain > 0, contest.costs.effort_at(gain), low_effort)
    effort = np.maximum(np.minimum(affordable, contest.max_effort), low_effort)
    high, capped = low.copy(), (contest.max_effort < affordable)
    for i in np.flatnonzero(effort > low_effort):
        high[i] = float(axis.position(int(i), effort[i]))
        shortest = float(axis.effort(int(i), high[i]))  # a curve that has gone flat: the rest of the effort is wasted
        capped[i] |= shortest < effort[i] * (1 - 1e-9)
        effort[i] = max(min(shortest, effort[i]), low_effort[i])
    return high, effort, capped & (gain > 0)


def _beyond_rivals(low: FloatArray, high: FloatArray, place: IntArray) -> FloatArray:
    """The least position that beats every rival in reach, wherever it stands; just above where ties are lost."""
    n, scale = high.size, float(np.ptp(np.concatenate([low, high])))
    limit = np.full(n, -np.inf)
    for i in range(n):
        rivals = np.flatnonzero((low <= high[i]) & (np.arange(n) != i))
        if rivals.size:
            limit[i] = high[rivals].max()
            if (place[rivals[high[rivals] == limit[i]]] < place[i]).any():
                limit[i] += NUDGE * scale
    return limit


def _surely_above(low: FloatArray, high: FloatArray, place: IntArray) -> IntArray:
    """Number of rivals that beat i even at i's best."""
    beats = (low[None, :] > high[:, None]) | ((low[None, :] == high[:, None]) & (place[None, :] < place[:, None]))
    np.fill_diagonal(beats, False)
    return beats.sum(axis=1)


def _surely_below(low: FloatArray, high: FloatArray, place: IntArray) -> IntArray:
    """Number of rivals that i beats for nothing."""
    beaten = (high[None, :] < low[:, None]) | ((high[None, :] == low[:, None]) & (place[:, None] < place[None, :]))
    np.fill_diagonal(beaten, False)
    return beaten.sum(axis=1)
