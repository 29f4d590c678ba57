"""Levels that are certainly not enough, where very high levels are not settled: a bound from below, and who breaks it.

Two witnesses serve. A deviation that pays at a level shows that no level up to it is enough. And where the reward of a
model differs between two levels, some level between them is not stable: where its reward changes the model is tied
with others, their ranks do not all pay alike, and the last of them passes the others with as little effort as it likes
(docs/theory, "Levels that are not enough"). The second needs two rankings only, so it also holds at levels at which
one more step is lost in rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headstart.contest.arrays import BoolArray, FloatArray
from headstart.contest.compare import Standing
from headstart.contest.curves.logit_power import LARGEST_LOG_LEVEL
from headstart.solve.candidates import enclose
from headstart.solve.cells import Game
from headstart.solve.pure import RELATIVE_TOLERANCE, Witness, tightest_pair

RANKED, DECIDED = 601, 121
"""Levels, evenly spaced in log(1 + level), at which models are ranked, and at which deviations are tried."""

MODELS_AT_ONCE = 100_000
"""Models per batch of levels: changes no answer."""

HALVINGS = 40


@dataclass(frozen=True, kw_only=True)
class _Ranks:
    """What is certain of scores and rewards at some levels, in log(1 + level); shapes (levels, models)."""

    log_level: FloatArray
    least: FloatArray
    most: FloatArray
    highest: FloatArray  # reward
    lowest: FloatArray

    def row(self, index: int) -> _Ranks:
        at = slice(index, index + 1)
        return _Ranks(
            log_level=self.log_level[at], least=self.least[at], most=self.most[at], highest=self.highest[at],
            lowest=self.lowest[at],
        )  # fmt: skip

    def differs(self, other: _Ranks) -> BoolArray:
        """Models whose reward certainly differs between two single levels, shape (models,)."""
        return ((self.highest < other.lowest) | (self.lowest > other.highest))[0]


def not_enough(game: Game, known: float) -> str | None:
    """The highest level found not to be enough, and why, in words; None if there is none.

    Args:
        game: The contest as the search sees it.
        known: A level, in log(1 + level), below which a deviation is known to pay; 0 if there is none.
    """
    swap = _last_swap(game)
    swapped = 0.0 if swap is None else float(swap[0].log_level[0])
    found = _last_witness(game, max(known, swapped), known)
    if found is not None:
        log_level, witness = found
        who = f"{witness.model} then still gains by passing {witness.overtakes}"
        return f"no level up to {_down(log_level)} is enough, because {who}"
    if swap is not None and swapped >= known:
        low, high, model = swap
        up, other = _passed(low, high, model)
        one, two = (game.contest.names[m] for m in ((model, other) if up else (other, model)))
        return (
            f"no level up to {_down(low.log_level[0])} is enough, because above it {one} passes {two} and the rewards "
            "change hands: where models tie, one of them gains by any further effort"
        )
    return f"no level up to {_down(known)} is enough" if known > 0 else None


def _down(log_level: float) -> str:
    """Six digits of a level, rounded down."""
    level = math.expm1(log_level)
    if level <= 0:
        return "0"
    unit = 10.0 ** (math.floor(math.log10(level)) - 5)
    return f"{math.floor(level / unit * (1 - 1e-15)) * unit:.6g}"


# --- rewards that change hands ------------------------------------------------------------------------------------


def _last_swap(game: Game) -> tuple[_Ranks, _Ranks, int] | None:
    """Two levels, as high as possible, between which a model's reward changes, and that model."""
    contest = game.contest
    rises = contest.curves.rises_at(np.expm1(LARGEST_LOG_LEVEL)) & (contest.max_effort > game.free)
    if not rises.all():
        return None  # the last of those that tie might be unable to rise
    lowest, highest = np.full(contest.n, -np.inf), np.full(contest.n, np.inf)  # extremes over all higher levels
    at_lowest, at_highest = np.zeros(contest.n), np.zeros(contest.n)  # where they are
    for here in _from_above(game):
        rises, falls = here.highest[0] < lowest, here.lowest[0] > highest
        if (rises | falls).any():
            model = int(np.argmax(rises | falls))
            above = (at_lowest if rises[model] else at_highest)[model : model + 1]
            return _narrowed(game, here, _ranks(game, above), model)
        at_lowest[here.lowest[0] > lowest] = at_highest[here.highest[0] < highest] = here.log_level[0]
        lowest, highest = np.maximum(lowest, here.lowest[0]), np.minimum(highest, here.highest[0])
    return None


