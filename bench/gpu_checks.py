"""The checks of gpu_run.py: each takes the rig, returns what it measured, and raises ``Failed`` where it must not pass.

What they are made on is in gpu_rig.py: a check is of the device, not of anybody's model.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from gpu_rig import LORA, SIZES, WORDS, Rig

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))


from headstart.tune import memory
from headstart.tune.encode import Encoder, Example, encoder_for
from headstart.tune.executors.local import LocalExecutor
from headstart.tune.folder import RunFolder
from headstart.tune.items import MultipleChoice
from headstart.tune.memory import Load, needed
from headstart.tune.models import LoadedModel
from headstart.tune.plan import Recipe
from headstart.tune.plan_file import read_plan
from headstart.tune.run import run_plan
from headstart.tune.score import Scorer
from headstart.tune.score.choices import plan_trees, score_plainly, score_trees
from headstart.tune.training import Tuning


class Failed(Exception):
    """A check that ran to its end and did not hold; what it measured is kept."""

    def __init__(self, why: str, measured: dict[str, Any]) -> None:
        super().__init__(why)
        self.measured = measured


class Skipped(Exception):
    """A check that this machine cannot run."""


def scoring_parity(rig: Rig) -> dict[str, Any]:
    """Trees and single rows on the device against single rows in float64 on the CPU: nats per scored token."""
    items = rig.items(6, short=True)
    loaded = rig.load("float64", device="cpu")
    examples = encoder_for(loaded, LORA).choices(items)
    with torch.no_grad():
        truth = score_plainly(loaded.model, examples, batch_tokens=512).loglikelihoods
    del loaded
    found: dict[str, Any] = {}
    for dtype, limit in (("float32", 1e-3), ("bfloat16", 0.1)):
        loaded = rig.load(dtype)
        with torch.no_grad():
            trees = score_trees(loaded.model, plan_trees(examples, batch_tokens=512), items=len(items)).loglikelihoods
            plain = score_plainly(loaded.model, examples, batch_tokens=512).loglikelihoods
        found[dtype] = {
            "path": Scorer(loaded, encoder_for(loaded, LORA), batch_tokens=512).prepare(items),
            "tree_against_float64": _per_token(examples, trees, truth),
            "plain_against_float64": _per_token(examples, plain, truth),
            "tree_against_plain": _per_token(examples, trees, plain),
            "limit": limit,
        }
        del loaded
        rig.free()
    wrong = [dtype for dtype, one in found.items() if max(v for k, v in one.items() if "against" in k) > one["limit"]]
    return _held(not wrong, f"differences above the limit in {wrong}", found)


def gradient_parity(rig: Rig) -> dict[str, Any]:
    """The gradient of one step in float32 on the device and on the CPU, relative to its norm."""
    items, found = rig.items(4, short=True), {}
    for base in rig.bases:
        recipe = replace(base, batch_size=4)
        gradients = [_gradient(rig.tuning(recipe, device=device), items) for device in ("cpu", rig.device)]
        rig.free()
        norm = math.sqrt(sum(float((one.double() ** 2).sum()) for one in gradients[0]))
        apart = math.sqrt(sum(float(((a - b).double() ** 2).sum()) for a, b in zip(*gradients, strict=True)))
        found[base.name] = {"norm": norm, "relative_difference": apart / norm}
    return _held(all(one["relative_difference"] < 1e-3 for one in found.values()), "gradients differ", found)


def determinism(rig: Rig) -> dict[str, Any]:
    """The same steps twice on the device: the same bytes, or how far apart."""
    items, found = rig.items(3 * rig.batch), {}
    for dtype in rig.dtypes:
        states = []
        for _ in range(2):
            tuning = rig.tuning(rig.recipe(LORA), dtype)
            for _ in range(5):
                tuning.step_on(items)
            states.append(tuning.state().tensors)
            del tuning
            rig.free()
        found[dtype] = _apart(*states)
    return _held(all(one["losses_apart"] < 1e-2 for one in found.values()), "repeated steps differ", found)


def resume(rig: Rig) -> dict[str, Any]:
    """Six steps, against three, a state and three more in a model loaded anew."""
    items, found = rig.items(3 * rig.batch), {}
    for dtype in rig.dtypes:
        straight = rig.tuning(rig.recipe(LORA), dtype)
        for _ in range(3):
            straight.step_on(items)
        kept = straight.state()
        for _ in range(3):
            straight.step_on(items)
        resumed = rig.tuning(rig.recipe(LORA), dtype)
        resumed.restore(kept)
        for _ in range(3):
            resumed.step_on(items)
        found[dtype] = _apart(straight.state().tensors, resumed.state().tensors)
        del straight, resumed
        rig.free()
    return _held(all(one["losses_apart"] < 1e-2 for one in found.values()), "a resumed run differs", found)


def out_of_memory(rig: Rig) -> dict[str, Any]:
    """A batch that does not fit is cut into smaller passes, and the loss stays what it was."""
    items, recipe = rig.items(2 * rig.batch), rig.recipe(LORA)
    free = rig.tuning(recipe)
    before, expected = _allocated(rig), free.step_on(items)
    peak = _peak(rig)
    del free
    rig.free()
    tuning = rig.tuning(recipe)
    with _less_memory(rig, tuning, before + 0.5 * (peak - before)):
        loss = tuning.step_on(items)
    found = {
        "batch": recipe.batch_size,
        "micro_batch": tuning.micro_batch,
        "loss": loss,
        "loss_with_memory": expected,
        "how": "a cap on the process's memory" if rig.device == "cuda" else "an error raised for more than two items",
    }
    right = tuning.micro_batch < recipe.batch_size and math.isclose(loss, expected, rel_tol=1e-3)
    return _held(right, "the batch was not cut, or the loss changed", found)


def memory_forecast(rig: Rig) -> dict[str, Any]:
    """Peak of the longest step beside the forecast, with and without gradient checkpointing, and its time."""
    found: dict[str, Any] = {}
    for base in rig.bases:
        for dtype in rig.dtypes:
            for again in (False, True):
                recipe = rig.recipe(base, gradient_checkpointing=again)
                name = f"{base.name}, {dtype}{', checkpointing' * again}"
                found[name] = _memory_of(rig, recipe, dtype)
                rig.free()
    wrong = [name for name, one in found.items() if not 0.5 < one["measured_over_forecast"] < 1.1]
    return _held(not wrong, f"the forecast is off for {wrong}", found)


def throughput(rig: Rig) -> dict[str, Any]:
    """Tokens a second of training and scoring, and the share of the device's own rate of matrix products."""
    rates = {dtype: matrix_rate(rig, dtype) for dtype in rig.dtypes}
    found: dict[str, Any] = {"matrix_flops_per_second": rates}
    settings = [(dtype, None) for dtype in rig.dtypes] + [("float32", "bfloat16")] * (not rig.quick)
    for base in rig.bases:
        for dtype, autocast in settings:
            rate = rates["bfloat16" if autocast else dtype]
            name = f"{base.name}, {dtype}{', autocast' if autocast else ''}"
            found[name] = _training_speed(rig, rig.recipe(base, autocast=autocast), dtype, rate)
            rig.free()
    for dtype in rig.dtypes:
        found[f"scoring, {dtype}"] = _scoring_speed(rig, dtype, rates[dtype])
        rig.free()
    return found


