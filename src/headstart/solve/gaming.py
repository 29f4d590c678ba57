"""What ``headstart solve`` says about gaming: incentive, levels with a guarantee, and what every equilibrium agrees on.

Fields of ``headstart.solution/1``; docs/reference/file-formats describes them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from headstart.contest.contest import Contest
from headstart.errors import ComputationError, InputError
from headstart.solve.dominance import dominance_level, iterated_dominance, iterated_dominance_level
from headstart.solve.incentive import ScoreNoise, incentive
from headstart.solve.incentive_level import IncentiveLevel, incentive_level
from headstart.solve.mixed.linear_program import evenly_spaced
from headstart.solve.strategic_ranks import strategic_ranks

Json = dict[str, Any]

MOST_MODELS = 1500
"""Iterated dominance compares all pairs of models in every round; larger contests go without."""

MOST_MODELS_BY_LEVEL = 300
"""The same for trying it at many levels."""

MOST_MODELS_UNEVEN = 80
"""The level for a tolerance takes thousands of expected rewards, which are slow where rewards are uneven."""


def gaming_sections(contest: Contest, tolerance: float) -> Json:
    """The fields ``incentive``, ``dominance`` and ``strategic_ranks``.

    Args:
        contest: The contest at its level, with its noise.
        tolerance: Gain that counts as none, as a share of first reward minus last.
    """
    return {
        "incentive": _incentive(contest, tolerance),
        "dominance": _dominance(contest),
        "strategic_ranks": _strategic_ranks(contest),
    }


def _incentive(contest: Contest, tolerance: float) -> Json:
    level: Json | None = None
    models: list[Json] | None = None
    largest = upper = reason = None
    try:
        found = incentive(contest)
        end = _level_for(contest, tolerance)
    except (InputError, ComputationError) as error:
        reason = str(error)
    else:
        largest, upper = float(found.share.max()), float(found.upper_share.max())
        columns = (found.lower, found.share, found.upper_share, found.best_effort, found.best_cost)
        keys = ("gain", "share", "upper_share", "effort", "cost")
        rows = zip(contest.names, *(column.tolist() for column in columns), strict=True)
        models = [dict(zip(("name", *keys), row, strict=True)) for row in rows]
        level = {"status": end.status, "level": end.level, "below": end.below, "reason": end.reason}
    return {
        "noise_sd": None if contest.noise_sd is None else contest.noise_sd.tolist(),
        "tolerance": tolerance,
        "largest_share": largest,
        "largest_share_upper": upper,
        "models": models,
        "level_for_tolerance": level,
        "reason": reason,
    }


def _level_for(contest: Contest, tolerance: float) -> IncentiveLevel:
    if contest.n > MOST_MODELS_UNEVEN and not evenly_spaced(contest.rewards):
        why = f"not computed for more than {MOST_MODELS_UNEVEN} models with uneven rewards"
        return IncentiveLevel(status="unknown", level=None, below=None, tolerance=tolerance, reason=why)
    return incentive_level(contest, tolerance=tolerance)


def _dominance(contest: Contest) -> Json:
    found = dominance_level(contest)
    per_model = [
        {"name": name, "level": level if math.isfinite(level) else None}
        for name, level in zip(contest.names, found.levels.tolist(), strict=True)
    ]
    return {
        "status": found.status,
        "level": found.level,
        "reason": found.reason,
        "models": per_model,
        "iterated": _iterated(contest),
    }


def _iterated(contest: Contest) -> Json:
    why = f"not computed for more than {MOST_MODELS} models"
    found: Json = {"unique": None, "reason": why}
    if contest.n <= MOST_MODELS:
        here = iterated_dominance(contest)
        found = {"unique": here.unique, "reason": here.reason}
    if contest.n > MOST_MODELS_BY_LEVEL:
        why = f"not tried by level for more than {MOST_MODELS_BY_LEVEL} models"
        return found | {"status": "unknown", "level": None, "below": None, "level_reason": why}
    best = iterated_dominance_level(contest)
    return found | {"status": best.status, "level": best.level, "below": best.below, "level_reason": best.reason}


def _strategic_ranks(contest: Contest) -> Json:
    found = strategic_ranks(contest, noise=ScoreNoise.of(contest))
    keys = ("name", "low", "high", "best_rank", "worst_rank", "most_effort")
    columns = (found.low, found.high, found.best, found.worst, found.effort)
    rows = zip(contest.names, *(column.tolist() for column in columns), strict=True)
    models = [dict(zip(keys, row, strict=True)) for row in rows]
    for row in models:  # infinity is no JSON number: an effort or a score without bound is null
        row |= {key: None for key in ("high", "most_effort") if not math.isfinite(row[key])}
    certain = float(np.asarray(found.certain))
    return {
        "certain": None if math.isnan(certain) else certain,
        "confidence": found.confidence,
        "rounds": int(found.rounds),
        "models": models,
    }
