"""Does the contest have a pure equilibrium? The decision of docs/theory, Props. A, B, C, C' and E.

"Nobody tunes" is an equilibrium exactly when no developer gains by buying a place above its own, whatever the
other conditions; that it is the *only* candidate, and hence that its failure means "none", needs Prop. A (or,
with free effort, Prop. E). The verdict never goes beyond the conditions that hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.conditions import Condition, conditions
from headstart.contest.contest import Contest

Verdict = Literal["exists", "none", "undecided"]
Proof = Literal["exact", "interval", "numeric"]

RELATIVE_TOLERANCE = 1e-9
"""A margin smaller than this share of the amounts compared is not decided in floating point."""

UNDERFLOW = 1e-290
"""Shortfalls below this have lost their digits: models that differ by less are tied by rounding alone."""


@dataclass(frozen=True, kw_only=True)
class Witness:
    """A deviation from the candidate that pays: the reason why the candidate is no equilibrium.

    Args:
        model: The developer who deviates.
        overtakes: The model whose place it takes.
        effort: Infimum of the efforts that are enough, in steps.
        cost: Cost of that effort, in cost units.
        gain: Reward gained minus cost, ``> 0``, in cost units.
    """

    model: str
    overtakes: str
    effort: float
    cost: float
    gain: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PureSolution:
    """The verdict on pure equilibria.

    Args:
        verdict: ``exists``, ``none`` or ``undecided``.
        unique: Whether the equilibrium is the only one; None when not known or when there is none.
        proof: How the verdict is known; floating point gives ``numeric``.
        efforts: One equilibrium when it exists, shape (models,), in steps.
        witness: A deviation that pays when none exists.
        slack: Least relative slack ``(price - gap)/(price + gap)`` of a deviation, in [-1, 1]; ``inf`` when no place
            above can be bought at all.
        conditions: The conditions checked.
        reason: The verdict in one sentence.
    """

    verdict: Verdict
    unique: bool | None
    proof: Proof
    efforts: Float[FloatArray, " models"] | None
    witness: Witness | None
    slack: float
    conditions: tuple[Condition, ...]
    reason: str


def solve_pure(contest: Contest) -> PureSolution:
    """Decide whether a pure-strategy Nash equilibrium exists, in O(n log n) for all but contrived contests.

    Source: docs/theory, Props. A and B (strictly increasing costs), C and C' (which pairs to test), E (free effort).

    >>> from headstart.contest import *
    >>> curves = CurveTable.of([Linear(intercept=1.0, slope=1.0), Linear(intercept=0.5, slope=1.0)])
    >>> costs = CostTable.batch(PowerCost(), 2)
    >>> contest = Contest(names=("strong", "weak"), curves=curves, costs=costs, rewards=[1.0, 0.0])
    >>> solve_pure(contest).verdict
    'none'
    """
    known = conditions(contest)
    candidate = candidate_efforts(contest)
    # Prop. A (its general form covers free effort): under (T) every equilibrium costs nobody anything, and by Prop. E
    # one exists exactly if the candidate is one
    only = next(c for c in known if c.name == "tie rule").holds is True
    pair = tightest_pair(contest, candidate)
    slack = np.inf if pair is None else pair.slack
    efforts, unique, witness = None, None, None
    verdict: Verdict = "undecided"
    if slack > RELATIVE_TOLERANCE:
        verdict, efforts = "exists", candidate
        unique, reason = _uniqueness(contest, candidate, only)
    elif slack >= -RELATIVE_TOLERANCE:
        reason = "a reward gap equals its price to within the accuracy of floating point"
    else:
        assert pair is not None
        witness = pair.witness(contest)
        verdict = "none" if only else "undecided"
        reason = (
            "the only candidate for an equilibrium is broken by the witness"
            if only
            else "the candidate is broken by the witness, but the conditions that make it the only one do not all hold"
        )
    return PureSolution(
        verdict=verdict, unique=unique, proof="numeric", efforts=efforts, witness=witness,
        slack=float(slack), conditions=known, reason=reason,
    )  # fmt: skip


def candidate_efforts(contest: Contest) -> Float[FloatArray, " models"]:
    """The profile that decides existence: everybody spends what costs nothing (nothing, when costs are strict)."""
    return np.minimum(contest.costs.free, contest.max_effort)


def _uniqueness(contest: Contest, candidate: FloatArray, only: bool) -> tuple[bool | None, str]:
    if not candidate.any():
        if only and not contest.costs.free.any():
            return True, "nobody tunes: no place is worth its price (Props. A and B)"
        return None, "nobody tuning is an equilibrium; others are not excluded"
    if candidate[contest.order(candidate)[-1]] > 0:
        # the last model may stop short of its free effort: its rank and everybody's prices stay the same
        return False, "everybody using its free effort is an equilibrium, not the only one (Prop. E)"
    return None, "everybody using its free effort is an equilibrium; others are not excluded"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A deviation from the candidate: i takes k's place. Indices; effort in steps; price and gap in cost units."""

    i: int
    k: int
    effort: float
    price: float
    gap: float
    slack: float

    def witness(self, contest: Contest) -> Witness:
        """The deviation in words."""
        names = contest.names
        return Witness(
            model=names[self.i],
            overtakes=names[self.k],
            effort=self.effort,
            cost=self.price,
            gain=self.gap - self.price,
        )


