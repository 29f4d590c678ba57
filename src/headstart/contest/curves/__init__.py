"""Score curves: the benchmark score of a model as a function of tuning effort, one file per law.

Every law is a *batch*: its fields are floats or arrays of one common (broadcastable) shape, and scores and inverses
broadcast over them.

Near a ceiling ``ceiling - score`` loses every digit in floating point, and two models that approach the same
ceiling would look tied. Laws with a ceiling therefore also give their ``shortfall`` (ceiling minus score)
with full relative accuracy, and their inverses accept it.
"""

from headstart.contest.curves.curve import Curve, Efforts, Scores
from headstart.contest.curves.exponential import Exponential
from headstart.contest.curves.linear import Linear
from headstart.contest.curves.logit_power import LogitPower
from headstart.contest.curves.points import Points
from headstart.registry import Registry, class_complaint

CURVES: Registry[type[Curve]] = Registry(
    "curve law",
    group="headstart.curves",
    members={law.kind: law for law in (LogitPower, Exponential, Linear, Points)},
    complaint=class_complaint("kind", "score", "shortfall", "ceiling", "effort_to_reach", "effort_to_exceed"),
)
"""Laws by the kind that contest files name; packages add theirs under the entry-point group ``headstart.curves``."""

__all__ = ["CURVES", "Curve", "Efforts", "Exponential", "Linear", "LogitPower", "Points", "Scores"]
