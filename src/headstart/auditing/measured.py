"""What was measured at each step: scores and standard errors of all models, and which models fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from headstart.auditing.values import Faller
from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.data.trajectories import Trajectories

BEYOND_NOISE = 1.96
"""Standard errors of a difference beyond which it counts as a change, not noise."""

COMMON = 0.5
"""A step is a measured level of the field where at least this share of the models was measured."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredScores:
    """Mean scores over replicates, one row per model and one column per measured step.

    Args:
        names: Model names.
        steps: Distinct measured steps, rising, shape (steps,).
        score: Mean score, nan where a model was not measured.
        stderr: Standard error of that mean, nan where nothing is known about it.
    """

    names: tuple[str, ...]
    steps: Float[FloatArray, " steps"]
    score: Float[FloatArray, "models steps"]
    stderr: Float[FloatArray, "models steps"]

    @classmethod
    def of(cls, trajectories: Trajectories) -> MeasuredScores:
        """All models of ``trajectories``."""
        table = trajectories.per_model()
        steps = np.unique(table.step[table.present])
        shape = (len(trajectories.models), steps.size)
        score, stderr = np.full(shape, np.nan), np.full(shape, np.nan)
        model, point = np.nonzero(table.present)
        column = np.searchsorted(steps, table.step[model, point])
        score[model, column], stderr[model, column] = table.score[model, point], table.stderr[model, point]
        return cls(names=trajectories.models, steps=steps, score=score, stderr=stderr)

    @property
    def present(self) -> Bool[BoolArray, "models steps"]:
        """Where a model was measured."""
        return ~np.isnan(self.score)

    @property
    def common_steps(self) -> tuple[float, ...]:
        """Steps at which at least the share ``COMMON`` of the models was measured."""
        return tuple(self.steps[self.present.mean(axis=0) >= COMMON].tolist())

    @property
    def first(self) -> IntArray:
        """Column of each model's first measurement."""
        return self.present.argmax(axis=1)

    @property
    def last(self) -> IntArray:
        """Column of each model's last measurement."""
        return self.steps.size - 1 - self.present[:, ::-1].argmax(axis=1)

    def at(self, level: float) -> tuple[Float[FloatArray, " models"], Float[FloatArray, " models"]]:
        """Scores and standard errors at a level; nan where a model was not measured there."""
        column = np.flatnonzero(self.steps == level)
        if not column.size:
            nothing = np.full(len(self.names), np.nan)
            return nothing, nothing
        return self.score[:, column[0]], self.stderr[:, column[0]]

    @property
    def typical_stderr(self) -> float | None:
        """Root mean square of the models' median standard errors; None where none is known."""
        known = ~np.isnan(self.stderr)
        medians = [float(np.median(row[here])) for row, here in zip(self.stderr, known, strict=True) if here.any()]
        return float(np.sqrt(np.mean(np.square(medians)))) if medians else None


def find_fallers(measured: MeasuredScores) -> tuple[Faller, ...]:
    """Models whose score falls beyond noise from their best earlier measurement to their last, largest fall first.

    The fall is measured from the best of all earlier scores, so its standard error understates the luck of a maximum:
    the finding says where to look, not who cheated.
    """
    found: list[Faller] = []
    last = measured.last
    for m, name in enumerate(measured.names):
        own = np.flatnonzero(measured.present[m])
        if own.size < 2:
            continue
        peak = own[int(np.argmax(measured.score[m, own]))]
        change = measured.score[m, last[m]] - measured.score[m, peak]
        error = np.hypot(measured.stderr[m, last[m]], measured.stderr[m, peak])
        if peak == last[m] or not change < -BEYOND_NOISE * np.nan_to_num(error):
            continue
        found.append(
            Faller(
                name=name,
                peak_step=float(measured.steps[peak]),
                peak_score=float(measured.score[m, peak]),
                last_step=float(measured.steps[last[m]]),
                last_score=float(measured.score[m, last[m]]),
                stderr=None if np.isnan(error) else float(error),
            )
        )
    return tuple(sorted(found, key=lambda one: one.last_score - one.peak_score))
