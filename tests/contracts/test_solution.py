"""``headstart.solution/1``: every field that docs promise, for contests of every kind of answer."""

import json
import math
import tomllib
from pathlib import Path

import pytest

from headstart import __version__
from headstart.cli import main
from headstart.contest.contest_file import contest_from_document
from headstart.report.gaming_text import incentive_line
from headstart.solve.gaming import incentive_answer

TWO_LINES = """
schema = "headstart.contest/1"
rewards = {rewards}
[defaults]
cost = {{ kind = "power", scale = 1.0, exponent = 1.0, free = 0.0 }}
[[models]]
name = "strong"
curve = {{ kind = "linear", intercept = 0.3, slope = 1.0 }}
{extra}
[[models]]
name = "weak"
curve = {{ kind = "linear", intercept = 0.0, slope = {slope} }}
"""

CASES = {
    "none": ({"rewards": "[1.0, 0.0]", "slope": "1.0", "extra": ""}, "none", "infinite"),
    "exists": ({"rewards": "[0.2, 0.0]", "slope": "1.0", "extra": ""}, "exists", "zero"),
    "finite": ({"rewards": "[1.0, 0.0]", "slope": "0.5", "extra": ""}, "none", "finite"),
    "out of reach": ({"rewards": "[1.0, 0.0]", "slope": "0.0", "extra": ""}, "exists", "zero"),
    "capped": ({"rewards": "[1.0, 0.0]", "slope": "1.0", "extra": "max_effort = 0.5"}, "none", "infinite"),
}


