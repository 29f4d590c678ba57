"""Do all rank sets hold at once? Simulated benchmarks with known abilities, ties included.

In every repetition models answer items drawn from a population in which their true scores are known. A repetition
counts where the set of *every* model holds all of its true ranks: 1 + the number of models truly better, up to the
number of models not truly worse, which is several ranks where models are tied. Beside it stand intervals of
bootstrapped ranks (2.5 to 97.5 % of the rank over resampled items), which many leaderboards show, judged by the same
rule and by a lenient one: that each interval holds at least one of the model's true ranks. Writes
bench/results/rank_set_coverage.json.

    PYTHONPATH=src python bench/rank_set_coverage.py
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from scipy.special import expit
from scipy.stats import binomtest

from headstart.rank import rank_sets_from_estimates, rank_sets_from_items

RESULT = Path(__file__).parent / "results" / "rank_set_coverage.json"
BOOTSTRAPS = 400
TARGET = 0.95


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A population of items and the models that answer a sample of it.

    Args:
        abilities: Equal ones are true ties.
        items: Independent units in a sample: items, or clusters of them.
        cluster: Items in each cluster; 1: independent items.
        graded: Whether scores are normal instead of right or wrong.
        copies: Whether tied models answer in the same way but for 2 % of the items.
    """

    abilities: tuple[float, ...]
    items: int = 500
    cluster: int = 1
    graded: bool = False
    copies: bool = False

    def sample(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        abilities = np.array(self.abilities)
        difficulty = np.repeat(rng.normal(size=self.items), self.cluster)
        # how each model takes to each passage: what makes the items of a cluster stand or fall together
        taste = np.repeat(rng.normal(size=(len(abilities), self.items)), self.cluster, axis=1)
        size = (len(abilities), self.items * self.cluster)
        latent = abilities[:, None] - difficulty + (taste if self.cluster > 1 else 0.0)
        clusters = np.repeat(np.arange(self.items), self.cluster)
        if self.graded:
            return latent + rng.normal(size=size), clusters
        draws = rng.random(size)
        if self.copies:  # models of one ability share their draws, but for a few items
            own = np.unique(abilities, return_inverse=True)[1]
            draws = np.where(rng.random(size) < 0.02, draws, draws[np.searchsorted(np.sort(own), own)])
        return (draws < expit(latent)).astype(np.uint8), clusters


SETTINGS = {
    "10 models, all tied": Setting(abilities=(0.0,) * 10),
    "10 models in 5 pairs of ties": Setting(abilities=tuple(np.repeat([1.0, 0.8, 0.4, 0.0, -0.5], 2).tolist())),
    "10 models, small differences": Setting(abilities=tuple(np.linspace(0.2, -0.2, 10).tolist())),
    "10 models, all tied, 100 items": Setting(abilities=(0.0,) * 10, items=100),
    "50 models, all tied": Setting(abilities=(0.0,) * 50),
    "50 models in 10 ties of 5": Setting(abilities=tuple(np.repeat(np.linspace(1, -1, 10), 5).tolist())),
    "50 models, half of them tied": Setting(abilities=(*np.linspace(2, 0.2, 25).tolist(), *[0.0] * 25)),
    "20 models in 4 ties of 5 near copies": Setting(
        abilities=tuple(np.repeat([0.6, 0.2, -0.2, -0.6], 5).tolist()), copies=True
    ),
    "10 models, all tied, 100 clusters of 5": Setting(abilities=(0.0,) * 10, items=100, cluster=5),
    "20 models in 10 pairs of ties, 100 clusters of 5": Setting(
        abilities=tuple(np.repeat(np.linspace(0.8, -0.8, 10), 2).tolist()), items=100, cluster=5
    ),
    "10 models, all tied, graded scores": Setting(abilities=(0.0,) * 10, items=200, graded=True),
}


def bootstrapped(scores: np.ndarray, clusters: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """2.5 and 97.5 % of each model's rank over samples of the clusters with replacement."""
    units = int(clusters[-1]) + 1
    sums = np.add.reduceat(scores, np.flatnonzero(np.diff(clusters, prepend=-1)), axis=1, dtype=np.float64)
    weights = rng.multinomial(units, np.full(units, 1 / units), size=BOOTSTRAPS).astype(np.float64)
    means = weights @ sums.T
    means += 1e-9 * rng.random(means.shape)  # equal scores in random order
    ranks = 1 + (means[:, None, :] > means[:, :, None]).sum(axis=2)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="inverted_cdf")
    return low, high


def run(setting: Setting, repetitions: int, seed: int) -> dict[str, Any]:
    abilities = np.array(setting.abilities)
    first = 1 + (abilities > abilities[:, None]).sum(axis=1)
    last = len(abilities) - (abilities < abilities[:, None]).sum(axis=1)

    def holds(best: np.ndarray, worst: np.ndarray) -> bool:
        return bool(((best <= first) & (worst >= last)).all())

    methods: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
        "rank_sets_from_items": lambda x, c, rng, at: _bounds(
            rank_sets_from_items(x, clusters=c if setting.cluster > 1 else None, seed=at)
        ),
        "bootstrapped_ranks": lambda x, c, rng, at: bootstrapped(x, c, rng),
    }
    if setting.cluster == 1:
        methods["rank_sets_from_estimates"] = lambda x, c, rng, at: _bounds(
            rank_sets_from_estimates(x.mean(axis=1), standard_errors=x.std(axis=1) / np.sqrt(x.shape[1]), seed=at)
        )
    held = dict.fromkeys(methods, 0)
    lenient = dict.fromkeys(methods, 0)
    alone = dict.fromkeys(methods, 0.0)
    width = dict.fromkeys(methods, 0.0)
    for at in range(repetitions):
        rng = np.random.default_rng([seed, at])
        scores, clusters = setting.sample(rng)
        for name, method in methods.items():
            best, worst = method(scores, clusters, rng, at)
            held[name] += holds(best, worst)
            lenient[name] += bool(((best <= last) & (worst >= first)).all())
            alone[name] += float(((best <= first) & (worst >= last)).mean())
            width[name] += float((worst - best + 1).mean())
    found: dict[str, Any] = {}
    for name, count in held.items():
        interval = binomtest(count, repetitions).proportion_ci(0.95, method="exact")
        found[name] = {
            "all_sets_hold": round(count / repetitions, 4),
            "interval": [round(interval.low, 4), round(interval.high, 4)],
            "all_hold_at_least_one_true_rank": round(lenient[name] / repetitions, 4),
            "mean_share_of_models_whose_set_holds": round(alone[name] / repetitions, 4),
            "mean_ranks_in_a_set": round(width[name] / repetitions, 2),
        }
    return found


