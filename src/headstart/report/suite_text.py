"""A suite on the terminal: what to do first, at most some 45 lines of 80 columns."""

from __future__ import annotations

from headstart.report.comparison_wording import fit, rank_in_words
from headstart.report.console import stdout
from headstart.report.plain_text import table, wrapped
from headstart.report.suite_wording import (
    ASSUMPTIONS,
    agreements,
    count_in_words,
    least_and_half,
    other_ranks,
    rank_of,
    subject,
)
from headstart.report.wording import ranks
from headstart.suite.suite import places
from headstart.suite.values import Suite

ROWS = 10
"""Models that are shown."""

TASKS = 3
"""Tasks whose ranking tuning changes most that are named."""


def print_suite(found: Suite, *, quiet: bool = False) -> None:
    """The suite as text, or only what to do; names are shown as they are."""
    console = stdout()
    for line in wrapped(found.sentence) if quiet else suite_lines(found):
        console.print(line, markup=False, soft_wrap=True)


def suite_lines(found: Suite) -> list[str]:
    """The lines, none longer than ``WIDTH``."""
    lines = [*wrapped(found.sentence), "", *wrapped(subject(found)), "", *_ranking(found), ""]
    lines += table(("of tasks", *(c.label for c in found.columns), *_difference(found)), agreements(found))
    lines += wrapped("Agreement of the tasks with each other; component 1: share of the variance it holds.")
    reason = found.columns[-1].agreement.reason
    lines += wrapped(f"Missing: {reason}.") if reason else []
    lines += ["", *_moved(found)] if found.by_task else []
    lines += ["", *_rigging(found)]
    notes = [*found.notes[:3], *_rank_set_note(found)]
    return [*lines, "", *(line for note in notes for line in wrapped(note))]


def _difference(found: Suite) -> tuple[str, ...]:
    return ("difference",) if found.shifts is not None else ()


def _ranking(found: Suite) -> list[str]:
    """The best of the column to publish: rank in every column, its ranks over the rules, what rigging takes."""
    column = found.published
    counted = next((one for one in found.rigging if one.aggregation == found.aggregation), None)
    order: list[int] = places(column, found.aggregation).tolist()
    rows: list[tuple[str, ...]] = []
    for m in order[:ROWS]:
        value = float(column.rankings[found.aggregation].values[m])
        cells: list[str] = [found.models[m], f"{value:.4g}"]
        cells += [rank_in_words(*rank_of(found, one, m)) for one in found.columns]
        cells.append(ranks(other_ranks(found, column, m)))
        cells += [] if counted is None else [count_in_words(counted.counts[m])]
        rows.append(tuple(cells))
    header = ("model", column.label, *(f"rank {one.label}" for one in found.columns), "over rules")
    rigged = () if counted is None else ("rigging",)
    more = [f"and {len(order) - ROWS} more (--csv, --html, --json)"] if len(order) > ROWS else []
    legend = f"over rules: best and worst rank ({column.label}) under {', '.join(column.rankings)}"
    legend += "; rigging: tasks to train on to be first among direct scores" if rigged else ""
    return [*table((*header, *rigged), rows), *more, *wrapped(legend)]


def _moved(found: Suite) -> list[str]:
    by_task = sorted((one for one in found.by_task if one.tau_b is not None), key=lambda one: one.tau_b or 0.0)
    tasks = "; ".join(f"{fit(one.name, 30)} {one.tau_b:.2f}" for one in by_task[:TASKS])
    whole = next(one for one in found.in_all if one.name == found.aggregation)
    tau = "not defined" if whole.tau_b is None else f"tau-b {whole.tau_b:.2f}, tau-a {whole.tau_a:.2f}"
    lines = wrapped(f"Direct against tuned ranking in all ({found.aggregation}): {tau}.")
    return lines + (wrapped(f"Least alike (tau-b): {tasks}.") if tasks else [])


def _rigging(found: Suite) -> list[str]:
    if not found.rigging:
        return wrapped(f"Rigging count: {found.rigging_reason or 'not asked for'}.")
    assumptions = [name for name in ASSUMPTIONS if any(one.assumption == name for one in found.rigging)]
    rows: list[tuple[str, ...]] = []
    for rule in dict.fromkeys(one.aggregation for one in found.rigging):
        counts = [one for one in found.rigging if one.aggregation == rule]
        rows.append((rule, *(cell for one in counts for cell in least_and_half(one))))
    header = ("rule", *(cell for name in assumptions for cell in (f"{name}: least", "half", "never")))
    title = f"Rigging count: fewest of {len(found.tasks)} tasks to train on to be first among the direct scores"
    legend = "; ".join(f"{name}: {ASSUMPTIONS[name]}" for name in assumptions)
    legend += "; least, half: with so many the first, and half, of the other models get there"
    return [*wrapped(title), *table(header, rows), *wrapped(legend)]


def _rank_set_note(found: Suite) -> list[str]:
    reason = found.published.rank_sets_reason
    return [f"No ranks that noise leaves possible: {reason}."] if reason else []
