"""The command that builds a leaderboard, and its pages in a headless browser, opened from files."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from headstart.board.site.build import build_site
from headstart.board.site.names import slug
from headstart.cli import main
from site_cases import API, entry, hostile_release, made_up_benchmark, made_up_release

AXE = files("axe_core_python").joinpath("axe.min.js")
APART = f"models/{slug(f'large {API}')}"
PAGES = ("index", "models/small", APART, "benchmarks/made-up", "method", "ledger", "downloads")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["headstart", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_a_table_becomes_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    table = tmp_path / "results.csv"
    rows = [f"{m},{s},{0.3 + 0.1 * i + 0.03 * k},0.01" for i, m in enumerate("abc") for k, s in enumerate((0, 9, 99))]
    table.write_text("\n".join(["model,step,score,stderr", *rows]) + "\n")
    out = tmp_path / "site"
    command = (
        "board",
        "build",
        table,
        "-o",
        out,
        "--title",
        "Ours",
        "--level",
        "9",
        "--about",
        "What for.",
        "--draws",
        60,
    )
    assert run(monkeypatch, *command) == 0
    assert str(out / "index.html") in capsys.readouterr().err
    text = (out / "index.html").read_text()
    assert '<h1 class="title">Ours</h1>' in text
    assert "after 9 steps of the same tuning" in text
    assert "What for." in text
    entries = json.loads((out / "data" / "release.json").read_text())["benchmarks"][0]["entries"]
    assert [one["model"] for one in entries] == ["c", "b", "a"]
    assert all(one["gain"]["low"] <= one["gain"]["value"] <= one["gain"]["high"] for one in entries)
    assert run(monkeypatch, *command) == 0
    assert "0 of " in capsys.readouterr().err
    assert run(monkeypatch, "board", "build", table, "-o", tmp_path) == 2
    assert "holds files that are no site" in capsys.readouterr().err


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(made_up_release(), tmp_path_factory.mktemp("site") / "out").path


def open_page(browser: webdriver.Chrome, page: Path, *, width: int = 1400, scheme: str = "light") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(page.as_uri())
    WebDriverWait(browser, 60).until(lambda b: b.execute_script("return document.body.dataset.ready") == "yes")


def column(browser: webdriver.Chrome, number: int) -> list[str]:
    code = (
        "return [...document.querySelectorAll('#ranking tbody tr')].map((row) => row.cells[arguments[0]].textContent)"
    )
    return browser.execute_script(code, number)


def violations(browser: webdriver.Chrome) -> list[Any]:
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script("axe.run().then(arguments[0])")
    return [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found["violations"]]


@pytest.mark.browser
def test_no_page_breaks_a_rule_of_accessibility(browser: webdriver.Chrome, site: Path):
    browser.get_log("browser")  # forget what earlier pages said
    for name in PAGES:
        open_page(browser, site / f"{name}.html")
        assert violations(browser) == [], name
    open_page(browser, site / "index.html", width=390, scheme="dark")
    assert violations(browser) == []
    assert browser.get_log("browser") == []


@pytest.mark.browser
def test_the_ranking_is_sorted_filtered_and_turned_by_keyboard(browser: webdriver.Chrome, tmp_path: Path):
    many = [entry(1, "best", None)] + [entry(2, f"model-{at}", "best") for at in range(130)]
    release = made_up_release(benchmarks=(made_up_benchmark(entries=tuple(many)),))
    open_page(browser, build_site(release, tmp_path / "site").path / "index.html")
    assert len(column(browser, 1)) == 100
    button = browser.find_element(By.CSS_SELECTOR, "#ranking thead th:nth-child(2) button")
    heading = button.find_element(By.XPATH, "..")
    button.send_keys(Keys.ENTER)
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(browser, 1)[:3] == ["best", "model-0", "model-1"]  # numbers in names in their own order
    button.send_keys(Keys.SPACE)
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(browser, 1)[0] == "model-129"
    pager = browser.find_element(By.CSS_SELECTOR, "[data-pager=ranking]")
    pager.find_element(By.CSS_SELECTOR, "[data-role=next]").send_keys(Keys.ENTER)
    assert len(column(browser, 1)) == 31
    assert "Page 2 of 2" in pager.text
    browser.find_element(By.CSS_SELECTOR, "[data-role=search]").send_keys("MODEL-12")
    assert sorted(column(browser, 1)) == sorted(f"model-{at}" for at in (12, *range(120, 130)))
    assert browser.find_element(By.CSS_SELECTOR, "[data-role=count]").text == "11 of 131 models"
    Select(browser.find_element(By.CSS_SELECTOR, "[data-role=size]")).select_by_visible_text("25")
    price = browser.find_element(By.CSS_SELECTOR, "#ranking thead th:nth-child(8) button")
    browser.find_element(By.CSS_SELECTOR, "[data-role=search]").send_keys(Keys.CONTROL, "a", Keys.DELETE)
    for _ in range(2):  # the leader has no price, and what does not exist comes last, whichever way
        price.send_keys(Keys.ENTER)
        assert "best" not in column(browser, 1)


@pytest.mark.browser
def test_no_width_cuts_a_page_and_nothing_runs_that_a_name_says(browser: webdriver.Chrome, tmp_path: Path):
    site = build_site(hostile_release(), tmp_path / "site")
    browser.get_log("browser")
    for path in ("index.html", *(one for one in site.files if one.startswith(("models/", "benchmarks/")))):
        for width in (340, 1400):
            open_page(browser, site.path / path, width=width)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width, (path, width)
        assert "hacked" not in browser.title.removeprefix("<script>document.title='hacked'</script>")[:6]
    assert browser.get_log("browser") == []


@pytest.mark.browser
def test_without_scripts_every_row_is_shown_and_no_dead_button(browser: webdriver.Chrome, site: Path):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get((site / "index.html").as_uri())
        assert len(browser.find_elements(By.CSS_SELECTOR, "#ranking tbody tr")) == 4
        assert not [
            one for one in browser.find_elements(By.CSS_SELECTOR, "button, input, select") if one.is_displayed()
        ]
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
