"""A contest file says what its contract says, in TOML and in JSON."""

import io
import json
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.contest.contest_file import (
    contest_document,
    contest_from_document,
    read_contest,
    read_document,
    write_contest,
)
from headstart.contest.costs import PointsCost, PowerCost
from headstart.contest.curves import Exponential, Linear, LogitPower, Points
from headstart.errors import InputError

# the file of the contract, word for word
CONTRACT = """
schema = "headstart.contest/1"
level = 0.0                       # tune-before-test level D; 0 is direct evaluation
rewards = [1.0, 0.0]
tie_break = "capability"
noise_sd = 0.0

[[models]]
name = "strong"
curve = { kind = "linear", intercept = 1.0, slope = 1.0 }
cost = { kind = "power", scale = 1.0, exponent = 1.0, free = 0.0 }
max_effort = 0.7

[[models]]
name = "weak"
curve = { kind = "linear", intercept = 0.5, slope = 1.0 }
cost = { kind = "power", scale = 1.0, exponent = 1.0, free = 0.0 }
"""


def document(**changes):
    base = {
        "schema": "headstart.contest/1",
        "rewards": [1, 0.5, 0],
        "defaults": {"cost": {"kind": "power", "scale": 2}},
        "models": [
            {"name": name, "curve": {"kind": "linear", "intercept": 1 - at / 10, "slope": 1}}
            for at, name in enumerate("abc")
        ],
    }
    return {**base, **changes}


def models(*entries):
    """A document with these keys added to the first models."""
    built = document()["models"]
    for model, entry in zip(built, entries, strict=False):
        model.update(entry)
    return document(models=built)


def test_the_file_of_the_contract_is_read(tmp_path):
    path = tmp_path / "contest.toml"
    path.write_text(CONTRACT)
    contest = read_contest(path)
    assert contest.names == ("strong", "weak")
    assert contest.rewards.tolist() == [1, 0]
    assert contest.max_effort.tolist() == [0.7, np.inf]
    assert (contest.level, contest.tie_break, contest.noise_sd) == (0, "capability", None)
    assert contest.scores([0, 1]).tolist() == [1, 1.5]
    assert contest.costs.cost(3).tolist() == [3, 3]


def test_toml_json_and_standard_input_say_the_same(tmp_path, monkeypatch):
    data = document(level=10)
    (tmp_path / "c.json").write_text(json.dumps(data))
    expected = contest_document(contest_from_document(data))
    assert contest_document(read_contest(tmp_path / "c.json")) == expected
    write_contest(contest_from_document(data), tmp_path / "c.toml")
    assert contest_document(read_contest(tmp_path / "c.toml")) == expected
    for name in ("c.json", "c.toml"):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO((tmp_path / name).read_bytes())))
        assert contest_document(read_contest("-")) == expected


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([3, 2, 2], [3, 2, 2]),
        ({"kind": "winner", "value": 4}, [4, 0, 0]),
        ({"kind": "winner"}, [1, 0, 0]),
        ({"kind": "top", "k": 2, "value": 4}, [4, 4, 0]),
        ({"kind": "linear", "value": 4}, [4, 2, 0]),
        ({"kind": "geometric", "value": 4, "ratio": 0.5}, [4, 2, 1]),
    ],
)
def test_rewards_are_a_list_or_a_shape(rewards, expected):
    assert contest_from_document(document(rewards=rewards)).rewards.tolist() == expected


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (
            {"kind": "logit_power", "L": 0.2, "U": 0.9, "alpha": -1, "beta": 0.5},
            LogitPower(L=0.2, U=0.9, alpha=-1, beta=0.5),
        ),
        (
            {"kind": "exponential", "floor": 0.2, "ceiling": 0.9, "rate": 0.1},
            Exponential(floor=0.2, ceiling=0.9, rate=0.1),
        ),
        ({"kind": "linear", "intercept": 0.2, "slope": 0.1}, Linear(intercept=0.2, slope=0.1)),
        ({"kind": "points", "effort": [0, 10], "score": [0.2, 0.4]}, Points(effort=[0, 10], score=[0.2, 0.4])),
    ],
)
def test_every_kind_of_curve_is_read(curve, expected):
    contest = contest_from_document(models({"curve": curve}))
    assert type(contest.curves[0]) is type(expected)
    assert contest.scores(5.0)[0] == expected.score(5.0)
    assert contest.scores(5.0)[1] == 0.9 + 5  # the others keep their own


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ({"kind": "power", "scale": 2, "exponent": 1.5, "free": 1}, PowerCost(scale=2, exponent=1.5, free=1)),
        ({"kind": "power", "scale": 3}, PowerCost(scale=3, exponent=1, free=0)),
        ({"kind": "points", "effort": [0, 1, 2], "cost": [0, 1, 3]}, PointsCost(effort=[0, 1, 2], cost=[0, 1, 3])),
    ],
)
def test_every_kind_of_cost_is_read(cost, expected):
    contest = contest_from_document(models({"cost": cost}))
    assert contest.costs.cost(4.0).tolist() == [float(expected.cost(4.0)), 8, 8]


