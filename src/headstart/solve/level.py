"""At which tune-before-test levels nobody tuning is an equilibrium: the stable set, and the stabilising level.

Every boundary of the stable set is a zero of ``score_i(D + E) - score_k(D)``, where E is the effort that a reward
gap is worth to i. Scores never fall, so on a range of levels each such difference is enclosed by its values
at the two ends: a range is proved stable, proved unstable, or halved. Nothing is read off a grid. Beyond the
horizon (horizon.py) no sign changes any more, so the search is finite and "no level is enough" is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.contest.arrays import FloatArray, IntArray
from headstart.contest.contest import Contest
from headstart.contest.curves.logit_power import LARGEST_LOG_LEVEL
from headstart.solve.cells import Game
from headstart.solve.enough import not_enough
from headstart.solve.half_line import half_line, is_half_line
from headstart.solve.horizon import Horizon, horizon_of
from headstart.solve.pure import Proof

Status = Literal["zero", "finite", "infinite", "union", "partial", "unknown"]
Intervals = tuple[tuple[float, float | None], ...]

RESOLUTION = 1e-10
"""Boundaries are located to this width in log(1 + level) unless asked otherwise."""

EXACT = 1e-6
"""Width in log(1 + level) up to which a boundary that rounding hides is still called exact."""

CLEARANCES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Distances beyond the horizon, in log(1 + level), at which the search may end."""

MOST_PAIRS = 1_000_000
"""Twice the pairs up to which all are looked at beyond the horizon, if those that seem to matter settle nothing."""

LOG_WITHOUT_END = 40.0
"""How far, in log(1 + level), the search goes at least where no horizon is known."""

MODELS_AT_ONCE, MOST_AT_ONCE = 100_000, 64
"""Models per batch of cells, few enough to stay in the processor's cache, and the least number of cells."""

MOST_CELLS = 20_000
"""Undecided ranges at one time after which a whole stretch of levels, not a boundary, must be undecidable; in large
fields there may be more of them for another reason, crossings, of which there are at most as many as pairs."""

MOST_WORK, LESS_WORK = 50_000_000, 5_000_000
"""Evaluations of models and pairs, about a microsecond each, after which the search says how far it came; the latter
where very high levels are not settled anyway."""


@dataclass(frozen=True, kw_only=True)
class StabilisingLevel:
    """The levels at which nobody tuning is an equilibrium.

    Args:
        status: ``zero`` (every level), ``finite`` (exactly the levels from ``level`` on), ``infinite`` (no level),
            ``union`` (several intervals, or one that ends), ``partial`` (every level from ``level`` on, while lower
            ones are not all decided) or ``unknown``.
        level: Least level from which on stability lasts, in steps; None if there is none or it is not known. When
            ``partial``, ``reason`` says whether it is the least.
        intervals: The stable levels, as (low, high) with high None when unbounded; those that are known when
            ``partial`` or ``unknown``.
        proof: ``numeric``: rounding is bounded by ``contest.compare.ROUNDING``, not enclosed.
        reason: The status in one sentence.
    """

    status: Status
    level: float | None
    intervals: tuple[tuple[float, float | None], ...]
    proof: Proof
    reason: str


