"""The cheapest protocol that meets every requirement, or which cannot be met and what comes near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool

from headstart.contest.arrays import BoolArray
from headstart.designing.levels import Ceiling, Requirements
from headstart.designing.outcome import ProtocolOutcome

Binding = Literal["stability", "fidelity", "budget"]


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The protocol to choose, or which requirements cannot be met and how near one can come.

    Args:
        feasible: Whether every requirement is met.
        answer: The protocol chosen; if not feasible, the nearest one.
        binding: The requirements that cannot be met; None if feasible.
        reason: Two sentences: what to do, and what that rests on; or what binds, and the nearest that does not.
    """

    feasible: bool
    answer: ProtocolOutcome
    binding: Binding | None
    reason: str


def recommend(
    answers: Sequence[ProtocolOutcome],
    requirements: Requirements,
    *,
    cost_unit: str = "cost units",
    ceiling: Ceiling | None = None,
) -> Recommendation:
    """The cheapest protocol that meets every requirement, the more faithful of equals; else the nearest and what binds.

    Args:
        answers: The protocols compared, at least one.
        requirements: What the designer asks for.
        cost_unit: Unit of bills and budget.
        ceiling: Best agreement that levels can bring, to be named where the target is out of reach.
    """
    stable = [a for a in answers if is_stable(a, requirements) and ranks_anybody(a)]
    if not stable:
        return _unstable(answers, requirements)
    faithful = [a for a in stable if requirements.target_tau is None or _tau(a) >= requirements.target_tau]
    if not faithful:
        return _unfaithful(stable, requirements, ceiling)
    cheapest = min(faithful, key=lambda a: (a.bill, -_tau(a)))
    if requirements.budget is not None and cheapest.bill > requirements.budget:
        return _too_dear(cheapest, stable, requirements, cost_unit)
    return Recommendation(
        feasible=True,
        answer=cheapest,
        binding=None,
        reason=f"Choose {cheapest.protocol}: nobody tuning is an equilibrium, the ranking agrees with quality to an "
        f"expected Kendall tau of {_tau(cheapest):.3f}, and the tuning bill of {cheapest.bill:,.6g} {cost_unit} is the "
        f"least among the {len(answers)} protocols compared that meet every requirement. It rests on curves that are "
        "taken as known.",
    )


def is_stable(candidate: ProtocolOutcome, requirements: Requirements) -> bool:
    """Whether nobody tunes at the best estimate and in enough posterior draws."""
    share = candidate.stable_share
    return bool(candidate.nobody_tunes) and share is not None and share >= requirements.confidence


def ranks_anybody(candidate: ProtocolOutcome) -> bool:
    """Whether the ranking says more than that all models are alike."""
    return candidate.places > 1


def _unstable(answers: Sequence[ProtocolOutcome], requirements: Requirements) -> Recommendation:
    ranking = [a for a in answers if ranks_anybody(a)] or answers
    nearest = max(ranking, key=lambda a: (a.stable_share or 0.0, _tau(a), -a.bill))
    empty = ""
    if any(is_stable(a, requirements) for a in answers):
        empty = " What is stable puts all models into one tier, and so ranks nobody."
    return Recommendation(
        feasible=False,
        answer=nearest,
        binding="stability",
        reason="Under no protocol compared is nobody tuning an equilibrium. The answers to the others are mixed or "
        f"noisy: {nearest.protocol} ranks best among them.{empty}",
    )


def _unfaithful(
    stable: Sequence[ProtocolOutcome], requirements: Requirements, ceiling: Ceiling | None
) -> Recommendation:
    nearest = max(stable, key=lambda a: (_tau(a), -a.bill))
    limit = ""
    if ceiling is not None:
        limit = f" Over all levels the fits imply at most {ceiling.tau:.3f}, at level {ceiling.level:,.6g}"
        if ceiling.stable_tau is not None:
            limit += f", and over the stable levels {ceiling.stable_tau:.3f}, at level {ceiling.stable_level:,.6g}"
        limit += "."
    return Recommendation(
        feasible=False,
        answer=nearest,
        binding="fidelity",
        reason=f"No stable protocol compared reaches an expected Kendall tau of {requirements.target_tau:g}; the most "
        f"faithful is {nearest.protocol}, with {_tau(nearest):.3f}.{limit}",
    )


def _too_dear(
    cheapest: ProtocolOutcome, stable: Sequence[ProtocolOutcome], requirements: Requirements, cost_unit: str
) -> Recommendation:
    assert requirements.budget is not None
    affordable = [a for a in stable if a.bill <= requirements.budget]
    within = "Within the budget no protocol compared is stable."
    if affordable:
        best = max(affordable, key=_tau)
        within = (
            f"Within it the most faithful stable protocol is {best.protocol}, with a Kendall tau of {_tau(best):.3f}."
        )
    return Recommendation(
        feasible=False,
        answer=cheapest,
        binding="budget",
        reason=f"The budget of {requirements.budget:,.6g} {cost_unit} is too small: the cheapest protocol that "
        f"meets the other requirements is {cheapest.protocol}, which costs {cheapest.bill:,.6g} "
        f"{cost_unit}. {within}",
    )


def _tau(candidate: ProtocolOutcome) -> float:
    return -1.0 if candidate.kendall_tau is None else candidate.kendall_tau


def pareto_front(answers: Sequence[ProtocolOutcome]) -> Bool[BoolArray, " answers"]:
    """Protocols that no other one dominates in (fidelity, bill, effort burnt); those without figures are off."""
    points = np.array(
        [
            [-a.kendall_tau, a.bill, a.effort_burnt]
            if a.kendall_tau is not None and a.effort_burnt is not None
            else [np.nan] * 3
            for a in answers
        ],
        dtype=np.float64,
    ).reshape(len(answers), 3)
    known = ~np.isnan(points[:, 0])
    front = known.copy()
    for index in np.flatnonzero(known):
        no_worse = (points[known] <= points[index]).all(axis=1)
        better = (points[known] < points[index]).any(axis=1)
        front[index] = not (no_worse & better).any()
    return front
