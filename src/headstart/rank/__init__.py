"""Rankings: agreement between them, intervals of ranks, ties that noise leaves."""

from headstart.rank.agreement import kendall_tau
from headstart.rank.intervals import quantile_interval, rank_intervals, share_ahead

__all__ = ["kendall_tau", "quantile_interval", "rank_intervals", "share_ahead"]
