"""Whether the stable levels agree with the verdict at each of many levels, on random contests of every kind.

    OMP_NUM_THREADS=1 python bench/levels_agree.py [CONTESTS]

The contests have plateaus, ties, free efforts and caps (tests/random_contests.py); no disagreement is allowed, but the
search may say that it does not know.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

from machine import machine

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from random_contests import compare_levels, random_contest  # noqa: E402

RESULT = HERE / "results" / "levels_agree.json"

CONTESTS = 20_000


def main() -> int:
    """Compare, print and write the result."""
    contests = int(sys.argv[1]) if len(sys.argv) > 1 else CONTESTS
    start, processor = time.perf_counter(), time.process_time()
    status: Counter[str] = Counter()
    unsafe: dict[int, list[float]] = {}
    missed: dict[int, list[float]] = {}
    for seed in range(contests):
        compared = compare_levels(random_contest(seed), seed)
        status[compared.found.status] += 1
        for wrong, levels in ((unsafe, compared.unsafe), (missed, compared.missed)):
            if levels:
                wrong[seed] = levels
                print(f"seed {seed}: {levels} {compared.found}", flush=True)
        if seed + 1 == contests or seed % 1000 == 999:  # a run that is stopped leaves what it found
            summary = {
                "contests": seed + 1,
                "contests_called_stable_where_a_deviation_pays": len(unsafe),
                "contests_with_stable_levels_missing": len(missed),
                "levels_by_seed": {"unsafe": unsafe, "missed": missed},
                "status": dict(status),
                "wall_seconds": round(time.perf_counter() - start, 1),
                "cpu_seconds": round(time.process_time() - processor, 1),
            }
            RESULT.parent.mkdir(exist_ok=True)
            RESULT.write_text(json.dumps({"machine": machine(), **summary}, indent=1) + "\n")
            print(summary, flush=True)
    return 1 if unsafe or missed else 0


if __name__ == "__main__":
    sys.exit(main())
