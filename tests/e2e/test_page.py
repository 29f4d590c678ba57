"""The page in a headless browser, opened from a file with the network switched off."""

import time
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from headstart.report.page import write_page
from report_cases import synthetic_audit

pytestmark = pytest.mark.browser

CHARTS = ("incentive", "ranks", "trajectories", "prices", "stability", "backtest")
HOSTILE = ("<script>document.title='hacked'</script>", '"><img src=x onerror=alert(1)>', "</script>x", "tiny")

CONTRAST = """
const luminance = (c) => {
  const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const ground = luminance(parse(getComputedStyle(document.body).backgroundColor));
return [...document.querySelectorAll(arguments[0])]
  .filter((element) => element.getClientRects().length && element.textContent.trim())
  .map((element) => {
    const style = getComputedStyle(element);
    const text = luminance(parse(arguments[1] === "fill" ? style.fill : style.color));
    return [(Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05), element.textContent.trim().slice(0, 40)];
  });
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "audit.html"
    write_page(synthetic_audit(), path)
    return path


def open_page(browser: webdriver.Chrome, page: Path, *, width: int = 1400, scheme: str = "light") -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get(page.as_uri())
    WebDriverWait(browser, 60).until(lambda b: b.execute_script("return document.body.dataset.ready") == "yes")
    browser.execute_script("for (const folded of document.querySelectorAll('details')) folded.open = true")


def script(browser: webdriver.Chrome, code: str, *arguments: object) -> Any:
    return browser.execute_script(code, *arguments)


def settled(browser: webdriver.Chrome, code: str, wanted: object) -> bool:
    """Whether the expression comes to the wanted value within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if script(browser, code) == wanted:
            return True
        time.sleep(0.05)
    return False


def column(browser: webdriver.Chrome, table: str, number: int) -> list[str]:
    """Text of one column's visible cells, in the order shown."""
    return script(
        browser,
        f"return [...document.querySelectorAll('#{table} tbody tr')].filter((row) => !row.hidden)"
        ".map((row) => row.cells[arguments[0]].textContent.trim())",
        number,
    )


def test_every_chart_is_drawn_without_a_word_on_the_console(browser: webdriver.Chrome, page: Path):
    browser.get_log("browser")  # forget what earlier pages said
    open_page(browser, page)
    for chart in CHARTS:
        box = browser.find_element(By.CSS_SELECTOR, f"#chart-{chart} .wide svg").rect
        assert box["width"] > 300
        assert box["height"] > 80
    assert browser.get_log("browser") == []


def test_hostile_names_stay_text(browser: webdriver.Chrome, tmp_path: Path):
    path = tmp_path / "hostile.html"
    write_page(synthetic_audit(HOSTILE), path)
    browser.get_log("browser")
    open_page(browser, path)
    assert browser.title == "made-up: headstart audit"
    assert script(browser, "return document.querySelectorAll('main img, main script').length") == 0
    assert HOSTILE[0] in column(browser, "models-table", 1)
    labels = script(browser, "return [...document.querySelectorAll('#chart-ranks text')].map((t) => t.textContent)")
    assert HOSTILE[2] in labels
    assert browser.get_log("browser") == []


def test_a_table_is_sorted_with_the_keyboard(browser: webdriver.Chrome, page: Path):
    open_page(browser, page)
    button = browser.find_element(By.CSS_SELECTOR, "#models-table thead th:nth-child(2) button")
    heading = button.find_element(By.XPATH, "..")
    button.send_keys(Keys.ENTER)
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(browser, "models-table", 1) == ["large", "medium", "small", "tiny"]
    button.send_keys(Keys.SPACE)
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(browser, "models-table", 1) == ["tiny", "small", "medium", "large"]
    assert len(browser.find_elements(By.CSS_SELECTOR, "#models-table [aria-sort]")) == 1


def test_what_does_not_exist_sorts_last_both_ways(browser: webdriver.Chrome, page: Path):
    open_page(browser, page)
    button = browser.find_element(By.CSS_SELECTOR, "#prices-table thead th:nth-child(4) button")
    for order in (["2.5 (0–9)", "120 (90–160)"], ["120 (90–160)", "2.5 (0–9)"]):
        button.send_keys(Keys.ENTER)
        assert column(browser, "prices-table", 3) == [*order, "beyond the horizon"]


