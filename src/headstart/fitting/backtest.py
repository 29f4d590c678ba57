"""How well forecasts from early checkpoints predict the later ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.curve_model import FARTHEST, HORIZON
from headstart.fitting.forecast import CurveForecast, forecast
from headstart.fitting.sample import OnForgetting, Sample
from headstart.fitting.scoring import INTERVAL, crps, inside

EARLY_POINTS = 5
"""Fewest early checkpoints of a model that is tested: one more than the numbers of the logit power law."""

NEAREST_RIVALS = 20
"""Rivals looked at above each climber, the closest first: those further up are rarely reached and would pass for
successes of the prediction."""

BEYOND_NOISE = 2.0
"""Standard errors of a difference of two scores by which one must lie above the other to count as above."""

IMPROBABLE = 0.025
"""A catch-up given less probability than this is as good as called impossible."""

GRID = 40
"""Steps between the measured ones, evenly spaced in ``log1p(step)``, at which draws are searched for catch-ups."""


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """Forecasts from the earliest share of each model's checkpoints against the rest.

    Only later checkpoints that a forecast says anything about are looked at: up to ``FARTHEST`` times the last early
    step.

    Every count says how many cases the figures beside it rest on; a figure without cases is None.

    Args:
        fraction: Share of each model's checkpoints that was forecast from.
        models: Models tested.
        skipped: Models with too few early checkpoints or no later one within reach.
        scores: Number of later scores predicted.
        mean_absolute_error: Of those scores, in score units.
        root_mean_squared_error: The same.
        mean_error: Predicted minus measured; negative where the forecast underestimates later gains.
            Predicted is the median of the draws.
        typical_noise: Median scatter of the later scores around a curve; no prediction does better.
        carried_forward_error: Mean absolute error of predicting the last early score for ever, for comparison.
        score_coverage: Share of later scores inside their 95 % predictive interval (curve and measurement noise).
        pairs: Number of pairs (i, k) and base levels at which i had not come near k's score by its last early
            checkpoint; the later checkpoints show whether and when it does.
        pair_coverage: Share of ``pairs`` whose measured catch-up effort (a range, for its noise; open above where k's
            score is not reached) meets the 95 % interval.
        catch_ups: Number of ``pairs`` in which later checkpoints show i passing k's score beyond noise.
        effort_coverage: Share of ``catch_ups`` whose measured effort meets the 95 % interval. These were picked for
            having risen, so that less than 95 % is to be expected.
        called_unreachable: How many of ``catch_ups`` the forecast had given a probability below ``IMPROBABLE``.
        median_effort_ratio: Median of predicted / measured catch-up effort among ``predicted_efforts``.
        typical_effort_factor: exp of the median ``abs(log(predicted / measured))`` of the same; 2 is a factor of two.
        missed: Number of ``pairs`` predicted (by the median draw) to catch up by the last later checkpoint that stay
            below beyond noise.
        predicted_efforts: How many of ``catch_ups`` the median draw predicts by the last later checkpoint.
        curve_model: Name of the curve model that the early checkpoints alone chose.
        mean_crps: Mean continuous ranked probability score of the later scores, in score units, smaller is better.
        horizon_scores: Number of later scores within ``HORIZON`` times the last early step.
        horizon_coverage: Share of those inside their 95 % predictive interval.
    """

    fraction: float
    models: tuple[str, ...]
    skipped: tuple[str, ...]
    scores: int
    mean_absolute_error: float | None
    root_mean_squared_error: float | None
    mean_error: float | None
    typical_noise: float | None
    carried_forward_error: float | None
    score_coverage: float | None
    pairs: int
    pair_coverage: float | None
    catch_ups: int
    effort_coverage: float | None
    called_unreachable: int
    median_effort_ratio: float | None
    typical_effort_factor: float | None
    missed: int
    predicted_efforts: int = 0
    curve_model: str | None = None
    mean_crps: float | None = None
    horizon_scores: int = 0
    horizon_coverage: float | None = None


def backtest(
    trajectories: Trajectories,
    *,
    fraction: float = 0.6,
    on_forgetting: OnForgetting = "keep",
    draws: int = 200,
    seed: int = 0,
    curve_model: str | None = None,
) -> Backtest:
    """Forecast from the earliest ``fraction`` of each model's checkpoints and compare with the later ones.

    The forecast is the audit's own: nothing after the early checkpoints takes part in choosing its curve model.
    Catch-ups are looked for at every early checkpoint as base level: a pair (i, k) counts where all that i scored from
    there to its last early checkpoint lies below k's measured score by ``BEYOND_NOISE`` standard errors, and k is one
    of the ``NEAREST_RIVALS`` such. The measured effort is the interpolated crossing (in log steps) less the base level;
    its range is that of the crossings when the target moves by ``BEYOND_NOISE`` standard errors.

    Args:
        trajectories: Measured scores.
        fraction: Share of checkpoints that is forecast from, in (0, 1); rounded up to whole checkpoints.
        on_forgetting: Without effect: forecasts follow falling scores. Kept for callers that pass it on.
        draws: Draws behind the intervals.
        seed: Seed of the draws.
        curve_model: A registered curve model; None to choose as the audit does.

    Raises:
        InputError: If ``fraction`` is out of range or no model has early and later checkpoints enough.
    """
    if not 0 < fraction < 1:
        raise InputError(f"fraction must be between 0 and 1, got {fraction:g}")
    sample = Sample.of(trajectories)
    early = np.ceil(fraction * sample.points - 1e-9).astype(np.int64)
    within = sample.step <= FARTHEST * sample.step[np.arange(early.size), early - 1][:, None]
    reached = (sample.present & within).sum(axis=1)  # steps rise, so these are the first ones
    tested = np.flatnonzero((early >= EARLY_POINTS) & (early < reached))
    if not tested.size:
        raise InputError(f"trajectories must hold a model with {EARLY_POINTS} early checkpoints and more, got none")
    last_early = dict(zip(sample.names, sample.step[np.arange(len(early)), early - 1].tolist(), strict=True))
    limit = np.array([last_early[name] for name in trajectories.models])[trajectories.model]
    found = forecast(trajectories.where(trajectories.step <= limit), draws=draws, seed=seed, curve_model=curve_model)
    kept = sample.take(tested).first(reached[tested])
    case = _Case(sample=kept, early=early[tested], forecast=found.take(kept.names))
    return _summary(case, trajectories, fraction, seed)


def _summary(case: _Case, trajectories: Trajectories, fraction: float, seed: int) -> Backtest:
    span = trajectories.score_range[1] - trajectories.score_range[0]
    scores, efforts = _test_scores(case, seed), _test_efforts(case)
    names = set(case.sample.names)
    predicted = efforts.predicted[efforts.shown]
    foreseen = np.isfinite(predicted) & (predicted > 0)
    ratio = np.log(predicted[foreseen] / efforts.measured[efforts.shown][foreseen])
    return Backtest(
        fraction=fraction,
        models=tuple(name for name in trajectories.models if name in names),
        skipped=tuple(name for name in trajectories.models if name not in names),
        scores=len(scores.error),
        mean_absolute_error=_mean(span * np.abs(scores.error)),
        root_mean_squared_error=_root(_mean((span * scores.error) ** 2)),
        mean_error=_mean(span * scores.error),
        typical_noise=float(span * np.median(scores.noise)) if len(scores.noise) else None,
        carried_forward_error=_mean(span * np.abs(scores.carried_error)),
        score_coverage=_mean(scores.covered),
        pairs=len(efforts.shown),
        pair_coverage=_mean(efforts.covered),
        catch_ups=len(predicted),
        effort_coverage=_mean(efforts.covered[efforts.shown]),
        called_unreachable=int((efforts.probability[efforts.shown] < IMPROBABLE).sum()),
        median_effort_ratio=float(np.exp(np.median(ratio))) if len(ratio) else None,
        typical_effort_factor=float(np.exp(np.median(np.abs(ratio)))) if len(ratio) else None,
        missed=int(efforts.missed.sum()),
        predicted_efforts=len(ratio),
        curve_model=case.forecast.chosen,
        mean_crps=_mean(span * scores.crps),
        horizon_scores=int(scores.near.sum()),
        horizon_coverage=_mean(scores.covered[scores.near]),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Case:
    """The models tested with their points within reach, how many are early, and the forecast from those."""

    sample: Sample
    early: Int[IntArray, " models"]
    forecast: CurveForecast

    @property
    def is_early(self) -> Bool[BoolArray, "models points"]:
        """Which columns hold early checkpoints."""
        return np.less(np.arange(self.sample.step.shape[1], dtype=np.int64)[None, :], self.early[:, None])

    @property
    def noise(self) -> Float[FloatArray, "models points"]:
        """Standard errors of the scores: as stated, at least; else the scatter that the forecast finds."""
        factor = np.median(self.forecast.noise_factor, axis=0)
        return self.sample.noise.sd * (np.maximum(factor, 1.0) if self.sample.noise.stated else factor)[:, None]

    def curves(self, step: Float[FloatArray, "models points"]) -> Float[FloatArray, "draws models points"]:
        """Draws at steps of each model's own, scores in [0, 1]."""
        low, high = self.forecast.score_range
        return (self.forecast.score_at(step) - low) / (high - low)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scores:
    """One entry per later score."""

    error: FloatArray
    carried_error: FloatArray
    noise: FloatArray
    covered: BoolArray
    crps: FloatArray
    near: BoolArray  # within the horizon


