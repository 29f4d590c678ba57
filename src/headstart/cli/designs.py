"""The command of the designer's move: design."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.common import (
    Benchmark,
    CostPerStep,
    CostUnit,
    HtmlOut,
    JsonOut,
    OnForgettingOption,
    ScoreRange,
    Seed,
    check_outputs,
    parse_choice,
    parse_range,
    progress_bar,
    tell,
)
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.contest.contest import Contest
    from headstart.designing.reward_design import RewardDesign
    from headstart.designing.scenario import Scenario
    from headstart.report.design_document import Basis

NOT_MET = 3
"""Exit status where a requirements cannot be met: the documents are written, and the binding constraint is stated."""


def design(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="Trajectories file, or a contest file that ends in .toml or .json.")
    ],
    stakes: Annotated[
        str | None,
        typer.Option(metavar="LOW:HIGH", help="Range of what first place may be worth, in cost units."),
    ] = None,
    rewards: Annotated[
        str | None,
        typer.Option(metavar="SHAPE", help="What ranks are worth: winner, linear, top:K or geometric:RATIO."),
    ] = None,
    target_tau: Annotated[
        float | None, typer.Option(help="Least expected Kendall tau between the ranking and quality.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Most that tuning may cost, such as 200 or 200gpuh.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Least share of the posterior draws in which nobody tunes.")] = 0.95,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="PROTOCOLS",
            help="Protocols to compare: direct, level:D, tiers, top:K, items:N, joined by + and separated by commas.",
        ),
    ] = None,
    reference: Annotated[
        float | None,
        typer.Option(help="Level at which quality is read; by default the longest measurement, 0 for a contest file."),
    ] = None,
    rewards_for_level: Annotated[
        float | None, typer.Option(metavar="D", help="Design rewards instead: the steepest under which nobody tunes.")
    ] = None,
    nearest: Annotated[
        str | None,
        typer.Option(metavar="SHAPE:VALUE", help="With --rewards-for-level: the stable rewards nearest to these."),
    ] = None,
    benchmark: Benchmark = None,
    cost_per_step: CostPerStep = None,
    cost_unit: CostUnit = None,
    score_range: ScoreRange = None,
    on_forgetting: OnForgettingOption = "keep",
    seed: Seed = 0,
    json: JsonOut = None,
    html: HtmlOut = None,
) -> int:
    """Choose a protocol: what the developers answer to each, its cost, and the cheapest that meets your requirements.

    Example: `headstart design results.csv --stakes 500:50000 --target-tau 0.95 --html design.html`

    Example: `headstart design contest.toml --compare direct,level:1000,items:5000`

    Example: `headstart design contest.toml --rewards-for-level 1000`
    """
    from headstart.designing.choose import design as choose
    from headstart.designing.levels import Requirements
    from headstart.designing.protocols import parse
    from headstart.designing.stakes import stakes_edge
    from headstart.io.atomic import envelope, write_json
    from headstart.report.design_document import DesignReport, design_document
    from headstart.report.design_text import print_design

    check_outputs(html, json=json)
    if nearest is not None and rewards_for_level is None:
        raise InputError("--nearest must be given together with --rewards-for-level")
    chosen = None if compare is None else [parse(part) for part in compare.split(",")]
    without_budget = Requirements(confidence=confidence, target_tau=target_tau)
    options = (parse_stakes(stakes), rewards, cost_per_step, cost_unit, reference)
    with progress_bar() as progress:
        progress("reading", 0.0)
        if Path(source).suffix.lower() in (".toml", ".json"):
            scenario, basis = _known(source, *options)
        else:
            scenario, basis = _measured(source, *options, benchmark, score_range, on_forgetting, seed)
        if rewards_for_level is not None:
            if html is not None:
                raise InputError("--html must not be given together with --rewards-for-level, which has no page")
            return _reward_design(scenario, basis, rewards_for_level, nearest, stakes is not None, json)
        requirements = replace(without_budget, budget=parse_budget(budget, scenario.cost_unit))
        found = choose(scenario, requirements, compare=chosen, seed=seed, progress=progress)
        report = DesignReport(basis=basis, scenario=scenario, design=found, edge=stakes_edge(scenario))
    if json != "-":
        print_design(report)
    if json is not None:
        write_json(json, envelope("headstart.design/1") | design_document(report))
    if html is not None:
        from headstart.report.design_page import write_design_page

        write_design_page(report, html)
        tell(f"wrote {html}")
    return 0 if found.recommendation.feasible else NOT_MET


def parse_stakes(text: str | None) -> tuple[float, float] | None:
    """Stakes written LOW:HIGH."""
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        bounds = float(low), float(high)
    except ValueError:
        raise InputError(f"--stakes must be LOW:HIGH, got {text!r}") from None
    if not (0 <= bounds[0] <= bounds[1] < math.inf and bounds[1] > 0):
        raise InputError(f"--stakes must be an interval with 0 <= LOW <= HIGH and HIGH above 0, got {text!r}")
    return bounds


def parse_budget(text: str | None, cost_unit: str) -> float | None:
    """An amount in the unit of costs; the unit may be written behind it."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*(.*?)\s*", text)
    if match is None:
        raise InputError(f"--budget must be a number >= 0, with or without a unit, got {text!r}")
    unit = match.group(2)
    if unit and _unit(unit) != _unit(cost_unit):
        raise InputError(
            f"--budget must be in {cost_unit}, the unit of costs, got {text!r}; --cost-unit names the unit"
        )
    amount = float(match.group(1))
    if not math.isfinite(amount):
        raise InputError(f"--budget must be a finite number, got {text!r}")
    return amount


