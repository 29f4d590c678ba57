"""One run at a constant learning rate that serves every level, against one run per level; both by headstart.

Every run is a process of its own, timed from start to exit by the processor time it took. The scores have to be the
same, item by item. Writes bench/results/levels_in_one_run.json. The model is built by `make contestants`.

    python bench/levels_in_one_run.py models/full
"""

from __future__ import annotations

import argparse
import json
import tempfile
from importlib.metadata import version
from pathlib import Path

from machine import machine
from trajectory_vs_trainer import HERE, RECIPE, run_alone, trajectory_spec

SCRIPT = "tuned_by_headstart.py"


def total(runs: list[dict]) -> dict[str, float]:
    """Processor seconds of some runs together."""
    return {name: round(sum(run["seconds"][name] for run in runs), 2) for name in runs[0]["seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path, default=HERE.parent / "models" / "full")
    parser.add_argument("--task", default="city")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--levels", nargs="+", type=int, default=[0, 5, 10, 20, 40])
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "levels_in_one_run.json")
    options = parser.parse_args()
    if not options.model.is_dir():
        parser.error(f"{options.model} must be the folder of a model: `make contestants` builds one")
    told = options.model, options.dtype, options.task
    with tempfile.TemporaryDirectory() as folder:
        rest = options.items, Path(folder)
        together = run_alone(SCRIPT, trajectory_spec(*told, options.levels, *rest))
        apart = {level: run_alone(SCRIPT, trajectory_spec(*told, [level], *rest)) for level in options.levels}
    once, each = total([together]), total(list(apart.values()))
    document = {
        "what": "processor seconds of one run serving every level, beside one run per level",
        "machine": machine()
        | {"threads_used": 1}
        | {name: version(name) for name in ("torch", "transformers", "peft")},
        "model": options.model.name,
        "task": options.task,
        "dtype": options.dtype,
        "test_items": options.items,
        "recipe": RECIPE,
        "levels": options.levels,
        "steps": {"one_run": max(options.levels), "run_per_level": sum(options.levels)},
        "cpu_seconds": {"one_run": once, "run_per_level": each},
        "run_per_level_over_one_run": {
            part: round(each[part] / once[part], 2) for part in ("total", "training", "evaluation")
        },
        "accuracy": {
            str(level): sum(together["levels"][str(level)]["acc"]) / options.items for level in options.levels
        },
        "same_to_the_last_bit": {
            str(level): together["levels"][str(level)] == run["levels"][str(level)] for level, run in apart.items()
        },
    }
    options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
