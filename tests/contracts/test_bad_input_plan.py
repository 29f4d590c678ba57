"""Every way to spoil a plan ends in a message that names the plan and the key, before anything runs."""

import copy
import json
import os
from pathlib import Path

import pytest

from headstart.errors import InputError
from headstart.tune.plan_file import read_plan
from tiny_models import parity_records, write_jsonl

BASE = {
    "schema": "headstart.plan/1",
    "levels": [0, 5],
    "seeds": [0, 1],
    "models": [{"name": "base", "path": "good"}, {"name": "other", "hub": "someone/something"}],
    "untunable": [{"name": "api", "scores": [{"task": "parity", "score": 0.5}]}],
    "tasks": [
        {"name": "parity", "kind": "multiple_choice", "train": "train.jsonl", "test": "test.jsonl"},
        {"name": "say", "kind": "generation", "train": "train.jsonl", "test": "test.jsonl"},
        {"name": "arc", "kind": "lm_eval", "lm_eval_name": "arc_easy"},
    ],
    "recipes": [{"name": "small", "rank": 4}, {"name": "large", "rank": 16}],
}
MODEL, TASK, SAY, ARC, RECIPE = ["models", 0], ["tasks", 0], ["tasks", 1], ["tasks", 2], ["recipes", 1]
SCORE = ["untunable", 0, "scores", 0]

