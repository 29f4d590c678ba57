"""What a published ranking is worth and what it burnt: the figures of pure, mixed and noisy answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.contest import Contest
from headstart.designing.protocols.base import Rules
from headstart.designing.scenario import Scenario
from headstart.rank import kendall_tau
from headstart.solve.mixed import MixedSolution, Profile
from headstart.solve.noise import NoisyEquilibrium, binomial_sd

SAMPLES = 4000
"""Plays sampled from a mixed or noisy answer: the chance of the best model is known to a standard error below 0.8 %."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of one answer.

    Args:
        tau: Expected Kendall tau-a between the published ranking and quality.
        best_first: Probability that the model of highest quality is ranked first, alone or in the first tier.
        burnt: Expected cost of all developers' own tuning, in cost units.
    """

    tau: float
    best_first: float
    burnt: float


def pure_figures(scenario: Scenario, rules: Rules) -> Figures:
    """Nobody tunes: the ranking is that of the scores at the rules' levels."""
    scores, quality = scenario.contest.curves.score(rules.levels)[None], scenario.quality[None]
    first = in_first_place(scores, rules.tier_of_rank)
    return Figures(
        tau=float(agreement(scores, quality, rules.tier_of_rank)[0]),
        best_first=float(first[0, scenario.best]),
        burnt=0.0,
    )


def mixed_figures(scenario: Scenario, rules: Rules, contest: Contest, mixed: MixedSolution, seed: int) -> Figures:
    """Expected agreement and the chance of the best model under independent mixed strategies, sampled play by play."""
    return _sampled(scenario, rules, sampled_standing(contest, mixed.profile, seed), float(mixed.expected_cost.sum()))


def noisy_figures(scenario: Scenario, rules: Rules, equilibrium: NoisyEquilibrium, seed: int) -> Figures:
    """Figures of a rank-order tournament, from normal scores around the equilibrium's true ones."""
    assert rules.items is not None
    spread = binomial_sd(equilibrium.scores, rules.items)
    luck = np.random.default_rng(seed).standard_normal((SAMPLES, spread.size))
    return _sampled(scenario, rules, equilibrium.scores + spread * luck, float(equilibrium.costs.sum()))


def _sampled(scenario: Scenario, rules: Rules, scores: FloatArray, burnt: float) -> Figures:
    first = in_first_place(scores, rules.tier_of_rank)[:, scenario.best]
    taus = agreement(scores, np.broadcast_to(scenario.quality, scores.shape), rules.tier_of_rank)
    return Figures(tau=float(taus.mean()), best_first=float(first.mean()), burnt=burnt)


def agreement(
    scores: Float[FloatArray, "draws models"], quality: Float[FloatArray, "draws models"], tier: IntArray | None
) -> Float[FloatArray, " draws"]:
    """Kendall's tau-a between published places and quality; models of one tier neither agree nor disagree."""
    if tier is None:
        return kendall_tau(scores, quality)
    return kendall_tau(-tier[_places(scores)].astype(np.float64), quality)


def in_first_place(scores: Float[FloatArray, "draws models"], tier: IntArray | None) -> Bool[BoolArray, "draws models"]:
    """Which models hold the first rank, or share the first tier."""
    places = _places(scores)
    return places == 0 if tier is None else tier[places] == 0


def _places(scores: FloatArray) -> IntArray:
    """Place of every model in its row, from 0 for the best."""
    return np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable")


def sampled_standing(contest: Contest, profile: Profile, seed: int) -> Float[FloatArray, "samples models"]:
    """Independent plays of a mixed profile: how many rivals each model beats, ties broken by the contest's priority."""
    random = np.random.default_rng(seed)
    positions = np.stack([_drawn(profile, i, random) for i in range(profile.n)], axis=1)
    # equal positions are atoms at one edge, so the priority decides them; it never overrides a position
    order = np.lexsort((np.broadcast_to(contest.priority, positions.shape), -positions), axis=1)
    beaten = np.empty(positions.shape)
    np.put_along_axis(beaten, order, np.arange(profile.n, 0, -1.0)[None, :] - 1.0, axis=1)
    return beaten


def _drawn(profile: Profile, i: int, random: np.random.Generator) -> Float[FloatArray, " samples"]:
    """Positions of one developer: an atom's edge, or a point spread evenly in a cell."""
    atoms = np.flatnonzero(profile.atom_model == i)
    mass = np.concatenate([profile.cells[i], profile.atom_mass[atoms]])
    drawn = random.choice(mass.size, SAMPLES, p=mass / mass.sum())
    low = np.concatenate([profile.edges[:-1], profile.edges[profile.atom_edge[atoms]]])
    width = np.concatenate([np.diff(profile.edges), np.zeros(atoms.size)])
    return low[drawn] + width[drawn] * random.random(SAMPLES)
