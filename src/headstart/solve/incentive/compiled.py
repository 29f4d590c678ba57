"""The sweep over score paths compiled with numba: the numbers of ``field`` and ``paths`` without their large arrays."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.solve.incentive.count import ORDER, WIDTH, WINDOW

compile_once: Any = numba.njit(cache=True, nogil=True, error_model="numpy")  # numba publishes no types

_ROOT = math.sqrt(0.5)
_PEAK = 1.0 / math.sqrt(2.0 * math.pi)
_REACH = 8.5


@compile_once
def common(
    path: FloatArray,
    cost: FloatArray,
    sd: FloatArray,
    worth: float,
    ended: bool,
    begin: int,
    end: int,
    lower: FloatArray,
    upper: FloatArray,
    best: IntArray,
) -> None:
    """Elements ``begin`` to ``end`` of a batch, in place, one common noise; see ``count.ExpectedCount``.

    ``sd`` has shape (1,) or (batch,), ``cost`` (1 or batch, models, efforts).
    """
    models, efforts = path.shape[1], path.shape[2]
    earned = np.empty(efforts)
    for b in range(begin, end):
        tau = sd[b] if sd.size > 1 else sd[0]
        spent = cost[b] if cost.shape[0] > 1 else cost[0]
        origin, last = path[b, 0, 0], path[b, 0, 0]
        for k in range(models):
            origin, last = min(origin, path[b, k, 0]), max(last, path[b, k, 0])
        per_cell = 1.0 / (tau * WIDTH)
        cells = int((last - origin) * per_cell) + 2 + 2 * WINDOW
        table = np.zeros((cells, ORDER + 1))
        passed = np.zeros(cells + 1)
        for k in range(models):
            x = (path[b, k, 0] - origin) / tau
            own = int(x / WIDTH)
            for c in range(own, own + 2 * WINDOW + 1):  # cell c of the table is cell c - WINDOW of the axis
                z = WIDTH * (c - WINDOW + 0.5) - x
                row = table[c]
                row[0] += 0.5 * math.erfc(-z * _ROOT)
                before, now, factorial = 0.0, _PEAK * math.exp(-0.5 * z * z), 1.0
                for m in range(1, ORDER + 1):
                    factorial *= m
                    row[m] += now / factorial
                    before, now = now, -z * now - (m - 1) * before
            passed[own + 2 * WINDOW + 1] += 1.0
        below = 0.0
        for c in range(cells):
            below += passed[c]
            table[c, 0] += below
        for i in range(models):
            start = path[b, i, 0]
            for j in range(efforts):
                x = (path[b, i, j] - origin) / tau
                total = float(models)
                if x < WIDTH * (cells - WINDOW):
                    c = int(x / WIDTH)
                    delta = x - WIDTH * (c + 0.5)
                    row = table[c + WINDOW]
                    total = row[ORDER]
                    for m in range(ORDER - 1, -1, -1):
                        total = total * delta + row[m]
                own_part = (path[b, i, j] - start) / tau
                total -= 0.5 * math.erfc(-own_part * _ROOT) if own_part < _REACH else 1.0
                earned[j] = worth * total
            lower[b, i], upper[b, i], best[b, i] = _enclose(earned, spent[i], worth * (models - 1), ended)


@compile_once
def pairwise(
    path: FloatArray,
    cost: FloatArray,
    sd: FloatArray,
    wins: BoolArray,
    worth: float,
    ended: bool,
    begin: int,
    end: int,
    lower: FloatArray,
    upper: FloatArray,
    best: IntArray,
) -> None:
    """As ``common`` for any standard deviations, shape (1 or batch, models, models), zeros included.

    ``wins[0]`` says whether a tuned model wins a tie against a rival listed after it; an untuned one does.
    """
    models, efforts = path.shape[1], path.shape[2]
    earned = np.empty(efforts)
    step = np.empty(efforts + 1)
    for b in range(begin, end):
        sds = sd[b] if sd.shape[0] > 1 else sd[0]
        spent = cost[b] if cost.shape[0] > 1 else cost[0]
        for i in range(models):
            own = path[b, i]
            earned[:] = 0.0
            step[:] = 0.0
            for k in range(models):
                if k == i:
                    continue
                rival, tau = path[b, k, 0], sds[i, k]
                low = _first_at_least(own, rival - _REACH * tau)
                if tau == 0.0:
                    while low < efforts and own[low] == rival:
                        if i < k and (wins[0] or own[low] == own[0]):
                            break
                        low += 1
                    step[low] += 1.0
                    continue
                high = _first_at_least(own, rival + _REACH * tau)
                for j in range(low, high):
                    earned[j] += 0.5 * math.erfc((rival - own[j]) / tau * _ROOT)
                step[high] += 1.0
            passed = 0.0
            for j in range(efforts):
                passed += step[j]
                earned[j] = worth * (earned[j] + passed)
            lower[b, i], upper[b, i], best[b, i] = _enclose(earned, spent[i], worth * (models - 1), ended)


@compile_once
def _first_at_least(rising: FloatArray, value: float) -> int:
    low, high = 0, rising.size
    while low < high:
        middle = (low + high) // 2
        if rising[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compile_once
def _enclose(earned: FloatArray, spent: FloatArray, most: float, ended: bool) -> tuple[float, float, int]:
    """Greatest gain at an effort of the path, bound on the gain at any effort, and where the greatest is."""
    best, at, bound = 0.0, 0, 0.0
    for j in range(1, earned.size):
        gain = earned[j] - earned[0] - spent[j]
        if gain > best:
            best, at = gain, j
        bound = max(bound, earned[j] - earned[0] - spent[j - 1])
    if not ended:
        bound = max(bound, most - earned[0] - spent[-1])
    return best, max(bound, best), at
