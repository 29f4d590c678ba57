"""The strict level of contests whose curves cross: what is found, in what time, with how much memory.

    OMP_NUM_THREADS=1 python bench/level_search.py [--models 61 1000] [--before CHECKOUT]

With a checkout of an earlier version, its search is measured on the same contests in the same run, at 61 models. Each
contest is searched in a process of its own. Curves are logit power laws drawn as for the other simulated fields; the
rewards are evenly spaced and the first place is worth 3,000 steps.

* ``own ceilings``: every curve has its own ceiling, and about a third of the pairs cross;
* ``one ceiling``: one floor, one ceiling, random betas: some pairs change order beyond the levels of floating point;
* ``parallel``: the same with one beta, so that nothing crosses.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from machine import machine

from headstart.contest import Contest, CostTable, CurveTable, LogitPower, PowerCost
from headstart.contest.rewards import linear
from headstart.solve.level import stabilising_level

RESULT = Path(__file__).parent / "results" / "level_search.json"
TARGETS = {61: 5.0, 1000: 60.0}
"""Models, and seconds of processor time."""

KINDS = ("own ceilings", "one ceiling", "parallel")
WORTH = 3000.0


def field(kind: str, models: int, seed: int) -> Contest:
    """A contest of so many models."""
    rng = np.random.default_rng([seed, models, KINDS.index(kind)])
    if kind == "own ceilings":
        start = rng.uniform(0.25, 0.65, models)
        top = start + 0.02 + (0.78 - start) * rng.beta(1.3, 1.6, models)
        beta, midpoint = np.exp(rng.normal(0.5, 0.4, models)), rng.normal(5.4, 0.9, models)
        curves = LogitPower(L=start, U=top, alpha=-beta * midpoint, beta=beta)
    else:
        beta = 0.3 + rng.random(models) if kind == "one ceiling" else np.full(models, 0.8)
        curves = LogitPower(
            L=np.full(models, 0.25), U=np.full(models, 1.0), alpha=rng.normal(-1.0, 1.0, models), beta=beta
        )
    return Contest(
        names=[f"m{i:04d}" for i in range(models)], curves=CurveTable.batch(curves, models),
        costs=CostTable.batch(PowerCost(), models), rewards=linear(models, WORTH),
    )  # fmt: skip


def search(kind: str, models: int, seed: int) -> dict[str, object]:
    """What the search finds, and what it takes."""
    contest = field(kind, models, seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock, processor = time.perf_counter(), time.process_time()
    found = stabilising_level(contest)
    return {
        "cpu_s": round(time.process_time() - processor, 2),
        "wall_s": round(time.perf_counter() - clock, 2),
        "further_memory_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024),
        "status": found.status,
        "level": found.level,
        "intervals": len(found.intervals),
        "reason": found.reason,
    }


def in_a_process(kind: str, models: int, seed: int, checkout: Path | None) -> dict[str, object]:
    """The same in a process of its own, of another version if a checkout is given."""
    environment = dict(os.environ)
    if checkout is not None:
        environment["PYTHONPATH"] = str(checkout / "src")
    command = [sys.executable, __file__, "--one", kind, str(models), str(seed)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(description="See the first lines of this file.")
    parser.add_argument("--models", type=int, nargs="*", default=list(TARGETS))
    parser.add_argument("--before", type=Path, help="checkout of an earlier version")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        kind, models, seed = asked.one
        print(json.dumps(search(kind, int(models), int(seed))))
        return
    found: list[dict[str, object]] = []
    for models in asked.models:
        for kind in KINDS:
            for seed in range(asked.seeds):
                case = {"models": models, "curves": kind, "seed": seed, "target_cpu_s": TARGETS.get(models)}
                case["now"] = in_a_process(kind, models, seed, None)
                if asked.before is not None and models <= 61 and seed == 0:
                    case["before"] = in_a_process(kind, models, seed, asked.before)
                found.append(case)
                print(json.dumps(case), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    text = {"machine": machine(), "threads": os.environ.get("OMP_NUM_THREADS"), "searches": found}
    RESULT.write_text(json.dumps(text, indent=1) + "\n")


if __name__ == "__main__":
    main()
