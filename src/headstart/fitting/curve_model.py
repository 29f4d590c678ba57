"""What a curve model is: measured points in, posterior draws of whole score curves out.

A new model is one file that defines a value with ``name``, ``candidate`` and ``draw``, and one registration: a line in
``headstart.fitting.models`` or, from another package, an entry point in the group ``headstart.curve_models``.
"""

from __future__ import annotations

from typing import Protocol

from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.fitting.sample import Sample

HORIZON = 2.0
"""A forecast is made up to this multiple of the last measured step. On 55 trajectories of a public benchmark 95 %
intervals held what came later up to there (bench/forecast_quality.py)."""

FARTHEST = 5.0
"""Up to this multiple a forecast is shown with a mark; beyond it none is made."""


class CurveDraws(Protocol):
    """Posterior draws of the curves of all models of a sample, scores in [0, 1].

    A draw is a function: asked twice for the same step it gives the same score, whatever else it is asked for.
    """

    @property
    def noise_factor(self) -> Float[FloatArray, "draws models"]:
        """Scatter of a measured score around the curve, in standard errors as ``Sample.noise`` gives them.

        It may be below 1: checkpoints are tested on the same items, whose choice moves all of them together and is no
        scatter around the curve.
        """
        ...

    def score(self, step: Float[FloatArray, "models points"]) -> Float[FloatArray, "draws models points"]:
        """Scores at steps of each model's own, >= 0."""
        ...


class CurveModel(Protocol):
    """A family of score curves with its prior."""

    @property
    def name(self) -> str:
        """How the model is asked for."""
        ...

    @property
    def candidate(self) -> bool:
        """Whether the model takes part when a forecast chooses its model by itself."""
        ...

    def draw(self, sample: Sample, *, draws: int, seed: int) -> CurveDraws:
        """Draws from the posterior of every model's curve, given the points of all models.

        Nothing may depend on the order of the models but the order of the result.

        Args:
            sample: The points, two or more per model.
            draws: Number of draws, 2 or more.
            seed: Of the draws.
        """
        ...
