"""Least squares for many logit power laws at once, by variable projection.

For a fixed midpoint and slope the law is linear in floor and ceiling, and that small box-constrained problem has a
closed form. What is left is a search over two numbers per curve: a coarse grid shared by all curves, then
Levenberg-Marquardt on the projected residual, vectorised over the whole batch.

Scores are in [0, 1] here; ``x`` is ``log1p(step)``; the law is
``floor + (ceiling - floor) * expit(slope * (x - midpoint))`` with ``slope = beta`` and ``midpoint = -alpha / beta``.

Source: Golub and Pereyra (1973) for the projection; Kaufman (1975) for the Jacobian used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from headstart.contest.arrays import FloatArray, IntArray

SLOPE_RANGE = (0.1, 10.0)
"""Bounds on beta. Below .1 the law is a straight line in log(1 + step) over any realistic range; above 10 the whole
rise (2 % to 98 %) takes less than a factor of 2.2 in steps, a jump between neighbouring checkpoints."""

MIDPOINT_MARGIN = 3.0
"""How far (in log steps) the midpoint may lie outside the measured steps: a factor of 20, beyond which the measured
part of the curve is an exponential tail whose shape no longer changes."""

GRID = (24, 9)
"""Grid points over midpoint and log slope; finer grids found no lower minima in more than 1 % of random problems."""

CACHE_ROWS = 128
"""Curves per block of the grid search, so that a block's temporaries stay in the processor's cache."""

MAX_ITERATIONS = 60
DAMPING_START, DAMPING_STOP = 1e-3, 1e10
CONVERGED = 1e-9
"""Relative decrease of the objective below which a curve is done."""


def sigmoid(z: FloatArray) -> FloatArray:
    """``1 / (1 + exp(-z))`` without overflow."""
    return np.asarray(expit(z), dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Problems:
    """Weighted points of many curves, padded to a common length.

    Args:
        x: ``log1p(step)``.
        y: Scores in [0, 1].
        weight: Inverse variances; 0 where a point is missing.
        bounds: Lower and upper bound of midpoint and log slope, shape (2, 2).
    """

    x: Float[FloatArray, "curves points"]
    y: Float[FloatArray, "curves points"]
    weight: Float[FloatArray, "curves points"]
    bounds: Float[FloatArray, "2 2"]

    @classmethod
    def of(cls, step: FloatArray, score: FloatArray, weight: FloatArray) -> Problems:
        """Problems with bounds that follow from the steps; missing points (weight 0) may hold anything."""
        present = weight > 0
        x = np.log1p(np.where(present, step, 0.0))
        top = float(x.max(initial=0.0, where=present))
        bounds = np.array([[-MIDPOINT_MARGIN, top + MIDPOINT_MARGIN], np.log(SLOPE_RANGE)])
        return cls(x=x, y=np.where(present, score, 0.0), weight=weight, bounds=bounds)

    def take(self, index: IntArray) -> Problems:
        """The problems at ``index``."""
        return Problems(x=self.x[index], y=self.y[index], weight=self.weight[index], bounds=self.bounds)


@dataclass(frozen=True, kw_only=True, eq=False)
class Prior:
    """Independent normal priors on midpoint and log slope, shared by all curves; shape (2,) each."""

    mean: Float[FloatArray, " 2"]
    sd: Float[FloatArray, " 2"]

    def penalty(self, shape: FloatArray) -> FloatArray:
        """Squared distance from the prior mean in standard deviations; ``shape`` is (..., 2)."""
        return (((shape - self.mean) / self.sd) ** 2).sum(axis=-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """Best curves: ``shape`` holds midpoint and log slope; ``chi2`` is the weighted sum of squares without the prior.

    ``curvature`` is the projected Gauss-Newton matrix of ``shape``, the inverse of its covariance.
    """

    floor: Float[FloatArray, " curves"]
    ceiling: Float[FloatArray, " curves"]
    shape: Float[FloatArray, "curves 2"]
    chi2: Float[FloatArray, " curves"]
    curvature: Float[FloatArray, "curves 2 2"]


def solve(problems: Problems, prior: Prior | None = None) -> Solved:
    """Best floor, ceiling, midpoint and slope of every curve, ``0 <= floor <= ceiling <= 1``.

    Args:
        problems: The measured points.
        prior: Adds its penalty to the weighted sum of squares.
    """
    shape = _grid_start(problems, prior)
    state = _project(problems, shape, prior)
    damping = np.full(len(shape), DAMPING_START)
    active = np.arange(len(shape))
    for _ in range(MAX_ITERATIONS):
        part = problems.take(active)
        here = state.take(active)
        step = _damped_step(part, here, damping[active])
        tried = _project(part, np.clip(here.shape + step, problems.bounds[:, 0], problems.bounds[:, 1]), prior)
        better = tried.objective < here.objective
        decrease = here.objective - tried.objective
        state.put(active[better], tried.take(np.flatnonzero(better)))
        damping[active] = np.where(better, damping[active] / 8, damping[active] * 6)
        done = better & (decrease <= CONVERGED * (1e-3 + here.objective))
        done |= (damping[active] > DAMPING_STOP) | (np.abs(step).max(axis=1) < 1e-9)
        active = active[~done]
        if not active.size:
            break
    chi2 = state.objective - (prior.penalty(state.shape) if prior else 0.0)
    return Solved(
        floor=state.floor, ceiling=state.ceiling, shape=state.shape, chi2=np.maximum(chi2, 0.0), curvature=state.hessian
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _State:
    """Where the search stands; written in place by ``put`` only."""

    shape: FloatArray
    floor: FloatArray
    ceiling: FloatArray
    objective: FloatArray
    gradient: FloatArray  # descent direction, (curves, 2)
    hessian: FloatArray  # projected Gauss-Newton matrix, (curves, 2, 2)

    def take(self, index: IntArray) -> _State:
        return _State(**{name: values[index] for name, values in vars(self).items()})

    def put(self, index: IntArray, other: _State) -> None:
        for name, values in vars(self).items():
            values[index] = getattr(other, name)


def _best_box(
    s0: FloatArray, sf: FloatArray, sff: FloatArray, sy: FloatArray, syf: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Floor and gain that minimise the weighted squares over ``0 <= floor``, ``0 <= gain``, ``floor + gain <= 1``.

    The arguments are weighted sums of 1, f, f**2, y and y*f, where ``f`` is the sigmoid. A convex quadratic over a
    triangle: the free optimum if it lies inside, else the best of the three edges. The third result is the squares
    without the constant sum of y**2.
    """

    def cost(floor: FloatArray, gain: FloatArray) -> FloatArray:
        return floor * (floor * s0 + 2 * (gain * sf - sy)) + gain * (gain * sff - 2 * syf)

    tiny = 1e-300
    determinant = s0 * sff - sf * sf
    free = determinant > 1e-12 * s0 * sff
    safe = np.where(free, determinant, 1.0)
    floor, gain = (sff * sy - sf * syf) / safe, (s0 * syf - sf * sy) / safe
    inside = free & (floor >= 0) & (gain >= 0) & (floor + gain <= 1)
    nothing = np.zeros_like(sf)
    edges = [(np.clip(sy / s0, 0, 1) + nothing, nothing)]
    edges.append((nothing, np.clip(syf / np.maximum(sff, tiny), 0, 1)))
    # floor + gain = 1: the score is 1 - gain * (1 - f)
    rest, rest_y = s0 - 2 * sf + sff, s0 - sf - sy + syf
    gain_at_top = np.clip(rest_y / np.maximum(rest, tiny), 0, 1)
    edges.append((1 - gain_at_top, gain_at_top))
    best_floor, best_gain = edges[0]
    best = cost(best_floor, best_gain)
    for edge_floor, edge_gain in edges[1:]:
        value = cost(edge_floor, edge_gain)
        lower = value < best
        best_floor, best_gain = np.where(lower, edge_floor, best_floor), np.where(lower, edge_gain, best_gain)
        best = np.where(lower, value, best)
    floor, gain = np.where(inside, floor, best_floor), np.where(inside, gain, best_gain)
    return floor, gain, np.where(inside, cost(floor, gain), best)


