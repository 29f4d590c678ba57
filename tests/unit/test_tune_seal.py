import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from headstart.errors import InputError
from headstart.tune import seal as seal_module
from headstart.tune.hardware import Hardware, this_machine
from headstart.tune.items import ContextChoice, ExactMatch, Generation, MultipleChoice, Task
from headstart.tune.plan import ModelSpec, Plan, Recipe, SuppliedScore, TaskSpec, UntunableModel
from headstart.tune.seal import (
    Seal,
    differences,
    plan_hash,
    read_seal,
    resolve,
    seal,
    weights_digest,
    write_seal,
)

ITEM = MultipleChoice(context="2 + 2 =", continuations=(" 4", " 5"), answer=0, choices=("4", "5"))
ASKED = Generation(prompt="2 + 2 =", answers=("4",))
PLAN = Plan(
    name="plan",
    models=(ModelSpec(name="full", source="/models/full"), ModelSpec(name="small", source="/models/small")),
    tasks=(
        TaskSpec(name="sums", kind="multiple_choice", train="/data/train.jsonl", test="/data/test.jsonl"),
        TaskSpec(name="asks", kind="generation", train="/data/a.jsonl", test="/data/b.jsonl", metric="exact_match"),
    ),
    recipes=(Recipe(),),
    levels=(0, 5, 10),
    seeds=(0, 1),
    untunable=(UntunableModel(name="api", scores=(SuppliedScore(task="sums", score=0.5, stderr=0.01, n_items=9),)),),
)
TASKS = (
    Task(name="sums", metric="acc", train=(ITEM, ITEM), test=(ITEM,), sources={"train": "a" * 64}),
    Task(name="asks", metric="exact_match", train=(ASKED,), test=(ASKED,)),
)
MODELS: dict[str, dict[str, Any]] = {
    name: {
        "source": f"/models/{name}",
        "commit": None,
        "files": {"config.json": "c" * 64, "model.safetensors": digit * 64},
        "architecture": "LlamaForCausalLM",
        "window": 512,
    }
    for name, digit in (("full", "1"), ("small", "2"))
}
HARDWARE = Hardware(device="cpu", name="a processor", threads=1, instructions="AVX2")


def sealed(
    plan: Plan = PLAN,
    tasks: tuple[Task, ...] = TASKS,
    models: Mapping[str, Mapping[str, Any]] = MODELS,
    hardware: Hardware = HARDWARE,
    overlaps: Mapping[str, Mapping[str, Any]] | None = None,
) -> Seal:
    return seal(plan, tasks, models=models, hardware=hardware, overlaps=overlaps)


def with_model(**changes: object) -> Plan:
    return replace(PLAN, models=(replace(PLAN.models[0], **changes), *PLAN.models[1:]))


def with_task(**changes: object) -> Plan:
    return replace(PLAN, tasks=(replace(PLAN.tasks[0], **changes), *PLAN.tasks[1:]))


def with_items(**changes: object) -> tuple[Task, ...]:
    return (replace(TASKS[0], **changes), *TASKS[1:])


def described(**changes: object) -> dict[str, dict[str, Any]]:
    return MODELS | {"full": MODELS["full"] | changes}


def lines_of(changed: Seal) -> list[str]:
    return differences(sealed().resolution, changed.resolution)


# ------------------------------------------------------------------------------------- what decides the numbers, does

