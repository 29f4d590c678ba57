"""The command of the designer's move: design."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.common import (
    Benchmark,
    Columns,
    CostPerStep,
    CostUnit,
    HtmlOut,
    JsonOut,
    Reading,
    ScoreRange,
    Seed,
    check_outputs,
    progress_bar,
    tell,
)
from headstart.cli.reading import read_curves
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.contest.contest import Contest
    from headstart.data.trajectories import Trajectories
    from headstart.designing.reward_design import RewardDesign
    from headstart.designing.stakes import Stakes

NOT_MET = 3
"""Exit status where a requirement cannot be met: the documents are written, and what binds is stated."""


def design(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="Trajectories file, or a contest file that ends in .toml or .json.")
    ],
    stakes: Annotated[
        str | None,
        typer.Option(
            metavar="SHAPE:LOW:HIGH",
            help="What ranks may be worth, in cost units: as --rewards of audit, or with a range of first place.",
        ),
    ] = None,
    target_tau: Annotated[
        float | None, typer.Option(help="Least Kendall tau between the ranking and the one at the reference level.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Most that tuning may cost, such as 200 or 200gpuh.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Largest gain from gaming that counts as none, as a share of first prize.")
    ] = 0.01,
    confidence: Annotated[float, typer.Option(help="How sure it must be that a level is enough.")] = 0.95,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="PROTOCOLS",
            help="Protocols to compare: direct, level:D, items:N and, for contest files, tiers and top:K, joined by + "
            "and separated by commas.",
        ),
    ] = None,
    reference: Annotated[float, typer.Option(help="For a contest file: level at which quality is read.")] = 0.0,
    designer_cost: Annotated[
        float | None,
        typer.Option("--designer-cost-per-step", help="What a step of one model costs you; else as --cost-per-step."),
    ] = None,
    rewards_for_level: Annotated[
        float | None, typer.Option(metavar="D", help="Design rewards instead: the steepest under which nobody tunes.")
    ] = None,
    nearest: Annotated[
        str | None,
        typer.Option(metavar="SHAPE:VALUE", help="With --rewards-for-level: the stable rewards nearest to these."),
    ] = None,
    benchmark: Benchmark = None,
    columns: Columns = None,
    read: Reading = None,
    cost_per_step: CostPerStep = None,
    cost_unit: CostUnit = None,
    score_range: ScoreRange = None,
    seed: Seed = 0,
    json: JsonOut = None,
    html: HtmlOut = None,
) -> int:
    """Choose a protocol: what gaming gains under each, what it costs, and the cheapest that meets your requirements.

    Example: `headstart design results.csv --stakes linear:500:50000 --target-tau 0.95 --html design.html`

    Example: `headstart design contest.toml --compare direct,level:1000,items:5000`

    Example: `headstart design contest.toml --rewards-for-level 1000`
    """
    from headstart.contest.contest import Contest
    from headstart.designing.levels import Requirements
    from headstart.designing.run import design as choose
    from headstart.designing.stakes import Stakes
    from headstart.io.atomic import envelope, write_json
    from headstart.report.design_document import design_document
    from headstart.report.design_text import print_design

    check_outputs(html, json=json)
    if nearest is not None and rewards_for_level is None:
        raise InputError("--nearest must be given together with --rewards-for-level")
    at_stake = None if stakes is None else Stakes.parse(stakes)
    with progress_bar() as progress:
        progress("reading", 0.0)
        given, unit = _given(source, benchmark, columns, read, score_range, cost_per_step, cost_unit)
        if rewards_for_level is not None:
            if html is not None:
                raise InputError("--html must not be given together with --rewards-for-level, which has no page")
            return _reward_design(source, given, at_stake, unit, rewards_for_level, nearest, json)
        found = choose(
            given,
            source=Path(source).name,
            stakes=at_stake,
            requirements=Requirements(
                confidence=confidence, target_tau=target_tau, budget=parse_budget(budget, unit), tolerance=tolerance
            ),
            compare=None if compare is None else compare.split(","),
            reference=reference,
            designer_cost_per_step=_designer_cost(given, designer_cost, cost_per_step),
            cost_unit=unit if isinstance(given, Contest) else None,
            seed=seed,
            progress=progress,
        )
    if json is not None:
        write_json(json, envelope("headstart.design/1", found.run) | design_document(found))
    if html is not None:
        from headstart.report.design_page import write_design_page

        write_design_page(found, html)
        tell(f"wrote {html}")
    if json != "-":
        print_design(found)
    return 0 if found.design.recommendation.feasible else NOT_MET


def _given(
    source: str,
    benchmark: str | None,
    columns: str | None,
    read: list[str] | None,
    score_range: str | None,
    cost_per_step: float | None,
    cost_unit: str | None,
) -> tuple[Contest | Trajectories, str]:
    """The contest or the trajectories of a file, and the unit of costs."""
    from headstart.contest.contest_file import is_contest_file, read_contest
    from headstart.data.trajectory_files import require_auditable

    if is_contest_file(source):
        return read_contest(source), cost_unit or "cost units"
    data = read_curves(
        source,
        benchmark=benchmark,
        columns=columns,
        reading=read,
        score_range=score_range,
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
    )
    try:
        require_auditable(data)
    except InputError as error:
        raise error.located(file=source) from None
    return data, data.cost_unit


def _designer_cost(
    given: Contest | Trajectories, designer_cost: float | None, cost_per_step: float | None
) -> float | None:
    """What a step costs the designer: as stated; for a contest ``--cost-per-step`` means that too."""
    from headstart.contest.contest import Contest

    return designer_cost if designer_cost is not None or not isinstance(given, Contest) else cost_per_step


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


def _reward_design(
    source: str,
    given: Contest | Trajectories,
    stakes: Stakes | None,
    unit: str,
    level: float,
    nearest: str | None,
    json: str | None,
) -> int:
    """Design rewards for a level, print them, and check them with certain arithmetic."""
    from headstart.contest.contest import Contest
    from headstart.contest.rewards import parse
    from headstart.designing.reward_design import bounded_value, certified, nearest_rewards, steepest_rewards
    from headstart.designing.run import fitted_game
    from headstart.io.atomic import envelope, write_json
    from headstart.report.design_document import reward_document
    from headstart.report.design_text import print_rewards

    contest = (given if isinstance(given, Contest) else fitted_game(given)).at_level(level)
    found: RewardDesign
    if nearest is not None:
        found = nearest_rewards(contest, parse(nearest, contest.n))
    else:
        bound = bounded_value(contest)  # twice of it binds nothing
        span = float(contest.rewards[0] - contest.rewards[-1])
        largest = stakes.high if stakes is not None else span if bound is None else 2 * bound
        found = steepest_rewards(contest, largest=largest or 1.0)
    document = reward_document(contest, found, Path(source).name, unit, certified(contest, found.rewards))
    if json != "-":
        print_rewards(document)
    if json is not None:
        write_json(json, envelope("headstart.design/1") | document)
    return 0
