"""Protocols: how they are written, what they do to the contest, what they cost."""

import numpy as np
import pytest

from headstart.contest import Contest, CostTable, CurveTable, Linear, PowerCost
from headstart.designing.protocols import contest_under, parse, protocol_name, rules_of, tuning_bill
from headstart.designing.protocols.base import shared_rewards
from headstart.designing.scenario import known_scenario
from headstart.errors import InputError

CONTEST = Contest(
    names=("a", "b", "c"),
    curves=CurveTable.of([Linear(intercept=s, slope=0.001) for s in (0.3, 0.5, 0.4)]),
    costs=CostTable.batch(PowerCost(), 3),
    rewards=[4.0, 2.0, 0.0],
)
FIELD = known_scenario(CONTEST, designer_cost_per_step=2.0)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("direct", "direct"),
        ("level:0", "direct"),
        ("level:1000", "level:1000"),
        ("tiers", "direct+tiers"),
        ("items:500+level:1234567.5+tiers", "level:1234567.5+tiers+items:500"),
        ("top:2+level:10", "level:10+top:2"),
    ],
)
def test_a_combination_has_one_name_that_reads_back_as_itself(text, name):
    assert protocol_name(parse(text)) == name
    assert parse(name) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "level",
        "level:",
        "level:x",
        "level:-1",
        "level:nan",
        "items:0",
        "items:1.5",
        "tiers:3",
        "top:2",
        "top:0+level:1",
        "level:1+level:2",
        "direct+level:5",
        "magic",
    ],
)
def test_what_is_no_protocol_is_refused(text):
    with pytest.raises(InputError):
        parse(text)


def test_a_level_moves_every_model_and_is_paid_for_every_model():
    rules = rules_of(parse("level:100"), FIELD)
    assert contest_under(rules, FIELD).scores() == pytest.approx([0.4, 0.6, 0.5])
    assert tuning_bill(rules, FIELD) == 3 * 100 * 2.0


def test_a_shortlist_moves_and_pays_only_the_best_untuned_models():
    rules = rules_of(parse("level:100+top:2"), FIELD)
    assert rules.levels.tolist() == [0.0, 100.0, 100.0]
    assert contest_under(rules, FIELD).scores() == pytest.approx([0.3, 0.6, 0.5])
    assert tuning_bill(rules, FIELD) == 2 * 100 * 2.0


def test_ranks_of_a_tier_share_their_rewards_and_nothing_is_lost():
    shared = shared_rewards(np.array([6.0, 3.0, 2.0, 0.0]), np.array([0, 1, 1, 1]))
    assert shared == pytest.approx([6.0, 5 / 3, 5 / 3, 5 / 3])


def test_known_curves_share_a_tier_only_where_scores_are_equal():
    tiers = rules_of(parse("level:10+tiers"), FIELD).tier_of_rank
    assert tiers is not None
    scores = np.sort(contest_under(rules_of(parse("level:10"), FIELD), FIELD).scores())[::-1]
    assert tiers.tolist() == np.r_[0, np.cumsum(np.diff(scores) < 0)].tolist()


def test_items_need_scores_that_are_shares():
    scenario = known_scenario(CONTEST)
    rules_of(parse("level:100+items:50"), scenario)
    with pytest.raises(InputError, match="strictly between 0 and 1"):
        rules_of(parse("level:700+items:50"), scenario)
