"""Random contests of every kind, on coarse numbers: plateaus, ties, free efforts and caps are common among them."""

from dataclasses import dataclass

import numpy as np

from headstart.contest import (
    Contest,
    CostTable,
    CurveTable,
    Exponential,
    Linear,
    LogitPower,
    Points,
    PointsCost,
    PowerCost,
)
from headstart.contest.rewards import geometric, linear, top, winner
from headstart.solve.level import RESOLUTION, StabilisingLevel, stabilising_level
from headstart.solve.pure import solve_pure


def points(rng):
    """A curve by points on whole steps."""
    size = int(rng.integers(2, 5))
    return Points(effort=[0.0, 1.0, 2.0, 4.0][:size], score=np.sort(rng.choice([0.2, 0.4, 0.5, 0.6, 0.8], size)))


def curve(rng):
    """A curve of any family."""
    kind = rng.integers(4)
    if kind == 0:
        return LogitPower(
            L=rng.choice([0.2, 0.25]), U=rng.choice([0.7, 0.8, 0.9]), alpha=np.round(rng.normal(), 1),
            beta=rng.choice([0.5, 1.0, 1.5]),
        )  # fmt: skip
    if kind == 1:
        return Exponential(
            floor=rng.choice([0.2, 0.3, 0.4]), ceiling=rng.choice([0.6, 0.8]), rate=rng.choice([0.1, 0.5, 1.0])
        )
    if kind == 2:
        return Linear(intercept=rng.choice([0.2, 0.4, 0.6]), slope=rng.choice([0.0, 0.1, 0.2]))
    return points(rng)


def cost(rng):
    """A cost, in about half of the cases with some free effort."""
    if rng.random() < 0.2:
        return PointsCost(effort=[0.0, 1.0, 2.0], cost=[0.0, rng.choice([0.0, 0.2]), 1.0])
    return PowerCost(
        scale=rng.choice([0.25, 0.5, 1.0]), exponent=rng.choice([1.0, 1.0, 2.0]), free=rng.choice([0.0, 0.0, 1.0, 2.0])
    )


def random_contest(seed: int) -> Contest:
    """The random contest of a seed: 2 to 4 models."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 5))
    family = curve if rng.random() < 0.3 else points
    shape = [linear, winner, lambda m, v: top(m, v, k=max(m - 1, 1)), lambda m, v: geometric(m, v, ratio=0.5)]
    same = cost(rng) if rng.random() < 0.3 else None
    return Contest(
        names=tuple("abcd"[:n]),
        curves=CurveTable.of([family(rng) for _ in range(n)]),
        costs=CostTable.of([same or cost(rng) for _ in range(n)]),
        rewards=shape[rng.integers(4)](n, float(rng.choice([0.25, 0.5, 1.0, 2.0]))),
        max_effort=rng.choice([0.5, 1.0, 2.0, np.inf, np.inf], n) if rng.random() < 0.5 else np.inf,
        tie_break=str(rng.choice(["capability", "capability", "listed"])),
    )


def crossing_contest(seed: int) -> Contest:
    """A contest of 2 to 12 models whose curves cross, on generic numbers; free efforts and caps are rare."""
    rng = np.random.default_rng([seed, 1])
    n = int(rng.integers(2, 13))
    kind = rng.integers(4)

    def one():
        start = rng.uniform(0.2, 0.6)
        if kind == 0 or (kind == 3 and rng.random() < 0.5):
            top = start + (0.8 - start) * rng.random() if rng.random() < 0.8 else 0.8
            return LogitPower(L=start, U=top, alpha=-3 * rng.random(), beta=0.4 + rng.random())
        if kind == 1:
            return LogitPower(L=0.25, U=1.0, alpha=rng.normal(), beta=0.4 + rng.random())
        return Exponential(floor=start, ceiling=start + (0.8 - start) * rng.random(), rate=0.02 + 0.3 * rng.random())

    value = float(10 ** rng.uniform(-0.5, 1.5))
    rewards = [linear(n, value), winner(n, value), geometric(n, value, ratio=0.6)][rng.integers(3)]
    costs = [
        PowerCost(scale=0.3 + rng.random(), exponent=rng.choice([1.0, 2.0]), free=rng.random() * (rng.random() < 0.1))
        for _ in range(n)
    ]
    return Contest(
        names=tuple("abcdefghijkl"[:n]), curves=CurveTable.of([one() for _ in range(n)]), costs=CostTable.of(costs),
        rewards=rewards, max_effort=np.where(rng.random(n) < 0.1, 5 * rng.random(n), np.inf),
        tie_break=str(rng.choice(["capability", "listed"])),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Stable levels beside the verdict at many levels.

    Args:
        found: The stable levels.
        unsafe: Levels called stable, up to the ends of the intervals, where a deviation pays.
        missed: Levels not called stable, away from the ends, where none does.
    """

    found: StabilisingLevel
    unsafe: list[float]
    missed: list[float]


def compare_levels(game: Contest, seed: int, resolution: float = 1e-6) -> Compared:
    """Compare, and look again at the default resolution where a stable level seems to be missing.

    Where two curves only touch, ranges are undecided to a root of the resolution; at the finest one the search then
    finds them or says that it gave up.
    """
    compared = _compare_levels(game, seed, resolution)
    return _compare_levels(game, seed, RESOLUTION) if compared.missed and not compared.unsafe else compared


def _compare_levels(game: Contest, seed: int, resolution: float) -> Compared:
    found = stabilising_level(game, resolution=resolution)
    compared = Compared(found=found, unsafe=[], missed=[])
    if found.status == "unknown":
        return compared
    decided_from = found.level if found.status == "partial" else 0.0
    ends = [end for pair in found.intervals for end in pair if end is not None]
    rng = np.random.default_rng(seed)
    near = [end + shift for end in ends for shift in (-1e-2, -1e-3, 1e-3, 1e-2) if end + shift > 0]
    for level in np.unique(np.r_[0.1, 0.25, 0.45, 1.3, 1.7, 2.3, 3.3, 5.5, 10.5, rng.uniform(0, 6, 4), near]).tolist():
        margin, room = 2e-6 * (1 + level), 5e-3 * (1 + level)
        answer = solve_pure(game.at_level(level))
        if answer.witness is not None and any(
            low + margin * (low > 0) <= level and (high is None or level <= high - margin)
            for low, high in found.intervals
        ):
            compared.unsafe.append(level)
        if (
            answer.verdict == "exists"
            and level >= decided_from
            and not any(low <= level + room and (high is None or level - room <= high) for low, high in found.intervals)
        ):
            compared.missed.append(level)
    return compared
