"""The page as text: whole, closed to the network, and safe against hostile names. The browser tests open it."""

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import altair as alt
import pytest

from headstart.errors import InputError
from headstart.report.drawing import svg
from headstart.report.page import audit_page, write_page
from report_cases import synthetic_audit

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</text></svg><script>alert(3)</script>",
    "' onload='alert(4)' \u2028 {{7*7}}",
)


class Reader(HTMLParser):
    """Every start tag with its attributes, and the text of every script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def page() -> str:
    return audit_page(synthetic_audit())


@pytest.fixture(scope="module")
def hostile_page() -> str:
    return audit_page(synthetic_audit(HOSTILE, benchmark=HOSTILE[0], source=HOSTILE[1], notes=(HOSTILE[2],)))


def test_hostile_names_add_no_element_and_no_attribute(page: str, hostile_page: str):
    def shape(html: str) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in Reader(html).tags]

    assert shape(hostile_page) == shape(page)


def test_hostile_names_are_still_shown_as_they_are(hostile_page: str):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in hostile_page


def test_the_charts_show_hostile_names_as_text(hostile_page: str):
    assert "<script>alert" not in hostile_page
    assert "&lt;/text&gt;&lt;/svg&gt;&lt;script&gt;alert(3)" in hostile_page


def test_the_policy_allows_the_pages_own_scripts_and_no_connection(page: str):
    reader = Reader(page)
    policy = next(a["content"] for tag, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none';")
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    for script in reader.scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_the_page_refers_to_nothing_outside_itself(page: str):
    tags = Reader(page).tags
    assert not [tag for tag, attributes in tags if "src" in attributes or tag in ("iframe", "object", "embed")]
    links = [value for _, attributes in tags if (value := attributes.get("href")) is not None]
    assert all(link.startswith(("#", "data:")) for link in links)


def test_every_link_within_the_page_leads_somewhere(page: str):
    tags = Reader(page).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {value[1:] for _, a in tags if (value := a.get("href")) and value.startswith("#")}
    targets |= {value for _, a in tags if (value := a.get("aria-labelledby"))}
    assert targets <= set(ids)


def test_the_page_carries_no_plotting_library(page: str):
    assert len(Reader(page).scripts) == 1
    assert "vega" not in page.lower()
    assert len(page) < 200_000


def test_every_chart_is_described_in_words(page: str):
    plots = [a for tag, a in Reader(page).tags if "plot" in (a.get("class") or "").split()]
    assert len(plots) == 6
    assert all(a["role"] == "img" and len(a["aria-label"] or "") > 60 for a in plots)


def test_every_table_has_a_caption_and_scoped_headings(page: str):
    tags = Reader(page).tags
    assert sum(tag == "caption" for tag, _ in tags) == sum(tag == "table" for tag, _ in tags) == 7
    assert all(a.get("scope") in ("row", "col") for tag, a in tags if tag == "th")


def test_headings_descend_without_gaps(page: str):
    levels = [int(tag[1]) for tag, _ in Reader(page).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_everything_extrapolated_carries_the_mark(page: str):
    row = re.search(r'<th scope="row" data-value="5000.0">(.*?)</th>', section(page, "levels"), re.S)
    assert row is not None
    assert "†" in row.group(1)
    assert "not measured, forecast" in page
    assert "† beyond the measured steps" in section(page, "prices")


def test_tied_neighbours_are_shown_as_tied(page: str):
    assert "3 ≈ 2" in page
    assert "2 → 1" in page


def test_the_decision_is_the_headline_and_what_a_caller_knows_is_told(page: str):
    assert "<h1>Give every model 1,000 steps of the same tuning before the test.</h1>" in page
    assert "The models of this audit are made up." in section(page, "ranking")
    assert "Run 0123456789abcdef." in page


def test_the_detail_is_folded_and_the_answer_is_not(page: str):
    assert all("<details>" not in section(page, name) for name in ("levels", "ranking", "untunable"))
    assert all("<details>" in section(page, name) for name in ("prices", "curves", "exact", "backtest", "method"))


def test_two_drawings_share_no_identifier():
    clipped = alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_point(clip=True).encode(x="x:Q")
    pages = [str(svg({**clipped.to_dict(), "width": 200}, prefix=prefix)) for prefix in ("a-", "b-")]
    for page, prefix in zip(pages, ("a-", "b-"), strict=True):
        assert f'id="{prefix}clip' in page
        assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(re.findall(r' id="([^"]+)"', page))


def section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}"')[1].split("</section>")[0]


def test_contestants_that_cannot_be_tuned_appear_in_their_own_section_and_in_no_other_table(page: str):
    shown = section(page, "untunable")
    assert "Cannot be tuned: shown apart" in shown
    assert "Assumed: tuning would not make them worse" in shown
    for name in ("large by API", "tiny by API"):
        assert name in shown
        assert all(name not in section(page, other) for other in ("levels", "prices", "ranking", "curves", "exact"))
    without = audit_page(synthetic_audit(untunable=()))
    assert 'id="untunable"' not in without
    assert 'href="#untunable"' not in without


def test_what_the_runner_reported_stands_beside_the_models(page: str):
    assert "no gain (seeds 0, 2); diverged (seed 1)" in section(page, "ranking")
    assert "What the runner reported" not in audit_page(synthetic_audit(outcomes=()))


def test_an_audit_without_backtest_says_why():
    assert "Not tested here: switched off." in audit_page(
        synthetic_audit(backtest=None, backtest_reason="switched off")
    )


def test_a_page_that_cannot_be_written_is_a_mistake_with_a_name(tmp_path: Path):
    with pytest.raises(InputError, match="missing"):
        write_page(synthetic_audit(), tmp_path / "missing" / "page.html")


def test_only_making_a_page_loads_the_plotting_libraries():
    code = "import sys, headstart.report.terminal, headstart.report.export, headstart.report.page; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"altair", "vl_convert"} & set(loaded)


def test_a_page_shows_the_best_of_many_models_and_says_where_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.report.page.MOST_MODELS", 2)
    found = synthetic_audit()
    html = audit_page(found)
    rows = re.findall(r'<table[^>]*id="models-table".*?</table>', html, re.S)
    assert len(rows) == 1 and len(re.findall(r'<th scope="row">', rows[0])) == 2
    assert html.count(f"The best 2 of {len(found.models)} models; the JSON file holds all.") == 2
