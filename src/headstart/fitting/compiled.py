"""The Kalman filter of the learning clock compiled with numba: the numbers of ``clock.ClockProblem.posterior``."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from headstart.contest.arrays import FloatArray

compile_once: Any = numba.njit(cache=True, nogil=True, error_model="numpy")  # numba publishes no types


@compile_once
def filtered(
    ticks: FloatArray,
    y: FloatArray,
    variance: FloatArray,
    growth: FloatArray,
    start: FloatArray,
    log_every: int,
    likelihood: FloatArray,
    gain: FloatArray,
    gain_variance: FloatArray,
) -> None:
    """One pass over the points of every model, the cells side by side; fills the last three, shape (models, cells).

    Args:
        ticks: How far each clock moves up to each point, shape (points, models, cells).
        y: Log-odds, shape (models, points).
        variance: Their noise variance; infinite where padded.
        growth: Variance of the wandering per unit of each clock, shape (cells,).
        start: Mean of f and of b, then the variances of f, of both and of b, before any point.
        log_every: Variances multiplied before their logarithm is taken.
        likelihood: Log likelihood.
        gain: Mean of b.
        gain_variance: Variance of b.
    """
    points, models, cells = ticks.shape
    f, ff, fb = np.empty(cells), np.empty(cells), np.empty(cells)
    squares, volume = np.empty(cells), np.empty(cells)
    for m in range(models):
        b, bb, log = gain[m], gain_variance[m], likelihood[m]
        f[:], b[:], ff[:], fb[:], bb[:] = start[0], start[1], start[2], start[3], start[4]
        squares[:], volume[:], log[:] = 0.0, 1.0, 0.0
        for k in range(points):
            measured, noise = y[m, k], variance[m, k]
            seen = np.isfinite(noise)
            for c in range(cells):
                tick = ticks[k, m, c]
                step = tick * bb[c]
                f[c] += b[c] * tick
                ff[c] += tick * (2.0 * fb[c] + step + growth[c])
                fb[c] += step
            if seen:
                for c in range(cells):
                    error = measured - f[c]
                    total = ff[c] + noise
                    on_f, on_b = ff[c] / total, fb[c] / total
                    volume[c] *= total
                    squares[c] += error * error / total
                    f[c] += on_f * error
                    b[c] += on_b * error
                    bb[c] -= on_b * fb[c]
                    fb[c] *= 1.0 - on_f
                    ff[c] *= 1.0 - on_f
            if k % log_every == log_every - 1:
                for c in range(cells):
                    log[c] -= np.log(volume[c]) / 2.0
                    volume[c] = 1.0
        for c in range(cells):
            log[c] -= (np.log(volume[c]) + squares[c]) / 2.0
