"""Strategic rank intervals: which scores, ranks and orders are the same in every equilibrium.

An effort that costs more than the best rank still possible is worth above the worst rank still possible without effort
is strictly dominated by no effort. Deleting such efforts lowers what the others must fear, and so on. Only strictly
dominated efforts go, so every pure, mixed and correlated equilibrium lies in what is left, after any number of rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, frozen, require
from headstart.contest.compare import ROUNDING
from headstart.contest.contest import Contest
from headstart.contest.rewards import explicit
from headstart.solve.incentive.noise import ScoreNoise
from headstart.solve.incentive.paths import checked_rising
from headstart.solve.simultaneous import pair_radii

ROUNDS = 100
"""Rounds after which the narrowing stops; what it has by then is valid."""

ENOUGH = 1e-3
"""The narrowing also stops when a round takes less than this share of the ranks still possible away."""

CONFIDENCE = 0.95
"""Probability over the noise with which all observed ranks lie in their intervals, unless asked otherwise."""

RARE = (1e-2, 1e-4, 1e-6)
"""Further probabilities left out when efforts are bounded: rarer noise is wider, but counts for less of the rewards."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StrategicRanks:
    """What holds in every equilibrium of a contest. Arrays have shape ``(*batch, models)``.

    Args:
        low: Score without effort: no equilibrium shows less.
        high: No equilibrium has a higher true score.
        best: Best rank, 1 for the first, in any equilibrium.
        worst: Worst rank. With noise all observed ranks lie in [best, worst] with probability ``confidence``, whatever
            the equilibrium.
        radius: Two observed scores differ from their true difference by at most the sum of their radii, all pairs at
            once, with probability ``confidence``; 0 without noise.
        effort: No equilibrium spends more, in steps.
        rounds: Rounds of deletion that narrowed anything, shape ``(*batch,)``.
        confidence: 1 without noise.
    """

    low: Float[FloatArray, "*batch models"]
    high: Float[FloatArray, "*batch models"]
    best: Int[IntArray, "*batch models"]
    worst: Int[IntArray, "*batch models"]
    radius: Float[FloatArray, "*batch models"]
    effort: Float[FloatArray, "*batch models"]
    rounds: Int[IntArray, " *batch"]
    confidence: float

    @property
    def certain(self) -> Float[FloatArray, " *batch"]:
        """Share of the pairs whose order is the same in every equilibrium and beyond the noise; nan without pairs."""
        return certain_pairs(self.low, self.high, self.radius)

    def surely_above(self, i: ArrayLike, k: ArrayLike) -> BoolArray:
        """Whether model i ranks above model k in every equilibrium and beyond the noise (one field, not a batch)."""
        i, k = np.asarray(i, dtype=np.int64), np.asarray(k, dtype=np.int64)
        return self.low[i] - self.radius[i] > self.high[k] + self.radius[k]


def strategic_ranks(
    contest: Contest,
    *,
    noise: ScoreNoise | None = None,
    confidence: float = CONFIDENCE,
    movable: ArrayLike = True,
    rounds: int = ROUNDS,
) -> StrategicRanks:
    """Scores, ranks and orders that every equilibrium of a contest agrees on.

    Equal scores count as either order, and scores that rounding could have made equal count as equal: a tie rule never
    makes a pair certain.

    Args:
        contest: The contest at its level.
        noise: Measurement noise, normal; the contest's own when None. It is known to the developers as a distribution.
        confidence: Probability with which the observed ranks lie in their intervals.
        movable: Which contestants can tune at all, shape (models,).
        rounds: Rounds of deletion at most.

    Raises:
        InputError: If an argument is out of range.

    Source: docs/theory, "Strategic rank intervals".

    >>> from headstart.contest import *
    >>> curves = CurveTable.batch(Linear(intercept=[0.9, 0.6, 0.5], slope=[0.0, 0.1, 0.1]), 3)
    >>> contest = Contest(names=("a", "b", "c"), curves=curves, costs=CostTable.batch(PowerCost(), 3),
    ...                   rewards=[2.0, 1.0, 0.0])
    >>> found = strategic_ranks(contest)
    >>> found.best.tolist(), found.worst.tolist(), found.high.round(3).tolist()
    ([1, 2, 2], [1, 3, 3], [0.9, 0.7, 0.6])
    """
    known = (ScoreNoise.of(contest) if noise is None else noise).flattened((), contest.n)
    low = np.array(contest.scores())
    margin = 2 * ROUNDING * np.abs(low)
    able = np.broadcast_to(np.asarray(movable, dtype=np.bool_), (contest.n,))
    bounds = _Contest(contest=contest, margin=margin, effort=np.where(able, contest.max_effort, 0.0))
    found = _narrow(low - margin, bounds.afford, contest.rewards, _noise_bounds(known.at(0), contest.n, confidence),
                    rounds)  # fmt: skip
    return StrategicRanks(
        low=frozen(low), high=frozen(found.high), best=found.best, worst=found.worst, radius=frozen(found.radius),
        effort=frozen(bounds.effort), rounds=np.asarray(found.rounds), confidence=found.confidence,
    )  # fmt: skip


