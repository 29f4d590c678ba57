"""How steep score curves can still get: the steepest point of a range of efforts, and where they stay flat enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import expit

from headstart.contest.arrays import FloatArray, IntArray
from headstart.contest.costs import PointsCost, PowerCost
from headstart.contest.curves import Exponential, Linear, LogitPower, Points
from headstart.contest.tables import CostTable, CurveTable
from headstart.errors import ComputationError

PerModel = Float[FloatArray, " models"]

OUTWARD = 1 + 1e-12
"""Slopes are rounded up by this factor, many times what arithmetic loses."""

_LARGEST_LOG = 690.0  # of 1 + effort: beyond it efforts overflow
_HALVINGS = 200
_SMALLEST = 1e-280  # slopes below it have underflowed: a curve that only approaches its ceiling is never that flat


def steepest(curves: CurveTable, low: ArrayLike, high: ArrayLike = np.inf) -> PerModel:
    """Largest slope of each curve on [low, high], rounded up, in score units a step.

    Args:
        curves: Score curves.
        low: Total effort, scalar or shape (models,), in steps.
        high: Total effort, at least ``low``; without end by default.

    Raises:
        ComputationError: If a law of another package says nothing about its slope.
    """
    ends = (np.broadcast_to(np.asarray(x, dtype=np.float64), (len(curves),)) for x in (low, high))
    return _by_family(curves, _steepest, *ends) * OUTWARD


def flat_from(curves: CurveTable, slope: ArrayLike) -> PerModel:
    """Least total effort from which on each curve never rises faster than ``slope``; ``inf`` where it always does.

    Args:
        curves: Score curves.
        slope: In score units a step, ``>= 0``; scalar or shape (models,).

    Raises:
        ComputationError: If a law of another package says nothing about its slope.
    """
    allowed = np.broadcast_to(np.asarray(slope, dtype=np.float64), (len(curves),)) / OUTWARD
    return _by_family(curves, _flat_from, allowed)


def first_cost(costs: CostTable) -> PerModel:
    """Cost of the first instant of effort, a step: the slope of each cost at 0 from the right.

    Raises:
        ComputationError: If a law of another package says nothing about its slope.
    """

    def own(family: Any, index: IntArray) -> FloatArray:
        if isinstance(family, PowerCost):
            scale, exponent, free = (np.broadcast_to(f, index.shape) if f.ndim == 0 else f[index]
                                     for f in (family.scale, family.exponent, family.free))  # fmt: skip
            return np.where((exponent == 1) & (free == 0), scale, 0.0)
        if not isinstance(family, PointsCost):
            raise _no_slope("costs", family)
        return np.full(index.shape, family.values[1] / family.effort[1])

    result = np.empty(len(costs))
    for index, family in enumerate(costs.families):
        here = np.flatnonzero(costs.family == index)
        result[here] = own(family, costs.row[here])
    return result


def _no_slope(what: str, family: object) -> ComputationError:
    """Laws of other packages say nothing about their slopes, so no theorem about slopes can be applied to them."""
    return ComputationError(f"no slope is known for {what} of the kind {getattr(family, 'kind', None)!r}")


def _by_family(curves: CurveTable, function: Callable[..., FloatArray], *columns: FloatArray) -> PerModel:
    result = np.empty(len(curves))
    for index, family in enumerate(curves.families):
        here = np.flatnonzero(curves.family == index)
        if here.size:
            result[here] = function(family.take(curves.row[here]), *(c[here] for c in columns))
    return result


def _slope(curve: LogitPower, log: FloatArray) -> FloatArray:
    """Slope of a logit power law at the effort whose ``log(1 + effort)`` is given."""
    z = curve.alpha + curve.beta * log
    return (curve.U - curve.L) * curve.beta * expit(z) * expit(-z) * np.exp(-log)


def _steepest_log(curve: LogitPower) -> FloatArray:
    """``log(1 + effort)`` of the steepest point: where sigmoid(z) = (1 - 1/beta) / 2; -inf where that is before 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (1 - 1 / curve.beta) / 2
        log = (np.log(share / (1 - share)) - curve.alpha) / curve.beta
    return np.where(curve.beta > 1, log, -np.inf)


