"""A design as one page for a committee: the recommendation, one table, two charts, and what forces the level up."""

from __future__ import annotations

import os

from headstart.io.atomic import write_text
from headstart.report.design_document import DesignReport
from headstart.report.design_text import (
    basis_in_words,
    cheapest_in_words,
    share_in_words,
    tau_in_words,
    verdict_of,
)
from headstart.report.page import Section, render, shell
from headstart.report.wording import number

BINDING_WORDS = {
    "stability": "No protocol compared is stable enough",
    "fidelity": "No stable protocol is as faithful as asked",
    "budget": "The budget is too small",
}


def write_design_page(report: DesignReport, path: str | os.PathLike[str]) -> None:
    """Write the design's page to ``path``, whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    write_text(path, design_page(report))


def design_page(report: DesignReport) -> str:
    """The design's page as HTML."""
    from headstart.report.charts_design import pareto_chart, stakes_chart

    charts = {"pareto": pareto_chart(report)}
    if report.edge is not None:
        charts["stakes"] = stakes_chart(report, report.edge)
    recommended = report.design.recommendation
    binding = recommended.binding
    headline = f"Choose {recommended.answer.protocol}" if binding is None else BINDING_WORDS[binding]
    context = {
        "report": report,
        "charts": charts,
        "headline": headline,
        "recommended": recommended,
        "basis": basis_in_words(report),
        "cheapest": [cheapest_in_words(report, level) for level in report.design.cheapest],
        "rows": [_row(report, index) for index in range(len(report.design.answers))],
        "unit": report.scenario.cost_unit,
        "confidence": f"{report.design.requirements.confidence:.0%}",
    }
    parts = (
        ("protocols", "Protocols compared"),
        ("charts", "What fidelity costs, and what stakes demand"),
        ("sensitivity", "What forces the level up"),
        ("method", "How to read this, and when not to trust it"),
    )
    sections = [Section(id=key, title=title, html=render(f"design/{key}.html", context)) for key, title in parts]
    name = report.basis.benchmark or report.basis.source
    return shell(
        title=f"{name}: headstart design",
        description=recommended.reason,
        header=render("design/header.html", context),
        sections=sections,
        charts=list(charts.values()),
    )


def _row(report: DesignReport, index: int) -> dict[str, object]:
    """One protocol as the table shows it."""
    answer = report.design.answers[index]
    return {
        "answer": answer,
        "chosen": answer.protocol == report.design.recommendation.answer.protocol,
        "verdict": verdict_of(answer),
        "share": share_in_words(answer),
        "tau": tau_in_words(answer),
        "burnt": "–" if answer.effort_burnt is None else number(answer.effort_burnt),
        "front": report.design.on_front[index],
        "extrapolated": report.extrapolated(answer.level),
    }
