"""A design on the terminal: the recommendation first, then the table behind it."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from headstart.auditing.decision import share_with_interval, share_words
from headstart.designing.levels import CheapestLevel
from headstart.designing.outcome import NOT_COMPUTED, ProtocolOutcome
from headstart.designing.run import DesignResult
from headstart.report.console import say, stdout
from headstart.report.wording import EXTRAPOLATED, amount, number, share


def verdict_of(answer: ProtocolOutcome) -> str:
    """Whether nobody tuning is an equilibrium, at the best estimate."""
    if answer.nobody_tunes is None:
        return "undecided"
    return "stable" if answer.nobody_tunes else "gaming pays"


def stakes_in_words(report: DesignResult) -> str:
    """What first place is worth, and in which shape the others follow."""
    stakes, unit = report.stakes, report.cost_unit
    worth = (
        amount(stakes.high, unit)
        if stakes.low == stakes.high
        else f"between {number(stakes.low)} and {amount(stakes.high, unit)}"
    )
    assumed = ", a scale assumed because none was given" if stakes.assumed else ""
    return f"First place is worth {worth}{assumed}; shape of the rewards: {stakes.shape}."


def basis_in_words(report: DesignResult) -> list[str]:
    """What the recommendation rests on, one sentence each."""
    quality = f"Quality is the score at level {number(report.reference)}."
    measured = report.measured
    if measured is None:
        return [stakes_in_words(report), quality, "Curves are taken from the contest file as known."]
    noise = measured.evidence.field.stderr
    sentences = [
        stakes_in_words(report),
        quality,
        f"Developers know scores up to their measurement noise (standard error {noise:.2g}); what gaming gains is over "
        f"{report.n_draws} posterior draws of the curves.",
    ]
    if any(report.extrapolated(answer.level) for answer in report.design.answers):
        sentences.append(f"{EXTRAPOLATED} marks levels beyond the measured ones: they rest on the forecast.")
    return sentences


def cheapest_in_words(found: CheapestLevel) -> list[str]:
    """The cheapest stable level and the pair that forces it up."""
    name = "With tiers" if found.modifier else "Tune-before-test alone"
    if found.level is None:
        reach = amount(found.reach, "steps")
        return [f"{name}: no level up to {reach} is stable."]
    sentences = [f"{name}: the first level that is stable is {_level(found.level)}."]
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
    """How sure it is that the protocol is enough."""
    return "–" if answer.stable_share is None else share(answer.stable_share)


def gain_in_words(report: DesignResult, place: int) -> str:
    """Largest gain from gaming as a share of first prize, with its interval; at both ends of the stakes."""
    measured = report.measured
    if measured is None:
        return "–"
    high = share_with_interval(measured.incentives[place])
    low = measured.incentives_low
    return high if low is None else f"{share_words(low[place].value)} to {high}"


def reasons_of(report: DesignResult) -> list[str]:
    """What the recommendation rests on, one sentence each; for measured models beside the headline of the decision."""
    measured = report.measured
    if measured is None:
        return [report.design.recommendation.reason]
    low = measured.decision_low
    reasons = list(measured.decision.reasons)
    if low is not None and low.headline != measured.decision.headline:
        reasons.append(f"If first place is worth {amount(report.stakes.low, report.cost_unit)} only: {low.headline}")
    return reasons


def print_design(report: DesignResult) -> None:
    """The recommendation, what it rests on, and the comparison."""
    console = stdout()
    found = report.design
    known = report.measured is None
    if report.measured is not None:
        say(console, report.measured.decision.headline, "bold")
    say(console, " ".join(reasons_of(report)))
    say(console, " ".join(basis_in_words(report)), "dim")
    console.print()
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    gain = [] if known else ["gaming gains", "sure"]
    right = (*gain, "tau", "best first", "burnt", "bill")
    for column in ("protocol", *(["verdict"] if known else []), *right, "front"):
        table.add_column(column, justify="right" if column in right else "left", no_wrap=not console.is_terminal)
    for place, (answer, front) in enumerate(zip(found.answers, found.on_front, strict=True)):
        mark = f" {EXTRAPOLATED}" if report.extrapolated(answer.level) else ""
        table.add_row(
            answer.protocol + mark,
            *([verdict_of(answer)] if known else [gain_in_words(report, place), share_in_words(answer)]),
            tau_in_words(answer) if known else "–" if answer.kendall_tau is None else f"{answer.kendall_tau:.2f}",
            "–" if answer.best_first is None else share(answer.best_first),
            "–" if answer.effort_burnt is None else number(answer.effort_burnt),
            number(answer.bill),
            "front" if front else "",
        )
    console.print(table)
    console.print()
    for answer in found.answers:
        if answer.note is not None and answer.note != NOT_COMPUTED:
            say(console, f"{answer.protocol}: {answer.note}")
    for level in found.cheapest:
        for sentence in cheapest_in_words(level):
            say(console, sentence)


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
