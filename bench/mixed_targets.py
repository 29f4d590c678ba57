"""How long do mixed equilibria take, and how good are they? Measured in the continuous game.

Fields of models: "laws" are logit power laws with one floor, ceiling and learning exponent and a spread of starting
points; "lines" are straight with random head starts. First place is worth 200 steps (laws) or all the head starts
together (lines). Times are wall clock and processor time of this process; the compiled sweep is loaded before the clock
starts, and what its loading took is reported beside. Writes bench/results/mixed.json.

    PYTHONPATH=src python bench/mixed_targets.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import scipy

from headstart.contest import Contest, CostTable, CurveTable, Linear, LogitPower, PowerCost
from headstart.contest.rewards import geometric, linear, top, winner
from headstart.solve.mixed import solve_mixed

REWARDS: dict[str, Callable[[int, float], np.ndarray]] = {
    "winner": winner,
    "top 3": lambda n, value: top(n, value, k=3),
    "geometric 0.5": lambda n, value: geometric(n, value, ratio=0.5),
    "geometric 0.9": lambda n, value: geometric(n, value, ratio=0.9),
    "evenly spaced": linear,
}

# field, models, rewards, tolerance, target in seconds
CASES = [
    ("laws", 2, "winner", 5e-3, 1.0),
    ("laws", 10, "geometric 0.5", 2e-3, 5.0),
    ("laws", 10, "geometric 0.9", 2e-3, 5.0),
    ("laws", 10, "top 3", 2e-3, 5.0),
    ("lines", 10, "geometric 0.5", 2e-3, 5.0),
    ("laws", 61, "top 3", 5e-3, 20.0),
    ("lines", 61, "top 3", 5e-3, 20.0),
    ("laws", 61, "geometric 0.5", 5e-3, 20.0),
    ("laws", 61, "geometric 0.9", 5e-3, 20.0),
    ("lines", 61, "geometric 0.5", 5e-3, 20.0),
    ("laws", 61, "evenly spaced", 5e-3, 10.0),
    ("lines", 61, "evenly spaced", 5e-3, 10.0),
]


def field(kind: str, n: int, rewards: str, seed: int) -> Contest:
    rng = np.random.default_rng(seed)
    if kind == "laws":
        curve = LogitPower(L=np.full(n, 0.25), U=np.full(n, 0.75), alpha=rng.normal(-3, 1, n), beta=np.ones(n))
        curves, value = CurveTable.batch(curve, n), 200.0
    else:
        curves, value = CurveTable.batch(Linear(intercept=rng.random(n), slope=np.ones(n)), n), 1.0
    names = tuple(f"m{i}" for i in range(n))
    costs = CostTable.batch(PowerCost(), n)
    return Contest(names=names, curves=curves, costs=costs, rewards=REWARDS[rewards](n, value))


def measure(kind: str, n: int, rewards: str, tolerance: float, target: float, seed: int) -> dict[str, object]:
    contest = field(kind, n, rewards, seed)
    wall, processor = time.perf_counter(), time.process_time()
    solution = solve_mixed(contest, tolerance=tolerance)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return {
        "field": kind, "models": n, "rewards": rewards, "seed": seed, "method": solution.method,
        "status": solution.status, "tolerance": tolerance, "exploitability_share": solution.exploitability_share,
        "sweeps": solution.sweeps, "cells": int(solution.profile.cells.shape[1]),
        "expected_kendall_tau": solution.expected_kendall_tau, "wall_seconds": round(wall, 2),
        "processor_seconds": round(processor, 2), "target_seconds": target,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "mixed.json")
    options = parser.parse_args()
    begin = time.process_time()
    solve_mixed(field("laws", 61, "top 3", 0), tolerance=0.5, max_sweeps=1)
    loading = time.process_time() - begin
    rows = []
    for case in CASES:
        for seed in range(options.seeds):
            rows.append(measure(*case, seed=seed))
            print(*rows[-1].values(), sep="  ", flush=True)
    result = {
        "made_by": "bench/mixed_targets.py",
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": platform.processor() or platform.machine(), "cores": os.cpu_count(),
            "load_average": [round(x, 1) for x in os.getloadavg()], "python": platform.python_version(),
            "numpy": np.__version__, "scipy": scipy.__version__,
        },
        "loading_the_compiled_sweep_seconds": round(loading, 2),
        "rows": rows,
    }  # fmt: skip
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