CHANGES: list[tuple[Callable[[], Seal], str]] = [
    (lambda: sealed(with_model(dtype="bfloat16")), "models.full.dtype: float32 -> bfloat16"),
    (lambda: sealed(with_model(attention="eager")), "models.full.attention: sdpa -> eager"),
    (lambda: sealed(with_model(chat_template=True)), "models.full.chat_template: false -> true"),
    (
        lambda: sealed(models=described(files={"config.json": "c" * 64, "model.safetensors": "9" * 64})),
        "models.full.files.model.safetensors: 111111111111... -> 999999999999...",
    ),
    (
        lambda: sealed(models=described(files={"config.json": "c" * 64})),
        "models.full.files.model.safetensors: sealed, but not there now",
    ),
    (
        lambda: sealed(models=described(files=MODELS["full"]["files"] | {"chat_template.jinja": "d" * 64})),
        "models.full.files.chat_template.jinja: there now, but not sealed",
    ),
    (lambda: sealed(models=described(window=1024)), "models.full.window: 512 -> 1024"),
    (lambda: sealed(with_task(metric="acc_norm"), with_items(metric="acc_norm")), "tasks.sums.metric: acc -> acc_norm"),
    (lambda: sealed(with_task(delimiter="\n")), "tasks.sums.delimiter:   -> \n"),
    (lambda: sealed(with_task(stop=("!",))), 'tasks.sums.stop: ["\\n"] -> ["!"]'),
    (lambda: sealed(with_task(max_tokens=5)), "tasks.sums.max_tokens: 32 -> 5"),
    (lambda: sealed(with_task(train_limit=5)), "tasks.sums.train_limit: null -> 5"),
    (lambda: sealed(with_task(test_limit=5)), "tasks.sums.test_limit: null -> 5"),
    (
        lambda: sealed(tasks=with_items(exact_match=ExactMatch(ignore_case=True))),
        "tasks.sums.exact_match.ignore_case: false -> true",
    ),
    (lambda: sealed(tasks=with_items(train=(ITEM,))), "tasks.sums.splits.train.items: 2 -> 1"),
    (lambda: sealed(tasks=with_items(validation=(ITEM,))), "tasks.sums.splits.validation.items: 0 -> 1"),
    (
        lambda: sealed(overlaps={"sums": {"test_in_train": 0.25}}),
        'tasks.sums.overlap: null -> {"test_in_train": 0.25}',
    ),
    (lambda: sealed(replace(PLAN, levels=(0, 5, 20))), "levels: [0, 5, 10] -> [0, 5, 20]"),
    (lambda: sealed(replace(PLAN, seeds=(0, 2))), "seeds: [0, 1] -> [0, 2]"),
    (lambda: sealed(replace(PLAN, evaluation_batch_tokens=7)), "evaluation_batch_tokens: null -> 7"),
    (
        lambda: sealed(replace(PLAN, recipes=(Recipe(name="other"),))),
        "recipes.lora: sealed, but not there now",
    ),
    (
        lambda: sealed(
            replace(PLAN, untunable=(UntunableModel(name="api", scores=(SuppliedScore(task="sums", score=0.6),)),))
        ),
        "untunable.api.sums.score: 0.5 -> 0.6",
    ),
    (lambda: sealed(hardware=replace(HARDWARE, threads=2)), "hardware.threads: 1 -> 2"),
    (lambda: sealed(hardware=replace(HARDWARE, name="another")), "hardware.name: a processor -> another"),
    (lambda: sealed(hardware=replace(HARDWARE, instructions="AVX512")), "hardware.instructions: AVX2 -> AVX512"),
    (
        lambda: sealed(hardware=Hardware(device="cuda", name="a processor", threads=1, instructions="AVX2")),
        "hardware.device: cpu -> cuda",
    ),
]


@pytest.mark.parametrize(("change", "line"), CHANGES, ids=[line.partition(":")[0] for _, line in CHANGES])
def test_whatever_decides_numbers_changes_the_hash_and_is_named(change: Callable[[], Seal], line: str) -> None:
    assert change().hash != sealed().hash
    assert line in lines_of(change())


RECIPE_CHANGES: dict[str, object] = {
    "autocast": "bfloat16",
    "method": "full",
    "rank": 4,
    "alpha": 8.0,
    "targets": ("q_proj",),
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup_steps": 3,
    "warmup_ratio": 0.1,
    "dropout": 0.1,
    "weight_decay": 0.1,
    "batch_size": 4,
    "micro_batch": 2,
    "loss": "all",
    "max_length": 128,
    "truncation": "left",
    "gradient_checkpointing": True,
    "gradient_clip": 1.0,
}


