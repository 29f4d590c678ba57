"""The incentive to game from score paths given as arrays, for whole batches of posterior draws and levels."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, frozen, require, require_finite
from headstart.contest.contest import TieBreak
from headstart.contest.rewards import explicit
from headstart.solve.incentive.count import WINDOW
from headstart.solve.incentive.field import reward_field
from headstart.solve.incentive.noise import ScoreNoise
from headstart.solve.mixed.linear_program import evenly_spaced

WORTH_COMPILING = 100_000
"""Scores on all paths together from which the compiled sweep repays loading the compiler."""

_MOST_CELLS = 200_000
"""Cells of one field's table in the compiled sweep; narrower noise is done pair by pair."""

_PER_THREAD = 200_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Incentive:
    """What each developer could gain by tuning while nobody else does: an enclosure of G_i.

    G_i = max over 0 <= e <= cap of (expected reward at e - cost of e) - expected reward untuned, in cost units.
    The largest G_i of a field is what "nobody tunes" falls short of an equilibrium.

    Args:
        lower: A gain that is reached, ``>= 0``, at ``best_effort``; shape ``(*batch, models)``, in cost units.
        upper: No effort gains more (rounding apart); the same shape.
        best_effort: The effort that gains ``lower``; 0 where tuning does not pay. In steps.
        best_cost: What that effort costs, in cost units.
        stake: First reward minus last, in cost units.
    """

    lower: Float[FloatArray, "*batch models"]
    upper: Float[FloatArray, "*batch models"]
    best_effort: Float[FloatArray, "*batch models"]
    best_cost: Float[FloatArray, "*batch models"]
    stake: float

    @property
    def share(self) -> Float[FloatArray, "*batch models"]:
        """``lower`` as a share of first reward minus last; 0 where all rewards are equal."""
        return self.lower / self.stake if self.stake > 0 else np.zeros_like(self.lower)

    @property
    def upper_share(self) -> Float[FloatArray, "*batch models"]:
        """``upper`` as a share of first reward minus last; 0 where all rewards are equal."""
        return self.upper / self.stake if self.stake > 0 else np.zeros_like(self.upper)

    @property
    def largest(self) -> tuple[Float[FloatArray, " *batch"], Float[FloatArray, " *batch"]]:
        """Enclosure of the exploitability of "nobody tunes": the largest incentive of the field, in cost units."""
        return self.lower.max(axis=-1), self.upper.max(axis=-1)

    @property
    def burnt(self) -> Float[FloatArray, " *batch"]:
        """Total cost if every developer made its own best deviation (not an equilibrium), in cost units."""
        return self.best_cost.sum(axis=-1)


def effort_grid(most_effort: ArrayLike, efforts: int = 64, *, least: ArrayLike = 1.0) -> Float[FloatArray, "..."]:
    """Nothing, then efforts in geometric progression from ``least`` to ``most_effort``.

    Args:
        most_effort: Cap, or what costs first reward minus last; any shape, finite, ``>= 0``, in steps.
        efforts: Length of the new last axis, at least 3.
        least: Smallest effort above 0, ``> 0``; a thousandth of ``most_effort`` where that is less.

    >>> effort_grid(100.0, 4).round(6).tolist()
    [0.0, 1.0, 10.0, 100.0]
    """
    require(efforts >= 3, "efforts", ">= 3", efforts)
    most = np.asarray(most_effort, dtype=np.float64)
    first = np.asarray(least, dtype=np.float64)
    require(bool((np.isfinite(most) & (most >= 0)).all()), "most_effort", "finite and >= 0", most)
    require(bool((first > 0).all()), "least", "> 0", first)
    first = np.where(first < most, first, 1e-3 * most)[..., None]
    power = np.linspace(0.0, 1.0, efforts - 1)
    ratio = np.where(first > 0, most[..., None] / np.where(first > 0, first, 1.0), 0.0)
    grid = np.zeros((*np.broadcast_shapes(most.shape, first.shape[:-1]), efforts))
    grid[..., 1:] = first * ratio**power
    grid[..., -1] = most
    return grid


