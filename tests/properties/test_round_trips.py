"""What is written reads back the same, and no bytes whatever end in anything but a message."""

import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headstart.contest.contest import Contest
from headstart.contest.contest_file import (
    contest_document,
    contest_from_document,
    read_contest,
    read_document,
    write_contest,
)
from headstart.contest.costs import PointsCost, PowerCost
from headstart.contest.curves import Exponential, Linear, LogitPower, Points
from headstart.contest.tables import CostTable, CurveTable
from headstart.data.lm_eval import import_lm_eval
from headstart.data.rows import TrajectoryRow
from headstart.data.trajectory_files import read_rows, read_trajectories, write_trajectories
from headstart.errors import InputError

names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).filter(lambda s: s == s.strip())
shares = st.floats(0, 1)
positive = st.floats(1e-9, 1e9)
numbers = st.floats(-1e6, 1e6)


def written(name):
    """What two models' names must differ in: readers cannot tell case and blanks apart."""
    return " ".join(name.split()).casefold()


@st.composite
def rows(draw):
    models = draw(st.lists(names, min_size=1, max_size=4, unique_by=written))
    costs = {model: draw(positive) for model in models}
    has_costs, benchmark = draw(st.booleans()), draw(st.none() | names)
    keys = draw(
        st.lists(
            st.tuples(st.sampled_from(models), st.floats(0, 1e12), st.none() | names),
            min_size=1,
            max_size=12,
            unique=True,
        )
    )
    taken = {written(model) for model in models}
    untunable = draw(st.lists(names.filter(lambda name: written(name) not in taken), max_size=2, unique_by=written))
    measured = [
        TrajectoryRow(
            benchmark=benchmark,
            model=model,
            step=step,
            score=draw(shares),
            stderr=draw(st.none() | st.floats(0, 0.5)),
            n_items=draw(st.none() | st.integers(1, 10**6)),
            seed=seed,
            cost_per_step=costs[model] if has_costs else None,
            outcome=draw(st.sampled_from([None, "complete", "no gain", "forgets"])),
            plan_hash=draw(st.none() | names),
        )
        for model, step, seed in keys
    ]
    lost = draw(st.lists(st.booleans(), min_size=len(measured) - 1, max_size=len(measured) - 1))
    rest = [
        replace(row, score=None, stderr=None, outcome="diverged") if gone else row
        for row, gone in zip(measured[1:], lost, strict=True)
    ]
    apart = [
        TrajectoryRow(benchmark=benchmark, model=name, step=0, score=draw(shares), outcome="untunable")
        for name in untunable
    ]
    return (measured[0], *rest, *apart)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
