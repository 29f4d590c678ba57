"""Score curves fitted to trajectories, with their joint uncertainty and what the fit cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.curves import LogitPower
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting import flags as flag
from headstart.fitting.estimate import Estimate, Excluded, estimate, usable
from headstart.fitting.sample import OnForgetting, describe, treat
from headstart.progress import Progress


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """Fitted logit power laws of all models kept, in the order of ``models``.

    Args:
        trajectories: What was fitted.
        models: Names of the models kept, in the order of ``trajectories.models``.
        curves: Best curves (posterior mode), fields of shape (models,).
        draws: Plausible curves, fields of shape (draws, models); each row is one posterior draw.
        standard_errors: Standard deviation of L, U, alpha and beta over the draws, (models,) each.
        rmse: Root mean squared residual over the points fitted, in score units.
        chi2_per_point: Mean squared residual in stated standard errors; nan where none is stated.
        noise_scale: Factor by which lack of fit inflates the noise variance in ``draws``; without stated standard
            errors, the noise variance itself in units of (1 % of the score range) squared.
        max_step: Largest measured step; scores beyond are extrapolated.
        points: Distinct steps of each model.
        flags: What the points or the fit do not support; see ``headstart.fitting.flags``.
        treatment: What was done with a model that forgets; None for the others.
        excluded: Models left out.
        chance: Chance level, as given or as read from the file; None where unknown. In score units.
    """

    trajectories: Trajectories
    models: tuple[str, ...]
    curves: LogitPower
    draws: LogitPower
    standard_errors: Mapping[str, Float[FloatArray, " models"]]
    rmse: Float[FloatArray, " models"]
    chi2_per_point: Float[FloatArray, " models"]
    noise_scale: Float[FloatArray, " models"]
    max_step: Float[FloatArray, " models"]
    points: Int[IntArray, " models"]
    flags: tuple[tuple[str, ...], ...]
    treatment: tuple[str | None, ...]
    excluded: tuple[Excluded, ...]
    chance: float | None

    @property
    def cost_per_step(self) -> Float[FloatArray, " models"]:
        """Cost of one step of each model kept, in ``trajectories.cost_unit``."""
        known = {name: at for at, name in enumerate(self.trajectories.models)}
        return self.trajectories.cost_per_step[[known[name] for name in self.models]]


def fit(
    trajectories: Trajectories,
    *,
    on_forgetting: OnForgetting = "keep",
    draws: int = 200,
    seed: int = 0,
    chance: float | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit ``L + (U - L) * sigmoid(alpha + beta * log(1 + step))`` to every model, with uncertainty.

    The curve reported is the mode of the posterior whose draws carry the uncertainty (see
    ``headstart.fitting.posterior``): where a trajectory determines its curve this is the weighted least-squares fit,
    elsewhere its shape is drawn towards that of the other models, and it then errs towards an early ceiling: where
    later gains matter, read the draws. Residuals larger than the stated standard errors widen the draws.

    Args:
        trajectories: Measured scores.
        on_forgetting: What to do with models whose score falls from its peak beyond noise. ``keep``: fit all points by
            a rising curve, as if the fall were noise. ``peak``: fit up to the peak and hold its score (the developer
            keeps the best checkpoint). ``exclude``: leave the model out.
        draws: Number of posterior draws, >= 2.
        seed: Seed of the draws; results do not depend on the order of the models.
        chance: Score of guessing; read from the file when None, where two models without a gain share the bottom.
        progress: Called as the work proceeds.

    Raises:
        InputError: If an option is out of range or no model can be fitted.

    Source: Chen, Zhang, Hardt (arXiv 2603.08371), Sec. 5.4, for the curve.

    >>> steps = [0, 10, 100, 1000, 3000]
    >>> law = LogitPower(L=0.3, U=0.6, alpha=-5.0, beta=1.0)
    >>> measured = Trajectories.from_rows(model=["m"] * 5, step=steps, score=law.score(steps), stderr=[0.004] * 5)
    >>> abs(float(fit(measured).curves.score(500)[0]) - float(law.score(500))) < 0.01
    True
    """
    if on_forgetting not in get_args(OnForgetting):
        raise InputError(f"on_forgetting must be one of {', '.join(get_args(OnForgetting))}, got {on_forgetting!r}")
    if draws < 2:
        raise InputError(f"draws must be >= 2, got {draws}")
    low, high = trajectories.score_range
    if chance is not None and not low <= chance <= high:
        raise InputError(f"chance must be within the score range [{low:g}, {high:g}], got {chance:g}")
    sample, excluded = usable(trajectories)
    scale = sample.least_squares()[1]
    described = describe(sample, None if chance is None else (chance - low) / (high - low), scale)
    sample, treatment = treat(sample, described, on_forgetting)
    kept = np.arange(len(sample.names))
    if on_forgetting == "exclude":
        forgets = np.array([flag.FORGETS in found for found in described.flags])
        dropped: list[int] = kept[forgets].tolist()
        excluded += [Excluded(name=sample.names[at], reason=f"forgets: {treatment[at]}") for at in dropped]
        kept = kept[~forgets]
    if not kept.size:
        reasons = "; ".join(f"{item.name}: {item.reason}" for item in excluded)
        raise InputError(f"trajectories must be of at least one model that can be fitted, got none ({reasons})")
    found = estimate(sample.take(kept), draws=draws, seed=seed, progress=progress)
    order = {name: at for at, name in enumerate(trajectories.models)}
    back = np.argsort([order[sample.names[at]] for at in kept.tolist()])
    rows: list[int] = kept[back].tolist()
    return _assemble(
        trajectories,
        found.take(back),
        excluded=tuple(sorted(excluded, key=lambda item: order[item.name])) + _never_scored(trajectories),
        point_flags=[described.flags[at] for at in rows],
        treatment=tuple(treatment[at] for at in rows),
        chance=None if described.chance is None else low + (high - low) * described.chance,
    )


