"""A suite as one page: what to do, the ranking, agreement of the tasks, the rules, rigging, then the method."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from headstart.io.atomic import write_text
from headstart.report.comparison_wording import groups_in_words, rank_in_words, score
from headstart.report.page import MOST_MODELS, Section, render, sections_of, shell
from headstart.report.suite_wording import (
    ASSUMPTIONS,
    agreements,
    count_in_words,
    other_ranks,
    rank_of,
    rigging_in_words,
    subject,
)
from headstart.report.wording import ranks
from headstart.suite.aggregations import AGGREGATIONS
from headstart.suite.suite import places
from headstart.suite.values import Suite

HEADLINES = {
    "publish the tuned ranking": "Publish the tuned ranking",
    "keep the direct ranking": "Keep the direct ranking",
    "measure more": "The data cannot say",
    "publish": "Publish the ranking",
    "name the rule": "Say by which rule you rank",
}


def write_suite_page(found: Suite, path: str | os.PathLike[str], *, further: Sequence[Section] = ()) -> None:
    """Write the suite's page to ``path``, whole or not at all; ``further`` sections stand before the method.

    Raises:
        InputError: If the file cannot be written.
    """
    write_text(path, suite_page(found, further=further))


def suite_page(found: Suite, *, further: Sequence[Section] = ()) -> str:
    """The suite's page as HTML; ``further`` sections stand before the method."""
    from headstart.report.charts_suite import rigging_chart, rules_chart, tasks_chart

    published, rules = found.published, list(found.published.rankings)
    missing = [f"{model} on {task} ({column})" for task, model, column in found.scores.missing[:50]]
    context: dict[str, Any] = {
        "found": found,
        "headline": HEADLINES[found.action],
        "subject": subject(found),
        "labels": [column.label for column in found.columns],
        "published": published,
        "rules": rules,
        "rows": [_row(found, m) for m in places(published, found.aggregation)[:MOST_MODELS].tolist()],
        "most": MOST_MODELS if len(found.models) > MOST_MODELS else None,
        "ties": groups_in_words(published.ties),
        "tasks_chart": tasks_chart(found),
        "rules_chart": rules_chart(found),
        "rigging_chart": rigging_chart(found.rigging) if found.rigging else None,
        "agreements": agreements(found),
        "by_task": [
            (one, "–" if one.tau_b is None else f"{one.tau_b:.2f}", f"{one.tau_a:.2f}") for one in found.by_task
        ],
        "in_all": [(one, "–" if one.tau_b is None else f"{one.tau_b:.2f}", f"{one.tau_a:.2f}") for one in found.in_all],
        "rule_rows": [_rule(found, at, name) for at, name in enumerate(rules)],
        "counts": [
            (meaning, _sentences(found, name)) for name, meaning in ASSUMPTIONS.items() if _sentences(found, name)
        ],
        "count_columns": [(f"{one.aggregation} ({one.assumption})", "number") for one in found.rigging],
        "count_rows": _count_rows(found),
        "missing": missing,
    }
    parts = (
        ("ranking", "The ranking", False),
        ("agreement", "Do the tasks agree", False),
        ("rules", "Does the rule matter", False),
        ("rigging", "What rigging takes", False),
        ("method", "Method", True),
    )
    sections = sections_of("suite", parts, context)
    sections[-1:-1] = further
    return shell(
        title=f"{found.source or 'suite'}: headstart suite",
        description=found.sentence,
        header=render("suite/header.html", context),
        sections=sections,
        run=found.run,
    )


def _row(found: Suite, m: int) -> dict[str, Any]:
    """One model as the table of ranks shows it."""
    published = found.published
    span = other_ranks(found, published, m)
    return {
        "name": found.models[m],
        "value": float(published.rankings[found.aggregation].values[m]),
        "shown": score(float(published.rankings[found.aggregation].values[m])),
        "ranks": [(rank_of(found, one, m)[0], rank_in_words(*rank_of(found, one, m))) for one in found.columns],
        "rules": [int(ranking.ranks[m]) for ranking in published.rankings.values()],
        "span": ranks(span),
        "width": span[1] - span[0],
    }


def _rule(found: Suite, at: int, name: str) -> dict[str, Any]:
    """One rule: who is first, how far its ranking agrees with the chosen rule's, and when to use it."""
    column = found.published
    chosen = list(column.rankings).index(found.aggregation)
    tau = float(column.rules_tau_b[at, chosen])
    leaders = column.leaders(name, found.models)
    return {
        "name": name,
        "first": ", ".join(leaders[:3]) + (f" and {len(leaders) - 3} more" if len(leaders) > 3 else ""),
        "tau": None if tau != tau else tau,
        "shown": "–" if tau != tau else f"{tau:.2f}",
        "when": AGGREGATIONS[name].when,
    }


def _sentences(found: Suite, assumption: str) -> list[str]:
    return [rigging_in_words(one) for one in found.rigging if one.assumption == assumption]


def _count_rows(found: Suite) -> list[dict[str, Any]]:
    if not found.rigging:
        return []
    order: list[int] = places(found.columns[0], found.aggregation)[:MOST_MODELS].tolist()
    never = len(found.tasks) + 1
    return [
        {
            "name": found.models[m],
            "cells": [(one.counts[m] if one.counts[m] is not None else never, count_in_words(one.counts[m]))
                      for one in found.rigging],
        }
        for m in order
    ]  # fmt: skip
