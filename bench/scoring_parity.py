"""Scoring inside the tuning process against lm-evaluation-harness: same model in memory, same items, one thread.

Agreement is looked at in float32 and float64, item by item; times are processor times, so that other work on the
machine does not decide. The harness's time is that of a whole ``simple_evaluate``, as a tuning loop would call it at
every level; ours is given with its preparation (first level) and without (every further level). Writes
bench/results/scoring_parity.json. The model is built by `make contestants`.

    OMP_NUM_THREADS=1 python bench/scoring_parity.py models/full
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path

import datasets
import flops
import lm_eval
import numpy as np
import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from machine import machine
from shots import task_files

from headstart.tune.encode import Encoder
from headstart.tune.metrics import item_values
from headstart.tune.models import LoadedModel, load
from headstart.tune.plan import ModelSpec, TaskSpec
from headstart.tune.score import Scorer
from headstart.tune.tasks import load_task

SHAPES = {
    "city": "short contexts, choices of 1 to 3 tokens",
    "gloss": "definitions, choices of 1 to 4 tokens",
    "gloss5": "gloss behind five solved items, the same for all",
}
HARNESS_BATCH = 32
BATCH_TOKENS = 512


def harness_samples(loaded: LoadedModel, test: str, count: int) -> tuple[list[dict], float]:
    """The harness's record of each item, and the processor seconds of ``simple_evaluate``."""
    with tempfile.TemporaryDirectory() as folder:
        data = json.dumps({"test": test})
        Path(folder, "mine.yaml").write_text(
            f"task: mine\ndataset_path: json\ndataset_kwargs: {{data_files: {data}}}\ntest_split: test\n"
            "output_type: multiple_choice\ndoc_to_text: context\ndoc_to_choice: choices\ndoc_to_target: answer\n"
            "metric_list: [{metric: acc}, {metric: acc_norm}]\n"
        )
        manager = TaskManager(include_path=folder, include_defaults=False)
        datasets.config.HF_DATASETS_CACHE = Path(folder, "cache")
        lm = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=HARNESS_BATCH)
        began = time.process_time()
        result = lm_eval.simple_evaluate(
            model=lm, tasks=["mine"], task_manager=manager, limit=count, bootstrap_iters=0, verbosity="ERROR"
        )
        seconds = time.process_time() - began
    return sorted(result["samples"]["mine"], key=lambda sample: sample["doc_id"]), seconds


def compare(loaded: LoadedModel, name: str, count: int, folder: Path) -> dict[str, object]:
    files = task_files(name, folder)
    spec = TaskSpec(name=name, kind="multiple_choice", test_limit=count, **files)
    task = load_task(spec)
    encoder = Encoder(tokenizer=loaded.tokenizer, chat_template=False, max_length=2048, truncation="error")
    scorer = Scorer(loaded, encoder, batch_tokens=BATCH_TOKENS)
    began = time.process_time()
    results = scorer.score(task.test)
    first = time.process_time() - began
    began = time.process_time()
    again = scorer.score(task.test)
    further = time.process_time() - began
    values = item_values(task, results)
    samples, harness = harness_samples(loaded, files["test"], count)
    theirs = np.concatenate([[ll for ll, _ in sample["filtered_resps"]] for sample in samples])
    ours = np.concatenate([result.loglikelihoods for result in results])
    at_best = flops.scoring_operations(loaded, scorer) / flops.matrix_rate(loaded, rows=BATCH_TOKENS)
    return {
        "dtype": loaded.spec.dtype,
        "task": name,
        "shape": SHAPES[name],
        "items": count,
        "path": scorer.path,
        "same_bytes_twice": again == results,
        "largest_loglikelihood_difference": float(np.abs(ours - theirs).max()),
        **{
            metric: {
                "ours": float(values[metric].mean()),
                "harness": float(np.mean([sample[metric] for sample in samples])),
                "items_decided_differently": int(sum(values[metric] != [sample[metric] for sample in samples])),
            }
            for metric in ("acc", "acc_norm")
        },
        "cpu_seconds": {
            "ours_first_level": round(first, 2),
            "ours_further_level": round(further, 2),
            "harness": round(harness, 2),
            "harness_over_ours_further_level": round(harness / further, 2),
            "matrix_products_at_the_measured_rate": round(at_best, 2),
            "share_of_physical_limit": round(at_best / further, 3),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path, default=Path(__file__).parent.parent / "models" / "full")
    parser.add_argument("--items", type=int, default=60, help="items per task when agreement is looked at")
    parser.add_argument("--timed-items", type=int, default=200)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "scoring_parity.json")
    options = parser.parse_args()
    if not options.model.is_dir():
        parser.error(f"{options.model} must be the folder of a model: `make contestants` builds one")
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    runs = {
        "agreement": [("float32", name, options.items) for name in SHAPES]
        + [("float64", name, options.items) for name in SHAPES],
        "speed": [(dtype, name, options.timed_items) for dtype in ("float32", "bfloat16") for name in SHAPES],
    }
    document: dict[str, object] = {
        "what": "log-likelihoods, decisions and processor time of multiple-choice scoring, ours and the harness's",
        "machine": machine() | {"threads_used": 1, "torch": torch.__version__, "lm_eval": lm_eval.__version__},
        "model": options.model.name,
        "harness_batch_size": HARNESS_BATCH,
        "batch_tokens": BATCH_TOKENS,
    }
    for part, cases in runs.items():
        found: list[dict[str, object]] = []
        for dtype, name, count in cases:
            loaded = load(ModelSpec(name="model", source=str(options.model.resolve()), dtype=dtype))
            with tempfile.TemporaryDirectory() as folder:
                found.append(compare(loaded, name, count, Path(folder)))
            print(json.dumps(found[-1]), flush=True)
        document[part] = found
    options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
