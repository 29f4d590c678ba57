"""A comparison of two columns on the terminal: the decision first, at most 40 lines of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.auditing.comparison_values import BenchmarkComparison, Comparison
from headstart.report.comparison_wording import (
    VERDICTS,
    change_in_words,
    fallers,
    first_place,
    first_place_in_words,
    fit,
    move_in_words,
    prices_in_words,
    rank_in_words,
    risers,
    score,
    shift_in_words,
    sinkers,
    subject,
)
from headstart.report.console import stdout
from headstart.report.plain_text import table, wrapped
from headstart.report.wording import ranks

ROWS = 10
"""Rows of the table that are shown."""

NAME = 30
"""Characters of a name in a sentence."""

MOST = 2
"""Models named in each list of movers."""


def print_comparison(found: Comparison, *, quiet: bool = False) -> None:
    """The comparison as text, or only what to do; names are shown as they are."""
    console = stdout()
    for line in wrapped(found.decision.sentence) if quiet else comparison_lines(found):
        console.print(line, markup=False, soft_wrap=True)


def comparison_lines(found: Comparison) -> list[str]:
    """The lines, none longer than ``WIDTH``."""
    several = len(found.benchmarks) > 1
    lines = [*wrapped(found.decision.sentence), "", *wrapped(subject(found, NAME)), ""]
    lines += _benchmarks(found.benchmarks) if several else _models(found.benchmarks[0])
    if several:
        lines += _across(found)
    else:
        one = found.benchmarks[0]
        lines += ["", *wrapped(first_place_in_words(one)), *wrapped(prices_in_words(one))]
    lines += _movers(found, several)
    for name, reason in found.skipped[:MOST]:
        lines += wrapped(f"Left out: {fit(name, NAME)} ({reason}).")
    lines += ["", *(line for note in found.notes[:3] for line in wrapped(note))]
    return lines


def _benchmarks(found: Sequence[BenchmarkComparison]) -> list[str]:
    """One row a benchmark, the least agreement first."""
    shown = sorted(found, key=lambda one: one.tau_b if one.tau_b is not None else 2.0)[:ROWS]
    rows = [
        (
            one.benchmark,
            str(len(one.models)),
            "–" if one.tau_b is None else f"{one.tau_b:.2f}",
            f"{one.tau_a:.2f}",
            f"{one.changed:,}",
            "–" if one.pairs is None else f"{one.pairs.reversed:,}",
            str(first_place(one)),
            VERDICTS[one.verdict],
        )
        for one in shown
    ]
    header = ("benchmark", "models", "tau-b", "tau-a", "changed", "certain", "to first", "direct")
    more = [f"and {len(found) - ROWS} more that agree better"] if len(found) > ROWS else []
    legend = (
        "changed: pairs of models in the other order after tuning; certain: beyond noise; to first: models whose tuned "
        "score passes the best direct score; direct: whether the direct ranking stands"
    )
    return [*table(header, rows), *more, *wrapped(legend)]


def _models(one: BenchmarkComparison) -> list[str]:
    """One row a model, the best tuned score first."""
    published = {name: group for group in one.tuned_ties or () for name in group.names}
    rows = [
        (
            row.name,
            rank_in_words(row.direct_rank, row.direct_ranks),
            rank_in_words(row.tuned_rank, row.tuned_ranks),
            score(row.direct),
            score(row.tuned),
            change_in_words(row),
            ranks((group.rank, group.last_place)) if (group := published.get(row.name)) else "–",
        )
        for row in one.models[:ROWS]
    ]
    header = ("model", "before", "after", "direct", "tuned", "change", "publish")
    more = [f"and {len(one.models) - ROWS} more (--json, --html)"] if len(one.models) > ROWS else []
    tau = "not defined" if one.tau_b is None else f"{one.tau_b:.2f}"
    bounds = "" if one.tau_bounds is None else f"; noise leaves {one.tau_bounds[0]:.2f} to {one.tau_bounds[1]:.2f}"
    agreement = f"Agreement of the two rankings: tau-b {tau}, tau-a {one.tau_a:.2f}{bounds}."
    return [*table(header, rows), *more, *wrapped(agreement)]


def _across(found: Comparison) -> list[str]:
    across = found.across
    if across is None:
        return []
    rows: list[tuple[str, ...]] = []
    reasons: list[str] = []
    for name, shift, reason in (
        ("mean tau-b", across.tau_b, across.tau_b_reason),
        ("first component", across.first_component, across.first_component_reason),
    ):
        if shift is not None:
            rows.append((name, *shift_in_words(shift)))
        else:
            reasons += wrapped(f"No {name} between benchmarks: {reason}.")
    rows_shown = table(("between benchmarks", *found.labels, "difference"), rows) if rows else []
    return ["", *rows_shown, *reasons]


def _movers(found: Comparison, several: bool) -> list[str]:
    lines: list[str] = []
    for title, moved in (("Up", risers(found, MOST)), ("Down", sinkers(found, MOST))):
        for move in moved:
            lines += wrapped(f"{title}: {move_in_words(move, named=several, width=NAME)}", indent="  ")
    fallen = fallers(found)
    if fallen:
        first = move_in_words(fallen[0], named=several, width=NAME)
        more = f" and {len(fallen) - 1} more" if len(fallen) > 1 else ""
        lines += wrapped(f"Score falls beyond noise although all were tuned alike: {first}{more}", indent="  ")
    return ["", *lines] if lines else []
