"""Prices of places in a suite: agreement with enumeration and integer programmes, width of the bounds, time.

    OMP_NUM_THREADS=1 python bench/suite_prices.py

Small suites of three or four models and tasks, with ties and plateaus, are priced again by trying every combination of
efforts (tests/suite_enumeration.py); prices under the mean by a search over splits of the gain between two tasks; the
dynamic programme by an integer programme. Suites of 61 models and 24 tasks are timed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from machine import machine

from headstart.suite.price.allocation import least_cost
from headstart.suite.price.branch import closed_by_branching
from headstart.suite.price.climb import Climb
from headstart.suite.price.grid import least_cost_on_grid
from headstart.suite.price.mean import gaps
from headstart.suite.price.prices import suite_prices

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from suite_enumeration import (
    COMPUTED,
    enumerated,
    least_cost_by_search,
    logit_suite,
    milp_on_a_grid,
    small_suites,
)

RESULT = HERE / "results" / "suite_prices.json"

SUITES = 120
"""Small suites priced under every rule that counts."""

TWO_TASKS = 700
"""Suites of two tasks priced under the mean."""

PROGRAMMES = 60
"""Grids given to the integer programme."""

FIELDS = ((1.0, -2.0), (1.5, -2.0), (2.5, -2.0), (1.5, -5.0))
"""Largest learning exponent and typical log-odds at the start of the large suites. Up to 1 every curve is concave; a
low start makes a long convex part."""


def counted() -> dict[str, object]:
    """Prices under the rules that count against enumeration."""
    rng = np.random.default_rng(100)
    compared = dict.fromkeys(COMPUTED, 0)
    finite = dict.fromkeys(COMPUTED, 0)
    worst = dict.fromkeys(COMPUTED, 0.0)
    for suite in small_suites(rng, SUITES):
        for rule in COMPUTED:
            found = suite_prices(suite, rule=rule)
            order = [suite.models.index(name) for name in found.ranking]
            for at, (following, leading) in enumerate(zip(found.next, found.first, strict=True), start=1):
                for price, rivals in ((following, [order[at - 1]]), (leading, order[:at])):
                    wanted = enumerated(suite, rule, order[at], rivals)
                    got = np.inf if price.upper is None else price.upper
                    compared[rule] += 1
                    finite[rule] += bool(np.isfinite(wanted))
                    same = got == wanted or (np.isfinite(got) and np.isfinite(wanted))
                    off = abs(got - wanted) / max(wanted, 1e-9) if same and np.isfinite(wanted) else 0.0
                    worst[rule] = max(worst[rule], off if same else np.inf)
    return {"prices": compared, "finite": finite, "largest_relative_difference": worst}


def under_the_mean() -> list[dict[str, object]]:
    """Bounds under the mean against a search over splits between two tasks."""
    rows: list[dict[str, object]] = []
    for steepest in (1.0, 3.0):
        rng = np.random.default_rng(200)
        priced = below = above = short = exact = 0
        for _ in range(TWO_TASKS):
            suite, level = logit_suite(rng, 2, 2, steepest=steepest), float(rng.choice([0.0, 5.0, 50.0]))
            price = suite_prices(suite, level).next[0]
            if price.upper is None or price.lower is None or price.upper > 1e9:
                continue
            i = suite.models.index(price.model)
            gap = float(suite.scores(level)[1 - i].sum() - suite.scores(level)[i].sum())
            searched = least_cost_by_search(suite, i, gap, level)
            priced += 1
            exact += price.proof == "exact"
            below += price.lower > searched * (1 + 1e-8)
            above += price.proof == "exact" and price.upper > searched * (1 + 1e-6)
            efforts = np.array([(price.effort or {}).get(task, 0.0) for task in suite.tasks])
            own = suite.rows(np.array([i]))
            gained = float((own.score(level + efforts) - own.score(level)).sum())
            short += gained < gap - 1e-12
        rows.append(
            {
                "largest_exponent": steepest,
                "prices": priced,
                "exact": exact,
                "lower_bounds_above_the_search": below,
                "exact_prices_above_the_search": above,
                "efforts_that_gain_too_little": short,
            }
        )
        print(rows[-1], flush=True)
    return rows


def branching() -> list[dict[str, object]]:
    """What duality leaves open on large suites, and what branch and bound leaves of that."""
    rows: list[dict[str, object]] = []
    for steepest, start in FIELDS[1:]:
        suite = logit_suite(np.random.default_rng(400), 61, 24, steepest=steepest, start=start)
        scores = suite.scores(0.0)
        order = np.argsort(-scores.mean(axis=1), kind="stable")
        i, k = np.r_[order[1:], order[1:]], np.r_[order[:-1], np.repeat(order[0], 60)]
        climb, gap = Climb.of(suite, i, 0.0), gaps(scores[i], scores[k])
        loose = least_cost(climb, gap)
        with np.errstate(invalid="ignore"):
            apart = np.flatnonzero(np.isfinite(loose.lower) & (loose.upper - loose.lower > 1e-6 * loose.upper))
        clock = time.process_time()
        close = closed_by_branching(climb.take(apart), gap[apart], loose.take(apart))
        took = time.process_time() - clock
        before = (loose.upper - loose.lower)[apart] / loose.upper[apart]
        after = (close.upper - close.lower) / close.upper
        rows.append(
            {
                "largest_exponent": steepest,
                "log_odds_at_the_start": start,
                "prices": int(i.size),
                "left_open_by_duality": int(apart.size),
                "median_width_of_those": float(np.median(before)),
                "largest_width_of_those": float(before.max()),
                "largest_width_after_branching": float(after.max()),
                "processor_seconds_of_branching": round(took, 2),
            }
        )
        print(rows[-1], flush=True)
    return rows


def grids() -> dict[str, object]:
    """The dynamic programme against an integer programme."""
    rng = np.random.default_rng(300)
    worst = 0.0
    for _ in range(PROGRAMMES):
        climb = Climb.of(logit_suite(rng, 2, 3, steepest=3.0), np.array([0]), 0.0)
        gain = float(rng.uniform(0.1, 0.8)) * float(climb.most_gain.sum())
        low, high, _ = least_cost_on_grid(climb, gain, cells=30)
        for got, wanted in ((low, 28), (high, 31)):
            programme = milp_on_a_grid(climb, gain, 30, wanted)
            if np.isfinite(programme) or np.isfinite(got):
                worst = max(worst, abs(got - programme) / max(programme, 1e-9))
    return {"programmes": 2 * PROGRAMMES, "largest_relative_difference": worst}


def large() -> list[dict[str, object]]:
    """Every rule on 61 models and 24 tasks: seconds, share of exact prices, width of the others."""
    rows: list[dict[str, object]] = []
    for steepest, start in FIELDS:
        suite = logit_suite(np.random.default_rng(400), 61, 24, steepest=steepest, start=start)
        for rule in ("mean", "median", "win-rate", "win-share", "borda", "majority"):
            if rule != "mean" and (steepest, start) != FIELDS[-1]:
                continue
            most = 10 if rule == "majority" else None
            clock, processor = time.perf_counter(), time.process_time()
            found = suite_prices(suite, 0.0, rule, most_first=most)
            took = time.perf_counter() - clock, time.process_time() - processor
            prices = [price for price in (*found.next, *found.first) if price.lower is not None]
            widths = [
                (price.upper - price.lower) / price.upper
                for price in prices
                if price.proof == "bound" and price.upper and price.lower is not None
            ]
            rows.append(
                {
                    "rule": rule,
                    "largest_exponent": steepest,
                    "log_odds_at_the_start": start,
                    "next_places": len(found.next),
                    "first_places": len(found.first),
                    "seconds": round(took[0], 2),
                    "processor_seconds": round(took[1], 2),
                    "out_of_reach": len(found.next) + len(found.first) - len(prices),
                    "within_reach": len(prices),
                    "exact": sum(price.proof == "exact" for price in prices),
                    "median_width_of_the_others": float(np.median(widths)) if widths else None,
                    "largest_width": max(widths, default=None),
                    "without_an_upper_bound": sum(price.upper is None for price in prices),
                }
            )
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure, print and write the result."""
    result: dict[str, object] = {"machine": machine(), "large": large(), "branching": branching()}
    result |= {"mean": under_the_mean(), "grids": grids()}
    print(result["grids"], flush=True)
    result["counted"] = counted()
    print(result["counted"])
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
