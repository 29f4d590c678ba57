"""Every way to spoil a contest file ends in a message that names the file and the key."""

import copy
import json

import pytest

from headstart.contest.contest_file import contest_from_document, read_contest
from headstart.errors import InputError

LINE = {"kind": "linear", "intercept": 1, "slope": 1}
BASE = {
    "schema": "headstart.contest/1",
    "rewards": [1, 0],
    "models": [
        {"name": "a", "curve": dict(LINE), "cost": {"kind": "power", "scale": 1}},
        {"name": "b", "curve": dict(LINE), "cost": {"kind": "power", "scale": 1}},
    ],
}

# where to put what (None: take it away), the key in the message, words of the message
SPOILT = {
    "no schema": (["schema"], None, "schema", "schema is missing"),
    "another schema": (
        ["schema"],
        "headstart.contest/9",
        "schema",
        "must be 'headstart.contest/1', got 'headstart.contest/9'",
    ),
    "a misspelt key": (["levle"], 1, "levle", 'unknown key; did you mean "level"'),
    "a key of no meaning": (["colour"], 1, "colour", "unknown key; known keys: schema, "),
    "a negative level": (["level"], -1, "level", "level must be >= 0, got -1"),
    "a level in words": (["level"], "high", "level", "must be a number, got 'high'"),
    "true for a level": (["level"], True, "level", "must be a number, got True"),
    "another tie-break": (["tie_break"], "coin", "tie_break", "must be 'capability' or 'listed', got 'coin'"),
    "no rewards": (["rewards"], None, "rewards", "rewards is missing"),
    "rewards in words": (
        ["rewards"],
        "winner",
        "rewards",
        "must be a list of numbers, or a table whose kind is one of",
    ),
    "too few rewards": (["rewards"], [1], "rewards", "must be 2 long, one per model, got 1"),
    "too many rewards": (["rewards"], [1, 0, 0], "rewards", "must be 2 long, one per model, got 3"),
    "rewards that rise": (["rewards"], [0, 1], "rewards", "must be non-increasing with rank"),
    "a reward in words": (["rewards"], [1, "0"], "rewards[1]", "must be a number, got '0'"),
    "another kind of rewards": (
        ["rewards"],
        {"kind": "lottery"},
        "rewards.kind",
        "one of winner, top, linear, geometric, got 'lottery'",
    ),
    "a reward shape without its number": (["rewards"], {"kind": "top"}, "rewards.k", "k is missing"),
    "half a rank": (["rewards"], {"kind": "top", "k": 1.5}, "rewards.k", "must be a whole number, got 1.5"),
    "no rank": (["rewards"], {"kind": "top", "k": 0}, "rewards.k", "k must be >= 1, got 0"),
    "a ratio of one": (["rewards"], {"kind": "geometric", "ratio": 1}, "rewards.ratio", "between 0 and 1"),
    "a negative reward": (["rewards"], {"kind": "winner", "value": -1}, "rewards.value", ">= 0, got -1"),
    "noise for one of two": (["noise_sd"], [0.1], "noise_sd", "must be 2 long, one per model, got 1"),
    "negative noise": (["noise_sd"], -0.1, "noise_sd", "noise_sd must be >= 0"),
    "noise in words": (["noise_sd"], "some", "noise_sd", "must be a number, or a list of one number per model"),
    "no models": (["models"], [], "models", "must be a non-empty list"),
    "a model that is no table": (["models", 1], 7, "models[1]", "must be a table, got 7"),
    "a model without a name": (["models", 1, "name"], None, "models[1].name", "name is missing"),
    "an empty name": (["models", 1, "name"], "", "models[1].name", "must not be empty"),
    "a name twice": (["models", 1, "name"], "a", "models[1].name", r"must be unique, got 'a' as in models\[0\]"),
    "a control character": (["models", 1, "name"], "b\x1b[2J", "models[1].name", "control characters"),
    "a negative cap": (["models", 1, "max_effort"], -1, "models[1].max_effort", "max_effort must be >= 0, got -1"),
    "a misspelt key of a model": (["models", 1, "cots"], 1, "models[1].cots", 'did you mean "cost"'),
    "no curve": (["models", 1, "curve"], None, "models[1].curve", "curve is missing"),
    "a curve that is no table": (
        ["models", 1, "curve"],
        3,
        "models[1].curve",
        "a table whose kind is one of logit_power",
    ),
    "another kind of curve": (
        ["models", 1, "curve", "kind"],
        "cubic",
        "models[1].curve.kind",
        "must be one of .*, got 'cubic'",
    ),
    "a curve without its kind": (
        ["models", 1, "curve", "kind"],
        None,
        "models[1].curve.kind",
        "must be one of .*, got None",
    ),
    "a curve without a constant": (["models", 1, "curve", "slope"], None, "models[1].curve.slope", "slope is missing"),
    "a curve with a misspelt constant": (
        ["models", 1, "curve", "slop"],
        1,
        "models[1].curve.slop",
        'did you mean "slope"',
    ),
    "a constant named like a kind": (["models", 1, "curve", "linear"], 1, "models[1].curve.linear", "unknown key"),
    "a falling line": (["models", 1, "curve", "slope"], -1, "models[1].curve.slope", "slope must be >= 0, got -1"),
    "a number too large": (["models", 1, "curve", "slope"], 10**400, "models[1].curve.slope", "slope must be"),
    "a law that does not learn": (
        ["models", 1, "curve"],
        {"kind": "logit_power", "L": 0, "U": 1, "alpha": 0, "beta": 0},
        "models[1].curve.beta",
        "beta must be > 0, got 0.0",
    ),
    "points that fall": (
        ["models", 1, "curve"],
        {"kind": "points", "effort": [0, 1], "score": [1, 0]},
        "models[1].curve.score",
        "score must be non-decreasing",
    ),
    "no cost": (["models", 1, "cost"], None, "models[1].cost", r"cost is missing, and \[defaults\] gives none"),
    "another kind of cost": (
        ["models", 1, "cost", "kind"],
        "free",
        "models[1].cost.kind",
        "one of power, points, got 'free'",
    ),
    "a concave cost": (
        ["models", 1, "cost", "exponent"],
        0.5,
        "models[1].cost.exponent",
        "exponent must be >= 1.*concave.*got 0.5",
    ),
    "a concave cost by points": (
        ["models", 1, "cost"],
        {"kind": "points", "effort": [0, 1, 2], "cost": [0, 2, 3]},
        "models[1].cost.cost",
        "convex",
    ),
    "a bad default": (
        ["defaults"],
        {"cost": {"kind": "power", "scales": 1}},
        "defaults.cost.scales",
        'did you mean "scale"',
    ),
    "a default that cannot be one": (
        ["defaults"],
        {"curve": LINE},
        "defaults.curve",
        "unknown key; known keys: cost, max_effort",
    ),
}


