"""The pool: half of the draws from each of two models that fail in different ways.

The law with its discrepancy holds the course of curves that have begun to rise; the learning clock knows of late starts
and of ends. A linear pool is wider than either where they disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray
from headstart.fitting.curve_model import CurveDraws, CurveModel
from headstart.fitting.models import discrepancy, learning_clock
from headstart.fitting.sample import Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class PooledDraws:
    """Draws of several models in turn: draw d is of model d modulo their number."""

    parts: tuple[CurveDraws, ...]
    draws: int

    @property
    def noise_factor(self) -> Float[FloatArray, "draws models"]:
        """That of the model each draw is from."""
        return self._merge([part.noise_factor for part in self.parts])

    def score(self, step: Float[FloatArray, "models points"]) -> Float[FloatArray, "draws models points"]:
        """Scores of every draw at steps of each model's own."""
        return self._merge([part.score(step) for part in self.parts])

    def _merge(self, parts: list[FloatArray]) -> FloatArray:
        out = np.empty((self.draws, *parts[0].shape[1:]))
        for turn, part in enumerate(parts):
            rows: IntArray = np.arange(turn, self.draws, len(parts))
            out[rows] = part[: rows.size]
        return out


@dataclass(frozen=True, kw_only=True)
class PoolModel:
    """Equal shares of several models."""

    parts: tuple[CurveModel, ...]
    name: str = "pool"
    candidate: bool = True

    def draw(self, sample: Sample, *, draws: int, seed: int) -> CurveDraws:
        """Draws of every part, in turn."""
        each = max(2, -(-draws // len(self.parts)))
        return self.pooled([part.draw(sample, draws=each, seed=seed) for part in self.parts], draws)

    @staticmethod
    def pooled(parts: list[CurveDraws], draws: int) -> PooledDraws:
        """Draws made already, taken in turn."""
        return PooledDraws(parts=tuple(parts), draws=draws)


MODEL = PoolModel(parts=(discrepancy.MODEL, learning_clock.MODEL))
