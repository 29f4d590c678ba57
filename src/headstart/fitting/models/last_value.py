"""The last measured score for ever: the forecast that every other has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.fitting.curve_model import CurveDraws
from headstart.fitting.randomness import Streams
from headstart.fitting.sample import Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class LastValueDraws:
    """A score per draw and model, the same at every step from the last measured one on.

    Before it, the measured scores with the same error, linear in ``log1p(step)`` between them.
    """

    x: Float[FloatArray, "models points"]
    measured: Float[FloatArray, "models points"]
    error: Float[FloatArray, "draws models"]

    @property
    def noise_factor(self) -> Float[FloatArray, "draws models"]:
        """What is stated."""
        return np.ones(self.error.shape)

    def score(self, step: Float[FloatArray, "models points"]) -> Float[FloatArray, "draws models points"]:
        """Scores of every draw at steps of each model's own."""
        wanted = np.log1p(step)
        level = np.empty(step.shape)
        for model, at in enumerate(wanted):
            level[model] = np.interp(at, self.x[model], self.measured[model])
        return np.clip(level + self.error[..., None], 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class LastValueModel:
    """Carries the last measured score forward; a baseline, never chosen by itself."""

    name: str = "last-value"
    candidate: bool = False

    def draw(self, sample: Sample, *, draws: int, seed: int) -> CurveDraws:
        """The last score of every model with the error of its measurement."""
        last = sample.points - 1
        model = np.arange(len(last))
        normal = Streams.of(sample.names, seed, purpose=4).normal(draws)[..., 0]
        end = sample.score[model, last][:, None]
        return LastValueDraws(
            x=np.where(sample.present, np.log1p(sample.step), np.log1p(sample.max_step)[:, None]),
            measured=np.where(sample.present, sample.score, end),
            error=sample.noise.sd[model, last] * normal,
        )


MODEL = LastValueModel()
