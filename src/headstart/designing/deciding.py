"""Whether nobody tunes under a protocol, and which pair decides."""

from __future__ import annotations

from headstart.designing.protocols.base import Rules, contest_under
from headstart.designing.scenario import Scenario
from headstart.solve.pure import solve_pure, tightest_pair


def is_stable_under(scenario: Scenario, rules: Rules) -> bool:
    """Whether nobody tuning is an equilibrium of the contest under the rules."""
    return solve_pure(contest_under(rules, scenario)).verdict == "exists"


def deciding_pair(scenario: Scenario, rules: Rules) -> tuple[int, int] | None:
    """The tightest pair (climber, overtaken) of the contest under the rules; None where no place is for sale."""
    pair = tightest_pair(contest_under(rules, scenario))
    return None if pair is None else (pair.i, pair.k)
