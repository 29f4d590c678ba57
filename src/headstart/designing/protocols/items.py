"""A test set of a given size: scores carry its binomial noise, and a larger one costs the developers less luck."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from headstart.contest.arrays import require
from headstart.designing.protocols.base import Protocol, Rules, contest_under
from headstart.designing.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Items(Protocol):
    """Test every model on ``count`` items.

    Assumes independent items of which each model solves a share equal to its score, so that only scores in [0, 1]
    qualify. The developers' game then is a rank-order tournament (docs/noise).
    """

    count: int
    stage: ClassVar[int] = 3

    def __post_init__(self) -> None:
        require(self.count >= 1, "items", ">= 1", self.count)

    @property
    def name(self) -> str:
        return f"items:{self.count}"

    def extend(self, rules: Rules, scenario: Scenario) -> Rules:
        scores = contest_under(rules, scenario).scores()
        inside = bool(((scores > 0) & (scores < 1)).all())
        require(inside, "items", "used with scores strictly between 0 and 1, as shares of items are", scores)
        return replace(rules, items=self.count)