@given(rows=rows())
@example(
    rows=(TrajectoryRow(model='a"b', step=0, score=1), TrajectoryRow(model="a\u2028;\u00e9", step=0.1, score=-0.0))
)
def test_rows_survive_every_format(suffix, rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"t.{suffix}"
        write_trajectories(rows, path)
        assert read_rows(path) == rows


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
@given(rows=rows())
def test_trajectories_survive_every_format(suffix, rows):
    with tempfile.TemporaryDirectory() as folder:
        write_trajectories(rows, Path(folder) / "first.csv")
        first = read_trajectories(Path(folder) / "first.csv")
        write_trajectories(first, Path(folder) / f"second.{suffix}")
        second = read_trajectories(Path(folder) / f"second.{suffix}", cost_unit=first.cost_unit)
    assert second.models == first.models
    assert (second.benchmark, second.seed, second.cost_unit) == (first.benchmark, first.seed, first.cost_unit)
    assert (second.outcome, second.plan_hash, second.unscored) == (first.outcome, first.plan_hash, first.unscored)
    for field in ("model", "step", "score", "stderr", "cost_per_step"):
        np.testing.assert_array_equal(getattr(second, field), getattr(first, field))
    apart, again = first.untunable, second.untunable
    assert (apart is None) == (again is None)
    if apart is not None and again is not None:
        assert (again.models, again.score.tolist()) == (apart.models, apart.score.tolist())


def rising(length, start):
    """Values that rise strictly from ``start``, with steps coarse enough to stay distinct."""
    return st.lists(st.integers(1, 1000), min_size=length - 1, max_size=length - 1).map(
        lambda gaps: [start, *(start + total / 7 for total in np.cumsum(gaps).tolist())]
    )


@st.composite
def curves(draw):
    kind = draw(st.sampled_from(["logit_power", "exponential", "linear", "points"]))
    if kind == "linear":
        return Linear(intercept=draw(numbers), slope=draw(st.floats(0, 1e6)))
    if kind == "points":
        length = draw(st.integers(1, 4))
        return Points(effort=draw(rising(length, 0)), score=draw(rising(length, 0.25)))
    low, high = sorted((draw(numbers), draw(numbers)))
    if kind == "exponential":
        return Exponential(floor=low, ceiling=high, rate=draw(positive))
    return LogitPower(L=low, U=high, alpha=draw(numbers), beta=draw(positive))


@st.composite
def costs(draw):
    if draw(st.booleans()):
        return PowerCost(scale=draw(positive), exponent=draw(st.floats(1, 9)), free=draw(st.floats(0, 1e6)))
    effort = draw(rising(draw(st.integers(2, 4)), 0))
    scale = draw(st.integers(1, 100))
    return PointsCost(effort=effort, cost=[scale * e * e for e in effort])


@st.composite
def contests(draw):
    listed = tuple(draw(st.lists(names, min_size=1, max_size=5, unique=True)))
    n = len(listed)
    noise = draw(st.none() | st.lists(st.floats(0, 1), min_size=n, max_size=n).filter(any))
    return Contest(
        names=listed,
        curves=CurveTable.of([draw(curves()) for _ in listed]),
        costs=CostTable.of([draw(costs()) for _ in listed]),
        rewards=sorted((draw(numbers) for _ in listed), reverse=True),
        level=draw(st.floats(0, 1e9)),
        max_effort=np.array([draw(st.just(math.inf) | st.floats(0, 1e9)) for _ in listed]),
        tie_break=draw(st.sampled_from(["capability", "listed"])),
        noise_sd=None if noise is None else np.array(noise),
    )


@pytest.mark.parametrize("suffix", ["toml", "json"])
@given(contest=contests())
def test_a_contest_survives_its_file_to_the_last_bit(suffix, contest):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"c.{suffix}"
        write_contest(contest, path)
        read, exact = read_contest(path), read_document(path)
    assert contest_document(read) == contest_document(contest)
    np.testing.assert_array_equal(read.scores(), contest.scores())
    np.testing.assert_array_equal(read.costs.cost(10.0), contest.costs.cost(10.0))
    # the decimals of the exact reader are the ones that round to the numbers of the contest
    for at, model in enumerate(exact["models"]):
        if model["max_effort"] is not None:
            assert float(model["max_effort"]) == contest.max_effort[at]
    assert [float(reward) for reward in exact["rewards"]] == contest.rewards.tolist()


def only_input_errors(read, path):
    try:
        read(path)
    except InputError as error:
        assert error.file or "must be" in str(error)


table_like = st.text(st.sampled_from("model,step,score\n\r\t;\"'0159.-eainf\x00\ufeffé{}[]:"), max_size=80)
headed = table_like.map(lambda text: "model,step,score,stderr,seed\n" + text)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
@given(data=st.binary(max_size=80) | table_like.map(str.encode) | headed.map(str.encode))
@example(data=b"PAR1PAR1")
@example(data=b"PAR1" + b"\xff" * 30 + b"PAR1")
def test_no_bytes_crash_the_reader_of_trajectories(suffix, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"t.{suffix}"
        path.write_bytes(data)
        only_input_errors(read_trajectories, path)


KEYS = ["schema", "level", "rewards", "models", "defaults", "noise_sd", "tie_break", "name", "curve", "cost", "kind"]
KEYS += [
    "max_effort",
    "value",
    "k",
    "ratio",
    "L",
    "U",
    "alpha",
    "beta",
    "floor",
    "ceiling",
    "rate",
    "intercept",
    "slope",
]
KEYS += ["effort", "score", "scale", "exponent", "free"]
WORDS = ["headstart.contest/1", "linear", "power", "points", "winner", "logit_power", "a", "", "\ud800", "listed"]
plain = st.none() | st.booleans() | st.integers(-3, 3) | st.just(10**400) | st.floats() | st.sampled_from(WORDS)
documents = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)


@st.composite
def nearly_contests(draw):
    """A sound document with one part replaced by anything."""
    document = json.loads(json.dumps(contest_document(draw(contests()))))
    inner = document
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = draw(st.sampled_from(keys))
        if isinstance(inner[key], (dict, list)) and inner[key] and draw(st.booleans()):
            inner = inner[key]
            continue
        inner[key] = draw(documents)
        return document


@given(document=nearly_contests() | st.dictionaries(st.sampled_from(KEYS), documents))
def test_no_document_crashes_the_reader_of_contests(document):
    try:
        contest_from_document(document, source="c.json")
    except InputError as error:
        assert error.file == "c.json"


@pytest.mark.parametrize("suffix", ["toml", "json"])
@given(data=st.binary(max_size=80) | st.text(st.sampled_from('[]{}="\n.,:#levrads01-eE '), max_size=60).map(str.encode))
def test_no_bytes_crash_the_reader_of_contests(suffix, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"c.{suffix}"
        path.write_bytes(data)
        only_input_errors(read_contest, path)


RESULT_KEYS = [
    "results",
    "groups",
    "group_subtasks",
    "n-samples",
    "higher_is_better",
    "date",
    "t",
    "u",
    "acc,none",
    "acc",
]
RESULT_KEYS += ["acc_stderr,none", "effective", "original", "sample_len", "alias", "versions"]


@given(
    result=st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(RESULT_KEYS), inner, max_size=4),
        max_leaves=12,
    ),
    entry=st.dictionaries(st.sampled_from(RESULT_KEYS), plain, max_size=4),
)
def test_no_result_file_crashes_the_importer(result, entry):
    document = {**result, "results": {"t": entry}} if isinstance(result, dict) else result
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m" / "1.json"
        path.parent.mkdir()
        path.write_text(json.dumps(document))
        only_input_errors(lambda place: import_lm_eval(place, "{model}/{step}.json"), folder)
