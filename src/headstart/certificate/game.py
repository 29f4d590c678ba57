"""The contest at one level: who is ahead, which deviation pays, and which conditions hold. All of it with certainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, cmp_to_key
from itertools import pairwise, takewhile

from flint import fmpq

from headstart.certificate.compare import compare
from headstart.certificate.curves import flat_before, rises_after
from headstart.certificate.document import Developer, Document
from headstart.certificate.numbers import Real, Signs

ZERO = Real.rational(fmpq(0))

WITHOUT_T = 5
"""Conditions that proofs stated before (T) was among them."""


@dataclass(frozen=True, kw_only=True)
class Game:
    """The developers' game at the document's level; ``signs`` records what kind of arithmetic was needed.

    Developers are indices into the document. The *candidate* is the profile in which everybody spends what costs
    nothing: nobody tunes, when costs are strictly increasing.
    """

    document: Document
    signs: Signs

    def at_level(self, level: fmpq) -> Game:
        """The same game at another level."""
        return Game(document=replace(self.document, level=level), signs=self.signs)

    @property
    def n(self) -> int:
        return len(self.document.developers)

    def developer(self, i: int) -> Developer:
        return self.document.developers[i]

    def compare(self, i: int, own: Real, k: int, rival: Real) -> int:
        """Sign of i's score minus k's when they add ``own`` and ``rival`` to the level."""
        d = self.document.level
        return compare(self.signs, self.developer(i).curve, own.plus(d), self.developer(k).curve, rival.plus(d))

    @cached_property
    def untuned_order(self) -> tuple[int, ...]:
        """Developers from first to last rank when nobody tunes; ties in the listed order."""

        def before(i: int, k: int) -> int:
            return -self.compare(i, ZERO, k, ZERO) or i - k

        return self._sorted(before)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Developers from first to last rank at the candidate."""
        if not any(d.candidate for d in self.document.developers):
            return self.untuned_order

        def before(i: int, k: int) -> int:
            return -self.compare(i, self.base(i), k, self.base(k)) or (-1 if self.wins_ties(i, k) else 1)

        return self._sorted(before)

    def _sorted(self, before: Callable[[int, int], int]) -> tuple[int, ...]:
        return tuple(sorted(range(self.n), key=cmp_to_key(before)))

    @cached_property
    def place(self) -> dict[int, int]:
        """Place of every developer at the candidate, 0 for the first."""
        return {i: at for at, i in enumerate(self.order)}

    @cached_property
    def _untuned_place(self) -> dict[int, int]:
        return {i: at for at, i in enumerate(self.untuned_order)}

    def base(self, i: int) -> Real:
        """Developer i's effort at the candidate."""
        return Real.rational(self.developer(i).candidate)

    def wins_ties(self, i: int, k: int) -> bool:
        """Whether i ranks above k when their scores are equal."""
        return self._untuned_place[i] < self._untuned_place[k] if self.document.by_capability else i < k

    def beats(self, i: int, own: Real, k: int, rival: Real) -> bool:
        """Whether i with effort ``own`` ranks above k with effort ``rival``."""
        sign = self.compare(i, own, k, rival)
        return sign > 0 or (sign == 0 and self.wins_ties(i, k))

    def gap(self, i: int, k: int) -> fmpq:
        """Reward that i gains by taking k's place at the candidate."""
        return self.document.rewards[self.place[k]] - self.document.rewards[self.place[i]]

    def reach(self, i: int, amount: fmpq) -> tuple[Real, bool]:
        """The largest effort that is worth ``amount > 0`` to i, and whether it is the cap that ends it.

        Efforts below it cost less than ``amount``; the effort itself does so only if it is the cap.
        """
        own = self.developer(i)
        if own.cap is not None and own.cost.sign(self.signs, own.cap, amount) < 0:
            return Real.rational(own.cap), True
        return own.cost.effort_at(amount), False

    def pays(self, i: int, k: int) -> bool:
        """Whether some effort lets i take k's place at the candidate and costs less than it gains."""
        gap = self.gap(i, k)
        if self.signs.exact(gap) <= 0:
            return False
        effort, capped = self.reach(i, gap)
        sign = self.compare(i, effort, k, self.base(k))
        if sign or not self.wins_ties(i, k):
            return sign > 0
        # an exact tie, which i wins: it pays at the cap, or if the same score is reached at less effort (an irrational
        # effort ties only inside a flat stretch)
        total = effort.plus(self.document.level).exact
        return capped or total is None or flat_before(self.developer(i).curve, total)

    def profitable_pairs(self) -> list[tuple[int, int]]:
        """Pairs (i, k) for which taking k's place pays; empty exactly when the candidate is an equilibrium.

        Of the models with the same reward only the lowest is looked at: its place is the cheapest (Prop. C').
        """
        order, rewards = self.order, self.document.rewards
        last = [at for at in range(self.n - 1) if rewards[at] > rewards[at + 1]]  # place of each reward's last holder
        pairs = ((i, order[rival]) for at, i in enumerate(order) for rival in takewhile(at.__gt__, last))
        return [(i, k) for i, k in pairs if self.pays(i, k)]


