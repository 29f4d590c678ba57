"""The game: curves, costs, rewards and the contest they make."""

from headstart.contest.contest import Contest, TieBreak
from headstart.contest.costs import Cost, PointsCost, PowerCost
from headstart.contest.curves import Curve, Exponential, Linear, LogitPower, Points
from headstart.contest.tables import CostTable, CurveTable

__all__ = [
    "Contest",
    "Cost",
    "CostTable",
    "Curve",
    "CurveTable",
    "Exponential",
    "Linear",
    "LogitPower",
    "Points",
    "PointsCost",
    "PowerCost",
    "TieBreak",
]
