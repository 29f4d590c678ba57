"""How long strategic rank intervals take at 100,000 models, with and without noise.

OMP_NUM_THREADS=1 python bench/strategic_ranks.py
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import machine, timed

from headstart.contest import Contest, CostTable, CurveTable, LogitPower, PowerCost
from headstart.contest import rewards as schedules
from headstart.solve.incentive import ScoreNoise
from headstart.solve.strategic_ranks import strategic_ranks

RESULT = Path(__file__).parent / "results" / "strategic_ranks.json"

TARGET_MS = 1000.0
MODELS = 100_000
REPEATS = 7


def contest(n: int, kind: str) -> Contest:
    """Curves that cross and costs that differ, at level 100."""
    rng = np.random.default_rng(n)
    value = 5000.0
    rewards = {
        "linear": lambda: schedules.linear(n, value),
        "top tenth": lambda: schedules.top(n, value, k=n // 10),
        "geometric": lambda: schedules.geometric(n, value, ratio=0.999),
    }[kind]()
    curves = LogitPower(L=0.25, U=rng.uniform(0.5, 0.9, n), alpha=rng.normal(-1, 1, n), beta=rng.uniform(0.3, 1.2, n))
    return Contest(
        names=tuple(map(str, range(n))),
        curves=CurveTable.batch(curves, n),
        costs=CostTable.batch(PowerCost(scale=rng.uniform(0.5, 2.0, n)), n),
        rewards=rewards,
        level=100.0,
    )


def main() -> None:
    """Measure, print and write the result."""
    rng = np.random.default_rng(0)
    noises = {
        "none": ScoreNoise.common(0.0),
        "one standard deviation": ScoreNoise.common(0.0056),
        "uneven": ScoreNoise.independent(rng.uniform(0.003, 0.01, MODELS)),
    }
    rows: list[dict[str, object]] = []
    for kind in ("linear", "top tenth", "geometric"):
        game = contest(MODELS, kind)
        for name, noise in noises.items():

            def call(game=game, noise=noise) -> Callable[[], object]:
                fresh = game.at_level(game.level)  # nothing is remembered from the last repeat
                return lambda: strategic_ranks(fresh, noise=noise)

            call()()
            found = strategic_ranks(game, noise=noise)
            rows.append(
                {
                    "models": MODELS,
                    "rewards": kind,
                    "noise": name,
                    "rounds": int(found.rounds),
                    "share_of_pairs_certain": round(float(found.certain), 4),
                    "time": timed(call, REPEATS),
                }
            )
            print(rows[-1], flush=True)
    worst = {kind: max(row["time"][f"{kind}_ms_median"] for row in rows) for kind in ("wall", "cpu")}  # type: ignore[index]
    summary = {
        "worst_wall_ms_median": worst["wall"],
        "worst_cpu_ms_median": worst["cpu"],
        "target_ms": TARGET_MS,
        "target_met": worst["wall"] <= TARGET_MS,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine(), "summary": summary, "rows": rows}, indent=1) + "\n")
    print(summary)


if __name__ == "__main__":
    main()
