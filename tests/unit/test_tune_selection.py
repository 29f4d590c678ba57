"""What is chosen on validation items, which items those are, and that test items have no part in it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import InputError
from headstart.tune.items import MultipleChoice, Task
from headstart.tune.overlap import unseen_validation
from headstart.tune.plan import Plan, Recipe, Selection, TaskSpec
from headstart.tune.plan_file import read_plan
from headstart.tune.selection import choose
from headstart.tune.splits import choose_rows

GRID = {("a", 0): [1, 1], ("a", 5): [0, 1], ("a", 9): [1, 1], ("b", 0): [1, 1], ("b", 5): [1, 1], ("b", 9): [0, 0]}
VALIDATION = {key: np.array(values, dtype=np.float64) for key, values in GRID.items()}


def lm_eval(**keys) -> TaskSpec:
    return TaskSpec(name="t", kind="lm_eval", lm_eval_name="t", **keys)


def item(text: str, answer: int = 0) -> MultipleChoice:
    return MultipleChoice(context=text, continuations=(" a", " b"), answer=answer, choices=("a", "b"))


def chosen(level: int, **keys) -> tuple[str, int] | None:
    best, _ = choose(VALIDATION, level=level, selection=Selection(**keys))
    return None if best is None else (best.recipe, best.step)


def test_the_best_checkpoint_up_to_the_level_is_handed_in_the_earliest_of_equals() -> None:
    assert chosen(0) == ("a", 0)
    assert chosen(5) == ("b", 5)
    assert chosen(9) == ("b", 5)  # as good as (a, 9), with fewer steps
    assert chosen(9, checkpoint="last") == ("a", 9)


def test_untuned_weights_are_handed_in_at_level_0_alone() -> None:
    _, candidates = choose(VALIDATION, level=9, selection=Selection())
    assert {one.step for one in candidates} == {5, 9}
    assert (candidates[0].score, candidates[0].n_items) == (0.5, 2)
    assert candidates[0].stderr == pytest.approx(0.5)


def test_there_is_nothing_to_choose_where_every_run_diverged() -> None:
    only = {("a", 0): np.array([1.0, 0.0])}
    assert choose(only, level=5, selection=Selection()) == (None, ())


def test_validation_items_that_stand_in_the_test_split_are_left_out_of_the_choice() -> None:
    task = Task(
        name="t",
        metric="acc",
        train=(item("x"),),
        test=(item("What is it?"), item("Who?")),
        validation=(item("what is IT"), item("When?"), item("Who?", 1)),
    )
    assert unseen_validation(task) == (item("When?"), item("Who?", 1))
    bare = Task(name="t", metric="acc", train=(), test=(item("Who?"),), validation=(item("Who?"), item("Where?")))
    asked = replace(bare, validation=(item("E. Who?"), item("F. Where?")), test=(item("G. Who?"),), zero_shot=bare)
    assert unseen_validation(asked) == (item("F. Where?"),)  # examples in front hide nothing


@given(st.integers(2, 60), st.floats(0.05, 0.95), st.integers(0, 5), st.integers(1, 70), st.integers(1, 70))
@settings(max_examples=80, deadline=None)
def test_held_out_items_and_training_items_are_different_ones(rows, share, seed, train_limit, limit) -> None:
    spec = lm_eval(hold_out=share, sample_seed=seed, train_limit=train_limit, validation_limit=limit, test_limit=limit)
    sizes = {"train": rows, "test": 40}
    if not 0 < round(share * rows) < rows:
        with pytest.raises(InputError, match="hold_out must leave"):
            choose_rows(spec, sizes)
        return
    found = choose_rows(spec, sizes)
    train, validation = set(found["train"].indices), set(found["validation"].indices)
    assert not train & validation
    assert found["validation"].source == found["train"].source == "train"
    assert len(train) == min(train_limit, rows - round(share * rows))
    assert len(validation) == min(limit, round(share * rows))
    assert (len(found["test"].indices), found["test"].source) == (min(limit, 40), "test")
    assert choose_rows(spec, sizes) == found
    assert all(list(one.indices) == sorted(set(one.indices)) for one in found.values())


def test_a_task_with_validation_items_of_its_own_holds_none_out() -> None:
    found = choose_rows(lm_eval(hold_out=0.2), {"train": 10, "validation": 3, "test": 4})
    assert (len(found["train"].indices), found["validation"].source) == (10, "validation")


def test_without_a_seed_limits_take_the_first() -> None:
    assert list(choose_rows(lm_eval(train_limit=2), {"train": 5, "test": 1})["train"].indices) == [0, 1]
    drawn = choose_rows(lm_eval(train_limit=20, sample_seed=1), {"train": 500, "test": 1})["train"].indices
    assert max(drawn) > 100


# Plans


def plan_of(tmp_path: Path, text: str) -> Plan:
    from tiny_models import tiny_model

    folder = tmp_path / "model"
    if not folder.exists():
        tiny_model(folder)
    head = 'schema = "headstart.plan/1"\n'
    tail = '[[models]]\nname = "m"\npath = "model"\n[[tasks]]\nname = "t"\nkind = "lm_eval"\n'
    (tmp_path / "plan.toml").write_text(head + text + tail)
    return read_plan(tmp_path / "plan.toml")


def test_epochs_become_steps_once_the_training_items_are_counted(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, 'epochs = [0, 0.5, 1, 3]\n[recipe]\nschedule = "linear"\nbatch_size = 8\n[selection]\n')
    counted = replace(plan, tasks=(replace(plan.tasks[0], n_train=100),))
    (cell,) = counted.cells()
    assert cell.levels == (0, 7, 13, 38)  # 12.5 and 37.5 batches: an epoch ends with the batch that ends it
    assert cell.id == "m--t--lora--seed-0"  # one run, although its rate decays
    with pytest.raises(InputError, match="epochs must end with different steps"):
        replace(plan, tasks=(replace(plan.tasks[0], n_train=5),))


def test_without_a_choice_a_decaying_rate_needs_a_run_per_epoch(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, 'epochs = [0, 1, 2]\n[recipe]\nschedule = "linear"\n')
    counted = replace(plan, tasks=(replace(plan.tasks[0], n_train=80),))
    assert [(cell.levels, cell.mark) for cell in counted.cells()] == [
        ((0,), "epoch-0"),
        ((10,), "epoch-1"),
        ((20,), "epoch-2"),
    ]
    assert [cell.id for cell in plan.cells()] == [cell.id for cell in counted.cells()]


def test_a_grid_of_learning_rates_is_a_recipe_for_each(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, '[selection]\nlearning_rates = [1e-5, 2e-5]\nmetric = "choice_logprob"\n')
    assert [(one.name, one.learning_rate) for one in plan.recipes] == [("lora-lr-1e-05", 1e-5), ("lora-lr-2e-05", 2e-5)]
    assert plan.selection == Selection(metric="choice_logprob")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("levels = [0, 1]\nepochs = [0, 1]\n", "levels .* or epochs"),
        ("epochs = [1, 2]\n", "epochs must ascend and start with 0"),
        ("[selection]\nlearning_rates = []\n", "learning_rates must not be empty"),
        ('[selection]\nmetric = "accuracy"\n', "metric must be one of"),
        ('[selection]\ncheckpoint = "first"\n', "checkpoint must be 'best' or 'last'"),
        ("[recipe]\nwarmup_ratio = 0.1\n", "where the rate is constant"),
        (
            'epochs = [0, 1]\n[selection]\n[[recipes]]\nname = "a"\n[[recipes]]\nname = "b"\nbatch_size = 4\n',
            "batch_size",
        ),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan_of(tmp_path, text)


def test_a_share_of_the_run_warms_up() -> None:
    recipe = Recipe(schedule="linear", learning_rate=1.0, warmup_ratio=0.1)
    rates = [recipe.learning_rate_at(step, total_steps=100) for step in range(100)]
    assert rates[:2] == pytest.approx([0.1, 0.2 * 0.99])
    assert rates[50] == pytest.approx(0.5)


# The plans that are shipped

PLANS = Path(__file__).parents[2] / "examples" / "plans"


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contestants are built on demand, so their folders need not be there."""
    from headstart.tune import plan_file

    monkeypatch.setattr(plan_file, "model_folder", lambda base, given, gguf: (str(base / given), None))
    monkeypatch.setattr(plan_file, "check_model", lambda spec: None)


