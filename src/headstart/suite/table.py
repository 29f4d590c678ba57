"""Scores of several models on several tasks, every cell there: what aggregation rules, prices and counts start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, require, require_finite
from headstart.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreTable:
    """Complete scores of models on tasks; more is better on every task.

    A task of which less is better is turned round when it is read (`headstart.suite.reading`), where the caller names
    it; nothing here is turned, filled in or left out.

    Args:
        models: Distinct names, at least one.
        tasks: Distinct names, at least one.
        scores: A finite number in every cell, within the task's range.
        stderr: Standard errors, ``>= 0``, nan where unknown; None where none is known.
        ranges: Smallest and largest possible score of each task; [0, 1] for all where empty.

    Raises:
        InputError: If names repeat, shapes do not fit, a cell is missing or out of range.

    >>> table = ScoreTable(models=("a", "b"), tasks=("x",), scores=np.array([[0.5], [0.25]]))
    >>> table.scores[:, 0].tolist()
    [0.5, 0.25]
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    scores: Float[FloatArray, "models tasks"]
    stderr: Float[FloatArray, "models tasks"] | None = None
    ranges: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.models), len(self.tasks))
        for name in ("models", "tasks"):
            given: tuple[str, ...] = getattr(self, name)
            if not given or len(set(given)) != len(given):
                raise InputError(f"{name} must be distinct names, at least one, got {given}", field=name)
        require(self.scores.shape == shape, "scores", f"of shape {shape}", self.scores.shape)
        require_finite("scores", self.scores)
        ranges = self.ranges or ((0.0, 1.0),) * len(self.tasks)
        object.__setattr__(self, "ranges", ranges)
        require(len(ranges) == len(self.tasks), "ranges", f"one a task ({len(self.tasks)})", len(ranges))
        for k, (low, high) in enumerate(ranges):
            outside = self.scores[(self.scores[:, k] < low) | (self.scores[:, k] > high), k]
            must = f"within [{low:g}, {high:g}] on {self.tasks[k]}"
            require(low < high and not outside.size, "scores", must, outside[:1])
        self.scores.setflags(write=False)
        if self.stderr is not None:
            require(self.stderr.shape == shape, "stderr", f"of shape {shape}", self.stderr.shape)
            require(not (self.stderr < 0).any(), "stderr", ">= 0 or nan", "a negative one")
            self.stderr.setflags(write=False)

    @property
    def ceilings(self) -> Float[FloatArray, " tasks"]:
        """Largest possible score of each task."""
        return np.array([high for _, high in self.ranges])

    def select(self, models: Sequence[int], tasks: Sequence[int]) -> ScoreTable:
        """The table of some models and tasks, by their places.

        >>> table = ScoreTable(models=("a", "b"), tasks=("x",), scores=np.array([[0.5], [0.25]]))
        >>> table.select([1], [0]).models
        ('b',)
        """
        cells = np.ix_(models, tasks)
        return ScoreTable(
            models=tuple(self.models[m] for m in models),
            tasks=tuple(self.tasks[k] for k in tasks),
            scores=self.scores[cells],
            stderr=None if self.stderr is None else self.stderr[cells],
            ranges=tuple(self.ranges[k] for k in tasks),
        )
