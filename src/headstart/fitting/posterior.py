"""Draws of whole curves from their posterior, and the weak prior that models share.

Each curve is written by what is measured well, its scores ``first`` and ``last`` at the first and last measured step,
and by midpoint and log slope, which often are not. Given the latter two the curve is linear in the former, so the
posterior is a two-dimensional integral of closed forms: it is laid out on a grid, coarse over the whole range and then
fine where the mass is, and draws are candidates from the fine grid, resampled with exact importance weights. Nothing
has to converge.

Prior: flat in (first, last) wherever floor and ceiling then lie in [0, 1]; normal in midpoint and log slope, with mean
and spread estimated from all the models together (``shared_prior``). A trajectory that determines its own midpoint and
slope hardly feels the prior; one that does not borrows them from the others. Scores of different models are taken as
independent given the curves: the same test items make them positively correlated, so intervals of differences are on
the wide side.

The draws know only what the law can do. In simulations that follow it their intervals cover as stated
(bench/coverage_simulation.py), up to four times the last step; a benchmark whose scores keep creeping up after a first
plateau leaves them, and ``headstart.fitting.backtest`` measures how often.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from headstart.contest.arrays import FloatArray, IntArray
from headstart.fitting.kernel import Prior, Problems, grid_cells, sigmoid
from headstart.progress import Progress

COARSE_GRID = (40, 20)
FINE_GRID = (40, 30)
NEGLIGIBLE = 10.0
"""Cells whose log density is this far below the best are left out of the fine grid (together under 1 % of the mass)."""

CANDIDATES_PER_DRAW = 8
"""Candidates per draw kept; importance weights are near 1, so that few draws are repeated."""

BLOCK_CELLS = 500_000
"""Cells times points evaluated at once: bounds the memory used (8 bytes each, a few arrays)."""

PRIOR_MODELS = 2.0
"""How many models the default prior is worth against the models of the file."""

DEFAULT_SLOPE = (0.0, 0.7)
"""Mean and sd of log beta before seeing any model: beta between 1/4 and 4."""

EM_STEPS = 25


def shared_prior(problems: Problems) -> Prior:
    """Empirical-Bayes prior on midpoint and log slope.

    The normal distribution under which all trajectories together are most likely, found by expectation maximisation on
    the coarse grid, with a wide default that counts as ``PRIOR_MODELS`` further models (midpoint in the middle
    of the measured log steps with a third of their range as spread, log slope as ``DEFAULT_SLOPE``). A model whose
    points say nothing about its shape leaves the estimate where the others put it.

    Args:
        problems: The points; weights are the inverse of the full noise variance, lack of fit included.
    """
    low = float(np.where((problems.weight > 0) & (problems.x > 0), problems.x, np.inf).min())
    high = float(problems.x.max())
    low = min(low, high)
    default = Prior(
        mean=np.array([(low + high) / 2, DEFAULT_SLOPE[0]]), sd=np.array([max((high - low) / 3, 1.0), DEFAULT_SLOPE[1]])
    )
    cells = grid_cells(problems.bounds[:, 0], problems.bounds[:, 1], COARSE_GRID)
    likelihood = np.concatenate([_conditional(part, cells[None]).log_density for part in _blocks(problems, len(cells))])
    count = PRIOR_MODELS + len(likelihood)
    prior = default
    for _ in range(EM_STEPS):
        log_density = likelihood - 0.5 * prior.penalty(cells)
        share = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        share = (share / share.sum(axis=1, keepdims=True)).sum(axis=0)
        mean = (PRIOR_MODELS * default.mean + share @ cells) / count
        spread = PRIOR_MODELS * (default.sd**2 + (default.mean - mean) ** 2) + share @ (cells - mean) ** 2
        prior = Prior(mean=mean, sd=np.sqrt(spread / count))
    return prior


def _blocks(problems: Problems, cells: int) -> Iterator[Problems]:
    """The problems, some at a time."""
    rows = max(1, BLOCK_CELLS // (cells * problems.x.shape[1]))
    for first in range(0, len(problems.x), rows):
        yield problems.take(np.arange(first, min(first + rows, len(problems.x))))


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Plausible curves, each array of shape (draws, curves); ``shape`` (draws, curves, 2) is midpoint and log slope."""

    floor: FloatArray
    ceiling: FloatArray
    shape: FloatArray


