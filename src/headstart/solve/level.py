"""At which tune-before-test levels nobody tuning is an equilibrium: the stable set, and the stabilising level.

Every boundary of the stable set is a zero of ``score_i(D + E) - score_k(D)``, where E is the effort that a reward
gap is worth to i. Scores never fall, so on a range of levels each such difference is enclosed by its values
at the two ends: a range is proved stable, proved unstable, or halved. Nothing is read off a grid. Beyond the
horizon (horizon.py) no sign changes any more, so the search is finite and "no level is enough" is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.compare import Standing, lead_of
from headstart.contest.contest import Contest
from headstart.contest.curves.logit_power import LARGEST_LOG_LEVEL
from headstart.contest.tables import twins
from headstart.solve.horizon import settled_beyond
from headstart.solve.pure import Proof

Status = Literal["zero", "finite", "infinite", "union", "unknown"]

RESOLUTION = 1e-10
"""Boundaries are located to this width in log(1 + level) unless asked otherwise."""

CLEARANCES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Distances beyond the horizon, in log(1 + level), at which the search may end."""

CELLS_AT_ONCE = 200_000
"""Pair evaluations per batch, few enough to stay in the processor's cache: changes no answer."""

MOST_CELLS = 20_000
"""Undecided ranges at one time after which a whole stretch of levels, not a boundary, must be undecidable."""

MOST_PAIR_EVALUATIONS = 100_000_000
"""Work, about half a minute of it, after which the search gives up and says so."""


@dataclass(frozen=True, kw_only=True)
class StabilisingLevel:
    """The levels at which nobody tuning is an equilibrium.

    Args:
        status: ``zero`` (every level), ``finite`` (exactly the levels from ``level`` on), ``infinite`` (no level),
            ``union`` (several intervals, or one that ends) or ``unknown``.
        level: Least level from which on stability lasts, in steps; None if there is none or it is not known.
        intervals: The stable levels, as (low, high) with high None when unbounded.
        proof: ``numeric``: rounding is bounded by ``contest.compare.ROUNDING``, not enclosed.
        reason: The status in one sentence.
    """

    status: Status
    level: float | None
    intervals: tuple[tuple[float, float | None], ...]
    proof: Proof
    reason: str


def stabilising_level(contest: Contest, *, resolution: float = RESOLUTION) -> StabilisingLevel:
    """Find the stable set of levels.

    The contest's own level is not used. With free effort the question is whether everybody using exactly its
    free effort is an equilibrium (Prop. E).

    Args:
        contest: The contest.
        resolution: Width in log(1 + level) to which boundaries are located, ``> 0``; what is undecided on so narrow a
            range is not counted stable.

    Source: docs/theory, Props. B and D, "The stability map" and "The horizon".

    >>> from headstart.contest import *
    >>> curves = LogitPower(L=0.0, U=1.0, alpha=[0.5, 0.0], beta=[1.0, 1.0])
    >>> contest = Contest(names=("a", "b"), curves=CurveTable.batch(curves, 2),
    ...                   costs=CostTable.batch(PowerCost(), 2), rewards=[3.0, 0.0])
    >>> found = stabilising_level(contest)  # e^(1/2) (1 + D) - (1 + D) = 3
    >>> found.status, round(found.level, 6)
    ('finite', 3.624482)
    """
    if contest.n == 1 or contest.rewards[0] == contest.rewards[-1]:
        return StabilisingLevel(
            status="zero",
            level=0.0,
            intervals=((0.0, None),),
            proof="numeric",
            reason="there is nothing to compete for",
        )
    i, k = np.tril_indices(contest.n, -1)
    settled = settled_beyond(contest, i, k)
    known = np.isfinite(settled)
    largest = float(np.max(settled, where=known, initial=0.0))
    game = _Game.of(contest)
    log_end, tail = _end_of_search(game, largest)
    if not known.all():
        tail = 0
    cells = _search(game, log_end, resolution)
    return _describe(cells, log_end, tail, all_known=bool(known.all()))


