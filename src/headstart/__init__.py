"""Whether gaming a benchmark pays, and how much tune-before-test makes honesty the only equilibrium.

The public names. They are loaded when first used, so that ``import headstart`` and the command line start at once.

>>> import headstart
>>> curves = headstart.CurveTable.of([headstart.Linear(intercept=b, slope=1.0) for b in (1.0, 0.5)])
>>> costs = headstart.CostTable.batch(headstart.PowerCost(), 2)
>>> contest = headstart.Contest(names=("strong", "weak"), curves=curves, costs=costs, rewards=[1.0, 0.0])
>>> headstart.solve_pure(contest).witness.model
'weak'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headstart.api.audit import AuditResult, audit
    from headstart.api.comparison import ComparisonResult, compare
    from headstart.api.design import DesignedProtocol, design
    from headstart.api.suites import SuiteResult, rank_suite
    from headstart.auditing.ranking_check import check_ranking
    from headstart.certificate import verify
    from headstart.contest import (
        Contest,
        CostTable,
        CurveTable,
        Exponential,
        Linear,
        LogitPower,
        Points,
        PointsCost,
        PowerCost,
    )
    from headstart.contest.contest_file import read_contest, write_contest
    from headstart.data.lm_eval import import_lm_eval
    from headstart.data.rankings import read_rankings
    from headstart.data.trajectories import Trajectories
    from headstart.data.trajectory_files import read_results, read_trajectories, write_trajectories
    from headstart.data.two_columns import TwoColumns
    from headstart.designing.levels import Requirements
    from headstart.errors import ComputationError, HeadstartError, InputError
    from headstart.fitting.backtest import backtest
    from headstart.fitting.fit import Fit, fit
    from headstart.fitting.forecast import forecast
    from headstart.rank import kendall_tau
    from headstart.solve.dominance import dominance_level, iterated_dominance, iterated_dominance_level
    from headstart.solve.dynamics import simulate
    from headstart.solve.incentive import ScoreNoise, incentive
    from headstart.solve.incentive_level import incentive_level
    from headstart.solve.level import stabilising_level
    from headstart.solve.mixed import solve_mixed
    from headstart.solve.noise import solve_noisy
    from headstart.solve.prices import price_table
    from headstart.solve.private_information import solve_private
    from headstart.solve.prove import prove
    from headstart.solve.pure import solve_pure
    from headstart.solve.strategic_ranks import strategic_ranks
    from headstart.tune.plan_file import read_plan
    from headstart.tune.run import run_plan

__version__ = "0.2.0.dev0"

_HOMES = {
    "headstart.errors": ("HeadstartError", "InputError", "ComputationError"),
    "headstart.contest": (
        "Contest", "CurveTable", "LogitPower", "Exponential", "Linear", "Points",
        "CostTable", "PowerCost", "PointsCost",
    ),
    "headstart.solve.incentive": ("ScoreNoise", "incentive"),
    "headstart.solve.incentive_level": ("incentive_level",),
    "headstart.solve.dominance": ("dominance_level", "iterated_dominance", "iterated_dominance_level"),
    "headstart.solve.strategic_ranks": ("strategic_ranks",),
    "headstart.solve.pure": ("solve_pure",),
    "headstart.solve.prices": ("price_table",),
    "headstart.solve.level": ("stabilising_level",),
    "headstart.solve.mixed": ("solve_mixed",),
    "headstart.solve.noise": ("solve_noisy",),
    "headstart.solve.private_information": ("solve_private",),
    "headstart.solve.dynamics": ("simulate",),
    "headstart.solve.prove": ("prove",),
    "headstart.certificate": ("verify",),
    "headstart.data.trajectories": ("Trajectories",),
    "headstart.fitting.fit": ("fit", "Fit"),
    "headstart.fitting.backtest": ("backtest",),
    "headstart.rank": ("kendall_tau",),
    "headstart.contest.contest_file": ("read_contest", "write_contest"),
    "headstart.data.trajectory_files": ("read_trajectories", "read_results", "write_trajectories"),
    "headstart.auditing.ranking_check": ("check_ranking",),
    "headstart.data.rankings": ("read_rankings",),
    "headstart.api.audit": ("audit", "AuditResult"),
    "headstart.api.comparison": ("compare", "ComparisonResult"),
    "headstart.api.design": ("design", "DesignedProtocol"),
    "headstart.api.suites": ("rank_suite", "SuiteResult"),
    "headstart.designing.levels": ("Requirements",),
    "headstart.data.lm_eval": ("import_lm_eval",),
    "headstart.data.two_columns": ("TwoColumns",),
    "headstart.fitting.forecast": ("forecast",),
    "headstart.tune.plan_file": ("read_plan",),
    "headstart.tune.run": ("run_plan",),
}  # fmt: skip

__all__ = [
    "AuditResult",
    "ComparisonResult",
    "ComputationError",
    "Contest",
    "CostTable",
    "CurveTable",
    "DesignedProtocol",
    "Exponential",
    "Fit",
    "HeadstartError",
    "InputError",
    "Linear",
    "LogitPower",
    "Points",
    "PointsCost",
    "PowerCost",
    "Requirements",
    "ScoreNoise",
    "SuiteResult",
    "Trajectories",
    "TwoColumns",
    "__version__",
    "audit",
    "backtest",
    "check_ranking",
    "compare",
    "design",
    "dominance_level",
    "fit",
    "forecast",
    "import_lm_eval",
    "incentive",
    "incentive_level",
    "iterated_dominance",
    "iterated_dominance_level",
    "kendall_tau",
    "price_table",
    "prove",
    "rank_suite",
    "read_contest",
    "read_plan",
    "read_rankings",
    "read_results",
    "read_trajectories",
    "run_plan",
    "simulate",
    "solve_mixed",
    "solve_noisy",
    "solve_private",
    "solve_pure",
    "stabilising_level",
    "strategic_ranks",
    "verify",
    "write_contest",
    "write_trajectories",
]


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'headstart' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
