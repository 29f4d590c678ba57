"""Pure answers of 1,000 protocols for 55 synthetic models with known curves.

Protocols are levels, levels with tiers, and levels for a shortlist; the models are made up.
Run ``python bench/design_sweep.py``; it writes ``bench/results/design_sweep.json``.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from machine import machine

from headstart.contest import Contest, CostTable, CurveTable, LogitPower, PowerCost
from headstart.contest.rewards import linear
from headstart.designing.outcome import ProtocolOutcome, protocol_outcome
from headstart.designing.protocols import Protocol, Shortlist, Tiers, TuneBeforeTest
from headstart.designing.scenario import Scenario
from headstart.report.progress import progress_bar

MODELS, PROTOCOLS, WORKERS, REFERENCE = 55, 1000, 2, 4000.0
STAKES = {"high": 4000.0, "low": 1.0}
"""In steps: under the high ones few protocols are stable, under the low ones most, which takes longer to find out."""

TARGET_SECONDS = 30.0


def synthetic_field(stakes: float) -> Scenario:
    """Curves like those of language models on a multiple-choice test."""
    random = np.random.default_rng(0)
    ceiling = np.sort(random.uniform(0.3, 0.85, MODELS))[::-1]
    alpha, beta = random.normal(-4.0, 1.0, MODELS), random.uniform(0.5, 1.2, MODELS)
    curves = LogitPower(L=0.25, U=ceiling, alpha=alpha, beta=beta)
    contest = Contest(
        names=tuple(f"model-{m}" for m in range(MODELS)), curves=CurveTable.batch(curves, MODELS),
        costs=CostTable.batch(PowerCost(), MODELS), rewards=linear(MODELS, stakes),
    )  # fmt: skip
    return Scenario(
        contest=contest, quality=curves.score(REFERENCE), cost_per_step=np.ones(MODELS), cost_unit="steps",
        reference=REFERENCE, reach=4 * REFERENCE,
    )  # fmt: skip


def protocols() -> list[tuple[Protocol, ...]]:
    """A third each: plain levels, levels with tiers, levels for the best 5, 10 or 20."""
    levels = [TuneBeforeTest(level=float(level)) for level in np.geomspace(1.0, 4 * REFERENCE, PROTOCOLS)]
    short = [Shortlist(k=5), Shortlist(k=10), Shortlist(k=20)]
    return [
        (level,) if at % 3 == 0 else (level, Tiers()) if at % 3 == 1 else (level, short[at // 3 % 3])
        for at, level in enumerate(levels)
    ]


def sweep(stakes: float) -> dict[str, object]:
    """The outcome of every protocol, two at a time."""
    scenario, chosen = synthetic_field(stakes), protocols()
    started, cpu = time.perf_counter(), time.process_time()
    answers: list[ProtocolOutcome] = []
    with progress_bar() as tell, ThreadPoolExecutor(WORKERS) as pool:
        for found in pool.map(lambda protocol: protocol_outcome(scenario, protocol, equilibrium=False), chosen):
            answers.append(found)
            tell("protocols", len(answers) / len(chosen))
    seconds = time.perf_counter() - started
    return {
        "stakes_in_steps": stakes,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "target_seconds": TARGET_SECONDS,
        "target_met": seconds < TARGET_SECONDS,
        "stable": sum(bool(a.nobody_tunes) for a in answers),
    }


def main() -> None:
    result = {
        "machine": machine(),
        "protocols": PROTOCOLS,
        "models": MODELS,
        "workers": WORKERS,
        **{f"{name}_stakes": sweep(stakes) for name, stakes in STAKES.items()},
    }
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "results" / "design_sweep.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
