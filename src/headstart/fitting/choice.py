"""Which curve model forecasts a file: the one that would have forecast the file's own later scores best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.fitting.curve_model import CurveDraws, CurveModel
from headstart.fitting.models import DEFAULT
from headstart.fitting.models.pool import PoolModel
from headstart.fitting.origins import FEWEST_EARLY, Origin, origins
from headstart.fitting.sample import Sample
from headstart.fitting.scoring import crps

TEST_DRAWS = 100
"""Draws of each candidate per origin: their own noise is far below the difference that counts."""

TEST_MODELS = 64
"""Models (evenly spaced) that candidates are compared on."""

TEST_ORIGINS = 3
"""Most points held back: the latest divisions are closest to the forecast to be made."""

FEWEST_MODELS, FEWEST_ORIGINS = 5, 2
"""Without so many there is no choice: the error of the difference could not be told."""

CLEAR = 2.0
"""Standard errors (over models) by which a candidate must be better than the default to take its place."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The model chosen and why.

    Args:
        name: Of the model.
        reason: In a sentence.
        mean_crps: Mean continuous ranked probability score of each candidate at the rolling origins, in score units,
            smaller is better; empty where nothing was compared.
        origins: Number of rolling origins compared on.
    """

    name: str
    reason: str
    mean_crps: Mapping[str, float]
    origins: int


def choose(sample: Sample, candidates: Sequence[CurveModel], *, seed: int) -> Choice:
    """Compare the candidates on the last points of the models, held back one, two and three at a time.

    The default model keeps its place unless a candidate is better at every origin and, in mean, by ``CLEAR`` standard
    errors of the difference: a few origins in one file are weak evidence, and the best of several is partly lucky.

    Args:
        sample: The points.
        candidates: The models to compare; the default among them.
        seed: Of the draws.
    """
    tested = list(origins(sample.spread(TEST_MODELS), most=TEST_ORIGINS))
    models = max((len(origin.all.names) for origin in tested), default=0)
    if len(tested) < FEWEST_ORIGINS or models < FEWEST_MODELS:
        reason = (
            f"{DEFAULT} by default: to compare forecasts with later scores {FEWEST_MODELS} models with "
            f"{FEWEST_EARLY + FEWEST_ORIGINS} measured steps are needed, got {_enough(sample)}"
        )
        return Choice(name=DEFAULT, reason=reason, mean_crps={}, origins=0)
    scores = {model.name: np.full((len(tested), models), np.nan) for model in candidates}
    for at, origin in enumerate(tested):
        for name, mean in _mean_scores(origin, candidates, seed).items():
            scores[name][at, : mean.size] = mean
    means = {name: float(np.nanmean(each)) for name, each in scores.items()}
    name = min(means, key=lambda one: (means[one], one != DEFAULT))
    if name != DEFAULT and not _clearly_better(scores[name] - scores[DEFAULT]):
        reason = (
            f"{DEFAULT}: no curve model forecasts later scores of this file clearly better (mean ranked probability "
            f"score {means[DEFAULT]:.4g} of the score range, {name} {means[name]:.4g})"
        )
        return Choice(name=DEFAULT, reason=reason, mean_crps=means, origins=len(tested))
    reason = (
        f"{name}: it forecasts later scores of this file best (mean ranked "
        f"probability score {means[name]:.4g} of the score range, {DEFAULT} {means[DEFAULT]:.4g})"
    )
    return Choice(name=name, reason=reason, mean_crps=means, origins=len(tested))


def _enough(sample: Sample) -> int:
    """Models with enough points to be compared on."""
    return int((sample.points >= FEWEST_EARLY + FEWEST_ORIGINS).sum())


def _clearly_better(difference: Float[FloatArray, "origins models"]) -> bool:
    """Whether a difference of scores to the default is negative at every origin and in mean beyond its error."""
    each = np.nanmean(difference, axis=0)
    error = float(each.std(ddof=1)) / np.sqrt(each.size)
    return bool((np.nanmean(difference, axis=1) < 0).all()) and float(each.mean()) < -CLEAR * error


def _mean_scores(
    origin: Origin, candidates: Sequence[CurveModel], seed: int
) -> dict[str, Float[FloatArray, " models"]]:
    """Mean score of each candidate on the later points of each model."""
    drawn: dict[str, CurveDraws] = {}
    for model in candidates:
        if not isinstance(model, PoolModel):
            drawn[model.name] = model.draw(origin.early, draws=TEST_DRAWS, seed=seed)
    for model in candidates:
        if isinstance(model, PoolModel):  # made of draws that are there already
            parts = [drawn[part.name] for part in model.parts]
            drawn[model.name] = model.pooled(parts, TEST_DRAWS)
    model_of, point = np.nonzero(origin.later)
    step = np.where(origin.later, origin.all.step, 0.0)
    count = origin.later.sum(axis=1)
    out: dict[str, FloatArray] = {}
    for name, draws in drawn.items():
        noise = draws.noise_factor[..., None] * origin.all.noise.sd
        generator = np.random.default_rng((seed, 5))
        curve = draws.score(step)[:, model_of, point]
        predicted = curve + noise[:, model_of, point] * generator.standard_normal(curve.shape)
        error = crps(predicted, origin.all.score[model_of, point])
        total = np.bincount(model_of, weights=error, minlength=len(count))
        out[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return out
