"""Forecasts from the earliest 40, 50, 60, 70 and 80 % of each model's checkpoints against the measured later ones.

Compared are every curve model of the registry, the one that ``forecast`` chooses by itself (what the audit uses), the
logit power law as the audit used it before ("today's fit") and the last value carried forward with the noise of both
scores. At each cut only the earlier checkpoints are read: by the fits, by what the curve models learn from rolling
origins, and by the choice.

* Mean continuous ranked probability score (CRPS) of the later measured scores, their noise included in the prediction,
  over all later scores, and over those within 2 and 5 times the last early step. Draws are evaluated beyond the 5 times
  up to which a forecast is shown, since the later scores of the early cuts lie there.
* Share of the later scores inside their 95 % interval.
* Of the catch-ups that the later checkpoints show (as ``headstart.fitting.backtest`` defines them), the share that was
  given a probability below .025.
* Seconds of a fit and forecast of all models with 400 draws, the choice included.

The file is not part of the project: its path is the first argument or the environment variable HEADSTART_TRAJECTORIES.
Without it nothing is written. Writes bench/results/forecast_quality.json.

    OMP_NUM_THREADS=1 PYTHONPATH=src python bench/forecast_quality.py FILE
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import machine

from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import read_trajectories
from headstart.fitting.forecast import CurveForecast, forecast
from headstart.fitting.models import CURVE_MODELS
from headstart.fitting.sample import Sample
from headstart.fitting.scoring import crps, inside

CUTS = (0.4, 0.5, 0.6, 0.7, 0.8)
DRAWS = 400
TODAY, SHIPPED, BASELINE = "logit-power", "choice", "last-value"
BEYOND_NOISE, NEAREST_RIVALS, IMPROBABLE = 2.0, 20, 0.025
OTHER_SEEDS = 3
"""How much of the figures is the draws' own noise."""

RESULT = Path(__file__).parent / "results" / "forecast_quality.json"
FILE = "trajectories.csv"


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The points of a file, and which are early."""

    trajectories: Trajectories  # the early rows
    sample: Sample  # all points
    early: np.ndarray  # number of early points of each model

    @classmethod
    def of(cls, trajectories: Trajectories, share: float) -> Cut:
        sample = Sample.of(trajectories)
        early = np.ceil(share * sample.points - 1e-9).astype(int)
        last = dict(zip(sample.names, sample.step[np.arange(early.size), early - 1].tolist(), strict=True))
        limit = np.array([last[name] for name in trajectories.models])[trajectories.model]
        return cls(trajectories=trajectories.where(trajectories.step <= limit), sample=sample, early=early)

    @property
    def last_early(self) -> np.ndarray:
        return self.sample.step[np.arange(self.early.size), self.early - 1]


def draws_at(found: CurveForecast, step: np.ndarray) -> np.ndarray:
    """Draws at steps of each model's own, scores in [0, 1], beyond the farthest step too."""
    asked = np.empty_like(step)
    asked[found.picked] = step
    return found.curves.score(asked)[:, found.picked]


def judge(cut: Cut, name: str, seed: int) -> dict[str, object]:
    """One forecast at one cut."""
    chosen = None if name == SHIPPED else name
    found = forecast(cut.trajectories, draws=DRAWS, seed=seed, curve_model=chosen).take(cut.sample.names)
    sample = cut.sample
    later = sample.present & (np.arange(sample.step.shape[1]) >= cut.early[:, None])
    model, point = np.nonzero(later)
    curves = draws_at(found, np.where(sample.present, sample.step, 0.0))
    noise = found.noise_factor[:, model] * sample.noise.sd[model, point]
    draws = curves[:, model, point] + noise * np.random.default_rng(seed).standard_normal((DRAWS, model.size))
    measured = sample.score[model, point]
    score, held = crps(draws, measured), inside(draws, measured)
    ratio = sample.step[model, point] / cut.last_early[model]
    shown, missed = catch_ups(cut, found)
    out: dict[str, object] = {
        "curve_model": found.chosen,
        "later_scores": int(model.size),
        "crps": float(score.mean()),
        "coverage": float(held.mean()),
        "catch_ups": shown,
        "catch_ups_given_less_than_2.5_percent": missed,
    }
    for times in (2, 5):
        near = ratio <= times
        out[f"within_{times}x"] = {
            "later_scores": int(near.sum()),
            "crps": float(score[near].mean()) if near.any() else None,
            "coverage": float(held[near].mean()) if near.any() else None,
        }
    if name == SHIPPED:
        out["reason"] = found.reason
    return out


def catch_ups(cut: Cut, found: CurveForecast) -> tuple[int, int]:
    """How many catch-ups the later checkpoints show, and how many of them were given a probability below 2.5 %."""
    sample = cut.sample
    steps = np.unique(sample.step[sample.present])
    curves = draws_at(found, np.tile(steps, (len(sample.names), 1)))
    is_early = np.arange(sample.step.shape[1]) < cut.early[:, None]
    shown = missed = 0
    for level in np.unique(sample.step[sample.present & is_early]).tolist():
        models, points = np.nonzero(sample.present & is_early & (sample.step == level))
        start = int(np.searchsorted(steps, level))
        for i, first in zip(models.tolist(), points.tolist(), strict=True):
            end = int(sample.present[i].sum())
            own, sd = sample.score[i, :end], sample.noise.sd[i, :end]
            target = sample.score[models, points]
            slack = BEYOND_NOISE * np.hypot(sample.noise.sd[models, points], np.median(sd))
            behind = np.flatnonzero(target - slack > own[first : cut.early[i]].max())
            closest = behind[np.argsort(target[behind], kind="stable")[:NEAREST_RIVALS]]
            passed = closest[own[cut.early[i] - 1 :].max() > target[closest] + slack[closest]]
            reach = curves[:, i, start : int(np.searchsorted(steps, sample.step[i, end - 1])) + 1].max(axis=1)
            probability = (reach[:, None] >= curves[:, models[passed], start]).mean(axis=0)
            shown += passed.size
            missed += int((probability < IMPROBABLE).sum())
    return shown, missed