@dataclass(frozen=True, kw_only=True, eq=False)
class _Efforts:
    """One entry per pair and base level."""

    shown: BoolArray  # later scores pass the target beyond noise
    measured: FloatArray
    predicted: FloatArray  # median; inf where less than half of the draws get there
    probability: FloatArray  # of getting there by the last later checkpoint
    covered: BoolArray
    missed: BoolArray


def _test_scores(case: _Case, seed: int) -> _Scores:
    """Every later score against its prediction."""
    sample = case.sample
    model, point = np.nonzero(sample.present & ~case.is_early)
    measured = sample.score[model, point]
    curves = case.curves(sample.step)[:, model, point]
    noise = case.forecast.noise_factor[:, model] * sample.noise.sd[model, point]
    plausible = curves + noise * np.random.default_rng(seed).standard_normal(curves.shape)
    last = case.early[model] - 1
    return _Scores(
        error=np.median(curves, axis=0) - measured,
        carried_error=sample.score[model, last] - measured,
        noise=np.median(noise, axis=0),
        covered=inside(plausible, measured),
        crps=crps(plausible, measured),
        near=sample.step[model, point] <= HORIZON * sample.step[model, last],
    )


def _test_efforts(case: _Case) -> _Efforts:
    """Every catch-up that was still to come after the early checkpoints."""
    sample, is_early, noise = case.sample, case.is_early, case.noise
    between = np.expm1(np.log1p(sample.max_step)[:, None] * np.linspace(0.0, 1.0, GRID))
    measured = np.where(sample.present, sample.step, sample.max_step[:, None])
    steps = np.sort(np.concatenate([between, measured], axis=1), axis=1)
    drawn = case.curves(np.minimum(steps, sample.max_step[:, None]))
    parts: list[_Efforts] = []
    for level in np.unique(sample.step[sample.present & is_early]).tolist():
        models, points = np.nonzero(sample.present & is_early & (sample.step == level))
        column = np.less(steps[models], level).sum(axis=1)
        targets = drawn[:, models, column]
        for climber, (i, start) in enumerate(zip(models.tolist(), column.tolist(), strict=True)):
            rivals, slack = _ahead(case, noise, models, points, climber)
            if rivals.size:
                efforts = _draw_efforts(steps[i, start:], drawn[:, i, start:], targets[:, rivals])
                target = sample.score[models[rivals], points[rivals]]
                parts.append(_climb(case, i, level, target, slack, efforts))
    if not parts:
        nothing, never = np.zeros(0), np.zeros(0, dtype=np.bool_)
        return _Efforts(
            shown=never, measured=nothing, predicted=nothing, probability=nothing, covered=never, missed=never
        )
    return _Efforts(
        shown=np.concatenate([part.shown for part in parts]),
        measured=np.concatenate([part.measured for part in parts]),
        predicted=np.concatenate([part.predicted for part in parts]),
        probability=np.concatenate([part.probability for part in parts]),
        covered=np.concatenate([part.covered for part in parts]),
        missed=np.concatenate([part.missed for part in parts]),
    )