def strategic_ranks_of_paths(
    score_path: ArrayLike,
    cost: ArrayLike,
    effort: ArrayLike,
    *,
    rewards: ArrayLike,
    noise: ScoreNoise | None = None,
    confidence: float = CONFIDENCE,
    movable: ArrayLike = True,
    least_effort: bool = False,
    rounds: int = ROUNDS,
) -> StrategicRanks:
    """The same from scores at given efforts, for whole batches of posterior draws and levels.

    An effort between two of a path has at most the score of the upper one and costs at least the lower one; nothing
    else is assumed of the curve between them. Efforts beyond the last are taken to be impossible: let a path end at the
    cap, or where the cost reaches first reward minus last.

    Args:
        score_path: True score by own effort beyond the level, non-decreasing; entry 0 is the untuned score.
        cost: Cost of those efforts, broadcastable to ``score_path``; 0 first, non-decreasing.
        effort: The efforts, broadcastable to ``score_path``; 0 first, non-decreasing, in steps.
        rewards: By rank, best first, shape (models,), in cost units.
        noise: Measurement noise, normal; none when None.
        confidence: Probability with which the observed ranks lie in their intervals.
        movable: Which contestants can tune at all, shape (models,).
        least_effort: Whether no effort lies between 0 and the first one of the path (whole steps, from 1 on).
        rounds: Rounds of deletion at most.

    Raises:
        InputError: If shapes do not fit, a path or a cost falls, or an argument is out of range.

    Source: docs/theory, "Strategic rank intervals".
    """
    paid = explicit(rewards)
    path = np.asarray(score_path, dtype=np.float64)
    spent, steps = checked_rising(path, cost, effort)
    batch, (n, efforts) = path.shape[:-2], path.shape[-2:]
    require(n == paid.size, "score_path", f"for {paid.size} models, one per reward", path.shape)
    known = (ScoreNoise.common(0.0) if noise is None else noise).flattened(batch, n)
    able = np.broadcast_to(np.asarray(movable, dtype=np.bool_), (n,))
    cheapest = cheapest_of_cells(spent, least_effort)
    flat = path.reshape(-1, n, efforts)
    per_noise = [_noise_bounds(known.at(b), n, confidence) for b in range(known.sd.shape[0])]
    rows: list[tuple[_Narrowed, FloatArray]] = []
    for b, field in enumerate(flat):
        own = cheapest[b if cheapest.shape[0] > 1 else 0]
        bounds = _Path(path=field, cheapest=own, top=np.where(able, efforts - 1, 0))
        found = _narrow(field[:, 0], bounds.afford, paid, per_noise[b if len(per_noise) > 1 else 0], rounds)
        rows.append((found, steps[b if steps.shape[0] > 1 else 0][np.arange(n), bounds.top]))
    shape = (*batch, n)
    return StrategicRanks(
        low=frozen(path[..., 0]),
        high=frozen(np.array([r.high for r, _ in rows]).reshape(shape)),
        best=np.array([r.best for r, _ in rows], dtype=np.int64).reshape(shape),
        worst=np.array([r.worst for r, _ in rows], dtype=np.int64).reshape(shape),
        radius=frozen(np.array([r.radius for r, _ in rows]).reshape(shape)),
        effort=frozen(np.array([e for _, e in rows]).reshape(shape)),
        rounds=np.array([r.rounds for r, _ in rows], dtype=np.int64).reshape(batch),
        confidence=rows[0][0].confidence if rows else confidence,
    )


def cheapest_of_cells(
    spent: Float[FloatArray, "batch models efforts"], least_effort: bool
) -> Float[FloatArray, "batch models efforts"]:
    """Least cost of the efforts above the previous one of a path and up to each; 0 for no effort."""
    cheapest = np.zeros_like(spent)
    cheapest[..., 2:] = spent[..., 1:-1]
    if least_effort and spent.shape[-1] > 1:
        cheapest[..., 1] = spent[..., 1]
    return cheapest


@dataclass(frozen=True, kw_only=True, eq=False)
class _NoiseBounds:
    """Radii for several probabilities left out, the first of them the one that is published; one row without noise."""

    missing: tuple[float, ...]
    radius: Float[FloatArray, "bounds models"]


def _noise_bounds(noise: ScoreNoise, n: int, confidence: float) -> _NoiseBounds:
    require(0 < confidence < 1, "confidence", "between 0 and 1", confidence)
    if not noise.sd.any() or n < 2:
        return _NoiseBounds(missing=(0.0,), radius=np.zeros((1, n)))
    missing = (1 - confidence, *RARE)
    return _NoiseBounds(missing=missing, radius=np.stack([pair_radii(noise, n, p) for p in missing]))