def draw_curves(problems: Problems, prior: Prior, draws: int, seed: int, progress: Progress | None = None) -> Draws:
    """Independent draws from the posterior of every curve; row d is one posterior draw.

    Args:
        problems: The points; weights are the inverse of the full noise variance, lack of fit included.
        prior: Prior on midpoint and log slope.
        draws: Number of draws per curve.
        seed: Seed of the random numbers.
        progress: Called as curves are drawn.
    """
    generator = np.random.default_rng(seed)
    cells = max(FINE_GRID[0] * FINE_GRID[1], draws * CANDIDATES_PER_DRAW)
    parts: list[Draws] = []
    done = 0
    for part in _blocks(problems, cells):
        parts.append(_draw_block(part, prior, draws, generator))
        done += len(part.x)
        if progress is not None:
            progress("fitting the curves", done / len(problems.x))
    return Draws(
        floor=np.concatenate([part.floor for part in parts], axis=1),
        ceiling=np.concatenate([part.ceiling for part in parts], axis=1),
        shape=np.concatenate([part.shape for part in parts], axis=1),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Conditional:
    """Normal posterior of (first, last - first) given midpoint and log slope, and its box; arrays (curves, cells)."""

    log_density: FloatArray  # log likelihood of the shape; the gain's truncation is in it, the first score's not
    gain: FloatArray
    gain_sd: FloatArray
    mean_score: FloatArray
    mean_basis: FloatArray
    first_sd: FloatArray
    reach: FloatArray  # share of the way from floor to ceiling covered between the first and the last step
    below: FloatArray  # share of it below the first


def _conditional(problems: Problems, shape: FloatArray) -> _Conditional:
    """Closed forms given ``shape`` (curves, cells, 2)."""
    w, present = problems.weight, problems.weight > 0
    first_x = np.where(present, problems.x, np.inf).min(axis=1)[:, None]
    last_x = np.where(present, problems.x, -np.inf).max(axis=1)[:, None]
    slope = np.exp(shape[..., 1])
    below = sigmoid(slope * (first_x - shape[..., 0]))
    reach = np.maximum(sigmoid(slope * (last_x - shape[..., 0])) - below, 1e-12)
    f = sigmoid(slope[..., None] * (problems.x[:, None, :] - shape[..., :1]))
    basis = (f - below[..., None]) / reach[..., None]
    total = w.sum(axis=1)
    mean_score = ((w * problems.y).sum(axis=1) / total)[:, None]
    mean_basis = np.einsum("mp,mcp->mc", w, basis) / total[:, None]
    centred = basis - mean_basis[..., None]
    spread = np.maximum(np.einsum("mp,mcp->mc", w, centred * centred), 1e-12 * total[:, None])
    residual = problems.y - mean_score
    gain = np.einsum("mp,mcp->mc", w * residual, centred) / spread
    gain_sd = spread**-0.5
    squares = (w * residual**2).sum(axis=1)[:, None] - gain * gain * spread
    mass = _log_mass(-gain / gain_sd, (reach - gain) / gain_sd)
    return _Conditional(
        log_density=-0.5 * squares + np.log(gain_sd) + mass,
        gain=gain,
        gain_sd=gain_sd,
        mean_score=mean_score,
        mean_basis=mean_basis,
        first_sd=(total**-0.5)[:, None],
        reach=reach,
        below=below,
    )


def _draw_block(problems: Problems, prior: Prior, draws: int, generator: np.random.Generator) -> Draws:
    low, high = problems.bounds[:, 0], problems.bounds[:, 1]
    curves = len(problems.x)
    coarse = np.broadcast_to(grid_cells(low, high, COARSE_GRID), (curves, COARSE_GRID[0] * COARSE_GRID[1], 2))
    log_density = _conditional(problems, coarse).log_density - 0.5 * prior.penalty(coarse)
    kept = (log_density > log_density.max(axis=1, keepdims=True) - NEGLIGIBLE)[..., None]
    width = (high - low) / (np.array(COARSE_GRID) - 1)
    low = np.maximum(np.where(kept, coarse, np.inf).min(axis=1) - width, low)
    high = np.minimum(np.where(kept, coarse, -np.inf).max(axis=1) + width, high)
    cell = (high - low) / np.array(FINE_GRID)
    fine = grid_cells(low + cell / 2, high - cell / 2, FINE_GRID)
    log_density = _conditional(problems, fine).log_density - 0.5 * prior.penalty(fine)

    count = draws * CANDIDATES_PER_DRAW
    chosen = _systematic(log_density, count, generator)
    jitter = generator.random((curves, count, 2)) - 0.5
    shape = np.take_along_axis(fine, chosen[..., None], axis=1) + jitter * cell[:, None, :]
    here = _conditional(problems, shape)
    gain = _truncated(here.gain, here.gain_sd, np.zeros_like(here.reach), here.reach, generator)
    total_gain = gain / here.reach
    first_mean = here.mean_score - gain * here.mean_basis
    first_low = total_gain * here.below
    first_high = np.maximum(1 - total_gain * (1 - here.below), first_low)
    mass = _log_mass((first_low - first_mean) / here.first_sd, (first_high - first_mean) / here.first_sd)
    here_density = here.log_density - 0.5 * prior.penalty(shape)
    weight = here_density - np.take_along_axis(log_density, chosen, axis=1) + mass
    first = _truncated(first_mean, here.first_sd, first_low, first_high, generator)

    best = generator.permuted(_systematic(weight, draws, generator), axis=1)
    floor = np.take_along_axis(first - first_low, best, axis=1).T
    ceiling = floor + np.take_along_axis(total_gain, best, axis=1).T
    floor = np.clip(floor, 0.0, 1.0)
    return Draws(
        floor=floor,
        ceiling=np.clip(ceiling, floor, 1.0),
        shape=np.take_along_axis(shape, best[..., None], axis=1).transpose(1, 0, 2),
    )


def _systematic(log_weight: FloatArray, count: int, generator: np.random.Generator) -> IntArray:
    """Systematic resampling: ``count`` indices per row with expected multiplicity proportional to the weight."""
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    cumulative = np.cumsum(weight, axis=1)
    cumulative /= cumulative[:, -1:]
    points = (np.arange(count) + generator.random((len(weight), 1))) / count
    found = np.empty(points.shape, dtype=np.int64)
    for row in range(len(points)):
        found[row] = np.searchsorted(cumulative[row], points[row], side="right")
    return np.minimum(found, weight.shape[1] - 1)


def _log_mass(low: FloatArray, high: FloatArray) -> FloatArray:
    """Log of the standard normal mass between ``low`` and ``high``, accurate in both tails."""
    flip = low > 0
    low, high = np.where(flip, -high, low), np.where(flip, -low, high)
    top, bottom = log_ndtr(high), log_ndtr(low)
    return top + np.log1p(-np.exp(np.minimum(bottom - top, -1e-15)))


def _truncated(
    mean: FloatArray, sd: FloatArray, low: FloatArray, high: FloatArray, generator: np.random.Generator
) -> FloatArray:
    """One draw each from normals cut to [low, high], by inversion in the nearer tail."""
    a, b = (low - mean) / sd, (high - mean) / sd
    flip = a > 0
    a, b = np.where(flip, -b, a), np.where(flip, -a, b)
    top, bottom = log_ndtr(b), log_ndtr(a)
    u = generator.random(np.shape(top))
    quantile = ndtri_exp(top + np.log(u + (1 - u) * np.exp(np.minimum(bottom - top, 0.0))))
    return np.clip(mean + sd * np.where(flip, -quantile, quantile), low, high)
