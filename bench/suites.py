"""Suites of benchmarks: a public table against its published figures, and how long a large suite takes.

* ``data/lm_harmony.csv``, 61 models on 24 tasks before and after tuning: mean tau-b over the 276 pairs of tasks, and
  the share of the first principal component; rigging counts with perfect and with measured scores.
* A simulated table of 4,507 models on 24 tasks, the size of BIG-bench Hard on the Open LLM Leaderboard: ranking under
  every rule with all agreements, and the rigging count of every model under four rules. Its scores are made up; only
  the times, and that counts are found for all, are results.

OMP_NUM_THREADS=1 python bench/suites.py
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from machine import machine

from headstart.suite.aggregations import AGGREGATIONS
from headstart.suite.missing import CompleteSuite, complete
from headstart.suite.reading import read_suite
from headstart.suite.rigging import RiggingCount, rigging_count
from headstart.suite.suite import rank_suite
from headstart.suite.table import ScoreTable

HERE = Path(__file__).parent
RESULT = HERE / "results" / "suites.json"

PUBLISHED = {"mean_tau_b": (0.5173, 0.7552), "first_component": (0.696, 0.864)}
"""Of the public table, before and after tuning."""

MODELS, TASKS, ITEMS = 4507, 24, 250
TARGET_SECONDS = 300.0
RULES = ("mean", "median", "win-rate", "majority")


def harmony() -> dict[str, object]:
    """The public table."""
    cells = read_suite([HERE / "data" / "lm_harmony.csv"], ranges={"cola": (-1.0, 1.0)})
    found = rank_suite(complete(cells, "refuse"), source=cells.source)
    assert found.shifts is not None and found.shifts.tau_b is not None and found.shifts.first_component is not None
    figures = {"mean_tau_b": found.shifts.tau_b, "first_component": found.shifts.first_component}
    met = all(
        round(value, digits) == wanted
        for name, digits in (("mean_tau_b", 4), ("first_component", 3))
        for value, wanted in zip((figures[name].direct.value, figures[name].tuned.value), PUBLISHED[name], strict=True)
    )
    return {
        "models": len(found.models),
        "tasks": len(found.tasks),
        "pairs_of_tasks": len(found.tasks) * (len(found.tasks) - 1) // 2,
        "figures": {
            name: {
                column: {key: round(getattr(getattr(one, column), key), 4) for key in ("value", "low", "high")}
                for column in ("direct", "tuned", "difference")
            }
            for name, one in figures.items()
        },
        "published": PUBLISHED,
        "published_met": met,
        "sentence": found.sentence,
        "rigging": [_counts(one) for one in found.rigging],
    }


def _counts(one: RiggingCount) -> dict[str, object]:
    known = [len(one.tasks) + 1 if count is None else count for count in one.counts]
    quarters = np.quantile(known, [0.25, 0.5, 0.75], method="inverted_cdf").tolist()
    return {
        "aggregation": one.aggregation,
        "assumption": one.assumption,
        "first_already": sum(count == 0 for count in one.counts),
        "quartiles": ["never" if count > len(one.tasks) else int(count) for count in quarters],
        "never": one.never,
    }


def simulated(seed: int = 0) -> CompleteSuite:
    """Binomial scores of ``ITEMS`` items; models of one strength with a part for each task; lifts by tuning."""
    rng = np.random.default_rng(seed)
    strength, task = rng.normal(size=(MODELS, 1)), rng.normal(size=TASKS)
    true = 1 / (1 + np.exp(-(0.2 + 0.7 * strength + 0.7 * task + 0.45 * rng.normal(size=(MODELS, TASKS)))))
    direct = rng.binomial(ITEMS, true) / ITEMS
    tuned = rng.binomial(ITEMS, true + 0.8 * (1 - true) * rng.beta(1.2, 2.5, size=true.shape)) / ITEMS
    names = tuple(f"model-{m}" for m in range(MODELS)), tuple(f"task-{k}" for k in range(TASKS))
    tables = [ScoreTable(models=names[0], tasks=names[1], scores=scores) for scores in (direct, tuned)]
    return CompleteSuite(
        direct=tables[0], tuned=tables[1], rule="refuse", missing=(), models_left_out=(), tasks_left_out=()
    )


def large() -> dict[str, object]:
    """Times of the simulated table."""
    suite = simulated()
    rules: dict[str, float] = {}
    for name in AGGREGATIONS.own:
        start = time.perf_counter()
        AGGREGATIONS[name].values(suite.direct.scores)
        rules[name] = round(time.perf_counter() - start, 4)
    start = time.perf_counter()
    rank_suite(suite, rigging=False)
    ranking = time.perf_counter() - start
    counts: list[dict[str, object]] = []
    seconds = {"perfect": 0.0, "measured": 0.0}
    for name in RULES:
        for tuned in (None, suite.tuned):
            start = time.perf_counter()
            found = rigging_count(suite.direct, name, tuned=tuned)
            took = time.perf_counter() - start
            seconds[found.assumption] += took
            counts.append(_counts(found) | {"seconds": round(took, 2)})
            print(counts[-1], flush=True)
    return {
        "what": "simulated scores; only the times are results",
        "models": MODELS,
        "tasks": TASKS,
        "seconds_by_rule": rules,
        "seconds_rankings_and_agreement": round(ranking, 1),
        "rigging": counts,
        "seconds_rigging": {name: round(value, 1) for name, value in seconds.items()},
        "target_seconds": TARGET_SECONDS,
        "target_met": max(seconds.values()) <= TARGET_SECONDS,
    }


def main() -> None:
    """Measure, print and write the result."""
    public = harmony()
    print(json.dumps(public, indent=1), flush=True)
    big = large()
    RESULT.parent.mkdir(exist_ok=True)
    document = {"machine": machine(), "lm_harmony": public, "simulated": big}
    RESULT.write_text(json.dumps(document, indent=1) + "\n")
    print({key: big[key] for key in ("seconds_by_rule", "seconds_rankings_and_agreement", "seconds_rigging")})


if __name__ == "__main__":
    main()
