"""Rankings: agreement between them, rank sets and intervals of ranks, ties that noise leaves."""

from headstart.rank.agreement import kendall_tau, tau_a, tau_b
from headstart.rank.consistency import (
    Jackknife,
    PairwiseTau,
    first_component_share,
    mean_pairwise_tau_b,
    pairwise_tau,
)
from headstart.rank.intervals import quantile_interval, rank_intervals, share_ahead
from headstart.rank.rank_sets import RankSets, rank_sets_from_estimates
from headstart.rank.rank_sets_draws import rank_sets_from_draws
from headstart.rank.rank_sets_items import rank_sets_from_items
from headstart.rank.tie_groups import TieGroup, indistinct_groups, indistinct_runs, separated_groups

__all__ = [
    "Jackknife",
    "PairwiseTau",
    "RankSets",
    "TieGroup",
    "first_component_share",
    "indistinct_groups",
    "indistinct_runs",
    "kendall_tau",
    "mean_pairwise_tau_b",
    "pairwise_tau",
    "quantile_interval",
    "rank_intervals",
    "rank_sets_from_draws",
    "rank_sets_from_estimates",
    "rank_sets_from_items",
    "separated_groups",
    "share_ahead",
    "tau_a",
    "tau_b",
]
