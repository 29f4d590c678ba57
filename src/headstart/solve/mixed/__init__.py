"""Mixed equilibria of the developers' game: how much tuning and how many inversions to expect."""

from headstart.solve.mixed.exploitability import Exploitability, exploitability
from headstart.solve.mixed.mixed import solve_mixed
from headstart.solve.mixed.profile import Profile
from headstart.solve.mixed.solution import MixedSolution

__all__ = ["Exploitability", "MixedSolution", "Profile", "exploitability", "solve_mixed"]