def carried_forward(cut: Cut) -> dict[str, object]:
    """The last value with the noise of both scores as stated: CRPS and, without noise, the absolute error."""
    sample = cut.sample
    model, point = np.nonzero(sample.present & (np.arange(sample.step.shape[1]) >= cut.early[:, None]))
    last = cut.early[model] - 1
    noise = np.hypot(sample.noise.sd[model, point], sample.noise.sd[model, last])
    normal = np.random.default_rng(0).standard_normal((4000, model.size))
    measured = sample.score[model, point]
    return {
        "crps": float(crps(sample.score[model, last] + noise * normal, measured).mean()),
        "mean_absolute_error": float(np.abs(sample.score[model, last] - measured).mean()),
    }


def verdict(cuts: dict[str, dict[str, dict[str, object]]], carried: dict[str, dict[str, object]]) -> dict[str, object]:
    """The targets, met or not."""
    ours = [cuts[cut][SHIPPED] for cut in cuts]
    mean = float(np.mean([one["crps"] for one in ours]))
    today = float(np.mean([cuts[cut][TODAY]["crps"] for cut in cuts]))
    ratio = {cut: cuts[cut][SHIPPED]["crps"] / carried[cut]["crps"] for cut in cuts}
    coverage = {cut: cuts[cut][SHIPPED]["coverage"] for cut in cuts}
    missed = {
        cut: cuts[cut][SHIPPED]["catch_ups_given_less_than_2.5_percent"] / max(cuts[cut][SHIPPED]["catch_ups"], 1)
        for cut in cuts
    }
    total = sum(one["catch_ups_given_less_than_2.5_percent"] for one in ours) / sum(one["catch_ups"] for one in ours)
    return {
        "mean_crps": mean,
        "mean_crps_of_todays_fit": today,
        "mean_crps_below_todays_fit_by": 1 - mean / today,
        "met_15_percent_below_todays_fit": mean <= 0.85 * today,
        "crps_over_carried_forward": ratio,
        "met_at_most_25_percent_above_carried_forward_at_every_cut": max(ratio.values()) <= 1.25,
        "coverage": coverage,
        "met_coverage_90_to_99_percent_at_every_cut": all(0.9 <= value <= 0.99 for value in coverage.values()),
        "catch_ups_missed_in_all": total,
        "met_at_most_5_percent_of_catch_ups_missed_in_all": total <= 0.05,
        "catch_ups_missed": missed,
        "met_at_most_5_percent_of_catch_ups_missed_at_every_cut": max(missed.values()) <= 0.05,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=Path(os.environ.get("HEADSTART_TRAJECTORIES", FILE)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    if not options.file.exists():
        print(f"skipped: there is no file of measured trajectories at {options.file}; give its path as an argument")
        return
    trajectories = read_trajectories(options.file)
    forecast(Cut.of(trajectories, 0.4).trajectories, draws=2)  # first calls load code
    began, processor = time.perf_counter(), time.process_time()
    forecast(trajectories, draws=DRAWS, seed=options.seed)
    whole_file = {  # before anything that the cuts have in common with it is in memory
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - processor, 2),
        "target_seconds": 6.0,
    }
    cuts, carried = {}, {}
    for share in CUTS:
        cut = Cut.of(trajectories, share)
        carried[f"{share:g}"] = carried_forward(cut)
        cuts[f"{share:g}"] = {name: judge(cut, name, options.seed) for name in (*CURVE_MODELS.own, SHIPPED)}
        for name, one in cuts[f"{share:g}"].items():
            print(share, name, {key: one[key] for key in ("crps", "coverage", "catch_ups")}, flush=True)
    others = {}
    for seed in range(options.seed + 1, options.seed + 1 + OTHER_SEEDS):
        again = {f"{share:g}": judge(Cut.of(trajectories, share), "pool", seed) for share in CUTS}
        others[str(seed)] = {key: {cut: one[key] for cut, one in again.items()} for key in ("crps", "coverage")}
        others[str(seed)]["mean_crps"] = float(np.mean([one["crps"] for one in again.values()]))
    document = {
        "what": "forecasts of later measured scores from the earliest share of each model's checkpoints",
        "machine": machine(),
        "models": len(trajectories.models),
        "draws": DRAWS,
        "seed": options.seed,
        "targets": verdict(cuts, carried),
        "whole_file": whole_file,
        "pool_with_other_seeds": others,
        "carried_forward": carried,
        "cuts": cuts,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({"targets": document["targets"], "whole_file": document["whole_file"]}, indent=1))


if __name__ == "__main__":
    main()
