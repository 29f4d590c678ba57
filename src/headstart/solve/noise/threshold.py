"""How noisy the test must be for nobody to pay for effort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, require
from headstart.contest.contest import Contest
from headstart.contest.costs import PowerCost
from headstart.solve.noise.equilibrium import check
from headstart.solve.noise.game import NoisyGame
from headstart.solve.pure import candidate_efforts

_SCANNED = 25  # scales, over three decades below the scale that is surely enough
_DECADES = 3.0
_RATIOS = 2000  # efforts at which score gained is compared with cost
_PEAK = 1 / np.sqrt(2 * np.pi)  # of the normal density


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseThreshold:
    """The noise from which on nobody pays for effort, as a multiple of the given standard deviations.

    Args:
        status: ``finite``; ``zero``: nobody pays at any scale looked at; ``infinite``: somebody's first step costs
            nothing at the margin and raises its score, so that noise of any size leaves an incentive.
        low: Largest scale found at which somebody gains by paying; None unless finite.
        high: Smallest scale found above it at which nobody does; None unless finite.
        surely_enough: Nobody gains at this or any larger scale, by a bound on the slope of the expected reward; None
            when infinite.
        scales: Scales looked at, rising, shape (scales,).
        stable: Whether nobody gains by paying there, shape (scales,).
        monotone: Whether ``stable`` never returns to False as the scale rises and never held below the threshold.
    """

    status: Literal["finite", "zero", "infinite"]
    low: float | None
    high: float | None
    surely_enough: float | None
    scales: Float[FloatArray, " scales"]
    stable: BoolArray
    monotone: bool | None


def noise_threshold(
    contest: Contest, *, noise_sd: ArrayLike | None = None, accuracy: float = 1e-4, tolerance: float = 1e-7
) -> NoiseThreshold:
    """Find the scale of the noise above which nobody paying for effort is an equilibrium.

    The scales between ``high`` and ``surely_enough`` are scanned, not proved: ``scales`` and ``stable`` show what was
    looked at. Below the threshold small noise can be stable again (where the contest without noise is).

    Args:
        contest: The contest.
        noise_sd: Standard deviations at scale 1, scalar or shape (models,); the contest's own by default.
        accuracy: Relative width of the bracket ``[low, high]``.
        tolerance: Gain that still counts as none, as a share of first reward minus last.

    Raises:
        InputError: If there is no noise, or an argument is out of range.

    Source: docs/noise, threshold.
    """
    require(0 < accuracy < 1, "accuracy", "between 0 and 1", accuracy)
    game = NoisyGame.of(contest, noise_sd)
    enough = _surely_enough(game)
    nothing = np.empty(0)
    if enough is None or enough == 0:
        return NoiseThreshold(
            status="infinite" if enough is None else "zero", low=None, high=None, surely_enough=enough,
            scales=nothing, stable=nothing.astype(bool), monotone=None,
        )  # fmt: skip
    scales = enough * np.geomspace(10**-_DECADES, 1.0, _SCANNED)
    stable = np.array([_is_stable(game, s, tolerance) for s in scales])
    if stable.all():
        return NoiseThreshold(
            status="zero", low=None, high=None, surely_enough=enough, scales=scales, stable=stable, monotone=True
        )
    last = int(np.flatnonzero(~stable)[-1])
    # at the scale that is surely enough the gain is 0 in theory; rounding must not make it the last unstable one
    low, high = float(scales[last]), float(scales[min(last + 1, _SCANNED - 1)])
    while high > low * (1 + accuracy):
        middle = float(np.sqrt(low * high))
        if _is_stable(game, middle, tolerance):
            high = middle
        else:
            low = middle
    return NoiseThreshold(
        status="finite", low=low, high=high, surely_enough=enough, scales=scales, stable=stable,
        monotone=not bool(stable[:last].any()),
    )  # fmt: skip


def _is_stable(game: NoisyGame, scale: float, tolerance: float) -> bool:
    scaled = NoisyGame.of(game.contest, game.noise_sd * scale)
    return check(scaled, candidate_efforts(scaled.contest), tolerance) is not None


def _surely_enough(game: NoisyGame) -> float | None:
    """The scale from which no effort pays for itself, or None.

    The expected reward rises at most by stake times the peak of the normal density per unit of score, so paying
    gains nothing once that is at most the cost per score gained, at every effort.
    """
    start = candidate_efforts(game.contest)
    worst = 0.0
    for i in range(game.contest.n):
        room = float(game.most_effort[i] - start[i])
        if room <= 0:
            continue
        if _first_step_pays(game, i, float(start[i])):
            return None
        paid = np.geomspace(1e-6 * min(room, 1.0), room, _RATIOS)
        gained = game.score(i, start[i] + paid) - game.score(i, start[i : i + 1])
        ratio = game.stake * _PEAK / game.noise_sd[i] * gained / game.cost(i, start[i] + paid)
        worst = max(worst, float(ratio.max()))
    return worst * (1 + 1e-6)


def _first_step_pays(game: NoisyGame, i: int, start: float) -> bool:
    """Whether the score rises in proportion to the first steps while their cost rises with a higher power."""
    cost = game.contest.costs[i]
    if not isinstance(cost, PowerCost) or float(cost.exponent) == 1.0 or game.stake == 0:
        return False
    step = 1e-6 * min(float(game.most_effort[i]) - start, 1.0)
    score = game.score(i, start + step * np.array([0.0, 0.5, 1.0]))
    return bool(score[2] > score[0] and (score[1] - score[0]) / (score[2] - score[0]) > 0.25)
