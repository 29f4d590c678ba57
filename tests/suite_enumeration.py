"""Prices of places in a suite by enumeration and by independent solvers, and the small suites they are tried on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.stats import rankdata

from headstart.contest.arrays import FloatArray
from headstart.contest.curves import Curve, Linear, LogitPower, Points
from headstart.contest.tables import CurveTable
from headstart.suite.price.climb import Climb
from headstart.suite.price.curves import SuiteCurves


def logit_suite(
    rng: np.random.Generator, models: int, tasks: int, *, steepest: float, start: float = -2.0
) -> SuiteCurves:
    """Logit power laws with exponents up to ``steepest`` and log-odds around ``start`` before any effort."""

    def one() -> CurveTable:
        return CurveTable.batch(
            LogitPower(
                L=rng.uniform(0.2, 0.3, models),
                U=rng.uniform(0.4, 0.9, models),
                alpha=rng.normal(start, 1.0, models),
                beta=rng.uniform(0.3, steepest, models),
            ),
            models,
        )

    cost = rng.choice([1.0, 2.0], size=(models, tasks))
    return SuiteCurves.of([f"m{i}" for i in range(models)], {f"t{t}": one() for t in range(tasks)}, cost_per_step=cost)


def least_cost_by_search(suite: SuiteCurves, i: int, gap: float, level: float, points: int = 1200) -> float:
    """Two tasks: the cheapest split of the gain among many, each split's costs from the curves' own inverses."""
    curves = [suite.table[i * 2 + task] for task in range(2)]
    start = [float(curve.score(level)) for curve in curves]
    share = np.r_[0.0, np.geomspace(1e-7, 0.5, points), 1 - np.geomspace(0.5, 1e-7, points), 1.0]
    cost = np.zeros(share.size)
    for task, part in enumerate((share, 1 - share)):
        wanted = start[task] + gap * part
        efforts = np.asarray(curves[task].effort_to_reach(wanted))
        cost += suite.cost_per_step[i, task] * np.maximum(efforts - level, 0.0)
    return float(cost.min())


def milp_on_a_grid(climb: Climb, gain: float, cells: int, wanted: int) -> float:
    """The dynamic programme's problem, given to an independent solver: one gain of the grid per task, enough in all."""
    tasks = climb.shape[1]
    gains = gain / cells * np.arange(cells + 2)
    own = climb.take(np.zeros(cells + 2, dtype=np.int64))
    effort = own.effort_for(np.repeat(gains[:, None], tasks, axis=1)) - climb.level
    cost = (climb.cost * effort).T.ravel()
    usable = np.isfinite(cost)
    one_each = np.kron(np.eye(tasks), np.ones(cells + 2))
    total = np.tile(np.arange(cells + 2.0), tasks)
    found = milp(
        np.where(usable, cost, 0.0),
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(total[None, :], wanted, np.inf)],
        integrality=np.ones(cost.size),
        bounds=Bounds(0, usable.astype(float)),
        options={"mip_rel_gap": 1e-9},
    )
    return float(found.fun) if found.x is not None else np.inf


def rival_medians(scores: FloatArray) -> FloatArray:
    """Upper medians."""
    return np.sort(scores, axis=1)[:, scores.shape[1] // 2]


def win_rates(scores: FloatArray) -> FloatArray:
    return np.array([[2 * (row > other).sum() + (row == other).sum() for other in scores] for row in scores]).sum(1)


def win_shares(scores: FloatArray) -> FloatArray:
    return np.sum([rankdata(column, method="max") for column in scores.T], axis=0)


def duels_won(scores: FloatArray) -> FloatArray:
    return np.sign(np.sign(scores[:, None, :] - scores[None, :, :]).sum(axis=2)).sum(axis=1)


def borda(scores: FloatArray) -> FloatArray:
    return np.sum([rankdata(column) for column in scores.T], axis=0)


COMPUTED: dict[str, Callable[[FloatArray], FloatArray]] = {
    "win-rate": win_rates,
    "win-share": win_shares,
    "median": rival_medians,
    "majority": duels_won,
    "borda": borda,
}


def small_suites(rng: np.random.Generator, count: int) -> Iterator[SuiteCurves]:
    """Three or four models, three or four tasks, ties and plateaus on purpose."""
    for _ in range(count):
        models, tasks = int(rng.integers(3, 5)), int(rng.integers(3, 5))

        def one() -> Curve:
            low = float(rng.integers(2, 6)) / 10
            top = low + float(rng.integers(0, 5)) / 10
            kind = rng.integers(3)
            if kind == 0:
                return LogitPower(L=low, U=top, alpha=rng.normal(), beta=rng.uniform(0.5, 2.0))
            if kind == 1:
                return Linear(intercept=low, slope=rng.uniform(0.001, 0.05))
            return Points(effort=[0.0, 10.0, 30.0], score=[low, (low + top) / 2, top])

        curves = {f"t{t}": CurveTable.of([one() for _ in range(models)]) for t in range(tasks)}
        cost = rng.choice([1.0, 3.0], size=(models, tasks))
        yield SuiteCurves.of([f"m{i}" for i in range(models)], curves, cost_per_step=cost)


def enumerated(suite: SuiteCurves, rule: str, i: int, rivals: list[int]) -> float:
    """Least cost over every combination of the efforts at which some score of a rival is reached or just exceeded."""
    scores = suite.scores(0.0)
    tasks = suite.shape[1]
    tried: list[list[tuple[float, float]]] = []
    for task in range(tasks):
        curve = suite.table[i * tasks + task]
        marks = {0.0: float(scores[i, task])}
        for mark in np.unique(np.delete(scores, i, axis=0)):
            # where the mark is met, the score is set to it: an inverse is exact to rounding only
            reach, exceed = float(curve.effort_to_reach(mark)), float(curve.effort_to_exceed(mark))
            if np.isfinite(reach) and mark > scores[i, task]:
                marks.setdefault(reach, float(mark))
            if np.isfinite(exceed) and mark >= scores[i, task]:
                marks[exceed] = float(mark) + 1e-9
        tried.append([(suite.cost_per_step[i, task] * effort, score) for effort, score in marks.items()])
    best = np.inf
    for combination in itertools.product(*tried):
        cost = sum(paid for paid, _ in combination)
        if cost < best:
            changed = scores.copy()
            changed[i] = [score for _, score in combination]
            values = COMPUTED[rule](changed)
            if all(values[i] > values[k] for k in rivals):
                best = cost
    return float(best)