def test_the_published_protocol_is_a_plan_of_24_tasks_that_says_all_of_it(no_models) -> None:
    plan = read_plan(PLANS / "train-before-test.toml")
    assert plan.epochs == (0, 1, 2, 3, 4, 5)
    assert plan.selection == Selection()
    assert len(plan.tasks) == 24
    for task in plan.tasks:
        assert (task.train_limit, task.validation_limit, task.test_limit) == (50_000, 1_000, 10_000)
        assert (task.sample_seed, task.fewshot) == (0, 0)
    (recipe,) = plan.recipes
    assert recipe == Recipe(
        alpha=32,
        dropout=0.1,
        targets=("default",),
        learning_rate=2e-5,
        schedule="linear",
        weight_decay=0.01,
        gradient_clip=1.0,
        micro_batch=8,
        loss="all",
        max_length=1024,
        truncation="left",
    )


def test_its_small_version_differs_in_counts_and_learning_rates_alone(no_models) -> None:
    whole, small = (read_plan(PLANS / f"train-before-test{end}.toml") for end in ("", "-small"))
    assert {replace(one, name="lora", learning_rate=2e-5) for one in small.recipes} == set(whole.recipes)
    assert (small.selection, small.models) == (whole.selection, whole.models)
    (task,) = small.tasks
    assert (task.hold_out, task.sample_seed) == (0.2, 0)


def test_the_quick_audit_takes_one_run_per_model(no_models) -> None:
    plan = read_plan(PLANS / "quick-audit.toml")
    assert len(plan.cells()) == len(plan.models)
    assert len(plan.levels) >= 4  # fewer show no curve
