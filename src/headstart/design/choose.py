"""Which protocol to choose: the cheapest level, the Pareto front, a recommendation, and what forces the level up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool

from headstart.contest.arrays import BoolArray, require
from headstart.design.answer import Answer, answer, stable_share
from headstart.design.field import Field
from headstart.design.protocols import Protocol, Shortlist, Tiers, TuneBeforeTest, protocol_name, rules_of
from headstart.solve.pure import solve_pure, tightest_pair

Binding = Literal["stability", "fidelity", "budget"]
Tell = Callable[[str, float], None]

LEVELS = 48
"""Levels tried between 0 and the farthest one, before the edge is refined."""

REACH = 4.0
"""Levels are tried up to this multiple of the reference level: beyond it the fitted curves are a guess."""

BISECTIONS = 20


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the designer asks for.

    Args:
        confidence: Least share of the plausible worlds in which nobody tunes; in (0, 1].
        target_tau: Least expected Kendall tau to the quality order; None for no such wish.
        budget: Most the designer's tuning may cost, in cost units; None for no bound.
    """

    confidence: float = 0.95
    target_tau: float | None = None
    budget: float | None = None

    def __post_init__(self) -> None:
        require(0 < self.confidence <= 1, "confidence", "in (0, 1]", self.confidence)
        require(self.target_tau is None or -1 <= self.target_tau <= 1, "target_tau", "in [-1, 1]", self.target_tau)
        require(self.budget is None or self.budget >= 0, "budget", ">= 0", self.budget)


@dataclass(frozen=True, kw_only=True)
class Culprit:
    """One of the two models whose contest forces the level up, and the level if it were not in the field.

    Args:
        model: Its name.
        level_without: Cheapest stable level without it, in steps; None if there is still none within reach.
    """

    model: str
    level_without: float | None