def test_the_price_list_shows_one_level_and_filters_by_model(browser: webdriver.Chrome, page: Path):
    open_page(browser, page)
    count = browser.find_element(By.CSS_SELECTOR, "[data-count-for=prices-table]")
    assert count.get_attribute("role") == "status"
    assert column(browser, "prices-table", 1) == ["medium", "small", "tiny"]
    browser.find_element(By.CSS_SELECTOR, "[data-filter-for=prices-table]").send_keys("TINY")
    assert column(browser, "prices-table", 1) == ["tiny"]
    assert count.text == "1 of 3 places"
    Select(browser.find_element(By.CSS_SELECTOR, "[data-group-for=prices-table]")).select_by_visible_text("100")
    assert column(browser, "prices-table", 2) == ["medium"]


def test_choosing_a_model_brings_its_line_into_focus(browser: webdriver.Chrome, page: Path):
    open_page(browser, page)
    focused = "return [...document.querySelectorAll('#chart-trajectories .wide .focus')].map((line) => line.dataset.m)"
    assert script(browser, focused) == []
    select = Select(browser.find_element(By.CSS_SELECTOR, "select[data-lines=trajectories]"))
    select.select_by_visible_text("tiny")
    assert script(browser, focused) == ["tiny"]
    select.select_by_visible_text("none")
    assert script(browser, focused) == []


def test_a_link_to_a_folded_section_opens_it(browser: webdriver.Chrome, page: Path):
    open_page(browser, page)
    script(browser, "for (const folded of document.querySelectorAll('details')) folded.open = false")
    browser.find_element(By.CSS_SELECTOR, ".contents a[href='#method']").click()
    assert settled(browser, "return document.querySelector('#method details').open", True)
    assert script(browser, "return document.querySelector('#prices details').open") is False


@pytest.mark.parametrize("width", [320, 400, 800, 1400])
def test_no_width_makes_the_page_scroll_sideways(browser: webdriver.Chrome, page: Path, width: int):
    open_page(browser, page, width=width)
    assert script(browser, "return document.documentElement.scrollWidth") <= width
    drawing = "narrow" if width <= 640 else "wide"
    for chart in CHARTS:
        assert 0 < browser.find_element(By.CSS_SELECTOR, f"#chart-{chart} .{drawing} svg").rect["width"] <= width


@pytest.mark.parametrize("width", [320, 400])
def test_on_a_phone_no_table_is_cut(browser: webdriver.Chrome, page: Path, width: int):
    open_page(browser, page, width=width)
    cut = "return [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth).length"
    assert script(browser, cut) == 0
    label = "return getComputedStyle(document.querySelector('#levels-table td'), '::before').content"
    assert script(browser, label) == '"Gaming gains (95 %)"'


def test_on_a_wide_screen_no_table_is_cut(browser: webdriver.Chrome, page: Path):
    open_page(browser, page, width=1400)
    cut = "return [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth).length"
    assert script(browser, cut) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: webdriver.Chrome, page: Path, scheme: str):
    open_page(browser, page, scheme=scheme)
    ground = script(browser, "return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    texts = script(
        browser, CONTRAST, "main p, main li, main dt, main dd, h1, h2, h3, td, th, label, caption span", "color"
    )
    in_charts = script(browser, CONTRAST, ".plot .wide svg text", "fill")
    assert len(texts) > 100
    assert len(in_charts) > 50
    assert [found for found in texts + in_charts if found[0] < 4.5] == []


def test_the_first_tab_stop_skips_to_the_content(browser: webdriver.Chrome, page: Path):
    open_page(browser, page)
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB, Keys.ENTER)
    assert script(browser, "return document.activeElement.id") == "content"


def test_without_scripts_every_table_and_number_is_still_there(browser: webdriver.Chrome, page: Path):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page.as_uri())
        assert len(browser.find_elements(By.CSS_SELECTOR, "#prices-table tbody tr")) == 12
        assert not browser.find_elements(By.CSS_SELECTOR, ".js-only:not([hidden])")
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
