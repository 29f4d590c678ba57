"""Contestants that cannot be tuned: what their direct score says about the rank they could hold at a level.

The designer cannot give them the tuning that everybody else gets, so their score after it is unknown. If that tuning
would not make them worse, it is at least their direct score: this bounds their rank from below. Nothing bounds it from
above. Each is compared with the fitted models alone, and takes no place in any ranking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.auditing.level_values import RankBound
from headstart.auditing.paths import CurveDraws
from headstart.auditing.strict import finite
from headstart.auditing.values import Untunable
from headstart.contest.arrays import FloatArray
from headstart.data.trajectories import Trajectories
from headstart.rank import quantile_interval, share_ahead
from headstart.rank.intervals import CONFIDENCE


def set_apart(
    direct: Trajectories | None,
    curves: CurveDraws,
    *,
    names: Sequence[str],
    max_step: Float[FloatArray, " models"],
    levels: Sequence[float],
    seed: int,
) -> tuple[Untunable, ...]:
    """One entry for each contestant that cannot be tuned, best direct score first.

    Args:
        direct: Their direct scores, all at step 0; None without any.
        curves: Posterior draws of the others' curves.
        names: Names of the others.
        max_step: Last measured step of each of the others.
        levels: Levels reported, in steps.
        seed: Of the draws of the direct scores.
    """
    if direct is None:
        return ()
    table = direct.per_model()
    wanted = np.array([0.0, *levels])
    field = _Rivals(names=tuple(names), max_step=max_step, levels=wanted, draws=curves.score(wanted))
    noise = np.random.default_rng(seed).standard_normal(len(field.draws))  # one for all: they are never compared
    found = [
        _one(field, name, float(score), float(stderr), noise)
        for name, score, stderr in zip(direct.models, table.score[:, 0], table.stderr[:, 0], strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -one.score))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rivals:
    """The tuned models at direct evaluation (column 0) and at the levels reported."""

    names: tuple[str, ...]
    max_step: Float[FloatArray, " models"]
    levels: Float[FloatArray, " levels"]
    draws: Float[FloatArray, "draws models levels"]


def _one(field: _Rivals, name: str, score: float, stderr: float, noise: Float[FloatArray, " draws"]) -> Untunable:
    plausible = score + noise * np.nan_to_num(stderr)
    untuned = _bound(field, 0, score, plausible)
    return Untunable(
        name=name,
        score=score,
        stderr=finite(stderr),
        direct_rank=untuned.worst_rank,
        direct_rank_interval=untuned.worst_rank_interval,
        direct_tied=untuned.tied,
        bounds=tuple(_bound(field, at, score, plausible) for at in range(1, field.levels.size)),
    )


def _bound(field: _Rivals, at: int, score: float, plausible: Float[FloatArray, " draws"]) -> RankBound:
    """The rank of the direct score among the scores at the level; of equal scores it is ranked last."""
    # nothing is said of a model far beyond its last step, so it may be ahead; the comparison leaves it open
    unknown = np.isnan(field.draws[0, :, at])
    draws = np.where(unknown, np.inf, field.draws[:, :, at])
    tuned = np.median(draws, axis=0)
    worst = 1 + int((tuned >= score).sum())
    fewest, most = (
        quantile_interval(1 + (known >= plausible[:, None]).sum(axis=1))
        for known in (np.where(unknown, -np.inf, draws), draws)
    )
    low, high = fewest[0], most[1]
    ahead = share_ahead(draws, plausible[:, None])
    clear = ~unknown & (np.maximum(ahead, 1 - ahead) >= (1 + CONFIDENCE) / 2)
    level = float(field.levels[at])
    return RankBound(
        level=level,
        extrapolated=bool((level > field.max_step).mean() > 0.5),
        best_rank=worst if level == 0 else 1,
        worst_rank=worst,
        worst_rank_interval=(min(int(low), worst), max(int(high), worst)),
        tied=tuple(name for name, known in zip(field.names, clear.tolist(), strict=True) if not known),
    )
