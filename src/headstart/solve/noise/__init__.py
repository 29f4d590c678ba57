"""Noisy scores: the contest as a rank-order tournament."""

from headstart.solve.noise.equilibrium import NoisyEquilibrium, NoisySolution, solve_noisy
from headstart.solve.noise.game import (
    BestResponse,
    NoisyGame,
    binomial_sd,
    expected_kendall_tau,
    rank_probabilities,
)
from headstart.solve.noise.threshold import NoiseThreshold, noise_threshold

__all__ = [
    "BestResponse",
    "NoiseThreshold",
    "NoisyEquilibrium",
    "NoisyGame",
    "NoisySolution",
    "binomial_sd",
    "expected_kendall_tau",
    "noise_threshold",
    "rank_probabilities",
    "solve_noisy",
]
