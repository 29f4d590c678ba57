"""Rankings: agreement between them, rank sets and intervals of ranks, ties that noise leaves."""

from headstart.rank.agreement import kendall_tau, tau_a, tau_b
from headstart.rank.consistency import Jackknife, first_component_share, mean_pairwise_tau_b
from headstart.rank.intervals import quantile_interval, rank_intervals, share_ahead
from headstart.rank.paired import PairedDifference, SignTest, mean_stderr, paired_difference, sign_test
from headstart.rank.pairs import OrderMatrix, Orders
from headstart.rank.rank_sets import RankSets, rank_sets_from_estimates
from headstart.rank.rank_sets_draws import rank_sets_from_draws
from headstart.rank.rank_sets_items import rank_sets_from_items
from headstart.rank.tie_groups import TieGroup, indistinct_groups, indistinct_runs, separated_groups

__all__ = [
    "Jackknife",
    "OrderMatrix",
    "Orders",
    "PairedDifference",
    "RankSets",
    "SignTest",
    "TieGroup",
    "first_component_share",
    "indistinct_groups",
    "indistinct_runs",
    "kendall_tau",
    "mean_pairwise_tau_b",
    "mean_stderr",
    "paired_difference",
    "quantile_interval",
    "rank_intervals",
    "rank_sets_from_draws",
    "rank_sets_from_estimates",
    "rank_sets_from_items",
    "separated_groups",
    "share_ahead",
    "sign_test",
    "tau_a",
    "tau_b",
]
