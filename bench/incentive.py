"""What gaming gains for whole batches of draws and levels: time, and agreement with simulation and brute force.

    OMP_NUM_THREADS=1 python bench/incentive.py

Fields like those of an audit: scores of logit power laws after many efforts from every level. Compiling (once a
machine) is done before the clock starts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import machine, timed

from headstart.contest.arrays import FloatArray
from headstart.contest.rewards import geometric, linear
from headstart.solve.dominance import iterated_dominance_of_paths
from headstart.solve.incentive import ScoreNoise, incentive_of_paths
from headstart.solve.incentive.field import reward_field

RESULT = Path(__file__).parent / "results" / "incentive.json"

EFFORTS = 40
SD = 0.0056
"""Of a difference, as in a test of 14,000 items."""

TARGETS = {"55 models, 200 draws, 40 levels": 2.0, "4576 models, 40 levels": 5.0}
"""Seconds."""


def paths(draws: int, models: int, levels: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Score paths of shape (draws, levels, models, efforts), and the efforts from 0 to 4,000 steps."""
    rng = np.random.default_rng(seed)
    ceiling = rng.uniform(0.5, 0.9, (draws, 1, models, 1))
    alpha = rng.normal(-1.0, 1.0, (draws, 1, models, 1))
    beta = rng.uniform(0.3, 1.0, (draws, 1, models, 1))
    level = np.r_[0.0, np.geomspace(1.0, 4000.0, levels - 1)][None, :, None, None]
    effort = np.r_[0.0, np.geomspace(1.0, 4000.0, EFFORTS - 1)]
    log_odds = alpha + beta * np.log1p(level + effort)
    return 0.25 + (ceiling - 0.25) / (1 + np.exp(-log_odds)), effort


def speed() -> list[dict[str, object]]:
    """The cases with a target, and iterated dominance beside them."""
    rows: list[dict[str, object]] = []
    noise = ScoreNoise.common(SD)
    for draws, models, levels, name in ((200, 55, 40, "55 models, 200 draws, 40 levels"),
                                        (1, 4576, 40, "4576 models, 40 levels")):  # fmt: skip
        score, effort = paths(draws, models, levels)
        rewards = linear(models, 4000.0)

        def call(score=score, effort=effort, rewards=rewards) -> Callable[[], object]:
            return lambda: incentive_of_paths(score, effort, effort, rewards=rewards, noise=noise, compiled=True)

        call()()
        took = timed(call, 5)
        target = TARGETS[name]
        rows.append(
            {
                "case": name,
                "incentives": took,
                "target_seconds": target,
                "met_by_the_clock": took["wall_ms_median"] <= 1e3 * target,
                "met_in_processor_time": took["cpu_ms_median"] <= 1e3 * target,
            }
        )
        print(rows[-1], flush=True)
    score, effort = paths(400, 55, 1)
    rewards = linear(55, 4000.0)

    def dominance() -> Callable[[], object]:
        return lambda: iterated_dominance_of_paths(
            score, effort, rewards=rewards, noise=noise, least_effort=True, compiled=True
        )

    dominance()()
    rows.append({"case": "iterated dominance, 55 models, 400 draws, 1 level", "time": timed(dominance, 5)})
    print(rows[-1], flush=True)
    return rows


def agreement() -> dict[str, float]:
    """Largest differences from a plain sum over rivals, and from simulated rankings in standard errors."""
    score, effort = paths(20, 55, 5, seed=1)
    rewards = linear(55, 4000.0)
    found = incentive_of_paths(score, effort, effort, rewards=rewards, noise=ScoreNoise.common(SD), compiled=True)
    from scipy.special import ndtr

    step, worst, reached = 4000.0 / 54, 0.0, 0
    for d in range(20):
        for at in range(5):
            own = score[d, at]
            beaten = ndtr((own[:, :, None] - own[:, 0]) / SD)
            beaten[np.arange(55), :, np.arange(55)] = 0.0
            gain = step * (beaten.sum(axis=2) - beaten[:, :1].sum(axis=2)) - effort
            worst = max(worst, float(np.abs(gain.max(axis=1) - found.lower[d, at]).max()))
            reached += int((gain.max(axis=1) <= found.upper[d, at] + 1e-9).sum())
    rng = np.random.default_rng(2)
    off: list[float] = []
    for shape in (linear(12, 11.0), geometric(12, 11.0, ratio=0.7)):
        true = rng.uniform(0.4, 0.6, 12)
        field = reward_field(true, shape, ScoreNoise.independent(np.full(12, 0.03)))
        for i in range(12):
            raised = true.copy()
            raised[i] += 0.04
            observed = raised + 0.03 * rng.normal(size=(200_000, 12))
            earned = shape[(observed > observed[:, i : i + 1]).sum(axis=1)] - shape[-1]
            computed = float(field.value(np.array([i]), raised[i : i + 1])[0])
            off.append(abs(computed - float(earned.mean())) / float(earned.std() / np.sqrt(len(earned))))
    return {
        "largest_difference_from_the_sum_over_rivals": worst,
        "share_of_bounds_not_exceeded": reached / (20 * 5 * 55),
        "simulated_means": len(off),
        "largest_difference_from_simulation_in_standard_errors": max(off),
        "mean_square_of_those": float(np.mean(np.square(off))),
    }


def main() -> None:
    """Measure, print and write the result."""
    rows, agreed = speed(), agreement()
    print(agreed)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine(), "agreement": agreed, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
