"""What places of a suite cost, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from headstart.auditing.level_values import Interval
from headstart.io.encode import as_json

Proof = Literal["exact", "bound"]


def _why(price: PlacePrice) -> str | None:
    return price.reason


def _why_no_interval(price: PlacePrice) -> str | None:
    return price.interval_reason


@dataclass(frozen=True, kw_only=True)
class PlacePrice:
    """The least total cost at which one model takes a place while nobody else tunes further.

    Args:
        model: The model that climbs.
        rank: Its rank at the level.
        overtakes: The model that it passes; None for first place, where it passes every model above it.
        lower: Nothing cheaper is enough; in cost units.
        upper: What ``effort`` costs; any more effort, however little, takes the place.
        effort: Steps beyond the level, by task, where there are any.
        proof: ``exact``: lower and upper are one number but for rounding. ``bound``: the price lies between them.
        interval: 95 % interval of the price over the posterior draws of the curves.
        interval_reason: Why there is no interval.
        reason: Why there is no price, or no upper bound.
        extrapolated: Whether an effort leads beyond the steps measured of the model on some task.
    """

    model: str
    rank: int
    overtakes: str | None
    lower: float | None = field(metadata=as_json(null_because=_why))
    upper: float | None = field(metadata=as_json(null_because=_why))
    effort: Mapping[str, float] | None = field(metadata=as_json(null_because=_why))
    proof: Proof
    interval: Interval | None = field(metadata=as_json(null_because=_why_no_interval))
    interval_reason: str | None = field(metadata=as_json(hidden=True))
    reason: str | None = field(metadata=as_json(hidden=True))
    extrapolated: bool

    @property
    def reachable(self) -> bool:
        """Whether some effort is known to be enough."""
        return self.upper is not None


@dataclass(frozen=True, kw_only=True)
class SuitePrices:
    """What places cost under one rule of aggregation at one level of tuning before the test.

    Args:
        rule: The rule.
        level: Tune-before-test level of every task, in steps.
        cost_unit: Unit of costs.
        tasks: Names of the tasks.
        ranking: Models from first to last at the level.
        next: For the model of each rank from the second on, the price of passing its upper neighbour.
        first: For models from the second on, the price of first place.
        first_asked: How many models from the second on were asked for first place.
    """

    rule: str
    level: float
    cost_unit: str
    tasks: tuple[str, ...]
    ranking: tuple[str, ...]
    next: tuple[PlacePrice, ...]
    first: tuple[PlacePrice, ...]
    first_asked: int

    @property
    def cheapest_first(self) -> PlacePrice | None:
        """The least price of first place among the models asked; None where nobody can take it."""
        return _cheapest(self.first)

    @property
    def cheapest_next(self) -> PlacePrice | None:
        """The least price of passing a neighbour; None where nobody can."""
        return _cheapest(self.next)


def _cheapest(prices: tuple[PlacePrice, ...]) -> PlacePrice | None:
    known = [price for price in prices if price.upper is not None]
    return min(known, key=lambda price: price.upper or 0.0, default=None)


def median_of(prices: tuple[PlacePrice, ...]) -> float | None:
    """Lower median of the upper bounds, places out of reach counting as more than any number; None where it is that."""
    if not prices:
        return None
    ordered = sorted(float("inf") if price.upper is None else price.upper for price in prices)
    middle = ordered[(len(ordered) - 1) // 2]
    return middle if middle < float("inf") else None