def _bounds(sets: Any) -> tuple[np.ndarray, np.ndarray]:
    return sets.best, sets.worst


def write(rows: dict[str, Any], repetitions: int) -> dict[str, Any]:
    """Write what was measured so far, so that an interrupted run keeps it; returns the summary."""
    methods = ("rank_sets_from_items", "rank_sets_from_estimates")
    ours = [one[method] for one in rows.values() for method in methods if method in one]
    theirs = [one["bootstrapped_ranks"]["all_sets_hold"] for one in rows.values()]
    summary = {
        "repetitions": repetitions,
        "settings": len(rows),
        "least_coverage_of_rank_sets": min(one["all_sets_hold"] for one in ours),
        "settings_whose_interval_is_below_target": sum(one["interval"][1] < TARGET for one in ours),
        "coverage_of_bootstrapped_ranks": [min(theirs), max(theirs)],
        "target": TARGET,
        "target_met": all(one["interval"][1] >= TARGET for one in ours),
    }
    RESULT.write_text(json.dumps({"machine": machine(), "summary": summary, "rows": rows}, indent=1) + "\n")
    return summary


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=1500)
    repetitions = parser.parse_args().repetitions
    rows: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    for at, (name, setting) in enumerate(SETTINGS.items()):
        rows[name] = run(setting, repetitions, at)
        print(name, json.dumps(rows[name]), flush=True)
        summary = write(rows, repetitions)
    print(summary)
    return 0 if summary["target_met"] else 1


if __name__ == "__main__":
    sys.exit(main())
