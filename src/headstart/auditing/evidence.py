"""What an audit or a design rests on before anything is at stake: measured scores, fits and forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.auditing.levels import Field, levels_between, levels_by_default
from headstart.auditing.measured import MeasuredScores
from headstart.auditing.paths import GamingPaths
from headstart.contest.arrays import FloatArray, require
from headstart.contest.contest import Contest
from headstart.contest.costs import PowerCost
from headstart.contest.rewards import linear, parse, winner
from headstart.contest.tables import CostTable, CurveTable
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.fit import Fit, fit
from headstart.fitting.forecast import CurveForecast, forecast
from headstart.fitting.sample import OnForgetting

DRAWS = 400
"""Posterior draws where rewards are evenly spaced: the 2.5 % quantile rests on ten of them."""

CURVES, FEWEST_DRAWS = 200_000, 100
"""Posterior draws times models, at most, but no fewer draws: of many models fewer draws are affordable."""

DRAWS_OTHER_REWARDS = 100
"""Posterior draws for other rewards, whose expectation takes fifty times as long."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Everything that does not depend on what ranks are worth.

    Args:
        fit: Fitted logit power laws, for the fitted contest.
        forecast: Posterior draws of the curves of the fitted models, in their order.
        field: What every level is asked with.
        levels: Levels to report, rising.
    """

    fit: Fit
    forecast: CurveForecast
    field: Field
    levels: tuple[float, ...]

    @property
    def default_rewards(self) -> str:
        """First place is worth the longest common tuning run of a typical model, the last nothing, evenly spaced.

        A scale to start from, not an estimate. Every rank counts because people compare neighbours, not only winners.
        """
        value = self.field.reference * float(np.median(self.fit.cost_per_step))
        return f"linear:{value:.6g}"


def gather(
    trajectories: Trajectories,
    *,
    levels: Sequence[float] | None = None,
    extra_levels: Sequence[float] = (),
    rewards: str | None = None,
    on_forgetting: OnForgetting = "keep",
    draws: int | None = None,
    seed: int = 0,
) -> Evidence:
    """Fit and forecast the curves.

    Args:
        trajectories: What was measured.
        levels: Levels to report, in steps; by default the measured steps.
        extra_levels: Levels to report beside those.
        rewards: In the short form; they only decide how many posterior draws are affordable.
        on_forgetting: What the fitted contest does with models whose score falls.
        draws: Posterior draws; by default ``draws_for`` the models, or ``DRAWS_OTHER_REWARDS``.
        seed: Of the draws.

    Raises:
        InputError: If fewer than two models can be fitted, or an option is out of range.
    """
    if draws is None:
        even = rewards is None or rewards.startswith("linear")
        draws = draws_for(len(trajectories.models)) if even else DRAWS_OTHER_REWARDS
    fitted = fit(trajectories, on_forgetting=on_forgetting, draws=draws, seed=seed)
    if len(fitted.models) < 2:
        left_out = "; ".join(f"{e.name}: {e.reason}" for e in fitted.excluded)
        raise InputError(f"an audit needs two models with a fitted curve, got {len(fitted.models)} ({left_out})")
    if rewards is not None:
        parse(rewards, len(fitted.models))  # a mistake is reported before the long work
    measured = MeasuredScores.of(trajectories)
    chosen = checked_levels([*(levels if levels is not None else levels_by_default(measured)), *extra_levels])
    reference = max(measured.common_steps or (float(measured.steps[-1]),))
    predicted = forecast(trajectories, draws=draws, seed=seed).take(fitted.models)  # without those left out of the fit
    farthest = float(predicted.horizon.max())
    require(chosen[-1] <= farthest, "levels", f"at most {farthest:g}, as far as a forecast is made", chosen[-1])
    grid = tuple(sorted({*levels_between(chosen, len(fitted.models)), reference}))
    return Evidence(
        fit=fitted,
        forecast=predicted,
        field=field_of(fitted, predicted, measured, grid, reference),
        levels=chosen,
    )


def draws_for(models: int) -> int:
    """Posterior draws where rewards are evenly spaced: ``DRAWS``, fewer of many models.

    >>> draws_for(61), draws_for(1000), draws_for(4576)
    (400, 200, 100)
    """
    return min(max(CURVES // models, FEWEST_DRAWS), DRAWS)


def field_of(
    fitted: Fit, predicted: CurveForecast, measured: MeasuredScores, levels: tuple[float, ...], reference: float
) -> Field:
    """What every level is asked with: the fitted models, what they scored and what they could score."""
    place = {name: row for row, name in enumerate(measured.names)}
    return Field(
        paths=GamingPaths.of(
            predicted,
            names=fitted.models,
            levels=levels,
            horizon=predicted.horizon,
            cost_per_step=fitted.cost_per_step,
        ),
        measured=measured,
        rows=np.array([place[name] for name in fitted.models], dtype=np.int64),
        max_step=fitted.max_step,
        stderr=measured.typical_stderr or predicted.noise_sd,
        reference=reference,
        cost_unit=fitted.trajectories.cost_unit,
    )


def fitted_contest(fitted: Fit, rewards: str) -> Contest:
    """The contest of the fitted models under direct evaluation, with linear costs."""
    n = len(fitted.models)
    return Contest(
        names=fitted.models,
        curves=CurveTable.batch(fitted.curves, n),
        costs=CostTable.batch(PowerCost(scale=fitted.cost_per_step), n),
        rewards=parse(rewards, n),
    )


def reward_shapes(contest: Contest, text: str) -> dict[str, Float[FloatArray, " models"]]:
    """The reward shapes reported, with a first place worth 1: winner, linear and the audit's own."""
    shapes = {"winner": winner(contest.n), "linear": linear(contest.n)}
    own, _, _ = text.rpartition(":")
    if contest.rewards[0] > 0 and own not in shapes:
        shapes[own] = contest.rewards / contest.rewards[0]
    return shapes


def checked_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Levels in rising order, each once.

    Raises:
        InputError: If there is none, or one is negative or not finite.
    """
    require(len(levels) > 0, "levels", "a non-empty list", list(levels))
    for level in levels:
        require(bool(np.isfinite(level)) and level >= 0, "levels", "finite numbers >= 0", level)
    return tuple(sorted({float(level) for level in levels}))
