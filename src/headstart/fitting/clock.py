"""The learning clock: curves that learn along an S of log steps, and wander only while they learn.

In log-odds ``f(x) = c + b * G(x) + sigma * W(G(x))`` with ``x = log1p(step)``: ``G`` (the clock) rises from 0 at step 0
towards 1 as a logistic function of ``x`` with a midpoint and a slope, ``W`` is Brownian motion. Midpoint, slope and one
of three sizes of ``sigma`` form a grid of cells; within a cell everything is normal, so that the likelihood of a cell
is one pass of a Kalman filter with the state (f, b). All models share ``Hyper``: how much is gained, how it depends on
the start, how far curves wander, how much measured scores scatter, and where clocks lie.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.special import expit, logit

from headstart.contest.arrays import FloatArray, IntArray
from headstart.fitting.noise import scatter_prior
from headstart.fitting.sample import Sample

MIDPOINTS, SLOPES = 14, 5
"""Cells over the midpoint and over the log of the slope."""

SLOPE_RANGE = (0.4, 4.0)
"""Of the clock in ``x``: below, the rise takes more than a factor of 20,000 in steps; above, less than 3."""

LATEST = 2.5
"""How far the midpoint may lie beyond the last measured step in ``x``: a factor of 12. Later clocks have not begun."""

SIZES, SIZE_PRIOR = (0.35, 1.0, 2.8), (0.3, 0.5, 0.2)
"""Factors on the wandering of a model and their probabilities: some curves are smooth, a few are wild."""

START_VARIANCE = 4.0
"""Prior variance of the log-odds at step 0 around their mean over models."""

EDGE = (1e-4, 0.02)
"""Scores are kept half a standard error, at least and at most so much, away from 0 and 1, where log-odds end."""

HYPER_MODELS = 128
"""Models (evenly spaced) that the shared numbers are estimated from."""

COMPILED = find_spec("numba") is not None
"""Whether the filter is the compiled one: the same numbers but for the last digits."""

LOG_EVERY = 8
"""Variances multiplied before their logarithm is taken: fewer logarithms, and no underflow."""

STEEPEST = 1.0
"""Least curvature of the log posterior of the shared numbers that is believed, in prior standard deviations: no
direction is wider than its prior."""


NUDGE = 1e-5
"""Step of the differences, in prior standard deviations: the log posterior is smooth, and rounding far smaller."""

ROUGH = 1e-5
"""Relative decrease at which the search for the mode stops: draws around it are reweighted exactly."""


@dataclass(frozen=True, kw_only=True)
class Hyper:
    """What the models share, and the cells' prior; log-odds.

    Args:
        gain: Mean of b, the whole gain.
        on_start: Change of it for a start one standard deviation higher.
        gain_sd: Spread of b around that.
        wander: sigma of a typical model.
        noise_factor: Scatter of a measured score, in its standard errors.
        midpoint: Mean and standard deviation of the midpoint.
        log_slope: The same of the log slope.
    """

    gain: float
    on_start: float
    gain_sd: float
    wander: float
    noise_factor: float
    midpoint: tuple[float, float]
    log_slope: tuple[float, float]

    @classmethod
    def of(cls, values: Float[FloatArray, " 9"]) -> Hyper:
        """From numbers without bounds, scales as logarithms."""
        gain, start, gain_sd, wander, noise, midpoint, midpoint_sd, slope, slope_sd = values.tolist()
        scale = np.exp([gain_sd, wander, noise, midpoint_sd, slope_sd]).tolist()
        return cls(
            gain=gain, on_start=start, gain_sd=scale[0], wander=scale[1], noise_factor=scale[2],
            midpoint=(midpoint, scale[3]), log_slope=(slope, scale[4]),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Every combination of midpoint, log slope and size; arrays (cells,)."""

    midpoint: Float[FloatArray, " cells"]
    log_slope: Float[FloatArray, " cells"]
    size: Float[FloatArray, " cells"]
    log_prior_size: Float[FloatArray, " cells"]

    @classmethod
    def between(cls, earliest: float, latest: float) -> Cells:
        """A grid over midpoints from ``earliest`` to ``latest``."""
        low, high = (math.log(end) for end in SLOPE_RANGE)
        slopes = np.linspace(low, high, SLOPES)
        return cls(
            midpoint=np.repeat(np.linspace(earliest, latest, MIDPOINTS), SLOPES * len(SIZES)),
            log_slope=np.tile(np.repeat(slopes, len(SIZES)), MIDPOINTS),
            size=np.tile(SIZES, MIDPOINTS * SLOPES),
            log_prior_size=np.tile(np.log(SIZE_PRIOR), MIDPOINTS * SLOPES),
        )

    def log_prior(self, hyper: Hyper) -> Float[FloatArray, " cells"]:
        """Log probability of each cell."""
        at, wide = hyper.midpoint
        log_slope, wide_slope = hyper.log_slope
        free = -(((self.midpoint - at) / wide) ** 2) / 2 - ((self.log_slope - log_slope) / wide_slope) ** 2 / 2
        free = free + self.log_prior_size
        return free - np.logaddexp.reduce(free)

    def prior_slope(self, hyper: Hyper, weight: Float[FloatArray, " cells"]) -> Float[FloatArray, " 4"]:
        """Derivative of ``weight @ log_prior`` by mean and log sd of the midpoint, then of the log slope."""
        excess = weight - weight.sum() * np.exp(self.log_prior(hyper))
        out: list[float] = []
        for values, (mean, sd) in ((self.midpoint, hyper.midpoint), (self.log_slope, hyper.log_slope)):
            off = (values - mean) / sd
            out += [float(excess @ off) / sd, float(excess @ (off * off))]
        return np.array(out)


