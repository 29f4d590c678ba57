"""The audit over all levels: the edge of the stability map, and the stabilising level with its uncertainty."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from headstart.auditing.levels import finite, one_world
from headstart.auditing.values import StabilisingLevel, StakesCurve
from headstart.contest.arrays import BoolArray, FloatArray
from headstart.contest.contest import Contest
from headstart.contest.curves import LogitPower
from headstart.fitting.fit import Fit
from headstart.rank import quantile_interval
from headstart.solve.level import stabilising_level
from headstart.solve.prices import critical_stakes

MAP_POINTS = 31
"""Levels at which the edge of the stability map is drawn."""

MAP_REACH = 10.0
"""The map is drawn up to this multiple of the reference level; the part beyond it is marked as extrapolated."""

SEARCH_REACH = 1000.0
"""Posterior draws are searched for a stabilising level up to this multiple of the reference level."""

SEARCH_POINTS = 65
"""Levels at which each posterior draw is tried before the last unstable one is refined."""

LEVEL_RESOLUTION = 1e-7
"""Relative accuracy of the fitted curves' stabilising level: its interval is wider by orders of magnitude."""

BISECTIONS = 20
"""Halvings of the bracket: a relative accuracy near 1e-6, far below the width of any interval."""

Stable = Callable[[FloatArray], BoolArray]


def critical_curves(
    fitted: Fit, shapes: dict[str, Float[FloatArray, " models"]], reference: float
) -> tuple[StakesCurve, ...]:
    """For each reward shape, the largest stable value of first place against the level, with its interval."""
    levels = np.concatenate([[0.0], np.geomspace(1.0, max(MAP_REACH * reference, 10.0), MAP_POINTS - 1)])
    return tuple(_critical_curve(fitted, name, shape, levels) for name, shape in shapes.items())


def _critical_curve(
    fitted: Fit, name: str, shape: Float[FloatArray, " models"], levels: Float[FloatArray, " points"]
) -> StakesCurve:
    best, cost = one_world(fitted.curves), fitted.cost_per_step
    point = [float(critical_stakes(best, cost, level, shape)[0]) for level in levels]
    ends = [quantile_interval(critical_stakes(fitted.draws, cost, level, shape)) for level in levels]
    return StakesCurve(
        shape=name,
        levels=tuple(float(level) for level in levels),
        stakes=tuple(point),
        low=tuple(float(low) for low, _ in ends),
        high=tuple(float(high) for _, high in ends),
    )


def stabilising(fitted: Fit, contest: Contest, reference: float) -> StabilisingLevel:
    """The stabilising level of the fitted contest, its interval over posterior draws, and the measured-only answer."""
    exact = stabilising_level(contest, resolution=LEVEL_RESOLUTION)
    end = SEARCH_REACH * reference
    draws = int(fitted.draws.L.shape[0])
    worlds = _last_unstable(_is_stable(fitted.draws, fitted, contest, end), draws, end)
    low, high = quantile_interval(worlds)
    within = _is_stable(one_world(fitted.curves), fitted, contest, reference, most_total_effort=fitted.max_step)
    measured = float(_last_unstable(within, 1, reference)[0])
    return StabilisingLevel(
        status=exact.status,
        level=exact.level,
        low=finite(float(low)),
        high=finite(float(high)),
        reason=exact.reason,
        proof=exact.proof,
        intervals=exact.intervals,
        extrapolated=exact.level is None or exact.level > reference,
        measured_level=finite(measured),
        share_within_measured=float((worlds <= reference).mean()),
    )


def _is_stable(
    curves: LogitPower, fitted: Fit, contest: Contest, end: float, most_total_effort: FloatArray | None = None
) -> Stable:
    """Whether each world is stable at given levels, (draws,) to (draws,), and pays everybody as it does in the end.

    Two models that swap rewards at some level are tied there, and a tie is never stable: so a world has settled only
    where its rewards are the final ones, however narrow the unstable stretch around a crossing is. Within measured
    efforts the end is ``end``; otherwise it is the order of the ceilings, so that a crossing still to come beyond the
    levels searched is not overlooked.
    """
    value = float(contest.rewards[0] - contest.rewards[-1])
    if value == 0:
        return lambda level: np.ones(level.shape, dtype=bool)
    shape = (contest.rewards - contest.rewards[-1]) / value
    at_end = curves.score(np.full((int(curves.L.shape[0]), 1), end))
    final = _paid(at_end, shape) if most_total_effort is not None else _paid(curves.U, shape, ties=at_end)

    def stable(level: FloatArray) -> BoolArray:
        edge = critical_stakes(curves, fitted.cost_per_step, level, shape, most_total_effort=most_total_effort)
        return (edge >= value) & (_paid(curves.score(level[:, None]), shape) == final).all(axis=1)

    return stable


def _paid(score: FloatArray, shape: FloatArray, ties: FloatArray | None = None) -> Float[FloatArray, "draws models"]:
    """Reward of each model, for a first place worth 1, when ranked by ``score`` and then by ``ties``."""
    first = np.argsort(-score if ties is None else -ties, axis=1, kind="stable")
    again = np.argsort(-np.take_along_axis(score, first, axis=1), axis=1, kind="stable")
    order = np.take_along_axis(first, again, axis=1)
    paid = np.empty(order.shape)
    np.put_along_axis(paid, order, np.broadcast_to(shape, order.shape), axis=1)
    return paid


def _last_unstable(stable: Stable, worlds: int, end: float) -> Float[FloatArray, " draws"]:
    """Least level from which on each world is stable, up to ``end``; ``inf`` where it is not stable there.

    A grid brackets the last change, bisection refines it.
    """
    grid = np.concatenate([[0.0], np.geomspace(1.0, end, SEARCH_POINTS - 1)])
    table = np.stack([stable(np.full(worlds, level)) for level in grid])
    # index of the last unstable grid level, -1 when every one is stable
    last = np.where(table.all(axis=0), -1, grid.size - 1 - np.argmin(table[::-1], axis=0))
    low, high = grid[np.maximum(last, 0)], grid[np.minimum(last + 1, grid.size - 1)]
    for _ in range(BISECTIONS):
        middle = np.expm1((np.log1p(low) + np.log1p(high)) / 2)
        yes = stable(middle)
        low, high = np.where(yes, low, middle), np.where(yes, middle, high)
    return np.where(last < 0, 0.0, np.where(last == grid.size - 1, np.inf, high))