def tightest_pair(contest: Contest, candidate: ArrayLike = 0.0) -> Pair | None:
    """The deviation with the least relative slack ``(price - gap)/(price + gap)`` among those that decide.

    For each model only the lowest holder of a reward level needs testing, and after a price p only rewards above
    ``R + p``: anything nearer is dearer than it pays. Every round tests one rival per model still searching, and
    the jump to the next rival grows with the price, so a handful of rounds is the rule. If any deviation pays
    the one returned does.

    Args:
        contest: The contest.
        candidate: The profile deviated from, at which nobody's effort costs anything; shape (models,), in steps.

    Returns:
        None when no place above is for sale at a finite price.

    Source: docs/theory, Props. C and C'.
    """
    spent = np.broadcast_to(np.asarray(candidate, dtype=np.float64), (contest.n,))
    order, rewards = contest.order(spent), contest.rewards
    total = contest.level + spent
    place = np.arange(contest.n)
    rival = _lowest_paid_more(rewards, rewards)
    best: Pair | None = None
    while (active := rival >= 0).any():
        place, rival = place[active], rival[active]
        i, k = order[place], order[rival]
        effort = contest.catch_up_effort(i, k, spent[k])
        price = np.where(contest.affordable(i, k, effort), contest.costs.take(i).cost(effort), np.inf)
        gap = rewards[rival] - rewards[place]
        with np.errstate(invalid="ignore"):
            slack = np.where(np.isinf(price), np.inf, (price - gap) / (price + gap))
        slack[(price == 0) & ~exactly_tied(contest, total, i, k)] = 0.0  # a tie that only rounding made
        low = int(np.argmin(slack))
        if slack[low] < (np.inf if best is None else best.slack):
            best = Pair(
                i=int(i[low]), k=int(k[low]), effort=float(effort[low]), price=float(price[low]),
                gap=float(gap[low]), slack=float(slack[low]),
            )  # fmt: skip
        # an undecided pair settles nothing for the places above it: go on, strictly upwards
        searching = slack >= -RELATIVE_TOLERANCE
        place, rival, price = place[searching], rival[searching], price[searching]
        rival = _lowest_paid_more(rewards, np.maximum(rewards[place] + price, rewards[rival]))
    return best


def exactly_tied(contest: Contest, total: FloatArray, i: IntArray, k: IntArray) -> BoolArray:
    """Whether pairs that nothing separates are tied in truth, and not only because their scores were rounded.

    Args:
        contest: The contest.
        total: Effort of every model, level included, shape (models,).
        i: One model of each pair.
        k: The other.
    """
    curves = contest.curves
    score, ceiling, shortfall = curves.score(total), curves.ceiling, curves.shortfall(total)
    same_shortfall = (shortfall[i] == shortfall[k]) | (ceiling[i] != ceiling[k])
    underflown = curves.rises_at(total) & (shortfall < UNDERFLOW)
    return (score[i] == score[k]) & same_shortfall & ~(underflown[i] & underflown[k])


def _lowest_paid_more(rewards: FloatArray, amount: FloatArray) -> Int[IntArray, " models"]:
    """Largest place (counted from 0) whose reward exceeds ``amount``; -1 when there is none."""
    return np.searchsorted(-rewards, -amount, side="left") - 1
