"""How the developers answer a protocol, in the figures a designer decides by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.designing.deciding import is_stable_under
from headstart.designing.figures import Figures, mixed_figures, noisy_figures, pure_figures
from headstart.designing.protocols import Protocol, contest_under, protocol_name, rules_of, tuning_bill
from headstart.designing.protocols.base import Rules
from headstart.designing.scenario import Scenario
from headstart.errors import HeadstartError
from headstart.solve.mixed import solve_mixed
from headstart.solve.noise import binomial_sd, solve_noisy
from headstart.solve.noise.equilibrium import check
from headstart.solve.noise.game import NoisyGame
from headstart.solve.pure import Verdict, candidate_efforts, solve_pure

Kind = Literal["pure", "mixed", "noisy", "none"]

MOST_NOISY = 20
"""With more models a noisy equilibrium in which somebody tunes takes minutes, and is not looked for."""

NOISY_TOLERANCE = 1e-6
"""Regret that counts as none, as a share of what is contested; the noisy solver's own."""


@dataclass(frozen=True, kw_only=True)
class ProtocolOutcome:
    """The outcome of one protocol.

    Args:
        protocol: Its name.
        level: Largest tuning it gives any model, in steps.
        places: Number of different places it publishes: the models, or the tiers.
        verdict: Whether a pure equilibrium exists, for the best estimate of the curves.
        kind: Equilibrium the figures are those of; ``none`` where nothing was computed.
        nobody_tunes: Whether nobody tuning is an equilibrium, for the best estimate; None where it is not known.
        stable_share: Share of the posterior draws in which nobody tuning is an equilibrium (0 or 1 where the curves
            are known); None with noisy scores over several draws, which are not solved one by one.
        kendall_tau: Expected agreement of the published ranking with the quality order, in [-1, 1]; models that share a
            tier count as neither agreeing nor disagreeing. None where ``kind`` is ``none``.
        kendall_tau_interval: Its 95 % interval over the posterior draws; None without draws, or when not pure.
        best_first: Probability that the model of highest quality is ranked first, alone or in the first tier.
        effort_burnt: Expected cost of all developers' own tuning, in cost units.
        bill: The designer's own tuning, in cost units.
        exploitability: What the equilibrium's accuracy is, in cost units: 0 for a pure one.
        note: What a reader must know, and why figures are missing; None if nothing.
    """

    protocol: str
    level: float
    places: int
    verdict: Verdict
    kind: Kind
    nobody_tunes: bool | None
    stable_share: float | None
    kendall_tau: float | None
    kendall_tau_interval: tuple[float, float] | None
    best_first: float | None
    effort_burnt: float | None
    bill: float
    exploitability: float | None
    note: str | None


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What is known of the developers' game."""

    verdict: Verdict
    kind: Kind = "none"
    figures: Figures | None = None
    nobody_tunes: bool | None = None
    share: float | None = None
    exploitability: float | None = None
    note: str | None = None


NOT_COMPUTED = (
    "no pure equilibrium; a mixed one was not computed, because it could not be on the front or others came first"
)


def protocol_outcome(
    scenario: Scenario, protocols: tuple[Protocol, ...], *, equilibrium: bool = True, seed: int = 0
) -> ProtocolOutcome:
    """Solve the contest that a protocol leads to.

    Args:
        scenario: The developers.
        protocols: The combination, as ``protocols.parse`` gives it.
        equilibrium: Whether to compute a mixed or noisy equilibrium where no pure one exists; it takes longest.
        seed: Seed of whatever is random.

    Raises:
        InputError: If the protocol does not suit the scenario.
    """
    rules = rules_of(protocols, scenario)
    if rules.items is None:
        found = _without_noise(scenario, rules, equilibrium, seed)
    else:
        found = _with_noise(scenario, rules, equilibrium, seed)
    figures = found.figures
    return ProtocolOutcome(
        protocol=protocol_name(protocols),
        level=float(rules.levels.max()),
        places=scenario.contest.n if rules.tier_of_rank is None else int(rules.tier_of_rank[-1]) + 1,
        verdict=found.verdict,
        kind=found.kind,
        nobody_tunes=found.nobody_tunes,
        stable_share=found.share,
        kendall_tau=figures.tau if figures else None,
        kendall_tau_interval=None,
        best_first=figures.best_first if figures else None,
        effort_burnt=figures.burnt if figures else None,
        bill=tuning_bill(rules, scenario),
        exploitability=found.exploitability,
        note=found.note,
    )


def _without_noise(scenario: Scenario, rules: Rules, equilibrium: bool, seed: int) -> _Outcome:
    contest = contest_under(rules, scenario)
    verdict, share = solve_pure(contest).verdict, float(is_stable_under(scenario, rules))
    if verdict == "exists":
        figures = pure_figures(scenario, rules)
        return _Outcome(
            verdict=verdict, kind="pure", figures=figures, nobody_tunes=True, share=share, exploitability=0.0
        )
    honest = None if verdict == "undecided" else False
    if not equilibrium:
        return _Outcome(verdict=verdict, nobody_tunes=honest, share=share, note=NOT_COMPUTED)
    try:
        mixed = solve_mixed(contest, seed=seed)
    except HeadstartError as error:
        return _Outcome(verdict=verdict, nobody_tunes=honest, share=share, note=str(error))
    return _Outcome(
        verdict=verdict,
        kind="mixed",
        figures=mixed_figures(scenario, rules, contest, mixed, seed),
        nobody_tunes=honest,
        share=share,
        exploitability=mixed.exploitability,
        note=None if mixed.status == "converged" else "the mixed equilibrium did not reach its tolerance",
    )


def _with_noise(scenario: Scenario, rules: Rules, equilibrium: bool, seed: int) -> _Outcome:
    if not equilibrium:
        return _Outcome(verdict="undecided", note="the noisy equilibrium was not computed")
    assert rules.items is not None
    contest = contest_under(rules, scenario)
    spread = binomial_sd(contest.scores(), rules.items)
    try:
        if contest.n > MOST_NOISY:
            return _nobody_only(scenario, rules, NoisyGame.of(contest, spread), seed)
        found = solve_noisy(contest, noise_sd=spread, seed=seed)
    except HeadstartError as error:
        return _Outcome(verdict="undecided", note=str(error))
    honest = found.status == "nobody tunes"
    if not found.equilibria:
        verdict: Verdict = "none" if found.status == "none exists" else "undecided"
        return _Outcome(verdict=verdict, nobody_tunes=False, share=0.0, note=found.reason)
    first = found.equilibria[0]
    return _Outcome(
        verdict="exists",
        kind="noisy",
        figures=noisy_figures(scenario, rules, first, seed),
        nobody_tunes=honest,
        share=float(honest),
        exploitability=first.regret_bound,
        note=found.reason,
    )


def _nobody_only(scenario: Scenario, rules: Rules, game: NoisyGame, seed: int) -> _Outcome:
    """Whether nobody tuning is an equilibrium under noise; other equilibria are not looked for."""
    idle = check(game, candidate_efforts(game.contest), NOISY_TOLERANCE)
    if idle is None:
        note = f"nobody tuning is no equilibrium; another is not looked for with more than {MOST_NOISY} models"
        return _Outcome(verdict="undecided", nobody_tunes=False, share=0.0, note=note)
    return _Outcome(
        verdict="exists",
        kind="noisy",
        figures=noisy_figures(scenario, rules, idle, seed),
        nobody_tunes=True,
        share=1.0,
        exploitability=idle.regret_bound,
        note=f"only nobody tuning was checked: there are more than {MOST_NOISY} models",
    )
