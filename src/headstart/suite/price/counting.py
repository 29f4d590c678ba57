"""Rules that count the models beaten on each task: win rates, shares of models, Borda points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray
from headstart.suite.price.duels import Duels
from headstart.suite.price.knapsack import Steps, cheapest
from headstart.suite.price.programme import Programme
from headstart.suite.price.rule import OUT_OF_REACH, Field, Found


@dataclass(frozen=True, kw_only=True, eq=False)
class Offer:
    """One task as a climber sees it.

    Args:
        effort: Steps beyond the level at which some rival is drawn level with or passed, rising, 0 first.
        cost: Their costs.
        own: Points gained by then.
        lost: Points that each model has lost to the climber by then.
    """

    effort: Float[FloatArray, " steps"]
    cost: Float[FloatArray, " steps"]
    own: Int[IntArray, " steps"]
    lost: Int[IntArray, "steps models"]


def offers_of(duels: Duels, tie: int) -> list[Offer]:
    """The offers of all tasks.

    Args:
        duels: The climber against everybody.
        tie: Points of a tie, to either side; a win has 2, a loss 0.
    """
    found: list[Offer] = []
    for sign, draw, win, each in zip(duels.sign, duels.draw, duels.win, duels.cost_per_step, strict=True):
        effort = np.unique(np.r_[0.0, draw[np.isfinite(draw)], win[np.isfinite(win)]])
        behind, level = sign < 0, sign == 0
        level[duels.climber] = False
        drawn = behind & (draw <= effort[:, None])
        won = (behind | level) & (win <= effort[:, None])
        lost = (2 - tie) * drawn + tie * won
        own = (tie * drawn + (2 - tie) * won).sum(axis=1)
        found.append(Offer(effort=effort, cost=each * effort, own=own, lost=lost))
    return found


def steps_at(offers: Sequence[Offer], effort: Float[FloatArray, " tasks"]) -> list[int]:
    """Positions of the steps with these efforts, which are efforts of steps."""
    efforts: list[float] = effort.tolist()
    return [int(np.searchsorted(offer.effort, e)) for offer, e in zip(offers, efforts, strict=True)]


@dataclass(frozen=True, kw_only=True)
class CountingRule:
    """Models are ranked by points over all tasks and rivals: 2 for a win, ``tie`` for a tie, 0 for a loss.

    Args:
        name: How the rule is asked for.
        tie: 1 where ties count half (win rates as HELM has them, Borda points), 2 where they count in full (the
            share of models that score at most as much).
    """

    name: str
    tie: int

    def points(self, field: Field) -> Int[IntArray, " models"]:
        """Points of every model, nobody tuning."""
        sign = field.sign
        ties = (sign == 0).sum(axis=(0, 2)) - sign.shape[0]  # not with itself
        return 2 * (sign > 0).sum(axis=(0, 2)) + self.tie * ties

    def standing(self, field: Field) -> Float[FloatArray, " models"]:
        """Mean win rate; the share of models at most as good, itself included, where ties count in full."""
        n, tasks = field.suite.shape
        points = self.points(field) / (2.0 * tasks)
        return (points + 1) / n if self.tie == 2 else points / max(n - 1, 1)

    def pairs(self, field: Field, lower: Sequence[int], upper: Sequence[int]) -> list[Found]:
        """Exact: a multiple-choice knapsack, in which a task counts what the climber gains and the rival loses.

        Source: docs/suites-prices, "Rules that count".
        """
        points, found = self.points(field), list[Found]()
        known: dict[int, list[Offer]] = {}
        for i, k in zip(lower, upper, strict=True):
            if i not in known:
                known[i] = offers_of(field.duels(i), self.tie)
            found.append(_pass(known[i], k, int(points[k] - points[i]) + 1))
        return found

    def first(self, field: Field, climbers: Sequence[int], above: Sequence[Sequence[int]]) -> list[Found]:
        """By a mixed-integer programme with a condition for each model above; never less than the dearest of them.

        Source: docs/suites-prices, "Rules that count".
        """
        points = self.points(field)
        return [
            _pass_all(offers_of(field.duels(i), self.tie), rivals, points[np.array(rivals)] - points[i] + 1)
            for i, rivals in zip(climbers, above, strict=True)
        ]


def _pass(offers: list[Offer], rival: int, need: int) -> Found:
    steps = [Steps(effort=o.effort, cost=o.cost, points=o.own + o.lost[:, rival]) for o in offers]
    cost, picked = cheapest(steps, need)
    if np.isinf(cost):
        return OUT_OF_REACH
    spent = np.array([o.effort[at] for o, at in zip(offers, picked, strict=True)])
    return Found(lower=cost, upper=cost, effort=spent)


def _pass_all(offers: list[Offer], rivals: Sequence[int], need: Int[IntArray, " rivals"]) -> Found:
    single = [_pass(offers, k, int(wanted)) for k, wanted in zip(rivals, need, strict=True)]
    if any(one.effort is None for one in single):
        return OUT_OF_REACH
    # the largest effort on each task that some rival asks for is enough against all
    together = np.max([one.effort for one in single if one.effort is not None], axis=0)
    bill = float(sum(o.cost[at] for o, at in zip(offers, steps_at(offers, together), strict=True)))
    enough = Found(lower=0.0, upper=bill, effort=together)
    lower = max(one.lower for one in single)
    gained = [o.own[:, None] + o.lost[:, list(rivals)] for o in offers]
    for one in single:  # the dearest rival's own answer is often enough against the others too
        if one.effort is not None and one.lower == lower:
            at = steps_at(offers, one.effort)
            if (np.sum([g[step] for g, step in zip(gained, at, strict=True)], axis=0) >= need).all():
                return one
    programme = Programme(
        effort=[o.effort for o in offers],
        cost=[o.cost for o in offers],
        points=gained,
        need=need,
        switches=np.zeros((len(rivals), 0), dtype=np.int64),
    )
    return programme.solve(at_least=lower, known=enough)


WIN_RATE = CountingRule(name="win-rate", tie=1)
WIN_SHARE = CountingRule(name="win-share", tie=2)
BORDA = CountingRule(name="borda", tie=1)