def _grid_start(problems: Problems, prior: Prior | None) -> FloatArray:
    """Best midpoint and log slope on the shared grid; curves with the same steps share the sigmoids."""
    cells = grid_cells(problems.bounds[:, 0], problems.bounds[:, 1], GRID)
    penalty = prior.penalty(cells) if prior else 0.0
    start = np.empty((len(problems.x), 2))
    for members in _same_steps(problems.x):
        f = sigmoid(np.exp(cells[:, 1]) * (problems.x[members[0]][:, None] - cells[:, 0]))
        for first in range(0, len(members), CACHE_ROWS):
            some = members[first : first + CACHE_ROWS]
            w, wy = problems.weight[some], problems.weight[some] * problems.y[some]
            s0, sy = w.sum(axis=1)[:, None], wy.sum(axis=1)[:, None]
            objective = _best_box(s0, w @ f, w @ (f * f), sy, wy @ f)[2] + penalty
            start[some] = cells[objective.argmin(axis=1)]
    return start


def grid_cells(low: FloatArray, high: FloatArray, counts: tuple[int, int]) -> FloatArray:
    """Evenly spaced (midpoint, log slope) pairs from ``low`` to ``high``; (..., 2) bounds give (..., cells, 2)."""
    share = np.array([(i, j) for i in np.linspace(0, 1, counts[0]) for j in np.linspace(0, 1, counts[1])])
    return low[..., None, :] + (high - low)[..., None, :] * share