def incentive_of_paths(
    score_path: Float[FloatArray, "*batch models efforts"],
    cost: ArrayLike,
    effort: ArrayLike,
    *,
    rewards: ArrayLike,
    noise: ScoreNoise,
    tie_break: TieBreak = "capability",
    last_is_cap: bool = False,
    compiled: bool | None = None,
) -> Incentive:
    """The incentive of every developer, enclosed from the scores at given efforts.

    Between two efforts of a path the gain is at most the expected reward at the upper one less the cost at the lower
    one, because scores and costs do not fall; nothing else is assumed of the curve between them.

    Args:
        score_path: True score by own effort beyond the level, in score units; entry 0 is the untuned score, which is
            what the rivals see. Non-decreasing along efforts. Draws and levels are batch axes.
        cost: Cost of those efforts, broadcastable to ``score_path``; 0 first, non-decreasing.
        effort: The efforts, broadcastable to ``score_path``; 0 first, non-decreasing, in steps.
        rewards: By rank, best first, shape (models,), in cost units.
        noise: Measurement noise, normal and the same at every effort. Where rewards are evenly spaced any covariance
            will do and the expectation is exact; else it must be independent, or equal for all pairs.
        tie_break: Decides equal scores where differences have no noise.
        last_is_cap: Whether efforts beyond the last are impossible. Otherwise ``upper`` allows for them: it takes
            the path to cost first reward minus last for that to add nothing.
        compiled: Whether to use the compiled sweep (evenly spaced rewards, numba installed); by size when None.

    Raises:
        InputError: If shapes do not fit, or a path or a cost falls.
        ComputationError: If noises are too uneven to integrate over.

    Source: docs/incentive, "The incentive".

    >>> path, cost, effort = np.array([[0.6, 0.6], [0.5, 0.7]]), [0.0, 0.1], [0.0, 10.0]
    >>> found = incentive_of_paths(path, cost, effort, rewards=[1.0, 0.0], noise=ScoreNoise.common(0.0))
    >>> found.lower.tolist(), found.upper.tolist()  # with more points the two would be closer
    ([0.0, 0.9], [0.0, 1.0])
    """
    paid = explicit(rewards)
    path = np.ascontiguousarray(score_path, dtype=np.float64)
    spent, steps = checked_rising(path, cost, effort)
    batch, (n, efforts) = path.shape[:-2], path.shape[-2:]
    require(n == paid.size, "score_path", f"for {paid.size} models, one per reward", path.shape)
    flat = path.reshape(-1, n, efforts)
    kept = noise.flattened(batch, n)
    size = flat.shape[0]
    lower, upper = np.zeros((size, n)), np.zeros((size, n))
    best = np.zeros((size, n), dtype=np.int64)
    stake = float(paid[0] - paid[-1])
    if stake > 0 and n > 1:
        if compiled is None:
            compiled = flat.size >= WORTH_COMPILING and find_spec("numba") is not None
        even = evenly_spaced(paid)
        out = (lower, upper, best)
        if compiled and even:
            _compiled_sweep(flat, spent, kept, stake / (n - 1), last_is_cap, tie_break, out)
        else:
            _sweep(flat, spent, kept, paid, last_is_cap, tie_break, out)
    full = (*batch, n)
    return Incentive(
        lower=frozen(lower.reshape(full)),
        upper=frozen(upper.reshape(full)),
        best_effort=frozen(_picked(steps, best).reshape(full)),
        best_cost=frozen(_picked(spent, best).reshape(full)),
        stake=stake,
    )