def solve(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str], *options: str) -> dict:
    file, answer = tmp_path / "contest.toml", tmp_path / "answer.json"
    file.write_text(text)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr("sys.argv", ["headstart", "solve", str(file), "--json", str(answer), *options])
        main()
    assert ended.value.code == 0, capsys.readouterr().err
    return json.loads(answer.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON number"))


@pytest.fixture(params=CASES, scope="module")
def answer(request, tmp_path_factory) -> tuple[dict, str, str]:
    fields, verdict, status = CASES[request.param]
    folder = tmp_path_factory.mktemp("solution")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        (folder / "contest.toml").write_text(TWO_LINES.format(**fields))
        patch.setattr(
            "sys.argv", ["headstart", "solve", str(folder / "contest.toml"), "--json", str(folder / "a.json")]
        )
        main()
    assert ended.value.code == 0
    return json.loads((folder / "a.json").read_text()), verdict, status


def test_the_envelope(answer) -> None:
    document, _, _ = answer
    assert document["schema"] == "headstart.solution/1"
    assert document["headstart_version"] == __version__
    assert document["created_at"].endswith("+00:00")


def test_level_and_ranking(answer) -> None:
    document, _, _ = answer
    assert (document["level"], document["ranking"]) == (0.0, ["strong", "weak"])


def test_the_pure_verdict_with_its_proof_and_conditions(answer) -> None:
    document, verdict, _ = answer
    pure = document["pure"]
    assert pure["verdict"] == verdict
    assert pure["proof"] in {"exact", "interval", "numeric"}
    if verdict == "exists":
        assert pure["efforts"] == [0.0, 0.0] and pure["witness"] is None and pure["unique"] is True
    else:
        assert pure["efforts"] is None and pure["unique"] is None
        assert pure["witness"].keys() >= {"model", "overtakes", "effort", "cost", "gain"}
        assert pure["witness"]["gain"] > 0
        assert pure["witness"]["cost"] == pytest.approx(pure["witness"]["effort"])
    assert pure["conditions"]
    for condition in pure["conditions"]:
        assert condition["holds"] in (True, False, None)
        assert condition["proof"] in {"exact", "interval", "numeric", None}


def test_the_prices_of_neighbours(answer) -> None:
    document, _, _ = answer
    (price,) = document["prices"]
    assert (price["model"], price["overtakes"]) == ("weak", "strong")
    assert price.keys() >= {"effort", "cost", "reachable"}
    assert (
        (price["effort"] is None)
        == (price["cost"] is None)
        == (not price["reachable"])
        == (price["reason"] is not None)
    )


def test_the_stabilising_level(answer) -> None:
    document, _, status = answer
    level = document["stabilising_level"]
    assert level["status"] == status
    assert level["proof"] in {"exact", "interval", "numeric"}
    assert (level["level"] is None) == (status == "infinite")
    if status == "finite":  # the lead 0.3 + D/2 costs twice itself: 1 from D = 0.4 on
        assert level["level"] == pytest.approx(0.4)


POWER_LAWS = """
schema = "headstart.contest/1"
rewards = [2.0, 0.0]
[defaults]
cost = {{ kind = "power", scale = 1.0, exponent = 1.0, free = 0.0 }}
[[models]]
name = "first"
curve = {{ kind = "logit_power", L = {floor}, U = 1.0, alpha = {alpha}, beta = 1.0 }}
[[models]]
name = "second"
curve = {{ kind = "logit_power", L = 0.0, U = 1.0, alpha = 0.0, beta = {beta} }}
"""


def test_a_level_that_is_proved_while_lower_ones_are_not_all_decided(tmp_path, capsys):
    # alpha is all but -log 2: floating point does not settle the last levels, the proof does
    text = POWER_LAWS.format(floor=0.5, alpha=-0.6931471805599453, beta=1.0)
    level = solve(tmp_path, text, capsys)["stabilising_level"]
    assert (level["status"], level["level"], level["proof"]) == ("partial", 1.0618832e17, "interval")
    assert level["proved_low"] == 1.0618831e17 and level["intervals"][-1] == [level["level"], None]
    assert level["reason"].startswith("stable from 1.0618832e+17 on and not just below it; which lower levels")
    shown = " ".join(capsys.readouterr().out.split())
    assert "Nobody tuning is an equilibrium from level 1.0618832e+17 on (proved) and not just below it; which" in shown


def test_an_unknown_level_names_the_pair_and_a_deviation_that_bounds_it_from_below(tmp_path, capsys):
    level = solve(tmp_path, POWER_LAWS.format(floor=0.0, alpha=1.0, beta=1.001), capsys)["stabilising_level"]
    assert (level["status"], level["level"], level["proof"]) == ("unknown", None, "numeric")
    assert "for second and first, whose order changes beyond floating point; no level up to 0.166" in level["reason"]
    assert "is enough, because second then still gains by passing first; every level from 0.166" in level["reason"]


def test_a_mixed_equilibrium_stands_where_there_is_no_pure_one(answer) -> None:
    document, verdict, _ = answer
    mixed = document["mixed"]
    if verdict == "exists":
        assert mixed is None and document["mixed_reason"]
        return
    assert mixed["method"] and mixed["exploitability"] >= 0
    assert [m["name"] for m in mixed["models"]] == ["strong", "weak"]
    for model in mixed["models"]:
        assert model.keys() >= {"expected_effort", "expected_cost", "payoff", "idle_probability"}
        assert 0 <= model["idle_probability"] <= 1
    (top, inversion), (left, right) = mixed["inversion_probability"]
    assert (top, inversion, right) == (0, 0, 0) and 0 < left < 1  # only weak above strong is an inversion
    assert mixed["expected_kendall_tau"] == pytest.approx(1 - 2 * left)


def test_two_lines_with_a_head_start_agree_with_the_closed_form(tmp_path: Path, capsys) -> None:
    # head start h = 0.3: the weaker is ahead with (1 - h^2)/2, efforts (1 - h)^2/2 and (1 - h^2)/2
    document = solve(tmp_path, TWO_LINES.format(**CASES["none"][0]), capsys)
    mixed = document["mixed"]
    assert mixed["inversion_probability"][1][0] == pytest.approx((1 - 0.09) / 2)
    efforts = [model["expected_effort"] for model in mixed["models"]]
    assert efforts == pytest.approx([0.49 / 2, (1 - 0.09) / 2])


def test_options_of_solve(tmp_path: Path, capsys) -> None:
    text = (
        TWO_LINES.format(**CASES["exists"][0])
        + """
[[models]]
name = "third"
curve = { kind = "linear", intercept = -5.0, slope = 1.0 }
"""
    )
    text = text.replace("[0.2, 0.0]", "[0.2, 0.0, 0.0]")
    assert len(solve(tmp_path, text, capsys)["prices"]) == 2
    pairs = solve(tmp_path, text, capsys, "--all-pairs")["prices"]
    assert [(p["model"], p["overtakes"]) for p in pairs] == [("weak", "strong"), ("third", "strong"), ("third", "weak")]
    assert solve(tmp_path, text, capsys, "--mixed")["mixed"]["exploitability"] == pytest.approx(0.0, abs=1e-3)
    none = TWO_LINES.format(**CASES["none"][0])
    assert solve(tmp_path, none, capsys, "--no-mixed")["mixed"] is None


def test_a_large_contest_is_answered_in_floating_point(tmp_path: Path, capsys) -> None:
    models = "".join(
        f'[[models]]\nname = "m{i}"\ncurve = {{ kind = "linear", intercept = {i}.0, slope = 1.0 }}\n' for i in range(70)
    )
    head = TWO_LINES.split("[[models]]")[0].format(rewards='{ kind = "winner", value = 0.5 }')
    document = solve(tmp_path, head + models, capsys)
    assert (document["pure"]["verdict"], document["pure"]["proof"]) == ("exists", "numeric")
    assert document["ranking"][0] == "m69" and len(document["prices"]) == 69
    assert all(math.isfinite(p["cost"]) for p in document["prices"])


THIRD = '[[models]]\nname = "third"\ncurve = { kind = "linear", intercept = 0.1, slope = 0.5 }\n'

NOISY = TWO_LINES.replace("[defaults]", "noise_sd = 0.05\n[defaults]").format(**CASES["finite"][0])

SATURATING = NOISY.replace(
    'kind = "linear", intercept = 0.3, slope = 1.0', 'kind = "exponential", floor = 0.3, ceiling = 0.9, rate = 1.0'
).replace(
    'kind = "linear", intercept = 0.0, slope = 0.5', 'kind = "exponential", floor = 0.0, ceiling = 0.8, rate = 1.0'
)


def test_what_gaming_gains_and_from_which_level_on_it_does_not(tmp_path: Path, capsys) -> None:
    found = solve(tmp_path, SATURATING, capsys)["incentive"]
    assert found["noise_sd"] == [0.05, 0.05] and found["tolerance"] == 0.01 and found["reason"] is None
    assert 0 < found["largest_share"] <= found["largest_share_upper"] <= 1
    assert [model["name"] for model in found["models"]] == ["strong", "weak"]
    for model in found["models"]:
        assert model["gain"] == pytest.approx(model["share"]) and model["upper_share"] >= model["share"]
        assert (model["gain"] > 0) == (model["effort"] > 0) == (model["cost"] > 0)
    end = found["level_for_tolerance"]
    assert end["status"] == "finite" and 0 < end["below"] < end["level"]
    looser = solve(tmp_path, SATURATING, capsys, "--tolerance", "0.1")["incentive"]
    assert looser["tolerance"] == 0.1 and looser["level_for_tolerance"]["level"] < end["level"]
    at_level = solve(tmp_path, SATURATING.replace("rewards", f"level = {end['level']}\nrewards"), capsys)
    assert at_level["incentive"]["largest_share"] <= 0.01


def test_an_incentive_that_cannot_be_computed_says_why() -> None:
    game = contest_from_document(tomllib.loads(NOISY.replace("[1.0, 0.0]", "[1.0, 0.0, 0.0]") + THIRD))
    found = incentive_answer(game.with_noise([0.05, 0.05, 0.0]), 0.01)
    assert found.models is None and found.largest_share is None and found.level_for_tolerance is None
    assert found.reason is not None and "noise sd must be > 0 for every model" in found.reason
    assert incentive_line(incentive_answer(game, 0.01), 3.0).startswith("third gains most by tuning at level 3")


def test_dominance_and_iterated_dominance(tmp_path: Path, capsys) -> None:
    found = solve(tmp_path, SATURATING, capsys)["dominance"]
    assert found["status"] == "finite" and found["reason"]
    assert found["level"] == max(model["level"] for model in found["models"])
    inner = found["iterated"]
    assert inner["unique"] is False and inner["reason"]
    assert inner["status"] == "finite" and inner["below"] < inner["level"] < found["level"]
    settled = solve(tmp_path, SATURATING.replace("rewards", f"level = {inner['level']}\nrewards"), capsys)
    assert settled["dominance"]["iterated"]["unique"] is True
    assert settled["strategic_ranks"]["certain"] in (0.0, 1.0)


def test_what_every_equilibrium_agrees_on(tmp_path: Path, capsys) -> None:
    exact = solve(tmp_path, TWO_LINES.format(**CASES["exists"][0]), capsys)["strategic_ranks"]
    assert (exact["certain"], exact["confidence"]) == (1.0, 1.0)
    strong, weak = exact["models"]
    assert (strong["name"], strong["best_rank"], strong["worst_rank"]) == ("strong", 1, 1)
    assert weak["low"] == 0.0 and weak["high"] == pytest.approx(0.0, abs=1e-9) and weak["most_effort"] == 0.0
    noisy = solve(tmp_path, TWO_LINES.format(**CASES["exists"][0]), capsys, "--noise", "0.2")["strategic_ranks"]
    assert (noisy["certain"], noisy["confidence"]) == (0.0, 0.95)


def test_noise_on_the_command_line_takes_the_place_of_the_contests_own(tmp_path: Path, capsys) -> None:
    assert solve(tmp_path, NOISY, capsys, "--noise", "0.1")["incentive"]["noise_sd"] == [0.1, 0.1]
    assert solve(tmp_path, NOISY, capsys, "--noise", "0")["incentive"]["noise_sd"] is None
    silent = solve(tmp_path, TWO_LINES.format(**CASES["none"][0]), capsys)
    assert silent["incentive"]["noise_sd"] is None
    assert silent["incentive"]["level_for_tolerance"]["status"] == "unknown"
    assert silent["dominance"]["status"] == "unknown"


def test_the_text_begins_with_what_gaming_gains(tmp_path: Path, capsys) -> None:
    file = tmp_path / "contest.toml"
    file.write_text(SATURATING)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("sys.argv", ["headstart", "solve", str(file)])
        main()
    lines = capsys.readouterr().out.splitlines()
    assert "gains most by tuning under direct evaluation" in lines[0]
    assert lines[1].startswith("From level ") and "nobody gains more than 1 %" in lines[1]
    assert "Honesty is the only equilibrium at every level tried from" in lines[2]
    assert "not tuning is best whatever the others do" in lines[3]
    assert "keep their order in every equilibrium and beyond noise" in lines[4]
