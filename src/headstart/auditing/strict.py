"""The contest among developers who know the exact scores: critical stakes, verdicts and the strict level.

Near-ties decide these figures, and nobody knows exact scores, so they are for experts; the audit's decision rests on
the incentive under measurement noise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from headstart.auditing.level_values import Interval
from headstart.auditing.paths import FurtherTuning
from headstart.auditing.values import LastingLevel, StakesCurve
from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.rank import quantile_interval
from headstart.solve.incentive.paths import in_threads
from headstart.solve.pure import Verdict

SURE = 0.975
"""Share of the posterior draws from which a verdict is stated."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StrictLevel:
    """What exact knowledge of the scores would make of one level.

    Args:
        level: In steps.
        critical: By reward shape, the largest value of first place under which nobody tunes; ``inf`` where no place can
            be bought. Shape (draws,) each, in cost units.
        stable: Whether nobody tuning is an equilibrium for the audit's own rewards, shape (draws,).
        stable_measured: The same if nobody goes beyond its measured steps.
        deviations: Climber and overtaken (indices into the models of the level) and the effort of the deviation that
            binds in each draw that is not stable.
    """

    level: float
    critical: Mapping[str, Float[FloatArray, " draws"]]
    stable: Bool[BoolArray, " draws"]
    stable_measured: Bool[BoolArray, " draws"]
    deviations: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Climbs:
    """Efforts that bring a model to a better place, in order of draws, then models, then efforts; indices."""

    draw: IntArray
    climber: IntArray
    effort: IntArray
    place: IntArray


def strict_level(
    further: FurtherTuning,
    level: float,
    shapes: Mapping[str, Float[FloatArray, " models"]],
    rewards: Float[FloatArray, " models"],
    measured_to: Float[FloatArray, " models"],
) -> StrictLevel:
    """Critical stakes and stability at one level, in every posterior draw.

    Args:
        further: The developers' choices from the level on.
        level: In steps.
        shapes: Rewards for a first place worth 1, by name, best rank first, shape (models,).
        rewards: The audit's own rewards, in cost units, shape (models,).
        measured_to: Last measured step of each model, shape (models,).
    """
    order, place, passed = _ranks(further.score)
    climbs = _climbs(passed)
    priced: dict[str, FloatArray] = {}
    for name, shape in shapes.items():
        priced[name] = _critical(further.cost, place, climbs, shape)[0]
    value = float(rewards[0] - rewards[-1])
    draws = further.score.shape[0]
    if value == 0:
        sure = np.ones(draws, dtype=np.bool_)
        return StrictLevel(level=level, critical=priced, stable=sure, stable_measured=sure, deviations=())
    own = (rewards - rewards[-1]) / value
    edge, climber, effort = _critical(further.cost, place, climbs, own)
    stable = edge >= value
    limited = np.where(level + further.effort <= measured_to[:, None], further.cost, np.inf)
    deviations = [
        (int(climber[d]), int(order[d, passed[d, climber[d], effort[d]]]), float(further.effort[effort[d]]))
        for d in np.flatnonzero(~stable)
    ]
    return StrictLevel(
        level=level,
        critical=priced,
        stable=stable,
        stable_measured=_critical(limited, place, climbs, own)[0] >= value,
        deviations=tuple(deviations),
    )


def _ranks(score: Float[FloatArray, "draws models efforts"]) -> tuple[IntArray, IntArray, IntArray]:
    """Models by rank at no effort, the place of each (from 0), and the place each effort brings it to.

    A place is passed only by a higher score; of equal scores the model listed first ranks first.
    """
    draws, models, _ = score.shape
    start = score[:, :, 0]
    order = np.argsort(-start, axis=1, kind="stable")
    place = np.empty_like(order)
    each: IntArray = np.arange(models, dtype=np.int64)
    np.put_along_axis(place, order, np.broadcast_to(each, order.shape), axis=1)
    passed = np.empty(score.shape, dtype=np.int64)

    def reach(begin: int, end: int) -> None:
        for d in range(begin, end):
            rising: FloatArray = start[d, order[d, ::-1]]
            reached: FloatArray = score[d].ravel()
            ahead = models - np.searchsorted(rising, reached, side="left").astype(np.int64)
            passed[d] = np.minimum(ahead.reshape(models, -1), place[d][:, None])

    in_threads(reach, draws, score.size)
    return order, place, passed


def _climbs(passed: IntArray) -> _Climbs:
    """The first effort that brings a model to each place: further efforts to the same place cost no less."""
    models, efforts = passed.shape[1:]
    if efforts < 2:
        nothing = np.zeros(0, dtype=np.int64)
        return _Climbs(draw=nothing, climber=nothing, effort=nothing, place=nothing)
    at: IntArray = np.flatnonzero(passed[:, :, 1:] < passed[:, :, :-1]).astype(np.int64)
    row, before = np.divmod(at, efforts - 1)
    draw, climber = np.divmod(row, models)
    return _Climbs(draw=draw, climber=climber, effort=before + 1, place=passed[draw, climber, before + 1])


