"""Prices of a suite on the terminal, as JSON and as sections of a page: the same values."""

import dataclasses
import json
import re

import numpy as np
import pytest
from jaxtyping import config

from headstart.contest.curves import LogitPower
from headstart.contest.tables import CurveTable
from headstart.report.page import shell
from headstart.report.plain_text import WIDTH
from headstart.report.suite_prices_document import prices_document
from headstart.report.suite_prices_page import prices_sections
from headstart.report.suite_prices_text import prices_lines
from headstart.report.suite_prices_wording import price_in_words, summary
from headstart.suite.price.curves import SuiteCurves
from headstart.suite.price.pricing import price_suite


def made_up(models=6, tasks=4, seed=0, names="model {}"):
    rng = np.random.default_rng(seed)
    curves = {
        f"task {t}": CurveTable.batch(
            LogitPower(
                L=0.25,
                U=rng.uniform(0.5, 0.9, models),
                alpha=rng.normal(-4.0, 0.5, models),
                beta=rng.uniform(0.5, 1.4, models),
            ),
            models,
        )
        for t in range(tasks)
    }
    return SuiteCurves.of([names.format(i) for i in range(models)], curves)


CASES = {
    "two levels": lambda: price_suite(made_up(), levels=[0.0, 300.0], subsets=2),
    "one task": lambda: price_suite(made_up(tasks=1), rules=("mean", "borda")),
    "odd names": lambda: price_suite(made_up(names="[b]<i>{}</i>" + "very-" * 12), rules=("mean",), subsets=1),
}


def priced(case):
    config.update("jaxtyping_disable", True)  # thousands of calls whose shapes other tests check
    found = CASES[case]()
    config.update("jaxtyping_disable", False)
    return found


@pytest.fixture(scope="module", params=list(CASES))
def found(request):
    return priced(request.param)


@pytest.fixture(scope="module")
def two_levels():
    return priced("two levels")


def test_the_text_fits_a_terminal_and_shows_every_rule(found):
    lines = prices_lines(found)
    assert max(map(len, lines)) <= WIDTH
    text = "\n".join(lines)
    for rule in found.rules:
        assert sum(line.startswith(rule) for line in lines) == len(found.levels)
    assert all(sentence.split()[-1] in text for sentence in summary(found))


def test_every_null_of_the_document_has_a_reason(found):
    document = json.loads(json.dumps(prices_document(found), allow_nan=False))

    def check(node):
        if isinstance(node, list):
            for item in node:
                check(item)
        elif isinstance(node, dict):
            for key, value in node.items():
                if value is None and not key.endswith("_reason") and key != "overtakes":
                    assert node[f"{key}_reason"], key
                check(value)

    check(document)


def test_the_document_holds_the_prices_with_their_efforts_and_proofs(two_levels):
    document = prices_document(two_levels)
    assert [(one["level"], one["rule"]) for one in document["prices"]] == [
        (one.level, one.rule) for one in two_levels.prices
    ]
    shown, price = document["prices"][0]["next"][0], two_levels.prices[0].next[0]
    assert shown["upper"] == price.upper and shown["effort"] == price.effort and shown["proof"] == price.proof
    assert shown["interval_reason"] == "the curves have no posterior draws"
    cells = document["tasks_or_tuning"]["cells"]
    assert {(cell["tasks"], cell["level"]) for cell in cells} >= {(1, 0.0), (4, 300.0)}


def test_the_page_shows_every_sentence_and_place_and_no_connection(found):
    page = shell(title="suite", description="", header="", sections=prices_sections(found))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page)).replace("&#39;", "'")
    for sentence in summary(found):
        assert sentence.replace("[b]<i>", "[b]&lt;i&gt;").replace("</i>", "&lt;/i&gt;") in text
    assert "<i>" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    for price in found.prices[0].next:
        assert price_in_words(price, found.cost_unit) in text
    assert page.count('id="figure-tasks-or-tuning"') == (1 if len(found.tasks) > 1 else 0)


def test_the_words_say_which_rule_is_cheapest_and_what_tasks_and_tuning_do(two_levels):
    words = summary(two_levels)
    prices = {one.rule: one.cheapest_first for one in two_levels.prices if one.level == 0.0}
    cheapest = min(prices, key=lambda rule: prices[rule].upper)
    assert f"First place under direct evaluation is cheapest under {cheapest}: " in words[0]
    assert any(line.startswith("More tasks or more tuning: under mean, first place") for line in words)


def test_a_price_between_bounds_is_shown_as_both(two_levels):
    price = two_levels.prices[0].next[0]
    between = dataclasses.replace(price, lower=110.0, upper=120.0, proof="bound", effort={"a": 120.0})
    assert price_in_words(between, "steps") == "110–120"
    beyond = dataclasses.replace(between, extrapolated=True)
    assert price_in_words(beyond, "steps") == "110–120†"
    unreached = dataclasses.replace(between, lower=None, upper=None, effort=None)
    assert price_in_words(unreached, "steps") == "out of reach"
