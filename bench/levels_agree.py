"""Whether the stable levels agree with the verdict at each of many levels, on random contests of every kind.

    OMP_NUM_THREADS=1 python bench/levels_agree.py [CONTESTS]

Most contests have plateaus, ties, free efforts and caps; every fourth has up to 12 models whose curves cross
(tests/random_contests.py). Half of them are searched as large fields are: only pairs that may matter are looked
at, and wide ranges are judged by a sample of pairs. No disagreement is allowed, but the search may say that it does not
know, or not all (status ``partial``; levels below those decided are not counted as missing).
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

from headstart.solve import candidates, cells
from random_contests import compare_levels, crossing_contest, random_contest

RESULT = HERE / "results" / "levels_agree.json"

CONTESTS = 20_000
CROSSING = 4
"""One contest in so many has crossing curves."""


def as_large(large: bool) -> None:
    """Whether fields of any size are searched as large ones."""
    cells.SMALL_FIELD = 0 if large else 12
    candidates.TANGLED = 1 if large else 4


def main() -> int:
    """Compare, print and write the result."""
    contests = int(sys.argv[1]) if len(sys.argv) > 1 else CONTESTS
    start, processor = time.perf_counter(), time.process_time()
    status: Counter[str] = Counter()
    unsafe: dict[int, list[float]] = {}
    missed: dict[int, list[float]] = {}
    crossing = 0
    for seed in range(contests):
        crosses = seed % CROSSING == CROSSING - 1
        as_large(seed // CROSSING % 2 == 1)
        compared = compare_levels((crossing_contest if crosses else random_contest)(seed), seed)
        status[compared.found.status] += 1
        crossing += crosses
        for wrong, levels in ((unsafe, compared.unsafe), (missed, compared.missed)):
            if levels:
                wrong[seed] = levels
                print(f"seed {seed}: {levels} {compared.found}", flush=True)
        if seed + 1 == contests or seed % 500 == 499:  # a run that is stopped leaves what it found
            summary = {
                "contests": seed + 1,
                "of_them_with_crossing_curves": crossing,
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
