"""Simultaneous rank sets of thousands of models: time and memory, from scores per item and from estimates.

Every case runs in a process of its own, so that its memory can be told; the memory includes the scores themselves. The
target is 5,000 models x 14,000 items x 1,000 draws in 30 s and 1.5 GB, whatever the scores are like: models far apart,
all equally good, families of near copies (whose differences are the most precise, which spoils the bounds by which
pairs are skipped), clusters of items, graded scores. Writes bench/results/rank_sets.json.

    PYTHONPATH=src python bench/rank_sets.py
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine

from headstart.rank import RankSets, rank_sets_from_estimates, rank_sets_from_items, separated_groups

MODELS, ITEMS, DRAWS = 5000, 14_000, 1000
TARGET_SECONDS, TARGET_GB = 30.0, 1.5
RESULT = Path(__file__).parent / "results" / "rank_sets.json"


def right_or_wrong(rng: np.random.Generator, abilities: np.ndarray) -> np.ndarray:
    """Zeros and ones, made row by row so that making them takes no more memory than holding them."""
    difficulty = rng.normal(size=ITEMS).astype(np.float32)
    scores = np.empty((len(abilities), ITEMS), dtype=np.uint8)
    for row, ability in zip(scores, abilities, strict=True):
        row[:] = rng.random(ITEMS, dtype=np.float32) < 1 / (1 + np.exp(difficulty - np.float32(ability)))
    return scores


def families(rng: np.random.Generator) -> np.ndarray:
    """A hundred models and variants of each that answer between .03 % and 20 % of the items in another way."""
    bases = right_or_wrong(rng, rng.normal(0.3, 0.7, 100))
    scores = bases[rng.integers(0, 100, MODELS)]
    for row, share in zip(scores, rng.choice([0.0003, 0.003, 0.03, 0.2], MODELS), strict=True):
        row ^= rng.random(ITEMS, dtype=np.float32) < share
    return scores


def graded(rng: np.random.Generator) -> np.ndarray:
    scores = np.empty((MODELS, ITEMS), dtype=np.float32)
    for at, row in enumerate(scores):
        row[:] = rng.random(ITEMS, dtype=np.float32) + 0.3 * at / MODELS
    return scores


def estimates(rng: np.random.Generator, n: int) -> Callable[[], RankSets]:
    scores, errors = rng.normal(0.5, 0.1, n), rng.uniform(0.002, 0.02, n)
    return lambda: rank_sets_from_estimates(scores, standard_errors=errors, n_draws=DRAWS)


def prepared(case: str) -> Callable[[], RankSets]:
    rng = np.random.default_rng(0)
    clusters = np.arange(ITEMS) // 7
    spread = rng.normal(0.3, 0.7, MODELS)
    if case == "right or wrong, models far apart":
        scores = right_or_wrong(rng, spread)
        return lambda: rank_sets_from_items(scores, n_draws=DRAWS)
    if case == "right or wrong, all models equally good":
        scores = right_or_wrong(rng, np.zeros(MODELS))
        return lambda: rank_sets_from_items(scores, n_draws=DRAWS)
    if case == "right or wrong, families of near copies":
        scores = families(rng)
        return lambda: rank_sets_from_items(scores, n_draws=DRAWS)
    if case == "right or wrong, clusters of 7 items":
        scores = right_or_wrong(rng, spread)
        return lambda: rank_sets_from_items(scores, clusters=clusters, n_draws=DRAWS)
    if case == "graded, float32":
        scores = graded(rng)
        return lambda: rank_sets_from_items(scores, n_draws=DRAWS)
    if case == "graded, float32, clusters of 7 items":
        scores = graded(rng)
        return lambda: rank_sets_from_items(scores, clusters=clusters, n_draws=DRAWS)
    return estimates(rng, int(case.split()[0].replace(",", "")))


ITEM_CASES = (
    "right or wrong, models far apart",
    "right or wrong, all models equally good",
    "right or wrong, families of near copies",
    "right or wrong, clusters of 7 items",
    "graded, float32",
    "graded, float32, clusters of 7 items",
)
ESTIMATE_CASES = ("1,000 estimates, in steps", "5,000 estimates", "20,000 estimates")


def measure(case: str) -> dict[str, Any]:
    """Run one case in this process."""
    call = prepared(case)
    data_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    clock, processor = time.perf_counter(), time.process_time()
    sets = call()
    sets_of_ranks = sets.best, sets.worst
    wall, cpu = time.perf_counter() - clock, time.process_time() - processor
    groups = separated_groups(sets)
    return {
        "case": case,
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3),
        "peak_gb_before": round(data_gb, 3),
        "critical_value": round(sets.critical_value, 4),
        "steps": sets.steps,
        "mean_ranks_in_a_set": round(float((sets_of_ranks[1] - sets_of_ranks[0] + 1).mean()), 1),
        "groups": len(groups),
    }


def write(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Write what was measured so far, so that an interrupted run keeps it; returns the summary."""
    items = [row for row in rows if row["case"] in ITEM_CASES]
    slowest, largest = max(row["wall_s"] for row in items), max(row["peak_gb"] for row in items)
    summary = {
        "models": MODELS,
        "items": ITEMS,
        "draws": DRAWS,
        "worst_wall_s": slowest,
        "worst_cpu_s": max(row["cpu_s"] for row in items),
        "worst_peak_gb": largest,
        "target_s": TARGET_SECONDS,
        "target_gb": TARGET_GB,
        "target_met": slowest <= TARGET_SECONDS and largest <= TARGET_GB,
    }
    RESULT.write_text(json.dumps({"machine": machine(), "summary": summary, "rows": rows}, indent=1) + "\n")
    return summary


def main() -> int:
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for case in (*ITEM_CASES, *ESTIMATE_CASES):
        with multiprocessing.get_context("spawn").Pool(1) as process:
            rows.append(process.apply(measure, (case,)))
        print(rows[-1], flush=True)
        summary = write(rows)
    print(summary)
    return 0 if summary["target_met"] else 1


if __name__ == "__main__":
    sys.exit(main())