def kernels(rig: Rig) -> dict[str, Any]:
    """Which kernels compute attention, by the profiler."""
    found: dict[str, Any] = {}
    for dtype in rig.dtypes:
        tuning = rig.tuning(rig.recipe(LORA), dtype)
        items = rig.items(rig.batch)
        tuning.step_on(items)
        scorer = Scorer(_loaded(rig, tuning), tuning.encoder, batch_tokens=2048)
        scorer.score(items)
        found[dtype] = {
            "training": _attention_kernels(rig, lambda tuning=tuning, items=items: tuning.step_on(items)),
            "scoring": _attention_kernels(rig, lambda scorer=scorer, items=items: scorer.score(items)),
        }
        del tuning, scorer
        rig.free()
    names = " ".join(found[rig.dtypes[-1]]["training"]).lower()
    fused = "flash" in names or "cudnn" in names
    return _held(fused or rig.device != "cuda", "bfloat16 training does not use a fused kernel", found)


def two_devices(rig: Rig) -> dict[str, Any]:
    """Three steps and a score of the model on two GPUs, against one."""
    if rig.device != "cuda" or torch.cuda.device_count() < 2:
        raise Skipped("there are no two GPUs")
    items, losses, lls = rig.items(2 * rig.batch), [], []
    for devices in (1, 2):
        tuning = rig.tuning(rig.recipe(LORA), devices=devices)
        losses.append([tuning.step_on(items) for _ in range(3)])
        results = Scorer(_loaded(rig, tuning), tuning.encoder, batch_tokens=2048).score(items)
        lls.append([ll for result in results for ll in result.loglikelihoods])
        del tuning
        rig.free()
    apart = max(abs(a - b) for a, b in zip(*lls, strict=True))
    found = {"losses": losses, "loglikelihoods_apart": apart}
    return _held(apart < 1e-2 and losses[0][0] == losses[1][0], "two GPUs give something else", found)