def conditions(game: Game) -> list[dict[str, object]]:
    """The conditions of Props. A and E, as a proof states them; ``holds`` is None where a condition is not needed.

    The last is (T), all that the propositions need; the others imply it where they hold, and proofs written before it
    was stated rest on them.
    """
    developers = game.document.developers
    frees = [d.cost.free for d in developers]
    strict = not any(frees)
    common = frees.count(frees[0]) == len(frees) and all(d.cap is None or d.cap >= frees[0] for d in developers)
    by_capability = game.document.by_capability
    level = game.document.level
    rising = all(rises_after(d.curve, level) and (d.cap is None or d.cap > 0) for d in developers)
    ordered = _same_strict_order(game) if common and not strict and by_capability else None
    return [
        _condition("strictly increasing cost", strict, "A", "B"),
        _condition("tie rule", by_capability or rising, "A", "B"),
        _condition("common free effort", common, "E"),
        _condition("ties go to the higher capability", by_capability, "E"),
        _condition("one strict order before and after the free effort", ordered, "E"),
        _condition("ties cannot be bought and held", _ties_cannot_be_bought(game), "A", "B", "E"),
    ]


def _condition(name: str, holds: bool | None, *feeds: str) -> dict[str, object]:
    return {"name": name, "holds": holds, "feeds": list(feeds)}


def _same_strict_order(game: Game) -> bool:
    """Whether after the free effort the scores are strictly ordered, and as they are before it (what E needs of C1)."""
    order = game.untuned_order
    return all(game.compare(i, game.base(i), k, game.base(k)) > 0 for i, k in pairwise(order))


def _ties_cannot_be_bought(game: Game) -> bool:
    """(T): whoever would lose a tie to a model that scores less at the candidate can rise out of it.

    A model that comes first in ties and still ranks lower at the candidate scores strictly less there.
    """
    lowest = -1  # place at the candidate among the models that come first in ties
    for k in game.untuned_order if game.document.by_capability else range(game.n):
        if game.place[k] < lowest and not _can_rise(game, k):
            return False
        lowest = max(lowest, game.place[k])
    return True


def _can_rise(game: Game, k: int) -> bool:
    own = game.developer(k)
    return (own.cap is None or own.cap > own.candidate) and rises_after(own.curve, game.document.level + own.candidate)


def only_candidate(known: list[dict[str, object]]) -> bool:
    """Whether no profile but the candidate can be an equilibrium (Prop. A), or none unless it is one (Prop. E)."""
    strict, ties, common, by_capability, ordered = (c["holds"] is True for c in known[:WITHOUT_T])
    if len(known) > WITHOUT_T:
        return known[WITHOUT_T]["holds"] is True
    return (strict and ties) or (common and by_capability and ordered)


def uniqueness(game: Game, known: list[dict[str, object]]) -> bool | None:
    """Whether an equilibrium at the candidate is the only one; None when that is not established."""
    if game.developer(game.order[-1]).candidate > 0:
        return False  # the last may stop short: its rank and everybody's prices stay as they are
    return True if only_candidate(known) and known[0]["holds"] else None