@dataclass(frozen=True, kw_only=True)
class _Game:
    """The parts of a contest that the search needs; efforts in steps."""

    contest: Contest
    free: FloatArray
    twin: BoolArray  # (models, models): one curve, one free effort
    same_curve: BoolArray

    @classmethod
    def of(cls, contest: Contest) -> _Game:
        n = contest.n
        i, k = (index.ravel() for index in np.indices((n, n)))
        free = np.minimum(contest.costs.free, contest.max_effort)
        same = twins(contest.curves, i, k)
        twin = (same & (free[i] == free[k])).reshape(n, n)
        return cls(contest=contest, free=free, twin=twin, same_curve=same.reshape(n, n))

    def classify(self, low: FloatArray, high: FloatArray) -> IntArray:
        """+1 where every level in [low, high] is stable, -1 where every one is unstable, 0 where that is not proved."""
        at_low, at_high = self._standing(low, self.free), self._standing(high, self.free)
        first = self._first_in_ties(low, high)
        below, possible = self._orders(low, high, at_low, at_high, first)
        best, worst = 1 + below.sum(axis=2), 1 + possible.sum(axis=2)
        stable = ~self._some_overtaking_possible(low, high, at_low, possible, best, worst, first)
        unstable = self._some_overtaking_certain(low, at_high, below, best, worst)
        unstable |= self._some_tie_breaks(low, at_high, possible, best, worst)
        return stable.astype(np.int64) - (unstable & ~stable)

    def _standing(self, level: FloatArray, spent: FloatArray) -> Standing:
        """Where everybody stands at each level with so much effort spent; flat, shape (cells * models,)."""
        everyone = self.contest.curves.take(np.tile(np.arange(self.contest.n), level.size))
        return Standing.of(everyone, (level[:, None] + spent).ravel())

    def _first_in_ties(self, low: FloatArray, high: FloatArray) -> BoolArray:
        """``first[c, i, k]``: i ranks above k at equal scores, all over cell c.

        The rule looks at the scores at the level, before any free effort: with free effort the model that is below may
        be the one that wins ties.
        """
        n = self.contest.n
        listed = np.tri(n, k=-1, dtype=bool).T
        if self.contest.tie_break == "listed":
            return np.broadcast_to(listed, (low.size, n, n))
        untuned = np.zeros(n)
        cell, i, k = (index.ravel() for index in np.indices((low.size, n, n)))
        at_low, at_high = self._standing(low, untuned), self._standing(high, untuned)
        ahead = (lead_of(at_low.take(cell * n + i), at_high.take(cell * n + k)) > 0).reshape(-1, n, n)
        tied = self.same_curve | self._both_flat(cell, i, k, low, high, untuned).reshape(-1, n, n)
        return np.where(tied, listed, ahead)

    def _orders(
        self, low: FloatArray, high: FloatArray, at_low: Standing, at_high: Standing, first: BoolArray
    ) -> tuple[BoolArray, BoolArray]:
        """``below[c, i, k]``: i ranks below k all over cell c; ``possible``: it may somewhere in c."""
        n = self.contest.n
        shape = (low.size, n, n)
        cell, i, k = (index.ravel() for index in np.indices(shape))
        behind = (lead_of(at_high.take(cell * n + i), at_low.take(cell * n + k)) < 0).reshape(shape)
        level_on_plateau = self._both_flat(cell, i, k, low, high, self.free).reshape(shape)
        below = np.where(self.twin | level_on_plateau, first.swapaxes(1, 2), behind)
        return below, ~below.swapaxes(1, 2) & ~np.eye(n, dtype=bool)

    def _both_flat(
        self, cell: IntArray, i: IntArray, k: IntArray, low: FloatArray, high: FloatArray, spent: FloatArray
    ) -> BoolArray:
        """Pairs that stand on plateaus of the same height all over the cell, with so much effort spent: tied."""
        curves, n = self.contest.curves, self.contest.n
        starts = (low[:, None] + spent).ravel()
        ends = (high[:, None] + spent).ravel()
        everyone = curves.take(np.tile(np.arange(n), low.size))
        height = everyone.score(starts)
        flat = (~everyone.rises_at(starts) & (height == everyone.score(ends))).reshape(low.size, n)
        height = height.reshape(low.size, n)
        return flat[cell, i] & flat[cell, k] & (height[cell, i] == height[cell, k])

    def _reach(self, cell: IntArray, i: IntArray, level: FloatArray, gap: FloatArray) -> FloatArray:
        """Total effort of i when it spends all that a reward gap is worth, its cap allowing."""
        return level[cell] + np.minimum(self.contest.costs.take(i).effort_at(gap), self.contest.max_effort[i])

    def _overtakes(
        self, cell: IntArray, i: IntArray, k: IntArray, gap: FloatArray, level: FloatArray, rivals: Standing
    ) -> FloatArray:
        """Lead of i, who starts at ``level`` and spends what ``gap`` is worth, over k, who stands as in ``rivals``."""
        own = Standing.of(self.contest.curves.take(i), self._reach(cell, i, level, gap))
        return lead_of(own, rivals.take(cell * self.contest.n + k))

    def _some_overtaking_possible(
        self,
        low: FloatArray,
        high: FloatArray,
        at_low: Standing,
        possible: BoolArray,
        best: IntArray,
        worst: IntArray,
        first: BoolArray,
    ) -> BoolArray:
        rewards = self.contest.rewards
        gap = rewards[best - 1][:, None, :] - rewards[worst - 1][:, :, None]  # the most i could gain by passing k
        cell, i, k = np.nonzero(possible & (gap > 0))
        if not cell.size:
            return np.zeros(low.size, dtype=bool)
        gain = gap[cell, i, k]
        ahead = self._overtakes(cell, i, k, gain, high, at_low)
        loses = first[cell, k, i]
        if self.contest.tie_break == "capability":
            # without free effort the lower model has the lower score at the level, or is listed later
            loses |= (self.free[i] == 0) & (self.free[k] == 0)
        excluded = (ahead < 0) | ((ahead == 0) & loses & self._draws(cell, i, k, gain, low, high))
        return np.bincount(cell[~excluded], minlength=low.size) > 0

    def _draws(
        self, cell: IntArray, i: IntArray, k: IntArray, gap: FloatArray, low: FloatArray, high: FloatArray
    ) -> BoolArray:
        """Where a lead of 0 is a draw of two plateaus, not a rounding error."""
        curves = self.contest.curves
        own_flat = ~curves.take(i).rises_at(self._reach(cell, i, high, gap))
        rival_flat = ~curves.take(k).rises_at(low[cell] + self.free[k])
        return own_flat & rival_flat

    def _some_overtaking_certain(
        self, low: FloatArray, at_high: Standing, below: BoolArray, best: IntArray, worst: IntArray
    ) -> BoolArray:
        rewards = self.contest.rewards
        gap = rewards[worst - 1][:, None, :] - rewards[best - 1][:, :, None]  # the least i gains by passing k
        cell, i, k = np.nonzero(below & (gap > 0))
        if not cell.size:
            return np.zeros(low.size, dtype=bool)
        ahead = self._overtakes(cell, i, k, gap[cell, i, k], low, at_high) > 0
        # a twin needs only any effort at all
        rises = self.contest.curves.rises_at(np.expm1(LARGEST_LOG_LEVEL))
        ahead |= self.twin[i, k] & rises[i] & (self.contest.max_effort[i] > self.free[i])
        return np.bincount(cell[ahead], minlength=low.size) > 0

    def _some_tie_breaks(
        self, low: FloatArray, at_high: Standing, possible: BoolArray, best: IntArray, worst: IntArray
    ) -> BoolArray:
        """Cells in which two models cross, and whichever is behind can profitably pass the other, at every level."""
        cell, i, k = np.nonzero(possible & possible.swapaxes(1, 2) & np.tri(self.contest.n, k=-1, dtype=bool))
        if not cell.size:
            return np.zeros(low.size, dtype=bool)
        first = np.minimum(best[cell, i], best[cell, k])
        last = np.maximum(worst[cell, i], worst[cell, k])
        gap = _least_step(self.contest.rewards, first, last)
        paid = gap > 0
        cell, i, k, gap = cell[paid], i[paid], k[paid], gap[paid]
        either = self._overtakes(cell, i, k, gap, low, at_high) > 0
        either &= self._overtakes(cell, k, i, gap, low, at_high) > 0
        return np.bincount(cell[either], minlength=low.size) > 0