def two_cells(rig: Rig) -> dict[str, Any]:
    """A plan of two cells, one after the other and both at a time on one device: the same scores, and the time."""
    plan = rig.folder / "plan.toml"
    plan.write_text(
        'schema = "headstart.plan/1"\nlevels = [0, 10]\nmodel_defaults = { dtype = "bfloat16" }\n'
        f"[recipe]\nbatch_size = {rig.batch}\n"
        '[[tasks]]\nname = "made-up"\nkind = "multiple_choice"\ntrain = "train.jsonl"\ntest = "test.jsonl"\n'
        'allow_overlap = true\n[[models]]\nname = "a"\npath = "model"\n[[models]]\nname = "b"\npath = "model"\n'
    )
    read, found, tables = read_plan(plan), {}, []
    for together in (False, True):
        folder = rig.folder / f"run-{together}"
        cuda = {"gpus_per_cell": 0.5 if together else 1.0} if rig.device == "cuda" else {}
        began = time.perf_counter()
        with LocalExecutor(workers=2 if together else 1, device=rig.device, **cuda) as executor:
            report = run_plan(read, folder, executor=executor, plan_file=plan)
        name = "two at a time" if together else "one at a time"
        found[name] = {
            "seconds": time.perf_counter() - began,
            "outcomes": [cell.outcome for cell in report.cells],
            "memory": json.loads((folder / "forecast.json").read_text())["memory"],
        }
        tables.append((RunFolder(path=folder).items_path).read_bytes())
        if report.failed:
            raise Failed(str(report.failed[0].reason), found)
    found["same_items"] = tables[0] == tables[1]
    return found


CHECKS: dict[str, tuple[Callable[[Rig], dict[str, Any]], float]] = {
    "scoring_parity": (scoring_parity, 60),
    "gradient_parity": (gradient_parity, 60),
    "determinism": (determinism, 40),
    "resume": (resume, 40),
    "out_of_memory": (out_of_memory, 30),
    "memory_forecast": (memory_forecast, 90),
    "throughput": (throughput, 90),
    "kernels": (kernels, 40),
    "two_devices": (two_devices, 40),
    "two_cells": (two_cells, 110),
}
"""Checks with the seconds that each may take: ten minutes in all."""


def matrix_rate(rig: Rig, dtype: str) -> float:
    """Floating-point operations a second of large matrix products: the most that a model could reach."""
    size = 8192 if rig.device == "cuda" else 512
    one, other = (torch.randn(size, size, device=rig.device, dtype=getattr(torch, dtype)) for _ in range(2))
    for _ in range(3):
        one @ other
    repeats, began = 10, rig.now()
    for _ in range(repeats):
        one @ other
    return repeats * 2 * size**3 / (rig.now() - began)


def _held(holds: bool, why: str, found: dict[str, Any]) -> dict[str, Any]:
    if not holds:
        raise Failed(why, found)
    return found


def _per_token(examples: list[tuple[Example, ...]], some: Any, others: Any) -> float:
    return max(
        abs(one - other) / (len(example.tokens) - example.prompt_tokens)
        for of_item, ones, rest in zip(examples, some, others, strict=True)
        for example, one, other in zip(of_item, ones, rest, strict=True)
    )


def _gradient(tuning: Tuning, items: tuple[MultipleChoice, ...]) -> list[torch.Tensor]:
    tuning.model.train()
    tuning._gradients(tuning._batch(items))
    return [weight.grad.detach().cpu() for weight in tuning._weights.values() if weight.grad is not None]


