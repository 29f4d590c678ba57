"""What scripts and notebooks call: one line in, results that show themselves."""

import json
import math
from pathlib import Path

import altair as alt
import numpy as np
import polars as pl
import pytest

import headstart
from headstart.errors import InputError

STEPS = (0, 10, 100, 1000)


def scores() -> pl.DataFrame:
    random = np.random.default_rng(1)
    rows = [
        {"model": f"m{m}", "step": step, "stderr": 0.005,
         "score": 0.3 + 0.1 * m + 0.2 / (1 + math.exp(3 - math.log1p(step))) + random.normal(0, 0.005)}
        for m in range(3) for step in STEPS
    ]  # fmt: skip
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def found() -> headstart.AuditResult:
    return headstart.audit(scores(), rewards="linear:50", draws=60, backtest_fraction=None)


def test_the_short_form_is_the_decision(found: headstart.AuditResult) -> None:
    assert repr(found).startswith("<audit of ")
    assert repr(found).endswith(f": 3 models, 4 levels. {found.decision.headline}>")


def test_figures_are_frames(found: headstart.AuditResult) -> None:
    levels = found.levels()
    assert levels["level"].to_list() == list(STEPS)
    assert levels["recommended"].sum() == (found.decision.level is not None)
    assert (levels["gain_low"] <= levels["gain"]).all() and (levels["gain"] <= levels["gain_high"]).all()
    models = found.models()
    assert models["tuned_rank"].to_list() == [1, 2, 3]
    assert models["model"].to_list() == ["m2", "m1", "m0"]
    assert len(found.prices()) == 4 * 2
    assert found.prices(level=100)["level"].unique().to_list() == [100.0]
    with pytest.raises(InputError, match="level must be one of those reported, 0, 10, 100, 1000, got 7"):
        found.prices(level=7)


def test_a_notebook_shows_the_decision_and_the_picture(found: headstart.AuditResult) -> None:
    shown = found._repr_html_()
    assert found.decision.headline in shown
    assert "<svg" in shown and "<script" not in shown
    assert isinstance(found.plot(), alt.LayerChart)
    assert "var(--" not in found.plot().to_json()


def test_files_are_those_of_the_command(found: headstart.AuditResult, tmp_path: Path) -> None:
    found.write_html(tmp_path / "audit.html")
    found.write_json(tmp_path / "audit.json")
    assert found.decision.headline in (tmp_path / "audit.html").read_text()
    assert json.loads((tmp_path / "audit.json").read_text())["run_id"] == found.values.run.id


def test_frames_files_and_values_are_taken_alike(found: headstart.AuditResult, tmp_path: Path) -> None:
    scores().write_csv(tmp_path / "scores.csv")
    options = {"rewards": "linear:50", "draws": 60, "backtest_fraction": None}
    from_file = headstart.audit(tmp_path / "scores.csv", **options)
    from_value = headstart.audit(headstart.read_trajectories(tmp_path / "scores.csv"), **options)
    assert from_file.decision == from_value.decision == found.decision
    assert from_file.values.source == "scores.csv"


def test_a_fitted_contest_can_be_proved(found: headstart.AuditResult) -> None:
    contest = found.contest()
    assert headstart.solve_pure(contest).verdict in ("exists", "none")
    lines = headstart.CurveTable.of([headstart.Linear(intercept=b, slope=1.0) for b in (1.0, 0.5)])
    costs = headstart.CostTable.batch(headstart.PowerCost(), 2)
    proof = headstart.prove(headstart.Contest(names=("a", "b"), curves=lines, costs=costs, rewards=[1.0, 0.0]))
    assert headstart.verify(proof).ok


def test_a_design_is_the_audit_at_the_upper_stakes(found: headstart.AuditResult) -> None:
    chosen = headstart.design(scores(), stakes="linear:5:50")
    assert chosen.values.stakes.high == 50
    assert chosen.protocols()["protocol"].to_list()[0] == "direct"
    assert chosen.decision is not None and chosen.decision.headline in repr(chosen)


def test_two_columns_are_compared_and_curves_are_not(tmp_path: Path) -> None:
    table = pl.DataFrame({"model": ["a", "b"], "direct": [0.3, 0.5], "tuned": [0.6, 0.5], "n_items": [500, 500]})
    result = headstart.compare(table)
    assert result.values.decision.sentence in repr(result)
    result.write_html(tmp_path / "t.html")
    assert (tmp_path / "t.html").read_text() == result.html()
    with pytest.raises(InputError, match=r"headstart\.audit uses all of them"):
        headstart.compare(scores())
    with pytest.raises(InputError, match="results must be a path or a data frame, got int"):
        headstart.audit(3)  # pyright: ignore[reportArgumentType]


def test_runs_and_imports_are_public() -> None:
    assert all(callable(one) for one in (headstart.run_plan, headstart.read_plan, headstart.import_lm_eval))