@pytest.mark.parametrize("name", sorted({field.name for field in fields(Recipe)} - {"name"}))
def test_every_field_of_a_recipe_decides_numbers(name: str) -> None:
    recipe = Recipe(schedule="linear") if name == "warmup_ratio" else Recipe()  # a constant rate has none
    before = sealed(replace(PLAN, recipes=(recipe,)))
    changed = sealed(replace(PLAN, recipes=(replace(recipe, **{name: RECIPE_CHANGES[name]}),)))
    assert changed.hash != before.hash
    [line] = differences(before.resolution, changed.resolution)
    assert line.startswith(f"recipes.lora.{name}: ")


TEXTS = (
    ITEM,
    ContextChoice(contexts=("a", "b"), continuation=" c", answer=0, choices=("a", "b")),
    ASKED,
)


@pytest.mark.parametrize("item", TEXTS, ids=lambda item: type(item).__name__)
def test_every_field_of_an_item_decides_numbers(item: MultipleChoice | ContextChoice | Generation) -> None:
    changes: dict[type, object] = {str: "changed", int: 1, tuple: ("changed", "too")}
    hashes = {sealed(tasks=with_items(test=(item,))).hash}
    for field in fields(item):
        changed = replace(item, **{field.name: changes[type(getattr(item, field.name))]})
        hashes.add(sealed(tasks=with_items(test=(changed,))).hash)
    assert len(hashes) == 1 + len(fields(item))


def test_the_order_of_items_decides_numbers() -> None:
    other = replace(ITEM, context="3 + 1 =")
    one, two = (sealed(tasks=with_items(train=items)) for items in ((ITEM, other), (other, ITEM)))
    assert one.hash != two.hash


@pytest.mark.parametrize("package", ["torch", "transformers", "peft", "tokenizers", "safetensors", "numpy"])
def test_another_version_of_a_package_is_another_plan(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, version = sealed(), seal_module._version
    monkeypatch.setattr(seal_module, "_version", lambda name: "0.0" if name == package else version(name))
    assert [line.split(":")[0] for line in differences(before.resolution, sealed().resolution)] == [
        f"versions.{package}"
    ]


def test_only_packages_that_are_used_are_sealed() -> None:
    assert {"headstart", "python"} <= set(sealed().resolution["versions"])
    assert {"lm_eval", "gguf"}.isdisjoint(sealed().resolution["versions"])
    harness = replace(PLAN, tasks=(TaskSpec(name="sums", kind="lm_eval", lm_eval_name="sums"), PLAN.tasks[1]))
    assert "lm_eval" in sealed(harness).resolution["versions"]
    assert "gguf" in sealed(with_model(gguf_file="a.gguf")).resolution["versions"]


# ------------------------------------------------------------------------------------------- what does not, does not


@pytest.mark.parametrize(
    "same",
    [
        lambda: sealed(replace(PLAN, name="renamed")),
        lambda: sealed(replace(PLAN, price_per_gpu_hour=2.5, currency="EUR")),
        lambda: sealed(with_model(source="/moved/full"), models=described(source="/moved/full")),
        lambda: sealed(models=described(source="owner/full", commit="f" * 40)),
        lambda: sealed(with_task(train="/moved/train.jsonl", test="/moved/test.jsonl")),
        lambda: sealed(with_task(overlap_threshold=0.5, allow_overlap=True)),
        lambda: sealed(tasks=with_items(sources={"train": "b" * 64})),
        lambda: sealed(tasks=tuple(reversed(TASKS))),
        lambda: sealed(replace(PLAN, models=PLAN.models[::-1], tasks=PLAN.tasks[::-1], seeds=(1, 0))),
        lambda: sealed(models={name: dict(reversed(MODELS[name].items())) for name in reversed(MODELS)}),
        lambda: sealed(replace(PLAN, recipes=(Recipe(alpha=16),))),
    ],
    ids=["name", "price", "moved", "hub", "files moved", "thresholds", "sources", "tasks", "order", "keys", "whole"],
)
def test_what_decides_no_number_leaves_the_hash(same: Callable[[], Seal]) -> None:
    assert same().hash == sealed().hash
    assert lines_of(same()) == []


def test_where_things_were_is_kept_beside_the_hash() -> None:
    information = sealed(models=described(commit="f" * 40)).information
    assert information["models"]["full"] == {"source": "/models/full", "commit": "f" * 40}
    assert information["tasks"]["sums"]["train"] == "/data/train.jsonl"
    assert information["tasks"]["sums"]["sha256"] == {"train": "a" * 64}
    assert not any("/" in text for text in strings(sealed().resolution)), "no path is hashed"


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    entries = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for entry in entries for text in strings(entry)]