@dataclass(kw_only=True)
class _Contest:
    """Efforts of a contest not yet deleted."""

    contest: Contest
    margin: FloatArray
    effort: FloatArray

    def afford(self, gain: FloatArray) -> FloatArray:
        """Delete the efforts that cost more than the gains; the highest scores left, rounded up."""
        contest = self.contest
        worth = np.maximum(gain, 0.0) * (1 + ROUNDING)
        self.effort = np.minimum(self.effort, contest.costs.effort_at(worth) * (1 + ROUNDING))
        with np.errstate(invalid="ignore", over="ignore"):
            high = contest.curves.score(contest.level + self.effort)
        # what cannot move keeps its very score
        return np.where(self.effort > 0, high + 2 * ROUNDING * np.abs(high), contest.scores()) + self.margin


@dataclass(kw_only=True)
class _Path:
    """Cells of efforts not yet deleted: those up to ``top``."""

    path: Float[FloatArray, "models efforts"]
    cheapest: Float[FloatArray, "models efforts"]
    top: IntArray

    def afford(self, gain: FloatArray) -> FloatArray:
        """Delete the cells that cost more than the gains; the highest scores left."""
        left: IntArray = np.count_nonzero(self.cheapest <= np.maximum(gain, 0.0)[:, None], axis=1).astype(np.int64) - 1
        self.top = np.minimum(self.top, left)
        return self.path[np.arange(self.top.size), self.top]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Narrowed:
    high: FloatArray
    best: IntArray
    worst: IntArray
    radius: FloatArray
    rounds: int
    confidence: float


def _narrow(
    low: FloatArray,
    afford: Callable[[FloatArray], FloatArray],
    rewards: FloatArray,
    noise: _NoiseBounds,
    rounds: int,
) -> _Narrowed:
    """Rounds of deletion: the gain of any effort is at most that of the best rank left over the worst.

    With the probability ``missing`` the ranks can be anything, which adds that share of first reward minus last.
    """
    require(rounds >= 1, "rounds", ">= 1", rounds)
    stake = float(rewards[0] - rewards[-1])
    order = np.argsort(low)  # neighbours in memory are then near in score, which makes the searches below fast
    start, radii = low[order], noise.radius[:, order]
    ends = [np.sort(start - radius) for radius in radii]
    gain = np.full(low.size, stake)
    high, done, width = afford(gain), 0, 0
    ranks: list[tuple[IntArray, IntArray]] = []
    while True:
        before = width
        ranks = [_ranks(start, high[order], radius, end) for radius, end in zip(radii, ends, strict=True)]
        width = sum(int((worst - best).sum()) for best, worst in ranks)
        if done == rounds or (done and before - width <= ENOUGH * width):
            break
        for missing, (best, worst) in zip(noise.missing, ranks, strict=True):
            known = rewards[best - 1] - rewards[worst - 1]
            gain[order] = np.minimum(gain[order], (1 - missing) * known + missing * stake)
        lower = afford(gain)
        if np.array_equal(lower, high):
            break
        high, done = lower, done + 1
    best, worst = np.empty_like(order), np.empty_like(order)
    best[order], worst[order] = ranks[0]
    return _Narrowed(
        high=high, best=best, worst=worst, radius=noise.radius[0], rounds=done, confidence=1 - noise.missing[0]
    )


def _ranks(low: FloatArray, high: FloatArray, radius: FloatArray, ends: FloatArray) -> tuple[IntArray, IntArray]:
    """Best and worst rank of each model: how many are surely above it, and how many may be."""
    reach = high + radius
    best = 1 + low.size - np.searchsorted(ends, reach, side="right")
    # the model itself is among those that may be at or above its own low end
    worst = low.size - np.searchsorted(np.sort(reach), low - radius, side="left")
    return best.astype(np.int64), worst.astype(np.int64)


def certain_pairs(
    low: Float[FloatArray, "*batch models"],
    high: Float[FloatArray, "*batch models"],
    radius: Float[FloatArray, "*batch models"],
) -> Float[FloatArray, " *batch"]:
    """Share of the pairs in which one model's lowest score exceeds the other's highest by more than both radii.

    Args:
        low: Lowest score of each model.
        high: Highest score of each model.
        radius: What noise may add to or take from a score; broadcastable.

    Returns:
        In [0, 1]; nan where there are no pairs.

    >>> certain_pairs(np.array([0.9, 0.5, 0.4]), np.array([0.9, 0.6, 0.6]), np.zeros(3)).round(3).tolist()
    0.667
    """
    n = low.shape[-1]
    if n < 2:
        return np.full(low.shape[:-1], np.nan)
    starts: FloatArray = np.sort((low - radius).reshape(-1, n), axis=1)
    reaches: FloatArray = np.sort(np.broadcast_to(high + radius, low.shape).reshape(-1, n), axis=1)
    above = np.empty(len(starts))
    for b in range(len(starts)):
        start: FloatArray = starts[b]
        reach: FloatArray = reaches[b]
        not_above: IntArray = np.searchsorted(start, reach, side="right").astype(np.int64)
        above[b] = n * n - int(not_above.sum())
    return (above / (n * (n - 1) / 2)).reshape(low.shape[:-1])
