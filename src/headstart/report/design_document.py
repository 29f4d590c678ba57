"""What a designer was told, as plain values and as JSON data (schema ``headstart.design/1``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.contest.contest import Contest
from headstart.designing.choose import Design
from headstart.designing.levels import CheapestLevel
from headstart.designing.outcome import ProtocolOutcome
from headstart.designing.reward_design import RewardDesign
from headstart.designing.scenario import Scenario
from headstart.designing.stakes import StakesEdge
from headstart.solve.prove import CertifiedDecision


@dataclass(frozen=True, kw_only=True)
class Basis:
    """Where the contest came from and what is at stake.

    Args:
        source: Name of the file.
        benchmark: Name of the benchmark; None for a contest file.
        shape: Shape of the rewards, as on the command line.
        low: Least that first place may be worth, in cost units.
        high: Most that first place may be worth, in cost units.
        assumed: Whether the stakes are a scale to start from, because none were given.
    """

    source: str
    benchmark: str | None
    shape: str
    low: float
    high: float
    assumed: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class DesignReport:
    """Everything that the terminal, the JSON document and the page show.

    Args:
        basis: Where it came from.
        scenario: The developers.
        design: What was found.
        edge: Largest stable value of first place, level by level; None where all ranks are paid alike.
    """

    basis: Basis
    scenario: Scenario
    design: Design
    edge: StakesEdge | None

    @property
    def worlds(self) -> int:
        """Number of posterior draws; 0 where the curves are known."""
        return 0 if self.scenario.draws is None else int(self.scenario.draws.L.shape[0])

    def extrapolated(self, level: float) -> bool:
        """Whether a level lies beyond every measurement."""
        return self.scenario.measured is not None and level > self.scenario.measured


def design_document(report: DesignReport) -> dict[str, Any]:
    """Everything found, as JSON data."""
    scenario, found, requirements = report.scenario, report.design, report.design.requirements
    order: list[int] = np.argsort(-scenario.quality, kind="stable").tolist()
    recommended = found.recommendation
    return {
        **_source(report.basis, scenario.cost_unit),
        "worlds": report.worlds,
        "rewards": scenario.contest.rewards.tolist(),
        "wish": {
            "confidence": requirements.confidence,
            "target_tau": requirements.target_tau,
            "budget": requirements.budget,
        },
        "quality": {"reference_level": scenario.reference, "ranking": [scenario.contest.names[m] for m in order]},
        "recommendation": {
            "feasible": recommended.feasible,
            "protocol": recommended.answer.protocol,
            "binding": recommended.binding,
            "reason": recommended.reason,
        },
        "protocols": [
            _protocol(report, answer, front) for answer, front in zip(found.answers, found.on_front, strict=True)
        ],
        "cheapest_levels": [_cheapest(report, level) for level in found.cheapest],
        "ceiling": None
        if found.ceiling is None
        else {
            "kendall_tau": found.ceiling.tau,
            "level": found.ceiling.level,
            "stable_kendall_tau": found.ceiling.stable_tau,
            "stable_level": found.ceiling.stable_level,
        },
        "stakes_edge": _edge(report.edge),
        "reward_design": None,
    }


def _source(basis: Basis, cost_unit: str) -> dict[str, Any]:
    return {
        "source": basis.source,
        "benchmark": basis.benchmark,
        "cost_unit": cost_unit,
        "stakes": {"shape": basis.shape, "low": basis.low, "high": basis.high, "assumed": basis.assumed},
    }


def _protocol(report: DesignReport, answer: ProtocolOutcome, front: bool) -> dict[str, Any]:
    interval = answer.kendall_tau_interval
    return {
        "protocol": answer.protocol,
        "level": answer.level,
        "extrapolated": report.extrapolated(answer.level),
        "places": answer.places,
        "verdict": answer.verdict,
        "kind": answer.kind,
        "nobody_tunes": answer.nobody_tunes,
        "stable_share": answer.stable_share,
        "kendall_tau": answer.kendall_tau,
        "kendall_tau_interval": None if interval is None else {"low": interval[0], "high": interval[1]},
        "best_first": answer.best_first,
        "effort_burnt": answer.effort_burnt,
        "bill": answer.bill,
        "exploitability": answer.exploitability,
        "on_front": front,
        "note": answer.note,
    }


def _cheapest(report: DesignReport, found: CheapestLevel) -> dict[str, Any]:
    why = found.sensitivity
    return {
        "modifier": found.modifier,
        "level": found.level,
        "extrapolated": found.level is not None and report.extrapolated(found.level),
        "nearest_level": found.nearest,
        "stable_share": found.share,
        "kendall_tau": found.kendall_tau,
        "reach": found.reach,
        "reason": None if found.level is not None else f"no level up to {found.reach:g} is stable enough",
        "sensitivity": None
        if why is None
        else {
            "climber": why.climber,
            "overtaken": why.overtaken,
            "level_without_climber": why.level_without_climber,
            "level_without_overtaken": why.level_without_overtaken,
            "level_if_tied": why.level_if_tied,
        },
    }


def _edge(edge: StakesEdge | None) -> dict[str, Any] | None:
    """Values of first place; null stands for "no value, however large, makes anybody tune"."""
    if edge is None:
        return None
    columns = {"stakes": edge.stakes, "low": edge.low, "high": edge.high}
    return {
        "levels": edge.levels.tolist(),
        **{key: [float(v) if np.isfinite(v) else None for v in values] for key, values in columns.items()},
        "null_means": "no place can be bought",
    }


def reward_document(
    contest: Contest, found: RewardDesign, basis: Basis, cost_unit: str, checked: CertifiedDecision
) -> dict[str, Any]:
    """A reward design, as JSON data."""
    return {
        **_source(basis, cost_unit),
        "recommendation": None,
        "protocols": [],
        "reward_design": {
            "level": contest.level,
            "status": found.status,
            "ranking": [contest.names[int(m)] for m in contest.order()],
            "rewards": found.rewards.tolist(),
            "limiting": [{"model": model, "overtakes": overtakes} for model, overtakes in found.limiting],
            "proof": found.proof,
            "certified": {"verdict": checked.verdict, "proof": checked.proof, "reason": checked.reason},
        },
    }
