"""What a designer faces: the developers' contest, what a fair ranking would rank by, and what tuning costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, require
from headstart.contest.contest import Contest
from headstart.solve.level import stabilising_level

REACH = 4.0
"""Levels are tried up to this multiple of the stabilising level."""

UNBOUNDED_REACH = 1000.0
"""Levels of a contest are tried up to here where it has no finite stabilising level."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenario:
    """Developers whose curves are known, before any protocol is chosen.

    Args:
        contest: The contest under direct evaluation (level 0). Its rewards are those at the upper end of the stakes:
            every constraint scales with them, so what is stable there is stable below.
        quality: What a fair ranking ranks by: the score at the reference level, in score units, shape (models,).
        cost_per_step: What one step of tuning one model costs the designer, in cost units, shape (models,).
        cost_unit: Unit of costs, rewards and bills.
        reference: Level at which quality is read, in steps.
        reach: Farthest level worth looking at, in steps.

    Raises:
        InputError: If there are fewer than two models, the contest has noise of its own, or lengths differ.
    """

    contest: Contest
    quality: Float[FloatArray, " models"]
    cost_per_step: Float[FloatArray, " models"]
    cost_unit: str
    reference: float
    reach: float

    def __post_init__(self) -> None:
        n, noise = self.contest.n, self.contest.noise_sd
        require(n >= 2, "models", "two or more for a choice among protocols", n)
        require(self.contest.level == 0, "contest.level", "0: the protocol sets the level", self.contest.level)
        require(noise is None or not noise.any(), "noise_sd", "absent: compare items:N instead", noise)
        require(self.quality.shape == (n,), "quality", f"{n} long", self.quality)
        require(self.cost_per_step.shape == (n,), "cost_per_step", f"{n} long", self.cost_per_step)
        require(bool((self.cost_per_step >= 0).all()), "cost_per_step", ">= 0", self.cost_per_step)

    @property
    def best(self) -> int:
        """Index of the model of highest quality."""
        return int(np.argmax(self.quality))

    def without(self, m: int) -> Scenario:
        """The scenario without one model; the rank that falls away is the last."""
        keep = np.flatnonzero(np.arange(self.contest.n) != m)
        contest = self.contest
        rest = replace(
            contest,
            names=tuple(name for index, name in enumerate(contest.names) if index != m),
            curves=contest.curves.take(keep),
            costs=contest.costs.take(keep),
            rewards=contest.rewards[:-1],
            max_effort=contest.max_effort[keep],
            noise_sd=None,
        )
        return replace(self, contest=rest, quality=self.quality[keep], cost_per_step=self.cost_per_step[keep])


def known_scenario(
    contest: Contest, *, reference: float = 0.0, designer_cost_per_step: float = 1.0, cost_unit: str = "cost units"
) -> Scenario:
    """The scenario of a contest whose curves are known.

    Args:
        contest: The contest; its level is not used.
        reference: Level at which quality is read, in steps; 0 is the order of capabilities.
        designer_cost_per_step: What a step costs the designer, in cost units.
        cost_unit: Unit of costs, rewards and bills.
    """
    level = stabilising_level(contest).level if contest.n >= 2 else None
    reach = max(UNBOUNDED_REACH if level is None else REACH * max(level, 1.0), reference, contest.level)
    return Scenario(
        contest=contest.at_level(0.0),
        quality=contest.curves.score(checked_reference(reference)),
        cost_per_step=np.full(contest.n, designer_cost_per_step),
        cost_unit=cost_unit,
        reference=reference,
        reach=reach,
    )


def checked_reference(reference: float) -> float:
    """The reference level, if it is one."""
    require(bool(np.isfinite(reference)) and reference >= 0, "reference", "a finite number >= 0", reference)
    return reference
