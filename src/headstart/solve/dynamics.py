"""Simulations of developers who adjust their efforts round by round. Simulations, not equilibria.

*Best-response play* is the arms race: in turn, each developer buys the rank that pays best against the others' current
efforts, with the least effort that takes it. Where no pure equilibrium exists it escalates, collapses and starts
again. *Regret play* (regret matching+) is learning: each developer shifts weight to efforts it regrets not having
spent; its average play approaches the set of coarse correlated equilibria.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, require
from headstart.contest.compare import effort_to_beat
from headstart.contest.contest import Contest
from headstart.contest.costs import Cost
from headstart.contest.tables import CurveTable
from headstart.progress import Progress
from headstart.solve.pure import candidate_efforts

Dynamics = Literal["best-response", "regret"]
Order = Literal["round-robin", "random"]

_STEPS = 100  # default increments in the shortest effort interval
_DRAW = 1e-12  # relative rounding error of a catch-up effort
_BATCH = 100  # rounds between two progress messages


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """What was played, round by round, and a summary of it.

    Args:
        dynamics: ``best-response`` or ``regret``.
        status: ``settled``: a whole round changed nothing (an equilibrium up to the increment). ``cycle``: a profile
            came back, so that play repeats for ever. ``ended``: the rounds were used up.
        settings: The arguments that make the run repeatable.
        efforts: Efforts at the end of each round, shape (rounds, models), in steps.
        ranks: Ranks then, 1 for the best, shape (rounds, models).
        costs: Cost of those efforts, shape (rounds, models), in cost units.
        summarised: Rounds the summary is about, as (first, one past the last): the cycle, the settled round, or the
            second half.
        period: Length of the cycle in rounds; None without a cycle.
        amplitude: Largest minus smallest effort of each developer over those rounds, shape (models,), in steps.
        mean_effort: Mean effort of each developer, shape (models,), in steps.
        mean_cost: Mean cost of all developers together per round, in cost units.
        first_share: Share of the rounds in which each developer is first, shape (models,).
        mean_kendall_tau: Mean agreement of the ranking with the one without effort; None for a single model.
        regret: How much more each developer would have earned per round, on average over the whole run, with its best
            single grid effort, shape (models,), in cost units; None for best-response play.
    """

    dynamics: Dynamics
    status: Literal["settled", "cycle", "ended"]
    settings: dict[str, int | float | str]
    efforts: Float[FloatArray, "rounds models"]
    ranks: Int[IntArray, "rounds models"]
    costs: Float[FloatArray, "rounds models"]
    summarised: tuple[int, int]
    period: int | None
    amplitude: Float[FloatArray, " models"]
    mean_effort: Float[FloatArray, " models"]
    mean_cost: float
    first_share: Float[FloatArray, " models"]
    mean_kendall_tau: float | None
    regret: Float[FloatArray, " models"] | None


def simulate(
    contest: Contest,
    dynamics: Dynamics = "best-response",
    *,
    rounds: int = 2000,
    seed: int = 0,
    order: Order = "round-robin",
    increment: float | None = None,
    levels: int = 65,
    progress: Progress | None = None,
) -> Simulation:
    """Play the contest (without noise) round after round, from nobody tuning.

    Args:
        contest: The contest.
        dynamics: ``best-response`` or ``regret``.
        rounds: Rounds at most; best-response play stops when it settles or repeats itself.
        seed: Seed of the random order, or of the efforts sampled in regret play.
        order: Best-response play: developers move in listed order, or in a new random order each round.
        increment: Best-response play: steps spent beyond drawing level with a rival; by default a hundredth of the
            smallest effort that costs the whole stake.
        levels: Regret play: efforts each developer chooses among, evenly spaced over its useful interval.
        progress: Called now and then.

    Raises:
        InputError: If an argument is out of range.

    Source: docs/dynamics; Hart and Mas-Colell (2000) and Tammelin (2014) for regret matching and its ``+`` variant.

    >>> from headstart.contest import *
    >>> curves = CurveTable.of([Linear(intercept=1.0, slope=1.0), Linear(intercept=0.5, slope=1.0)])
    >>> costs = CostTable.batch(PowerCost(), 2)
    >>> contest = Contest(names=("strong", "weak"), curves=curves, costs=costs, rewards=[1.0, 0.0])
    >>> simulate(contest, increment=0.01).status
    'cycle'
    """
    require(rounds >= 1, "rounds", ">= 1", rounds)
    if dynamics == "best-response":
        return _best_response_play(contest, rounds, seed, order, increment, progress)
    require(dynamics == "regret", "dynamics", "'best-response' or 'regret'", dynamics)
    require(levels >= 2, "levels", ">= 2", levels)
    return _regret_play(contest, rounds, seed, levels, progress)


@dataclass(frozen=True, kw_only=True, eq=False)
class Mover:
    """One developer and its rivals, laid out once for many replies.

    Args:
        contest: The contest.
        i: The developer who moves.
    """

    contest: Contest
    i: int

    @cached_property
    def _rivals(self) -> IntArray:
        return np.flatnonzero(np.arange(self.contest.n) != self.i)

    @cached_property
    def _layout(self) -> tuple[CurveTable, CurveTable, BoolArray]:
        me = np.full(self._rivals.size, self.i)
        curves = self.contest.curves
        return curves.take(me), curves.take(self._rivals), self.contest.wins_ties(me, self._rivals)

    @cached_property
    def _cost(self) -> Cost:
        return self.contest.costs[self.i]

    @cached_property
    def _unpaid(self) -> float:
        return float(candidate_efforts(self.contest)[self.i])

    def best_reply(self, efforts: ArrayLike, increment: float) -> float:
        """Least effort that takes the rank that pays best, in steps.

        Args:
            efforts: Current efforts, shape (models,).
            increment: Steps spent beyond drawing level with a rival, ``> 0``.
        """
        needed, draw_wins = self._needed(np.asarray(efforts, dtype=np.float64))
        cap = float(self.contest.max_effort[self.i])
        drawn = needed * (1 - _DRAW)  # from here on the scores are equal up to rounding
        within: BoolArray = (needed < cap) | (draw_wins & (drawn <= cap))
        wanted = np.where((needed == 0) & draw_wins, 0.0, np.minimum(needed + increment, cap))[within]
        options = np.unique(np.maximum(np.r_[0.0, wanted], self._unpaid))  # rising: the least effort wins ties
        beaten = (options[:, None] > needed) | (draw_wins & (options[:, None] >= drawn))
        payoff = self.contest.rewards[(~beaten).sum(axis=1)] - self._cost.cost(options)
        return float(options[int(np.argmax(payoff))])

    def _needed(self, spent: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Catch-up effort to every rival, and whether drawing level is enough."""
        if not self._rivals.size:
            return np.empty(0), np.empty(0, dtype=np.bool_)
        own, rivals, draw_wins = self._layout
        level = self.contest.level
        total = effort_to_beat(own, rivals, level + spent[self._rivals], draw_is_enough=draw_wins)
        return np.maximum(total - level, 0.0), draw_wins


