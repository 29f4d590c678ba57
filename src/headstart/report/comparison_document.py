"""A comparison of two columns as JSON data (schema ``headstart.comparison/1``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from headstart.auditing.comparison_values import AcrossBenchmarks, BenchmarkComparison, ComparedModel, Comparison
from headstart.auditing.level_values import TiedModels
from headstart.io.atomic import envelope

SCHEMA = "headstart.comparison/1"
UNKNOWN = "the file gives no standard error and no number of items"


def comparison_document(found: Comparison) -> dict[str, Any]:
    """Everything found, as JSON data; a number that does not exist is null beside a reason."""
    decision = found.decision
    return envelope(SCHEMA, found.run) | {
        "source": found.source,
        "labels": list(found.labels),
        "decision": {
            "action": decision.action,
            "sentence": decision.sentence,
            **_or_reason("items_factor", decision.items_factor, "more items are not what is missing"),
        },
        "benchmarks": [_benchmark(one) for one in found.benchmarks],
        "skipped": [{"benchmark": name, "reason": reason} for name, reason in found.skipped],
        **_or_reason(
            "across", None if found.across is None else _across(found.across), "it takes two benchmarks to compare"
        ),
        "missing": [{"benchmark": b, "model": model, "column": column} for b, model, column in found.missing],
        "notes": list(found.notes),
    }


def _benchmark(one: BenchmarkComparison) -> dict[str, Any]:
    pairs, bounds = one.pairs, one.tau_bounds
    counts = None if pairs is None else {"all": pairs.all, "same": pairs.same, "reversed": pairs.reversed,
                                         "open": pairs.open}  # fmt: skip
    interval = None if bounds is None else {"low": bounds[0], "high": bounds[1]}
    return {
        "benchmark": one.benchmark,
        "verdict": one.verdict,
        **_or_reason("kendall_tau_b", one.tau_b, "all scores of a column are equal"),
        "kendall_tau_a": one.tau_a,
        **_or_reason("kendall_tau_bounds", interval, UNKNOWN),
        "pairs_changed": one.changed,
        **_or_reason("pairs", counts, UNKNOWN),
        **_or_reason("items_factor", one.items_factor, "no change of order is open, or standard errors are unknown"),
        "models": [_model(row) for row in one.models],
        "incomplete": [{"model": model, "missing": list(columns)} for model, columns in one.incomplete],
        **_or_reason("direct_ties", _ties(one.direct_ties), UNKNOWN),
        **_or_reason("tuned_ties", _ties(one.tuned_ties), UNKNOWN),
        "prices": [asdict(price) for price in one.prices],
        "without_stderr": list(one.without_stderr),
    }


def _ties(groups: Sequence[TiedModels] | None) -> list[dict[str, Any]] | None:
    return None if groups is None else [asdict(group) | {"names": list(group.names)} for group in groups]


def _model(row: ComparedModel) -> dict[str, Any]:
    values = asdict(row)
    for name in ("direct_stderr", "tuned_stderr", "change_stderr"):
        values |= _or_reason(name, values[name], UNKNOWN)
    for name, bounds in (("direct_ranks", row.direct_ranks), ("tuned_ranks", row.tuned_ranks)):
        values |= _or_reason(name, None if bounds is None else list(bounds), UNKNOWN)
    return values


def _across(found: AcrossBenchmarks) -> dict[str, Any]:
    tau, component = found.tau_b, found.first_component
    return {
        "kendall_tau_b": None if tau is None else asdict(tau),
        "kendall_tau_b_reason": found.tau_b_reason,
        "first_component": None if component is None else asdict(component),
        "first_component_reason": found.first_component_reason,
        "first_component_models": found.first_component_models,
    }


def _or_reason(name: str, value: Any, reason: str) -> dict[str, Any]:
    return {name: value, f"{name}_reason": reason if value is None else None}
