"""A design on the terminal: the recommendation first, then the table behind it."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from headstart.designing.levels import CheapestLevel
from headstart.designing.outcome import NOT_COMPUTED, ProtocolOutcome
from headstart.report.console import stdout
from headstart.report.design_document import DesignReport
from headstart.report.wording import EXTRAPOLATED, amount, number, share


def verdict_of(answer: ProtocolOutcome) -> str:
    """Whether nobody tuning is an equilibrium, at the best estimate."""
    if answer.nobody_tunes is None:
        return "undecided"
    return "stable" if answer.nobody_tunes else "gaming pays"


def stakes_in_words(report: DesignReport) -> str:
    """What first place is worth, and in which shape the others follow."""
    basis, unit = report.basis, report.scenario.cost_unit
    worth = (
        amount(basis.high, unit)
        if basis.low == basis.high
        else f"between {number(basis.low)} and {amount(basis.high, unit)}"
    )
    assumed = ", a scale assumed because none was given" if basis.assumed else ""
    return f"First place is worth {worth}{assumed}; shape of the rewards: {basis.shape}."


def basis_in_words(report: DesignReport) -> list[str]:
    """What the recommendation rests on, one sentence each."""
    scenario = report.scenario
    quality = f"Quality is the score at level {number(scenario.reference)}."
    if report.worlds:
        curves = f"Curves are fits; shares and intervals are over {report.worlds} posterior draws."
    else:
        curves = "Curves are taken from the contest file as known, so nothing here has an interval."
    sentences = [stakes_in_words(report), quality, curves]
    if any(report.extrapolated(answer.level) for answer in report.design.answers):
        sentences.append(
            f"{EXTRAPOLATED} marks levels beyond the longest measurement ({number(scenario.measured or 0.0)} steps): "
            "they rest on the fitted curves."
        )
    return sentences


def cheapest_in_words(report: DesignReport, found: CheapestLevel) -> list[str]:
    """The cheapest stable level and the pair that forces it up."""
    name = "With tiers" if found.modifier else "Tune-before-test alone"
    if found.level is None:
        reach = amount(found.reach, "steps")
        best = f"{share(found.share)}, at level {_level(found.nearest)}"
        return [f"{name}: no level up to {reach} is stable enough; the largest share of stable worlds found is {best}."]
    mark = f" {EXTRAPOLATED}" if report.extrapolated(found.level) else ""
    sentences = [f"{name}: the first level that is stable enough is {_level(found.level)}{mark}."]
    if found.modifier and found.kendall_tau == 0:
        sentences.append("There all models share one tier, so it ranks nobody.")
    why = found.sensitivity
    if why is not None:
        sentences.append(
            f"What forces it up is {why.climber} against {why.overtaken}: without {why.climber} the level would be "
            f"{_level(why.level_without_climber)}, without {why.overtaken} {_level(why.level_without_overtaken)}, "
            f"and with the two tied {_level(why.level_if_tied)}."
        )
    return sentences


def _level(level: float | None) -> str:
    return "out of reach" if level is None else f"{level:,.6g}"


def tau_in_words(answer: ProtocolOutcome) -> str:
    """Expected tau with its interval."""
    if answer.kendall_tau is None:
        return "–"
    bounds = answer.kendall_tau_interval
    return f"{answer.kendall_tau:.3f}" + ("" if bounds is None else f" ({bounds[0]:.3f}–{bounds[1]:.3f})")


def share_in_words(answer: ProtocolOutcome) -> str:
    """Share of posterior draws that are stable."""
    return "–" if answer.stable_share is None else share(answer.stable_share)


def print_design(report: DesignReport) -> None:
    """The recommendation, what it rests on, and the comparison."""
    console = stdout()
    found, unit = report.design, report.scenario.cost_unit
    for text in (found.recommendation.reason, "", *basis_in_words(report), ""):
        console.print(text, markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    right = ("stable worlds", "Kendall tau", "best first", f"burnt ({unit})", f"bill ({unit})")
    for column in ("protocol", "verdict", *right, "front"):
        table.add_column(column, justify="right" if column in right else "left", no_wrap=not console.is_terminal)
    for answer, front in zip(found.answers, found.on_front, strict=True):
        mark = f" {EXTRAPOLATED}" if report.extrapolated(answer.level) else ""
        table.add_row(
            answer.protocol + mark,
            verdict_of(answer),
            share_in_words(answer),
            tau_in_words(answer),
            "–" if answer.best_first is None else share(answer.best_first),
            "–" if answer.effort_burnt is None else number(answer.effort_burnt),
            number(answer.bill),
            "front" if front else "",
        )
    console.print(table)
    console.print()
    for answer in found.answers:
        if answer.note is not None and answer.note != NOT_COMPUTED:
            console.print(f"{answer.protocol}: {answer.note}", markup=False, soft_wrap=True)
    for level in found.cheapest:
        for sentence in cheapest_in_words(report, level):
            console.print(sentence, markup=False, soft_wrap=True)


def print_rewards(document: dict[str, Any]) -> None:
    """A reward design as text."""
    console = stdout()
    found: dict[str, Any] = document["reward_design"]
    checked = found["certified"]
    how = (
        f"Nobody tuning is an equilibrium, proved in {checked['proof']} arithmetic."
        if checked["verdict"] == "exists"
        else f"The check in certain arithmetic gave {checked['verdict']} ({checked['reason'] or 'see docs/design'})."
    )
    head = (
        f"Rewards for level {number(found['level'])} ({found['status']}), in {document['cost_unit']}: {found['proof']}."
    )
    for text in (head, how, ""):
        console.print(text, markup=False, soft_wrap=True)
    for rank, (name, reward) in enumerate(zip(found["ranking"], found["rewards"], strict=True), start=1):
        console.print(f"{rank:>4}  {reward:>16,.8g}  {name}", markup=False, soft_wrap=True)
    if found["limiting"]:
        console.print("\nLimiting pairs:", markup=False)
        for pair in found["limiting"]:
            console.print(f"  {pair['model']} could overtake {pair['overtakes']}", markup=False, soft_wrap=True)