def stabilising_level(contest: Contest, *, resolution: float = RESOLUTION) -> StabilisingLevel:
    """Find the stable set of levels.

    The contest's own level is not used. With free effort the question is whether everybody using exactly its
    free effort is an equilibrium (Prop. E).

    Args:
        contest: The contest.
        resolution: Width in log(1 + level) to which boundaries are located, ``> 0``; what is undecided on so narrow a
            range is not counted stable.

    Source: docs/theory, Props. B and D, "The stability map" and "The horizon".

    >>> from headstart.contest import *
    >>> curves = LogitPower(L=0.0, U=1.0, alpha=[0.5, 0.0], beta=[1.0, 1.0])
    >>> contest = Contest(names=("a", "b"), curves=CurveTable.batch(curves, 2),
    ...                   costs=CostTable.batch(PowerCost(), 2), rewards=[3.0, 0.0])
    >>> found = stabilising_level(contest)  # e^(1/2) (1 + D) - (1 + D) = 3
    >>> found.status, round(found.level, 6)
    ('finite', 3.624482)
    """
    if contest.n == 1 or contest.rewards[0] == contest.rewards[-1]:
        return StabilisingLevel(
            status="zero",
            level=0.0,
            intervals=((0.0, None),),
            proof="numeric",
            reason="there is nothing to compete for",
        )
    horizon = horizon_of(contest)
    game = Game.of(contest)
    log_end, tail = _end_of_search(game, horizon.level)
    settled = _if_half_line(game, log_end if horizon.unsettled is None else LARGEST_LOG_LEVEL, resolution)
    if settled is not None:
        return settled
    if horizon.unsettled is not None:
        log_end, tail = max(log_end, LOG_WITHOUT_END), 0
    cells = _search(game, log_end, resolution, MOST_WORK if tail else LESS_WORK)
    if tail == 0:
        return _without_end(game, horizon, cells, log_end)
    return _describe(cells, log_end, tail)


def _if_half_line(game: Game, log_end: float, resolution: float) -> StabilisingLevel | None:
    """The stable levels where Prop. D makes them one half-line and some level is seen to be stable."""
    found = half_line(game, log_end, resolution) if is_half_line(game) else None
    if found is None:
        return None
    status: Status = "finite"
    level, reason = float(np.expm1(found.stable)), "stable exactly from this level on"
    if found.stable == 0:
        status, reason = "zero", "nobody tuning is an equilibrium under direct evaluation already"
    elif found.stable - found.unstable > max(EXACT, resolution):
        status = "partial"
        if found.unstable < 0:
            reason = f"stable from {level:.8g} on; rounding hides whether lower levels are stable"
        else:
            below = np.expm1(found.unstable)
            reason = f"stable from {level:.8g} on and at no level up to {below:.8g}; rounding hides what is between"
    elif found.stable - found.unstable > 10 * resolution:
        reason += f", to a relative {found.stable - found.unstable:.1g} that rounding hides"
    return StabilisingLevel(status=status, level=level, intervals=((level, None),), proof="numeric", reason=reason)


