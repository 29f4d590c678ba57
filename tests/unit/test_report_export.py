"""The audit as a JSON document: the contract of docs (file formats), and no number that does not exist."""

import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.report.export import audit_document
from report_cases import BACKTEST, STABLE, level, price, synthetic_audit

SCHEMA = json.loads((Path(__file__).parents[1] / "golden" / "audit.schema.json").read_text())


def complaints(document: object) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(document)]


def nulls_without_reason(value: object, path: str = "") -> list[str]:
    """Paths of nulls in numeric fields that have no ``..._reason`` beside them."""
    if isinstance(value, list):
        return [found for at, item in enumerate(value) for found in nulls_without_reason(item, f"{path}[{at}]")]
    if not isinstance(value, dict):
        return []
    bare = [
        f"{path}.{key}"
        for key, item in value.items()
        if item is None and f"{key}_reason" in value and value[f"{key}_reason"] is None
    ]
    return bare + [found for key, item in value.items() for found in nulls_without_reason(item, f"{path}.{key}")]


def test_the_document_keeps_the_contract():
    assert complaints(audit_document(synthetic_audit())) == []


def test_the_document_starts_with_schema_version_and_time():
    document = audit_document(synthetic_audit())
    assert list(document)[:3] == ["schema", "headstart_version", "created_at"]
    assert document["schema"] == "headstart.audit/1"


def test_a_document_without_backtest_says_why():
    document = audit_document(synthetic_audit(backtest=None, backtest_reason="switched off"))
    assert complaints(document) == []
    assert (document["backtest"], document["backtest_reason"]) == (None, "switched off")


def test_a_document_without_contestants_that_cannot_be_tuned_keeps_the_contract():
    document = audit_document(synthetic_audit(untunable=(), diverged=(), outcomes=()))
    assert complaints(document) == []
    assert (document["untunable"], document["untunable_assumption"]) == ([], None)


def test_every_missing_number_has_its_reason():
    assert nulls_without_reason(audit_document(synthetic_audit())) == []


def test_what_is_out_of_reach_is_null_with_the_reason():
    prices = audit_document(synthetic_audit())["levels"][0]["prices"]
    assert prices[2]["effort"] is None
    assert prices[2]["effort_reason"] == prices[2]["cost_reason"] == prices[2]["reason"]
    assert prices[0]["effort_reason"] is None


def test_contestants_that_cannot_be_tuned_are_bounds_in_their_own_tier():
    document = audit_document(synthetic_audit())
    first, last = document["untunable"]
    assert [one["name"] for one in (first, last)] == ["large by API", "tiny by API"]
    assert last["stderr"] is None
    assert "no standard error" in last["stderr_reason"]
    for one in (first, last):
        assert [bound["level"] for bound in one["bounds"]] == [row["level"] for row in document["levels"]]
        assert all(bound["best_rank"] == 1 for bound in one["bounds"][1:])
        assert one["bounds"][0]["best_rank"] == one["bounds"][0]["worst_rank"] == one["direct_rank"]
    assert "tuning would not make them worse" in document["untunable_assumption"]
    assert all("by API" not in name for row in document["levels"] for name in row["ranking"])


def test_runs_that_diverged_and_reported_outcomes_are_listed():
    document = audit_document(synthetic_audit())
    assert document["diverged"] == [{"model": "tiny", "seed": "1", "step": 100.0}]
    assert {"model": "tiny", "seed": "1", "outcome": "diverged"} in document["outcomes"]


@pytest.mark.parametrize("status", ["zero", "infinite", "union", "unknown"])
def test_every_status_of_the_stabilising_level_can_be_written(status: str):
    found = 0.0 if status == "zero" else None
    stable = replace(STABLE, status=status, level=found, low=None, intervals=((0.0, 3.0), (9.0, None)))
    document = audit_document(synthetic_audit(stabilising_level=stable))
    assert complaints(document) == []
    assert document["stabilising_level"]["intervals"] == [[0.0, 3.0], [9.0, None]]


def test_exact_numbers_survive():
    third = price("b", "a", effort=1 / 3, low=0.0, high=1e300)
    document = json.loads(json.dumps(audit_document(synthetic_audit(levels=(level(0.0, ("a", "b"), [third]),)))))
    written = document["levels"][0]["prices"][0]
    assert (written["effort"], written["high"]) == (1 / 3, 1e300)


numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


@given(effort=numbers, low=numbers, high=numbers, error=numbers)
def test_nan_and_infinity_are_never_written(
    effort: float | None, low: float | None, high: float | None, error: float | None
):
    odd = price("b", "a", effort=effort, low=low, high=high)
    audit = synthetic_audit(
        levels=(level(0.0, ("a", "b"), [odd]),), backtest=replace(BACKTEST, mean_absolute_error=error)
    )
    text = json.dumps(audit_document(audit), allow_nan=False)
    written = json.loads(text)["levels"][0]["prices"][0]
    for key, value in (("effort", effort), ("low", low), ("high", high)):
        known = value is not None and math.isfinite(value)
        assert (written[key] is not None) == known
        assert (written[f"{key}_reason"] is None) == known
