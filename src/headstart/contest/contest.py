"""The contest: the developers' game once the designer has fixed the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray, frozen, require, require_finite
from headstart.contest.compare import effort_to_beat
from headstart.contest.rewards import explicit
from headstart.contest.tables import CostTable, CurveTable

TieBreak = Literal["capability", "listed"]
PerModel = Float[FloatArray, " models"]
Models = Int[IntArray, " pairs"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """Developers i with ``payoff_i = reward[rank of score_i(level + effort_i)] - cost_i(effort_i)``.

    Args:
        names: Model names, unique.
        curves: Score curve of each model.
        costs: Cost of each developer's own effort.
        rewards: By rank, best first, non-increasing; any sequence of shape (models,), in cost units.
        level: Tune-before-test level D, ``>= 0`` (steps); 0 is direct evaluation.
        max_effort: Cap on each developer's own effort, ``inf`` for none; a number or shape (models,).
        tie_break: ``"capability"``: of equal scores the model with the higher score at the level ranks
            first, then the listed order; ``"listed"``: the listed order alone.
        noise_sd: Standard deviation of each observed score, a number or shape (models,); None for scores without noise.

    Raises:
        InputError: If lengths differ, names repeat or are empty, a number is out of range or rewards rise.

    Source: Chen, Zhang, Hardt (arXiv 2603.08371), Sec. 3 and 5.
    """

    names: tuple[str, ...]
    curves: CurveTable
    costs: CostTable
    rewards: PerModel
    level: float
    max_effort: PerModel
    tie_break: TieBreak
    noise_sd: PerModel | None

    def __init__(
        self,
        *,
        names: Sequence[str],
        curves: CurveTable,
        costs: CostTable,
        rewards: ArrayLike,
        level: float = 0.0,
        max_effort: ArrayLike = np.inf,
        tie_break: TieBreak = "capability",
        noise_sd: ArrayLike | None = None,
    ) -> None:
        n = len(names)
        require(n > 0, "models", "a non-empty list", names)
        require(len(set(names)) == n and all(names), "names", "unique and not empty", names)
        require(len(curves) == n, "curves", f"{n} long", len(curves))
        require(len(costs) == n, "costs", f"{n} long", len(costs))
        paid = explicit(rewards)
        require(paid.size == n, "rewards", f"{n} long, one per rank", paid.size)
        require(bool(np.isfinite(level)) and level >= 0, "level", "a finite number >= 0", level)
        require(tie_break in ("capability", "listed"), "tie_break", "'capability' or 'listed'", tie_break)
        caps = frozen(_per_model(max_effort, n, "max_effort"))
        require(bool((caps >= 0).all()), "max_effort", ">= 0", caps)
        noise = None if noise_sd is None else frozen(_per_model(noise_sd, n, "noise_sd"))
        if noise is not None:
            require_finite("noise_sd", noise)
            require(bool((noise >= 0).all()), "noise_sd", ">= 0", noise)
        fields = {"names": tuple(names), "curves": curves, "costs": costs, "rewards": paid, "level": level}
        for name, value in (fields | {"max_effort": caps, "tie_break": tie_break, "noise_sd": noise}).items():
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Number of models."""
        return len(self.names)

    def scores(self, efforts: ArrayLike = 0.0) -> PerModel:
        """Observed scores when developer i adds ``efforts[i]`` steps to the designer's ``level``."""
        spent = np.asarray(efforts, dtype=np.float64)
        return self.curves.score(self.level + spent) if spent.any() else self._scores_at_level

    def order(self, efforts: ArrayLike = 0.0) -> IntArray:
        """Indices of the models from first to last rank."""
        spent = np.asarray(efforts, dtype=np.float64)
        if not spent.any():
            return self._order_at_level
        return _order(self.curves, self.level + spent, self.scores(spent), self.priority)

    @cached_property
    def _order_at_level(self) -> IntArray:
        return _order(self.curves, np.full(self.n, self.level), self._scores_at_level)

    @cached_property
    def _scores_at_level(self) -> FloatArray:
        return self.curves.score(self.level)

    def wins_ties(self, i: Models, k: Models) -> Bool[BoolArray, " pairs"]:
        """Whether i ranks above k when their observed scores are equal."""
        return self.priority[i] < self.priority[k]

    @cached_property
    def priority(self) -> IntArray:
        """Position of each model in the order that settles ties, 0 for the model that wins them all."""
        return np.arange(self.n) if self.tie_break == "listed" else _inverse(self._order_at_level)

    def ranks(self, efforts: ArrayLike = 0.0) -> Int[IntArray, " models"]:
        """Rank of every model, 1 for the best."""
        return _inverse(self.order(efforts)) + 1

    def payoffs(self, efforts: ArrayLike = 0.0) -> PerModel:
        """Reward minus cost of every developer, in cost units.

        Raises:
            InputError: If an effort is negative or above its cap.
        """
        spent = np.broadcast_to(np.asarray(efforts, dtype=np.float64), (self.n,))
        require(bool(((spent >= 0) & (spent <= self.max_effort)).all()), "efforts", "within [0, max_effort]", spent)
        return self.rewards[self.ranks(spent) - 1] - self.costs.cost(spent)

    def catch_up_effort(self, i: Models, k: Models, rival_effort: ArrayLike = 0.0) -> FloatArray:
        """Least effort with which i beats k: ``inf{e >= 0 : score_i(D + e) beats score_k(D + rival_effort)}``.

        Args:
            i: Models that climb, shape (pairs,).
            k: Their rivals, shape (pairs,).
            rival_effort: What the rivals spend, in steps, shape (pairs,); nothing by default.

        Returns:
            Shape (pairs,), in steps; ``inf`` when no effort is enough. Caps are not considered (see ``price``).

        Source: docs/theory, catch-up effort.
        """
        own, rival = self.curves.take(i), self.curves.take(k)
        rival_total = self.level + np.asarray(rival_effort, dtype=np.float64)
        total = effort_to_beat(own, rival, rival_total, draw_is_enough=self.wins_ties(i, k))
        return np.maximum(total - self.level, 0.0)

    def price(self, i: Models, k: Models, rival_effort: ArrayLike = 0.0) -> FloatArray:
        """Cost to developer i of taking k's place, in cost units; ``inf`` when out of reach or above i's cap."""
        effort = self.catch_up_effort(i, k, rival_effort)
        return np.where(self.affordable(i, k, effort), self.costs.take(i).cost(effort), np.inf)

    def affordable(self, i: Models, k: Models, effort: FloatArray) -> Bool[BoolArray, " pairs"]:
        """Whether i's cap allows a catch-up effort: below the cap, or at it where drawing level is enough."""
        cap = self.max_effort[i]
        return np.isfinite(effort) & ((effort < cap) | ((effort == cap) & self.wins_ties(i, k)))

    def at_level(self, level: float) -> Contest:
        """The same developers under tune-before-test at another level."""
        return replace(self, level=level)

    def with_noise(self, noise_sd: ArrayLike) -> Contest:
        """The same contest with observed scores of this standard deviation, scalar or shape (models,); 0 for none."""
        given = np.asarray(noise_sd, dtype=np.float64)
        return replace(self, noise_sd=given if given.any() else None)

    def with_rewards(self, rewards: ArrayLike) -> Contest:
        """The same developers competing for other rewards."""
        return replace(self, rewards=explicit(rewards))


