"""Which of the theory's conditions a contest meets, as data.

A condition is decided from the curves' parameters, never from samples: it holds, it fails, or it is
not established (None). The engine draws a proposition's conclusion only from conditions that hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from headstart.contest.arrays import FloatArray
from headstart.contest.contest import Contest


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition of the theory.

    Args:
        name: Its name in docs/theory.
        holds: True, False, or None when it could not be established.
        feeds: The propositions that need it.
        why: What the answer rests on, in words.
    """

    name: str
    holds: bool | None
    feeds: tuple[str, ...]
    why: str


class Conditions(NamedTuple):
    """Every condition that docs/theory names, as this contest meets it."""

    strict_cost: Condition
    common_free_effort: Condition
    tie_rule: Condition
    common_cost: Condition
    ordered_curves: Condition
    saturating_curves: Condition
    growing_catch_up: Condition


def conditions(contest: Contest) -> Conditions:
    """Decide every condition for this contest.

    Source: docs/theory; C1-C3 and Assumption 4.1 are those of Chen, Zhang, Hardt (arXiv 2603.08371), Sec. 4.
    """
    c1, c2, c3 = curve_conditions(contest)
    return Conditions(
        strict_cost=strict_cost(contest), common_free_effort=common_free_effort(contest), tie_rule=tie_rule(contest),
        common_cost=common_cost(contest), ordered_curves=c1, saturating_curves=c2, growing_catch_up=c3,
    )  # fmt: skip


def strict_cost(contest: Contest) -> Condition:
    """Every cost is strictly increasing from its first unit (continuity holds for every family)."""
    free = contest.costs.free
    some = int(np.argmax(free))
    why = "no effort is free" if free[some] == 0 else f"{contest.names[some]} tunes {free[some]:g} steps for nothing"
    return Condition(name="strictly increasing cost", holds=bool((free == 0).all()), feeds=("A", "B"), why=why)


def common_free_effort(contest: Contest) -> Condition:
    """Every developer may spend the same effort for nothing, and no cap cuts into it."""
    free = contest.costs.free
    same = bool((free == free[0]).all())
    capped = bool((contest.max_effort < free).any())
    why = "free zones differ" if not same else "a cap cuts into the free zone" if capped else f"{free[0]:g} steps each"
    return Condition(name="common free effort", holds=same and not capped, feeds=("D",), why=why)


def tie_rule(contest: Contest) -> Condition:
    """(T): where the tie rule prefers a model that scores less when all effort is free effort, the other can rise.

    Then nobody can buy a tie and keep it: the model it ties with breaks it at vanishing cost.
    """
    candidate = np.minimum(contest.costs.free, contest.max_effort)
    if contest.tie_break == "capability" and not candidate.any():
        return Condition(name="tie rule", holds=True, feeds=("A", "B", "E"), why="ties go to the higher score")
    total = contest.level + candidate
    score = contest.scores(candidate)
    priority = np.arange(contest.n) if contest.tie_break == "listed" else contest.order()
    ranked = score[priority]
    preferred_over = np.empty(contest.n, dtype=bool)  # by some model with a lower score
    preferred_over[priority] = np.minimum.accumulate(ranked) < ranked
    can_rise = contest.curves.rises_at(total) & (contest.max_effort > candidate)
    stuck = np.flatnonzero(preferred_over & ~can_rise)
    if not preferred_over.any():
        why = "ties go to the higher score"
    elif not stuck.size:
        why = "every model that would lose a tie to a lower score can rise out of it"
    else:
        why = f"{contest.names[stuck[0]]} would lose a tie to a lower score and cannot rise"
    return Condition(name="tie rule", holds=not stuck.size, feeds=("A", "B", "E"), why=why)


def common_cost(contest: Contest) -> Condition:
    """One convex cost for all, and no caps."""
    shared = contest.costs.single_family()
    same = shared is not None and (not shared.stacks or all(_same(values) for values in shared.parameters().values()))
    uncapped = bool(np.isinf(contest.max_effort).all())
    why = "costs differ" if not same else "one cost, no caps" if uncapped else "developers are capped"
    return Condition(name="common convex cost", holds=same and uncapped, feeds=("C",), why=why)


def curve_conditions(contest: Contest) -> tuple[Condition, Condition, Condition]:
    """C1 (order never changes), C2 (concave, saturating), C3 (catching up never gets shorter), from the level on."""
    c1, c3, why = _ordered_family(contest)
    c2, why2 = _concave_and_saturating(contest)
    return (
        Condition(name="C1 strictly ordered curves", holds=c1, feeds=("E",), why=why),
        Condition(name="C2 concave and saturating curves", holds=c2, feeds=(), why=why2),
        Condition(name="C3 growing catch-up effort", holds=c3, feeds=("C", "D"), why=why),
    )


def _same(values: FloatArray) -> bool:
    return bool((values == values.flat[0]).all())


def _ordered_family(contest: Contest) -> tuple[bool | None, bool | None, str]:
    """C1 and C3 where one family with a common ceiling makes both a matter of one parameter.

    With x the family's time scale (log(1 + e) for the logit power law, e for the others), every curve is a
    straight line in x after one common increasing transform of the score. Lines that are ordered at
    the level stay ordered, and their horizontal distance in effort never shrinks, exactly when the
    slopes fall with rank (docs/theory, C1 and C3 by family).
    """
    family = contest.curves.single_family()
    ordering = None if family is None else family.ordering_parameter()
    if ordering is None:
        return None, None, "the curves do not share one family with one floor and ceiling"
    name, slope = ordering
    order = contest.order()
    falling = _same(slope) or bool((np.diff(slope[order]) <= 0).all())
    tied = bool((np.diff(contest.scores()[order]) == 0).any())
    if not falling:
        return False, False, f"{name} rises somewhere as rank worsens: those curves cross"
    return not tied, True, f"{name} never rises as rank worsens" + (", but two models are tied" if tied else "")


def _concave_and_saturating(contest: Contest) -> tuple[bool | None, str]:
    for family in contest.curves.families:
        holds, why = family.concave_and_saturating(contest.level)
        if holds is not True:
            return holds, why
    return True, "every curve is concave from the level on and has a ceiling"
