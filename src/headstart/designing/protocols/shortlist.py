"""Tune only a shortlist: the designer's tuning for the best few, fixed before developers move."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from headstart.contest.arrays import require
from headstart.designing.protocols.base import Protocol, Rules
from headstart.designing.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Shortlist(Protocol):
    """Restrict the designer's tuning to the ``k`` models that score best untuned.

    Assumes that the list is drawn up from scores nobody could tune for (an earlier edition, say). A developer who tunes
    in order to get onto the list is outside this model; the others are ranked with their untuned score.
    """

    k: int
    stage: ClassVar[int] = 1
    needs_level: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.k >= 1, "k", ">= 1", self.k)

    @property
    def name(self) -> str:
        return f"top:{self.k}"

    def extend(self, rules: Rules, scenario: Scenario) -> Rules:
        listed = np.zeros(scenario.contest.n)
        listed[scenario.contest.order()[: self.k]] = 1.0
        return replace(rules, levels=rules.levels * listed)
