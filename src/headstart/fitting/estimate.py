"""The logit power law of every model of a sample, scores in [0, 1]: posterior mode, draws and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray
from headstart.contest.curves import LogitPower
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.kernel import solve
from headstart.fitting.posterior import draw_curves, shared_prior
from headstart.fitting.sample import Sample
from headstart.progress import Progress

FEWEST_POINTS = 2
"""Distinct steps without which a model has no trajectory."""


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """A model left out of the fit, and why."""

    name: str
    reason: str


def usable(trajectories: Trajectories) -> tuple[Sample, list[Excluded]]:
    """The models with a trajectory, and those without."""
    sample = Sample.of(trajectories)
    enough = sample.present.sum(axis=1) >= FEWEST_POINTS
    if not enough.any():
        raise InputError(f"trajectories must hold a model with {FEWEST_POINTS} distinct steps or more, got none")
    diverged = {run.model for run in trajectories.divergences}
    excluded = [
        Excluded(
            name=name,
            reason=f"fewer than {FEWEST_POINTS} distinct steps" + (" with a score: it diverged" * (name in diverged)),
        )
        for name, kept in zip(sample.names, enough.tolist(), strict=True)
        if not kept
    ]
    return sample.take(np.flatnonzero(enough)), excluded


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """Curves of a sample, scores in [0, 1]; ``mode`` has fields (models,), ``draws`` (draws, models)."""

    sample: Sample
    chi2: Float[FloatArray, " models"]  # of the least-squares curves, for the test of fit
    scale: Float[FloatArray, " models"]  # factor on the noise variance
    mode: LogitPower
    draws: LogitPower

    def take(self, index: IntArray) -> Estimate:
        """The models at ``index``."""
        draws = self.draws
        return Estimate(
            sample=self.sample.take(index),
            chi2=self.chi2[index],
            scale=self.scale[index],
            mode=self.mode.take(index),
            draws=LogitPower(
                L=draws.L[:, index], U=draws.U[:, index], alpha=draws.alpha[:, index], beta=draws.beta[:, index]
            ),
        )


def estimate(sample: Sample, *, draws: int, seed: int, progress: Progress | None = None) -> Estimate:
    """Noise, shared prior, posterior mode and draws.

    Args:
        sample: The points.
        draws: Number of posterior draws.
        seed: Of the draws.
        progress: Called as the work proceeds.
    """
    solved, scale = sample.least_squares()
    problems = sample.problems(scale)
    prior = shared_prior(problems)
    mode = solve(problems, prior)
    drawn = draw_curves(problems, prior, draws, seed, progress)
    return Estimate(
        sample=sample,
        chi2=solved.chi2,
        scale=scale,
        mode=_curves(mode.floor, mode.ceiling, mode.shape),
        draws=_curves(drawn.floor, drawn.ceiling, drawn.shape),
    )


def _curves(floor: FloatArray, ceiling: FloatArray, shape: FloatArray) -> LogitPower:
    """Midpoint and log slope as alpha and beta."""
    beta = np.exp(shape[..., 1])
    return LogitPower(L=floor, U=ceiling, alpha=-beta * shape[..., 0], beta=beta)