def test_an_edited_checkout_shows_although_it_has_the_same_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sealed()
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + (b"#" if path.name == "seal.py" else b""))
    after = sealed()
    assert before.information["headstart_code"] != after.information["headstart_code"]
    assert before.hash == after.hash


# ------------------------------------------------------------------------------------------------------ hash and lines


def test_the_hash_is_over_canonical_json() -> None:
    assert plan_hash({"b": [1.0, "é"], "a": None}) == plan_hash({"a": None, "b": (1, "é")})
    # printf '{"a":null,"b":[1,"\\u00e9"]}' | sha256sum
    assert plan_hash({"a": None, "b": [1, "é"]}) == "a44633ba036df25280e4fd9ef09da6f54dfe6d3611c755e31f993ab16f108f34"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_cannot_be_hashed(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        plan_hash({"a": number})


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ({"a": 1}, {"a": True}, "a: 1 -> true"),
        ({"a": "1"}, {"a": 1}, "a: 1 -> 1"),
        ({"a": {"b": 1}}, {"a": None}, 'a: {"b": 1} -> null'),
        ({"a": ""}, {"a": None}, 'a: "" -> null'),
        ({"a": [1, 2]}, {"a": [2, 1]}, "a: [1, 2] -> [2, 1]"),
        ({}, {"a": None}, "a: there now, but not sealed"),
    ],
)
def test_lines_are_there_exactly_when_hashes_differ(before: Any, after: Any, line: str) -> None:
    assert plan_hash(before) != plan_hash(after)
    assert differences(before, after) == [line]
    assert differences(after, after) == []


# ------------------------------------------------------------------------------------------------------------- the file


def test_a_seal_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "sealed.json"
    write_seal(path, sealed(overlaps={"sums": {"share": 0.1 + 0.2}}))
    assert read_seal(path) == sealed(overlaps={"sums": {"share": 0.1 + 0.2}})
    document = json.loads(path.read_text())
    assert list(document) == [
        "schema",
        "headstart_version",
        "created_at",
        "hash",
        "protocol_hash",
        "resolution",
        "information",
    ]
    assert document["schema"] == "headstart.sealed-plan/1"
    assert document["hash"] == sealed(overlaps={"sums": {"share": 0.1 + 0.2}}).hash


def edited(path: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d["resolution"].update(seeds=[7]), "field hash: the seal is broken"),
        (lambda d: d["resolution"]["models"].pop("small"), "field hash: the seal is broken"),
        (lambda d: d["resolution"].update(more=1), "field hash: the seal is broken"),
        (lambda d: d.update(hash="0" * 64), "field hash: the seal is broken"),
        (lambda d: d.pop("hash"), "field hash: the seal is broken"),
        (lambda d: d.update(protocol_hash="0" * 64), "field protocol_hash: the seal is broken"),
        (lambda d: d.update(schema="headstart.plan/1"), "field schema: must be 'headstart.sealed-plan/1'"),
        (lambda d: d.pop("resolution"), "field resolution: must be an object"),
        (lambda d: d.update(information=[]), "field information: must be an object"),
    ],
)
def test_an_edited_seal_is_refused(tmp_path: Path, edit: Callable[[dict[str, Any]], object], message: str) -> None:
    path = tmp_path / "sealed.json"
    write_seal(path, sealed())
    with pytest.raises(InputError, match=message) as caught:
        read_seal(edited(path, edit))
    assert caught.value.file == str(path)