def _ahead(
    case: _Case, noise: FloatArray, models: IntArray, points: IntArray, climber: int
) -> tuple[IntArray, FloatArray]:
    """Positions in ``models`` of the nearest rivals clearly ahead from a level on, and what ``clearly`` means for each.

    ``points`` are the columns of the level.
    """
    sample = case.sample
    i, first = int(models[climber]), int(points[climber])
    own = noise[i, sample.present[i]]
    target = sample.score[models, points]
    slack = BEYOND_NOISE * np.hypot(noise[models, points], np.median(own))
    behind = np.flatnonzero(target - slack > sample.score[i, first : int(case.early[i])].max())
    closest = behind[np.argsort(target[behind], kind="stable")[:NEAREST_RIVALS]]
    return closest, slack[closest]


def _climb(
    case: _Case, i: int, level: float, target: FloatArray, slack: FloatArray, efforts: Float[FloatArray, "draws rivals"]
) -> _Efforts:
    """One climber against rivals ahead at a level: what the later checkpoints show beside what the draws say."""
    sample, last_early = case.sample, int(case.early[i]) - 1
    step = sample.step[i, sample.present[i]][last_early:]
    later = sample.score[i, sample.present[i]][last_early:]
    x = np.log1p(step)
    measured, soonest, latest = (_crossing(x, later, target + shift) - level for shift in (0.0 * slack, -slack, slack))
    # never reached: later than the last checkpoint is all that is known
    soonest = np.minimum(soonest, step[-1] - level)
    low, predicted, high = np.quantile(efforts, (INTERVAL[0], 0.5, INTERVAL[1]), axis=0, method="inverted_cdf")
    return _Efforts(
        shown=later.max() > target + slack,
        measured=measured,
        predicted=predicted,
        probability=np.isfinite(efforts).mean(axis=0),
        covered=(low <= latest) & (soonest <= high),
        missed=(later.max() < target - slack) & np.isfinite(predicted),
    )


