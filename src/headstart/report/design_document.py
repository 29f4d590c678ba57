"""What a designer was told, as plain values and as JSON data (schema ``headstart.design/1``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.contest.contest import Contest
from headstart.designing.levels import CheapestLevel
from headstart.designing.measured import MeasuredDesign
from headstart.designing.outcome import ProtocolOutcome
from headstart.designing.reward_design import RewardDesign
from headstart.designing.run import DesignResult
from headstart.designing.stakes import Stakes, StakesEdge
from headstart.io.encode import encode
from headstart.solve.prove import CertifiedDecision


def design_document(found: DesignResult) -> dict[str, Any]:
    """Everything found, as JSON data."""
    design, requirements = found.design, found.design.requirements
    recommended = design.recommendation
    return {
        **_source(found.source, found.benchmark, found.cost_unit, found.stakes),
        "worlds": found.n_draws,
        "rewards": found.rewards.tolist(),
        "wish": {
            "confidence": requirements.confidence,
            "target_tau": requirements.target_tau,
            "budget": requirements.budget,
            "tolerance": requirements.tolerance,
        },
        "quality": {"reference_level": found.reference, "ranking": list(found.ranking)},
        "recommendation": {
            "feasible": recommended.feasible,
            "protocol": recommended.answer.protocol,
            "binding": recommended.binding,
            "reason": recommended.reason,
        },
        "decision": None if found.measured is None else encode(found.measured.decision),
        "decision_at_low_stakes": None if found.measured is None else encode(found.measured.decision_low),
        "protocols": [
            _protocol(found, answer, front) | _incentives(found.measured, place)
            for place, (answer, front) in enumerate(zip(design.answers, design.on_front, strict=True))
        ],
        "cheapest_levels": [_cheapest(level) for level in design.cheapest],
        "ceiling": None
        if design.ceiling is None
        else {
            "kendall_tau": design.ceiling.tau,
            "level": design.ceiling.level,
            "stable_kendall_tau": design.ceiling.stable_tau,
            "stable_level": design.ceiling.stable_level,
        },
        "stakes_edge": _edge(found.edge),
        "reward_design": None,
    }


def _source(source: str, benchmark: str | None, cost_unit: str, stakes: Stakes | None) -> dict[str, Any]:
    return {
        "source": source,
        "benchmark": benchmark,
        "cost_unit": cost_unit,
        "stakes": encode(stakes),
    }


def _incentives(measured: MeasuredDesign | None, place: int) -> dict[str, Any]:
    """Largest gain as a share of first reward minus last, at both ends of the stakes; null for a contest file."""
    if measured is None:
        return {"incentive": None, "incentive_at_low_stakes": None}
    low = measured.incentives_low
    return {
        "incentive": encode(measured.incentives[place]),
        "incentive_at_low_stakes": None if low is None else encode(low[place]),
    }


def _protocol(found: DesignResult, answer: ProtocolOutcome, front: bool) -> dict[str, Any]:
    interval = answer.kendall_tau_interval
    return {
        "protocol": answer.protocol,
        "level": answer.level,
        "extrapolated": found.extrapolated(answer.level),
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


def _cheapest(found: CheapestLevel) -> dict[str, Any]:
    why = found.sensitivity
    return {
        "modifier": found.modifier,
        "level": found.level,
        "extrapolated": False,
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
    columns = {"stakes": edge.stakes, "low": edge.stakes, "high": edge.stakes}  # curves are known: no interval
    return {
        "levels": edge.levels.tolist(),
        **{key: [float(v) if np.isfinite(v) else None for v in values] for key, values in columns.items()},
        "null_means": "no place can be bought",
    }


def reward_document(
    contest: Contest, found: RewardDesign, source: str, cost_unit: str, checked: CertifiedDecision
) -> dict[str, Any]:
    """A reward design, as JSON data."""
    return {
        **_source(source, None, cost_unit, None),
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
