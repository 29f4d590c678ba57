"""Many climbers at once, each with one curve per task from the level on: the ground that allocation stands on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.tables import CurveTable
from headstart.suite.price.curves import SuiteCurves

PerTask = Float[FloatArray, "climbers tasks"]
PerClimber = Float[FloatArray, " climbers"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Climb:
    """Climbers, each with a curve per task, a weight per task and a cost per step.

    Efforts here are total ones, the level included.

    Args:
        curves: ``climbers * tasks`` rows, task by task within each climber.
        level: Tune-before-test level of all tasks, in steps.
        weight: What a point of score on each task counts, > 0.
        cost: Cost of one step.
    """

    curves: CurveTable
    level: float
    weight: PerTask
    cost: PerTask

    @classmethod
    def of(
        cls, suite: SuiteCurves, model: Int[IntArray, " climbers"], level: float, weight: FloatArray | None = None
    ) -> Self:
        """Models of a suite; every task counts the same unless ``weight`` (tasks,) says otherwise."""
        count = len(model), len(suite.tasks)
        given = np.ones(count) if weight is None else np.broadcast_to(weight, count)
        return cls(curves=suite.rows(model), level=level, weight=given, cost=suite.cost_per_step[model])

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of climbers and tasks."""
        climbers, tasks = self.weight.shape
        return climbers, tasks

    def take(self, index: Int[IntArray, " chosen"]) -> Climb:
        """Some of the climbers, repeats allowed."""
        tasks = self.shape[1]
        rows = (index[:, None] * tasks + np.arange(tasks)).ravel()
        taken = Climb(curves=self.curves.take(rows), level=self.level, weight=self.weight[index], cost=self.cost[index])
        for name in ("bend", "steepest", "most_gain", "_start"):  # what is known already is not computed again
            if name in self.__dict__:
                taken.__dict__[name] = self.__dict__[name][index]
        return taken

    @cached_property
    def bend(self) -> PerTask:
        """Total effort from which on each curve is concave, convex from the level to there; ``nan`` where unknown."""
        return np.maximum(self.curves.inflection().reshape(self.shape), self.level)

    @property
    def known(self) -> Bool[BoolArray, " climbers"]:
        """Whether all curves of a climber are known to be convex up to their bend and concave beyond it."""
        unknown: BoolArray = np.isnan(self.bend)
        return np.logical_not(unknown.any(axis=1, keepdims=True))[:, 0]

    @property
    def concave(self) -> Bool[BoolArray, " climbers"]:
        """Whether all curves of a climber are known to be concave from the level on."""
        concave: BoolArray = np.equal(self.bend, self.level)
        return np.logical_and.reduce(concave, axis=1)

    @cached_property
    def most_gain(self) -> PerTask:
        """Supremum of the weighted gain on each task; ``inf`` on lines."""
        return self.weight * self.curves.shortfall(self.level).reshape(self.shape)

    @cached_property
    def _start(self) -> PerTask:
        return self.curves.score(self.level).reshape(self.shape)

    @cached_property
    def steepest(self) -> PerTask:
        """Largest weighted gain per unit of cost on the concave part of each curve."""
        gradient = self.curves.gradient(self.bend.ravel()).reshape(self.shape)
        return self.weight * gradient / self.cost

    def gain(self, effort: PerTask) -> PerTask:
        """Weighted gain over the level, from shortfalls where there is a ceiling, so that small gains keep digits."""
        left = self.weight * self.curves.shortfall(effort.ravel()).reshape(self.shape)
        with np.errstate(invalid="ignore"):
            by_shortfall = self.most_gain - left
            by_score = self.weight * (self.curves.score(effort.ravel()).reshape(self.shape) - self._start)
        ended = np.isfinite(self.most_gain)
        return np.where(effort <= self.level, 0.0, np.where(ended, np.maximum(by_shortfall, 0.0), by_score))

    def spent(self, effort: PerTask) -> PerTask:
        """Cost of the effort beyond the level on each task."""
        return self.cost * (effort - self.level)

    def effort_for(self, gain: PerTask) -> PerTask:
        """Least total effort for a weighted gain on each task; ``inf`` where out of reach."""
        points = gain / self.weight
        with np.errstate(invalid="ignore"):
            below = (self.most_gain - gain) / self.weight
        score = self._start + points
        shortfall = np.where(np.isfinite(below), below, np.inf)
        found = self.curves.effort_to_reach(score.ravel(), shortfall.ravel()).reshape(self.shape)
        return np.where(gain <= 0, self.level, np.maximum(found, self.level))

    def response(self, price: PerClimber) -> PerTask:
        """Total efforts that maximise gain - price * cost on each task; the level where nothing pays.

        A curve that is convex up to its bend and concave beyond has its best effort either at the level or where its
        gradient has fallen to the price on the concave part.
        """
        effort = self.concave_part(price)
        with np.errstate(invalid="ignore"):
            worth = self.gain(effort) - price[:, None] * self.spent(effort)
        pays = (self.steepest > price[:, None]) & ((worth > 0) | np.isposinf(effort))
        return np.where(pays, effort, self.level)

    def concave_part(self, price: PerClimber) -> PerTask:
        """Where each gradient has fallen to the price on the concave part; the bend where it is never steeper."""
        gradient = price[:, None] * self.cost / self.weight
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            found = self.curves.effort_at_gradient(gradient.ravel()).reshape(self.shape)
        return np.maximum(found, self.bend)
