"""The bill of a run follows from what was measured."""

import pytest

from headstart.report.tuning import bill_text, duration, print_dry_run
from headstart.tune.dry_run import DryRun, dry_run_document
from headstart.tune.folder import RunFolder
from headstart.tune.forecast import Forecast, Measured, Unmeasured, read_forecast, write_forecast
from headstart.tune.plan import ModelSpec, Plan, Recipe, TaskSpec


def plan(**changes) -> Plan:
    return Plan(
        **{
            "name": "bill",
            "models": (ModelSpec(name="small", source="/m/s"), ModelSpec(name="large", source="/m/l")),
            "tasks": (TaskSpec(name="t", kind="multiple_choice", train="/t/train.jsonl", test="/t/test.jsonl"),),
            "recipes": (Recipe(),),
            "levels": (0, 10, 100),
            "seeds": (0, 1),
        }
        | changes
    )


def measured(model: str, *, step: float) -> Measured:
    return Measured(
        model=model,
        task="t",
        recipe="lora",
        load_seconds=5.0,
        step_seconds=step,
        evaluation_seconds=2.0,
        peak_memory_bytes=None,
        state_bytes=1000,
    )


FORECAST = Forecast(plan_hash="h", measured=(measured("small", step=1.0), measured("large", step=3.0)))


def test_a_cell_takes_its_load_its_steps_and_one_evaluation_per_level():
    small, large, *_ = plan().cells()
    assert FORECAST.seconds(small) == 5 + 100 * 1 + 3 * 2
    assert FORECAST.seconds(large) == 5 + 100 * 3 + 3 * 2


def test_a_decaying_rate_makes_every_level_a_run_of_its_own():
    decaying = plan(recipes=(Recipe(schedule="linear"),), seeds=(0,), models=plan().models[:1])
    assert FORECAST.device_seconds(decaying.cells()) == (5 + 0 + 2) + (5 + 10 + 2) + (5 + 100 + 2)


def test_the_grid_takes_the_sum_and_the_wall_clock_what_the_busiest_worker_has():
    cells = plan().cells()  # small, large, small, large: 111 s and 311 s
    assert FORECAST.device_seconds(cells) == 2 * (111 + 311)
    assert FORECAST.wall_seconds(cells, workers=1) == 844
    assert FORECAST.wall_seconds(cells, workers=2) == 111 + 111 + 311
    assert FORECAST.wall_seconds(cells, workers=9) == 311


def test_a_step_costs_money_where_an_hour_has_a_price_and_seconds_elsewhere():
    assert FORECAST.cost_per_step(plan()) == {("small", "t", "lora"): 1.0, ("large", "t", "lora"): 3.0}
    assert FORECAST.cost_per_step(plan(price_per_gpu_hour=7.2))["large", "t", "lora"] == pytest.approx(0.006)


def test_a_forecast_is_kept_as_it_was_measured(tmp_path):
    path = tmp_path / "forecast.json"
    reason = Unmeasured(model="huge", task="t", recipe="lora", reason="memory")
    kept = Forecast(plan_hash="h", measured=FORECAST.measured, unmeasured=(reason,))
    write_forecast(path, kept)
    assert read_forecast(path, plan_hash="h") == kept
    assert read_forecast(path, plan_hash="another plan") is None
    path.write_bytes(path.read_bytes()[:-50])
    assert read_forecast(path, plan_hash="h") is None
    assert read_forecast(tmp_path / "none.json", plan_hash="h") is None


def test_without_the_extra_a_dry_run_still_says_what_would_run(tmp_path, capsys):
    found = DryRun.without_packages(plan(), tmp_path, ["pip install it"])
    print_dry_run(found)
    text = capsys.readouterr().out
    assert "4 cells = 2 models x 1 task x 1 recipe x 2 seeds" in text
    assert "missing: pip install it" in text
    document = dry_run_document(found)
    assert document["forecast"] is None
    assert document["forecast_reason"]
    assert len(document["cells"]) == 4


def test_the_bill_of_a_grid_with_a_model_that_was_not_measured_is_unknown(tmp_path):
    partial = Forecast(plan_hash="h", measured=FORECAST.measured[:1])
    found = DryRun(plan=plan(), folder=RunFolder(path=tmp_path), workers=2, missing=(), forecast=partial)
    assert found.device_seconds is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.034, "0.034 s"), (59, "59 s"), (300, "5 min"), (9000, "2.5 h")]
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_a_bill_names_the_device_and_the_currency():
    assert bill_text(plan(), 7200, "cuda") == "2 GPU-hours"
    assert bill_text(plan(price_per_gpu_hour=1.5, currency="EUR"), 7200, "cpu") == "2 CPU-hours = 3.00 EUR"