def _never_scored(trajectories: Trajectories) -> tuple[Excluded, ...]:
    return tuple(Excluded(name=name, reason="no score at all: it diverged") for name in trajectories.without_score)


def _assemble(
    trajectories: Trajectories,
    estimate: Estimate,
    *,
    excluded: tuple[Excluded, ...],
    point_flags: list[tuple[str, ...]],
    treatment: tuple[str | None, ...],
    chance: float | None,
) -> Fit:
    """The result in score units, with the flags of the fit added to those of the points."""
    low, high = trajectories.score_range
    sample, freedom = estimate.sample, estimate.sample.freedom()
    residual = np.where(sample.fitted, sample.score - _at_steps(estimate.mode, sample.step), 0.0)
    count = sample.fitted.sum(axis=1)
    squares = ((residual / sample.noise.sd) ** 2).sum(axis=1)
    typical = 1.0 if sample.noise.stated else float(np.median(estimate.scale))
    holds = {
        flag.CEILING_NOT_IDENTIFIED: _ceiling_open(estimate),
        flag.POOR_FIT: flag.poor_fit(estimate.chi2 / typical, freedom),
    }
    all_flags = tuple(
        found + tuple(name for name, true in holds.items() if true[at]) for at, found in enumerate(point_flags)
    )
    draws = _rescaled(estimate.draws, low, high)
    return Fit(
        trajectories=trajectories,
        models=sample.names,
        curves=_rescaled(estimate.mode, low, high),
        draws=draws,
        standard_errors={name: getattr(draws, name).std(axis=0, ddof=1) for name in ("L", "U", "alpha", "beta")},
        rmse=(high - low) * np.sqrt((residual**2).sum(axis=1) / count),
        chi2_per_point=squares / count if sample.noise.stated else np.full(len(count), np.nan),
        noise_scale=estimate.scale,
        max_step=sample.max_step,
        points=sample.present.sum(axis=1),
        flags=all_flags,
        treatment=treatment,
        excluded=excluded,
        chance=chance,
    )


def _at_steps(curves: LogitPower, step: FloatArray) -> FloatArray:
    """Scores of curve i at its own steps ``step[i]``."""
    return LogitPower(
        L=curves.L[:, None], U=curves.U[:, None], alpha=curves.alpha[:, None], beta=curves.beta[:, None]
    ).score(step)


def _rescaled(curves: LogitPower, low: float, high: float) -> LogitPower:
    span = high - low
    return LogitPower(L=low + span * curves.L, U=low + span * curves.U, alpha=curves.alpha, beta=curves.beta)


def _ceiling_open(estimate: Estimate) -> BoolArray:
    """Whether much of the rise may lie beyond the last measured step."""
    sample = estimate.sample
    first = np.where(sample.present, sample.step, np.inf).min(axis=1)
    seen = estimate.mode.score(sample.max_step) - estimate.mode.score(first)
    beyond = np.quantile(estimate.draws.shortfall(sample.max_step), 0.975, axis=0)
    noise = np.array([np.median(sd[here]) for sd, here in zip(sample.noise.sd, sample.present, strict=True)])
    return beyond > np.maximum(flag.CEILING_SHARE * seen, 3 * noise * np.sqrt(estimate.scale))
