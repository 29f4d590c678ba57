"""Pure equilibria of a noisy contest: found by best responses, polished on first-order conditions, checked globally."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.optimize import fsolve

from headstart.contest.arrays import FloatArray, require
from headstart.contest.contest import Contest
from headstart.progress import Progress
from headstart.solve.noise.game import NoisyGame, expected_kendall_tau, rank_probabilities
from headstart.solve.noise.two_models import possible_equilibria
from headstart.solve.pure import candidate_efforts

Status = Literal["nobody tunes", "equilibrium", "none exists", "none found"]

_ROUNDS = 40
_LOOSE = 1e-4  # accuracy of the best responses while efforts still move, as a share of the stake
_SETTLED = 1e-3  # share of the effort interval; the polish does the rest
_SAME = 1e-3  # two equilibria closer than this share of the effort interval are one


@dataclass(frozen=True, kw_only=True, eq=False)
class NoisyEquilibrium:
    """A profile from which nobody can gain more than ``regret_bound``.

    Args:
        efforts: Effort of each developer, shape (models,), in steps.
        scores: True scores there, shape (models,).
        costs: What the efforts cost, shape (models,), in cost units.
        payoffs: Expected reward minus cost, shape (models,), in cost units.
        regret: Largest gain found by any developer's search over its whole effort interval, in cost units.
        regret_bound: Upper bound on every gain, from the same searches, in cost units (floating point).
        rank_probabilities: Shape (models, ranks), best rank first.
        expected_kendall_tau: Agreement of the observed ranking with the noiseless ranking without own effort; None
            for a single model.
    """

    efforts: Float[FloatArray, " models"]
    scores: Float[FloatArray, " models"]
    costs: Float[FloatArray, " models"]
    payoffs: Float[FloatArray, " models"]
    regret: float
    regret_bound: float
    rank_probabilities: Float[FloatArray, "models ranks"]
    expected_kendall_tau: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class NoisySolution:
    """What is known about the pure equilibria of a noisy contest.

    Args:
        status: ``nobody tunes``: nobody pays for effort in the first equilibrium listed. ``equilibrium``: those found
            have paid effort. ``none exists``: two models, and every pair of efforts was excluded. ``none found``:
            the search found none, which does not show that there is none.
        equilibria: The ones found, the one without paid effort first; there may be more.
        proof: Always ``numeric``: bounds hold up to floating-point errors.
        reason: The status in one sentence.
    """

    status: Status
    equilibria: tuple[NoisyEquilibrium, ...]
    proof: Literal["numeric"]
    reason: str


def solve_noisy(
    contest: Contest,
    *,
    noise_sd: ArrayLike | None = None,
    tolerance: float = 1e-6,
    starts: int = 2,
    seed: int = 0,
    progress: Progress | None = None,
) -> NoisySolution:
    """Look for pure equilibria when observed scores carry normal noise.

    Every profile reported has passed a search over every developer's whole effort interval, so a point that meets only
    the first-order (or the local second-order) conditions never passes.

    Args:
        contest: The contest.
        noise_sd: Standard deviation of the observed scores, scalar or shape (models,), ``> 0``; the contest's own by
            default. ``binomial_sd`` gives that of a test set.
        tolerance: Regret that still counts as an equilibrium, as a share of first reward minus last.
        starts: Number of random starting profiles, besides nobody and everybody.
        seed: Seed of the random profiles.
        progress: Called at every start.

    Raises:
        InputError: If there is no noise, or an argument is out of range.
        ComputationError: If the noises are too uneven to integrate over.

    Source: Lazear and Rosen (1981); docs/noise.

    >>> from headstart.contest import *
    >>> curves = CurveTable.batch(Linear(intercept=0.0, slope=1.0), 2)
    >>> costs = CostTable.batch(PowerCost(scale=1.0, exponent=2.0), 2)
    >>> contest = Contest(names=("a", "b"), curves=curves, costs=costs, rewards=[1.0, 0.0], noise_sd=0.5)
    >>> solve_noisy(contest).equilibria[0].efforts.round(6).tolist()
    [0.282095, 0.282095]
    """
    require(0 < tolerance < 1, "tolerance", "between 0 and 1", tolerance)
    require(starts >= 0, "starts", ">= 0", starts)
    game = NoisyGame.of(contest, noise_sd)
    free = candidate_efforts(game.contest)
    found: list[NoisyEquilibrium] = []
    excluded = False
    profiles = _starts(game, free, starts, seed)
    if game.contest.n == 2 and game.stake > 0:
        possible = possible_equilibria(game)
        excluded = possible is not None and not len(possible)
        profiles = [free, *([] if possible is None else possible), *profiles[1:]]
    for at, start in enumerate([] if excluded else profiles):
        if progress is not None:
            progress(f"start {at + 1} of {len(profiles)}", at / len(profiles))
        for efforts in _refined(game, start, tolerance, as_given=at == 0):
            if any(_distance(game, efforts, known.efforts) < _SAME for known in found):
                break
            equilibrium = check(game, efforts, tolerance)
            if equilibrium is not None:
                found.append(equilibrium)
                break
    return _solution(game, found, excluded)


def check(game: NoisyGame, efforts: FloatArray, tolerance: float) -> NoisyEquilibrium | None:
    """The profile as an equilibrium if no developer gains more than ``tolerance`` times the stake; else None."""
    # the second term is rounding: it decides only where all rewards are equal
    allowed = tolerance * game.stake + 1e-13 * float(np.abs(game.contest.rewards).max())
    regret, bound = 0.0, 0.0
    payoffs = np.empty(game.contest.n)
    for i in range(game.contest.n):
        payoffs[i] = game.payoff(i, efforts)
        best = game.best_response(i, efforts, allowed)
        regret = max(regret, best.payoff - float(payoffs[i]))
        bound = max(bound, best.bound - float(payoffs[i]))
        if regret > allowed or bound > 2 * allowed:
            return None
    return NoisyEquilibrium(
        efforts=efforts, scores=game.contest.scores(efforts), costs=game.contest.costs.cost(efforts),
        payoffs=payoffs, regret=regret, regret_bound=bound,
        rank_probabilities=rank_probabilities(game.contest, efforts),
        expected_kendall_tau=expected_kendall_tau(game.contest, efforts),
    )  # fmt: skip


def _starts(game: NoisyGame, free: FloatArray, starts: int, seed: int) -> list[FloatArray]:
    rng = np.random.default_rng(seed)
    random = [free + rng.uniform(size=free.size) * (game.most_effort - free) for _ in range(starts)]
    return [free, game.most_effort.copy(), *random]


def _refined(game: NoisyGame, start: FloatArray, tolerance: float, as_given: bool) -> Iterator[FloatArray]:
    """Profiles worth checking, the likeliest first; each is computed only if the one before it fails."""
    # two models start next to where an equilibrium must be, except at the profile without paid effort
    direct = None if as_given or game.contest.n > 2 else _polish(game, start)
    yield start if direct is None else direct
    reached, settled = _best_response_play(game, start, _LOOSE * game.stake)
    polished = _polish(game, reached)
    if polished is not None:
        yield polished
    if settled:  # where costs have kinks or efforts sit at their ends there may be nothing to polish
        yield _best_response_play(game, reached, 0.1 * tolerance * game.stake)[0]


def _best_response_play(game: NoisyGame, start: FloatArray, tolerance: float) -> tuple[FloatArray, bool]:
    """Developers move towards their best responses in turn, in steps that shrink; where they end, and if they rest."""
    efforts, step = start.copy(), 1.0
    for done in range(_ROUNDS):
        before = efforts.copy()
        for i in range(game.contest.n):
            efforts[i] += step * (game.best_response(i, efforts, tolerance).effort - efforts[i])
        if _distance(game, efforts, before) < _SETTLED * step:
            return efforts, True
        if done >= 5:
            step = max(0.85 * step, 0.05)
    return efforts, False


def _polish(game: NoisyGame, efforts: FloatArray) -> FloatArray | None:
    """Solve the first-order conditions of the developers strictly inside their intervals; None if that fails."""
    top = game.most_effort
    inside = np.flatnonzero((efforts > _SETTLED * top) & (efforts < (1 - _SETTLED) * top))
    if not inside.size:
        return None

    def conditions(values: FloatArray) -> FloatArray:
        profile = efforts.copy()
        profile[inside] = np.clip(values, 0.0, 1.0) * top[inside]
        return np.array([_marginal_payoff(game, int(i), profile) * top[i] for i in inside])

    # two or three Jacobians by differences: near a solution that is plenty
    most = int(50 + 3 * inside.size)
    answer = fsolve(conditions, efforts[inside] / top[inside], xtol=1e-12, maxfev=most, full_output=True)
    shares = np.asarray(answer[0], dtype=np.float64)
    if not np.isfinite(shares).all() or (shares < 0).any() or (shares > 1).any():
        return None
    result = efforts.copy()
    result[inside] = shares * top[inside]
    return result


def _marginal_payoff(game: NoisyGame, i: int, efforts: FloatArray) -> float:
    own = efforts[i]
    near = np.array([max(own - 1e-6 * game.most_effort[i], 0.0), own + 1e-6 * game.most_effort[i]])
    width = near[1] - near[0]
    score = game.score(i, near)
    slope = game.expected_reward(i, efforts).slope(game.score(i, efforts[i : i + 1]))[0]
    return float((slope * (score[1] - score[0]) - np.diff(game.cost(i, near))[0]) / width)


def _distance(game: NoisyGame, one: FloatArray, other: FloatArray) -> float:
    return float(np.max(np.abs(one - other) / np.maximum(game.most_effort, np.finfo(float).tiny)))


def _solution(game: NoisyGame, found: list[NoisyEquilibrium], excluded: bool) -> NoisySolution:
    idle = [e for e in found if not e.costs.any()]
    paid = [e for e in found if e.costs.any()]
    status: Status
    if idle:
        status, reason = "nobody tunes", "nobody gains by paying for effort when nobody else does"
    elif paid:
        status, reason = "equilibrium", f"{len(paid)} found with paid effort; there may be others"
    elif excluded:
        status = "none exists"
        reason = "at every pair of efforts one of the two developers gains by another effort"
    else:
        status, reason = "none found", "the search found no pure equilibrium, which does not show that there is none"
    return NoisySolution(status=status, equilibria=(*idle, *paid), proof="numeric", reason=reason)
