"""Rules that make one ranking of many tasks, one file each."""

from __future__ import annotations

from headstart.registry import Registry
from headstart.suite.aggregations.base import Aggregation, below_and_tied, ranks_of, rounded
from headstart.suite.aggregations.borda import BORDA
from headstart.suite.aggregations.majority import MAJORITY
from headstart.suite.aggregations.mean import MEAN
from headstart.suite.aggregations.median import MEDIAN
from headstart.suite.aggregations.win_rate import WIN_RATE
from headstart.suite.aggregations.win_share import WIN_SHARE
from headstart.suite.aggregations.zscore import ZSCORE

__all__ = ["AGGREGATIONS", "Aggregation", "below_and_tied", "ranks_of", "rounded"]


def _complaint(found: object) -> str | None:
    return None if isinstance(found, Aggregation) else f"must be an Aggregation, got {type(found).__name__}"


AGGREGATIONS: Registry[Aggregation] = Registry(
    "aggregation",
    group="headstart.aggregations",
    members={rule.name: rule for rule in (MEAN, ZSCORE, WIN_RATE, WIN_SHARE, MEDIAN, MAJORITY, BORDA)},
    complaint=_complaint,
)
"""Aggregation rules by name; packages add theirs under the entry-point group ``headstart.aggregations``."""
