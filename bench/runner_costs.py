"""What a step and an evaluation of the runner cost on a CPU, each with and without one way to make it cheaper.

Processor seconds of one thread, least of several repeats, SmolLM2-135M: attention of training steps by sequence length
in both dtypes; a step and an evaluation on packaged tasks, with adapters as peft computes them, with one item per row,
and with adapters merged, and how far that moves log-likelihoods; items behind several few-shot prefixes; steps that
read their items in padded rows and in one row. Writes bench/results/runner_costs.json. The model is built by
`make contestants`; without it the benchmark is skipped.

    OMP_NUM_THREADS=1 python bench/runner_costs.py [models/full]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from machine import machine
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from headstart.tune import training
from headstart.tune.encode import Encoder, encoder_for
from headstart.tune.items import Item
from headstart.tune.models import LoadedModel, load
from headstart.tune.plan import ModelSpec, Recipe, TaskSpec
from headstart.tune.score import Scorer, choices
from headstart.tune.score import scorer as scoring
from headstart.tune.tasks import load_task

HERE = Path(__file__).parent
TASKS = HERE.parent / "examples" / "tasks"
RESULT = HERE / "results" / "runner_costs.json"
ITEMS = 40
STEPS = 12


def cpu_seconds(call: Callable[[], object], repeats: int = 3) -> float:
    found: list[float] = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return min(found)


def attention(dtype: torch.dtype, length: int) -> dict[str, object]:
    """Forward and backward of one layer's attention for eight items, as torch chooses it and by plain products."""
    heads = [torch.randn(8, 9, length, 64, dtype=dtype, requires_grad=True) for _ in range(3)]

    def once() -> None:
        scaled_dot_product_attention(*heads, is_causal=True).sum().backward()

    chosen = cpu_seconds(once, repeats=20)
    with sdpa_kernel(SDPBackend.MATH):
        plain = cpu_seconds(once, repeats=20)
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "tokens": length,
        "chosen_by_torch_ms": round(1e3 * chosen, 3),
        "plain_ms": round(1e3 * plain, 3),
    }


def rows(model: Path, dtype: str, name: str) -> dict[str, object]:
    """A step in padded rows with the optimiser's loop, with its one kernel, and then in one row; taken in turns."""
    files = {split: str(TASKS / name / f"{split}.jsonl") for split in ("train", "test")}
    task = load_task(TaskSpec(name=name, kind="multiple_choice", test_limit=ITEMS, **files))
    recipe = Recipe()
    tunings: dict[str, training.Tuning] = {}
    for way in ("padded_rows_and_loop", "padded_rows", "one_row"):
        loaded = load(ModelSpec(name="m", source=str(model), dtype=dtype))
        encoder = encoder_for(loaded, recipe)
        tunings[way] = training.Tuning(loaded, encoder, recipe, seed=0, total_steps=50, packs=way == "one_row")
    loop = tunings["padded_rows_and_loop"]
    loop._optimizer = torch.optim.AdamW(loop._masters.values(), lr=recipe.learning_rate, weight_decay=0, foreach=False)
    for tuning in tunings.values():
        tuning.step_on(task.train)
    seconds = {way: 0.0 for way in tunings}
    for _ in range(STEPS):
        for way, tuning in tunings.items():
            seconds[way] += cpu_seconds(lambda tuning=tuning: tuning.step_on(task.train), repeats=1) / STEPS
    return {"dtype": dtype, "task": name, "steps": STEPS} | {
        f"step_seconds_{way}": round(value, 3) for way, value in seconds.items()
    }


def in_turns(*calls: Callable[[], object], repeats: int = 4) -> list[float]:
    """Least processor seconds of each call, one after the other, so that other work on the machine meets all alike."""
    found = [[cpu_seconds(call, repeats=1) for call in calls] for _ in range(repeats)]
    return [min(column) for column in zip(*found, strict=True)]


def with_adapters_of_peft(call: Callable[[], object]) -> object:
    """Score with peft's own adapters."""
    kept = scoring.cheap_adapters
    scoring.cheap_adapters = lambda model: nullcontext()
    try:
        return call()
    finally:
        scoring.cheap_adapters = kept


def one_tree_per_row(loaded: LoadedModel, encoder: Encoder, items: Sequence[Item]) -> Scorer:
    """A scorer that pads every item to the longest beside it."""
    kept = choices._ROW
    choices._ROW = 0
    try:
        scorer = Scorer(loaded, encoder, batch_tokens=512)
        scorer.prepare(items)
    finally:
        choices._ROW = kept
    return scorer


