"""On each task, the efforts at which a climber draws level with each rival and passes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray
from headstart.contest.compare import Standing, effort_to_pass, lead_of
from headstart.suite.price.curves import SuiteCurves


@dataclass(frozen=True, kw_only=True, eq=False)
class Duels:
    """A climber against every model on every task, nobody else tuning. Steps beyond the level.

    Args:
        climber: Index of the climber.
        sign: 1 where the climber is ahead untuned, 0 where level, -1 where behind; 0 against itself.
        draw: Least effort to draw level; 0 where level or ahead, ``inf`` where out of reach.
        win: Infimum of the efforts to pass; 0 where ahead, ``inf`` where out of reach and against itself.
        cost_per_step: Of the climber on each task.
    """

    climber: int
    sign: Int[IntArray, "tasks models"]
    draw: Float[FloatArray, "tasks models"]
    win: Float[FloatArray, "tasks models"]
    cost_per_step: Float[FloatArray, " tasks"]


def signs(suite: SuiteCurves, level: float) -> Int[IntArray, "tasks models models"]:
    """Sign of every model's lead over every other on every task, differences that rounding could make counted 0."""
    n, tasks = suite.shape
    standing = Standing.of(suite.table, level)
    first, second = np.divmod(np.arange(n * n), n)
    result = np.empty((tasks, n, n), dtype=np.int64)
    for task in range(tasks):
        own, rival = standing.take(first * tasks + task), standing.take(second * tasks + task)
        result[task] = np.sign(lead_of(own, rival)).astype(np.int64).reshape(n, n)
    return result


def duels_of(suite: SuiteCurves, sign: Int[IntArray, "tasks models models"], level: float, climber: int) -> Duels:
    """The duels of one model; ``sign`` is that of ``signs`` at the same level."""
    n, tasks = suite.shape
    task, model = np.divmod(np.arange(tasks * n), n)
    target = Standing.of(suite.table, level).take(model * tasks + task)
    own = suite.table.take(climber * tasks + task)
    draw, win = (
        np.maximum(effort_to_pass(own, target, draw_is_enough=enough) - level, 0.0).reshape(tasks, n)
        for enough in (True, False)
    )
    mine = sign[:, climber, :]
    draw, win = np.where(mine >= 0, 0.0, draw), np.where(mine > 0, 0.0, win)
    win[:, climber] = np.inf
    return Duels(
        climber=climber, sign=mine, draw=draw, win=np.maximum(win, draw), cost_per_step=suite.cost_per_step[climber]
    )
