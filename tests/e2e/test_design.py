"""``headstart design`` from files to terminal, JSON and page."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart._resources import catalog_path
from headstart.cli import main

STEPS = (0, 10, 30, 100, 300, 1000)


def results(path: Path, floors: Any, ceilings: Any, alphas: Any, beta: float) -> Path:
    """Four made-up models on power laws, measured with a standard error of 0.004."""
    random = np.random.default_rng(3)
    lines = ["benchmark,model,step,score,stderr"]
    for at, (floor, ceiling, alpha) in enumerate(zip(floors, ceilings, alphas, strict=True)):
        for step in STEPS:
            score = floor + (ceiling - floor) / (1 + np.exp(-alpha - beta * np.log1p(step)))
            lines.append(f"made-up,model-{at},{step},{score + random.normal(0, 0.004):.4f},0.004")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def trajectories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ceilings that noise separates: no model reaches the next for long."""
    folder = tmp_path_factory.mktemp("apart")
    return results(folder / "results.csv", [0.25] * 4, (0.85, 0.70, 0.55, 0.40), [-2.0] * 4, 0.9)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody still learns at the last measurement, so that every place can be bought."""
    folder = tmp_path_factory.mktemp("slow")
    return results(folder / "slow.csv", [0.2] * 4, [0.9] * 4, (-3.0, -3.3, -3.6, -3.9), 0.3)


def run(capsys: pytest.CaptureFixture[str] | None, *arguments: object) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["headstart", "design", *map(str, arguments)])
        main()
    spoken = capsys.readouterr() if capsys else None
    return int(ended.value.code or 0), spoken.out if spoken else "", spoken.err if spoken else ""


@pytest.fixture(scope="module")
def designed(trajectories: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("designed")
    answer, page = folder / "design.json", folder / "design.html"
    status, _, _ = run(
        None, trajectories, "--stakes", "100:2000", "--target-tau", "0.9", "--budget", "100000steps",
        "--json", answer, "--html", page,
    )  # fmt: skip
    assert status == 0
    return json.loads(answer.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON number")), page


def test_the_document_has_every_field_that_is_promised(designed):
    document, _ = designed
    assert document["schema"] == "headstart.design/1"
    promised = {"headstart_version", "created_at", "source", "benchmark", "cost_unit", "stakes", "worlds", "rewards"}
    assert promised <= set(document)
    assert document["wish"] == {"confidence": 0.95, "target_tau": 0.9, "budget": 100000.0, "tolerance": 0.01}
    assert document["stakes"] == {"shape": "linear", "low": 100.0, "high": 2000.0, "assumed": False}
    assert document["quality"]["ranking"] == ["model-0", "model-1", "model-2", "model-3"]
    assert set(document["recommendation"]) == {"feasible", "protocol", "binding", "reason"}
    for row in document["protocols"]:
        assert set(row) == {
            "protocol", "level", "extrapolated", "places", "verdict", "kind", "nobody_tunes", "stable_share",
            "kendall_tau", "kendall_tau_interval", "best_first", "effort_burnt", "bill", "exploitability", "on_front",
            "note", "incentive", "incentive_at_low_stakes",
        }  # fmt: skip
        assert row["incentive"]["low"] <= row["incentive"]["value"] <= row["incentive"]["high"]
        assert row["kendall_tau"] is not None or row["note"], "what is missing has a reason"
    assert document["stakes_edge"] is None


def test_the_recommendation_meets_every_wish_and_is_the_cheapest_that_does(designed):
    document, _ = designed
    rows = {row["protocol"]: row for row in document["protocols"]}
    assert document["recommendation"]["feasible"]
    chosen = rows[document["recommendation"]["protocol"]]

    def meets(row: dict[str, Any]) -> bool:
        return row["nobody_tunes"] and row["kendall_tau"] >= 0.9

    assert meets(chosen)
    assert chosen["stable_share"] >= 0.95
    assert chosen["bill"] == min(row["bill"] for row in rows.values() if meets(row)) <= 100000
    assert chosen["kendall_tau_interval"]["low"] <= chosen["kendall_tau"] <= chosen["kendall_tau_interval"]["high"]
    assert document["decision"]["level"] == chosen["level"]


def test_the_document_and_the_page_name_the_run_they_come_from(designed):
    document, page = designed
    assert f"Run {document['run_id']}." in page.read_text()


def test_the_lower_end_of_the_stakes_asks_for_no_more_than_the_upper_end(designed):
    document, _ = designed
    low, high = document["decision_at_low_stakes"]["level"], document["decision"]["level"]
    assert low <= high
    assert ("If first place is worth 100 steps only" in document["recommendation"]["reason"]) == (low < high)


def test_audit_and_design_decide_alike(trajectories):
    from headstart.auditing.audit import audit
    from headstart.data.trajectory_files import read_trajectories
    from headstart.designing.run import design

    given = read_trajectories(trajectories)
    audited = audit(given, rewards="linear:2000", backtest_fraction=None)
    chosen = design(given, stakes="linear:2000").measured
    assert chosen is not None
    assert chosen.decision == audited.decision


@pytest.mark.parametrize(
    ("file", "requirements", "binding", "words"),
    [
        ("trajectories", ("100:2000", "--budget", "1"), "budget", "the budget is 1."),
        ("slow", ("1e8:1e9",), "stability", "Your data cannot say"),
    ],
)
def test_a_wish_that_cannot_be_met_is_stated_and_the_documents_are_written(
    request, tmp_path, capsys, file, requirements, binding, words
):
    answer, page = tmp_path / "a.json", tmp_path / "a.html"
    source = request.getfixturevalue(file)
    status, out, _ = run(capsys, source, "--stakes", *requirements, "--json", answer, "--html", page)
    document = json.loads(answer.read_text())
    assert status == 3
    assert document["recommendation"]["binding"] == binding
    assert document["recommendation"]["protocol"] in {row["protocol"] for row in document["protocols"]}
    assert words in document["recommendation"]["reason"]
    assert words in " ".join(out.split())
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--stakes", "much"), "stakes must be SHAPE:VALUE"),
        (("--stakes", "500:50"), "stakes must be an interval"),
        (("--stakes", "linear:0:inf"), "stakes must be an interval"),
        (("--budget", "many"), "--budget must be a number"),
        (("--budget", "200gpuh"), "--budget must be in steps"),
        (("--compare", "direct,magic"), "protocol must be direct, level:"),
        (("--stakes", "top:0:5"), "k must be >= 1"),
        (("--compare", "tiers"), "the others need a contest file"),
        (("--confidence", "2"), "confidence must be in"),
        (("--target-tau", "3"), "target_tau must be in"),
        (("--compare", "level:9999"), "as far as a forecast is made"),
        (("--nearest", "linear:3"), "--nearest must be given together"),
        (("--rewards-for-level", "5", "--html", "x.html"), "--html must not be given"),
    ],
)
def test_bad_options_exit_2_and_write_nothing(trajectories, tmp_path, capsys, options, words):
    answer = tmp_path / "a.json"
    status, _, err = run(capsys, trajectories, *options, "--json", answer)
    assert status == 2
    assert words in err
    assert not answer.exists()


def test_an_output_that_cannot_be_written_is_refused_before_anything_is(trajectories, tmp_path, capsys):
    answer = tmp_path / "a.json"
    status, _, err = run(capsys, trajectories, "--json", answer, "--html", tmp_path / "nowhere" / "a.html")
    assert status == 2
    assert "does not exist" in err
    assert not answer.exists()


def test_tiers_of_a_contest_file_join_only_exactly_equal_models(capsys):
    contest = catalog_path() / "power-law-direct" / "contest.toml"
    status, out, _ = run(capsys, contest, "--compare", "direct,level:10,tiers,items:5000,level:10+tiers", "--json", "-")
    assert status in (0, 3)
    answers = {row["protocol"]: row for row in json.loads(out)["protocols"]}
    assert answers["level:10"]["verdict"] == answers["level:10+tiers"]["verdict"]


def test_a_budget_may_name_the_unit_of_costs_in_another_spelling(trajectories, tmp_path, capsys):
    answer = tmp_path / "a.json"
    unit = ("--cost-per-step", "0.001", "--cost-unit", "GPU-hours")
    status, _, _ = run(capsys, trajectories, *unit, "--budget", "200gpuh", "--compare", "direct", "--json", answer)
    document = json.loads(answer.read_text())
    assert status in (0, 3)
    assert (document["cost_unit"], document["wish"]["budget"]) == ("GPU-hours", 200.0)


def test_a_contest_file_is_designed_with_its_own_rewards_or_with_stakes(tmp_path, capsys):
    contest = catalog_path() / "power-law-direct" / "contest.toml"
    status, out, _ = run(capsys, contest, "--compare", "direct,level:2")
    assert status == 0
    assert out.startswith("Choose level:1.00001")  # the catalogue's answer is level 1
    status, out, _ = run(capsys, contest, "--compare", "direct,direct+items:1000", "--stakes", "1:10")
    assert "direct+items:1000" in out
    assert "between 1 and 10 cost units" in out


@pytest.mark.parametrize("nearest", [(), ("--nearest", "linear:5")])
def test_rewards_for_a_level_are_written_with_their_proof(tmp_path, capsys, nearest):
    contest, answer = catalog_path() / "power-law-direct" / "contest.toml", tmp_path / "a.json"
    status, out, _ = run(capsys, contest, "--rewards-for-level", "1", *nearest, "--json", answer)
    found = json.loads(answer.read_text())["reward_design"]
    assert status == 0
    assert "proved in interval arithmetic" in out
    # by hand: at level 1 each model pays 2 for the place above it
    assert found["rewards"] == pytest.approx([4.0, 2.0, 0.0], abs=0.51 if nearest else 1e-6)
    assert (found["certified"]["verdict"], found["level"]) == ("exists", 1.0)
    assert found["limiting"]


def test_json_on_standard_output_is_alone_there(capsys):
    contest = catalog_path() / "two-lines-apart" / "contest.toml"
    status, out, _ = run(capsys, contest, "--compare", "direct", "--json", "-")
    assert status == 0
    assert json.loads(out)["recommendation"]["protocol"] == "direct"


@pytest.mark.browser
@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_draws_its_charts_and_never_scrolls_sideways(browser, designed, width):
    from selenium.webdriver.support.ui import WebDriverWait

    document, page = designed
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("browser")
    browser.get(page.as_uri())
    WebDriverWait(browser, 60).until(lambda b: b.execute_script("return document.body.dataset.ready") == "yes")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    drawing = "narrow" if width < 640 else "wide"
    for chart in ("incentive", "pareto"):
        box = browser.execute_script(
            f"return document.querySelector('#chart-{chart} .{drawing} svg').getBoundingClientRect()"
        )
        assert 100 < box["width"] <= width
    rows = browser.execute_script("return document.querySelectorAll('#protocols-table tbody tr').length")
    assert rows == len(document["protocols"])
    assert browser.execute_script("return document.querySelector('h1').textContent").startswith("Give every model")
    text = browser.execute_script("return document.body.textContent")
    assert all(reason in text for reason in document["decision"]["reasons"])
    assert browser.get_log("browser") == []