def test_defaults_hold_for_models_that_say_nothing_else():
    data = models({"cost": {"kind": "power", "scale": 5}, "max_effort": 1})
    data["defaults"]["max_effort"] = 7
    contest = contest_from_document(data)
    assert contest.costs.cost(1.0).tolist() == [5, 2, 2]
    assert contest.max_effort.tolist() == [1, 7, 7]


@pytest.mark.parametrize(("noise", "expected"), [(0.1, [0.1] * 3), ([0, 0.1, 0.2], [0, 0.1, 0.2])])
def test_noise_is_one_number_or_one_per_model(noise, expected):
    assert contest_from_document(document(noise_sd=noise)).noise_sd.tolist() == expected


def test_models_of_one_family_are_evaluated_as_one_batch():
    assert len(contest_from_document(document()).curves.families) == 1


def test_json_documents_carry_schema_version_and_time(tmp_path):
    write_contest(contest_from_document(document()), tmp_path / "c.json")
    written = json.loads((tmp_path / "c.json").read_text())
    assert list(written)[:3] == ["schema", "headstart_version", "created_at"]


def test_exact_numbers_are_the_decimals_written_in_the_file(tmp_path):
    (tmp_path / "c.toml").write_text(CONTRACT.replace("intercept = 1.0", "intercept = 0.1000000000000000000000001"))
    read = read_document(tmp_path / "c.toml")
    assert read["models"][0]["curve"]["intercept"] == Decimal("0.1000000000000000000000001")
    assert read["rewards"] == [Decimal("1.0"), Decimal("0.0")]


def test_exact_documents_have_their_defaults_filled_in(tmp_path):
    data = document(rewards={"kind": "winner"})
    data["defaults"]["max_effort"] = 0.3
    (tmp_path / "c.json").write_text(json.dumps(data))
    read = read_document(tmp_path / "c.json")
    assert set(read) == {"schema", "level", "rewards", "tie_break", "noise_sd", "models"}
    assert read["rewards"] == {"kind": "winner", "value": 1}
    assert (read["level"], read["tie_break"], read["noise_sd"]) == (0, "capability", None)
    for model in read["models"]:
        assert model["cost"] == {"kind": "power", "scale": 2, "exponent": 1, "free": 0}
        assert model["max_effort"] == Decimal("0.3")


def test_a_bad_document_is_refused_by_the_exact_reader_too(tmp_path):
    (tmp_path / "c.json").write_text(json.dumps(document(rewards=[0, 1, 2])))
    with pytest.raises(InputError, match="non-increasing"):
        read_document(tmp_path / "c.json")


def test_another_suffix_is_refused_when_writing(tmp_path):
    with pytest.raises(InputError, match=r"must end in .toml or .json, got '.yaml'"):
        write_contest(contest_from_document(document()), tmp_path / "c.yaml")
    assert list(tmp_path.iterdir()) == []
