"""Rankings: agreement between them, rank sets and intervals of ranks, ties that noise leaves, private variants."""

from headstart.rank.agreement import kendall_tau, tau_a, tau_b
from headstart.rank.consistency import (
    Jackknife,
    PairwiseTau,
    first_component_share,
    mean_pairwise_tau_b,
    pairwise_tau,
)
from headstart.rank.intervals import quantile_interval, rank_intervals, share_ahead
from headstart.rank.paired import PairedDifference, SignTest, mean_stderr, paired_difference, sign_test
from headstart.rank.pairs import OrderMatrix, Orders
from headstart.rank.rank_sets import RankSets, rank_sets_from_estimates
from headstart.rank.rank_sets_draws import rank_sets_from_draws
from headstart.rank.rank_sets_items import rank_sets_from_items
from headstart.rank.rank_sets_known import rank_sets_where_known
from headstart.rank.tie_groups import TieGroup, indistinct_groups, indistinct_runs, separated_groups
from headstart.rank.variant_gains import VariantGains, next_variant_gain, variant_gains, variant_rewards
from headstart.rank.variants import (
    CorrectedScore,
    best_of_inflation,
    best_of_lead,
    corrected_best,
    expected_largest,
    largest_below,
    largest_quantile,
    variants_to_pass,
)

__all__ = [
    "CorrectedScore",
    "Jackknife",
    "OrderMatrix",
    "Orders",
    "PairedDifference",
    "PairwiseTau",
    "RankSets",
    "SignTest",
    "TieGroup",
    "VariantGains",
    "best_of_inflation",
    "best_of_lead",
    "corrected_best",
    "expected_largest",
    "first_component_share",
    "indistinct_groups",
    "indistinct_runs",
    "kendall_tau",
    "largest_below",
    "largest_quantile",
    "mean_pairwise_tau_b",
    "mean_stderr",
    "next_variant_gain",
    "paired_difference",
    "pairwise_tau",
    "quantile_interval",
    "rank_intervals",
    "rank_sets_from_draws",
    "rank_sets_from_estimates",
    "rank_sets_from_items",
    "rank_sets_where_known",
    "separated_groups",
    "share_ahead",
    "sign_test",
    "tau_a",
    "tau_b",
    "variant_gains",
    "variant_rewards",
    "variants_to_pass",
]
