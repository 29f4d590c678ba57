"""Choosing a protocol for measured models: the audit's own computation at both ends of the stakes.

A protocol is a level, with or without a test set of another size. Its outcome is what gaming gains under measurement
noise, in every posterior draw, exactly as the audit computes it; so an audit and a design never disagree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.auditing.audit import answer
from headstart.auditing.decision import Criteria
from headstart.auditing.evidence import Evidence, gather
from headstart.auditing.examine import Examined
from headstart.auditing.incentives import (
    LevelIncentives,
    incentive_curve,
    incentives_of,
    needed_share,
    suffice,
    summarise,
)
from headstart.auditing.level_values import Estimate, Incentive, Level
from headstart.auditing.values import Decision, IncentiveCurve
from headstart.contest.arrays import FloatArray, require
from headstart.contest.rewards import parse
from headstart.data.trajectories import Trajectories
from headstart.designing.levels import Requirements
from headstart.designing.outcome import ProtocolOutcome
from headstart.designing.protocols import Items, Protocol, TuneBeforeTest, protocol_name
from headstart.designing.recommend import pareto_front
from headstart.designing.stakes import Stakes
from headstart.progress import Progress, silent
from headstart.solve.noise import binomial_sd


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredDesign:
    """Everything found for the designer of a measured field.

    Args:
        evidence: What it rests on.
        stakes: What first place may be worth.
        requirements: What was asked for.
        decision: What to do, at the upper end of the stakes.
        decision_low: The same at the lower end; None where there is one end only.
        outcomes: Direct evaluation, every level reported and the protocols named, at the upper end of the stakes.
        incentives: Largest gain of each outcome, as a share of first reward minus last.
        incentives_low: The same at the lower end; None where there is one end only.
        on_front: Whether no other outcome is at least as faithful, as cheap and as little burnt, and better in one.
        curve: What gaming gains, by level, at the upper end.
        levels: What the audit reports of each level, at the upper end.
    """

    evidence: Evidence
    stakes: Stakes
    requirements: Requirements
    decision: Decision
    decision_low: Decision | None
    outcomes: tuple[ProtocolOutcome, ...]
    incentives: tuple[Estimate, ...]
    incentives_low: tuple[Estimate, ...] | None
    on_front: tuple[bool, ...]
    curve: IncentiveCurve
    levels: tuple[Level, ...]


def design_measured(
    trajectories: Trajectories,
    *,
    stakes: Stakes | None = None,
    requirements: Requirements | None = None,
    compare: Sequence[tuple[Protocol, ...]] | None = None,
    designer_cost_per_step: float | None = None,
    draws: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> MeasuredDesign:
    """Compare levels, and test sets of other sizes, and recommend one.

    Args:
        trajectories: What was measured.
        stakes: What first place may be worth; by default the audit's assumption.
        requirements: What the designer asks for.
        compare: Protocols beside the levels reported.
        designer_cost_per_step: What one step of one model costs the designer, in cost units; by default what it costs
            its developer.
        draws: Posterior draws.
        seed: Of the draws.
        progress: Called as the work proceeds.

    Raises:
        InputError: If a protocol does not suit measured curves, or a level lies beyond their horizon.
    """
    tell = progress or silent
    asked = requirements or Requirements()
    named = [_checked(protocols) for protocols in compare or ()]
    tell("fitting the curves", 0.0)
    shape = None if stakes is None else stakes.rewards(stakes.high)
    found = gather(trajectories, rewards=shape, draws=draws, seed=seed, extra_levels=[level for level, _ in named])
    at_stake = stakes or Stakes.parse(found.default_rewards, assumed=True)
    criteria = _criteria(asked)
    bill = designer_cost_per_step
    high, decision = answer(found, at_stake.rewards(at_stake.high), criteria, tell, cost_per_step=bill)
    low = None
    if at_stake.low < at_stake.high:
        low = answer(found, at_stake.rewards(at_stake.low), criteria, tell, cost_per_step=bill)
    every = _protocols(found, named)
    outcomes, shares = zip(*(_outcome(found, high, protocols, at_stake.high, at_stake, criteria, bill)
                             for protocols in every), strict=True)  # fmt: skip
    shares_low = None
    if low is not None:
        shares_low = tuple(
            _outcome(found, low[0], protocols, at_stake.low, at_stake, criteria, bill)[1] for protocols in every
        )
    tell("done", 1.0)
    return MeasuredDesign(
        evidence=found,
        stakes=at_stake,
        requirements=asked,
        decision=decision,
        decision_low=None if low is None else low[1],
        outcomes=outcomes,
        incentives=shares,
        incentives_low=shares_low,
        on_front=tuple(pareto_front(outcomes).tolist()),
        curve=incentive_curve(high.incentives, criteria.tolerance),
        levels=high.rows,
    )


def _criteria(asked: Requirements) -> Criteria:
    return Criteria(
        tolerance=asked.tolerance, confidence=asked.confidence, least_tau=asked.target_tau, budget=asked.budget
    )


def _checked(protocols: tuple[Protocol, ...]) -> tuple[float, tuple[Protocol, ...]]:
    """The protocol's level and itself, if measured curves can answer it."""
    for protocol in protocols:
        require(
            isinstance(protocol, TuneBeforeTest | Items),
            "protocol",
            "made of direct, level:D and items:N for measured models; the others need a contest file",
            protocol_name(protocols),
        )
    level = next((p.level for p in protocols if isinstance(p, TuneBeforeTest)), 0.0)
    return level, protocols