def _apart(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> dict[str, Any]:
    return {
        "same_bytes": all(torch.equal(some[name], others[name]) for name in some),
        "losses_apart": float((some["losses"] - others["losses"]).abs().max()),
        "weights_apart": max(
            float((some[name] - others[name]).abs().max()) for name in some if name.startswith("weight.")
        ),
    }


def _loaded(rig: Rig, tuning: Tuning) -> LoadedModel:
    return LoadedModel(
        spec=rig.spec(), model=tuning.model, tokenizer=tuning.encoder.tokenizer, device=tuning.device, window=2048
    )


def _allocated(rig: Rig) -> int:
    if rig.device != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()


def _peak(rig: Rig) -> int:
    return torch.cuda.max_memory_allocated() if rig.device == "cuda" else 0


@contextmanager
def _less_memory(rig: Rig, tuning: Tuning, limit: float) -> Iterator[None]:
    """Memory for a part of a batch only; on a CPU, where no such cap is, an error in its place."""
    if rig.device == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(min(limit / total, 1.0))
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        return
    real = tuning._accumulate

    def accumulate(examples: list[Example]) -> float:
        if tuning.micro_batch > 2:
            raise RuntimeError("out of memory, made up")
        return real(examples)

    tuning._accumulate = accumulate
    yield


def _memory_of(rig: Rig, recipe: Recipe, dtype: str) -> dict[str, Any]:
    items = rig.items(2 * rig.batch)
    tuning = rig.tuning(recipe, dtype)
    counts = tuning.encoder.check(items)
    tuning.step_on(items)
    load = Load(train_tokens=counts.longest, train_targets=counts.targets, test_tokens=counts.longest, batch_tokens=512)
    forecast = needed(rig.spec(dtype), recipe, load, device=rig.device)
    began = rig.now()
    if rig.device == "cuda":
        _allocated(rig)
        tuning.try_longest(items)
        measured, of = _peak(rig), forecast.weights + forecast.optimizer + forecast.gradients + forecast.activations
    else:  # what a pass allocates; the process around it is far larger
        with memory._Count() as count:
            tuning.try_longest(items)
        measured, of = count.peak, forecast.gradients + forecast.activations
    seconds = rig.now() - began
    return {
        "forecast_bytes": of,
        "measured_bytes": measured,
        "measured_over_forecast": measured / of,
        "step_seconds": seconds,
    }


def _flops_per_token(rig: Rig, length: float) -> float:
    """Of a forward pass through all layers: two per weight, and attention over half of the sequence."""
    _, width, middle, layers, heads, key_heads = SIZES[rig.size]
    weights = width * width * 2 + 2 * width * (width // heads) * key_heads + 3 * width * middle
    return layers * (2 * weights + 2 * length * width)


def _training_speed(rig: Rig, recipe: Recipe, dtype: str, rate: float) -> dict[str, Any]:
    items = rig.items(3 * rig.batch)
    tuning = rig.tuning(recipe, dtype)
    for _ in range(2):
        tuning.step_on(items)
    began, steps = rig.now(), 0
    while rig.now() - began < (4 if rig.device == "cuda" else 0.05 if rig.quick else 0.3):
        tuning.step_on(items)
        steps += 1
    seconds = (rig.now() - began) / steps
    examples = [tuning.encoder.training_example(item) for item in items]
    length = sum(len(one.tokens) - 1 for one in examples) / len(examples)
    targets = sum(len(one.tokens) - one.prompt_tokens for one in examples) / len(examples)
    forward = length * _flops_per_token(rig, length) + targets * 2 * SIZES[rig.size][0] * SIZES[rig.size][1]
    # Backwards the inputs' gradients cost as much as the pass, and those of the weights, where they are tuned, too.
    flops = recipe.batch_size * forward * (3 if recipe.method == "full" else 2)
    return {
        "step_seconds": seconds,
        "tokens_per_second": recipe.batch_size * length / seconds,
        "share_of_matrix_rate": flops / seconds / rate,
    }


def _scoring_speed(rig: Rig, dtype: str, rate: float) -> dict[str, Any]:
    loaded, items = rig.load(dtype), rig.items(WORDS[rig.size][3])
    encoder: Encoder = encoder_for(loaded, LORA)
    scorer = Scorer(loaded, encoder, batch_tokens=8192 if rig.device == "cuda" else 512)
    path = scorer.prepare(items)
    scorer.score(items)
    began = rig.now()
    scorer.score(items)
    seconds = rig.now() - began
    groups = plan_trees(encoder.choices(items), batch_tokens=8192)
    read = sum(len(tree) for group in groups for batch in group.batches for tree in batch.trees)
    shared = sum(len(group.prefix) for group in groups)
    whole = sum(len(one.tokens) for of_item in encoder.choices(items) for one in of_item)
    return {
        "path": path,
        "items_per_second": len(items) / seconds,
        "tokens_read_per_second": (read + shared) / seconds,
        "tokens_answered_for_per_second": whole / seconds,
        "share_of_matrix_rate": (read + shared) * _flops_per_token(rig, whole / len(items) / 4) / seconds / rate,
    }


def _attention_kernels(rig: Rig, call: Callable[[], object]) -> dict[str, int]:
    """Names of attention's operations and kernels, with how often they ran."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if rig.device == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        call()
    wanted = ("attention", "flash", "fmha", "efficient", "cudnn", "sdpa", "softmax")
    return {
        event.key[:120]: event.count
        for event in profile.key_averages()
        if any(word in event.key.lower() for word in wanted)
        and not any(word in event.key.lower() for word in ("log_softmax", "logsoftmax"))
    }