# where to put what (None: take it away), the key in the message, words of the message
SPOILT = {
    "no schema": (["schema"], None, "schema", "schema is missing"),
    "another schema": (["schema"], "headstart.plan/2", "schema", "must be 'headstart.plan/1', got 'headstart.plan/2'"),
    "a misspelt key": (["levles"], [0], "levles", 'unknown key; did you mean "levels"'),
    "a name with a separator": (["name"], "a/b", "name", "name must be free of / and"),
    "levels without 0": (["levels"], [5, 10], "levels", "levels must ascend and start with 0, got [5, 10]"),
    "levels that fall": (["levels"], [0, 10, 5], "levels", "must ascend"),
    "a level twice": (["levels"], [0, 5, 5], "levels", "must ascend"),
    "no levels": (["levels"], [], "levels", "must ascend and start with 0, got []"),
    "half a level": (["levels"], [0, 2.5], "levels[1]", "must be a whole number, got 2.5"),
    "a level in words": (["levels"], [0, "five"], "levels[1]", "must be a whole number, got 'five'"),
    "a negative seed": (["seeds"], [-1], "seeds", "whole numbers in 0..4294967295, got -1"),
    "a seed twice": (["seeds"], [3, 3], "seeds", "must be unique, got 3 twice"),
    "no seeds": (["seeds"], [], "seeds", "must not be empty"),
    "a true seed": (["seeds"], [True], "seeds[0]", "must be a whole number, got True"),
    "a negative price": (["price_per_gpu_hour"], -1, "price_per_gpu_hour", ">= 0, got -1"),
    "a price in words": (["price_per_gpu_hour"], "1 USD", "price_per_gpu_hour", "must be a number, got '1 USD'"),
    "no room to evaluate": (["evaluation_batch_tokens"], 0, "evaluation_batch_tokens", ">= 1, got 0"),
    "no models": (["models"], [], "models", "must be a non-empty list"),
    "a model that is no table": (["models", 1], "base", "models[1]", "must be a table, got 'base'"),
    "a model without a name": ([*MODEL, "name"], None, "models[0].name", "name is missing"),
    "an empty name": ([*MODEL, "name"], "", "models[0].name", "must not be empty"),
    "a name that leads away": ([*MODEL, "name"], "../../etc", "models[0].name", "free of / and"),
    "a name of dots": ([*MODEL, "name"], "..", "models[0].name", "must be a name, got '..'"),
    "an escape in a name": ([*MODEL, "name"], "a\x1b[2J", "models[0].name", "control characters"),
    "an invisible character": ([*MODEL, "name"], "a\u202eb", "models[0].name", "free of invisible characters"),
    "an endless name": ([*MODEL, "name"], "a" * 65, "models[0].name", "at most 64 characters"),
    "a name twice": ([*MODEL, "name"], "other", "models", "must be unique, got 'other' twice"),
    "a model named as an untunable one": ([*MODEL, "name"], "api", "models", "must be unique, got 'api' twice"),
    "one folder for two": ([*MODEL, "name"], "OTHER", None, "would share the folder"),
    "neither path nor hub": ([*MODEL, "path"], None, "models[0]", "must have a path or a hub name, got neither"),
    "path and hub": ([*MODEL, "hub"], "a/b", "models[0]", "must have a path or a hub name, got both"),
    "an empty path": ([*MODEL, "path"], "", "models[0].path", "must be a path without control characters"),
    "a path with a NUL": ([*MODEL, "path"], "a\0b", "models[0].path", "must be a path without control characters"),
    "no such folder": ([*MODEL, "path"], "lost", "models[0].path", "names a folder that does not exist, got 'lost'"),
    "a file for a folder": ([*MODEL, "path"], "train.jsonl", "models[0].path", "must be a folder, got the file"),
    "no weights": ([*MODEL, "path"], "empty", "models[0].path", "the folder has no model.safetensors"),
    "only pickles": ([*MODEL, "path"], "pickled", "models[0].path", "weights as .bin only, which can run code"),
    "no configuration": ([*MODEL, "path"], "bare", "models[0].path", "the folder has no config.json"),
    "no tokenizer": ([*MODEL, "path"], "mute", "models[0].path", "the folder has no tokenizer.json"),
    "an adapter": ([*MODEL, "path"], "adapter", "models[0].path", "merge it into its base model"),
    "two ggufs": ([*MODEL, "path"], "ggufs", "models[0].path", "name it as gguf_file"),
    "another gguf": ([*MODEL, "gguf_file"], "c.gguf", "models[0].gguf_file", "c.gguf: no such file"),
    "code of its own": ([*MODEL, "path"], "coded", "models[0].path", "config.json, field auto_map: asks for code"),
    "a revision of a folder": ([*MODEL, "revision"], "main", "models[0].revision", "applies to models from the hub"),
    "a path for a hub name": (["models", 1, "hub"], "../up", "models[1].hub", "must be a name like owner/model"),
    "a web address": (["models", 1, "hub"], "https://x.y/z", "models[1].hub", "must be a name like owner/model"),
    "another dtype": ([*MODEL, "dtype"], "bfloat61", "models[0].dtype", "got 'bfloat61'; did you mean \"bfloat16\""),
    "another attention": ([*MODEL, "attention"], "flash", "models[0].attention", "must be 'sdpa' or 'eager'"),
    "a template in words": ([*MODEL, "chat_template"], "yes", "models[0].chat_template", "must be true or false"),
    "a default dtype": (["model_defaults"], {"dtype": "int4"}, "model_defaults.dtype", "got 'int4'"),
    "a default path": (["model_defaults"], {"path": "x"}, "model_defaults.path", "unknown key"),
    "no scores": (["untunable", 0, "scores"], [], "untunable[0].scores", "must be a non-empty list"),
    "a score of another task": ([*SCORE, "task"], "parities", "untunable[0].scores[0].task", 'did you mean "parity"'),
    "a score above 1": ([*SCORE, "score"], 71, "untunable[0].scores[0].score", "in [0, 1], as acc is, got 71"),
    "a negative error": ([*SCORE, "stderr"], -0.1, "untunable[0].scores[0].stderr", "must be >= 0"),
    "no items": ([*SCORE, "n_items"], 0, "untunable[0].scores[0].n_items", "a positive whole number, got 0"),
    "a score twice": (
        ["untunable", 0, "scores"],
        [{"task": "say", "score": 0}, {"task": "say", "score": 1}],
        "untunable[0].scores",
        "must be unique, got 'say' twice",
    ),
    "no tasks": (["tasks"], [], "tasks", "must be a non-empty list"),
    "another kind": ([*TASK, "kind"], "multiple choice", "tasks[0].kind", 'did you mean "multiple_choice"'),
    "no kind": ([*TASK, "kind"], None, "tasks[0].kind", "kind is missing"),
    "a misspelt split": ([*TASK, "tests"], "x", "tasks[0].tests", 'did you mean "test"'),
    "no train file": ([*TASK, "train"], None, "tasks[0].train", "train must be a file of training items"),
    "no test file": ([*TASK, "test"], None, "tasks[0].test", "test must be a file of test items"),
    "a lost test file": ([*TASK, "test"], "lost.jsonl", "tasks[0].test", "names a file that does not exist"),
    "a test file with too long a name": ([*TASK, "test"], "9" * 400 + ".jsonl", "tasks[0].test", "File name too long"),
    "a folder of items": ([*TASK, "test"], "dir.jsonl", "tasks[0].test", "must be a file, got the folder"),
    "another format": ([*TASK, "test"], "test.csv", "tasks[0].test", "must end in one of .jsonl, .ndjson, .parquet"),
    "train is test": ([*TASK, "test"], "train.jsonl", "tasks[0].test", "must be another file than train"),
    "train is test by another name": ([*TASK, "test"], "link.jsonl", "tasks[0].test", "another file than train"),
    "validation is test": ([*TASK, "validation"], "./test.jsonl", "tasks[0].validation", "another file than test"),
    "validation is train": ([*TASK, "validation"], "train.jsonl", "tasks[0].validation", "another file than train"),
    "a metric of generation": (
        [*TASK, "metric"],
        "exact_match",
        "tasks[0].metric",
        "acc_norm, choice_logprob, mcc, f1 for kind",
    ),
    "a metric of choices": ([*SAY, "metric"], "acc", "tasks[1].metric", "one of exact_match for kind generation"),
    "an unknown metric": (
        [*ARC, "metric"],
        "f2",
        "tasks[2].metric",
        "one of acc, acc_norm, choice_logprob, mcc, f1, exact_match",
    ),
    "a stop for choices": ([*TASK, "stop"], ["."], "tasks[0].stop", "stop applies to kind generation"),
    "an empty stop": ([*SAY, "stop"], [""], "tasks[1].stop", "a list of non-empty texts"),
    "no tokens": ([*SAY, "max_tokens"], 0, "tasks[1].max_tokens", ">= 1, got 0"),
    "a file for lm_eval": ([*ARC, "train"], "train.jsonl", "tasks[2].train", "train applies to kind multiple_choice"),
    "a delimiter for lm_eval": ([*ARC, "delimiter"], "", "tasks[2].delimiter", "delimiter applies to kind"),
    "examples for a file": ([*TASK, "fewshot"], 3, "tasks[0].fewshot", "fewshot applies to kind lm_eval"),
    "negative examples": ([*ARC, "fewshot"], -1, "tasks[2].fewshot", ">= 0, got -1"),
    "a lost folder of tasks": ([*ARC, "include_path"], "lost", "tasks[2].include_path", "folder that does not exist"),
    "a limit of none": ([*TASK, "test_limit"], 0, "tasks[0].test_limit", ">= 1, got 0"),
    "a share above 1": ([*TASK, "overlap_threshold"], 5, "tasks[0].overlap_threshold", "in [0, 1], got 5"),
    "a task twice": ([*SAY, "name"], "arc", "tasks", "must be unique, got 'arc' twice"),
    "no recipes": (["recipes"], [], "recipes", "must be a non-empty list"),
    "a recipe twice": ([*RECIPE, "name"], "small", "recipes", "must be unique, got 'small' twice"),
    "another method": ([*RECIPE, "method"], "qlora", "recipes[1].method", 'did you mean "lora"'),
    "no rank": ([*RECIPE, "rank"], 0, "recipes[1].rank", ">= 1, got 0"),
    "half a rank": ([*RECIPE, "rank"], 1.5, "recipes[1].rank", "must be a whole number, got 1.5"),
    "a rank for full tuning": ([*RECIPE, "method"], "full", "recipes[1].rank", "applies to method lora, not full"),
    "no learning rate": ([*RECIPE, "learning_rate"], 0, "recipes[1].learning_rate", "a number > 0, got 0"),
    "no alpha": ([*RECIPE, "alpha"], 0, "recipes[1].alpha", "a number > 0"),
    "no targets": ([*RECIPE, "targets"], [], "recipes[1].targets", "a list of names of modules"),
    "another schedule": ([*RECIPE, "schedule"], "cosin", "recipes[1].schedule", 'did you mean "cosine"'),
    "negative warm-up": ([*RECIPE, "warmup_steps"], -1, "recipes[1].warmup_steps", ">= 0, got -1"),
    "negative decay": ([*RECIPE, "weight_decay"], -0.1, "recipes[1].weight_decay", ">= 0, got -0.1"),
    "an empty batch": ([*RECIPE, "batch_size"], 0, "recipes[1].batch_size", ">= 1, got 0"),
    "a large micro-batch": ([*RECIPE, "micro_batch"], 9, "recipes[1].micro_batch", "in 1..8 (batch_size), got 9"),
    "another loss": ([*RECIPE, "loss"], "prompt", "recipes[1].loss", "must be 'completion' or 'all', got 'prompt'"),
    "no length": ([*RECIPE, "max_length"], 1, "recipes[1].max_length", ">= 2, got 1"),
    "another truncation": ([*RECIPE, "truncation"], "right", "recipes[1].truncation", "must be 'error' or 'left'"),
    "no gradient": ([*RECIPE, "gradient_clip"], 0, "recipes[1].gradient_clip", "a number > 0"),
    "a bad shared recipe": (["recipe"], {"batch": 4}, "recipe.batch", 'did you mean "batch_size"'),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plans")
    holds = {
        "good": ["config.json", "tokenizer.json", "model.safetensors"],
        "coded": ["tokenizer.json", "model.safetensors"],
        "empty": [],
        "pickled": ["config.json", "tokenizer.json", "pytorch_model.bin"],
        "bare": ["tokenizer.json", "model.safetensors"],
        "mute": ["config.json", "model.safetensors"],
        "adapter": ["adapter_config.json", "tokenizer.json", "adapter_model.safetensors"],
        "ggufs": ["a.gguf", "b.gguf"],
        "dir.jsonl": [],
    }
    for name, files in holds.items():
        (root / name).mkdir()
        for file in files:
            (root / name / file).write_text("{}")
    (root / "coded" / "config.json").write_text('{"auto_map": {"AutoModel": "mine.Model"}}')
    for split in ("train", "test"):
        write_jsonl(root / f"{split}.jsonl", parity_records(3))
    (root / "test.csv").write_text("context,choices,answer\n")
    os.symlink(root / "train.jsonl", root / "link.jsonl")
    return root


def spoil(document: dict, keys: list, value: object) -> dict:
    spoilt = copy.deepcopy(document)
    inner = spoilt
    for key in keys[:-1]:
        inner = inner[key]
    if value is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    return spoilt


@pytest.mark.parametrize("case", SPOILT)
def test_the_message_names_the_plan_and_the_key(folder: Path, case: str) -> None:
    keys, value, field, words = SPOILT[case]
    path = folder / "plan.json"
    path.write_text(json.dumps(spoil(BASE, keys, value)))
    with pytest.raises(InputError) as caught:
        read_plan(path)
    assert (caught.value.file, caught.value.field) == (str(path), field)
    assert words in caught.value.message
    assert "\x1b" not in str(caught.value)


def test_the_plan_that_is_spoilt_above_is_good(folder: Path) -> None:
    (folder / "good.json").write_text(json.dumps(BASE))
    assert len(read_plan(folder / "good.json").cells()) == 2 * 2 * 3 * 2


def test_numbers_are_finite(folder: Path) -> None:
    (folder / "inf.toml").write_text(
        'schema = "headstart.plan/1"\nmodels = [{ name = "base", path = "good" }]\n'
        'tasks = [{ name = "arc", kind = "lm_eval" }]\nrecipe = { learning_rate = inf }\n'
    )
    with pytest.raises(InputError, match=r"recipe\.learning_rate: learning_rate must be a finite number, got inf"):
        read_plan(folder / "inf.toml")


def test_a_log_probability_is_at_most_zero(folder: Path) -> None:
    document = spoil(BASE, [*TASK, "metric"], "choice_logprob")
    (folder / "log.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"scores\[0\]\.score: score must be <= 0, as choice_logprob is, got 0\.5"):
        read_plan(folder / "log.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("schema = ", "is not well-formed TOML"),
        ("[[models]\n", "is not well-formed TOML"),
        ('schema = "headstart.plan/1"\nschema = "again"\n', "is not well-formed TOML"),
    ],
)
def test_what_is_no_plan_at_all_is_said_to_be_none(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        read_plan(tmp_path / "plan.toml")


def test_a_plan_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_plan(tmp_path / "lost.toml")
