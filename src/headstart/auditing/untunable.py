"""Contestants that cannot be tuned: what their direct score says about the rank they could hold at a level.

The designer cannot give them the tuning that everybody else gets, so their score after it is unknown. If that tuning
would not make them worse, it is at least their direct score: this bounds their rank from below. Nothing bounds it from
above. Each is compared with the fitted models alone, and takes no place in any ranking.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from headstart.auditing.levels import finite
from headstart.auditing.values import RankBound, Untunable
from headstart.contest.arrays import FloatArray
from headstart.fitting.fit import Fit
from headstart.rank import rank_intervals, share_ahead
from headstart.rank.intervals import CONFIDENCE


def set_apart(fitted: Fit, levels: Sequence[float], *, seed: int) -> tuple[Untunable, ...]:
    """One entry for each contestant that cannot be tuned, best direct score first.

    Args:
        fitted: Fit of the others.
        levels: Levels reported, in steps.
        seed: Of the draws of the direct scores.
    """
    direct = fitted.trajectories.untunable
    if direct is None:
        return ()
    table = direct.per_model()
    worlds = int(fitted.draws.L.shape[0])
    noise = np.random.default_rng(seed).standard_normal(worlds)  # one for all: they are never compared
    found = [
        _one(fitted, levels, name, float(score), float(stderr), noise)
        for name, score, stderr in zip(direct.models, table.score[:, 0], table.stderr[:, 0], strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -one.score))


def _one(
    fitted: Fit, levels: Sequence[float], name: str, score: float, stderr: float, noise: Float[FloatArray, " draws"]
) -> Untunable:
    plausible = score + noise * np.nan_to_num(stderr)
    untuned = _bound(fitted, 0.0, score, plausible)
    return Untunable(
        name=name,
        score=score,
        stderr=finite(stderr),
        direct_rank=untuned.worst_rank,
        direct_rank_interval=untuned.worst_rank_interval,
        direct_tied=untuned.tied,
        bounds=tuple(_bound(fitted, level, score, plausible) for level in levels),
    )


def _bound(fitted: Fit, level: float, score: float, plausible: Float[FloatArray, " draws"]) -> RankBound:
    """The rank of the direct score among the scores at the level; of equal scores it is ranked last."""
    tuned, worlds = fitted.curves.score(level), fitted.draws.score(level)
    worst = int(rank_intervals(np.append(tuned, score)[None])[-1, 0])
    low, high = rank_intervals(np.column_stack([worlds, plausible]))[-1].tolist()
    ahead = share_ahead(worlds, plausible[:, None])
    clear = np.maximum(ahead, 1 - ahead) >= (1 + CONFIDENCE) / 2
    return RankBound(
        level=level,
        extrapolated=bool(level > fitted.max_step.min()),
        best_rank=worst if level == 0 else 1,
        worst_rank=worst,
        worst_rank_interval=(low, high),
        tied=tuple(name for name, known in zip(fitted.models, clear.tolist(), strict=True) if not known),
    )