def test_a_seal_without_the_hash_of_its_protocol_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sealed.json"
    write_seal(path, sealed())
    edited(path, lambda d: d.pop("protocol_hash"))
    assert read_seal(path).protocol_hash == sealed().protocol_hash


def test_contestants_are_no_part_of_the_protocol() -> None:
    others = (
        sealed(with_model(dtype="bfloat16")),
        sealed(models=described(window=1024)),
        sealed(replace(PLAN, models=PLAN.models[:1])),
        sealed(replace(PLAN, untunable=())),
        sealed(with_model(gguf_file="a.gguf")),
    )
    for other in others:
        assert other.hash != sealed().hash
        assert other.protocol_hash == sealed().protocol_hash


@pytest.mark.parametrize(
    "other",
    [
        lambda: sealed(replace(PLAN, levels=(0, 5, 20))),
        lambda: sealed(replace(PLAN, seeds=(0, 2))),
        lambda: sealed(replace(PLAN, recipes=(Recipe(rank=4),))),
        lambda: sealed(replace(PLAN, evaluation_batch_tokens=7)),
        lambda: sealed(tasks=with_items(train=(ITEM,))),
        lambda: sealed(hardware=replace(HARDWARE, instructions="AVX512")),
    ],
    ids=["levels", "seeds", "recipe", "batch", "items", "hardware"],
)
def test_all_else_is(other: Callable[[], Seal]) -> None:
    assert other().protocol_hash != sealed().protocol_hash


def test_weights_have_one_digest_whatever_the_files_are_called() -> None:
    one = {"files": {"config.json": "c" * 64, "model.safetensors": "1" * 64}}
    assert weights_digest(one) == weights_digest(MODELS["full"])
    assert weights_digest({"files": {"other.safetensors": "1" * 64}}) == weights_digest(one)
    assert weights_digest(MODELS["small"]) != weights_digest(one)


def test_moving_things_by_hand_does_not_break_a_seal(tmp_path: Path) -> None:
    path = tmp_path / "sealed.json"
    write_seal(path, sealed())
    edited(path, lambda d: d["information"]["models"]["full"].update(source="/elsewhere"))
    assert read_seal(path).hash == sealed().hash


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\x00\xff", b'{"schema": NaN}'])
def test_what_is_no_seal_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sealed.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"sealed\.json"):
        read_seal(path)
    with pytest.raises(InputError, match="does not exist"):
        read_seal(tmp_path / "none.json")


# --------------------------------------------------------------------------------------------------------- this machine


def test_the_processor_is_named() -> None:
    hardware = this_machine("cpu", 2)
    assert (hardware.device, hardware.threads) == ("cpu", 2)
    assert hardware.name
    assert hardware.instructions


@pytest.mark.parametrize("device", ["cuda:99", "cuda:x", "tpu", "cpu:1", ""])
def test_a_device_that_is_not_there_is_bad_input(device: str) -> None:
    with pytest.raises(InputError, match="field device: device must be cpu, cuda or mps and on this machine"):
        this_machine(device, 1)


def test_there_is_at_least_one_thread() -> None:
    with pytest.raises(InputError, match="threads must be at least 1, got 0"):
        this_machine("cpu", 0)


def test_a_plan_is_sealed_without_torch() -> None:
    code = (
        "import sys, headstart.tune.seal, headstart.tune.model_files, headstart.tune.hub; print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r'headstart tune needs the extra: pip install "headstart\[tune\]"'):
        this_machine("cpu", 1)


def test_resolving_is_what_is_sealed() -> None:
    assert resolve(PLAN, TASKS, models=MODELS, hardware=HARDWARE) == sealed().resolution
