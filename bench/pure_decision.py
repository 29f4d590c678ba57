"""How long the decision on pure equilibria takes, against all pairs and against one evaluation of the scores.

    OMP_NUM_THREADS=1 python bench/pure_decision.py

Every repeat decides a contest of its own (another level), so that nothing is remembered from the last one. Building
the contest is not timed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from machine import machine, timed

from headstart.contest import Contest, CostTable, CurveTable, LogitPower, PowerCost
from headstart.contest import rewards as schedules
from headstart.solve.pure import solve_pure

RESULT = Path(__file__).parent / "results" / "pure_decision.json"

SIZES = {61: 60, 4500: 25, 100_000: 15}
"""Models, and repeats."""

ALL_PAIRS_UP_TO = 4500

TARGET_MS, TARGET_PASSES = 20.0, 5.0
"""At 100,000 models: milliseconds, and multiples of one pass over the arrays."""


def contest(n: int, kind: str, *, stable: bool) -> Contest:
    """Curves that cross, costs that differ; with stable, stakes small enough that nobody tunes."""
    rng = np.random.default_rng(n)
    value = (1e-9 if stable else 1e3) * (n if kind == "linear" else 1)
    rewards = {
        "winner": lambda: schedules.winner(n, value),
        "top tenth": lambda: schedules.top(n, value, k=max(n // 10, 1)),
        "linear": lambda: schedules.linear(n, value),
        "geometric": lambda: schedules.geometric(n, value, ratio=0.5),
    }[kind]()
    curves = LogitPower(L=0.25, U=0.9, alpha=rng.normal(size=n), beta=rng.uniform(0.3, 1.5, n))
    return Contest(
        names=tuple(map(str, range(n))),
        curves=CurveTable.batch(curves, n),
        costs=CostTable.batch(PowerCost(scale=rng.uniform(0.5, 2.0, n)), n),
        rewards=rewards,
        level=100.0,
    )


def all_pairs(game: Contest) -> bool:
    """Whether nobody tuning is an equilibrium, by every pair, one row of rivals at a time."""
    order = game.order()
    for low in range(1, game.n):
        i, k = np.full(low, order[low]), order[:low]
        if (game.rewards[:low] - game.rewards[low] > game.price(i, k)).any():
            return False
    return True


def main() -> None:
    """Measure, print and write the result."""
    rows: list[dict[str, object]] = []
    for n, repeats in SIZES.items():
        for kind in ("winner", "top tenth", "linear", "geometric"):
            for stable in (True, False):
                base = contest(n, kind, stable=stable)
                levels = iter(np.linspace(100.0, 101.0, 4 * repeats + 10))

                def of(what: Callable[[Contest], object], base=base, levels=levels) -> Callable[[], object]:
                    game = base.at_level(float(next(levels)))
                    return lambda: what(game)

                for _ in range(3):
                    of(solve_pure)()
                decided = timed(partial(of, solve_pure), repeats)
                one_pass = timed(partial(of, Contest.scores), repeats)
                row: dict[str, object] = {
                    "models": n,
                    "rewards": kind,
                    "verdict": solve_pure(base).verdict,
                    "solve_pure": decided,
                    "one_pass": one_pass,
                    "passes_cpu": round(decided["cpu_ms_median"] / one_pass["cpu_ms_median"], 1),
                }
                if n <= ALL_PAIRS_UP_TO and stable:  # without an equilibrium all pairs stop at the first that pays
                    assert all_pairs(base) == (row["verdict"] == "exists")
                    row["all_pairs"] = timed(partial(of, all_pairs), 3)
                rows.append(row)
                print(row, flush=True)
    largest = [row for row in rows if row["models"] == max(SIZES)]
    worst = max(row["solve_pure"]["cpu_ms_median"] for row in largest)  # type: ignore[index]
    passes = max(row["passes_cpu"] for row in largest)  # type: ignore[type-var]
    summary = {
        "worst_cpu_ms_median_at_100000": worst,
        "target_ms": TARGET_MS,
        "target_ms_met": worst <= TARGET_MS,
        "worst_passes_at_100000": passes,
        "target_passes": TARGET_PASSES,
        "target_passes_met": passes <= TARGET_PASSES,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine(), "summary": summary, "rows": rows}, indent=1) + "\n")
    print(summary)


if __name__ == "__main__":
    main()
