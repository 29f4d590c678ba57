"""A design as one page for a committee: the recommendation, one table, two charts, and what forces the level up."""

from __future__ import annotations

import os

from headstart.designing.run import DesignResult
from headstart.io.atomic import write_text
from headstart.report.design_text import (
    basis_in_words,
    cheapest_in_words,
    gain_in_words,
    reasons_of,
    share_in_words,
    tau_in_words,
    verdict_of,
)
from headstart.report.page import render, sections_of, shell
from headstart.report.wording import number

BINDING_WORDS = {
    "stability": "Nothing compared is enough",
    "fidelity": "Nothing that is enough is as faithful as asked",
    "budget": "The budget is too small",
}


def write_design_page(report: DesignResult, path: str | os.PathLike[str]) -> None:
    """Write the design's page to ``path``, whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    write_text(path, design_page(report))


def design_page(report: DesignResult) -> str:
    """The design's page as HTML."""
    from headstart.report.charts import incentive_chart
    from headstart.report.charts_design import pareto_chart, stakes_chart

    measured, recommended = report.measured, report.design.recommendation
    drawn = [pareto_chart(report)]
    if report.edge is not None:
        drawn.append(stakes_chart(report, report.edge))
    if measured is not None:
        drawn.append(incentive_chart(measured.curve, measured.decision, measured.levels))
    binding = recommended.binding
    headline = f"Choose {recommended.answer.protocol}" if binding is None else BINDING_WORDS[binding]
    if measured is not None:
        headline = measured.decision.headline
    context = {
        "report": report,
        "charts": {chart.id: chart for chart in drawn},
        "headline": headline,
        "recommended": recommended,
        "reasons": reasons_of(report),
        "basis": basis_in_words(report),
        "cheapest": [cheapest_in_words(level) for level in report.design.cheapest],
        "rows": [_row(report, index) for index in range(len(report.design.answers))],
        "unit": report.cost_unit,
        "known": report.measured is None,
    }
    parts = (
        ("protocols", "Protocols compared", False),
        ("charts", "What fidelity costs, and what stakes demand", False),
        *([("sensitivity", "What forces the level up", False)] if report.measured is None else []),
        ("method", "How to read this, and when not to trust it", False),
    )
    sections = sections_of("design", parts, context)
    name = report.benchmark or report.source or "contest"
    return shell(
        title=f"{name}: headstart design",
        description=recommended.reason,
        header=render("design/header.html", context),
        sections=sections,
        run=report.run,
    )


def _row(report: DesignResult, index: int) -> dict[str, object]:
    """One protocol as the table shows it."""
    answer = report.design.answers[index]
    return {
        "answer": answer,
        "chosen": answer.protocol == report.design.recommendation.answer.protocol,
        "verdict": verdict_of(answer),
        "share": share_in_words(answer),
        "gain": gain_in_words(report, index),
        "tau": tau_in_words(answer),
        "burnt": "–" if answer.effort_burnt is None else number(answer.effort_burnt),
        "front": report.design.on_front[index],
        "extrapolated": report.extrapolated(answer.level),
    }