def useful_effort(contest: Contest) -> Float[FloatArray, " models"]:
    """Largest effort worth considering: the cap, or what costs first reward minus last; shape (models,), in steps."""
    return np.minimum(contest.costs.effort_at(contest.rewards[0] - contest.rewards[-1]), contest.max_effort)


def _best_response_play(
    contest: Contest, rounds: int, seed: int, order: Order, increment: float | None,
    progress: Progress | None,
) -> Simulation:  # fmt: skip
    require(order in ("round-robin", "random"), "order", "'round-robin' or 'random'", order)
    useful = useful_effort(contest)
    positive = useful[useful > 0]
    step = increment if increment is not None else float(positive.min()) / _STEPS if positive.size else 1.0
    require(bool(np.isfinite(step)) and step > 0, "increment", "a finite number > 0", step)
    rng = np.random.default_rng(seed)
    developers = [Mover(contest=contest, i=i) for i in range(contest.n)]
    efforts = np.zeros(contest.n)
    history: list[FloatArray] = []
    seen: dict[bytes, int] = {_key(efforts, step): -1}
    status: Literal["settled", "cycle", "ended"] = "ended"
    start = rounds // 2
    for done in range(rounds):
        before = efforts.copy()
        movers = rng.permutation(contest.n) if order == "random" else np.arange(contest.n)
        for i in movers:
            efforts[i] = developers[i].best_reply(efforts, step)
        history.append(efforts.copy())
        if np.array_equal(before, efforts):
            status, start = "settled", done
            break
        key = _key(efforts, step)
        if order == "round-robin" and key in seen:  # each round follows from the profile before it
            status, start = "cycle", seen[key] + 1
            break
        seen[key] = done
        if progress is not None and (done + 1) % _BATCH == 0:
            progress("playing", (done + 1) / rounds)
    settings: dict[str, int | float | str] = {"rounds": rounds, "seed": seed, "order": order, "increment": step}
    return _summary(contest, "best-response", status, settings, np.array(history), start, None)


