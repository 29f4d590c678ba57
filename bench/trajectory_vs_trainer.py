"""The same trajectory by headstart, and as people do it today: Trainer, peft and lm_eval.simple_evaluate in a callback.

Same model, items, batches in the same order, first weights of the adapter, constant learning rate and levels; no
dropout, no clipping, one thread. Every trajectory is a process of its own, in turns with the other side's, and costs
the processor time of that process and of those it starts, imports and loading included. Training is the same
mathematically, not bit by bit, so that items whose choices are about equally likely may be decided differently at later
levels; therefore both scorers are also given the very same tuned weights. Writes
bench/results/trajectory_vs_trainer.json. The model is built by `make contestants`.

    python bench/trajectory_vs_trainer.py models/full
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
from machine import machine
from shots import task_files

HERE = Path(__file__).parent
SIDES = {"headstart": "tuned_by_headstart.py", "trainer": "tuned_by_trainer.py"}
TARGETS = {"total": 1 / 2, "evaluation": 1 / 3}
RECIPE = {"rank": 8, "alpha": 16, "learning_rate": 2e-4, "batch_size": 8}
HARNESS_BATCH = 32
BATCH_TOKENS = 512
CASES = [f"{task}:{dtype}" for dtype in ("bfloat16", "float32") for task in ("city", "gloss", "gloss5")]
METRICS = ("acc", "acc_norm")


def trajectory_spec(model: Path, dtype: str, task: str, levels: list[int], items: int, folder: Path) -> dict:
    """What both sides are told; ``folder`` keeps the files of tasks with shots."""
    return {
        "model": str(model.resolve()),
        "dtype": dtype,
        "task": task,
        **task_files(task, folder),
        "test_items": items,
        "levels": levels,
        "seed": 0,
        "batch_tokens": BATCH_TOKENS,
        "recipe": RECIPE,
    }


def with_order(spec: dict) -> dict:
    """With what headstart derives from the seed, for the side that cannot."""
    from headstart.tune.training import _step_seed, batch_indices

    size, seed = RECIPE["batch_size"], spec["seed"]
    count = len(Path(spec["train"]).read_text(encoding="utf-8").splitlines())
    batches = [batch_indices(step, items=count, batch_size=size, seed=seed) for step in range(spec["levels"][-1])]
    order = [index for batch in batches for index in batch]
    return spec | {"order": order, "adapter_seed": _step_seed(seed, -1), "harness_batch_size": HARNESS_BATCH}


def run_alone(script: str, spec: dict) -> dict:
    """Run one trajectory in a fresh process; ``seconds.total`` is the processor time it took, from start to exit."""
    with tempfile.TemporaryDirectory() as folder:
        told, found = Path(folder, "spec.json"), Path(folder, "found.json")
        told.write_text(json.dumps(spec), encoding="utf-8")
        settings = {
            name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
        }
        environment = os.environ | settings | {"TOKENIZERS_PARALLELISM": "false", "HF_HOME": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else both sides compile all libraries in every process
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, str(HERE / script), str(told), str(found)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(f"{script} failed:\n{done.stderr}")
        result = json.loads(found.read_text(encoding="utf-8"))
    result["seconds"]["total"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result


def compare(ours: dict, theirs: dict) -> dict[str, object]:
    """Scores of the same items at a level, side by side."""
    lls = [np.concatenate([np.asarray(item) for item in side["loglikelihoods"]]) for side in (ours, theirs)]
    return {
        **{f"headstart_{metric}": float(np.mean(ours[metric])) for metric in METRICS},
        **{f"harness_{metric}": float(np.mean(theirs[metric])) for metric in METRICS},
        "items_decided_differently": int(sum(np.not_equal(ours[metric], theirs[metric]).sum() for metric in METRICS)),
        "largest_loglikelihood_difference": float(np.abs(lls[0] - lls[1]).max()),
    }


def on_the_same_weights(spec: dict) -> dict[str, object]:
    """Both scorers on one model in memory, at some levels of one run; at level 0 the weights are the same anyway."""
    from scoring_parity import harness_samples

    from headstart.tune.encode import encoder_for
    from headstart.tune.metrics import item_values
    from headstart.tune.models import load
    from headstart.tune.plan import ModelSpec, Recipe, TaskSpec
    from headstart.tune.score import Scorer
    from headstart.tune.tasks import load_task
    from headstart.tune.training import Tuning

    kept = {name: spec[name] for name in ("train", "test")}
    task = load_task(TaskSpec(name=spec["task"], kind="multiple_choice", test_limit=spec["test_items"], **kept))
    recipe = Recipe(**spec["recipe"])
    loaded = load(ModelSpec(name="model", source=spec["model"], dtype=spec["dtype"]))
    encoder = encoder_for(loaded, recipe)
    scorer = Scorer(loaded, encoder, batch_tokens=spec["batch_tokens"])
    scorer.prepare(task.test)
    tuning = Tuning(
        loaded, encoder, recipe, seed=spec["seed"], total_steps=spec["levels"][-1], packs=scorer.path == "tree"
    )
    rows: dict[str, object] = {"path": scorer.path}
    for level in spec["levels"][2::2]:
        while tuning.steps_done < level:
            tuning.step_on(task.train)
        results = scorer.score(task.test)
        ours = {name: values.tolist() for name, values in item_values(task, results).items()}
        ours["loglikelihoods"] = [result.loglikelihoods for result in results]
        samples, _ = harness_samples(loaded, spec["test"], spec["test_items"])
        theirs = {metric: [sample[metric] for sample in samples] for metric in METRICS}
        theirs["loglikelihoods"] = [[ll for ll, _ in sample["filtered_resps"]] for sample in samples]
        rows[str(level)] = compare(ours, theirs)
    return rows


def physical_limit(spec: dict, order: list[int], seconds: dict[str, float]) -> dict[str, object]:
    """What headstart's matrix products alone would take at the measured rate, and which part of its time that is."""
    import torch
    from flops import matrix_rate, scoring_operations, training_operations

    from headstart.tune.encode import encoder_for
    from headstart.tune.models import load
    from headstart.tune.plan import ModelSpec, Recipe, TaskSpec
    from headstart.tune.score import Scorer
    from headstart.tune.tasks import load_task

    torch.set_num_threads(1)
    kept = {name: spec[name] for name in ("train", "test")}
    task = load_task(TaskSpec(name=spec["task"], kind="multiple_choice", test_limit=spec["test_items"], **kept))
    loaded = load(ModelSpec(name="model", source=spec["model"], dtype=spec["dtype"]))
    encoder = encoder_for(loaded, Recipe(**spec["recipe"]))
    scorer = Scorer(loaded, encoder, batch_tokens=spec["batch_tokens"])
    scorer.prepare(task.test)
    rate, rank = matrix_rate(loaded, rows=spec["batch_tokens"]), spec["recipe"]["rank"]
    examples = {index: encoder.training_example(task.train[index]) for index in set(order)}
    at_best = {
        "training": training_operations(loaded, [examples[index] for index in order], rank=rank) / rate,
        "evaluation": len(spec["levels"]) * scoring_operations(loaded, scorer, rank=rank) / rate,
    }
    return {
        "matrix_operations_per_second": round(rate),
        "cpu_seconds_of_matrix_products": {part: round(value, 2) for part, value in at_best.items()},
        "share_of_headstart": {part: round(value / seconds[part], 3) for part, value in at_best.items()},
    }