def prefixes(model: Path) -> dict[str, object]:
    """Items of ``gloss`` behind four kinds of five shots: tokens read behind one common prefix, and behind one each."""
    loaded = load(ModelSpec(name="m", source=str(model), dtype="float32"))
    encoder = encoder_for(loaded, Recipe(learning_rate=1e-3))
    files = {name: str(TASKS / "gloss" / f"{name}.jsonl") for name in ("train", "test")}
    task = load_task(TaskSpec(name="gloss", kind="multiple_choice", test_limit=ITEMS, **files))
    solved = [f"{one.context}{one.continuations[one.answer]}\n\n" for one in task.train[:20]]
    fronts = ["".join(solved[5 * kind : 5 * kind + 5]) for kind in range(4)]
    items = [replace(item, context=fronts[at % 4] + item.context) for at, item in enumerate(task.test)]
    scorer = Scorer(loaded, encoder, batch_tokens=512)
    scorer.prepare(items)
    grouped = choices.grouped
    choices.grouped = lambda beginnings, *, charge: grouped(beginnings, charge=10**9)
    try:
        together = Scorer(loaded, encoder, batch_tokens=512)
        together.prepare(items)
    finally:
        choices.grouped = grouped
    now, before = in_turns(lambda: scorer.score(items), lambda: together.score(items), repeats=2)
    return {
        "items": len(items),
        "tokens_read": {"one_prefix_per_kind": tokens_read(scorer), "one_prefix": tokens_read(together)},
        "evaluation_seconds": {"one_prefix_per_kind": round(now, 3), "one_prefix": round(before, 3)},
    }


def tokens_read(scorer: Scorer) -> int:
    groups = scorer._prepared.groups
    trees = [tree for group in groups for batch in group.batches for tree in batch.trees]
    return sum(len(group.prefix) for group in groups) + sum(map(len, trees))


def steps(model: Path, dtype: str) -> dict[str, object]:
    """A training step with and without plain attention; an evaluation without, with and with merged adapters."""
    loaded = load(ModelSpec(name="m", source=str(model), dtype=dtype))
    recipe = Recipe(learning_rate=1e-3)
    encoder = encoder_for(loaded, recipe)
    task = load_task(
        TaskSpec(
            name="gloss",
            kind="multiple_choice",
            train=str(TASKS / "gloss" / "train.jsonl"),
            test=str(TASKS / "gloss" / "test.jsonl"),
            test_limit=ITEMS,
        )
    )
    scorer = Scorer(loaded, encoder, batch_tokens=512)
    scorer.prepare(task.test)
    bare = cpu_seconds(lambda: scorer.score(task.test))
    tuning = training.Tuning(loaded, encoder, recipe, seed=0, total_steps=50)
    for _ in range(4):
        tuning.step_on(task.train)
    now = cpu_seconds(lambda: tuning.step_on(task.train), repeats=4)
    kept = training._fast_attention
    training._fast_attention = lambda tokens, dtype: nullcontext()
    before = cpu_seconds(lambda: tuning.step_on(task.train), repeats=4)
    training._fast_attention = kept
    unpacked = one_tree_per_row(loaded, encoder, task.test)
    adapted, of_peft, apart = in_turns(
        lambda: scorer.score(task.test),
        lambda: with_adapters_of_peft(lambda: scorer.score(task.test)),
        lambda: unpacked.score(task.test),
    )
    told = scorer.score(task.test)
    tuning._adapted.merge_adapter()  # not undone: rounding would have moved the weights
    merged = cpu_seconds(lambda: scorer.score(task.test))
    moved = scorer.score(task.test)
    return {
        "dtype": dtype,
        "task": "gloss",
        "items": ITEMS,
        "step_seconds": round(now, 3),
        "step_seconds_attention_chosen_by_torch": round(before, 3),
        "evaluation_seconds_untuned": round(bare, 3),
        "evaluation_seconds_adapters": round(adapted, 3),
        "evaluation_seconds_adapters_of_peft": round(of_peft, 3),
        "evaluation_seconds_one_tree_per_row": round(apart, 3),
        "evaluation_seconds_merged": round(merged, 3),
        "largest_loglikelihood_difference_merged": max(
            abs(one - other)
            for ours, theirs in zip(told, moved, strict=True)
            for one, other in zip(ours.loglikelihoods, theirs.loglikelihoods, strict=True)
        ),
    }


def main() -> int:
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "models" / "full"
    if not (model / "model.safetensors").exists():
        print(f"skipped: no model in {model}; `make contestants` builds it")
        return 0
    torch.set_num_threads(1)
    lengths = (16, 32, 64, 128, 256, 512)
    document = {
        "machine": machine(),
        "torch": torch.__version__,
        "attention": [attention(dtype, n) for dtype in (torch.bfloat16, torch.float32) for n in lengths],
        "few_shot_prefixes": prefixes(model),
        "runner": [steps(model, dtype) for dtype in ("bfloat16", "float32")],
        "rows": [rows(model, dtype, task) for dtype in ("bfloat16", "float32") for task in ("city", "gloss")],
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(document, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
