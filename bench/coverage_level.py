"""Does the 95 % interval of the stabilising level, as the audit computes it, hold the true level?

    OMP_NUM_THREADS=1 python bench/coverage_level.py

Known curves and binomial noise as in coverage_simulation.py; the interval is `report.audit_stability.stabilising` with
the audit's number of posterior draws, the truth `solve.stabilising_level` of the true curves. A true level beyond
the audit's search, or none at all, counts as infinite: an interval that is open upward holds it.
"""

from __future__ import annotations

import argparse
import json
import math
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from coverage_simulation import STAKES, field_of_models, measure
from headstart.auditing.stability import SEARCH_REACH, stabilising
from machine import machine

from headstart.auditing.audit import DRAWS, fitted_contest
from headstart.contest import Contest, CostTable, CurveTable, PowerCost
from headstart.contest.rewards import parse
from headstart.fitting.fit import fit
from headstart.solve.level import stabilising_level

RESULT = Path(__file__).parent / "results" / "coverage_level.json"
REFERENCE = 4000.0
ITEMS = (500, 2000, 14000)
SHAPES = ("winner", "linear")


def true_level(curves, rewards: str) -> float:
    n = len(curves.L)
    contest = Contest(
        names=tuple(f"m{i:02d}" for i in range(n)), curves=CurveTable.batch(curves, n),
        costs=CostTable.batch(PowerCost(), n), rewards=parse(rewards, n),
    )  # fmt: skip
    found = stabilising_level(contest, resolution=1e-7)
    assert found.status != "unknown"
    return math.inf if found.level is None or found.level > SEARCH_REACH * REFERENCE else found.level


def one(kind: str, n_items: int, replication: int, models: int = 10) -> list[dict[str, object]]:
    rng = np.random.default_rng([0, n_items, replication])
    truth = field_of_models(kind, models, rng)
    fitted = fit(measure(truth, n_items, rng), draws=DRAWS, seed=replication)
    rows: list[dict[str, object]] = []
    for shape in SHAPES:
        rewards = f"{shape}:{STAKES:g}"
        told = stabilising(fitted, fitted_contest(fitted, rewards), REFERENCE)
        low = math.inf if told.low is None else told.low
        high = math.inf if told.high is None else told.high
        # the true level and the worlds' levels are located to a relative accuracy of about 1e-6
        true = true_level(truth, rewards)
        holds = low * (1 - 1e-5) <= true <= high * (1 + 1e-5)
        point = told.level is None or low * (1 - 1e-5) <= told.level <= high * (1 + 1e-5)
        rows.append({"shape": shape, "holds": bool(holds), "open": math.isinf(high), "point_inside": bool(point),
                     "true_is_infinite": math.isinf(true), "true_is_zero": true == 0})  # fmt: skip
    return rows


def cell(kind: str, n_items: int, replications: int) -> list[dict[str, object]]:
    rows = [row for replication in range(replications) for row in one(kind, n_items, replication)]
    return [
        {"field": kind, "n_items": n_items, "rewards": f"{shape}:{STAKES:g}", "intervals": len(own)}
        | {key: round(float(np.mean([row[key] for row in own])), 4)
           for key in ("holds", "open", "point_inside", "true_is_infinite", "true_is_zero")}
        for shape in SHAPES
        for own in [[row for row in rows if row["shape"] == shape]]
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=100)
    replications = parser.parse_args().replications
    with ProcessPoolExecutor(2) as pool:
        jobs = [pool.submit(cell, kind, items, replications) for items in ITEMS for kind in ("like", "unlike")]
        rows = [row for job in jobs for row in job.result()]
    RESULT.write_text(
        json.dumps({"what": __doc__.splitlines()[0], "machine": machine(), "results": rows}, indent=1) + "\n"
    )
    for row in rows:
        print(row, flush=True)


if __name__ == "__main__":
    main()
