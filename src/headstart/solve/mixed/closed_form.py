"""Two developers who compete for one prize: the equilibrium in closed form, for any curves, costs and caps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.integrate import quad

from headstart.contest.arrays import FloatArray
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.bounds import NUDGE
from headstart.solve.mixed.profile import Profile

ACCURACY = 1e-12
"""Aimed error of the integrals, absolute in stakes and relative."""
CELLS = 2000
"""Cells of the profile that stands for the closed form in plots and simulations."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoDevelopers:
    """The equilibrium between two developers of the contest; all others are idle.

    On positions from ``bottom`` (the stronger one's head start) to ``top`` each developer's distribution function is
    what keeps the other indifferent: ``F_i = (payoff_j + cost_j) / prize``. Its value at the bottom is idle mass.
    At the top, a developer whose rival is stopped by a cap puts the rest of its probability on passing that rival.

    Args:
        axis: The contest's axis.
        strong: Developer with the higher position at no cost (or that wins the tie).
        weak: The other one.
        prize: What first place is worth more than second, in cost units.
        bottom: Position from which both compete.
        top: Last position.
        low: Position of (strong, weak) at no cost.
        low_effort: Effort there, in steps.
        top_effort: Effort of (strong, weak) at the top, in steps.
        gain: Expected payoff of (strong, weak) beyond the second prize, in cost units.
        summit: 0 or 1: who may have an atom at the top.

    Source: docs/theory, Sec. 9, "Two developers"; with caps, docs/mixed, "Two developers".
    """

    axis: ScoreAxis
    strong: int
    weak: int
    prize: float
    bottom: float
    top: float
    low: tuple[float, float]
    low_effort: tuple[float, float]
    top_effort: tuple[float, float]
    gain: tuple[float, float]
    summit: int

    @property
    def pair(self) -> tuple[int, int]:
        """(strong, weak)."""
        return self.strong, self.weak

    def cumulative(self, who: int, position: ArrayLike) -> Float[FloatArray, "*points"]:
        """Probability that ``who`` (0 strong, 1 weak) is at most at a position, below the top."""
        y = np.asarray(position, dtype=np.float64)
        other = 1 - who
        inside = np.clip(y, self.bottom, self.top)
        value = (self.gain[other] + self.axis.cost(self.pair[other], inside)) / self.prize
        return np.where(y < self.low[who], 0.0, np.clip(value, 0.0, 1.0))

    def idle_probability(self, who: int) -> float:
        """Probability of spending nothing."""
        return float(self.cumulative(who, self.bottom))

    def top_probability(self, who: int) -> float:
        """Probability of the atom at the top."""
        return 1.0 - float(self.cumulative(who, self.top)) if who == self.summit else 0.0

    def expected_effort(self, who: int) -> float:
        """In steps."""
        start, end = self._entry_effort(who), self.top_effort[who]
        beyond = _integral(lambda e: 1.0 - self._cumulative_at(who, e), start, end, self._kinks(who, start, end))
        idle = self.idle_probability(who)
        return self.low_effort[who] + (1.0 - idle) * (start - self.low_effort[who]) + beyond

    def expected_cost(self, who: int) -> float:
        """In cost units."""
        cost = self.axis.contest.costs[self.pair[who]]
        entry, end = self._entry_effort(who), self.top_effort[who]
        start = float(cost.cost(entry))
        kinks = [float(cost.cost(e)) for e in self._kinks(who, entry, end)]
        beyond = _integral(
            lambda c: 1.0 - self._cumulative_at(who, float(cost.effort_at(c))), start, float(cost.cost(end)), kinks
        )
        return (1.0 - self.idle_probability(who)) * start + beyond

    def weak_first_probability(self) -> float:
        """Probability that the weaker one ends up above: its expected reward over the prize."""
        return (self.gain[1] + self.expected_cost(1)) / self.prize

    def profile(self) -> Profile:
        """The equilibrium spread over cells, exact at their edges; everybody else is idle."""
        contest, n, width = self.axis.contest, self.axis.contest.n, self.top - self.bottom
        low_effort = np.minimum(contest.costs.free, contest.max_effort)
        low = np.array([float(self.axis.position(i, low_effort[i])) for i in range(n)])
        low[list(self.pair)] = self.low
        inner = [self._even_cost_positions(who) for who in (0, 1)]
        over = self.top + NUDGE * width if self._summit_must_exceed() else self.top
        edges = np.unique(np.r_[low, self.bottom, *inner, self.top, over])
        cells = np.zeros((n, edges.size - 1))
        inside = (edges >= self.bottom) & (edges <= self.top)
        for who, i in enumerate(self.pair):
            cells[i, inside[:-1] & inside[1:]] = np.diff(self.cumulative(who, edges[inside]))
        mass = np.ones(n + 1)
        mass[list(self.pair)] = self.idle_probability(0), self.idle_probability(1)
        i = self.pair[self.summit]
        mass[n] = max(1.0 - mass[i] - cells[i].sum(), 0.0)
        effort = float(self.axis.effort(i, over)) if over > self.top else self.top_effort[self.summit]
        return Profile(
            origin=self.axis.origin, edges=edges, cells=cells, atom_model=np.r_[np.arange(n), i],
            atom_edge=np.searchsorted(edges, np.append(low, over)), atom_effort=np.r_[low_effort, effort],
            atom_mass=mass,
        )  # fmt: skip

    def _cumulative_at(self, who: int, effort: float) -> float:
        return float(self.cumulative(who, self.axis.position(self.pair[who], effort)))

    def _entry_effort(self, who: int) -> float:
        """Effort with which the competition begins."""
        return max(float(self.axis.effort(self.pair[who], self.bottom)), self.low_effort[who])

    def _even_cost_positions(self, who: int) -> FloatArray:
        cost = self.axis.contest.costs[self.pair[who]]
        start, end = self._entry_effort(who), self.top_effort[who]
        effort = cost.effort_at(np.linspace(float(cost.cost(start)), float(cost.cost(end)), CELLS // 2 + 1))
        return np.clip(self.axis.position(self.pair[who], effort), self.bottom, self.top)

    def _kinks(self, who: int, start: float, end: float) -> list[float]:
        """Efforts at which a derivative jumps: measured points of either one's curve or cost."""
        efforts: list[FloatArray] = []
        for side, i in enumerate(self.pair):
            curve, cost = self.axis.contest.curves[i], self.axis.contest.costs[i]
            for points in (curve.kinks() - self.axis.contest.level, cost.kinks()):
                points = points[(points >= 0) & (points <= self.top_effort[side])]
                at = self.axis.position(i, points)
                efforts.append(points if side == who else self.axis.effort(self.pair[who], at[at < self.top]))
        found = np.unique(np.concatenate(efforts)) if efforts else np.empty(0)
        return [float(e) for e in found if start < e < end]

    def _summit_must_exceed(self) -> bool:
        """Whether the atom at the top has to stand just above the rival's cap, because it loses the tie."""
        place = self.axis.contest.priority
        loses = place[self.pair[self.summit]] > place[self.pair[1 - self.summit]]
        return bool(loses and self.top_probability(self.summit) > ACCURACY)


def two_developers(axis: ScoreAxis, first: int, second: int) -> TwoDevelopers | None:
    """The closed form for two developers, taking all others as standing below them.

    Returns:
        None when one of them has a plateau within the contested positions (its cost of a score jumps), or
        when nothing is contested.
    """
    contest, place = axis.contest, axis.contest.priority
    prize = float(contest.rewards[0] - contest.rewards[1])
    if prize <= 0:
        return None
    low_effort = np.minimum(contest.costs.free, contest.max_effort)
    low = {i: float(axis.position(i, low_effort[i])) for i in (first, second)}
    strong, weak = sorted((first, second), key=lambda i: (-low[i], place[i]))
    reach: dict[int, float] = {}
    for i in (strong, weak):
        affordable = min(float(contest.costs[i].effort_at(prize)), float(contest.max_effort[i]))
        reach[i] = float(axis.position(i, affordable))
    bottom, top = low[strong], min(reach.values())
    if top <= bottom or any(_has_plateau(axis, i, bottom, top) for i in (strong, weak)):
        return None
    # who can go further (or wins the tie at the top) keeps what passing the other's best leaves
    further = min((strong, weak), key=lambda i: (-reach[i], place[i]))
    gain = {i: 0.0 for i in (strong, weak)}
    gain[further] = max(prize - float(axis.cost(further, top)), 0.0)
    return TwoDevelopers(
        axis=axis, strong=strong, weak=weak, prize=prize, bottom=bottom, top=top,
        low=(low[strong], low[weak]),
        low_effort=(float(low_effort[strong]), float(low_effort[weak])),
        top_effort=(float(axis.effort(strong, top)), float(axis.effort(weak, top))),
        gain=(gain[strong], gain[weak]), summit=0 if further == strong else 1,
    )  # fmt: skip


def _has_plateau(axis: ScoreAxis, i: int, bottom: float, top: float) -> bool:
    """Whether i's cost of a position jumps at or above the bottom, where it can still rise."""
    curve = axis.contest.curves[i]
    levels = curve.plateaus() - axis.origin
    if not levels.size:
        return False
    levels = np.r_[levels[(levels >= bottom) & (levels <= top)], bottom]
    jump = axis.effort(i, levels, exceed=True) - axis.effort(i, levels)
    return bool((np.isfinite(jump) & (jump > 1e-9 * (1.0 + axis.effort(i, levels)))).any())


def _integral(function: Callable[[float], float], start: float, end: float, kinks: list[float]) -> float:
    """Adaptive quadrature over a finite interval, split where derivatives jump."""
    total = 0.0
    ends = [start, *sorted(kinks), end]
    for a, b in pairwise(ends):
        if b > a:
            # full output: a complaint about rounding at this accuracy is no news
            total += quad(function, a, b, epsabs=ACCURACY * (end - start), epsrel=ACCURACY, limit=200, full_output=1)[0]
    return total
