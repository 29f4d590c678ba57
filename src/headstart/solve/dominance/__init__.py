"""When not tuning is dominant, and when it is all that survives iterated dominance, under measurement noise."""

from headstart.solve.dominance.iterated import (
    IteratedDominance,
    IteratedLevel,
    iterated_dominance,
    iterated_dominance_level,
)
from headstart.solve.dominance.level import DominanceLevel, dominance_level
from headstart.solve.dominance.own_noise import own_noise_sd
from headstart.solve.dominance.paths import PathDominance, iterated_dominance_of_paths

__all__ = [
    "DominanceLevel",
    "IteratedDominance",
    "IteratedLevel",
    "PathDominance",
    "dominance_level",
    "iterated_dominance",
    "iterated_dominance_level",
    "iterated_dominance_of_paths",
    "own_noise_sd",
]