def one_case(spec: dict, repeats: int) -> dict[str, object]:
    """A trajectory by both sides, in turns, and how they compare."""
    runs: dict[str, list[dict]] = {side: [] for side in SIDES}
    told = with_order(spec)
    for _ in range(repeats):
        for side, script in SIDES.items():
            runs[side].append(run_alone(script, told))
            print(side, {name: round(value, 1) for name, value in runs[side][-1]["seconds"].items()}, flush=True)
    seconds = {
        side: {name: round(median(run["seconds"][name] for run in found), 2) for name in found[0]["seconds"]}
        for side, found in runs.items()
    }
    ratios = {part: seconds["headstart"][part] / seconds["trainer"][part] for part in TARGETS}
    first = {side: found[0] for side, found in runs.items()}
    levels = {
        str(level): compare(first["headstart"]["levels"][str(level)], first["trainer"]["levels"][str(level)])
        for level in spec["levels"]
    }
    return {
        "task": spec["task"],
        "dtype": spec["dtype"],
        "test_items": spec["test_items"],
        "levels": spec["levels"],
        "repeats": repeats,
        "cpu_seconds_median": seconds,
        "cpu_seconds_every_run": {
            side: [round(run["seconds"]["total"], 2) for run in found] for side, found in runs.items()
        },
        "headstart_over_trainer": {part: round(ratio, 3) for part, ratio in ratios.items()},
        "met": {part: bool(ratio <= TARGETS[part]) for part, ratio in ratios.items()},
        "physical_limit": physical_limit(spec, told["order"], seconds["headstart"]),
        "last_loss": {side: run["last_loss"] for side, run in first.items()},
        "own_weights": levels,
        "same_weights": on_the_same_weights(spec),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path, default=HERE.parent / "models" / "full")
    parser.add_argument("--cases", nargs="+", default=CASES, help="task:dtype")
    parser.add_argument("--levels", nargs="+", type=int, default=[0, 5, 10, 20, 40])
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "trajectory_vs_trainer.json")
    options = parser.parse_args()
    if not options.model.is_dir():
        parser.error(f"{options.model} must be the folder of a model: `make contestants` builds one")
    os.environ["OMP_NUM_THREADS"] = "1"
    logging.disable(logging.WARNING)
    versions = {name: version(name) for name in ("torch", "transformers", "peft", "lm_eval", "accelerate")}
    cases: list[dict[str, object]] = []
    document = {
        "what": "processor seconds of one trajectory, headstart beside Trainer + peft + lm_eval.simple_evaluate",
        "machine": machine() | versions | {"threads_used": 1},
        "model": options.model.name,
        "recipe": RECIPE,
        "harness_batch_size": HARNESS_BATCH,
        "batch_tokens": BATCH_TOKENS,
        "targets": {part: round(share, 3) for part, share in TARGETS.items()},
        "cases": cases,
    }
    for task, dtype in (case.split(":") for case in options.cases):
        with tempfile.TemporaryDirectory() as folder:
            spec = trajectory_spec(options.model, dtype, task, options.levels, options.items, Path(folder))
            cases.append(one_case(spec, options.repeats))
        print(json.dumps(cases[-1]), flush=True)
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
