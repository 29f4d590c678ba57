"""How well fits to early checkpoints predict the later ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.compare import effort_to_beat
from headstart.contest.curves import LogitPower
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.fit import fit
from headstart.fitting.sample import OnForgetting, Sample

INTERVAL = (0.025, 0.975)

EARLY_POINTS = 5
"""Fewest early checkpoints of a model that is tested: one more than the numbers fitted."""

NEAREST_RIVALS = 20
"""Rivals looked at above each climber, the closest first: those further up are rarely reached and would pass for
successes of the prediction."""

BEYOND_NOISE = 2.0
"""Standard errors of a difference of two scores by which one must lie above the other to count as above."""


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """Fits to the earliest share of each model's checkpoints against the rest.

    Every count says how many cases the figures beside it rest on; a figure without cases is None.

    Args:
        fraction: Share of each model's checkpoints that was fitted.
        models: Models tested.
        skipped: Models with too few early or no later checkpoints.
        scores: Number of later scores predicted.
        mean_absolute_error: Of those scores, in score units.
        root_mean_squared_error: The same.
        mean_error: Predicted minus measured; negative where the fits underestimate later gains.
        typical_noise: Median standard error of the later scores as the fit sees it; no prediction does better.
        carried_forward_error: Mean absolute error of predicting the last early score for ever, for comparison.
        score_coverage: Share of later scores inside their 95 % predictive interval (curve and measurement noise).
        pairs: Number of pairs (i, k) and base levels at which i had not come near k's score by its last early
            checkpoint; the later checkpoints show whether and when it does.
        pair_coverage: Share of ``pairs`` whose measured catch-up effort (a range, for its noise; open above where k's
            score is not reached) meets the 95 % interval.
        catch_ups: Number of ``pairs`` in which later checkpoints show i passing k's score beyond noise.
        effort_coverage: Share of ``catch_ups`` whose measured effort meets the 95 % interval. These were picked for
            having risen, so that less than 95 % is to be expected.
        called_unreachable: How many of ``catch_ups`` the best curves had called unreachable.
        median_effort_ratio: Median of predicted / measured catch-up effort among the other ``catch_ups``.
        typical_effort_factor: exp of the median ``abs(log(predicted / measured))`` of the same; 2 is a factor of two.
        missed: Number of ``pairs`` predicted to catch up within the measured steps that stay below beyond noise.
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


def backtest(
    trajectories: Trajectories,
    *,
    fraction: float = 0.6,
    on_forgetting: OnForgetting = "keep",
    draws: int = 200,
    seed: int = 0,
) -> Backtest:
    """Fit the earliest ``fraction`` of each model's checkpoints and compare with the later ones.

    Catch-ups are looked for at every early checkpoint as base level: a pair (i, k) counts where all that i scored from
    there to its last early checkpoint lies below k's measured score by ``BEYOND_NOISE`` standard errors, and k is one
    of the ``NEAREST_RIVALS`` such. The measured effort is the interpolated crossing (in log steps) less the base level;
    its range is that of the crossings when the target moves by ``BEYOND_NOISE`` standard errors.

    Args:
        trajectories: Measured scores.
        fraction: Share of checkpoints that is fitted, in (0, 1); rounded up to whole checkpoints.
        on_forgetting: As in ``fit``.
        draws: Draws behind the intervals.
        seed: Seed of the draws.

    Raises:
        InputError: If ``fraction`` is out of range or no model has early and later checkpoints enough.
    """
    if not 0 < fraction < 1:
        raise InputError(f"fraction must be between 0 and 1, got {fraction:g}")
    sample = Sample.of(trajectories)
    count = sample.present.sum(axis=1)
    early = np.ceil(fraction * count - 1e-9).astype(np.int64)
    tested = (early >= EARLY_POINTS) & (early < count)
    if not tested.any():
        raise InputError(f"trajectories must hold a model with {EARLY_POINTS} early checkpoints and more, got none")
    last_early = dict(zip(sample.names, sample.step[np.arange(len(early)), early - 1].tolist(), strict=True))
    limit = np.array([last_early[name] for name in trajectories.models])[trajectories.model]
    fitted = fit(trajectories.where(trajectories.step <= limit), on_forgetting=on_forgetting, draws=draws, seed=seed)

    place = {name: at for at, name in enumerate(sample.names)}
    in_sample = np.array([place[name] for name in fitted.models], dtype=np.int64)
    kept = np.flatnonzero(tested[in_sample])
    case = _Case(
        sample=sample.take(in_sample[kept]),
        early=early[in_sample[kept]],
        best=_columns(_to_unit(fitted.curves, trajectories.score_range), kept),
        draws=_columns(_to_unit(fitted.draws, trajectories.score_range), kept),
        scale=fitted.noise_scale[kept],
    )
    span = trajectories.score_range[1] - trajectories.score_range[0]
    scores, efforts = _test_scores(case, seed), _test_efforts(case)
    names = set(case.sample.names)
    predicted = efforts.predicted[efforts.shown]
    reachable = np.isfinite(predicted) & (predicted > 0)
    ratio = np.log(predicted[reachable] / efforts.measured[efforts.shown][reachable])
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
        called_unreachable=int(np.isinf(predicted).sum()),
        median_effort_ratio=float(np.exp(np.median(ratio))) if len(ratio) else None,
        typical_effort_factor=float(np.exp(np.median(np.abs(ratio)))) if len(ratio) else None,
        missed=int(efforts.missed.sum()),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Case:
    """The models tested: all their points, how many are early, and the curves fitted to those; scores in [0, 1]."""

    sample: Sample
    early: IntArray
    best: LogitPower  # (models,)
    draws: LogitPower  # (draws, models)
    scale: FloatArray

    @property
    def is_early(self) -> BoolArray:
        """Which columns hold early checkpoints, (models, points)."""
        return np.less(np.arange(self.sample.step.shape[1], dtype=np.int64)[None, :], self.early[:, None])

    @property
    def noise(self) -> FloatArray:
        """Standard errors as the fits see them, (models, points)."""
        return self.sample.noise.sd * np.sqrt(self.scale)[:, None]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scores:
    """One entry per later score."""

    error: FloatArray
    carried_error: FloatArray
    noise: FloatArray
    covered: BoolArray


