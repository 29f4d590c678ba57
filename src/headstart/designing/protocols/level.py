"""Tune-before-test: every model gets the same tuning before it is tested; level 0 is direct evaluation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from headstart.contest.arrays import require
from headstart.designing.protocols.base import Protocol, Rules
from headstart.designing.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class TuneBeforeTest(Protocol):
    """Give every model ``level`` steps before the test.

    Assumes that the designer's tuning and the developers' own add up, step for step.

    Source: Chen, Zhang, Hardt (arXiv 2603.08371), Sec. 5.
    """

    level: float
    stage: ClassVar[int] = 0

    def __post_init__(self) -> None:
        require(bool(np.isfinite(self.level)) and self.level >= 0, "level", "a finite number >= 0", self.level)

    @property
    def name(self) -> str:
        return "direct" if self.level == 0 else f"level:{np.format_float_positional(self.level, trim='-')}"

    def extend(self, rules: Rules, scenario: Scenario) -> Rules:
        return replace(rules, levels=np.full(scenario.contest.n, self.level))


def direct_evaluation() -> TuneBeforeTest:
    """Nobody is tuned before the test."""
    return TuneBeforeTest(level=0.0)
