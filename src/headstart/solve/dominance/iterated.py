"""Iterated dominance under noise: which efforts survive, and whether only honesty does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, frozen, require
from headstart.contest.compare import ROUNDING
from headstart.contest.contest import Contest
from headstart.solve.dominance.bound import GainBound
from headstart.solve.dominance.level import dominance_level
from headstart.solve.dominance.slopes import first_cost, steepest
from headstart.solve.incentive.noise import ScoreNoise

ROUNDS = 300
"""Rounds of deletion after which the question stays open."""

STALLED = 1e-3
"""The question also stays open where a round lowers nobody's largest effort by more than this share."""

LEVELS = 25
"""Levels tried by default."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IteratedDominance:
    """What is left when strictly dominated efforts are deleted again and again.

    Args:
        unique: Whether nothing but the untuned scores is left: then "nobody tunes" is the only equilibrium, mixed and
            correlated ones included (up to free efforts that change no score). False leaves the question open.
        effort: No equilibrium spends more, shape (models,), in steps.
        high: No equilibrium has a higher true score, shape (models,).
        rounds: Rounds of deletion.
        reason: Why the question is open, in one sentence; None where it is not.
    """

    unique: bool
    effort: Float[FloatArray, " models"]
    high: Float[FloatArray, " models"]
    rounds: int
    reason: str | None


def iterated_dominance(
    contest: Contest, *, noise: ScoreNoise | None = None, level: float | None = None, rounds: int = ROUNDS
) -> IteratedDominance:
    """Delete efforts that cost more than they can gain whatever the rivals' remaining efforts, until nothing changes.

    Every effort in [0, cap] is covered, not a grid: the gain of an effort is bounded by that of the largest one left,
    and near 0 by the slopes of score, reward and cost.

    Args:
        contest: The contest.
        noise: Measurement noise, jointly normal and the same at every effort; the contest's own when None.
        level: Of tune-before-test, in steps; the contest's own when None.
        rounds: Rounds of deletion at most.

    Raises:
        InputError: If an argument is out of range.

    Source: docs/theory, Prop. L ("Iterated dominance").

    >>> from headstart.contest import *
    >>> curves = CurveTable.batch(Exponential(floor=0.2, ceiling=[0.9, 0.8], rate=0.01), 2)
    >>> contest = Contest(names=("a", "b"), curves=curves, costs=CostTable.batch(PowerCost(scale=0.001), 2),
    ...                   rewards=[1.0, 0.0], noise_sd=0.05)
    >>> [iterated_dominance(contest, level=d).unique for d in (200.0, 300.0)]
    [False, True]
    """
    require(rounds >= 1, "rounds", ">= 1", rounds)
    game = contest if level is None else contest.at_level(level)
    known = (ScoreNoise.of(game) if noise is None else noise).flattened((), game.n).at(0)
    low = np.array(game.scores())
    bound, start = GainBound.of(game.rewards, known), first_cost(game.costs)
    effort = np.minimum(game.costs.effort_at(bound.stake) * (1 + ROUNDING), game.max_effort)
    high = _highest(game, low, effort)
    for done in range(1, rounds + 1):
        before = effort
        worth = bound.gain(low, high) * (1 + ROUNDING) + ROUNDING * bound.stake
        effort = np.minimum(effort, game.costs.effort_at(worth) * (1 + ROUNDING))
        high = _highest(game, low, effort)
        # what is left near 0: no effort there earns as much a step as it costs
        rise = steepest(game.curves, game.level, game.level + effort)
        with np.errstate(invalid="ignore"):
            closed = (rise * bound.slope(low, high) * (1 + ROUNDING) < start) & (start > 0)
        effort = np.where(closed, 0.0, effort)
        high = np.where(closed | (rise == 0), low, high)
        if (high == low).all():
            return IteratedDominance(unique=True, effort=frozen(effort), high=frozen(high), rounds=done, reason=None)
        if (before - effort <= STALLED * effort).all():
            break
    else:
        done = rounds
    left = int(np.argmax(np.where(high > low, effort, -1.0)))
    reason = f"efforts up to {effort[left]:.6g} steps of {game.names[left]} cannot be excluded"
    return IteratedDominance(unique=False, effort=frozen(effort), high=frozen(high), rounds=done, reason=reason)


def _highest(contest: Contest, low: FloatArray, effort: FloatArray) -> FloatArray:
    """Scores at the largest efforts left, rounded up; the untuned ones where no effort is left."""
    with np.errstate(invalid="ignore", over="ignore"):
        high = contest.curves.score(contest.level + effort)
    return np.where(effort > 0, np.maximum(high, low) + ROUNDING * np.abs(high), low)


@dataclass(frozen=True, kw_only=True, eq=False)
class IteratedLevel:
    """From which level on honesty is the only equilibrium by iterated dominance, as far as levels were tried.

    Args:
        status: ``zero``: at every level tried; ``finite``; ``unknown``: not at the highest level tried.
        level: It holds here, at every higher level tried, and at all levels from the dominance level on; None where
            unknown. Levels between those tried are not proved.
        below: The highest level tried at which the question is open; None where there is none.
        levels: Levels tried, rising, shape (levels,), in steps.
        unique: Whether honesty is the only equilibrium there, shape (levels,).
        reason: The status in one sentence.
    """

    status: Literal["zero", "finite", "unknown"]
    level: float | None
    below: float | None
    levels: Float[FloatArray, " levels"]
    unique: Bool[BoolArray, " levels"]
    reason: str


def iterated_dominance_level(
    contest: Contest, *, noise: ScoreNoise | None = None, levels: ArrayLike | None = None, accuracy: float = 1e-3
) -> IteratedLevel:
    """Try levels, and halve between the last one where the question is open and the first one from which it is settled.

    Args:
        contest: The contest; its own level is not used.
        noise: Measurement noise; the contest's own when None.
        levels: Levels to try, rising, and no others; by default levels up to the dominance level, and then by halving.
        accuracy: Width of the bracket as a share of 1 + level.

    Raises:
        InputError: If an argument is out of range.
    """
    require(0 < accuracy < 1, "accuracy", "between 0 and 1", accuracy)
    if levels is None:
        top = dominance_level(contest, noise=noise)
        if top.level is None:
            nothing = np.zeros(0)
            return IteratedLevel(
                status="unknown", level=None, below=None, levels=nothing, unique=nothing.astype(bool),
                reason=f"there is no dominance level to start from: {top.reason}",
            )  # fmt: skip
        tried: list[float] = np.expm1(np.linspace(0.0, math.log1p(top.level), LEVELS)).tolist()
        tried = sorted({0.0, *tried[1:-1], top.level})
    else:
        given = np.asarray(levels, dtype=np.float64)
        require(given.ndim == 1 and given.size > 0, "levels", "a non-empty list", given.shape)
        require(bool((np.diff(given) > 0).all()), "levels", "rising", given)
        tried = given.tolist()
    found = {d: iterated_dominance(contest, noise=noise, level=d).unique for d in tried}
    if levels is None and len(tried) > 1:
        _halve(contest, noise, found, accuracy)
    every = sorted(found)
    holds = np.array([found[d] for d in every])
    fails = np.flatnonzero(~holds)
    below = every[int(fails[-1])] if fails.size else None
    if fails.size == holds.size or not holds[-1]:
        status, level, reason = "unknown", None, f"the question is open at level {every[-1]:.6g}, the highest tried"
    else:
        level = every[int(fails[-1]) + 1] if fails.size else every[0]
        status = "zero" if level == 0 else "finite"
        reason = "honesty is the only equilibrium at this level and at every higher one tried"
    return IteratedLevel(status=status, level=level, below=below, levels=frozen(every), unique=holds, reason=reason)


def _halve(contest: Contest, noise: ScoreNoise | None, found: dict[float, bool], accuracy: float) -> None:
    """Add levels between the last one that is open and its next until they are near."""
    while True:
        every = sorted(found)
        fails = [at for at, d in enumerate(every) if not found[d]]
        if not fails or fails[-1] + 1 == len(every):
            return
        low, high = every[fails[-1]], every[fails[-1] + 1]
        if high - low <= accuracy * (1 + high):
            return
        middle = float(np.expm1((np.log1p(low) + np.log1p(high)) / 2))
        found[middle] = iterated_dominance(contest, noise=noise, level=middle).unique
