"""How the developers answer a protocol, in the figures a designer decides by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.contest.contest import Contest
from headstart.design.field import Field
from headstart.design.protocols import Protocol, contest_under, protocol_name, rules_of, tuning_bill
from headstart.design.protocols.base import Rules, shared_rewards
from headstart.errors import HeadstartError
from headstart.rank import kendall_tau, quantile_interval
from headstart.solve.mixed import MixedSolution, Profile, solve_mixed
from headstart.solve.noise import NoisyEquilibrium, binomial_sd, solve_noisy
from headstart.solve.prices import critical_stakes
from headstart.solve.pure import Verdict, solve_pure

Kind = Literal["pure", "mixed", "noisy", "none"]

SAMPLES = 4000
"""Plays sampled from a mixed profile for the chance that the best model comes first: a standard error below 0.8 %."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The outcome of one protocol.

    Args:
        protocol: Its name.
        level: Largest tuning it gives any model, in steps.
        verdict: Whether a pure equilibrium exists, for the best estimate of the curves.
        kind: Equilibrium the figures are those of; ``none`` where nothing was computed.
        stable_share: Share of the plausible worlds in which nobody tuning is an equilibrium; None without worlds or
            with noisy scores.
        kendall_tau: Expected agreement of the published ranking with the quality order, in [-1, 1]; models that share a
            tier count as neither agreeing nor disagreeing. None where ``kind`` is ``none``.
        kendall_tau_interval: Its 95 % interval over the plausible worlds; None without worlds, or when not pure.
        best_first: Probability that the model of highest quality is ranked first, alone or in the first tier.
        effort_burnt: Expected cost of all developers' own tuning, in cost units.
        bill: The designer's own tuning, in cost units.
        exploitability: What the equilibrium's accuracy is, in cost units: 0 for a pure one.
        note: What a reader must know; None if nothing.
    """

    protocol: str
    level: float
    verdict: Verdict
    kind: Kind
    stable_share: float | None
    kendall_tau: float | None
    kendall_tau_interval: tuple[float, float] | None
    best_first: float | None
    effort_burnt: float | None
    bill: float
    exploitability: float | None
    note: str | None


def answer(field: Field, protocols: tuple[Protocol, ...], *, equilibrium: bool = True, seed: int = 0) -> Answer:
    """Solve the contest that a protocol leads to.

    Args:
        field: The developers.
        protocols: The combination, as ``protocols.parse`` gives it.
        equilibrium: Whether to compute a mixed or noisy equilibrium where no pure one exists; it takes longest.
        seed: Seed of whatever is random.

    Raises:
        InputError: If the protocol does not suit the field.
    """
    rules = rules_of(protocols, field)
    contest = contest_under(rules, field)
    name, bill, level = protocol_name(protocols), tuning_bill(rules, field), float(rules.levels.max())
    pure = solve_pure(contest)

    def result(
        kind: Kind,
        figures: Figures | None,
        *,
        verdict: Verdict,
        share: float | None = None,
        exploitability: float | None = None,
        note: str | None = None,
    ) -> Answer:
        return Answer(
            protocol=name, level=level, verdict=verdict, kind=kind, stable_share=share,
            kendall_tau=figures.tau if figures else None,
            kendall_tau_interval=figures.tau_interval if figures else None,
            best_first=figures.best_first if figures else None,
            effort_burnt=figures.burnt if figures else None,
            bill=bill, exploitability=exploitability, note=note,
        )  # fmt: skip

    if rules.items is not None:
        if not equilibrium:
            return result("none", None, verdict="undecided", note="no equilibrium was computed")
        noise = binomial_sd(contest.scores(), rules.items)
        found = solve_noisy(contest, noise_sd=noise, seed=seed)
        if not found.equilibria:
            verdict: Verdict = "none" if found.status == "none exists" else "undecided"
            return result("none", None, verdict=verdict, note=found.reason)
        first = found.equilibria[0]
        figures = _noisy_figures(field, rules, first)
        return result("noisy", figures, verdict="exists", exploitability=first.regret_bound, note=found.reason)
    share = stable_share(field, rules)
    if pure.verdict == "exists":
        return result("pure", _pure_figures(field, rules), verdict="exists", share=share, exploitability=0.0)
    if not equilibrium:
        return result("none", None, verdict=pure.verdict, share=share, note="no equilibrium was computed")
    try:
        mixed = solve_mixed(contest, seed=seed)
    except HeadstartError as error:
        return result("none", None, verdict=pure.verdict, share=share, note=str(error))
    figures = _mixed_figures(field, rules, contest, mixed, seed)
    note = None if mixed.status == "converged" else "the mixed equilibrium did not reach its tolerance"
    return result(
        "mixed", figures, verdict=pure.verdict, share=share, exploitability=mixed.exploitability, note=note
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a ranking is worth and what it burnt."""

    tau: float
    tau_interval: tuple[float, float] | None
    best_first: float
    burnt: float


def stable_share(field: Field, rules: Rules) -> float | None:
    """Share of the plausible worlds in which nobody tuning is an equilibrium; None without worlds.

    The rewards of a tier go with the ranks, as the protocol publishes them; costs are the developers' own per step.
    """
    if field.draws is None:
        return None
    return float((world_critical_stakes(field, rules) >= 1.0).mean())


