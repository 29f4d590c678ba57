"""The logit power law: rises from a floor to a ceiling along ``log1p(step)`` and never leaves that shape.

Its draws saturate early: on real curves later gains are underestimated (docs/negative-results.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.contest.curves import LogitPower
from headstart.fitting.curve_model import CurveDraws
from headstart.fitting.estimate import Estimate, estimate
from headstart.fitting.sample import Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitPowerDraws:
    """Draws of ``L + (U - L) * sigmoid(alpha + beta * log1p(step))``."""

    estimate: Estimate

    @property
    def noise_factor(self) -> Float[FloatArray, "draws models"]:
        """The lack of fit counts as noise."""
        return np.broadcast_to(np.sqrt(self.estimate.scale), self.estimate.draws.L.shape)

    def score(self, step: Float[FloatArray, "models points"]) -> Float[FloatArray, "draws models points"]:
        """Scores of every draw at steps of each model's own."""
        law = self.estimate.draws
        return LogitPower(
            L=law.L[..., None], U=law.U[..., None], alpha=law.alpha[..., None], beta=law.beta[..., None]
        ).score(step)


@dataclass(frozen=True, kw_only=True)
class LogitPowerModel:
    """The law alone; see ``headstart.fitting.posterior`` for its prior."""

    name: str = "logit-power"
    candidate: bool = True

    def draw(self, sample: Sample, *, draws: int, seed: int) -> CurveDraws:
        """Draws from the posterior of every model's law."""
        return LogitPowerDraws(estimate=estimate(sample, draws=draws, seed=seed))


MODEL = LogitPowerModel()
