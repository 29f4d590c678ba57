"""Iterated dominance from score paths given as arrays, for whole batches of posterior draws and levels."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, frozen, require
from headstart.contest.rewards import explicit
from headstart.solve.dominance.bound import GainBound
from headstart.solve.incentive.noise import ScoreNoise
from headstart.solve.incentive.paths import checked_rising, in_threads
from headstart.solve.strategic_ranks import cheapest_of_cells

ROUNDS = 300
"""Rounds of deletion after which the question stays open."""

WORTH_COMPILING = 50_000
"""Pairs of models over the batch from which the compiled sweep repays loading the compiler."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PathDominance:
    """What iterated dominance leaves of score paths.

    Args:
        unique: Whether only the untuned scores are left, shape ``(*batch,)``; False leaves the question open.
        high: No equilibrium has a higher true score, shape ``(*batch, models)``.
    """

    unique: Bool[BoolArray, " *batch"]
    high: Float[FloatArray, "*batch models"]


def iterated_dominance_of_paths(
    score_path: Float[FloatArray, "*batch models efforts"],
    cost: ArrayLike,
    *,
    rewards: ArrayLike,
    noise: ScoreNoise,
    least_effort: bool = False,
    rounds: int = ROUNDS,
    compiled: bool | None = None,
) -> PathDominance:
    """Delete efforts that cost more than they can gain, whatever efforts are left to the rivals, again and again.

    An effort between two of a path has at most the score of the upper one and costs at least the lower one. Without
    ``least_effort`` the efforts just above 0 may cost next to nothing, and honesty is then unique only where they raise
    no score. Efforts beyond the last are taken to be impossible.

    Args:
        score_path: True score by own effort beyond the level, non-decreasing; entry 0 is the untuned score.
        cost: Cost of those efforts, broadcastable to ``score_path``; 0 first, non-decreasing.
        rewards: By rank, best first, shape (models,), in cost units.
        noise: Measurement noise, jointly normal and the same at every effort.
        least_effort: Whether no effort lies between 0 and the first one of the path (whole steps, from 1 on).
        rounds: Rounds of deletion at most.
        compiled: Whether to use the compiled sweep (noise of one standard deviation, numba installed); by size when
            None.

    Raises:
        InputError: If shapes do not fit, or a path or a cost falls.

    Source: docs/theory, Prop. L ("Iterated dominance").

    >>> path, cost = np.array([[0.6, 0.61], [0.5, 0.52]]), [0.0, 0.3]
    >>> found = iterated_dominance_of_paths(
    ...     path, cost, rewards=[1.0, 0.0], noise=ScoreNoise.common(0.05), least_effort=True)
    >>> bool(found.unique), found.high.tolist()
    (True, [0.6, 0.5])
    """
    paid = explicit(rewards)
    path = np.ascontiguousarray(score_path, dtype=np.float64)
    spent, _ = checked_rising(path, cost, np.zeros(path.shape[-1:]))
    batch, (n, efforts) = path.shape[:-2], path.shape[-2:]
    require(n == paid.size, "score_path", f"for {paid.size} models, one per reward", path.shape)
    known = noise.flattened(batch, n)
    flat, cheapest = path.reshape(-1, n, efforts), cheapest_of_cells(spent, least_effort)
    high = np.array(flat[:, :, 0])
    if n > 1 and paid[0] > paid[-1]:
        shared = known.common_sd(n)
        if compiled is None:
            compiled = flat.shape[0] * n * n >= WORTH_COMPILING and find_spec("numba") is not None
        if compiled and shared is not None and bool((shared > 0).all()):
            _compiled(flat, cheapest, paid, known, shared, rounds, high)
        else:
            for b, field in enumerate(flat):
                bound = GainBound.of(paid, known.at(b))
                high[b] = _narrow(field, cheapest[b if cheapest.shape[0] > 1 else 0], bound, rounds)
    unique = (high == flat[:, :, 0]).all(axis=1)
    return PathDominance(unique=unique.reshape(batch), high=frozen(high.reshape(*batch, n)))


def _narrow(
    path: Float[FloatArray, "models efforts"],
    cheapest: Float[FloatArray, "models efforts"],
    bound: GainBound,
    rounds: int,
) -> Float[FloatArray, " models"]:
    start: FloatArray = path[:, 0]
    every = list(range(start.size))
    top = _affordable(cheapest, np.zeros_like(start) + bound.stake)
    for _ in range(rounds):
        high: FloatArray = path[every, top]
        gain = bound.gain(start, high)
        left: IntArray = np.minimum(top, _affordable(cheapest, gain))
        if np.array_equal(left, top):
            break
        top = left
    return path[every, top]


def _affordable(cheapest: FloatArray, gain: FloatArray) -> IntArray:
    """The last cell that may cost no more than it gains."""
    return np.count_nonzero(cheapest <= gain[:, None], axis=1).astype(np.int64) - 1


def _compiled(
    path: FloatArray,
    cheapest: FloatArray,
    rewards: FloatArray,
    noise: ScoreNoise,
    shared: FloatArray,
    rounds: int,
    high: FloatArray,
) -> None:
    from headstart.solve.dominance import compiled  # numba is optional

    bound = GainBound.of(rewards, noise.at(0))
    # of one standard deviation t for all differences, the own part is a fixed share
    own_share = float(bound.own_sd[0] / shared.flat[0])
    sd = np.ascontiguousarray(np.broadcast_to(shared, (path.shape[0],)), dtype=np.float64)
    in_threads(
        lambda a, z: compiled.narrow(path, cheapest, sd, own_share, bound.stake, bound.step, rounds, a, z, high),
        path.shape[0],
        path.shape[0] * path.shape[1] ** 2,
    )
