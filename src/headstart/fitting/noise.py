"""How far a measured score may lie from its curve: stated standard errors, lack of fit, or residuals alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.data.trajectories import PerModel

PARAMETERS = 4
"""Numbers fitted per curve."""

NOMINAL = 0.01
"""Standard error (share of the score range) that weighs all points equally where none is stated; its size drops out."""

SMALLEST = 1e-4
"""Smallest noise taken for estimated: scores are rarely written with more digits, and a perfect fit proves nothing."""

SHARED_FREEDOM = 2.0
"""Degrees of freedom lent to each model's own noise estimate by the typical model of the file; with ten checkpoints
(six degrees of its own) a model's own residuals still count three times as much."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Noise:
    """Standard errors of the scores, rescaled to [0, 1]; ``stated`` is False where no row gives one."""

    sd: Float[FloatArray, "models points"]
    stated: bool


def measurement_noise(table: PerModel, span: float) -> Noise:
    """Stated standard errors, gaps filled with the model's median, else with the file's.

    A stated standard error of 0 says that the score was not measured; it counts as missing.

    Args:
        table: Averaged points, in score units.
        span: Length of the score range.
    """
    known = table.present & (table.stderr > 0)
    if not known.any():
        return Noise(sd=np.full(table.score.shape, NOMINAL), stated=False)
    stderr = np.where(known, table.stderr, np.nan) / span
    overall = float(np.nanmedian(stderr))
    own = np.array([np.median(row[~np.isnan(row)]) if not np.isnan(row).all() else overall for row in stderr])
    return Noise(sd=np.where(known, stderr, own[:, None]), stated=True)


def variance_scale(
    chi2: Float[FloatArray, " models"], freedom: Float[FloatArray, " models"], noise: Noise
) -> Float[FloatArray, " models"]:
    """Factor on the noise variance that each model's residuals ask for.

    ``(own chi2 + SHARED_FREEDOM * typical) / (own freedom + SHARED_FREEDOM)``, where ``typical`` is the median of
    chi2 / freedom in the file (corrected for the skew of the distribution). Stated standard errors are never shrunk:
    the factor is at least 1 then, since smaller residuals than expected are luck.

    Args:
        chi2: Weighted residual sum of squares of each model.
        freedom: Points minus fitted numbers, at least 0.
        noise: The standard errors that weighted them.
    """
    testable = freedom > 0
    typical = 1.0
    if testable.any():
        # the median of chi2 with f degrees of freedom is close to f * (1 - 2 / (9 f)) ** 3
        centre = freedom[testable] * (1 - 2 / (9 * freedom[testable])) ** 3
        typical = float(np.median(chi2[testable] / centre))
    if noise.stated:
        typical = max(typical, 1.0)
    scale = (chi2 * testable + SHARED_FREEDOM * typical) / (freedom + SHARED_FREEDOM)
    return np.maximum(scale, 1.0) if noise.stated else np.maximum(scale, (SMALLEST / NOMINAL) ** 2)


def scatter_prior(sample_noise: Noise, residual_scale: Float[FloatArray, " models"]) -> tuple[float, float]:
    """Normal prior on the log of the scatter around a curve, in standard errors: its mean and standard deviation.

    Stated standard errors contain the choice of the items, which all checkpoints of a model share. What is left was .4
    to 1.1 of it between seeds, so the prior is centred at .7. Where none is stated the residuals of the typical model
    tell the size.

    Args:
        sample_noise: The standard errors.
        residual_scale: Factor on their variance that each model's residuals ask for (``variance_scale``).
    """
    if sample_noise.stated:
        return float(np.log(0.7)), 0.4
    return float(np.log(np.median(residual_scale)) / 2), 0.7
