"""The field a designer faces: the developers' contest, how surely it is known, and what tuning costs the designer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from headstart.calibrate.fit import Fit
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
        developer_cost_per_step: What it costs the developers, who have linear costs in every plausible world.
        cost_unit: Unit of costs, rewards and bills.
        draws: Plausible worlds, fields of shape (worlds, models); None when the curves are known.
        reference: Level at which quality is read, in steps.
    """

    contest: Contest
    quality: Float[FloatArray, " models"]
    cost_per_step: Float[FloatArray, " models"]
    developer_cost_per_step: Float[FloatArray, " models"]
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

    def without(self, m: int) -> Field:
        """The field without one model; the rank that falls away is the last."""
        keep = np.flatnonzero(np.arange(self.contest.n) != m)
        contest = self.contest
        names = tuple(name for index, name in enumerate(contest.names) if index != m)
        rest = replace(
            contest, names=names, curves=contest.curves.take(keep), costs=contest.costs.take(keep),
            rewards=contest.rewards[:-1], max_effort=contest.max_effort[keep],
            noise_sd=None if contest.noise_sd is None else contest.noise_sd[keep],
        )  # fmt: skip
        draws = self.draws
        return Field(
            contest=rest,
            quality=self.quality[keep],
            cost_per_step=self.cost_per_step[keep],
            developer_cost_per_step=self.developer_cost_per_step[keep],
            cost_unit=self.cost_unit,
            draws=None
            if draws is None
            else LogitPower(
                L=draws.L[:, keep], U=draws.U[:, keep], alpha=draws.alpha[:, keep], beta=draws.beta[:, keep]
            ),
            reference=self.reference,
        )


def measured_field(fitted: Fit, contest: Contest, designer_cost_per_step: float | None = None) -> Field:
    """The field of fitted models; the designer pays what developers pay unless told otherwise."""
    own = fitted.cost_per_step
    reference = float(fitted.max_step.max())
    return Field(
        contest=contest.at_level(0.0),
        quality=fitted.curves.score(reference),
        cost_per_step=own if designer_cost_per_step is None else np.full(own.size, designer_cost_per_step),
        developer_cost_per_step=own,
        cost_unit=fitted.trajectories.cost_unit,
        draws=fitted.draws,
        reference=reference,
    )


def known_field(contest: Contest, reference: float) -> Field:
    """The field of a contest file: curves are known, the designer pays one unit per step, quality is read at ``reference``."""
    ones = np.ones(contest.n)
    return Field(
        contest=contest.at_level(0.0),
        quality=contest.curves.score(reference),
        cost_per_step=ones,
        developer_cost_per_step=ones,
        cost_unit="cost units",
        draws=None,
        reference=reference,
    )