def _same_steps(x: FloatArray) -> list[IntArray]:
    """Groups of curves measured at the same steps."""
    groups: dict[bytes, list[int]] = {}
    for at, row in enumerate(x):
        groups.setdefault(row.tobytes(), []).append(at)
    return [np.array(members) for members in groups.values()]


def _project(problems: Problems, shape: FloatArray, prior: Prior | None) -> _State:
    """Best floor and ceiling at ``shape``, with descent direction and curvature of the projected objective."""
    w, y = problems.weight, problems.y
    slope = np.exp(shape[:, 1])[:, None]
    z = slope * (problems.x - shape[:, :1])
    f = sigmoid(z)
    wf = w * f
    s0, sf, sff = w.sum(axis=1), wf.sum(axis=1), (wf * f).sum(axis=1)
    sy, syf = (w * y).sum(axis=1), (wf * y).sum(axis=1)
    floor, gain, _ = _best_box(s0, sf, sff, sy, syf)
    residual = y - floor[:, None] - gain[:, None] * f
    objective = (w * residual * residual).sum(axis=1)
    bend = gain[:, None] * f * (1 - f)
    jacobian = np.stack([-slope * bend, z * bend], axis=1)  # curves, 2, points
    weighted = jacobian * w[:, None, :]
    gradient = (weighted * residual[:, None, :]).sum(axis=2)
    hessian = np.einsum("cip,cjp->cij", weighted, jacobian)
    hessian -= _explained(weighted, f, floor, gain, s0, sf, sff)
    if prior is not None:
        objective = objective + prior.penalty(shape)
        gradient = gradient + (prior.mean - shape) / prior.sd**2
        hessian = hessian + np.diag(prior.sd**-2.0)
    return _State(
        shape=shape,
        floor=floor,
        ceiling=np.minimum(floor + gain, 1.0),
        objective=objective,
        gradient=gradient,
        hessian=hessian,
    )


def _explained(
    weighted: FloatArray,
    f: FloatArray,
    floor: FloatArray,
    gain: FloatArray,
    s0: FloatArray,
    sf: FloatArray,
    sff: FloatArray,
) -> FloatArray:
    """Part of the curvature that floor and ceiling take up where they are free to move."""
    on_one, on_f = weighted.sum(axis=2), np.einsum("cip,cp->ci", weighted, f)
    at_bottom, at_top = floor <= 0, floor + gain >= 1
    both = ~at_bottom & ~at_top
    determinant = np.maximum(s0 * sff - sf * sf, 1e-12 * s0 * sff)[:, None, None]
    one_one, one_f, f_f = (
        on_one[:, :, None] * on_one[:, None, :],
        on_one[:, :, None] * on_f[:, None, :],
        on_f[:, :, None] * on_f[:, None, :],
    )
    cross = one_f + one_f.transpose(0, 2, 1)
    c0, cf, cff = s0[:, None, None], sf[:, None, None], sff[:, None, None]
    out = np.where(both[:, None, None], (cff * one_one - cf * cross + c0 * f_f) / determinant, 0.0)
    # floor = 0: only the gain moves, along f; floor + gain = 1: along f - 1
    out = np.where((at_bottom & ~at_top)[:, None, None], f_f / np.maximum(cff, 1e-300), out)
    along_top = (f_f - cross + one_one) / np.maximum(c0 - 2 * cf + cff, 1e-300)
    return np.where((at_top & ~at_bottom)[:, None, None], along_top, out)


def _damped_step(problems: Problems, state: _State, damping: FloatArray) -> FloatArray:
    """Levenberg-Marquardt step in midpoint and log slope; a coordinate held by its bound does not move."""
    low, high = problems.bounds[:, 0], problems.bounds[:, 1]
    held = ((state.shape <= low) & (state.gradient < 0)) | ((state.shape >= high) & (state.gradient > 0))
    gradient = np.where(held, 0.0, state.gradient)
    diagonal = np.einsum("cii->ci", state.hessian) * (1 + damping[:, None]) + 1e-12
    a, d = diagonal[:, 0], diagonal[:, 1]
    b = np.where(held.any(axis=1), 0.0, state.hessian[:, 0, 1])
    determinant = np.maximum(a * d - b * b, 1e-300)
    step = np.stack([d * gradient[:, 0] - b * gradient[:, 1], a * gradient[:, 1] - b * gradient[:, 0]], axis=1)
    return np.clip(step / determinant[:, None], -2.0, 2.0)  # further than a factor of e**2 no quadratic model holds
