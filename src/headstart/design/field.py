"""The field a designer faces: the developers' contest, how surely it is known, and what tuning costs the designer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, require
from headstart.contest.contest import Contest
from headstart.contest.curves import LogitPower


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """Developers and their models, before any protocol is chosen.

    Args:
        contest: The contest under direct evaluation (level 0), curves at their best estimate, with the stakes.
        quality: What a fair ranking ranks by: the score at the reference level, in score units, shape (models,).
        cost_per_step: What one step of tuning one model costs the designer, in cost units, shape (models,).
        cost_unit: Unit of costs, rewards and bills.
        draws: Plausible worlds, fields of shape (worlds, models); None when the curves are known.
        reference: Level at which quality is read, in steps.
    """

    contest: Contest
    quality: Float[FloatArray, " models"]
    cost_per_step: Float[FloatArray, " models"]
    cost_unit: str
    draws: LogitPower | None
    reference: float

    def __post_init__(self) -> None:
        n = self.contest.n
        require(self.contest.level == 0, "contest.level", "0: the protocol sets the level", self.contest.level)
        require(self.quality.shape == (n,), "quality", f"{n} long", self.quality)
        require(self.cost_per_step.shape == (n,), "cost_per_step", f"{n} long", self.cost_per_step)
        require(bool((self.cost_per_step >= 0).all()), "cost_per_step", ">= 0", self.cost_per_step)

    @property
    def best(self) -> int:
        """Index of the model of highest quality."""
        return int(np.argmax(self.quality))
