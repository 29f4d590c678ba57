"""A plan file says which models are tuned on which tasks, and how."""

import json
import os
import re
from pathlib import Path

import pytest

from headstart.tune.plan import DEFAULT_LEVELS, Plan, Recipe, SuppliedScore
from headstart.tune.plan_file import read_plan
from headstart.tune.plan_schema import MODEL, RECIPE, SCORE, PlanForm, UntunableForm
from headstart.tune.plan_schema import TASK as TASK_FORM
from tiny_models import parity_records, write_jsonl

MODELS = """
schema = "headstart.plan/1"
[[models]]
name = "base"
path = "models/base"
"""
TASK = """
[[tasks]]
name = "parity"
kind = "multiple_choice"
train = "data/train.jsonl"
test = "data/test.jsonl"
"""
WHOLE = """
schema = "headstart.plan/1"
name = "evening run"
levels = [0, 3, 9]
seeds = [0, 7]
price_per_gpu_hour = 2
currency = "EUR"
evaluation_batch_tokens = 512

[model_defaults]
dtype = "bfloat16"
attention = "eager"

[[models]]
name = "base"
path = "models/base"

[[models]]
name = "from the hub"
hub = "someone/something-1.7B"
revision = "v2"
dtype = "float32"
chat_template = true

[[untunable]]
name = "api"
scores = [{ task = "parity", score = 0.5, n_items = 40 }, { task = "count", score = 1, stderr = 0.1 }]

[[tasks]]
name = "parity"
kind = "multiple_choice"
train = "data/train.jsonl"
test = "data/test.jsonl"
validation = "data/validation.jsonl"
metric = "acc_norm"
delimiter = ""
train_limit = 10
test_limit = 5
overlap_threshold = 0
allow_overlap = true

[[tasks]]
name = "count"
kind = "generation"
train = "data/train.jsonl"
test = "data/test.jsonl"
stop = [".", "!"]
max_tokens = 4

[[tasks]]
name = "arc_easy"
kind = "lm_eval"
fewshot = 2

[recipe]
rank = 4
learning_rate = 1e-3

[[recipes]]
name = "gentle"
learning_rate = 1e-4

[[recipes]]
method = "full"
batch_size = 16
micro_batch = 4
max_length = 128
truncation = "left"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a model and data; what the files hold does not matter to a plan."""
    model = tmp_path / "models" / "base"
    model.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (model / name).write_text("{}")
    (tmp_path / "data").mkdir()
    for start, split in enumerate(("train", "test", "validation")):
        write_jsonl(tmp_path / "data" / f"{split}.jsonl", parity_records(5, start=100 * start))
    return tmp_path


def plan_of(folder: Path, text: str, name: str = "tonight.toml") -> Plan:
    (folder / name).write_text(text)
    return read_plan(folder / name)


def test_a_short_plan_has_sensible_defaults(folder: Path) -> None:
    plan = plan_of(folder, MODELS + TASK)
    assert (plan.name, plan.levels, plan.seeds, plan.recipes) == ("tonight", DEFAULT_LEVELS, (0,), (Recipe(),))
    assert plan.price_per_gpu_hour is None
    (model,) = plan.models
    assert (model.source, model.dtype, model.chat_template, model.attention) == (
        str(folder / "models" / "base"),
        "float32",
        False,
        "sdpa",
    )
    assert plan.recipes[0].schedule == "constant"


def test_a_whole_plan_is_read_key_by_key(folder: Path) -> None:
    plan = plan_of(folder, WHOLE)
    assert (plan.name, plan.levels, plan.seeds) == ("evening run", (0, 3, 9), (0, 7))
    assert (plan.price_per_gpu_hour, plan.currency, plan.evaluation_batch_tokens) == (2, "EUR", 512)
    base, hub = plan.models
    assert (base.dtype, base.attention, base.revision, base.is_local) == ("bfloat16", "eager", None, True)
    assert (hub.source, hub.revision, hub.dtype, hub.attention) == ("someone/something-1.7B", "v2", "float32", "eager")
    assert (hub.chat_template, hub.is_local) == (True, False)
    assert plan.untunable[0].scores == (
        SuppliedScore(task="parity", score=0.5, n_items=40),
        SuppliedScore(task="count", score=1, stderr=0.1),
    )
    parity, count, arc = plan.tasks
    assert parity.validation == str(folder / "data" / "validation.jsonl")
    assert (parity.metric, parity.delimiter, parity.train_limit, parity.test_limit) == ("acc_norm", "", 10, 5)
    assert (parity.overlap_threshold, parity.allow_overlap) == (0, True)
    assert (count.metric, count.stop, count.max_tokens) == ("exact_match", (".", "!"), 4)
    assert (arc.lm_eval_name, arc.fewshot, arc.metric, arc.train) == ("arc_easy", 2, "acc", None)
    gentle, full = plan.recipes
    assert (gentle.rank, gentle.learning_rate, gentle.method) == (4, 1e-4, "lora")
    assert (full.name, full.method, full.learning_rate, full.micro_batch) == ("full", "full", 1e-3, 4)
    assert (full.max_length, full.truncation) == (128, "left")
    assert len(plan.cells()) == 2 * 2 * 3 * 2


def test_full_tuning_leaves_the_shared_keys_of_lora_behind(folder: Path) -> None:
    assert plan_of(folder, WHOLE).recipes[1] == Recipe(
        name="full",
        method="full",
        learning_rate=1e-3,
        batch_size=16,
        micro_batch=4,
        max_length=128,
        truncation="left",
    )


def test_one_recipe_may_stand_alone(folder: Path) -> None:
    plan = plan_of(folder, MODELS + TASK + '[recipe]\nname = "warm"\nwarmup_steps = 3\n')
    assert plan.recipes == (Recipe(name="warm", warmup_steps=3),)


def test_paths_are_relative_to_the_plan_wherever_it_is_read_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = plan_of(folder, MODELS + TASK)
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert read_plan(Path("..") / "tonight.toml") == expected


def test_the_same_plan_in_json_is_the_same_plan(folder: Path) -> None:
    document = {
        "schema": "headstart.plan/1",
        "models": [{"name": "base", "path": "models/base"}],
        "tasks": [
            {"name": "parity", "kind": "multiple_choice", "train": "data/train.jsonl", "test": "data/test.jsonl"}
        ],
    }
    assert plan_of(folder, json.dumps(document), "tonight.json") == plan_of(folder, MODELS + TASK)


def test_a_folder_with_one_gguf_file_needs_no_more_words(folder: Path) -> None:
    model = folder / "models" / "base"
    (model / "model.safetensors").unlink()
    (model / "small.Q4_1.gguf").write_bytes(b"GGUF")
    assert plan_of(folder, MODELS + TASK).models[0].gguf_file == "small.Q4_1.gguf"


def test_safetensors_beside_pickles_are_fine(folder: Path) -> None:
    (folder / "models" / "base" / "pytorch_model.bin").write_bytes(b"\x80")
    assert plan_of(folder, MODELS + TASK).models[0].gguf_file is None


def test_a_plan_from_standard_input_is_relative_to_where_one_stands(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys

    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((MODELS + TASK).encode())))
    plan = read_plan("-")
    assert (plan.name, plan.models[0].source) == ("plan", os.path.join(folder, "models", "base"))


def test_every_key_of_a_plan_is_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "plan.md").read_text()
    forms = [PlanForm, MODEL, UntunableForm, SCORE, TASK_FORM, RECIPE]
    keys = {field.alias or key for form in forms for key, field in form.model_fields.items()}
    assert {key for key in keys if not re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`", page)} == set()