@dataclass(frozen=True, kw_only=True)
class CheapestLevel:
    """The least level that is stable enough.

    Args:
        level: In steps; None if there is none within reach.
        modifier: What it is combined with (``""`` or ``"+tiers"``).
        share: Share of the plausible worlds that are stable there (1 or 0 where the curves are known).
        reach: Farthest level looked at, in steps.
        culprits: The pair that breaks the best estimate just below the level; empty where none does.
    """

    level: float | None
    modifier: str
    share: float
    reach: float
    culprits: tuple[Culprit, ...]


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The protocol to choose, or which wish cannot be met and how near one can come.

    Args:
        feasible: Whether every wish is met.
        answer: The protocol chosen; if not feasible, the nearest one.
        binding: The wish that cannot be met; None if feasible.
        reason: Two sentences: what to do, and what that rests on.
    """

    feasible: bool
    answer: Answer
    binding: Binding | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Design:
    """Everything found for a designer.

    Args:
        answers: One per protocol, in the order compared.
        on_front: Whether no other protocol is at least as faithful, as cheap and as little burnt, and better in one.
        cheapest: The cheapest stable level, plain and with tiers where tiers can be drawn.
        recommendation: See there.
        wish: What was asked for.
    """

    answers: tuple[Answer, ...]
    on_front: tuple[bool, ...]
    cheapest: tuple[CheapestLevel, ...]
    recommendation: Recommendation
    wish: Wish


def design(
    field: Field,
    wish: Wish,
    *,
    compare: Sequence[tuple[Protocol, ...]] | None = None,
    seed: int = 0,
    progress: Tell | None = None,
) -> Design:
    """Compare protocols and recommend one.

    Pure answers are computed for every protocol; mixed and noisy ones only for protocols that could still be on the
    front, which direct evaluation always is.

    Args:
        field: The developers, with the rewards at the upper end of the stakes: what is stable there is stable below.
        wish: What the designer asks for.
        compare: Protocols; by default direct evaluation, levels up to the reference, the same with tiers, and the
            cheapest stable ones.
        seed: Seed of whatever is random.
        progress: Called with what is being done and the share that is finished.
    """
    tell = progress or _silent
    tell("cheapest stable level", 0.0)
    modifiers: tuple[tuple[Protocol, ...], ...] = ((),) if field.draws is None else ((), (Tiers(),))
    cheapest = tuple(cheapest_level(field, wish.confidence, modifier) for modifier in modifiers)
    chosen = list(compare) if compare is not None else default_protocols(field)
    for found in cheapest:
        if found.level is not None:
            chosen.append(_combined(found.level, modifiers[cheapest.index(found)]))
    chosen = list({protocol_name(p): p for p in chosen}.values())
    answers: list[Answer] = []
    for index, protocols in enumerate(chosen):
        tell(protocol_name(protocols), 0.2 + 0.8 * index / len(chosen))
        answers.append(answer(field, protocols, equilibrium=compare is not None or index == 0, seed=seed))
    tell("done", 1.0)
    return Design(
        answers=tuple(answers),
        on_front=tuple(pareto_front(answers).tolist()),
        cheapest=cheapest,
        recommendation=recommend(answers, wish),
        wish=wish,
    )


def default_protocols(field: Field) -> list[tuple[Protocol, ...]]:
    """Direct evaluation, eight levels up to the reference, the best five or fewer alone, and all with tiers."""
    reference = max(field.reference, 1.0)
    levels = np.unique(np.round(np.geomspace(max(reference / 200, 1.0), reference, 8)))
    plain: list[tuple[Protocol, ...]] = [(TuneBeforeTest(level=0.0),)]
    plain += [(TuneBeforeTest(level=float(level)),) for level in levels]
    short = (TuneBeforeTest(level=reference), Shortlist(k=min(5, field.contest.n)))
    plain.append(short)
    if field.draws is None:
        return plain
    return plain + [(*p, Tiers()) for p in plain]


def cheapest_level(field: Field, confidence: float, modifier: tuple[Protocol, ...]) -> CheapestLevel:
    """The least level at which enough plausible worlds are stable.

    Where the curves are known the decision itself is asked. A grid brackets the first level that is stable enough and
    bisection refines it; with crossing curves a still lower stable stretch between two grid levels can be missed.
    """
    reach = REACH * max(field.reference, 1.0)
    levels = np.concatenate([[0.0], np.geomspace(1.0, reach, LEVELS)])

    def share(level: float) -> float:
        return _share(field, _combined(level, modifier))

    shares = [share(float(level)) for level in levels]
    enough = np.flatnonzero(np.array(shares) >= confidence)
    suffix = "".join(f"+{p.name}" for p in modifier)
    if not enough.size:
        return CheapestLevel(level=None, modifier=suffix, share=max(shares), reach=reach, culprits=())
    first = int(enough[0])
    if first == 0:
        return CheapestLevel(level=0.0, modifier=suffix, share=shares[0], reach=reach, culprits=())
    low, high = float(levels[first - 1]), float(levels[first])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if share(middle) >= confidence else (middle, high)
    return CheapestLevel(
        level=high,
        modifier=suffix,
        share=share(high),
        reach=reach,
        culprits=_culprits(field, low, confidence, modifier),
    )


def _combined(level: float, modifier: tuple[Protocol, ...]) -> tuple[Protocol, ...]:
    return (TuneBeforeTest(level=level), *modifier)


def _share(field: Field, protocols: tuple[Protocol, ...]) -> float:
    from headstart.design.protocols import contest_under

    rules = rules_of(protocols, field)
    worlds = stable_share(field, rules)
    if worlds is not None:
        return worlds
    return float(solve_pure(contest_under(rules, field)).verdict == "exists")


def _culprits(field: Field, level: float, confidence: float, modifier: tuple[Protocol, ...]) -> tuple[Culprit, ...]:
    from headstart.design.protocols import contest_under

    pair = tightest_pair(contest_under(rules_of(_combined(level, modifier), field), field))
    if pair is None or field.contest.n <= 2 or modifier:
        return ()
    return tuple(
        Culprit(model=field.contest.names[m], level_without=_level_without(field, m, confidence))
        for m in (pair.i, pair.k)
    )


def _level_without(field: Field, m: int, confidence: float) -> float | None:
    """The cheapest level of the others, found without naming their culprits in turn."""
    rest = field.without(m)
    reach = REACH * max(field.reference, 1.0)
    levels = np.concatenate([[0.0], np.geomspace(1.0, reach, LEVELS)])
    for level in levels:
        if _share(rest, _combined(float(level), ())) >= confidence:
            return float(level)
    return None


def pareto_front(answers: Sequence[Answer]) -> Bool[BoolArray, " answers"]:
    """Protocols that no other one dominates in (fidelity, designer's bill, effort burnt); those without figures are off."""
    points = np.array(
        [
            [-a.kendall_tau, a.bill, a.effort_burnt]
            if a.kendall_tau is not None and a.effort_burnt is not None
            else [np.nan] * 3
            for a in answers
        ],
        dtype=np.float64,
    )
    known = ~np.isnan(points[:, 0])
    front = known.copy()
    for index in np.flatnonzero(known):
        no_worse = (points[known] <= points[index]).all(axis=1)
        better = (points[known] < points[index]).any(axis=1)
        front[index] = not (no_worse & better).any()
    return front


def recommend(answers: Sequence[Answer], wish: Wish) -> Recommendation:
    """The cheapest protocol that meets every wish, the more faithful of equals; else the nearest and what binds."""
    stable = [a for a in answers if a.kind == "pure" and (a.stable_share is None or a.stable_share >= wish.confidence)]
    if not stable:
        nearest = max(answers, key=lambda a: (a.stable_share or 0.0, a.kendall_tau or -1.0))
        share = "none" if nearest.stable_share is None else f"{nearest.stable_share:.0%}"
        return Recommendation(
            feasible=False, answer=nearest, binding="stability",
            reason=f"No protocol compared is stable in {wish.confidence:.0%} of the plausible worlds. The nearest is "
            f"{nearest.protocol}, stable in {share} of them.",
        )  # fmt: skip
    faithful = [a for a in stable if wish.target_tau is None or (a.kendall_tau or -1.0) >= wish.target_tau]
    if not faithful:
        nearest = max(stable, key=lambda a: a.kendall_tau or -1.0)
        return Recommendation(
            feasible=False, answer=nearest, binding="fidelity",
            reason=f"No stable protocol compared reaches an expected Kendall tau of {wish.target_tau:g}. The most faithful is "
            f"{nearest.protocol}, with {nearest.kendall_tau:.3f}.",
        )  # fmt: skip
    cheapest = min(faithful, key=lambda a: (a.bill, -(a.kendall_tau or -1.0)))
    if wish.budget is not None and cheapest.bill > wish.budget:
        return Recommendation(
            feasible=False, answer=cheapest, binding="budget",
            reason=f"The budget of {wish.budget:,.6g} is too small: the cheapest protocol that meets the other wishes is "
            f"{cheapest.protocol}, which costs {cheapest.bill:,.6g}.",
        )  # fmt: skip
    certain = (
        "the fitted curves" if cheapest.stable_share is None else f"{cheapest.stable_share:.0%} of the plausible worlds"
    )
    return Recommendation(
        feasible=True, answer=cheapest, binding=None,
        reason=f"Choose {cheapest.protocol}: nobody tunes, in {certain}, and the ranking agrees with quality to an expected "
        f"Kendall tau of {cheapest.kendall_tau or 0.0:.3f}. It costs the designer {cheapest.bill:,.6g}, the least among the "
        f"{len(answers)} protocols compared that meet every wish.",
    )  # fmt: skip


def _silent(_what: str, _share: float) -> None:
    """Progress nobody watches."""