def _protocols(found: Evidence, named: Sequence[tuple[float, tuple[Protocol, ...]]]) -> list[tuple[Protocol, ...]]:
    """Every level reported, then the protocols named, each once."""
    levels = [(TuneBeforeTest(level=level),) for level in found.levels]
    return list({protocol_name(p): p for p in [*levels, *(protocols for _, protocols in named)]}.values())


def _outcome(
    found: Evidence,
    examined: Examined,
    protocols: tuple[Protocol, ...],
    value: float,
    stakes: Stakes,
    criteria: Criteria,
    cost_per_step: float | None,
) -> tuple[ProtocolOutcome, Estimate]:
    """The outcome of one protocol, and the largest gain as a share of first reward minus last."""
    level = next(p.level for p in protocols if isinstance(p, TuneBeforeTest))
    row = next(one for one in examined.rows if one.level == level)
    items = next((p.count for p in protocols if isinstance(p, Items)), None)
    incentive = row.incentive
    if items is not None:
        incentive = _with_items(found, row, parse(stakes.rewards(value), len(found.fit.models)), items, criteria)
    needed = needed_share(found.field.paths.n_draws, criteria.confidence)
    bounds = row.kendall_tau_interval
    step = float(found.fit.cost_per_step.sum()) if cost_per_step is None else cost_per_step * len(found.fit.models)
    outcome = ProtocolOutcome(
        protocol=protocol_name(protocols),
        level=level,
        places=len(row.ties),
        verdict=row.verdict,
        kind="noisy",
        nobody_tunes=incentive.suffices >= needed,
        stable_share=incentive.suffices,
        kendall_tau=row.kendall_tau_to_reference,
        kendall_tau_interval=None if bounds.low is None or bounds.high is None else (bounds.low, bounds.high),
        best_first=_best_first(found, level),
        effort_burnt=incentive.burnt.value,
        bill=level * step,
        exploitability=incentive.gain.value,
        note=None if row.measured else "the level was not measured: the figures rest on the forecast alone",
    )
    return outcome, incentive.share


def _with_items(
    found: Evidence, row: Level, rewards: Float[FloatArray, " models"], items: int, criteria: Criteria
) -> Incentive:
    """What gaming gains at a level if every score is measured on so many items, here and at every later level."""
    field = found.field
    low, high = found.fit.trajectories.score_range
    shares = (np.array([one.score for one in row.standings]) - low) / (high - low)
    sd = math.sqrt(2 * float(np.mean(binomial_sd(np.clip(shares, 0.0, 1.0), items) ** 2))) * (high - low)
    later: list[LevelIncentives] = []
    for level in (level for level in found.levels if level >= row.level):
        models = field.paths.within_horizon(level)
        further = field.paths.beyond(level, models)
        later.append(incentives_of(further, level, models, rewards[: models.size], sd))
    enough = float(suffice(later, criteria.tolerance).mean(axis=0)[0])
    return summarise(later[0], field.paths.names, enough)


def _best_first(found: Evidence, level: float) -> float:
    """Share of the posterior draws in which the best model at the reference level is first at the level."""
    paths = found.field.paths
    here, there = paths.scores_at(level), paths.scores_at(found.field.reference)
    return float((here.argmax(axis=1) == there.argmax(axis=1)).mean())
