"""The logit power law with a discrepancy: what the law cannot say is a Brownian path with heavy tails.

``score = law + D``, where ``D`` is Brownian in ``log1p(step / 10)`` with variance ``rate / g`` a unit. ``g`` is drawn
per draw and model, a chi-square with 3 degrees over 3, so that the changes of ``D`` are Student t with 3 degrees. ``D``
is drawn given how far the measured scores lie from the draw's law, so that the curve passes the last measured score
within its scatter, and drifts beyond it by ``drift`` a unit. Rate, drift and scatter are learnt from rolling origins
inside the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.special import gammaln

from headstart.contest.arrays import FloatArray
from headstart.fitting.curve_model import CurveDraws
from headstart.fitting.estimate import estimate
from headstart.fitting.models.logit_power import LogitPowerDraws
from headstart.fitting.noise import scatter_prior
from headstart.fitting.origins import Origin, origins
from headstart.fitting.paths import Nodes, draw_path, filtered, interpolate
from headstart.fitting.randomness import Streams, blocks
from headstart.fitting.sample import Sample

DEGREES = 3.0
"""Of the Student t of the discrepancy: few models wander far, most hardly do."""

FORECAST_DEGREES = 5.0
"""Of the Student t that errors at rolling origins are compared with: heavier than normal, since the law's own spread is
only summed up by its variance."""

START = 0.5
"""Variance of the discrepancy at step 0, in units of the rate: the law need not hold there either."""

RATE_PRIOR = (float(np.log(1e-4)), 1.5)
"""Normal prior on the log of the rate, in squared shares of the score range: an sd of .01 a unit of log steps, within a
factor of 2.1 (or 20 with 95 % certainty on the variance)."""

DRIFT_PRIOR = 0.005
"""Standard deviation of the normal prior on the drift, mean 0, in shares of the score range."""

INDEPENDENT = 20.0
"""Errors at one origin count as at most so many independent ones: they share items and a stretch of steps."""

LEARNING_MODELS, LEARNING_DRAWS = 128, 60
"""Models (evenly spaced) and draws of the law that rate, drift and scatter are learnt from."""

KEPT_LAWS = 16
"""Fits at origins that are kept: all of one comparison, a few hundred kilobytes each."""


@dataclass(frozen=True, kw_only=True)
class Wander:
    """How far real curves leave the law; scores in [0, 1].

    Args:
        drift: Mean change a unit of ``log1p(step / 10)`` beyond the last measured step.
        rate: Variance of the change a unit.
        noise_factor: Scatter of a measured score, in its standard errors.
    """

    drift: float
    rate: float
    noise_factor: float


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscrepancyDraws:
    """Draws of the law plus a path each."""

    law: LogitPowerDraws
    x: Float[FloatArray, "models nodes"]
    path: Float[np.ndarray, "draws models nodes"]
    noise: float

    @property
    def noise_factor(self) -> Float[FloatArray, "draws models"]:
        """The scatter learnt, the same for all."""
        return np.full(self.path.shape[:2], self.noise)

    def score(self, step: Float[FloatArray, "models points"]) -> Float[FloatArray, "draws models points"]:
        """Scores of every draw at steps of each model's own."""
        return np.clip(self.law.score(step) + interpolate(self.x, self.path, np.log1p(step)), 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class DiscrepancyModel:
    """The law and its discrepancy."""

    name: str = "logit-power-discrepancy"
    candidate: bool = True

    def draw(self, sample: Sample, *, draws: int, seed: int) -> CurveDraws:
        """Draws of the law, each with a path given the measured scores."""
        wander = learn(sample, seed=seed)
        law = LogitPowerDraws(estimate=estimate(sample, draws=draws, seed=seed))
        variance = (wander.noise_factor * sample.noise.sd) ** 2
        nodes = Nodes.of(sample, sample.score, variance)
        streams = Streams.of(sample.names, seed, purpose=1)
        tails = streams.chi_square(DEGREES, draws) / DEGREES
        path = np.empty((draws, *nodes.x.shape), dtype=np.float32)
        for some in blocks(len(sample.names), draws * nodes.x.shape[1]):
            part = nodes.take(some)
            curves = LogitPowerDraws(estimate=law.estimate.take(some))
            path[:, some] = _paths(
                part,
                curves.score(np.expm1(part.x)),
                wander,
                rate=wander.rate / tails[:, some],
                end=np.log1p(sample.max_step[some]),
                normal=streams.take(some).normal(draws, part.x.shape[1]),
            )
        return DiscrepancyDraws(law=law, x=nodes.x, path=path, noise=wander.noise_factor)


MODEL = DiscrepancyModel()


def log_clock(x: FloatArray) -> FloatArray:
    """``log1p(step / 10)`` of ``x = log1p(step)``: the first ten steps count little."""
    return np.log1p(np.expm1(x) / 10)


def _paths(
    nodes: Nodes,
    law: Float[FloatArray, "draws models nodes"],
    wander: Wander,
    *,
    rate: Float[FloatArray, "draws models"],
    end: Float[FloatArray, " models"],
    normal: Float[FloatArray, "draws models nodes"],
) -> Float[FloatArray, "draws models nodes"]:
    """Discrepancies at the nodes, given the measured scores less the law."""
    clock = log_clock(nodes.x)
    beyond = np.maximum(clock - log_clock(end)[:, None], 0.0)
    return draw_path(
        start_mean=np.zeros(rate.shape),
        start_variance=START * rate,
        drift=wander.drift * np.diff(beyond, axis=1, prepend=beyond[:, :1]),
        growth=rate[..., None] * np.diff(clock, axis=1, prepend=0.0),
        value=nodes.value - law,
        variance=nodes.variance,
        normals=normal,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _ByContent:
    """A sample that equals every other with the same content."""

    sample: Sample

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByContent) and self.sample.digest() == other.sample.digest()

    def __hash__(self) -> int:
        return hash(self.sample.digest())


@lru_cache(maxsize=KEPT_LAWS)
def _early_law(early: _ByContent, seed: int) -> LogitPowerDraws:
    """Draws of the law alone; the same early points are looked at from several origins when models are compared."""
    return LogitPowerDraws(estimate=estimate(early.sample, draws=LEARNING_DRAWS, seed=seed))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Case:
    """What the law alone makes of one origin; the last axis of the early arrays runs over early points."""

    residual: Float[FloatArray, "draws models early"]  # of the early scores
    early_variance: Float[FloatArray, "models early"]
    early_growth: Float[FloatArray, "models early"]  # of the clock
    law: Float[FloatArray, "draws models points"]  # at all points
    measured: Float[FloatArray, "models points"]
    variance: Float[FloatArray, "models points"]
    ahead: Float[FloatArray, "models points"]  # clock beyond the last early point
    later: Float[FloatArray, "models points"]

    @classmethod
    def of(cls, origin: Origin, seed: int) -> _Case:
        early, whole = origin.early, origin.all
        law = _early_law(_ByContent(sample=early), seed)
        clock = np.where(early.present, log_clock(np.log1p(early.step)), 0.0)
        clock = np.maximum.accumulate(clock, axis=1)
        at = np.where(whole.present, whole.step, 0.0)
        return cls(
            residual=np.where(early.present, early.score, 0.0) - law.score(early.step),
            early_variance=np.where(early.present, early.noise.sd**2, np.inf),
            early_growth=np.diff(clock, axis=1, prepend=0.0),
            law=law.score(at),
            measured=np.where(whole.present, whole.score, 0.0),
            variance=whole.noise.sd**2,
            ahead=np.maximum(log_clock(np.log1p(at)) - clock[:, -1:], 0.0),
            later=origin.later.astype(np.float64),
        )

    def log_likelihood(self, wander: Wander) -> float:
        """Of the later scores, as if at most ``INDEPENDENT`` of them were independent."""
        shape = self.residual.shape[:2]
        mean, spread = filtered(
            start_mean=np.zeros(shape),
            start_variance=np.full(shape, START * wander.rate),
            drift=np.zeros(1),
            growth=wander.rate * self.early_growth,
            value=self.residual,
            variance=wander.noise_factor**2 * self.early_variance,
        )
        curve = self.law + mean[..., -1:] + wander.drift * self.ahead
        variance = curve.var(axis=0) + spread[0, :, -1][:, None] + wander.rate * self.ahead
        variance = variance + wander.noise_factor**2 * self.variance
        each = _log_student((self.measured - curve.mean(axis=0)) / np.sqrt(variance)) - np.log(variance) / 2
        count = float(self.later.any(axis=1).sum())
        return float((each * self.later).sum() / self.later.sum()) * min(count, INDEPENDENT)


def learn(sample: Sample, *, seed: int) -> Wander:
    """Rate, drift and scatter most likely given the forecast errors of the law at rolling origins, and their priors.

    Without an origin (fewer than five points in every model) the priors' centres.
    """
    some = sample.spread(LEARNING_MODELS)
    noise_mean, noise_sd = scatter_prior(some.noise, some.least_squares()[1])
    centre = np.array([0.0, RATE_PRIOR[0], noise_mean])
    sd = np.array([DRIFT_PRIOR, RATE_PRIOR[1], noise_sd])

    def wander(z: FloatArray) -> Wander:
        drift, log_rate, log_noise = (centre + sd * z).tolist()
        return Wander(drift=drift, rate=float(np.exp(log_rate)), noise_factor=float(np.exp(log_noise)))

    cases = [_Case.of(origin, seed) for origin in origins(some)]

    def objective(z: FloatArray) -> float:
        here = wander(z)
        return float(z @ z) / 2 - sum(case.log_likelihood(here) for case in cases)

    if not cases:
        return wander(np.zeros(3))
    found = minimize(objective, np.zeros(3), method="L-BFGS-B", bounds=[(-6.0, 6.0)] * 3, options={"maxiter": 30})
    return wander(np.asarray(found.x))


def _log_student(z: FloatArray) -> FloatArray:
    """Log density of Student's t with ``FORECAST_DEGREES``."""
    nu = FORECAST_DEGREES
    constant = float(gammaln((nu + 1) / 2) - gammaln(nu / 2)) - np.log(nu * np.pi) / 2
    return constant - (nu + 1) / 2 * np.log1p(z * z / nu)