def _critical(
    cost: Float[FloatArray, "models efforts"], place: IntArray, climbs: _Climbs, shape: Float[FloatArray, " models"]
) -> tuple[Float[FloatArray, " draws"], IntArray, IntArray]:
    """Least cost per unit of reward gained in each draw, and the model and effort (as indices) that attain it."""
    draws = len(place)
    least, at = np.full(draws, np.inf), np.zeros(draws, dtype=np.int64)
    gain = shape[climbs.place] - shape[place[climbs.draw, climbs.climber]]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(gain > 0, cost[climbs.climber, climbs.effort] / gain, np.inf)
    some, first = np.unique(climbs.draw, return_index=True)  # the climbs are in order of draws
    if some.size:
        least[some] = np.minimum.reduceat(value, first)
        reached = np.flatnonzero(value == least[climbs.draw])
        at[some] = reached[np.unique(climbs.draw[reached], return_index=True)[1]]
    paid = np.isfinite(least)
    if not paid.any():
        return least, at, at
    return least, np.where(paid, climbs.climber[at], 0), np.where(paid, climbs.effort[at], 0)


def verdict_of(stable: Bool[BoolArray, " draws"]) -> Verdict:
    """What nearly all draws agree on."""
    share = float(stable.mean())
    return "exists" if share >= SURE else "none" if share <= 1 - SURE else "undecided"


def most_common_deviation(found: StrictLevel) -> tuple[int, int, float] | None:
    """The pair that binds in most draws, with its median effort; None where nobody deviates."""
    if not found.deviations:
        return None
    pair = Counter((i, k) for i, k, _ in found.deviations).most_common(1)[0][0]
    efforts = [effort for i, k, effort in found.deviations if (i, k) == pair]
    return *pair, float(np.quantile(efforts, 0.5, method="inverted_cdf"))


def finite(value: float | None) -> float | None:
    """The value, or None where it is infinite or undefined."""
    return None if value is None or not np.isfinite(value) else float(value)


def median_of(draws: Float[FloatArray, " draws"]) -> tuple[float, float, float]:
    """Median and central 95 % of draws that may be infinite; all three are draws."""
    low, high = quantile_interval(draws)
    return float(np.quantile(draws, 0.5, method="inverted_cdf")), float(low), float(high)


def stakes_curves(found: Sequence[StrictLevel]) -> tuple[StakesCurve, ...]:
    """For each reward shape, the largest stable value of first place against the level, with its interval."""
    curves: list[StakesCurve] = []
    for shape in found[0].critical:
        middle, low, high = zip(*(median_of(one.critical[shape]) for one in found), strict=True)
        curves.append(
            StakesCurve(shape=shape, levels=tuple(one.level for one in found), stakes=middle, low=low, high=high)
        )
    return tuple(curves)


def stakes_at(found: StrictLevel) -> tuple[dict[str, float | None], dict[str, Interval]]:
    """Critical stakes of one level by shape, and their intervals."""
    point: dict[str, float | None] = {}
    spread: dict[str, Interval] = {}
    for shape, draws in found.critical.items():
        middle, low, high = median_of(draws)
        point[shape], spread[shape] = finite(middle), Interval(low=finite(low), high=finite(high))
    return point, spread


def stabilising(found: Sequence[StrictLevel], reference: float) -> LastingLevel:
    """The strict level over the draws, on the levels given (rising, the first one first, up to the reference level)."""
    levels = np.array([one.level for one in found])
    lasting = _least_lasting(np.stack([one.stable for one in found], axis=1), levels)
    measured = _least_lasting(np.stack([one.stable_measured for one in found], axis=1), levels)
    level, low, high = median_of(lasting)
    status = "unknown" if not np.isfinite(level) else "zero" if level == 0 else "finite"
    reason = {
        "unknown": f"not within the {reference:,.6g} steps measured: near-ties still decide there",
        "zero": "nobody tuning is an equilibrium under direct evaluation already",
        "finite": "stable from this level on, among the levels examined",
    }[status]
    stable = np.array([one.stable.mean() >= SURE for one in found])
    return LastingLevel(
        status=status,
        level=finite(level),
        low=finite(low),
        high=finite(high),
        reason=reason,
        proof="numeric",
        intervals=_runs(levels, stable),
        extrapolated=False,
        measured_level=finite(median_of(measured)[0]),
        share_within_measured=float(np.isfinite(lasting).mean()),
    )


def _least_lasting(
    stable: Bool[BoolArray, "draws levels"], levels: Float[FloatArray, " levels"]
) -> Float[FloatArray, " draws"]:
    """Least level from which on each draw is stable; ``inf`` where it is not stable at the last one."""
    lasting = np.logical_and.accumulate(stable[:, ::-1], axis=1)[:, ::-1]
    return np.where(lasting[:, -1], levels[lasting.argmax(axis=1)], np.inf)


def _runs(
    levels: Float[FloatArray, " levels"], stable: Bool[BoolArray, " levels"]
) -> tuple[tuple[float, float | None], ...]:
    """Stretches of stable levels; the last one is unbounded as far as the levels go."""
    edges = np.flatnonzero(np.diff(np.r_[False, stable, False].astype(np.int64)))
    return tuple(
        (float(levels[a]), None if b == levels.size else float(levels[b - 1]))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    )
