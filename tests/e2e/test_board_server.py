"""The server's own pages in a headless browser: forms that work, nothing axe complains of, nothing on the console."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from board_live import Live

AXE = files("axe_core_python").joinpath("axe.min.js")


@pytest.fixture
def online(browser: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """The browser may reach this machine; it is told to fetch nothing else by the pages' policy."""
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **network})
    browser.get_log("browser")
    yield browser
    browser.delete_all_cookies()
    browser.get("about:blank")
    network = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **network})


def violations(browser: webdriver.Chrome) -> list[str]:
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]


def press(browser: webdriver.Chrome, text: str) -> None:
    before = browser.find_element(By.TAG_NAME, "html")
    browser.find_element(By.XPATH, f"//button[contains(., '{text}')]").send_keys(Keys.ENTER)
    WebDriverWait(browser, 30).until(lambda b: b.find_element(By.TAG_NAME, "html") != before)


@pytest.mark.browser
def test_submitting_watching_and_administering_by_page(online: webdriver.Chrome, tmp_path: Path) -> None:
    live, browser, wrong = Live(tmp_path), online, list[str]()
    try:
        browser.get(f"{live.url}/submit")
        wrong += violations(browser)
        browser.find_element(By.ID, "token").send_keys(live.tokens["submit"])
        press(browser, "Go on")
        wrong += violations(browser)
        browser.find_element(By.ID, "name").send_keys("<b>mine")
        Select(browser.find_element(By.ID, "registered")).select_by_visible_text("m0")
        press(browser, "Submit")
        assert "<b>mine" in browser.find_element(By.CLASS_NAME, "facts").text
        assert "received" in browser.find_element(By.CLASS_NAME, "claim").text
        wrong += violations(browser)
        submission = browser.current_url.rsplit("/", 1)[1]
        for width in (1200, 390):
            browser.set_window_size(width, 900)
            browser.get(f"{live.url}/queue")
            assert submission in browser.page_source
            wrong += violations(browser)
            overflow = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert overflow <= 0, width
        press(browser, "Forget the token")
        browser.get(f"{live.url}/login")
        browser.find_element(By.ID, "token").send_keys(live.tokens["admin"])
        press(browser, "Go on")
        wrong += violations(browser)
        browser.find_element(By.ID, "submission").send_keys(submission)
        press(browser, "Stop it")
        assert live.board.state(submission) == "cancelled"
        browser.get(f"{live.url}/")
        wrong += violations(browser)
        assert wrong == []
        assert [entry["message"] for entry in browser.get_log("browser")] == []
    finally:
        live.stop()
