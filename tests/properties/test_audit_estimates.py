"""Whatever an audit states as an estimate lies inside its own interval, in the values and as it is printed."""

import io
import math
import re

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from headstart.auditing.audit import audit
from headstart.auditing.level_values import Estimate, Level
from headstart.auditing.values import Audit
from headstart.data.trajectories import Trajectories
from headstart.report.terminal import print_audit

BRACKETS = re.compile(r"(?P<value>[\d.,]+)(?P<percent> %)? \[(?P<low>[\d.,]+)–(?P<high>[\d.,]+)(?: %)?\]")


@st.composite
def fields(draw: st.DrawFn) -> Trajectories:
    """A few models on rising, falling, flat or crossing curves, measured at a few steps, not all by all models."""
    n, seed = draw(st.integers(2, 6)), draw(st.integers(0, 2**16))
    steps = draw(st.sampled_from([(0, 10, 100), (0, 5, 20, 80, 320), (10, 30, 100, 300), (0, 1000)]))
    noise = draw(st.sampled_from([0.001, 0.01, 0.04]))
    stated = draw(st.booleans())
    random = np.random.default_rng(seed)
    rows = []
    for m in range(n):
        floor, rise, middle = random.uniform(0.1, 0.5), random.uniform(-0.3, 0.4), random.uniform(0.0, 6.0)
        for step in steps:
            if step != steps[0] and step != steps[-1] and random.random() < 0.15:
                continue
            score = floor + rise / (1 + math.exp(-2 * (math.log1p(step) - middle))) + random.normal(0, noise)
            rows.append((f"m{m}", step, min(max(score, 0.0), 1.0)))
    names, at, scores = zip(*rows, strict=True)
    return Trajectories.from_rows(
        model=names, step=at, score=scores, stderr=[noise] * len(rows) if stated else None, benchmark="random"
    )


def printed(found: Audit) -> str:
    stream = io.StringIO()
    print_audit(found, Console(file=stream, width=200), full=True)
    return stream.getvalue()


def estimates(level: Level) -> list[Estimate]:
    return [level.incentive.share, level.incentive.gain, level.incentive.burnt]


def inside(value: float | None, low: float | None, high: float | None) -> bool:
    if value is None:
        return True
    return (low is None or low <= value) and (high is None or value <= high)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(given_field=fields())
def test_every_estimate_lies_inside_its_interval(given_field: Trajectories) -> None:
    found = audit(given_field, draws=30, backtest_fraction=None)
    for level in found.levels:
        assert all(one.low <= one.value <= one.high for one in estimates(level))
        assert inside(level.kendall_tau_to_reference, level.kendall_tau_interval.low, level.kendall_tau_interval.high)
        for price in level.prices:
            assert inside(price.effort, price.low, price.high)
        for shape, value in level.critical_stakes.items():
            bounds = level.critical_stakes_interval[shape]
            assert inside(value, bounds.low, bounds.high)
        for one in level.standings:
            assert one.best_rank <= one.rank <= one.worst_rank
    for model in found.models:
        for rank, bounds in (
            (model.direct_rank, model.direct_rank_interval),
            (model.tuned_rank, model.tuned_rank_interval),
        ):
            assert (rank is None) == (bounds is None)
            assert bounds is None or bounds[0] <= (rank or 0) <= bounds[1]
    curve = found.incentive_curve
    assert all(a <= b <= c for a, b, c in zip(curve.low, curve.share, curve.high, strict=True))
    stable = found.stabilising_level
    assert inside(stable.level, stable.low, stable.high)
    text = printed(found)
    for match in BRACKETS.finditer(text):
        low, value, high = (float(match[key].replace(",", "")) for key in ("low", "value", "high"))
        assert low <= value <= high, match[0]
    assert not re.search(r"\d\.\d*e[-+]\d", text), "no number that nobody can use"


def test_the_printed_form_is_found() -> None:
    assert BRACKETS.search("0.3 % [0–3 %] of first prize")
    assert BRACKETS.search("4 [3–9] 0.635")


def test_one_short_model_moves_no_other() -> None:
    steps = (0, 10, 30, 100, 300, 1000)

    def rows(short: bool) -> list[tuple[str, int, float]]:
        random = np.random.default_rng(2)
        whole = [
            (f"m{m}", step, 0.3 + 0.05 * m + 0.3 / (1 + math.exp(-math.log1p(step) + 4)) + random.normal(0, 0.004))
            for m in range(4)
            for step in steps
        ]
        return whole + ([("short", 0, 0.2), ("short", 10, 0.21)] if short else [])

    def audited(short: bool) -> Audit:
        names, at, scores = zip(*rows(short), strict=True)
        stderr = [0.004] * len(names)
        given_field = Trajectories.from_rows(model=names, step=at, score=scores, stderr=stderr, benchmark="b")
        return audit(given_field, draws=30, backtest_fraction=None)

    plain, with_short = audited(False), audited(True)
    assert [level.level for level in with_short.levels] == [level.level for level in plain.levels]
    assert with_short.levels[-1].absent == ("short",)
    for one, other in zip(plain.models, [m for m in with_short.models if m.name != "short"], strict=True):
        assert one.name == other.name
        assert one.tuned_score == other.tuned_score