def world_critical_stakes(field: Field, rules: Rules) -> Float[FloatArray, " worlds"]:
    """By how much the rewards could be multiplied, in every world, before somebody tunes; ``inf``: without bound."""
    assert field.draws is not None
    rewards = field.contest.rewards
    if rules.tier_of_rank is not None:
        rewards = shared_rewards(rewards, rules.tier_of_rank)
    levels = np.broadcast_to(rules.levels, field.draws.L.shape)
    return critical_stakes(field.draws, field.developer_cost_per_step, levels, rewards)


def _pure_figures(field: Field, rules: Rules) -> Figures:
    """Nobody tunes: the ranking is that of the scores at the rules' levels, in every plausible world."""
    tier = rules.tier_of_rank
    point = _agreement(field.contest.curves.score(rules.levels)[None], field.quality[None], tier)[0]
    if field.draws is None:
        first = _first_tier(field.contest.curves.score(rules.levels), tier)
        return Figures(tau=float(point), tau_interval=None, best_first=float(first[field.best]), burnt=0.0)
    scores, quality = field.draws.score(rules.levels), field.draws.score(field.reference)
    worlds = _agreement(scores, quality, tier)
    low, high = quantile_interval(worlds)
    best = quality.argmax(axis=1)
    firsts = np.array([_first_tier(row, tier)[b] for row, b in zip(scores, best, strict=True)])
    return Figures(
        tau=float(worlds.mean()), tau_interval=(float(low), float(high)), best_first=float(firsts.mean()), burnt=0.0
    )


def _agreement(scores: FloatArray, quality: FloatArray, tier: IntArray | None) -> FloatArray:
    """Kendall's tau-a between published ranks and quality, in every world; shape (worlds,)."""
    if tier is None:
        return kendall_tau(scores, quality)
    places = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable")
    return kendall_tau(-tier[places].astype(np.float64), quality)


def _first_tier(scores: FloatArray, tier: IntArray | None) -> BoolArray:
    """Which models hold the first rank, or share the first tier, by score."""
    places = np.empty(scores.size, dtype=np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(scores.size)
    return (places == 0) if tier is None else (tier[places] == 0)


def _mixed_figures(field: Field, rules: Rules, contest: Contest, mixed: MixedSolution, seed: int) -> Figures:
    """Expected agreement and the chance of the best model under independent mixed strategies, sampled play by play."""
    scores = sampled_scores(contest, mixed.profile, seed)
    tier = rules.tier_of_rank
    quality = np.broadcast_to(field.quality, scores.shape)
    firsts = np.array([_first_tier(row, tier)[field.best] for row in scores])
    return Figures(
        tau=float(_agreement(scores, quality, tier).mean()),
        tau_interval=None,
        best_first=float(firsts.mean()),
        burnt=float(mixed.expected_cost.sum()),
    )


def sampled_scores(contest: Contest, profile: Profile, seed: int) -> Float[FloatArray, "samples models"]:
    """Positions of independent plays of a mixed profile; ties are broken by the contest's priority.

    Positions order models as scores do, and keep the digits that scores lose near a common ceiling.
    """
    random = np.random.default_rng(seed)
    scores = np.empty((SAMPLES, profile.n))
    # equal positions are only atoms at one edge: a shift far below any cell's width orders them
    nudge = 1e-9 * float(np.diff(profile.edges).min()) * (1.0 - contest.priority / profile.n)
    for i in range(profile.n):
        atoms = np.flatnonzero(profile.atom_model == i)
        mass = np.concatenate([profile.cells[i], profile.atom_mass[atoms]])
        drawn = random.choice(mass.size, SAMPLES, p=mass / mass.sum())
        in_cell = drawn < profile.cells.shape[1]
        cell = np.where(in_cell, drawn, 0)
        width = np.diff(profile.edges)[cell]
        inside = profile.edges[cell] + width * random.random(SAMPLES)
        at = (
            profile.edges[profile.atom_edge[atoms[np.where(in_cell, 0, drawn - profile.cells.shape[1])]]]
            if atoms.size
            else inside
        )
        scores[:, i] = np.where(in_cell, inside, at) + nudge[i]
    return scores


def _noisy_figures(field: Field, rules: Rules, equilibrium: NoisyEquilibrium) -> Figures:
    """Figures of a rank-order tournament, from normal scores around the equilibrium's true ones."""
    assert rules.items is not None
    sd = binomial_sd(equilibrium.scores, rules.items)
    random = np.random.default_rng(0)
    scores = equilibrium.scores + sd * random.standard_normal((SAMPLES, sd.size))
    quality = np.broadcast_to(field.quality, scores.shape)
    tier = rules.tier_of_rank
    firsts = np.array([_first_tier(row, tier)[field.best] for row in scores])
    return Figures(
        tau=float(_agreement(scores, quality, tier).mean()),
        tau_interval=None,
        best_first=float(firsts.mean()),
        burnt=float(equilibrium.costs.sum()),
    )
