"""A comparison of two columns on the terminal, as JSON and as a page: the same values, names shown as they are."""

import json
import re

import numpy as np
import pytest

from headstart.auditing.comparison import compare
from headstart.report.comparison_document import comparison_document
from headstart.report.comparison_page import comparison_page
from headstart.report.comparison_text import comparison_lines, print_comparison
from headstart.report.plain_text import WIDTH
from two_column_tables import made_up, of, table

MANY = compare(of(made_up(models=40, tasks=24)), source="many.json")
ONE = compare(of(made_up(models=40, tasks=1)), source="one.csv")
GAPS = compare(table([[0.5, np.nan, 0.4, 0.3]] * 2, [[0.6, 0.7, 0.2, 0.3]] * 2, stderr=None), source="gaps.csv")
LONG_NAMES = compare(
    table(
        np.linspace(0.2, 0.8, 16),
        np.linspace(0.8, 0.2, 16),
        models=tuple(f"{at}-" + "very-" * 20 + "[long]" for at in range(16)),
        benchmarks=("benchmark-" * 12,),
    )
)


@pytest.mark.parametrize("found", [MANY, ONE, GAPS, LONG_NAMES])
def test_the_text_fits_a_terminal_and_begins_with_what_to_do(found):
    lines = comparison_lines(found)
    assert len(lines) < 40
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(lines).startswith(found.decision.sentence)


def test_quiet_prints_only_what_to_do(capsys):
    print_comparison(ONE, quiet=True)
    assert " ".join(capsys.readouterr().out.split()) == ONE.decision.sentence


def test_without_standard_errors_nothing_is_called_noise():
    text = " ".join(comparison_lines(GAPS))
    assert "within noise" not in text and "nobody knows which changes are noise" in text
    assert "2 scores are missing" in text


@pytest.mark.parametrize("found", [MANY, ONE, GAPS, LONG_NAMES])
def test_every_null_of_the_document_has_a_reason(found):
    document = json.loads(json.dumps(comparison_document(found), allow_nan=False))
    assert document["schema"] == "headstart.comparison/1"

    def check(node):
        if isinstance(node, list):
            for item in node:
                check(item)
        elif isinstance(node, dict):
            for key, value in node.items():
                if value is None and not key.endswith("_reason"):
                    assert node[f"{key}_reason"], key
                check(value)

    check(document)


def test_the_document_holds_what_was_found():
    document = comparison_document(ONE)
    (one,) = ONE.benchmarks
    (shown,) = document["benchmarks"]
    assert document["decision"]["sentence"] == ONE.decision.sentence
    assert shown["kendall_tau_b"] == one.tau_b and shown["kendall_tau_a"] == one.tau_a
    assert [row["name"] for row in shown["models"]] == [row.name for row in one.models]
    assert shown["models"][0]["direct_ranks"] == list(one.models[0].direct_ranks or ())
    assert shown["pairs"]["reversed"] == (one.pairs.reversed if one.pairs else None)


@pytest.mark.parametrize("found", [MANY, ONE, GAPS])
def test_the_page_shows_the_decision_every_benchmark_and_no_connection(found):
    page = comparison_page(found)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert found.decision.sentence in text
    for one in found.benchmarks:
        assert one.benchmark in page
    assert not re.search(r'(src|href)="https?:', page)
    assert len(page) < 600_000


def test_names_are_escaped_on_the_page():
    found = compare(table([0.5, 0.4], [0.4, 0.5], models=("<script>alert(1)</script>", "b&b")))
    page = comparison_page(found)
    assert "<script>alert" not in page and "b&amp;b" in page
