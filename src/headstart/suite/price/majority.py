"""Pairwise majorities: a duel is won on more tasks than it is lost, and duels won decide the ranking (Copeland)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray
from headstart.suite.price.counting import Offer, steps_at
from headstart.suite.price.duels import Duels
from headstart.suite.price.knapsack import Steps, cheapest
from headstart.suite.price.programme import Programme
from headstart.suite.price.rule import OUT_OF_REACH, Field, Found


@dataclass(frozen=True, kw_only=True)
class MajorityRule:
    """Models are ranked by duels won plus half of those drawn, over all rivals (Copeland).

    A duel is won by the model that scores more on more tasks.
    """

    name: str = "majority"

    def standing(self, field: Field) -> Float[FloatArray, " models"]:
        """Share of duels won, draws counted half."""
        n = field.suite.shape[0]
        return _points(field) / max(2.0 * (n - 1), 1.0)

    def pairs(self, field: Field, lower: Sequence[int], upper: Sequence[int]) -> list[Found]:
        """By a mixed-integer programme: which duels to turn, and on which tasks.

        Source: docs/suites-prices, "Majorities".
        """
        return [_solve(field, i, [k]) for i, k in zip(lower, upper, strict=True)]

    def first(self, field: Field, climbers: Sequence[int], above: Sequence[Sequence[int]]) -> list[Found]:
        """The same programme with a condition for each model above."""
        return [_solve(field, i, rivals) for i, rivals in zip(climbers, above, strict=True)]


def head_to_head(field: Field, i: int, k: int) -> Found:
    """Least cost at which i is ahead of k on more tasks than behind: the cheapest tasks. Exact.

    It needs no further rivals, so it is also what a ranking by this one majority costs to turn.
    """
    margin = int(field.duels(i).sign[:, k].sum())
    steps = [_against(offer, k) for offer in _margins(field.duels(i))]
    cost, picked = cheapest(steps, 1 - margin)
    if np.isinf(cost):
        return OUT_OF_REACH
    spent = np.array([step.effort[at] for step, at in zip(steps, picked, strict=True)])
    return Found(lower=cost, upper=cost, effort=spent)


def _against(offer: Offer, rival: int) -> Steps:
    return Steps(effort=offer.effort, cost=offer.cost, points=offer.lost[:, rival])


def _margins(duels: Duels) -> list[Offer]:
    """By task and step: by how much the margin over each rival has grown (``lost``); one for a tie, two for a win."""
    found: list[Offer] = []
    for sign, draw, win, each in zip(duels.sign, duels.draw, duels.win, duels.cost_per_step, strict=True):
        effort = np.unique(np.r_[0.0, draw[np.isfinite(draw)], win[np.isfinite(win)]])
        drawn: IntArray = ((sign < 0) & (draw <= effort[:, None])).astype(np.int64)
        won: IntArray = ((sign <= 0) & (win <= effort[:, None])).astype(np.int64)
        found.append(
            Offer(effort=effort, cost=each * effort, own=np.zeros(effort.size, dtype=np.int64), lost=drawn + won)
        )
    return found


def _points(field: Field) -> Int[IntArray, " models"]:
    """Duels won twice, drawn once."""
    outcome = np.sign(field.sign.sum(axis=0))  # (models, models)
    n = len(outcome)
    return (outcome + 1).sum(axis=1) - np.ones(n, dtype=np.int64)  # less the draw with itself


def _solve(field: Field, i: int, rivals: Sequence[int]) -> Found:
    """Stand above all of ``rivals``.

    A duel with margin m < 0 is drawn once the margin has grown by -m and won once it has grown by 1 - m; each of the
    two is a free zero or one whose condition asks for that growth, and that gives the climber a point and takes one
    from the rival.
    """
    duels, points = field.duels(i), _points(field)
    margin: IntArray = duels.sign.sum(axis=0)
    offers = _margins(duels)
    open_ = [j for j in range(len(points)) if j != i and margin[j] <= 0]
    turns = [(j, grown) for j in open_ for grown in range(max(-int(margin[j]), 1), 2 - int(margin[j]))]
    need: IntArray = points[list(rivals)] - points[i] + 1
    switches = np.zeros((len(turns) + len(rivals), len(turns)), dtype=np.int64)
    for at, (_, grown) in enumerate(turns):
        switches[at, at] = -grown
    for at, k in enumerate(rivals):
        switches[len(turns) + at] = [1 + (j == k) for j, _ in turns]
    if (switches[len(turns) :].sum(axis=1) < need).any():
        return OUT_OF_REACH
    turned = [j for j, _ in turns]
    nothing = len(rivals)
    programme = Programme(
        effort=[offer.effort for offer in offers],
        cost=[offer.cost for offer in offers],
        points=[np.pad(offer.lost[:, turned], ((0, 0), (0, nothing))) for offer in offers],
        need=np.concatenate([np.zeros(len(turns), dtype=np.int64), need]),
        switches=switches,
    )
    single = {j: head_to_head(field, i, j) for j in open_}
    return programme.solve(known=_enough(offers, single, margin, rivals, need))


def _enough(
    offers: list[Offer],
    single: dict[int, Found],
    margin: Int[IntArray, " models"],
    rivals: Sequence[int],
    need: Int[IntArray, " rivals"],
) -> Found | None:
    """Efforts that win the cheapest duels, one after the other, until all of ``rivals`` are passed; None if none do.

    On each task that is the largest effort that some duel asks for.
    """
    effort = np.zeros(len(offers))
    for one in sorted((one for one in single.values() if one.effort is not None), key=lambda one: one.lower):
        assert one.effort is not None, "chosen above"
        effort = np.maximum(effort, one.effort)
        at = steps_at(offers, effort)
        grown: IntArray = np.sum([offer.lost[step] for offer, step in zip(offers, at, strict=True)], axis=0)
        turned = np.sign(margin + grown) - np.sign(margin)  # points from every rival
        if (turned.sum() + turned[list(rivals)] >= need).all():
            bill = float(sum(offer.cost[step] for offer, step in zip(offers, at, strict=True)))
            return Found(lower=0.0, upper=bill, effort=effort)
    return None


MAJORITY = MajorityRule()