def _draw_efforts(
    step: Float[FloatArray, " steps"],
    score: Float[FloatArray, "draws steps"],
    target: Float[FloatArray, "draws rivals"],
) -> Float[FloatArray, "draws rivals"]:
    """Further effort until a draw of a curve first reaches its draw of a target, linear in log steps; inf: never."""
    best = np.maximum.accumulate(score, axis=1)
    right = (best[:, None, :] < target[..., None]).sum(axis=2)
    never = right == step.size
    right = np.clip(right, 1, max(step.size - 1, 1))
    row = np.arange(len(score))[:, None]
    low, high = best[row, right - 1], best[row, np.minimum(right, step.size - 1)]
    rise = np.where(high > low, high - low, 1.0)
    share = np.clip((target - low) / rise, 0.0, 1.0)
    x = np.log1p(step)
    ahead = x[np.minimum(right, step.size - 1)] - x[right - 1]
    return np.where(never, np.inf, np.expm1(x[right - 1] + share * ahead) - step[0])


def _crossing(x: FloatArray, score: FloatArray, targets: FloatArray) -> FloatArray:
    """Step at which the score first reaches each target, linear in ``x = log1p(step)``; inf where it never does."""
    reached = score >= targets[:, None]
    right = np.maximum(reached.argmax(axis=1), 1)
    left = right - 1
    rise = np.where(score[right] > score[left], score[right] - score[left], 1.0)
    share = np.clip((targets - score[left]) / rise, 0.0, 1.0)
    return np.where(reached.any(axis=1), np.expm1(x[left] + share * (x[right] - x[left])), np.inf)


def _mean(values: FloatArray | BoolArray) -> float | None:
    return float(values.mean()) if len(values) else None


def _root(square: float | None) -> float | None:
    return None if square is None else math.sqrt(square)