def _least_step(rewards: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    """Least reward difference between two neighbouring ranks from ``first`` to ``last``."""
    steps = rewards[:-1] - rewards[1:]
    result = np.empty(first.size)
    pairs, where = np.unique(np.stack([first, last]), axis=1, return_inverse=True)
    for index, (a, b) in enumerate(zip(pairs[0], pairs[1], strict=True)):
        result[where == index] = steps[a - 1 : b - 1].min()
    return result


def _end_of_search(game: _Game, horizon: float) -> tuple[float, int]:
    """A level beyond the horizon, in log(1 + level), and whether it is stable.

    Far enough to be clear of the last sign change, but no farther than rounding allows: a saturating score
    underflows at a level that may be a small multiple of the horizon.
    """
    log_end, tail = 0.0, 0
    for clearance in CLEARANCES:
        log_end = min(np.log1p(horizon) + clearance, LARGEST_LOG_LEVEL)
        level = np.array([np.expm1(log_end)])
        tail = int(game.classify(level, level)[0])
        if tail:
            break
    return float(log_end), tail


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """A partition of [0, end] in log(1 + level): starts, and +1 stable, -1 unstable, 0 not decided."""

    start: FloatArray
    kind: IntArray
    gave_up: bool


def _search(game: _Game, log_end: float, resolution: float) -> _Cells:
    pending = np.linspace(0.0, log_end, 33)
    low, high = pending[:-1], pending[1:]
    done: list[tuple[FloatArray, IntArray]] = []
    per_cell = game.contest.n**2
    batch = max(1, CELLS_AT_ONCE // per_cell)
    work = 0
    while low.size and low.size < MOST_CELLS and work < MOST_PAIR_EVALUATIONS:
        parts = [slice(s, s + batch) for s in range(0, low.size, batch)]
        kind = np.concatenate([game.classify(np.expm1(low[p]), np.expm1(high[p])) for p in parts])
        work += low.size * per_cell
        final = (kind != 0) | (high - low <= resolution)
        done.append((low[final], kind[final]))
        middle = (low + high)[~final] / 2
        low, high = np.concatenate([low[~final], middle]), np.concatenate([middle, high[~final]])
    done.append((low, np.zeros(low.size, dtype=np.int64)))
    start = np.concatenate([s for s, _ in done])
    order = np.argsort(start)
    return _Cells(start=start[order], kind=np.concatenate([k for _, k in done])[order], gave_up=bool(low.size))


def _describe(cells: _Cells, log_end: float, tail: int, *, all_known: bool) -> StabilisingLevel:
    """Join the cells into intervals and name the status."""
    intervals = _stable_intervals(cells, log_end, tail)
    status: Status
    level = None
    if cells.gave_up:
        status, reason = "unknown", "the search gave up: too many crossings, or rounding hides whole ranges of levels"
    elif tail == 0:
        status = "unknown"
        reason = "rounding hides very high levels" if all_known else "no argument settles very high levels"
    elif not intervals:
        status, reason = "infinite", "no level is stable: beyond the horizon the deviation that pays never stops paying"
    elif tail < 0:
        status, reason = "union", "some levels are stable, but none from which on stability lasts"
    else:
        level = intervals[-1][0]
        if len(intervals) > 1:
            status, reason = "union", "curves cross: the stable levels are several intervals"
        elif level == 0:
            status, reason = "zero", "nobody tuning is an equilibrium under direct evaluation already"
        else:
            status, reason = "finite", "stable exactly from this level on"
    return StabilisingLevel(status=status, level=level, intervals=intervals, proof="numeric", reason=reason)


def _stable_intervals(cells: _Cells, log_end: float, tail: int) -> tuple[tuple[float, float | None], ...]:
    """Runs of stable cells; what is undecided at the finest resolution is not counted stable."""
    start, stable = np.append(cells.start, log_end), np.append(cells.kind > 0, tail > 0)
    begins = np.flatnonzero(stable & ~np.r_[False, stable[:-1]])
    ends = np.flatnonzero(stable & ~np.r_[stable[1:], False])
    levels = np.expm1(start)
    return tuple(
        (float(levels[a]), float(levels[b + 1]) if b + 1 < levels.size else None)
        for a, b in zip(begins, ends, strict=True)
    )