@dataclass(frozen=True, kw_only=True, eq=False)
class _Efforts:
    """One entry per pair and base level."""

    shown: BoolArray  # later scores pass the target beyond noise
    measured: FloatArray
    predicted: FloatArray
    covered: BoolArray
    missed: BoolArray


def _test_scores(case: _Case, seed: int) -> _Scores:
    """Every later score against its prediction."""
    sample = case.sample
    model, point = np.nonzero(sample.present & ~case.is_early)
    measured, noise = sample.score[model, point], case.noise[model, point]
    step = sample.step[model, point]
    predicted = _columns(case.best, model).score(step)
    plausible = _columns(case.draws, model).score(step)
    plausible = plausible + noise * np.random.default_rng(seed).standard_normal(plausible.shape)
    low, high = np.quantile(plausible, INTERVAL, axis=0)
    return _Scores(
        error=predicted - measured,
        carried_error=sample.score[model, case.early[model] - 1] - measured,
        noise=noise,
        covered=(low <= measured) & (measured <= high),
    )


def _test_efforts(case: _Case) -> _Efforts:
    """Every catch-up that was still to come after the early checkpoints."""
    is_early = case.is_early
    parts: list[_Efforts] = []
    for level in np.unique(case.sample.step[case.sample.present & is_early]).tolist():
        models, points = np.nonzero(case.sample.present & is_early & (case.sample.step == level))
        for climber in range(len(models)):
            parts.append(_climb(case, level, models, points, climber))
    return _Efforts(
        shown=np.concatenate([part.shown for part in parts]),
        measured=np.concatenate([part.measured for part in parts]),
        predicted=np.concatenate([part.predicted for part in parts]),
        covered=np.concatenate([part.covered for part in parts]),
        missed=np.concatenate([part.missed for part in parts]),
    )


def _climb(case: _Case, level: float, models: IntArray, points: IntArray, climber: int) -> _Efforts:
    """One climber against all rivals measured at ``level``; ``points`` are the columns of that level."""
    sample, noise = case.sample, case.noise
    i, first = int(models[climber]), int(points[climber])
    last_early, end = int(case.early[i]) - 1, int(sample.present[i].sum())
    step, score, own_noise = sample.step[i, :end], sample.score[i, :end], noise[i, :end]
    target, slack = sample.score[models, points], noise[models, points]
    slack = BEYOND_NOISE * np.hypot(slack, np.median(own_noise))
    behind = target - slack > score[first : last_early + 1].max()
    closest = np.flatnonzero(behind)[np.argsort(target[behind], kind="stable")[:NEAREST_RIVALS]]
    rivals, target, slack = models[closest], target[closest], slack[closest]

    best = score[last_early:].max()
    x, later = np.log1p(step[last_early:]), score[last_early:]
    measured, soonest, latest = (_crossing(x, later, target + shift) - level for shift in (0.0 * slack, -slack, slack))
    predicted = _catch_up(case.best, i, rivals, level)
    plausible = _catch_up(case.draws, i, rivals, level)
    low, high = np.quantile(plausible, INTERVAL, axis=0, method="inverted_cdf")
    soonest = np.minimum(
        soonest, step[-1] - level
    )  # never reached: later than the last checkpoint is all that is known
    return _Efforts(
        shown=best > target + slack,
        measured=measured,
        predicted=predicted,
        covered=(low <= latest) & (soonest <= high),
        missed=(best < target - slack) & (level + predicted <= step[-1]),
    )


def _catch_up(curves: LogitPower, climber: int, rivals: IntArray, level: float) -> FloatArray:
    """Extra effort of one climber to pass each rival's score at ``level``; the last axis runs over rivals."""
    own = _columns(curves, np.full(len(rivals), climber))
    return np.maximum(effort_to_beat(own, _columns(curves, rivals), level) - level, 0.0)


def _crossing(x: FloatArray, score: FloatArray, targets: FloatArray) -> FloatArray:
    """Step at which the score first reaches each target, linear in ``x = log1p(step)``; inf where it never does."""
    reached = score >= targets[:, None]
    right = np.maximum(reached.argmax(axis=1), 1)
    left = right - 1
    rise = np.where(score[right] > score[left], score[right] - score[left], 1.0)
    share = np.clip((targets - score[left]) / rise, 0.0, 1.0)
    return np.where(reached.any(axis=1), np.expm1(x[left] + share * (x[right] - x[left])), np.inf)


def _columns(curves: LogitPower, index: IntArray) -> LogitPower:
    """The curves at ``index`` of the last axis."""
    return LogitPower(
        L=curves.L[..., index], U=curves.U[..., index], alpha=curves.alpha[..., index], beta=curves.beta[..., index]
    )


def _to_unit(curves: LogitPower, score_range: tuple[float, float]) -> LogitPower:
    low, span = score_range[0], score_range[1] - score_range[0]
    return LogitPower(L=(curves.L - low) / span, U=(curves.U - low) / span, alpha=curves.alpha, beta=curves.beta)


def _mean(values: FloatArray | BoolArray) -> float | None:
    return float(values.mean()) if len(values) else None


def _root(square: float | None) -> float | None:
    return None if square is None else math.sqrt(square)