def checked_rising(path: FloatArray, cost: ArrayLike, effort: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Costs and efforts of paths, each of shape (1 or batch, models, efforts).

    Raises:
        InputError: If shapes do not fit, or a path, a cost or an effort falls.
    """
    require(path.ndim >= 2 and path.shape[-1] >= 1, "score_path", "of shape (batch, models, efforts)", path.shape)
    require_finite("score_path", path)
    require(bool((path[..., 1:] >= path[..., :-1]).all()), "score_path", "non-decreasing along efforts", "a fall")
    return _checked("cost", cost, path.shape), _checked("effort", effort, path.shape)


def _checked(name: str, given: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """The array as (1 or batch, models, efforts), checked to rise from 0."""
    array = np.asarray(given, dtype=np.float64)
    fits = array.ndim >= 1 and array.ndim <= len(shape)
    fits = fits and all(a in (1, b) for a, b in zip(array.shape[::-1], shape[::-1], strict=False))
    require(fits and array.shape[-1] == shape[-1], name, f"of a shape that broadcasts to {shape}", array.shape)
    require_finite(name, array)
    require(bool((array[..., 0] == 0).all()), name, "0 for no effort", array[..., 0])
    require(bool((array[..., 1:] >= array[..., :-1]).all()), name, "non-decreasing along efforts", "a fall")
    lead = array.shape[:-2]
    if int(np.prod(lead)) == 1:
        return np.ascontiguousarray(np.broadcast_to(array.reshape(array.shape[-2:] if array.ndim > 1 else array.shape),
                                                    shape[-2:]))[None]  # fmt: skip
    return np.ascontiguousarray(np.broadcast_to(array, shape).reshape(-1, *shape[-2:]))


def _picked(values: FloatArray, best: IntArray) -> FloatArray:
    if values.shape[0] == 1:
        return values[0][np.arange(best.shape[1]), best]
    return np.take_along_axis(values, best[..., None], axis=2)[..., 0]


Out = tuple[FloatArray, FloatArray, IntArray]


def _sweep(
    path: FloatArray, cost: FloatArray, noise: ScoreNoise, rewards: FloatArray, ended: bool, tie: TieBreak, out: Out
) -> None:
    """One element of the batch after another, with numpy."""
    size, n, efforts = path.shape
    model: IntArray = np.repeat(np.arange(n, dtype=np.int64), efforts)
    most = float(rewards[0] - rewards[-1])
    for b in range(size):
        field = reward_field(path[b, :, 0], rewards, noise.at(b), tie)
        earned = field.value(model, path[b].ravel()).reshape(n, efforts)
        spent = cost[b if cost.shape[0] > 1 else 0]
        gain = earned - earned[:, :1] - spent
        best = gain.argmax(axis=1)
        bound = (earned[:, 1:] - earned[:, :1] - spent[:, :-1]).max(axis=1, initial=0.0)
        if not ended:
            bound = np.maximum(bound, most - earned[:, 0] - spent[:, -1])
        out[0][b], out[2][b] = np.maximum(gain[np.arange(n), best], 0.0), best
        out[1][b] = np.maximum(bound, out[0][b])


def _compiled_sweep(
    path: FloatArray, cost: FloatArray, noise: ScoreNoise, worth: float, ended: bool, tie: TieBreak, out: Out
) -> None:
    from headstart.solve.incentive import compiled  # numba is optional

    size, n = path.shape[:2]
    shared = noise.common_sd(n)
    if shared is not None and (shared > 0).all():
        spread = np.ptp(path[:, :, 0], axis=1)
        if (spread / shared * 2 + 2 * WINDOW <= _MOST_CELLS).all():
            sd = np.ascontiguousarray(shared, dtype=np.float64)
            in_threads(lambda a, z: compiled.common(path, cost, sd, worth, ended, a, z, *out), size, path.size)
            return
    wins: BoolArray = np.array([tie == "listed"])
    if noise.sd.shape[0] == 1:
        sds = np.ascontiguousarray(noise.difference_sd(n))
        in_threads(lambda a, z: compiled.pairwise(path, cost, sds, wins, worth, ended, a, z, *out), size, path.size)
        return
    step = max(20_000_000 // n**2, 1)  # matrices of all pairs, a stretch of the batch at a time
    for at in range(0, size, step):
        part = slice(at, at + step)
        sds = np.ascontiguousarray(ScoreNoise(kind=noise.kind, sd=noise.sd[part]).difference_sd(n))
        own_cost = cost[part] if cost.shape[0] > 1 else cost
        piece = (path[part], own_cost, sds, wins, worth, ended)
        kept = tuple(o[part] for o in out)
        in_threads(
            lambda a, z, piece=piece, kept=kept: compiled.pairwise(*piece, a, z, *kept), len(kept[0]), path[part].size
        )


def in_threads(sweep: Callable[[int, int], object], size: int, work: int) -> None:
    """Split a batch among the processors at hand, where that repays the threads."""
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    threads = max(min(most, size, work // _PER_THREAD), 1)
    if threads == 1:
        sweep(0, size)
        return
    cuts = [size * at // (4 * threads) for at in range(4 * threads + 1)]  # short stretches: draws differ in work
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(sweep, a, z) for a, z in pairwise(cuts)]:
            done.result()
