"""The incentive to game: what a developer gains by tuning for the benchmark while nobody else does."""

from headstart.solve.incentive.contest import incentive
from headstart.solve.incentive.noise import ScoreNoise
from headstart.solve.incentive.paths import Incentive, effort_grid, incentive_of_paths

__all__ = ["Incentive", "ScoreNoise", "effort_grid", "incentive", "incentive_of_paths"]
