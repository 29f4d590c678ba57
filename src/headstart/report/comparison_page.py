"""A comparison of two columns as one page: what to do, ranks before and after, ties, prices, then the method."""

from __future__ import annotations

import os
from typing import Any

from headstart.auditing.comparison_values import BenchmarkComparison, ComparedModel, Comparison
from headstart.io.atomic import write_text
from headstart.report.comparison_wording import (
    BRACKETS,
    VERDICTS,
    change_in_words,
    fallers,
    first_place_in_words,
    groups_in_words,
    move_in_words,
    prices_in_words,
    rank_in_words,
    risers,
    score,
    shift_in_words,
    sinkers,
    subject,
)
from headstart.report.page import render, sections_of, shell
from headstart.report.wording import ranks

HEADLINES = {
    "publish the tuned ranking": "Publish the tuned ranking",
    "keep the direct ranking": "Keep the direct ranking",
    "measure more": "The data cannot say",
}

MOST_ROWS = 600
"""Models in the table of ranks, over all benchmarks."""

MOST_MOVES = 10
"""Models in each list of movers."""


def write_comparison_page(found: Comparison, path: str | os.PathLike[str]) -> None:
    """Write the comparison's page to ``path``, whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    write_text(path, comparison_page(found))


def comparison_page(found: Comparison) -> str:
    """The comparison's page as HTML."""
    from headstart.report.charts_comparison import agreement_chart, model_ranks_chart

    several = len(found.benchmarks) > 1
    chart = agreement_chart(found) if several else model_ranks_chart(found.benchmarks[0], found.labels)
    most = max(MOST_ROWS // len(found.benchmarks), 10)
    context: dict[str, Any] = {
        "found": found,
        "several": several,
        "chart": chart,
        "headline": HEADLINES[found.decision.action],
        "subject": subject(found),
        "across": _across(found),
        "reasons": _reasons(found),
        "benchmarks": [_benchmark(one) for one in found.benchmarks],
        "groups": [(one.benchmark, one.benchmark) for one in found.benchmarks] if several else None,
        "rows": [(one.benchmark, _row(row, one)) for one in found.benchmarks for row in one.models[:most]],
        "most": most if any(len(one.models) > most for one in found.benchmarks) else None,
        "lists": [
            ("Up", [move_in_words(move, named=several) for move in risers(found, MOST_MOVES)]),
            ("Down", [move_in_words(move, named=several) for move in sinkers(found, MOST_MOVES)]),
            (
                "Score falls beyond noise, although all were tuned alike",
                [move_in_words(move, named=several) for move in fallers(found)[:MOST_MOVES]],
            ),
        ],
        "ties": [(one.benchmark, groups_in_words(one.tuned_ties)) for one in found.benchmarks],
        "prices": [(one.benchmark, first_place_in_words(one), prices_in_words(one)) for one in found.benchmarks],
        "missing": [f"{model} on {benchmark} ({column})" for benchmark, model, column in found.missing[:50]],
    }
    parts = (
        *((("benchmarks", "Benchmarks", False),) if several else ()),
        ("ranking", "Ranks before and after", False),
        ("moves", "Who moves", False),
        ("ties", "Ties to publish", True),
        ("prices", "What places cost", True),
        ("method", "Method", True),
    )
    sections = sections_of("comparison", parts, context)
    return shell(
        title=f"{found.source or 'two columns'}: headstart audit",
        description=found.decision.sentence,
        header=render("comparison/header.html", context),
        sections=sections,
        run=found.run,
    )


def _benchmark(one: BenchmarkComparison) -> dict[str, Any]:
    """One benchmark as the table shows it."""
    bounds, pairs = one.tau_bounds, one.pairs
    return {
        "name": one.benchmark,
        "models": len(one.models),
        "tau_b": one.tau_b,
        "tau_b_shown": "–" if one.tau_b is None else f"{one.tau_b:.2f}",
        "tau_a": one.tau_a,
        "tau_a_shown": f"{one.tau_a:.2f}" + ("" if bounds is None else f" [{bounds[0]:.2f}, {bounds[1]:.2f}]"),
        "changed": one.changed,
        "certain": None if pairs is None else pairs.reversed,
        "verdict": VERDICTS[one.verdict],
        "left_out": len(one.incomplete),
    }


def _row(row: ComparedModel, one: BenchmarkComparison) -> dict[str, Any]:
    """One model as the table shows it."""
    group = next((group for group in one.tuned_ties or () if row.name in group.names), None)
    return {
        "row": row,
        "direct": rank_in_words(row.direct_rank, row.direct_ranks),
        "tuned": rank_in_words(row.tuned_rank, row.tuned_ranks),
        "direct_score": score(row.direct),
        "tuned_score": score(row.tuned),
        "change": change_in_words(row),
        "publish": "–" if group is None else ranks((group.rank, group.last_place)),
        "first": BRACKETS[row.first_place],
    }


def _across(found: Comparison) -> list[tuple[str, ...]]:
    across = found.across
    if across is None:
        return []
    named = (("Mean tau-b", across.tau_b), ("Share of the first component", across.first_component))
    return [(name, *shift_in_words(shift)) for name, shift in named if shift is not None]


def _reasons(found: Comparison) -> list[str]:
    """Why a figure over the benchmarks is not there."""
    across = found.across
    if across is None:
        return []
    named = (("mean tau-b", across.tau_b_reason), ("first component", across.first_component_reason))
    return [f"No {name} between benchmarks: {reason}." for name, reason in named if reason is not None]
