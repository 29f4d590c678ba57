"""What a comparison of two columns found, as plain frozen data: terminal, JSON and page all show these values.

A number that does not exist is None. Ranks are 1 for the best, and equal scores share one. Nothing here is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from headstart.auditing.level_values import Estimate, TiedModels
from headstart.io.run import Run

Passing = Literal["within", "more", "not known"]
"""What it takes to pass another model's direct score by tuning alone.

``within``: at most the tuning given, since the tuned score exceeds it. ``more``: more than the tuning given, if scores
never fall on the way. ``not known``: the model's score did not rise, so nothing follows for other amounts of tuning.
"""

Verdict = Literal["misleads", "agrees", "cannot say"]
"""Of one benchmark: some pairs change order beyond noise; no pair does, and few are open; neither is shown."""


@dataclass(frozen=True, kw_only=True)
class ComparedModel:
    """One model on one benchmark.

    Args:
        name: Model name.
        direct: Score before tuning.
        direct_stderr: None where unknown.
        tuned: Score after tuning.
        tuned_stderr: None where unknown.
        direct_rank: Rank of the direct score.
        direct_ranks: Best and worst rank that noise leaves possible; None without standard errors.
        tuned_rank: Rank of the tuned score.
        tuned_ranks: As above.
        change: Tuned minus direct score.
        change_stderr: Its standard error, from independent errors before and after; None where unknown.
        falls: Whether the score falls beyond noise, over all models and benchmarks of the table at once.
        moves: Whether the rank sets before and after have no rank in common.
        best_place: Best place its tuned score takes among the others' direct scores: what tuning alone buys.
        first_place: What passing the best direct score of the others takes.
        first_place_certain: Whether noise leaves that open; False where it does or is unknown.
    """

    name: str
    direct: float
    direct_stderr: float | None
    tuned: float
    tuned_stderr: float | None
    direct_rank: int
    direct_ranks: tuple[int, int] | None
    tuned_rank: int
    tuned_ranks: tuple[int, int] | None
    change: float
    change_stderr: float | None
    falls: bool
    moves: bool
    best_place: int
    first_place: Passing
    first_place_certain: bool

    @property
    def places_won(self) -> int:
        """How many places higher it ranks after tuning; negative where lower."""
        return self.direct_rank - self.tuned_rank


@dataclass(frozen=True, kw_only=True)
class BoughtPlace:
    """What one model needs to pass its upper neighbour in the direct ranking by tuning alone."""

    model: str
    overtakes: str
    bracket: Passing


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of models by what the rank sets say of their order before and after.

    Args:
        all: Number of pairs.
        reversed: In the other order after tuning, both orders beyond noise.
        same: In the same order, both beyond noise.
        changed: In the other order as measured, whatever the noise.
    """

    all: int
    reversed: int
    same: int
    changed: int

    @property
    def open(self) -> int:
        """Pairs that noise leaves open before or after."""
        return self.all - self.reversed - self.same

    @property
    def tau_bounds(self) -> tuple[float, float]:
        """What noise leaves of Kendall's tau between the exact scores."""
        decided = self.same - self.reversed
        return (decided - self.open) / self.all, (decided + self.open) / self.all


@dataclass(frozen=True, kw_only=True)
class BenchmarkComparison:
    """One benchmark.

    Args:
        benchmark: Name.
        models: Those with both scores, best tuned score first.
        incomplete: The others, each with the columns that lack its score.
        tau_b: Kendall's tau-b between the direct and the tuned scores; None where it does not exist.
        tau_a: Kendall's tau-a between them.
        tau_bounds: What noise leaves of tau between the exact scores, which have no ties; None without standard errors.
        pairs: None without standard errors.
        changed: Pairs in the other order as measured.
        direct_ties: Groups that noise does not order; None without standard errors.
        tuned_ties: As above: the ties to publish.
        prices: Neighbours of the direct ranking, from the top.
        verdict: What the table says of the direct ranking.
        items_factor: How many times the items would confirm the clearest change of order; None unless one is open.
        without_stderr: Models whose standard error is unknown before or after.
    """

    benchmark: str
    models: tuple[ComparedModel, ...]
    incomplete: tuple[tuple[str, tuple[str, ...]], ...]
    tau_b: float | None
    tau_a: float
    tau_bounds: tuple[float, float] | None
    pairs: Pairs | None
    changed: int
    direct_ties: tuple[TiedModels, ...] | None
    tuned_ties: tuple[TiedModels, ...] | None
    prices: tuple[BoughtPlace, ...]
    verdict: Verdict
    items_factor: float | None
    without_stderr: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One figure before and after tuning, and the difference; intervals are 95 % over the models."""

    direct: Estimate
    tuned: Estimate
    difference: Estimate


@dataclass(frozen=True, kw_only=True)
class AcrossBenchmarks:
    """What the benchmarks together say.

    Args:
        tau_b: Mean tau-b over pairs of benchmarks; None beside a reason.
        tau_b_reason: Why there is none.
        first_component: Share of the first principal component of standardised scores; None beside a reason.
        first_component_reason: Why there is none.
        first_component_models: Models it rests on: those with every score.
    """

    tau_b: Shift | None
    tau_b_reason: str | None
    first_component: Shift | None
    first_component_reason: str | None
    first_component_models: int


@dataclass(frozen=True, kw_only=True)
class ComparisonDecision:
    """What to do.

    Args:
        action: In short.
        sentence: In words.
        items_factor: Where the data cannot say: how many times the items are needed; None otherwise or if unknown.
    """

    action: Literal["publish the tuned ranking", "keep the direct ranking", "measure more"]
    sentence: str
    items_factor: float | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything found in a table of two columns.

    Args:
        source: Where it came from.
        labels: What the two columns are.
        decision: What to do.
        benchmarks: In the table's order, those with at least two models that have both scores.
        skipped: The others, each with the reason.
        across: None for one benchmark.
        missing: Benchmark, model and column of every score that is not there.
        notes: What else a reader must know.
        run: The same in every file that one run of the comparison writes.
    """

    source: str
    labels: tuple[str, str]
    decision: ComparisonDecision
    benchmarks: tuple[BenchmarkComparison, ...]
    skipped: tuple[tuple[str, str], ...]
    across: AcrossBenchmarks | None
    missing: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    run: Run = field(default_factory=Run)