def spoil(path, value):
    document = copy.deepcopy(BASE)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


@pytest.mark.parametrize("case", SPOILT)
def test_a_document(case):
    path, value, key, words = SPOILT[case]
    with pytest.raises(InputError, match=words) as caught:
        contest_from_document(spoil(path, value), source="contest.toml")
    assert (caught.value.file, caught.value.field) == ("contest.toml", key)
    assert caught.value.exit_status == 2


def test_the_document_that_is_spoilt_here_is_sound():
    assert contest_from_document(BASE).names == ("a", "b")


def test_a_default_cost_is_checked_where_it_is_used():
    document = spoil(["models", 1, "cost"], None) | {"defaults": {"cost": {"kind": "power", "scale": 0}}}
    with pytest.raises(InputError, match="scale must be > 0") as caught:
        contest_from_document(document)
    assert caught.value.field == "defaults.cost.scale"


def test_the_number_of_further_mistakes_is_told():
    with pytest.raises(InputError, match=r"\(and 2 more problems\)"):
        contest_from_document({**BASE, "level": -1, "x": 1, "y": 2})


TEXT = json.dumps(BASE)
SPOILT_FILES = {
    "nothing": ("c.toml", "", None, "is empty"),
    "TOML under another name": ("c.json", "level = 1", 1, "not well-formed JSON"),
    "JSON under another name": ("c.toml", TEXT, 1, "not well-formed TOML"),
    "a list": ("c.json", "[1]", None, "must hold a JSON object"),
    "a broken third line": ("c.toml", 'schema = "x"\n\nlevel = = 1\n', 3, "not well-formed TOML"),
    "a key twice in TOML": ("c.toml", "level = 1\nlevel = 2\n", 2, "not well-formed TOML"),
    "a key twice in JSON": ("c.json", '{"level": 1, "level": 2}', None, 'the key "level" is repeated'),
    "not a number in JSON": ("c.json", '{"level": NaN}', None, "must be finite, got NaN"),
    "not a number in TOML": ("c.toml", 'schema = "headstart.contest/1"\nlevel = nan\n', None, "finite number"),
    "infinity": ("c.toml", 'schema = "headstart.contest/1"\nlevel = inf\n', None, "finite number"),
    "a number that rounds to 0": (
        "c.json",
        TEXT.replace('"scale": 1', '"scale": 1e-999999999'),
        None,
        "at least 5e-324",
    ),
    "a number with too many digits": ("c.json", TEXT.replace("[1, 0]", f"[1{'0' * 5000}, 0]"), None, "not well-formed"),
    "endless nesting": ("c.json", "[" * 200_000, None, "nested too deeply|not well-formed"),
    "another encoding": ("c.toml", b'schema = "caf\xe9"', 1, "must be UTF-8 text, got byte 0xe9"),
    "another suffix": ("c.yaml", TEXT, None, "must end in .toml or .json, got '.yaml'"),
}


@pytest.mark.parametrize("case", SPOILT_FILES)
def test_a_file(tmp_path, case):
    name, content, row, words = SPOILT_FILES[case]
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=words) as caught:
        read_contest(path)
    assert (caught.value.file, caught.value.row) == (str(path), row)


@pytest.mark.parametrize(("name", "words"), [("none.toml", "does not exist"), ("folder.toml", "got a folder")])
def test_a_path_that_cannot_be_read_is_named(tmp_path, name, words):
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(InputError, match=words) as caught:
        read_contest(tmp_path / name)
    assert caught.value.file == str(tmp_path / name)
