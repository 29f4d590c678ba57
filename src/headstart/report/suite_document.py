"""A suite as JSON data (schema ``headstart.suite/1``) and as a table with a row for each model."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from headstart.contest.arrays import FloatArray
from headstart.io.atomic import envelope
from headstart.io.table import Columns
from headstart.suite.aggregations import AGGREGATIONS
from headstart.suite.rigging import RiggingCount
from headstart.suite.suite import places
from headstart.suite.values import Moved, Suite, SuiteColumn

SCHEMA = "headstart.suite/1"


def suite_document(found: Suite) -> dict[str, Any]:
    """Everything found, as JSON data; a number that does not exist is null beside a reason."""
    scores = found.scores
    return envelope(SCHEMA, found.run) | {
        "source": found.source,
        "aggregation": found.aggregation,
        "decision": {"action": found.action, "sentence": found.sentence},
        "models": list(found.models),
        "tasks": list(found.tasks),
        "missing": {
            "rule": scores.rule,
            "models_left_out": list(scores.models_left_out),
            "tasks_left_out": list(scores.tasks_left_out),
            "scores": [{"task": task, "model": model, "column": column} for task, model, column in scores.missing],
        },
        "rules": [{"name": name, "when": AGGREGATIONS[name].when} for name in found.columns[0].rankings],
        "columns": [_column(found, column) for column in found.columns],
        **_or_reason(
            "direct_against_tuned",
            None
            if found.shifts is None
            else {
                "tasks": [_moved(one) for one in found.by_task],
                "rules": [_moved(one) for one in found.in_all],
                **_or_reason("pairs", _plain(found.pairs), found.columns[0].rank_sets_reason),
                "agreement_of_tasks": {
                    **_or_reason("kendall_tau_b", _plain(found.shifts.tau_b), "it does not exist in a column"),
                    **_or_reason("kendall_tau_a", _plain(found.shifts.tau_a), "it does not exist in a column"),
                    **_or_reason(
                        "first_component", _plain(found.shifts.first_component), "it does not exist in a column"
                    ),
                },
            },
            "the files have no tuned scores",
        ),
        **_or_reason(
            "rigging", [_rigging(one) for one in found.rigging] or None, found.rigging_reason or "not asked for"
        ),
        "notes": list(found.notes),
    }


def suite_table(found: Suite) -> Columns:
    """A row for each model, the first rank on top: value and rank in every column, ranks under every rule, counts.

    An empty count says that no set of tasks brings the model to the first rank.
    """
    order: list[int] = places(found.published, found.aggregation).tolist()
    columns: dict[str, list[str | float | int | None]] = {"model": [found.models[m] for m in order]}
    for column in found.columns:
        ranking = column.rankings[found.aggregation]
        columns[f"{column.label}_{found.aggregation}"] = [float(ranking.values[m]) for m in order]
        columns[f"{column.label}_rank"] = [int(ranking.ranks[m]) for m in order]
        if column.rank_sets is not None:
            for at, name in enumerate(("best", "worst")):
                columns[f"{column.label}_{name}_rank"] = [int(column.rank_sets[m, at]) for m in order]
        for name, other in column.rankings.items():
            columns[f"{column.label}_rank_{name}"] = [int(other.ranks[m]) for m in order]
    for one in found.rigging:
        columns[f"rigging_{one.aggregation}_{one.assumption}"] = [one.counts[m] for m in order]
    return columns


def _column(found: Suite, column: SuiteColumn) -> dict[str, Any]:
    agreement = column.agreement
    ranking = column.rankings[found.aggregation]
    sets = column.rank_sets
    reason = column.rank_sets_reason or ""
    return {
        "label": column.label,
        "ranking": [
            {
                "model": found.models[m],
                "value": float(ranking.values[m]),
                "rank": int(ranking.ranks[m]),
                **_or_reason("ranks", None if sets is None else [int(sets[m, 0]), int(sets[m, 1])], reason),
                "rules": {
                    name: {"value": float(other.values[m]), "rank": int(other.ranks[m])}
                    for name, other in column.rankings.items()
                },
                "task_ranks": dict(zip(found.tasks, map(int, column.task_ranks[m]), strict=True)),
            }
            for m in places(column, found.aggregation).tolist()
        ],
        **_or_reason("ties", None if column.ties is None else [asdict(group) for group in column.ties], reason),
        "agreement_of_rules": {"rules": list(column.rankings), "kendall_tau_b": _matrix(column.rules_tau_b)},
        "agreement_of_tasks": {
            **_or_reason("mean_kendall_tau_b", _plain(agreement.mean_tau_b), agreement.reason),
            **_or_reason("mean_kendall_tau_a", _plain(agreement.mean_tau_a), agreement.reason),
            **_or_reason("first_component", _plain(agreement.first_component), agreement.reason),
            "kendall_tau_b": _matrix(agreement.tau_b),
            "kendall_tau_a": _matrix(agreement.tau_a),
        },
    }


def _rigging(one: RiggingCount) -> dict[str, Any]:
    return {
        "aggregation": one.aggregation,
        "assumption": one.assumption,
        **_or_reason("median", one.median, "half of the models or more never reach the first rank"),
        "never": one.never,
        "models": [
            {
                "model": name,
                **_or_reason("count", count, "no set of tasks brings it to the first rank"),
                "tasks": None if tasks is None else list(tasks),
            }
            for name, count, tasks in zip(one.models, one.counts, one.sets, strict=True)
        ],
    }


def _moved(one: Moved) -> dict[str, Any]:
    return {
        "name": one.name,
        **_or_reason("kendall_tau_b", one.tau_b, "all scores of a column are equal"),
        "kendall_tau_a": one.tau_a,
    }


def _matrix(values: FloatArray) -> list[list[float | None]]:
    """Rows of numbers, null where a column has all scores equal."""
    rows: list[list[float]] = values.tolist()
    return [[None if math.isnan(cell) else cell for cell in row] for row in rows]


def _plain(value: Any) -> dict[str, Any] | None:
    return None if value is None else asdict(value)


def _or_reason(name: str, value: Any, reason: str | None) -> dict[str, Any]:
    return {name: value, f"{name}_reason": (reason or "it does not exist") if value is None else None}
