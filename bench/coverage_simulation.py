"""Do 95 % intervals cover? Simulated trajectories with known curves and binomial noise.

Each replication draws a field of models, measures them at ten checkpoints, fits, and asks whether the 95 % intervals of
the draws hold the truth: scores at measured steps, between them and at 2 and 4 times the last; the catch-up effort of
each fitted neighbouring pair (what an audit lists) at two levels; the stabilising level for two reward schedules, read
off a grid of levels (those above the grid count as infinite, in the truth as in the draws).

Fields: "like" has shapes as the prior assumes (normal), "unlike" has shapes it does not (uniform and much wider, a
third of the models without any gain). Writes bench/results/coverage.json.

    PYTHONPATH=src python bench/coverage_simulation.py --replications 100
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import scipy

from headstart.contest import LogitPower
from headstart.contest.compare import effort_to_beat
from headstart.contest.rewards import linear, winner
from headstart.data.trajectories import Trajectories
from headstart.fitting.fit import fit

STEPS = np.array([0, 10, 30, 100, 250, 500, 1000, 2000, 3000, 4000.0])
SCORE_STEPS = {
    "at 0": 0.0,
    "at 100": 100.0,
    "between (1500)": 1500.0,
    "last (4000)": 4000.0,
    "2x": 8000.0,
    "4x": 16000.0,
}
LEVELS = (0.0, 500.0)
LEVEL_GRID = np.r_[0.0, np.geomspace(1, 1e5, 120)]
STAKES = 1000.0  # steps that first place is worth


def field_of_models(kind: str, n: int, rng: np.random.Generator) -> LogitPower:
    """Curves whose floors, gains and shapes resemble those of open models tuned for a four-choice test."""
    start = rng.uniform(0.25, 0.65, n)
    gain = (0.75 - start) * rng.beta(1.3, 1.6, n)
    if kind == "like":
        midpoint, beta = rng.normal(5.4, 0.9, n), np.exp(rng.normal(0.5, 0.5, n))
    else:
        midpoint, beta = rng.uniform(2.5, 8.5, n), np.exp(rng.uniform(np.log(0.4), np.log(6.0), n))
        gain[: n // 3] = 0.0
    return LogitPower(L=start, U=start + gain, alpha=-beta * midpoint, beta=beta)


def measure(curves: LogitPower, n_items: int, rng: np.random.Generator) -> Trajectories:
    n = len(curves.L)
    truth = np.stack([curves.score(step) for step in STEPS], axis=1)
    return Trajectories.from_rows(
        model=np.repeat([f"m{i:02d}" for i in range(n)], len(STEPS)).tolist(),
        step=np.tile(STEPS, n),
        score=(rng.binomial(n_items, truth) / n_items).ravel(),
        n_items=np.full(n * len(STEPS), n_items),
    )


def column(curves: LogitPower, at) -> LogitPower:
    return LogitPower(L=curves.L[..., at], U=curves.U[..., at], alpha=curves.alpha[..., at], beta=curves.beta[..., at])


def catch_up(curves: LogitPower, i, k, level: float) -> np.ndarray:
    total = effort_to_beat(column(curves, i), column(curves, k), level)
    return np.maximum(total - level, 0.0)


def interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.quantile(values, [0.025, 0.975], axis=0, method="inverted_cdf"))


def stabilising_levels(curves: LogitPower, rewards: np.ndarray) -> np.ndarray:
    """Least grid level from which nobody tuning stays an equilibrium (effort costs its steps), per draw."""
    fields = {name: np.atleast_2d(getattr(curves, name)) for name in ("L", "U", "alpha", "beta")}
    draws, n = fields["L"].shape
    better, worse = np.triu_indices(n, 1)
    gap = rewards[better] - rewards[worse]
    better, worse, gap = better[gap > 0], worse[gap > 0], gap[gap > 0]
    stable = np.empty((len(LEVEL_GRID), draws), dtype=bool)
    for at, level in enumerate(LEVEL_GRID):
        scores = LogitPower(**fields).score(level)
        order = np.argsort(-scores, axis=1)
        ranked = LogitPower(**{name: np.take_along_axis(value, order, axis=1) for name, value in fields.items()})
        stable[at] = (column(ranked, worse).score(level + gap) <= column(ranked, better).score(level)).all(axis=1)
    last_unstable = np.where(stable.all(axis=0), -1, len(stable) - 1 - (~stable)[::-1].argmax(axis=0))
    return np.r_[LEVEL_GRID, np.inf][last_unstable + 1]


def run(kind: str, n_items: int, replications: int, seed: int, models: int) -> dict:
    hits, ends, seconds = defaultdict(list), defaultdict(list), []
    for replication in range(replications):
        rng = np.random.default_rng([seed, n_items, replication])
        truth = field_of_models(kind, models, rng)
        measured = measure(truth, n_items, rng)
        began = time.perf_counter()
        fitted = fit(measured, draws=400, seed=replication)
        seconds.append(time.perf_counter() - began)
        for name, step in SCORE_STEPS.items():
            low, high = interval(fitted.draws.score(step))
            true = truth.score(step)
            hits["score " + name] += ((low <= true) & (true <= high)).tolist()
            ends["score " + name] += list(zip(low.tolist(), high.tolist(), strict=True))
        for level in LEVELS:
            order = np.argsort(-fitted.curves.score(level))
            i, k = order[1:], order[:-1]
            low, high = interval(catch_up(fitted.draws, i, k, level))
            true = catch_up(truth, i, k, level)
            hits[f"catch-up effort, level {level:g}"] += ((low <= true) & (true <= high)).tolist()
            ends[f"catch-up effort, level {level:g}"] += list(zip(low.tolist(), high.tolist(), strict=True))
        for name, rewards in (("winner", winner(models, STAKES)), ("linear", linear(models, STAKES))):
            low, high = interval(stabilising_levels(fitted.draws, rewards))
            true = stabilising_levels(truth, rewards)[0]
            hits[f"stabilising level, {name}"].append(bool(low <= true <= high))
            ends[f"stabilising level, {name}"].append((float(low), float(high)))
    return {
        "field": kind,
        "n_items": n_items,
        "models": models,
        "replications": replications,
        "seconds_per_fit": round(float(np.median(seconds)), 3),
        "coverage": {
            name: {
                "share": round(float(np.mean(found)), 4),
                "intervals": len(found),
                **_widths(np.array(ends[name]), steps="score" not in name),
            }
            for name, found in hits.items()
        },
    }


def _widths(ends: np.ndarray, steps: bool) -> dict:
    """Median width: of scores as such, of efforts and levels as the factor between the ends (of 1 + steps)."""
    if not steps:
        return {"median_width": round(float(np.median(ends[:, 1] - ends[:, 0])), 4)}
    finite = np.isfinite(ends[:, 1])
    factor = float(np.median((1 + ends[finite, 1]) / (1 + ends[finite, 0]))) if finite.any() else None
    return {"upper_end_finite": round(float(finite.mean()), 3), "median_factor_if_finite": factor and round(factor, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=100)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--items", type=int, nargs="*", default=[500, 2000, 14000])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "coverage.json")
    options = parser.parse_args()
    results = []
    for kind in ("like", "unlike"):
        for n_items in options.items:
            results.append(run(kind, n_items, options.replications, options.seed, options.models))
            print(json.dumps(results[-1], indent=1), flush=True)
    document = {
        "what": "share of 95 % intervals that hold the truth",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
        "results": results,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