def _unit(text: str) -> str:
    """A unit's name as it is compared: ``GPU-hours``, ``gpuh`` and ``gpu hour`` are one."""
    letters = re.sub(r"[^a-z0-9$€£]", "", text.lower())
    return re.sub(r"(gpu)?(hours?|hrs?|h)$", r"\1h", letters).removesuffix("s")


def _measured(
    source: str,
    stakes: tuple[float, float] | None,
    rewards: str | None,
    cost_per_step: float | None,
    cost_unit: str | None,
    reference: float | None,
    benchmark: str | None,
    score_range: str | None,
    on_forgetting: str,
    seed: int,
) -> tuple[Scenario, Basis]:
    from headstart.auditing.audit import default_rewards, fitted_contest
    from headstart.data.trajectory_files import read_trajectories, require_auditable
    from headstart.designing.scenario import measured_scenario
    from headstart.fitting.fit import fit
    from headstart.report.design_document import Basis

    data = read_trajectories(
        source,
        benchmark=benchmark,
        score_range=parse_range(score_range),
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
    )
    require_auditable(data)
    fitted = fit(data, on_forgetting=parse_choice(on_forgetting), seed=seed)
    if len(fitted.models) < 2:
        raise InputError(f"a design needs two models with a fitted curve, got {len(fitted.models)}", file=source)
    shape = rewards or "linear"
    assumed = stakes is None
    if stakes is None:
        value = float(default_rewards(fitted, float(fitted.max_step.max())).rpartition(":")[2])
        stakes = (0.0, value)
    scenario = measured_scenario(fitted, fitted_contest(fitted, f"{shape}:{stakes[1]!r}"), reference=reference)
    basis = Basis(
        source=Path(source).name, benchmark=data.benchmark, shape=shape, low=stakes[0], high=stakes[1], assumed=assumed
    )
    return scenario, basis


def _known(
    source: str,
    stakes: tuple[float, float] | None,
    rewards: str | None,
    cost_per_step: float | None,
    cost_unit: str | None,
    reference: float | None,
) -> tuple[Scenario, Basis]:
    from headstart.contest.contest_file import read_contest
    from headstart.contest.rewards import parse
    from headstart.designing.scenario import known_scenario
    from headstart.report.design_document import Basis

    contest = read_contest(source)
    high = float(contest.rewards[0] - contest.rewards[-1]) if stakes is None else stakes[1]
    if rewards is not None:
        contest = contest.with_rewards(parse(f"{rewards}:{high!r}", contest.n))
    elif stakes is not None:
        contest = _scaled(contest, high)
    scenario = known_scenario(
        contest,
        reference=reference or 0.0,
        designer_cost_per_step=1.0 if cost_per_step is None else cost_per_step,
        cost_unit=cost_unit or "cost units",
    )
    basis = Basis(
        source=Path(source).name,
        benchmark=None,
        shape=rewards or "the contest file's own",
        low=high if stakes is None else stakes[0],
        high=high,
        assumed=False,
    )
    return scenario, basis


def _scaled(contest: Contest, value: float) -> Contest:
    """The contest's own rewards, less the last, with a first place worth ``value``."""
    span = float(contest.rewards[0] - contest.rewards[-1])
    if span == 0:
        raise InputError("--stakes must come with --rewards: the contest file pays every rank the same")
    return contest.with_rewards((contest.rewards - contest.rewards[-1]) * (value / span))


def _reward_design(
    scenario: Scenario, basis: Basis, level: float, nearest: str | None, bounded: bool, json: str | None
) -> int:
    """Design rewards for a level, print them, and check them with certain arithmetic."""
    from headstart.contest.rewards import parse
    from headstart.designing.reward_design import bounded_value, certified, nearest_rewards, steepest_rewards
    from headstart.io.atomic import envelope, write_json
    from headstart.report.design_document import reward_document
    from headstart.report.design_text import print_rewards

    contest = scenario.contest.at_level(level)
    found: RewardDesign
    if nearest is not None:
        found = nearest_rewards(contest, parse(nearest, contest.n))
    else:
        bound = bounded_value(contest)  # twice of it binds nothing
        largest = basis.high if bounded or bound is None else 2 * bound
        found = steepest_rewards(contest, largest=largest or 1.0)
    document = reward_document(contest, found, basis, scenario.cost_unit, certified(contest, found.rewards))
    if json != "-":
        print_rewards(document)
    if json is not None:
        write_json(json, envelope("headstart.design/1") | document)
    return 0
