"""The dominance level: from there on not tuning is each developer's best reply to anything the others could do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, frozen
from headstart.contest.contest import Contest
from headstart.contest.curves import Points
from headstart.solve.dominance.own_noise import own_noise_sd
from headstart.solve.dominance.slopes import first_cost, flat_from, steepest
from headstart.solve.incentive.noise import ScoreNoise

Status = Literal["zero", "finite", "infinite", "unknown"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DominanceLevel:
    """From which level on not tuning is dominant, for each developer and for all.

    Args:
        status: ``zero`` or ``finite``: known; ``infinite``: the condition holds at no level, which does not say that
            tuning ever pays; ``unknown``: without noise the theorem says nothing.
        level: Least level at which the condition holds for everybody, in steps; None where it never does.
        reason: The status in one sentence.
        levels: Least level for each developer, ``inf`` where the condition never holds, shape (models,), in steps.
        allowed_slope: Steepest score curve at which not tuning is dominant, shape (models,), in score units a step.
    """

    status: Status
    level: float | None
    reason: str
    levels: Float[FloatArray, " models"]
    allowed_slope: Float[FloatArray, " models"]


def dominance_level(contest: Contest, *, noise: ScoreNoise | None = None) -> DominanceLevel:
    """The least level D with ``(R[1] - R[n]) sup_{x >= D} score_i'(x) <= sqrt(2 pi) own_sd_i cost_i'(0)`` for all i.

    From that level on no developer gains by tuning, whatever efforts the others choose and whatever each rank is worth
    between the same first and last reward. Nobody's score differs from the untuned one in any pure, mixed or correlated
    equilibrium (if all rewards are equal, only free efforts can raise it). The contest's own level is not used.

    Args:
        contest: The contest.
        noise: Measurement noise, jointly normal and the same at every effort; the contest's own when None.

    Raises:
        InputError: If the noise does not fit the contest.
        ComputationError: If a law of another package says nothing about its slope.

    Source: docs/theory, Prop. K ("Dominance").

    >>> from headstart.contest import *
    >>> curves = CurveTable.batch(Exponential(floor=0.2, ceiling=[0.9, 0.8], rate=0.01), 2)
    >>> contest = Contest(names=("a", "b"), curves=curves, costs=CostTable.batch(PowerCost(scale=0.001), 2),
    ...                   rewards=[1.0, 0.0], noise_sd=0.05)
    >>> round(dominance_level(contest).level, 3)  # 0.007 e^(-0.01 D) = sqrt(2 pi) 0.05 sqrt(2) 0.001
    367.613
    """
    known = (ScoreNoise.of(contest) if noise is None else noise).flattened((), contest.n).at(0)
    stake = float(contest.rewards[0] - contest.rewards[-1])
    own = own_noise_sd(known, contest.n)
    if stake == 0 or contest.n == 1:
        return _answer("zero", 0.0, "there is nothing to compete for", np.zeros(contest.n), np.full(contest.n, np.inf))
    allowed = np.sqrt(2 * np.pi) * own * first_cost(contest.costs) / stake / (1 + 1e-12)
    levels = np.where(contest.max_effort > 0, flat_from(contest.curves, allowed), 0.0)
    worst = int(np.argmax(levels))
    level = float(levels[worst])
    name = contest.names[worst]
    if np.isfinite(level):
        zero = level == 0
        reason = f"not tuning is dominant for everybody {'under direct evaluation already' if zero else 'from here on'}"
        reason += _note(contest, worst, float(allowed[worst]))
        return _answer("zero" if zero else "finite", level, reason, levels, allowed)
    if not own.all():
        reason = f"the score of {contest.names[int(np.argmin(own))]} has no noise of its own"
        return _answer("unknown", None, reason, levels, allowed)
    if allowed[worst] == 0:
        reason = f"the first step costs {name} nothing and always raises its score a little"
    else:
        slope = float(steepest(contest.curves, 0.0)[worst])
        reason = f"the score of {name} keeps rising by {slope:.3g} a step; {allowed[worst]:.3g} would be allowed"
    return _answer("infinite", None, reason, levels, allowed)


def _note(contest: Contest, model: int, allowed: float) -> str:
    """Where points decide: what the interpolation adds to what every curve through the points needs."""
    curve = contest.curves[model]
    if not isinstance(curve, Points) or curve.effort.size < 2:
        return ""
    steep = np.flatnonzero(np.diff(curve.values) / np.diff(curve.effort) > allowed)
    least = float(curve.effort[steep[-1]]) if steep.size else 0.0
    return f" (any curve through the points of {contest.names[model]} needs {least:.6g}; the rest is interpolation)"


def _answer(
    status: Status, level: float | None, reason: str, levels: FloatArray, allowed: FloatArray
) -> DominanceLevel:
    return DominanceLevel(
        status=status, level=level, reason=reason, levels=frozen(levels), allowed_slope=frozen(allowed)
    )
