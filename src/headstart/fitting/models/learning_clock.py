"""The learning-clock law: where learning stops, wandering stops; see ``headstart.fitting.clock`` for the law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from headstart.contest.arrays import FloatArray, IntArray
from headstart.fitting.clock import ClockProblem, Hyper, clock, draw_hypers
from headstart.fitting.curve_model import CurveDraws
from headstart.fitting.paths import Nodes, draw_path, interpolate
from headstart.fitting.randomness import Streams, blocks
from headstart.fitting.sample import Sample

MOST_HYPERS, FEWEST_HYPERS = 40, 8
"""Draws of the shared numbers; draws of the curves take turns with them. Many models determine them well, so that
fewer do."""

HYPERS_TIMES_MODELS = 20_000

DRAWS_EACH = 5
"""Draws of the curves for each draw of the shared numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClockDraws:
    """Draws in log-odds: the gain along the clock exactly, start and wandering between nodes by interpolation."""

    x: Float[FloatArray, "models nodes"]
    path: Float[np.ndarray, "draws models nodes"]  # without the gain
    gain: Float[FloatArray, "draws models"]
    midpoint: Float[FloatArray, "draws models"]
    slope: Float[FloatArray, "draws models"]
    noise: Float[FloatArray, " draws"]

    @property
    def noise_factor(self) -> Float[FloatArray, "draws models"]:
        """The scatter of each draw of the shared numbers."""
        return np.broadcast_to(self.noise[:, None], self.gain.shape)

    def score(self, step: Float[FloatArray, "models points"]) -> Float[FloatArray, "draws models points"]:
        """Scores of every draw at steps of each model's own."""
        x = np.log1p(step)
        done = clock(x, self.midpoint[..., None], self.slope[..., None])
        return expit(interpolate(self.x, self.path, x) + self.gain[..., None] * done)


@dataclass(frozen=True, kw_only=True)
class LearningClockModel:
    """Curves along learning clocks, with what all models share drawn as well."""

    name: str = "learning-clock"
    candidate: bool = True

    def draw(self, sample: Sample, *, draws: int, seed: int) -> CurveDraws:
        """Draws from the joint posterior of all curves."""
        models = len(sample.names)
        problem = ClockProblem.of(sample)
        most = int(np.clip(HYPERS_TIMES_MODELS // models, FEWEST_HYPERS, MOST_HYPERS))
        count = int(np.clip(draws // DRAWS_EACH, 1, most))
        hypers = draw_hypers(problem, count, np.random.default_rng((seed, 2)))
        nodes = Nodes.of(sample, problem.y, problem.variance)
        streams = Streams.of(sample.names, seed, purpose=3)
        parts: list[_Block] = []
        for some in blocks(models, draws * nodes.x.shape[1]):
            own = streams.take(some)
            uniform, normal = own.uniform(draws), own.normal(draws, nodes.x.shape[1] + 1)
            parts.append(_draw_block(problem.take(some), nodes.take(some), hypers, uniform, normal))
        return ClockDraws(
            x=nodes.x,
            path=np.concatenate([part.path for part in parts], axis=1),
            gain=np.concatenate([part.gain for part in parts], axis=1),
            midpoint=np.concatenate([part.midpoint for part in parts], axis=1),
            slope=np.concatenate([part.slope for part in parts], axis=1),
            noise=np.resize([hyper.noise_factor for hyper in hypers], draws),
        )


MODEL = LearningClockModel()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Block:
    """Draws of some models; filled a draw of the shared numbers at a time."""

    path: Float[np.ndarray, "draws models nodes"]
    gain: Float[FloatArray, "draws models"]
    midpoint: Float[FloatArray, "draws models"]
    slope: Float[FloatArray, "draws models"]


def _draw_block(
    problem: ClockProblem,
    nodes: Nodes,
    hypers: list[Hyper],
    uniform: Float[FloatArray, "draws models"],
    normal: Float[FloatArray, "draws models nodes_and_1"],
) -> _Block:
    shape, ticks, cells = uniform.shape, problem.ticks(), problem.cells
    out = _Block(
        path=np.empty((*shape, nodes.x.shape[1]), dtype=np.float32),
        gain=np.empty(shape),
        midpoint=np.empty(shape),
        slope=np.empty(shape),
    )
    model = np.arange(shape[1], dtype=np.int64)
    for turn, hyper in enumerate(hypers):
        rows = np.arange(turn, shape[0], len(hypers), dtype=np.int64)
        found = problem.posterior(hyper, ticks)
        cell = _choose(found.log_density, uniform[rows])
        gain = found.gain[model, cell] + np.sqrt(found.gain_variance[model, cell]) * normal[rows, :, 0]
        midpoint, slope = cells.midpoint[cell], np.exp(cells.log_slope[cell])
        tick = np.diff(clock(nodes.x, midpoint[..., None], slope[..., None]), axis=2, prepend=0.0)
        drift = gain[..., None] * tick
        start_mean, start_variance = problem.start_given(hyper, gain)
        path = draw_path(
            start_mean=start_mean,
            start_variance=np.full(gain.shape, start_variance),
            drift=drift,
            growth=(hyper.wander * cells.size[cell])[..., None] ** 2 * tick,
            value=nodes.value,
            variance=hyper.noise_factor**2 * nodes.variance,
            normals=normal[rows, :, 1:],
        )
        out.path[rows] = path - np.cumsum(drift, axis=2)
        out.gain[rows], out.midpoint[rows], out.slope[rows] = gain, midpoint, slope
    return out


def _choose(
    log_density: Float[FloatArray, "models cells"], uniform: Float[FloatArray, "draws models"]
) -> Int[IntArray, "draws models"]:
    """A cell per draw and model, by its probability."""
    total = np.cumsum(np.exp(log_density - log_density.max(axis=1, keepdims=True)), axis=1)
    picked = np.empty(uniform.shape, dtype=np.int64)
    for model, row in enumerate(total):
        picked[:, model] = np.searchsorted(row, uniform[:, model] * row[-1])
    return np.minimum(picked, total.shape[1] - 1)