def _end_of_search(game: Game, horizon: float) -> tuple[float, int]:
    """A level beyond the horizon, in log(1 + level), and whether it is stable.

    Far enough to be clear of the last sign change, but no farther than rounding allows: a saturating score
    underflows at a level that may be a small multiple of the horizon.
    """
    few, log_end = game.contest.n**2 <= MOST_PAIRS, 0.0
    for every_pair in (False, True)[: 1 + few]:
        for clearance in CLEARANCES:
            log_end = float(min(np.log1p(horizon) + clearance, LARGEST_LOG_LEVEL))
            level = np.array([np.expm1(log_end)])
            tail = int(game.classify(level, level, every_pair=every_pair)[0][0])
            if tail:
                return log_end, tail
    return log_end, 0


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A partition of [0, end] in log(1 + level): starts, and +1 stable, -1 unstable, 0 not decided.

    ``open_below`` is the level, in log(1 + level), from which on every cell was searched to the finest resolution.
    """

    start: FloatArray
    kind: IntArray
    open_below: float


def _search(game: Game, log_end: float, resolution: float, most_work: int) -> _Found:
    """Halve what is undecided, the highest cells first, so that what is found holds from some level on."""
    n = game.contest.n
    edges = np.linspace(0.0, log_end, 33)
    low, high = edges[:-1], edges[1:]
    done: list[tuple[FloatArray, IntArray]] = []
    batch = max(MOST_AT_ONCE, MODELS_AT_ONCE // n)
    most_cells = MOST_CELLS + 20 * n**2
    work = 0
    while low.size and low.size < most_cells and work < most_work:
        rest, (own_low, own_high) = max(low.size - batch, 0), (low[-batch:], high[-batch:])
        kind, used = game.classify(np.expm1(own_low), np.expm1(own_high))
        work += used
        final = (kind != 0) | (own_high - own_low <= resolution)
        done.append((own_low[final], kind[final]))
        own_low, own_high = own_low[~final], own_high[~final]
        middle = (own_low + own_high) / 2
        # the halves in the order of their levels, above all that waits
        low = np.concatenate([low[:rest], np.stack([own_low, middle], axis=1).ravel()])
        high = np.concatenate([high[:rest], np.stack([middle, own_high], axis=1).ravel()])
    done.append((low, np.zeros(low.size, dtype=np.int64)))
    start = np.concatenate([s for s, _ in done])
    order = np.argsort(start)
    kind = np.concatenate([k for _, k in done])[order]
    return _Found(start=start[order], kind=kind, open_below=float(high[-1]) if high.size else 0.0)


def _without_end(game: Game, horizon: Horizon, cells: _Found, log_end: float) -> StabilisingLevel:
    """What is known where very high levels are not settled."""
    contest = game.contest
    if horizon.unsettled is None:
        reason = "rounding hides very high levels"
    else:
        a, b = (contest.names[model] for model in horizon.unsettled)
        where = "whose order changes beyond floating point" if horizon.beyond else "whose curves end alike"
        reason = f"no argument settles very high levels for {a} and {b}, {where}"
    unstable = np.flatnonzero(cells.kind < 0)
    known = float(np.append(cells.start, log_end)[unstable[-1] + 1]) if unstable.size else 0.0
    bound = not_enough(game, known)
    if bound is not None:
        reason += f"; {bound}"
    intervals = _stable_intervals(cells, log_end, 0)
    if cells.kind[-1] > 0:
        low, high = intervals[-1]
        reason += f"; every level from {low:.6g} to {high:.6g} is stable"
    return StabilisingLevel(status="unknown", level=None, intervals=intervals, proof="numeric", reason=reason)


def _describe(cells: _Found, log_end: float, tail: int) -> StabilisingLevel:
    """Join the cells into intervals and name the status."""
    intervals = _stable_intervals(cells, log_end, tail)
    status: Status
    level = None
    if cells.open_below > 0:
        return _incomplete(cells, intervals, tail)
    elif not intervals:
        status, reason = "infinite", "no level is stable: beyond the horizon the deviation that pays never stops paying"
    elif tail < 0:
        status, reason = "union", "some levels are stable, but none from which on stability lasts"
    else:
        level = intervals[-1][0]
        if len(intervals) > 1:
            status, reason = "union", "curves cross: the stable levels are several intervals"
        elif level == 0:
            status, reason = "zero", "nobody tuning is an equilibrium under direct evaluation already"
        else:
            status, reason = "finite", "stable exactly from this level on"
    return StabilisingLevel(status=status, level=level, intervals=intervals, proof="numeric", reason=reason)


def _incomplete(cells: _Found, intervals: Intervals, tail: int) -> StabilisingLevel:
    """What is known where the search ended before it had looked at every level."""
    searched = float(np.expm1(cells.open_below))
    why = "too many crossings, or rounding hides whole ranges of levels"
    if tail < 0:
        reason = f"no level is stable for good; which levels are stable for a while was not found out: {why}"
        return StabilisingLevel(status="unknown", level=None, intervals=intervals, proof="numeric", reason=reason)
    level = intervals[-1][0]
    if level > searched:
        reason = (
            f"stable from {level:.8g} on and not just below it; levels below {searched:.8g} are not all decided: {why}"
        )
    else:
        reason = f"stable from {level:.8g} on; whether lower levels are stable is not known: {why}"
    return StabilisingLevel(status="partial", level=level, intervals=intervals, proof="numeric", reason=reason)


def _stable_intervals(cells: _Found, log_end: float, tail: int) -> Intervals:
    """Runs of stable cells; what is undecided at the finest resolution is not counted stable."""
    start, stable = np.append(cells.start, log_end), np.append(cells.kind > 0, tail > 0)
    begins = np.flatnonzero(stable & ~np.r_[False, stable[:-1]])
    ends = np.flatnonzero(stable & ~np.r_[stable[1:], False])
    levels = np.expm1(start)
    return tuple(
        (float(levels[a]), float(levels[b + 1]) if b + 1 < levels.size else None)
        for a, b in zip(begins, ends, strict=True)
    )
