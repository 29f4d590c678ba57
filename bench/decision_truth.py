"""Is the level that an audit recommends enough in truth, and do the intervals of the gains hold the true gains?

    OMP_NUM_THREADS=1 python bench/decision_truth.py [--fields 5]

Fields of 16 models with known curves (simulated.py) are measured at ten checkpoints and audited as the command does it,
with its own stakes (evenly spaced, first place worth the longest tuning run). The truth at a level is what the largest
gainer really gains while nobody else tunes on: with the true curves, the best checkpoint so far kept, and the binomial
noise of scores on that many items. Two figures per setting:

* of the fields for which a level is recommended, in how many the true gain at that level and at every later measured
  level is at most the tolerance;
* how often the 95 % interval of the largest gain, as a share of first prize, holds the true one, over the measured
  levels, and over those at which the true gain is above the tolerance.

The audit encloses each gain between efforts; its value is the upper end, its interval runs from the lower ends to the
upper ones over the draws. Misses are counted by their side: a truth below the interval is the safe one.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from machine import machine
from simulated import KINDS, STEPS, TrueCurves, draw_curves, measure

from headstart.auditing.audit import audit
from headstart.auditing.level_values import Estimate
from headstart.contest.rewards import parse
from headstart.solve.incentive import ScoreNoise, incentive_of_paths

RESULT = Path(__file__).parent / "results" / "decision_truth.json"
ITEMS = (500, 2000, 14000)
MODELS = 16
EFFORTS = 1200
"""Further efforts at which the true gain is looked for; the enclosure is then a thousandth of first prize wide."""

TARGET = 0.95


def true_gain(curves: TrueCurves, level: float, items: int, rewards: np.ndarray) -> tuple[float, float]:
    """Largest gain of any developer at a level, as a share of first reward minus last: reached, and at most."""
    stake = float(rewards[0] - rewards[-1])
    effort = np.unique(np.r_[0.0, np.round(np.geomspace(1.0, stake, EFFORTS))])  # a step costs 1: more never pays
    path = np.maximum.accumulate(curves.score(level + effort), axis=1)
    share = path[:, 0]
    noise = ScoreNoise.independent(np.sqrt(share * (1 - share) / items))
    found = incentive_of_paths(path, effort, effort, rewards=rewards, noise=noise)
    return float(found.share.max()), float(found.upper_share.max())


def one(kind: str, items: int, field: int) -> dict[str, object]:
    """One field: the decision against the truth."""
    rng = np.random.default_rng([KINDS.index(kind), items, field])
    curves = draw_curves(kind, MODELS, rng)
    found = audit(measure(curves, items, rng), backtest_fraction=None, seed=field)
    rewards = parse(found.rewards, MODELS)
    levels = [row for row in found.levels if row.measured]
    truth = [true_gain(curves, row.level, items, rewards) for row in levels]
    chosen = found.decision.level
    tolerance = found.decision.tolerance
    reached = [gain for gain, _ in truth]
    place = None if chosen is None else [row.level for row in levels].index(chosen)
    later = None if place is None else max(reached[place:])
    least = len(levels)  # the place of the least level that is enough in truth
    while least and reached[least - 1] <= tolerance:
        least -= 1
    return {
        "recommended": chosen,
        "right": None if later is None else later <= tolerance,
        "worst_true_gain": later,
        "least_true_level": levels[least].level if least < len(levels) else None,
        "levels": [
            interval_row(row.incentive.share, gain, at_most, tolerance)
            for row, (gain, at_most) in zip(levels, truth, strict=True)
        ],
    }


def interval_row(told: Estimate, gain: float, at_most: float, tolerance: float) -> dict[str, object]:
    """One interval against the true gain, which lies between ``gain`` and ``at_most``."""
    return {
        "holds": told.low <= at_most and gain <= told.high,
        "below": at_most < told.low,
        "above_tolerance": gain > tolerance,
        "wide": told.high - told.low,
    }


def summary(fields: list[dict[str, object]]) -> dict[str, object]:
    """The figures of one setting."""
    recommended = [one for one in fields if one["recommended"] is not None]
    levels = [row for one in fields for row in one["levels"]]
    unfair = [row for row in levels if row["above_tolerance"]]
    steps = STEPS.tolist()
    later = [steps.index(one["recommended"]) - steps.index(one["least_true_level"]) for one in recommended
             if one["least_true_level"] is not None]  # fmt: skip
    return {
        "fields": len(fields),
        "recommended": len(recommended),
        "right": sum(bool(one["right"]) for one in recommended),
        "worst_true_gain": max((one["worst_true_gain"] for one in recommended), default=None),
        "no_level_is_enough_in_truth": sum(one["least_true_level"] is None for one in fields),
        "checkpoints_later_than_the_true_level_median": float(np.median(later)) if later else None,
        "intervals": len(levels),
        "interval_holds": round(float(np.mean([row["holds"] for row in levels])), 4),
        "intervals_above_tolerance": len(unfair),
        "interval_holds_above_tolerance": round(float(np.mean([row["holds"] for row in unfair])), 4),
        "truth_below_interval_above_tolerance": round(float(np.mean([row["below"] for row in unfair])), 4),
        "median_width_above_tolerance": round(float(np.median([row["wide"] for row in unfair])), 4),
    }


def main() -> None:
    """Simulate, audit, compare, print and write the result."""
    parser = argparse.ArgumentParser(description="See the first lines of this file.")
    parser.add_argument("--fields", type=int, default=5, help="fields per setting")
    count = parser.parse_args().fields
    start = time.perf_counter()
    settings = [(kind, items) for kind in KINDS for items in ITEMS]
    with ProcessPoolExecutor(2) as pool:
        jobs = {at: [pool.submit(one, *at, field) for field in range(count)] for at in settings}
        found = {at: [job.result() for job in own] for at, own in jobs.items()}
    rows = [{"curves": kind, "items": items} | summary(found[kind, items]) for kind, items in settings]
    every = [one for own in found.values() for one in own]
    whole = summary(every)
    result = {
        "machine": machine(),
        "seconds": round(time.perf_counter() - start, 1),
        "models": MODELS,
        "checkpoints": STEPS.tolist(),
        "target_right": TARGET,
        "met": whole["right"] >= TARGET * whole["recommended"],
        "all": whole,
        "settings": rows,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    for row in [*rows, whole]:
        print(row, flush=True)


if __name__ == "__main__":
    main()