def _steepest(curve: Any, low: FloatArray, high: FloatArray) -> FloatArray:
    match curve:
        case Linear():
            return np.where(high > low, curve.slope, 0.0)
        case Exponential():
            return (curve.ceiling - curve.floor) * curve.rate * np.exp(-curve.rate * low)
        case LogitPower():
            return _slope(curve, np.clip(_steepest_log(curve), np.log1p(low), np.log1p(high)))
        case Points():
            return np.array([_steepest_of_points(curve, float(a), float(b)) for a, b in zip(low, high, strict=True)])
        case _:
            raise _no_slope("curves", curve)


def _flat_from(curve: Any, slope: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        match curve:
            case Linear():
                return np.where(curve.slope <= slope, 0.0, np.inf)
            case Exponential():
                start = (curve.ceiling - curve.floor) * curve.rate
                level = np.maximum(np.log(start / slope) / curve.rate * OUTWARD, 0.0)
                return np.where(start <= slope, 0.0, np.where(slope > _SMALLEST, level, np.inf))
            case LogitPower():
                return _flat_logit(curve, slope)
            case Points():
                return np.array([_flat_points(curve, float(a)) for a in slope])
            case _:
                raise _no_slope("curves", curve)


def _flat_logit(curve: LogitPower, slope: FloatArray) -> FloatArray:
    """Beyond its steepest point the slope falls: halve there, and keep the end at which it is small enough."""
    low = np.maximum(np.broadcast_to(_steepest_log(curve), slope.shape), 0.0)
    high = np.full(slope.shape, _LARGEST_LOG)
    enough = (_slope(curve, low) <= slope) & ((slope > _SMALLEST) | (curve.U == curve.L))
    never = ~enough & (~(_slope(curve, high) <= slope) | (slope <= _SMALLEST))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        flat = _slope(curve, middle) <= slope
        low, high = np.where(flat, low, middle), np.where(flat, middle, high)
        if bool((high - low <= 1e-13 * high).all()):
            break
    # where the steepest point itself is flat enough, so is everything before it
    return np.where(enough, 0.0, np.where(never, np.inf, np.expm1(high)))


def _pieces(curve: Points) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slopes of the interpolant: on piece p, ``a t^2 + b t + c`` with t the effort beyond the piece's start."""
    if curve.effort.size == 1:
        nothing = np.zeros(0)
        return nothing, nothing, nothing
    from scipy.interpolate import PchipInterpolator  # as the curve's own

    cubic: FloatArray = np.asarray(PchipInterpolator(curve.effort, curve.values).c)
    return 3 * cubic[0], 2 * cubic[1], cubic[2]


def _steepest_of_points(curve: Points, low: float, high: float) -> float:
    """A quadratic is largest at an end of a range or at its vertex."""
    a, b, c = _pieces(curve)
    start, width = curve.effort[:-1], np.diff(curve.effort)
    left, right = np.clip(low - start, 0, width), np.clip(high - start, 0, width)
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = np.clip(np.where(a < 0, -b / (2 * a), 0.0), left, right)
    met = (start + width > low) & (start < high)
    slopes = np.stack([(a * t + b) * t + c for t in (left, right, vertex)])
    return max(float(np.max(slopes, where=met, initial=0.0)), 0.0)


def _flat_points(curve: Points, slope: float) -> float:
    """The last effort at which the interpolant is steeper than ``slope``; flat after its last point."""
    a, b, c = _pieces(curve)
    for p in range(a.size - 1, -1, -1):
        start, end = float(curve.effort[p]), float(curve.effort[p + 1])
        if _steepest_of_points(curve, start, end) <= slope:
            continue
        width = end - start
        if (a[p] * width + b[p]) * width + c[p] > slope:
            return end
        crossings = np.roots(np.trim_zeros([a[p], b[p], c[p] - slope], "f"))
        later: list[float] = sorted(float(t.real) for t in crossings if t.real > 0)
        # where the slope falls for good: behind the vertex of a hill, before that of a valley
        last = (later[-1] if a[p] < 0 else later[0]) if later else width
        return min(start + last * OUTWARD, end)
    return 0.0
