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
from headstart.contest.compare import ROUNDING, UNDERFLOW, Standing, effort_to_pass, lead_of
from headstart.contest.conditions import Conditions, conditions
from headstart.contest.contest import Contest
from headstart.contest.tables import CostTable, CurveTable, twins

Verdict = Literal["exists", "none", "undecided"]
Proof = Literal["exact", "interval", "numeric"]

RELATIVE_TOLERANCE = 1e-9
"""A margin smaller than this share of the amounts compared is not decided in floating point."""

NEAR = 1e-3
"""A slack this small is checked by comparing scores."""


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
    conditions: Conditions
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
    only = known.tie_rule.holds is True
    pair = tightest_pair(contest, candidate)
    slack = np.inf if pair is None else pair.slack
    efforts, unique, witness = None, None, None
    verdict: Verdict = "undecided"
    if slack > RELATIVE_TOLERANCE:
        verdict, efforts = "exists", candidate
        unique, reason = _uniqueness(contest, candidate, only)
    elif slack >= -RELATIVE_TOLERANCE:
        reason = "a reward gap equals its price, or a score another, to within the accuracy of floating point"
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
    the jump to the next rival grows with the price, so a handful of rounds is the rule. The first round with a
    deviation that pays is the last; the deviation returned is then one that pays.

    Args:
        contest: The contest.
        candidate: The profile deviated from, at which nobody's effort costs anything; shape (models,), in steps.

    Returns:
        None when no place above is for sale at a finite price. A slack of 0 stands for one that floating point
        cannot tell from 0.

    Source: docs/theory, Props. C and C'.
    """
    ranked = _Ranked.of(contest, np.broadcast_to(np.asarray(candidate, dtype=np.float64), (contest.n,)))
    rewards = contest.rewards
    swapped = ranked.swapped_by_rounding()
    best = ranked.undecided(int(swapped[0])) if swapped.size else None
    unsure = np.zeros(contest.n, dtype=bool)
    unsure[swapped] = unsure[swapped + 1] = True
    place = np.arange(contest.n)
    rival = _lowest_paid_more(rewards, rewards)
    place, rival = place[rival >= 0], rival[rival >= 0]
    while place.size:
        offers = ranked.offers(place, rival)
        if swapped.size:
            offers.slack[unsure[place] & (offers.slack < 0)] = 0.0
        low = int(np.argmin(offers.slack))
        if offers.slack[low] < (np.inf if best is None else best.slack):
            best = offers.pair(low, ranked.order)
        if best is not None and best.slack < -RELATIVE_TOLERANCE:
            return best
        # a reward that a rounding error could lift above the price is tested too; always strictly upwards
        amount = rewards[place] + offers.price * (1 - 4 * RELATIVE_TOLERANCE)
        active = (amount <= rewards[0]) & (rival > 0)
        place, rival, amount = place[active], rival[active], amount[active]
        rival = _lowest_paid_more(rewards, np.maximum(np.nextafter(amount, -np.inf), rewards[rival]))
        place, rival = place[rival >= 0], rival[rival >= 0]
    return best


@dataclass(frozen=True, kw_only=True)
class _Offers:
    """Places for sale, one per entry: the buyer's and the rival's place, what it takes, costs and brings."""

    place: IntArray
    rival: IntArray
    effort: FloatArray
    price: FloatArray
    gap: FloatArray
    slack: FloatArray

    def pair(self, index: int, order: IntArray) -> Pair:
        return Pair(
            i=int(order[self.place[index]]), k=int(order[self.rival[index]]), effort=float(self.effort[index]),
            price=float(self.price[index]), gap=float(self.gap[index]), slack=float(self.slack[index]),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Ranked:
    """The contest at the candidate with the models in rank order: entry p of every array belongs to place p, from 0."""

    rewards: FloatArray
    level: float
    order: IntArray
    priority: IntArray | None  # None: nobody wins a tie against a model above it
    curves: CurveTable
    costs: CostTable
    cap: FloatArray
    total: FloatArray  # effort, level included
    standing: Standing

    @classmethod
    def of(cls, contest: Contest, spent: FloatArray) -> _Ranked:
        order = contest.order(spent)
        curves, total = contest.curves.take(order), (contest.level + spent)[order]
        by_list = contest.tie_break == "listed" or spent.any()
        score = contest.scores(spent)[order]
        return cls(
            rewards=contest.rewards, level=contest.level, order=order, cap=contest.max_effort[order], total=total,
            priority=contest.priority[order] if by_list else None, curves=curves, costs=contest.costs.take(order),
            standing=Standing(score=score, ceiling=curves.ceiling, shortfall=curves.shortfall(total)),
        )  # fmt: skip

    def wins_ties(self, place: IntArray, rival: IntArray) -> BoolArray:
        if self.priority is None:
            return np.zeros(place.size, dtype=bool)
        return self.priority[place] < self.priority[rival]

    def offers(self, place: IntArray, rival: IntArray) -> _Offers:
        """What it takes the models at ``place`` to pass those at ``rival``, all of them above."""
        wins = self.wins_ties(place, rival)
        total = effort_to_pass(self.curves.take(place), self.standing.take(rival), draw_is_enough=wins)
        effort, cap = np.maximum(total - self.level, 0.0), self.cap[place]
        affordable = np.isfinite(effort) & ((effort < cap) | ((effort == cap) & wins))
        price = np.where(affordable, self.costs.take(place).cost(effort), np.inf)
        gap = self.rewards[rival] - self.rewards[place]
        with np.errstate(invalid="ignore"):
            slack = np.where(np.isinf(price), np.inf, (price - gap) / (price + gap))
        doubtful = self._doubtful(place, rival, effort, slack)
        if doubtful.size:
            p, k = place[doubtful], rival[doubtful]
            ahead, stable = self._lead_worth(p, k, gap[doubtful]), slack[doubtful] > 0
            refuted = np.where(stable, ahead >= 0, ahead <= 0)
            slack[doubtful[refuted]] = 0.0
        return _Offers(place=place, rival=rival, effort=effort, price=price, gap=gap, slack=slack)

    def _doubtful(self, place: IntArray, rival: IntArray, effort: FloatArray, slack: FloatArray) -> IntArray:
        """Entries whose sign rounding might have made: slack near 0, effort near its start or a cap, or underflown."""
        near = RELATIVE_TOLERANCE * (self.level + effort)
        with np.errstate(invalid="ignore"):
            beyond_free = effort - (self.total[place] - self.level)
            doubtful = (np.abs(slack) < NEAR) | (beyond_free < near) | (np.abs(effort - self.cap[place]) < near)
        shortfall = self.standing.shortfall
        doubtful &= np.isfinite(effort)
        underflown = shortfall < UNDERFLOW
        if underflown.any():
            rises = self.curves.rises_at(self.total)
            doubtful |= underflown[place] & underflown[rival] & rises[place]
        return np.flatnonzero(doubtful)

    def _lead_worth(self, place: IntArray, rival: IntArray, gap: FloatArray) -> FloatArray:
        """Lead over the rival after all the effort that the gap is worth, the cap allowing; 0 if rounding hides it."""
        reach = self.level + np.minimum(self.costs.take(place).effort_at(gap), self.cap[place])
        return lead_of(Standing.of(self.curves.take(place), reach), self.standing.take(rival))

    def undecided(self, upper: int) -> Pair:
        """The step from place ``upper + 1`` to ``upper``, of which nothing is known."""
        gap = float(self.rewards[upper] - self.rewards[upper + 1])
        return Pair(i=int(self.order[upper + 1]), k=int(self.order[upper]), effort=0.0, price=0.0, gap=gap, slack=0.0)

    def swapped_by_rounding(self) -> IntArray:
        """Upper places of neighbours with different rewards whose order floating point cannot tell, if it matters.

        It does not where the scores are equal without rounding, nor where either would pass the other: then
        whichever is behind does.
        """
        score, ceiling = self.standing.score, self.standing.ceiling
        largest = max(abs(score[0]), abs(score[-1]), np.abs(ceiling[np.isfinite(ceiling)]).max(initial=0.0))
        close = score[:-1] - score[1:] <= 100 * ROUNDING * largest  # the exact comparison is dearer
        upper = np.flatnonzero(close & (self.rewards[:-1] > self.rewards[1:]))
        if upper.size:
            upper = upper[lead_of(self.standing.take(upper), self.standing.take(upper + 1)) == 0]
        if not upper.size:
            return upper
        lower, stored = upper + 1, self.curves.stored_at(self.total)
        equal = (score[upper] == score[lower]) & stored[upper] & stored[lower]
        twin = twins(self.curves, upper, lower) & (self.total[upper] == self.total[lower])
        gap = self.rewards[upper] - self.rewards[lower]
        either = (self._lead_worth(lower, upper, gap) > 0) & (self._lead_worth(upper, lower, gap) > 0)
        return upper[~(equal | twin | either)]


def _lowest_paid_more(rewards: FloatArray, amount: FloatArray) -> Int[IntArray, " models"]:
    """Largest place (counted from 0) whose reward exceeds ``amount``; -1 when there is none."""
    return rewards.size - 1 - np.searchsorted(rewards[::-1], amount, side="right")
