"""How many verdicts can be proved: random contests of every kind, decided by the solver and by certain arithmetic.

    OMP_NUM_THREADS=1 python bench/proofs_decide.py [CONTESTS]

The contests have plateaus, ties, free efforts and caps (tests/random_contests.py). Every fifth decision is written as a
proof and checked. No decision may contradict the solver's.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from machine import machine

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from headstart.certificate import verify
from headstart.contest import Contest
from headstart.solve.prove import certified_decision, exact_document, prove
from headstart.solve.pure import solve_pure
from random_contests import random_contest

RESULT = HERE / "results" / "proofs_decide.json"

CONTESTS = 3600
TARGET = 0.10
"""Share of the solver's verdicts "none" that may stay undecided."""


def as_written(game: Contest) -> Mapping[str, object]:
    """The contest with the decimals it is written with (0.6, and not the float next to it): its ties are ties."""

    def shortest(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: shortest(item) for key, item in cast("Mapping[str, Any]", value).items()}
        if isinstance(value, list):
            return [shortest(item) for item in cast("list[Any]", value)]
        return Decimal(repr(float(value))) if isinstance(value, Decimal) else value

    return shortest(exact_document(game))


def main() -> int:
    """Decide, compare, print and write the result."""
    contests = int(sys.argv[1]) if len(sys.argv) > 1 else CONTESTS
    start = time.process_time()
    both: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    wrong: list[int] = []
    checked = 0
    for seed in range(contests):
        game = random_contest(seed)
        document = as_written(game)
        solved, proved = solve_pure(game).verdict, certified_decision(document)
        both[f"solver {solved}, proved {proved.verdict}"] += 1
        if proved.reason is not None:
            reasons[proved.reason] += 1
        if {solved, proved.verdict} == {"none", "exists"}:
            wrong.append(seed)
        if seed % 5 == 0 and proved.verdict != "undecided":
            checked += 1
            if not verify(prove(document, level_claim=False)).ok:
                wrong.append(seed)
    none = sum(count for what, count in both.items() if what.startswith("solver none"))
    share = both["solver none, proved undecided"] / max(none, 1)
    result = {
        "contests": contests,
        "verdicts": dict(both),
        "undecided_because": dict(reasons),
        "share_of_none_undecided": round(share, 4),
        "target": TARGET,
        "target_met": share < TARGET,
        "contradictions_or_refused_proofs": wrong,
        "proofs_checked": checked,
        "cpu_seconds": round(time.process_time() - start, 1),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine(), **result}, indent=1) + "\n")
    print(result)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
