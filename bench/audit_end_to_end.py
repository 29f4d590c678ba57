"""How long `headstart --help`, the audit with page and the design take, as processes of their own, and their memory.

    OMP_NUM_THREADS=1 python bench/audit_end_to_end.py [--models 61 1000 4576]

With some of the sizes the figures of the others are kept as they are in the result file.

Fields of 61, 1,000 and 4,576 models with known curves (simulated.py) at ten checkpoints, 1,000 items, the default
stakes. The audit is the whole command: reading the file, fitting, every level, the backtest, JSON file and page. A
design is measured at 1,000 models. Python and numba may keep what they compiled, as in any installation; each command
runs once before it is timed for 61 models, so that the first compilation is not in the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import machine
from simulated import STEPS, draw_curves

RESULT = Path(__file__).parent / "results" / "audit_end_to_end.json"
ITEMS = 1000
AUDITS = {61: 10.0, 1000: 60.0, 4576: 300.0}
"""Models, and the target in seconds by the clock on two cores."""

DESIGNS = {1000: 60.0}
MEMORY_GB, PAGE_MB, HELP_S = 4.0, 3.0, 0.4
NOT_MET = 3
"""Exit status of a design that can recommend no level; the documents are written all the same."""


def write_field(path: Path, models: int) -> None:
    """Models with known curves, scores with binomial noise."""
    rng = np.random.default_rng(0)
    share = rng.binomial(ITEMS, draw_curves("mixed", models, rng).score(STEPS)) / ITEMS
    rows = [f"m{m:04d},{step:g},{share[m, s]},{ITEMS}" for m in range(models) for s, step in enumerate(STEPS)]
    path.write_text("\n".join(["model,step,score,n_items", *rows]) + "\n")


def run(arguments: list[str]) -> dict[str, float]:
    """Clock, processor time and largest memory of the command, as a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    command = [sys.executable, "-c", "from headstart.cli import main; main()", *arguments]
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, stdout=said, stderr=said, env=environment) as made:
        _, status, used = os.wait4(made.pid, 0)
        made.returncode = os.waitstatus_to_exitcode(status)
        if made.returncode not in (0, NOT_MET):
            said.seek(0)
            raise SystemExit(said.read().decode())
    return {
        "wall_s": round(time.perf_counter() - start, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "memory_gb": round(used.ru_maxrss * 1024 / 1e9, 2),
    }


def measured(arguments: list[str], repeats: int) -> dict[str, object]:
    """Medians over repeats, and the load before and after."""
    before = os.getloadavg()[0]
    found = [run(arguments) for _ in range(repeats)]
    return {
        **{f"{name}_median": statistics.median(one[name] for one in found) for name in found[0]},
        "wall_s_least": min(one["wall_s"] for one in found),
        "repeats": repeats,
        "load_before_and_after": [round(before, 2), round(os.getloadavg()[0], 2)],
    }


def main() -> None:
    """Measure, print and write the result."""
    parser = argparse.ArgumentParser(description="See the first lines of this file.")
    parser.add_argument("--models", type=int, nargs="*", default=list(AUDITS))
    sizes = parser.parse_args().models
    kept = json.loads(RESULT.read_text()) if RESULT.exists() and set(sizes) != set(AUDITS) else {}
    found: dict[str, object] = {**kept, "machine": machine(), "threads": os.environ.get("OMP_NUM_THREADS")}
    found["help"] = {**measured(["--help"], 10), "target_s": HELP_S}
    with tempfile.TemporaryDirectory() as folder:
        page, document = Path(folder) / "out.html", Path(folder) / "out.json"
        outputs = ["--json", str(document), "--html", str(page)]
        for models in sizes:
            field = Path(folder) / f"{models}.csv"
            write_field(field, models)
            if models <= 100:
                run(["audit", str(field), *outputs])
            audit = measured(["audit", str(field), *outputs], 3 if models <= 100 else 1)
            audit |= {
                "page_mb": round(page.stat().st_size / 1e6, 2),
                "json_mb": round(document.stat().st_size / 1e6, 2),
                "target_s": AUDITS.get(models),
                "target_memory_gb": MEMORY_GB,
                "target_page_mb": PAGE_MB,
            }
            found[f"audit_{models}"] = audit
            print(json.dumps({f"audit_{models}": audit}), flush=True)
            if models in DESIGNS:
                design = {**measured(["design", str(field), *outputs], 1), "target_s": DESIGNS[models]}
                found[f"design_{models}"] = design
                print(json.dumps({f"design_{models}": design}), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