def clock(x: FloatArray, midpoint: FloatArray, slope: FloatArray) -> FloatArray:
    """Share of the learning done: 0 at step 0, rising towards 1."""
    begun = expit(-slope * midpoint)
    return (expit(slope * (x - midpoint)) - begun) / (1 - begun)


@dataclass(frozen=True, kw_only=True, eq=False)
class Posterior:
    """Cells of every model and the gain b in each; arrays (models, cells)."""

    log_density: Float[FloatArray, "models cells"]  # likelihood and prior of the cell
    gain: Float[FloatArray, "models cells"]
    gain_variance: Float[FloatArray, "models cells"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ClockProblem:
    """The points of some models in log-odds, and the clocks they could follow.

    Args:
        x: ``log1p(step)``; the last step repeated where padded.
        y: Log-odds of the scores.
        variance: Their noise variance as stated; infinite where padded.
        cells: The grid.
        start: Mean over models of the first log-odds.
        start_sd: Their standard deviation, by which the dependence of the gain on the start is scaled.
        centre: Prior means of the shared numbers, as ``Hyper.of`` takes them.
        sd: Their prior standard deviations.
    """

    x: Float[FloatArray, "models points"]
    y: Float[FloatArray, "models points"]
    variance: Float[FloatArray, "models points"]
    cells: Cells
    start: float
    start_sd: float
    centre: Float[FloatArray, " 9"]
    sd: Float[FloatArray, " 9"]

    @classmethod
    def of(cls, sample: Sample) -> ClockProblem:
        """The problem of all models of a sample."""
        edge = np.clip(sample.noise.sd / 2, *EDGE)
        share = np.clip(np.where(sample.present, sample.score, 0.5), edge, 1 - edge)
        y = np.asarray(logit(share), dtype=np.float64)
        x = np.log1p(np.where(sample.present, sample.step, sample.max_step[:, None]))
        last = float(x.max())
        begin = 0.8 * min(float(np.min(x, where=x > 0, initial=last)), last)
        middle, wide = (begin + last) / 2, max((last - begin) / 3, 1.0)
        noise, noise_sd = scatter_prior(sample.noise, sample.least_squares()[1])
        return cls(
            x=x,
            y=y,
            variance=np.where(sample.present, (sample.noise.sd / (share * (1 - share))) ** 2, np.inf),
            cells=Cells.between(begin, last + LATEST),
            start=float(y[:, 0].mean()),
            start_sd=max(float(y[:, 0].std()), 0.3),
            centre=np.array([0.5, -0.3, *np.log([0.4, 0.15]), noise, middle, *np.log([wide, 1.3, 0.6])]),
            sd=np.array([np.sqrt(2.0), 0.5, 0.6, 0.7, noise_sd, 1.5, 0.3, 0.4, 0.3]),
        )

    def take(self, index: IntArray) -> ClockProblem:
        """The models at ``index``, with the priors of all."""
        return ClockProblem(
            x=self.x[index], y=self.y[index], variance=self.variance[index], cells=self.cells, start=self.start,
            start_sd=self.start_sd, centre=self.centre, sd=self.sd,
        )  # fmt: skip

    def spread(self, most: int) -> ClockProblem:
        """At most ``most`` models, evenly spaced."""
        count = len(self.x)
        return self if count <= most else self.take(np.arange(most, dtype=np.int64) * count // most)

    def ticks(self) -> Float[FloatArray, "points models cells"]:
        """How far each clock moves up to each point."""
        cells = self.cells
        stands = clock(self.x.T[:, :, None], cells.midpoint, np.exp(cells.log_slope))
        return np.diff(stands, axis=0, prepend=0.0)

    def posterior(self, hyper: Hyper, ticks: Float[FloatArray, "points models cells"]) -> Posterior:
        """Weigh every cell of every model; ``ticks`` as ``self.ticks()`` gives them."""
        variance = self.variance * hyper.noise_factor**2
        growth = (hyper.wander * self.cells.size) ** 2
        slope = hyper.on_start / self.start_sd
        both, of_gain = slope * START_VARIANCE, hyper.gain_sd**2 + slope**2 * START_VARIANCE
        shape = ticks.shape[1:]
        if COMPILED:
            from headstart.fitting import compiled  # imported only when used: the extra "fast"

            likelihood, b, bb = np.empty(shape), np.empty(shape), np.empty(shape)
            start = np.array([self.start, hyper.gain, START_VARIANCE, both, of_gain])
            compiled.filtered(ticks, self.y, variance, growth, start, LOG_EVERY, likelihood, b, bb)
            return Posterior(log_density=likelihood + self.cells.log_prior(hyper), gain=b, gain_variance=bb)
        f, b = np.full(shape, self.start), np.full(shape, hyper.gain)
        ff, fb = np.full(shape, START_VARIANCE), np.full(shape, both)
        bb = np.full(shape, of_gain)
        squares, volume, likelihood = np.zeros(shape), np.ones(shape), np.zeros(shape)
        every = np.isfinite(self.variance)
        for k, tick in enumerate(ticks):
            step = tick * bb
            f = f + b * tick
            ff = ff + tick * (2 * fb + step + growth)
            fb = fb + step
            if every[:, k].all():  # the usual case, with half the work and the same numbers
                error = self.y[:, k][:, None] - f
                total = ff + variance[:, k][:, None]
                on_f, on_b = ff / total, fb / total
                volume *= total
            else:
                seen = every[:, k][:, None]
                error = np.where(seen, self.y[:, k][:, None] - f, 0.0)
                total = ff + np.where(seen, variance[:, k][:, None], 1.0)
                on_f, on_b = seen * ff / total, seen * fb / total
                volume *= np.where(seen, total, 1.0)
            squares += error * error / total
            if k % LOG_EVERY == LOG_EVERY - 1:
                likelihood, volume = likelihood - np.log(volume) / 2, np.ones(shape)
            f, b = f + on_f * error, b + on_b * error
            bb = bb - on_b * fb
            fb, ff = fb * (1 - on_f), ff * (1 - on_f)
        likelihood = likelihood - (np.log(volume) + squares) / 2
        return Posterior(log_density=likelihood + self.cells.log_prior(hyper), gain=b, gain_variance=bb)

    def start_given(self, hyper: Hyper, gain: FloatArray) -> tuple[FloatArray, float]:
        """Mean and variance of the log-odds at step 0 given b, before any measurement."""
        slope = hyper.on_start / self.start_sd
        total = hyper.gain_sd**2 + slope**2 * START_VARIANCE
        on_gain = slope * START_VARIANCE / total
        return self.start + on_gain * (gain - hyper.gain), START_VARIANCE * hyper.gain_sd**2 / total


def draw_hypers(problem: ClockProblem, count: int, generator: np.random.Generator) -> list[Hyper]:
    """Draws of the shared numbers: a normal around their mode, reweighted by the exact posterior."""
    some = problem.spread(HYPER_MODELS)
    ticks, size = some.ticks(), problem.centre.size

    def log_posterior(z: FloatArray) -> float:
        found = some.posterior(Hyper.of(some.centre + some.sd * z), ticks)
        return float(_log_sums(found.log_density).sum()) - float(z @ z) / 2

    def descent(z: FloatArray) -> tuple[float, FloatArray]:
        """Negative log posterior and its gradient: by differences, except for the prior of the cells."""
        hyper = Hyper.of(some.centre + some.sd * z)
        density = some.posterior(hyper, ticks).log_density
        evidence = _log_sums(density)
        value = float(evidence.sum()) - float(z @ z) / 2
        gradient = np.empty(size)
        for at in range(size - 4):
            gradient[at] = (log_posterior(z + NUDGE * np.eye(size)[at]) - value) / NUDGE
        weight = np.exp(density - evidence[:, None]).sum(axis=0)
        gradient[-4:] = some.sd[-4:] * some.cells.prior_slope(hyper, weight) - z[-4:]
        return -value, -gradient

    found = minimize(
        descent, np.zeros(size), jac=True, method="L-BFGS-B", bounds=[(-6.0, 6.0)] * size,
        options={"maxiter": 40, "ftol": ROUGH},
    )  # fmt: skip
    mode = np.asarray(found.x, dtype=np.float64)
    curvature, axes = np.linalg.eigh(_curvature(log_posterior, mode))
    width = 1 / np.sqrt(np.maximum(curvature, STEEPEST))
    normal = generator.standard_normal((4 * count, size))
    tried = mode + (normal * width) @ axes.T
    weight = np.array([log_posterior(z) for z in tried]) + (normal**2).sum(axis=1) / 2
    total = np.cumsum(np.exp(weight - weight.max()))
    points = (np.arange(count) + generator.random()) / count * total[-1]
    chosen: IntArray = np.less(total[None, :], points[:, None]).sum(axis=1)
    return [Hyper.of(problem.centre + problem.sd * tried[at]) for at in generator.permutation(chosen).tolist()]


def _log_sums(density: Float[FloatArray, "models cells"]) -> Float[FloatArray, " models"]:
    """``log(sum(exp(density)))`` of each row, several times as fast as ``logaddexp.reduce``."""
    most = density.max(axis=1)
    return most + np.log(np.exp(density - most[:, None]).sum(axis=1))


def _curvature(function: Callable[[FloatArray], float], at: FloatArray) -> FloatArray:
    """Negative Hessian by differences; a step of a tenth of a prior sd is far above rounding, far below curvature."""
    size, step = at.size, 0.1
    unit = step * np.eye(size)
    middle = function(at)
    up, down = [function(at + e) for e in unit], [function(at - e) for e in unit]
    out = np.empty((size, size))
    for i in range(size):
        out[i, i] = 2 * middle - up[i] - down[i]
        for j in range(i):
            out[i, j] = out[j, i] = up[i] + up[j] - middle - function(at + unit[i] + unit[j])
    return out / step**2