def _from_above(game: Game) -> Iterator[_Ranks]:
    """The ranks at one level after another, the highest first."""
    grid = np.linspace(LARGEST_LOG_LEVEL, 0.0, RANKED)
    batch = max(MODELS_AT_ONCE // game.contest.n, 1)
    for start in range(0, grid.size, batch):
        ranks = _ranks(game, grid[start : start + batch])
        for index in range(ranks.log_level.size):
            yield ranks.row(index)


def _ranks(game: Game, log_level: FloatArray) -> _Ranks:
    contest, n = game.contest, game.contest.n
    everyone = contest.curves.take(np.tile(np.arange(n), log_level.size))
    flat = Standing.of(everyone, (np.expm1(log_level)[:, None] + game.free).ravel())
    shape = (-1, n)
    here = Standing(
        score=flat.score.reshape(shape), ceiling=flat.ceiling.reshape(shape), shortfall=flat.shortfall.reshape(shape)
    )
    found = enclose(float(np.max(contest.curves.ceiling)), here, here)
    return _Ranks(
        log_level=log_level, least=found.least, most=found.most, highest=contest.rewards[found.above],
        lowest=contest.rewards[n - found.below - 1],
    )  # fmt: skip


def _narrowed(game: Game, low: _Ranks, high: _Ranks, model: int) -> tuple[_Ranks, _Ranks, int]:
    """The same with the lower of the two levels as high as rankings are certain."""
    end = float(high.log_level[0])
    for _ in range(HALVINGS):
        middle = _ranks(game, (low.log_level + end) / 2)
        if middle.differs(high)[model]:
            low = middle
        else:
            end = float(middle.log_level[0])
    return low, high, model


def _passed(low: _Ranks, high: _Ranks, model: int) -> tuple[bool, int]:
    """Whether the model is the one that passes, and another that it, or that passes it, between the two levels."""
    up = bool(high.lowest[0, model] > low.highest[0, model])
    first, second = (low, high) if up else (high, low)
    behind = first.least[0] > first.most[0, model]
    ahead = second.most[0] < second.least[0, model]
    return up, int(np.argmax(behind & ahead))  # there is one, by counting who is certainly above and below


# --- deviations that pay ------------------------------------------------------------------------------------------


def _last_witness(game: Game, start: float, known: float) -> tuple[float, Witness] | None:
    """The highest level above ``start`` at which a deviation is found to pay, and that deviation.

    If there is none and ``start`` is ``known``, the level up to which one pays: the one there.
    """
    grid = np.linspace(0.0, LARGEST_LOG_LEVEL, DECIDED)
    for index in range(grid.size - 1, -1, -1):
        if grid[index] <= start:
            break
        witness = _witness(game, grid[index])
        if witness is not None:
            return _raised(game, float(grid[index]), float(grid[min(index + 1, grid.size - 1)]), witness)
    if start > known:
        return None
    at = known - max(1e-9, 1e-6 * known)
    witness = _witness(game, at) if at > 0 else None
    above = float(grid[min(np.searchsorted(grid, known, side="right"), grid.size - 1)])
    if witness is None:
        return None
    log_level, witness = _raised(game, at, above, witness)
    return max(log_level, known), witness


def _raised(game: Game, low: float, high: float, witness: Witness) -> tuple[float, Witness]:
    """A higher level at which a deviation pays, and that deviation."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        found = _witness(game, middle)
        low, high, witness = (low, middle, witness) if found is None else (middle, high, found)
    return low, witness


def _witness(game: Game, log_level: float) -> Witness | None:
    contest = game.contest.at_level(math.expm1(log_level))
    pair = tightest_pair(contest, game.free)
    return pair.witness(contest) if pair is not None and pair.slack < -RELATIVE_TOLERANCE else None