def _per_model(values: ArrayLike, n: int, name: str) -> FloatArray:
    given = np.asarray(values, dtype=np.float64)
    require(given.shape in ((), (1,), (n,)), name, f"a number or {n} long", given.shape)
    return np.broadcast_to(given, (n,))


def _inverse(order: IntArray) -> IntArray:
    position = np.empty_like(order)
    position[order] = np.arange(order.size)
    return position


def _order(curves: CurveTable, effort: FloatArray, score: FloatArray, before: IntArray | None = None) -> IntArray:
    """Indices by falling score; ties by ``before`` (a priority, lowest first), else by index.

    Scores that are equal only because both have rounded to one common ceiling are told apart by their shortfalls.
    """
    order = np.argsort(-score)
    ranked = score[order]
    if not (ranked[1:] == ranked[:-1]).any():
        return order
    priority = np.arange(score.size) if before is None else before
    ceiling = curves.ceiling
    shortfall = np.where(np.isfinite(ceiling), curves.shortfall(effort), 0.0)
    order = np.lexsort((priority, shortfall, ceiling, -score))
    return _mend_mixed_ties(order, score, ceiling, priority)


def _mend_mixed_ties(order: IntArray, score: FloatArray, ceiling: FloatArray, priority: IntArray) -> IntArray:
    """Within a run of equal scores that do not share one ceiling, shortfalls mean nothing: use the priority."""
    changes = np.diff(score[order]) != 0
    run = np.r_[0, np.cumsum(changes)]
    starts = np.flatnonzero(np.r_[True, changes])
    ranked = ceiling[order]
    mixed = (np.minimum.reduceat(ranked, starts) != np.maximum.reduceat(ranked, starts))[run]
    own = order[mixed]
    order[mixed] = own[np.lexsort((priority[own], run[mixed]))]
    return order
