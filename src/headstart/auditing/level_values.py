"""What an audit found at one tune-before-test level, as plain frozen data; ``values`` has the whole.

An interval covers 95 %. Where a figure is estimated over posterior draws, its value is their median.
"""

from __future__ import annotations

from dataclasses import dataclass

from headstart.solve.pure import Verdict


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A 95 % interval; a bound is None where it is unbounded (``high``) or was not found."""

    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The median over posterior draws with the central 95 % of them; ``low <= value <= high``."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class RankBound:
    """Which ranks a contestant that cannot be tuned could hold at one level, among the fitted models and itself.

    Args:
        level: In steps; 0 is direct evaluation, where its rank is known.
        extrapolated: Whether the level lies beyond the steps measured for most fitted models.
        best_rank: 1 at every level above 0, since nothing bounds what tuning would bring it.
        worst_rank: Rank of its direct score among the scores at the level: its own if tuning would make it no worse.
        worst_rank_interval: Of ``worst_rank`` over the posterior draws, as (best, worst).
        tied: Fitted models whose score at the level noise cannot tell from its direct score.
    """

    level: float
    extrapolated: bool
    best_rank: int
    worst_rank: int
    worst_rank_interval: tuple[int, int]
    tied: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One model at one level.

    Args:
        name: Model name.
        score: Measured score; where the model was not measured at the level, the median of the posterior draws.
        stderr: Standard error of the measured score, or standard deviation of the draws; None where unknown.
        measured: Whether the score was measured.
        rank: 1 for the best; equal scores share a rank.
        best_rank: Best rank that noise leaves possible; simultaneous over all models (95 %).
        worst_rank: Worst such rank.
    """

    name: str
    score: float
    stderr: float | None
    measured: bool
    rank: int
    best_rank: int
    worst_rank: int


@dataclass(frozen=True, kw_only=True)
class TiedModels:
    """Models that the data do not order, to be published under one rank.

    Args:
        names: Best score first.
        rank: The rank they share.
        last_place: The last place they fill.
    """

    names: tuple[str, ...]
    rank: int
    last_place: int


@dataclass(frozen=True, kw_only=True)
class Price:
    """What it takes the lower of two neighbours to pass the upper one.

    Args:
        model: The lower model.
        overtakes: Its upper neighbour at that level.
        effort: Further whole steps it needs (median over the posterior draws); None when beyond the horizon.
        low: Lower end of the effort's interval; None as above.
        high: Upper end; None when beyond the horizon.
        cost: The price, in cost units; None when beyond the horizon.
        reachable: Whether the effort lies within the horizon.
        reason: Why a number is missing; None when none is.
        tied: Whether the noise cannot tell the two scores at this level apart.
        extrapolated: Whether the effort leads beyond the steps measured for the lower model.
        measured_bound: Further steps the measurements cover, and which are not enough; None if not extrapolated.
    """

    model: str
    overtakes: str
    effort: float | None
    low: float | None
    high: float | None
    cost: float | None
    reachable: bool
    reason: str | None
    tied: bool
    extrapolated: bool
    measured_bound: float | None


@dataclass(frozen=True, kw_only=True)
class DeveloperGain:
    """What gaming gains one developer at one level; enclosed as in ``Incentive``.

    Args:
        model: Its model.
        share: Expected gain as a share of first reward minus last.
        effort: Further steps that gain it (median over the draws in which it gains); None where it gains in none.
    """

    model: str
    share: Estimate
    effort: float | None


@dataclass(frozen=True, kw_only=True)
class Incentive:
    """What gaming gains at one level, when nobody else games and developers know scores up to measurement noise.

    Args:
        share: Largest expected gain of any developer, as a share of first reward minus last. The gain is enclosed
            between efforts: the value is the upper end, the interval runs from the lower ends to the upper ones.
        gain: The same in cost units.
        model: The developer that gains most, in most posterior draws; None where nobody gains.
        effort: Its best effort in further steps (median over those draws); None where nobody gains.
        burnt: Total cost if every developer made its own best deviation, in cost units (no equilibrium; a scale).
        suffices: Share of the posterior draws in which, at this and every later measured level, nobody gains more than
            the tolerance.
        developers: The same for each developer, in any order.
    """

    share: Estimate
    gain: Estimate
    model: str | None
    effort: float | None
    burnt: Estimate
    suffices: float
    developers: tuple[DeveloperGain, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Level:
    """The contest at one tune-before-test level.

    Args:
        level: Steps given to every model before testing; 0 is direct evaluation.
        measured: Whether at least half of the models were measured there.
        extrapolated: Whether it lies beyond the steps measured for most models.
        estimated: Models ranked there by an estimated score, because they were not measured at that step.
        absent: Models not ranked there: the level lies beyond their horizon.
        standings: Models ranked, best first.
        ranking: Their names.
        ties: Models to publish under one rank, from the top; groups of one included.
        incentive: What gaming gains.
        certain: Share of the pairs whose order is the same in every equilibrium and beyond sampling error, all pairs at
            once (95 %; median over the posterior draws). Equilibria are those among developers who know all curves and
            the size of the measurement noise, mixed and correlated ones included. None with fewer than two models.
        unique: Share of the posterior draws in which iterated dominance leaves nothing but honesty: "nobody tunes" is
            then the only equilibrium. In the other draws the question is open. None where it was not computed: among
            more models than ``auditing.equilibria`` states.
        prices: Of the neighbouring pairs, from the top.
        cheapest_price: Least price of a neighbouring pair, in cost units; None when no place can be bought.
        median_price: Median with unreachable pairs counted as infinite; None when that is infinite.
        quartiles: Lower and upper quartile, on the same terms.
        unreachable: Number of neighbouring pairs beyond the horizon.
        tied: Number of neighbouring pairs that noise cannot tell apart.
        verdict: Whether nobody tuning is an equilibrium among developers who know the exact scores: ``exists`` or
            ``none`` where at least 97.5 % of the posterior draws say so, else ``undecided``.
        witness: A sentence naming the deviation that pays most often; None when there is none.
        measured_verdict: The same if developers never go beyond the measured steps.
        critical_stakes: By reward shape, the largest value of first place under which ``verdict`` would be ``exists``
            (median over the posterior draws), in cost units; None when it is unbounded.
        critical_stakes_interval: By reward shape.
        kendall_tau_to_reference: Between the ranking at this level and the one at the reference level (tau-a; median
            over the posterior draws).
        kendall_tau_interval: Its interval.
    """

    level: float
    measured: bool
    extrapolated: bool
    estimated: tuple[str, ...]
    absent: tuple[str, ...]
    standings: tuple[Standing, ...]
    ties: tuple[TiedModels, ...]
    incentive: Incentive
    certain: float | None
    unique: float | None = None
    prices: tuple[Price, ...]
    cheapest_price: float | None
    median_price: float | None
    quartiles: Interval
    unreachable: int
    tied: int
    verdict: Verdict
    witness: str | None
    measured_verdict: Verdict
    critical_stakes: dict[str, float | None]
    critical_stakes_interval: dict[str, Interval]
    kendall_tau_to_reference: float | None
    kendall_tau_interval: Interval

    @property
    def ranking(self) -> tuple[str, ...]:
        """Names, best first."""
        return tuple(one.name for one in self.standings)
