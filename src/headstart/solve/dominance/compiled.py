"""Iterated dominance over score paths compiled with numba: the numbers of ``bound`` and ``paths`` for large batches."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from headstart.contest.arrays import FloatArray

compile_once: Any = numba.njit(cache=True, nogil=True, error_model="numpy")  # numba publishes no types

_ROOT = math.sqrt(0.5)
_REACH = 8.5  # standard deviations; a chance beyond counts as 0 or 1
_FAR = 2e-17  # more than the chance left out beyond the reach


@compile_once
def narrow(
    path: FloatArray,
    cheapest: FloatArray,
    sd: FloatArray,
    own_share: float,
    stake: float,
    step: float,
    rounds: int,
    begin: int,
    end: int,
    high: FloatArray,
) -> None:
    """Elements ``begin`` to ``end`` of a batch: the highest scores left, written to ``high``.

    ``sd`` has shape (batch,), ``cheapest`` (1 or batch, models, efforts). Models are looked at from the best down, and
    what one can no longer do counts at once for the next.
    """
    models, efforts = path.shape[1], path.shape[2]
    top = np.empty(models, dtype=np.int64)
    for b in range(begin, end):
        tau = sd[b]
        least = cheapest[b] if cheapest.shape[0] > 1 else cheapest[0]
        order = np.argsort(path[b, :, 0])
        low = path[b, order, 0]
        for p in range(models):
            i = order[p]
            top[i] = _affordable(least[i], efforts - 1, stake)
            high[b, i] = path[b, i, top[i]]
        for _ in range(rounds):
            changed = False
            for p in range(models - 1, -1, -1):
                i = order[p]
                if top[i] == 0 or high[b, i] == path[b, i, 0]:
                    continue
                gain = _gain(path[b, i, 0], high[b, i], p, order, low, high[b], tau, own_share, stake, step)
                left = _affordable(least[i], top[i], gain)
                if left < top[i]:
                    changed = True
                    top[i] = left
                    high[b, i] = path[b, i, left]
            if not changed:
                break


@compile_once
def _affordable(cheapest: FloatArray, last: int, gain: float) -> int:
    while last > 0 and cheapest[last] > gain:
        last -= 1
    return last


@compile_once
def _gain(
    start: float,
    end: float,
    own: int,
    order: Any,
    low: FloatArray,
    high: FloatArray,
    tau: float,
    own_share: float,
    stake: float,
    step: float,
) -> float:
    """The bound of ``GainBound.gain`` for one model, at place ``own`` of the rising order."""
    alone = stake * (1.0 - math.erfc((end - start) / (2.0 * own_share * tau) * _ROOT))
    middle = 0.5 * (start + end)
    between = 1.0 - math.erfc((end - start) / (2.0 * tau) * _ROOT)  # a rival in the middle
    passed = 0.0
    for q in range(low.size - 1, -1, -1):
        if q == own or low[q] >= end + _REACH * tau:
            continue
        if low[q] > middle:
            rival = low[q]
        else:
            reach = high[order[q]]
            if reach >= middle:
                passed += between
                continue
            if reach <= start - _REACH * tau:
                continue
            rival = reach
        passed += 0.5 * (math.erfc((rival - end) / tau * _ROOT) - math.erfc((rival - start) / tau * _ROOT))
    return min(alone, step * (passed + low.size * _FAR))
