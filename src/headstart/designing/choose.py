"""Which protocol to choose: all that are compared, the Pareto front, and the recommendation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.designing.levels import (
    Ceiling,
    CheapestLevel,
    Requirements,
    ceiling_of,
    cheapest_level,
    combined,
    faithful_level,
    rounded_up,
)
from headstart.designing.outcome import ProtocolOutcome, protocol_outcome
from headstart.designing.protocols import Protocol, Shortlist, TuneBeforeTest, protocol_name
from headstart.designing.recommend import Recommendation, is_stable, pareto_front, recommend
from headstart.designing.scenario import REACH, Scenario
from headstart.progress import Progress, silent

FEW = 12
"""As many protocols named by the caller are all solved to the end."""

EQUILIBRIA = 4
"""Mixed equilibria computed when the protocols are ours to choose; one of 55 models takes seconds."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """Everything found for a designer.

    Args:
        answers: One per protocol, in the order compared.
        on_front: Whether no other protocol is at least as faithful, as cheap and as little burnt, and better in one.
        cheapest: The cheapest stable level, plain and with tiers where tiers can be drawn.
        ceiling: Best agreement that levels can bring; None where no target asked for it.
        recommendation: See there.
        requirements: What was asked for.
    """

    answers: tuple[ProtocolOutcome, ...]
    on_front: tuple[bool, ...]
    cheapest: tuple[CheapestLevel, ...]
    ceiling: Ceiling | None
    recommendation: Recommendation
    requirements: Requirements


def choose(
    scenario: Scenario,
    requirements: Requirements,
    *,
    compare: Sequence[tuple[Protocol, ...]] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Design:
    """Compare protocols and recommend one.

    The cheapest stable level, and the cheapest that also reaches the required fidelity, are always among those
    compared. Where a protocol has no pure equilibrium a mixed or noisy one is computed: for all of the protocols the
    caller names, if they are few, else for direct evaluation and a few that are cheaper than the first stable one,
    since the others have little chance to be on the front.

    Args:
        scenario: The developers, with the rewards at the upper end of the stakes.
        requirements: What the designer asks for.
        compare: Protocols; by default ``default_protocols``.
        seed: Seed of whatever is random.
        progress: Called with what is being done and the share that is finished.

    Raises:
        InputError: If a protocol does not suit the scenario.
    """
    tell = progress or silent
    tell("cheapest stable level", 0.0)
    cheapest = [cheapest_level(scenario, requirements.confidence, ())]
    found = _levels_to_compare(scenario, requirements, (), cheapest[0])
    named = list(compare) if compare is not None else default_protocols(scenario)
    chosen = list({protocol_name(p): p for p in [*named, *found]}.values())
    answers: list[ProtocolOutcome] = []
    for index, protocols in enumerate(chosen):
        tell(protocol_name(protocols), 0.4 + 0.3 * index / len(chosen))
        answers.append(protocol_outcome(scenario, protocols, equilibrium=False, seed=seed))
    shares_ranks = [any(p.shares_ranks for p in protocols) for protocols in chosen]
    unsettled = _worth_solving(answers, shares_ranks, everything=compare is not None and len(compare) <= FEW)
    for done, index in enumerate(unsettled):
        tell(f"equilibrium of {answers[index].protocol}", 0.7 + 0.3 * done / len(unsettled))
        answers[index] = protocol_outcome(scenario, chosen[index], seed=seed)
    out_of_reach = requirements.target_tau is not None and not any(
        is_stable(a, requirements) and a.kendall_tau is not None and a.kendall_tau >= requirements.target_tau
        for a in answers
    )
    ceiling = ceiling_of(scenario, requirements.confidence) if out_of_reach else None
    tell("done", 1.0)
    return Design(
        answers=tuple(answers),
        on_front=tuple(pareto_front(answers).tolist()),
        cheapest=tuple(cheapest),
        ceiling=ceiling,
        recommendation=recommend(
            answers, requirements, cost_unit=scenario.cost_unit, ceiling=ceiling,
        ),
        requirements=requirements,
    )  # fmt: skip


def _levels_to_compare(
    scenario: Scenario, requirements: Requirements, modifier: tuple[Protocol, ...], cheapest: CheapestLevel
) -> list[tuple[Protocol, ...]]:
    """The cheapest stable level or the nearest to one, and the cheapest that is faithful enough where asked for."""
    levels = [cheapest.nearest]
    if requirements.target_tau is not None and cheapest.level is not None:
        faithful = faithful_level(scenario, requirements, modifier, above=cheapest.level)
        levels += [] if faithful is None else [faithful]
    return [combined(level, modifier) for level in levels]


def _worth_solving(answers: Sequence[ProtocolOutcome], shares_ranks: Sequence[bool], *, everything: bool) -> list[int]:
    """Indices of the protocols without figures whose mixed or noisy answer is worth its time."""
    unsettled = [index for index, a in enumerate(answers) if a.kind == "none"]
    if everything or not unsettled:
        return unsettled
    # what is dearer than a protocol under which nothing is burnt has little chance to be on the front
    bound = min((a.bill for a in answers if a.kind == "pure"), default=np.inf)
    near = sorted(
        (i for i in unsettled if answers[i].bill < bound or answers[i].protocol == "direct"),
        key=lambda i: answers[i].bill,
    )
    plain = [i for i in near if not shares_ranks[i]] or near
    spread = np.linspace(0, len(plain) - 1, min(EQUILIBRIA, len(plain)))
    return [plain[i] for i in sorted({round(float(at)) for at in spread})]


def default_protocols(scenario: Scenario) -> list[tuple[Protocol, ...]]:
    """Direct evaluation, four levels, the best five alone."""
    longest = rounded_up(scenario.reach / REACH)
    levels = [rounded_up(longest / ratio) for ratio in (64, 16, 4, 1)]
    plain: list[tuple[Protocol, ...]] = [(TuneBeforeTest(level=0.0),)]
    plain += [(TuneBeforeTest(level=level),) for level in levels]
    if scenario.contest.n > 5:
        plain.append((TuneBeforeTest(level=longest), Shortlist(k=5)))
    return plain
