"""The designer's question from a file, a contest or trajectories to a frozen answer: ``headstart.design``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from headstart.auditing.evidence import fitted_contest, gather
from headstart.contest.arrays import FloatArray
from headstart.contest.contest import Contest
from headstart.contest.contest_file import is_contest_file, read_contest
from headstart.contest.rewards import parse as parse_rewards
from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import read_trajectories, require_auditable
from headstart.designing.choose import Design, choose
from headstart.designing.levels import Requirements
from headstart.designing.measured import MeasuredDesign, design_measured
from headstart.designing.protocols import Protocol
from headstart.designing.protocols import parse as parse_protocol
from headstart.designing.recommend import Binding, Recommendation
from headstart.designing.scenario import Scenario, known_scenario
from headstart.designing.stakes import Stakes, StakesEdge, stakes_edge
from headstart.errors import InputError
from headstart.io.run import Run
from headstart.progress import Progress

_BINDING: dict[str, Binding] = {"incentive": "stability", "agreement": "fidelity", "budget": "budget"}


@dataclass(frozen=True, kw_only=True, eq=False)
class DesignResult:
    """What a designer is told.

    Args:
        source: Name of the file; empty for a value.
        benchmark: Name of the benchmark; None for a contest.
        stakes: What first place may be worth.
        cost_unit: Unit of costs, rewards and bills.
        rewards: By rank, at the upper end of the stakes, shape (models,).
        ranking: Models by quality, best first.
        reference: Level at which quality is read, in steps.
        design: Protocols compared and the recommendation.
        scenario: The developers, for a contest; None for measured models.
        edge: Largest stable value of first place, level by level, for a contest whose ranks are not all paid alike.
        measured: What the audit's computation found, for measured models; None for a contest.
        run: The same in every file that one run of the design writes.
    """

    source: str
    benchmark: str | None
    stakes: Stakes
    cost_unit: str
    rewards: Float[FloatArray, " models"]
    ranking: tuple[str, ...]
    reference: float
    design: Design
    scenario: Scenario | None
    edge: StakesEdge | None
    measured: MeasuredDesign | None
    run: Run = field(default_factory=Run)

    @property
    def n_draws(self) -> int:
        """Number of posterior draws; 0 where the curves are known."""
        return 0 if self.measured is None else self.measured.evidence.field.paths.n_draws

    def extrapolated(self, level: float) -> bool:
        """Whether a level lies beyond the measured ones."""
        return self.measured is not None and level > self.measured.evidence.field.reference


def design(
    given: str | os.PathLike[str] | Trajectories | Contest,
    *,
    source: str = "",
    stakes: Stakes | str | None = None,
    requirements: Requirements | None = None,
    compare: Sequence[tuple[Protocol, ...] | str] | None = None,
    reference: float = 0.0,
    designer_cost_per_step: float | None = None,
    cost_unit: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> DesignResult:
    """Choose a protocol: what each brings, what it costs, and the cheapest that meets the requirements.

    Args:
        given: Trajectories or a contest, or a file of either (a contest's name ends in .toml or .json).
        source: Name to show for a value.
        stakes: What first place may be worth (see ``Stakes.parse``); by default the audit's assumption, or the
            contest's own rewards.
        requirements: What is asked for.
        compare: Protocols to compare, as values or as ``protocols.parse`` reads them.
        reference: For a contest: level at which quality is read, in steps; 0 is the order of capabilities.
        designer_cost_per_step: What a step of one model costs the designer, in cost units; by default what it costs
            its developer, or 1 for a contest.
        cost_unit: For a contest: unit of costs, rewards and bills.
        seed: Of the posterior draws, and of mixed equilibria.
        progress: Called as the work proceeds.

    Raises:
        InputError: If the source or an option is bad, naming file, row and field.
    """
    at_stake = Stakes.parse(stakes) if isinstance(stakes, str) else stakes
    named = None if compare is None else [parse_protocol(one) if isinstance(one, str) else one for one in compare]
    asked = requirements or Requirements()
    name, read = _read(given)
    name = source or name
    if isinstance(read, Contest):
        scenario, at_stake = _scenario(read, at_stake, reference, designer_cost_per_step, cost_unit)
        found = choose(scenario, asked, compare=named, seed=seed, progress=progress)
        return _of_contest(name, scenario, at_stake, found)
    measured = design_measured(
        read,
        stakes=at_stake,
        requirements=asked,
        compare=named,
        designer_cost_per_step=designer_cost_per_step,
        seed=seed,
        progress=progress,
    )
    return _of_measured(name, read, measured)


def fitted_game(trajectories: Trajectories, *, seed: int = 0) -> Contest:
    """The contest of the fitted curves, with the rewards that an audit assumes.

    Raises:
        InputError: If fewer than two models can be fitted.
    """
    found = gather(trajectories, seed=seed)
    return fitted_contest(found.fit, found.default_rewards)


def _read(given: str | os.PathLike[str] | Trajectories | Contest) -> tuple[str, Trajectories | Contest]:
    if isinstance(given, Trajectories | Contest):
        return "", given
    path = Path(given)
    if is_contest_file(path):
        return path.name, read_contest(given)
    data = read_trajectories(given)
    require_auditable(data)
    return path.name, data


def _scenario(
    contest: Contest,
    stakes: Stakes | None,
    reference: float,
    designer_cost_per_step: float | None,
    cost_unit: str | None,
) -> tuple[Scenario, Stakes]:
    """The scenario with the rewards at the upper end of the stakes; without stakes the contest's own."""
    if stakes is None:
        high = float(contest.rewards[0] - contest.rewards[-1])
        if high == 0:
            raise InputError("stakes must be given: the contest pays every rank the same", field="stakes")
        stakes = Stakes(shape="the contest file's own", low=high, high=high)
    else:
        contest = contest.with_rewards(parse_rewards(stakes.rewards(stakes.high), contest.n))
    scenario = known_scenario(
        contest,
        reference=reference,
        designer_cost_per_step=1.0 if designer_cost_per_step is None else designer_cost_per_step,
        cost_unit=cost_unit or "cost units",
    )
    return scenario, stakes


def _of_contest(source: str, scenario: Scenario, stakes: Stakes, found: Design) -> DesignResult:
    order: list[int] = np.argsort(-scenario.quality, kind="stable").tolist()
    return DesignResult(
        source=source,
        benchmark=None,
        stakes=stakes,
        cost_unit=scenario.cost_unit,
        rewards=scenario.contest.rewards,
        ranking=tuple(scenario.contest.names[m] for m in order),
        reference=scenario.reference,
        design=found,
        scenario=scenario,
        edge=stakes_edge(scenario),
        measured=None,
    )


def _of_measured(source: str, data: Trajectories, found: MeasuredDesign) -> DesignResult:
    decision, reference = found.decision, found.evidence.field.reference
    last = found.levels[-1].level
    level = decision.level if decision.level is not None else last
    nearest = next(one for one in found.outcomes if one.level == level)
    reason = decision.sentence
    if found.decision_low is not None and found.decision_low.level != decision.level:
        reason += (
            f" If first place is worth {found.stakes.low:,.6g} {data.cost_unit} only: {found.decision_low.sentence}"
        )
    row = next((one for one in found.levels if one.level == reference), found.levels[-1])
    return DesignResult(
        source=source,
        benchmark=data.benchmark,
        stakes=found.stakes,
        cost_unit=data.cost_unit,
        rewards=parse_rewards(found.stakes.rewards(found.stakes.high), len(found.evidence.fit.models)),
        ranking=row.ranking,
        reference=reference,
        design=Design(
            answers=found.outcomes,
            on_front=found.on_front,
            cheapest=(),
            ceiling=None,
            recommendation=Recommendation(
                feasible=decision.level is not None,
                answer=nearest,
                binding=None if decision.binding is None else _BINDING[decision.binding],
                reason=reason,
            ),
            requirements=found.requirements,
        ),
        scenario=None,
        edge=None,
        measured=found,
    )
