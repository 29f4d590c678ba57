"""What a mixed equilibrium computation returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.profile import Profile, above_probability, inversions, spending

Method = Literal["pure", "closed form", "linear program", "regret matching"]
Status = Literal["converged", "not converged"]

NOT_UNIQUE = "Equilibria need not be unique: this is one of them, and others may rank and pay developers differently."


@dataclass(frozen=True, kw_only=True, eq=False)
class MixedSolution:
    """A mixed equilibrium of the developers' game, or the nearest that was found.

    Args:
        names: Models, in the contest's order, which all arrays follow.
        method: How it was computed.
        why: Why that method, in one sentence.
        status: Whether the exploitability is within the tolerance asked for.
        exploitability: Upper bound of what any developer gains by any deviation in the continuous game, in
            cost units. Closed forms and pure equilibria are exact up to rounding: 0.
        exploitability_share: The same as a share of the first minus the last reward.
        expected_effort: Of each developer's own tuning, in steps, shape (models,).
        expected_cost: In cost units, shape (models,).
        payoff: Expected reward minus expected cost, in cost units, shape (models,).
        idle_probability: Probability of spending nothing, shape (models,).
        inversion_probability: Entry (i, j): probability that i ranks above j although j is above i when nobody
            tunes; 0 elsewhere; shape (models, models).
        expected_kendall_tau: Between the ranking and the one when nobody tunes.
        profile: The strategies. For a closed form they are exact at the edges of the cells and spread between.
        sweeps: Sweeps of regret matching; 0 for other methods.
        note: What to keep in mind.
    """

    names: tuple[str, ...]
    method: Method
    why: str
    status: Status
    exploitability: float
    exploitability_share: float
    expected_effort: Float[FloatArray, " models"]
    expected_cost: Float[FloatArray, " models"]
    payoff: Float[FloatArray, " models"]
    idle_probability: Float[FloatArray, " models"]
    inversion_probability: Float[FloatArray, "models models"]
    expected_kendall_tau: float
    profile: Profile
    sweeps: int = 0
    note: str = NOT_UNIQUE


def measured_solution(
    axis: ScoreAxis, profile: Profile, *, payoff: FloatArray, exploitability: float, target: float,
    method: Method, why: str, sweeps: int = 0,
) -> MixedSolution:  # fmt: skip
    """The solution whose numbers are those of ``profile``."""
    contest = axis.contest
    stakes = float(contest.rewards[0] - contest.rewards[-1])
    share = exploitability / stakes if stakes > 0 else 0.0
    effort, cost = spending(axis, profile)
    inverted, tau = inversions(axis, above_probability(axis, profile))
    return MixedSolution(
        names=contest.names, method=method, why=why,
        status="converged" if exploitability <= target else "not converged",
        exploitability=exploitability, exploitability_share=share,
        expected_effort=effort, expected_cost=cost, payoff=payoff, idle_probability=_free_mass(axis, profile),
        inversion_probability=inverted, expected_kendall_tau=tau, profile=profile, sweeps=sweeps,
    )  # fmt: skip


def _free_mass(axis: ScoreAxis, profile: Profile) -> FloatArray:
    """Probability of the atoms that cost nothing."""
    result = np.zeros(profile.n)
    free = axis.contest.costs.take(profile.atom_model).cost(profile.atom_effort) == 0
    np.add.at(result, profile.atom_model[free], profile.atom_mass[free])
    return result
