"""How long `headstart --help` and the audit of 55 models at 10 checkpoints each take, as processes of their own.

    OMP_NUM_THREADS=2 python bench/audit_end_to_end.py

The audit is the whole command: reading the file, fitting, every level, the stabilising level, the backtest, JSON file
and page.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import machine

from headstart.contest import LogitPower

RESULT = Path(__file__).parent / "results" / "audit_end_to_end.json"
STEPS = (0, 10, 30, 100, 250, 500, 1000, 2000, 3000, 4000)
MODELS, ITEMS = 55, 1000
TARGETS = {"help": 0.4, "audit": 10.0}
"""Seconds by the clock, on two cores."""


def write_field(path: Path) -> None:
    """Models with known curves, scores with binomial noise."""
    rng = np.random.default_rng(0)
    shape = (MODELS, 1)
    curves = LogitPower(
        L=rng.normal(0.25, 0.01, shape), U=rng.uniform(0.45, 0.9, shape),
        alpha=rng.normal(-1.5, 1.5, shape), beta=rng.uniform(0.3, 1.0, shape),
    )  # fmt: skip
    share = rng.binomial(ITEMS, np.clip(curves.score(np.array(STEPS, dtype=float)), 0.0, 1.0)) / ITEMS
    rows = [f"m{m},{step},{share[m, s]},{ITEMS}" for m in range(MODELS) for s, step in enumerate(STEPS)]
    path.write_text("\n".join(["model,step,score,n_items", *rows]) + "\n")


def seconds(arguments: list[str], repeats: int) -> dict[str, object]:
    """Wall clock and processor time of the command, as a process of its own."""
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(repeats):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-c", "from headstart.cli import main; main()", *arguments],
                       check=True, capture_output=True)  # fmt: skip
        wall.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {
        "wall_s_median": round(statistics.median(wall), 3),
        "wall_s_least": round(min(wall), 3),
        "cpu_s_median": round(statistics.median(cpu), 3),
        "cpu_s_least": round(min(cpu), 3),
        "repeats": repeats,
    }


def main() -> None:
    """Measure, print and write the result."""
    with tempfile.TemporaryDirectory() as folder:
        field = Path(folder) / "field.csv"
        write_field(field)
        outputs = ["--json", str(Path(folder) / "audit.json"), "--html", str(Path(folder) / "audit.html")]
        found = {
            "machine": machine(),
            "threads": os.environ.get("OMP_NUM_THREADS"),
            "help": seconds(["--help"], 10),
            "audit": seconds(["audit", str(field), *outputs], 3),
            "audit_without_page_and_backtest": seconds(["audit", str(field), "--backtest", "0", *outputs[:2]], 3),
        }
    found["targets_s"] = TARGETS
    found["met"] = {name: found[name]["wall_s_median"] <= limit for name, limit in TARGETS.items()}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
