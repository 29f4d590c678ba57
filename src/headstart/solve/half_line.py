"""The stable levels where they are known to be one half-line: found by halving, one decision at a time.

Where one family of curves with one floor and ceiling never crosses, a place above never becomes cheaper as the level
rises (docs/theory, Prop. D). Then some forty decisions at single levels settle all levels, however many models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.contest.compare import ROUNDING, UNDERFLOW
from headstart.contest.conditions import common_free_effort, curve_conditions
from headstart.contest.curves.logit_power import LARGEST_LOG_LEVEL
from headstart.solve.cells import Game

FIRST_LOOK = 33
"""Levels looked at before halving, evenly spaced in log(1 + level)."""


@dataclass(frozen=True, kw_only=True)
class HalfLine:
    """Neighbouring levels in log(1 + level): at ``unstable`` a deviation pays (-1: at no level), at ``stable`` none."""

    unstable: float
    stable: float


def is_half_line(game: Game) -> bool:
    """Whether Prop. D applies from level 0 on, beyond doubt in floating point."""
    contest = game.contest.at_level(0.0)
    if contest.tie_break != "capability" or not common_free_effort(contest).holds:
        return False
    if not curve_conditions(contest)[2].holds or not contest.curves.rises_at(np.expm1(LARGEST_LOG_LEVEL)).all():
        return False
    return _surely_ordered(game)


def _surely_ordered(game: Game) -> bool:
    """Whether every model scores more at level 0 than all whose curves are flatter, by more than rounding can make."""
    contest = game.contest
    family = contest.curves.single_family()
    ordering = None if family is None else family.ordering_parameter()
    if ordering is None:
        return False
    slope = np.broadcast_to(ordering[1], contest.curves.row.max() + 1)[contest.curves.row]
    score = contest.curves.score(np.zeros(contest.n))
    order = np.argsort(-slope, kind="stable")
    slope, score = slope[order], score[order]
    first = np.flatnonzero(np.diff(slope, prepend=np.inf))  # of each group with one slope
    least, most = np.minimum.reduceat(score, first), np.maximum.reduceat(score, first)
    room = 10 * ROUNDING * np.abs(score).max() + UNDERFLOW
    return bool((np.minimum.accumulate(least)[:-1] > most[1:] + room).all())


def half_line(game: Game, log_end: float, resolution: float) -> HalfLine | None:
    """Where the half-line begins; None if no level up to ``log_end`` is seen to be stable."""

    def kinds(log_level: np.ndarray) -> np.ndarray:
        level = np.expm1(log_level)
        return game.classify(level, level)[0]

    grid = np.linspace(0.0, log_end, FIRST_LOOK)
    kind = kinds(grid)
    if not (kind > 0).any():
        return None
    first = int(np.argmax(kind > 0))
    if first == 0:
        return HalfLine(unstable=-1.0, stable=0.0)
    below = np.flatnonzero(kind[:first] < 0)
    unstable, stable = (float(grid[below[-1]]) if below.size else -1.0), float(grid[first])
    low = float(grid[first - 1])
    while stable - low > resolution:
        middle = (low + stable) / 2
        found = int(kinds(np.array([middle]))[0])
        if found > 0:
            stable = middle
        else:
            low = middle
            unstable = max(unstable, middle) if found < 0 else unstable
    high = stable
    while high - unstable > resolution and unstable >= 0:  # what rounding hides just below
        middle = (unstable + high) / 2
        if int(kinds(np.array([middle]))[0]) < 0:
            unstable = middle
        else:
            high = middle
    return HalfLine(unstable=unstable, stable=stable)