def _key(efforts: FloatArray, step: float) -> bytes:
    """The profile up to a millionth of an increment: rounding errors must not hide a cycle."""
    return np.round(efforts / step * 1e6).tobytes()


def _regret_play(contest: Contest, rounds: int, seed: int, levels: int, progress: Progress | None) -> Simulation:
    grid = np.linspace(0.0, 1.0, levels) * useful_effort(contest)[:, None]
    cost = np.stack([contest.costs[i].cost(grid[i]) for i in range(contest.n)])
    rng = np.random.default_rng(seed)
    everyone = np.arange(contest.n)
    regret, total = np.zeros_like(grid), np.zeros_like(grid)
    earned = np.zeros(contest.n)
    history = np.empty((rounds, contest.n))
    place = _merged_order(contest, grid)
    for done in range(rounds):
        mass = regret.sum(axis=1, keepdims=True)
        strategy = np.where(mass > 0, regret / np.where(mass > 0, mass, 1.0), 1.0 / levels)
        drawn = (np.cumsum(strategy, axis=1) < rng.uniform(size=(contest.n, 1))).sum(axis=1).clip(max=levels - 1)
        history[done] = grid[everyone, drawn]
        payoff = contest.rewards[_ranks_of_all_levels(place, drawn)] - cost
        got = payoff[everyone, drawn]
        regret = np.maximum(regret + payoff - got[:, None], 0.0)
        total += payoff
        earned += got
        if progress is not None and (done + 1) % _BATCH == 0:
            progress("playing", (done + 1) / rounds)
    settings: dict[str, int | float | str] = {"rounds": rounds, "seed": seed, "levels": levels}
    external = np.maximum(total.max(axis=1) - earned, 0.0) / rounds
    return _summary(contest, "regret", "ended", settings, history, rounds // 2, external)


def _merged_order(contest: Contest, grid: Float[FloatArray, "models levels"]) -> Int[IntArray, "models levels"]:
    """Place of every (model, level) among all of them, best first, ties between models broken as the contest does."""
    n, levels = grid.shape
    score = np.stack([contest.curves[i].score(contest.level + grid[i]) for i in range(n)])
    priority = np.arange(n, dtype=np.int64) if contest.tie_break == "listed" else contest.ranks()
    order = np.lexsort((np.repeat(priority, levels), -score.ravel()))
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    return place.reshape(n, levels)


def _ranks_of_all_levels(place: Int[IntArray, "models levels"], drawn: IntArray) -> Int[IntArray, "models levels"]:
    """Rank (from 0) that each level of each developer would have had against the others' drawn levels."""
    everyone = np.arange(len(place))
    drawn_places = place[everyone, drawn]
    above = np.searchsorted(np.sort(drawn_places), place)
    # the own draw is no rival
    return above - (drawn_places[:, None] < place)


def _summary(
    contest: Contest,
    dynamics: Dynamics,
    status: Literal["settled", "cycle", "ended"],
    settings: dict[str, int | float | str],
    efforts: FloatArray,
    start: int,
    regret: FloatArray | None,
) -> Simulation:
    start = min(start, len(efforts) - 1)
    ranks = np.stack([contest.ranks(row) for row in efforts])
    costs = np.stack([contest.costs.cost(row) for row in efforts])
    part = slice(start, len(efforts))
    above, below = np.triu_indices(contest.n, 1)
    ordered = ranks[part][:, contest.order()]
    tau = None if contest.n < 2 else float(np.mean(np.sign(ordered[:, below] - ordered[:, above])))
    return Simulation(
        dynamics=dynamics, status=status, settings=settings, efforts=efforts, ranks=ranks, costs=costs,
        summarised=(start, len(efforts)), period=len(efforts) - start if status == "cycle" else None,
        amplitude=np.ptp(efforts[part], axis=0), mean_effort=efforts[part].mean(axis=0),
        mean_cost=float(costs[part].sum(axis=1).mean()), first_share=(ranks[part] == 1).mean(axis=0),
        mean_kendall_tau=tau, regret=regret,
    )  # fmt: skip
