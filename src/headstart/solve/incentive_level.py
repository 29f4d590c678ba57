"""From which level of tune-before-test on nobody gains more than a tolerance by tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from headstart.contest.arrays import FloatArray, require
from headstart.contest.contest import Contest
from headstart.contest.curves import Linear
from headstart.solve.dominance.level import dominance_level
from headstart.solve.dominance.own_noise import own_noise_sd
from headstart.solve.incentive.contest import Search, incentive
from headstart.solve.incentive.field import reward_field
from headstart.solve.incentive.noise import ScoreNoise

RESOLUTION = 1e-3
"""Width in log(1 + level) of the bracket around the level."""

_MOST_CELLS = 3000
_INNER = 0.05  # accuracy within a cell, as a share of the tolerance


@dataclass(frozen=True, kw_only=True)
class IncentiveLevel:
    """From which level on nobody gains more than a tolerance.

    Args:
        status: ``zero``: at every level; ``finite``; ``infinite``: at no level; ``unknown``.
        level: From here on no developer gains more than the tolerance while nobody else tunes: every level, not only
            those looked at (rounding apart). None where unknown or infinite. In steps.
        below: A lower level at which somebody gains more; None where none was found. In steps.
        tolerance: As a share of first reward minus last.
        reason: The status in one sentence.
    """

    status: Literal["zero", "finite", "infinite", "unknown"]
    level: float | None
    below: float | None
    tolerance: float
    reason: str


def incentive_level(
    contest: Contest, *, tolerance: float = 0.01, noise: ScoreNoise | None = None, resolution: float = RESOLUTION
) -> IncentiveLevel:
    """The least level from which on the largest incentive is at most ``tolerance``, enclosed.

    Ranges of levels are cleared from the top down. In a range no gain exceeds the reward at the range's highest own
    score against the rivals' lowest scores, less that of the lowest own score against their highest, less the cost. The
    search starts where score curves are too flat, or too near their ceilings, to gain the tolerance.

    Args:
        contest: The contest; its own level is not used.
        tolerance: Gain that counts as none, as a share of first reward minus last, in (0, 1).
        noise: Measurement noise; the contest's own when None.
        resolution: Width of the ranges of levels, in log(1 + level), at which the search ends, ``> 0``.

    Raises:
        InputError: If an argument is out of range, or rewards are uneven and the noise is neither independent nor
            equal for all pairs.

    Source: docs/theory, "The level for a tolerance".

    >>> from headstart.contest import *
    >>> curves = CurveTable.batch(Exponential(floor=0.2, ceiling=[0.9, 0.8], rate=0.01), 2)
    >>> contest = Contest(names=("a", "b"), curves=curves, costs=CostTable.batch(PowerCost(scale=0.001), 2),
    ...                   rewards=[1.0, 0.0], noise_sd=0.05)
    >>> found = incentive_level(contest)
    >>> found.status, round(found.level), round(found.below)
    ('finite', 246, 245)
    """
    require(0 < tolerance < 1, "tolerance", "between 0 and 1", tolerance)
    require(resolution > 0, "resolution", "> 0", resolution)
    known = (ScoreNoise.of(contest) if noise is None else noise).flattened((), contest.n).at(0)
    if contest.n == 1 or contest.rewards[0] == contest.rewards[-1]:
        return _known("zero", 0.0, None, tolerance, "there is nothing to compete for")
    if not known.sd.any():
        why = "without noise the gain jumps where scores tie: see the stabilising level"
        return _known("unknown", None, None, tolerance, why)
    top = _surely_enough(contest, known, tolerance)
    if not np.isfinite(top):
        return _without_top(contest, known, tolerance)
    return _Clearing(contest, known, tolerance, resolution).result(float(np.log1p(top)))


def _known(
    status: Literal["zero", "finite", "infinite", "unknown"],
    level: float | None,
    below: float | None,
    tolerance: float,
    reason: str,
) -> IncentiveLevel:
    return IncentiveLevel(status=status, level=level, below=below, tolerance=tolerance, reason=reason)


def _surely_enough(contest: Contest, noise: ScoreNoise, tolerance: float) -> float:
    """A level from which on no developer gains the tolerance, whatever the others do; ``inf`` where none is known."""
    flat = dominance_level(contest, noise=noise).levels
    # a rise of d overlaps all but 2 Phi(d / 2 sd) - 1 of the chances
    near = 2 * own_noise_sd(noise, contest.n) * ndtri((1 + tolerance) / 2)
    ceiling = contest.curves.ceiling
    with np.errstate(invalid="ignore"):
        saturated = contest.curves.effort_to_reach(np.where(np.isfinite(ceiling), ceiling - near, np.inf), near)
    saturated = np.where((near > 0) & np.isfinite(ceiling), saturated, np.inf)
    return float(np.max(np.where(contest.max_effort > 0, np.minimum(flat, saturated), 0.0)))


def _largest(contest: Contest, noise: ScoreNoise, level: float, tolerance: float) -> float:
    """A gain that somebody reaches at a level, as a share."""
    found = incentive(contest.at_level(level), noise=noise, tolerance=min(_INNER * tolerance, 0.5))
    return float(found.share.max())


def _without_top(contest: Contest, noise: ScoreNoise, tolerance: float) -> IncentiveLevel:
    only = contest.curves.single_family()
    if isinstance(only, Linear) and np.ptp(np.broadcast_to(only.slope, (contest.n,))) == 0:
        found = incentive(contest.at_level(0.0), noise=noise, tolerance=_INNER * tolerance)
        if float(found.share.max()) > tolerance:
            why = "all scores rise alike, so that every level leaves the same gain"
            return _known("infinite", None, 0.0, tolerance, why)
        if float(found.upper_share.max()) <= tolerance:
            return _known("zero", 0.0, None, tolerance, "all scores rise alike, and nobody gains more at any level")
    why = "scores keep rising without end, so that no level is surely high enough"
    return _known("unknown", None, None, tolerance, why)


class _Clearing:
    """Ranges of levels, in log(1 + level), cleared from the top down."""

    def __init__(self, contest: Contest, noise: ScoreNoise, tolerance: float, resolution: float) -> None:
        self.contest, self.noise, self.tolerance, self.resolution = contest, noise, tolerance, resolution
        self.stake = float(contest.rewards[0] - contest.rewards[-1])

    def result(self, top: float) -> IncentiveLevel:
        """The answer, from a level (as its logarithm) that is surely enough."""
        pending = [(0.0, top)] if top > 0 else []
        cleared, cells = top, 0
        while pending:
            low, high = pending.pop()
            cells += 1
            if self._most(low, high) <= self.tolerance:
                cleared = low
                continue
            if high - low <= self.resolution or cells > _MOST_CELLS:
                return self._blocked(low, cleared, cells > _MOST_CELLS)
            middle = (low + high) / 2
            pending += [(low, middle), (middle, high)]
        return _known("zero", 0.0, None, self.tolerance, "nobody gains more at any level")

    def _most(self, low: float, high: float) -> float:
        """No gain at a level of the range exceeds this, as a share."""
        first, last = self.contest.at_level(float(np.expm1(low))), self.contest.at_level(float(np.expm1(high)))
        rewards, tie = self.contest.rewards, self.contest.tie_break
        every = np.arange(self.contest.n)
        worst = reward_field(np.array(last.scores()), rewards, self.noise, tie).value(every, np.array(first.scores()))
        field = reward_field(np.array(first.scores()), rewards, self.noise, tie)
        found = Search(last, field, _INNER * self.tolerance * self.stake, untuned=worst)
        upper: FloatArray = found.result()[1]
        return float(upper.max()) / self.stake

    def _blocked(self, low: float, cleared: float, gave_up: bool) -> IncentiveLevel:
        level = float(np.expm1(cleared))
        below = self._gaining(low)
        if gave_up:
            why = "nobody gains more from here on; whether a lower level is enough was given up"
        else:
            why = "nobody gains more from here on"
        return _known("finite", level, below, self.tolerance, why)

    def _gaining(self, top: float) -> float | None:
        """A level up to ``top``, in log(1 + level), at which somebody gains more: near the top if possible."""

        def gains(at: float) -> bool:
            return _largest(self.contest, self.noise, float(np.expm1(at)), self.tolerance) > self.tolerance

        step, last = self.resolution, top
        while not gains(last):
            if last == 0:
                return None
            last, step = max(top - step, 0.0), 2 * step
        none = min(last + step / 4, top)  # halve towards where none gained
        while none - last > self.resolution:
            middle = (last + none) / 2
            last, none = (middle, none) if gains(middle) else (last, middle)
        return float(np.expm1(last))
