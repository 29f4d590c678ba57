"""The decision follows from the figures of the levels, and says what to do."""

import pytest

from headstart.auditing.decision import Criteria, decide, share_with_interval, under
from headstart.auditing.level_values import (
    Estimate,
    Incentive,
    Interval,
    Level,
    Standing,
    TiedModels,
)


def level(at: float, share: float, suffices: float, *, tau: float = 0.9, measured: bool = True) -> Level:
    gain = Estimate(value=share, low=share / 2, high=min(2 * share, 1.0))
    standings = tuple(
        Standing(name=name, score=0.5, stderr=0.01, measured=True, rank=1, best_rank=1, worst_rank=3) for name in "abc"
    )
    return Level(
        level=at,
        measured=measured,
        extrapolated=False,
        estimated=(),
        absent=(),
        standings=standings,
        ties=(TiedModels(names=("a", "b"), rank=1, last_place=2), TiedModels(names=("c",), rank=3, last_place=3)),
        incentive=Incentive(share=gain, gain=gain, model="a", effort=1.0, burnt=gain, suffices=suffices),
        certain=None,
        prices=(),
        cheapest_price=None,
        median_price=None,
        quartiles=Interval(low=None, high=None),
        unreachable=0,
        tied=0,
        verdict="undecided",
        witness=None,
        measured_verdict="undecided",
        critical_stakes={},
        critical_stakes_interval={},
        kendall_tau_to_reference=tau,
        kendall_tau_interval=Interval(low=tau - 0.05, high=min(tau + 0.05, 1.0)),
    )


def decided(levels: list[Level], **criteria):
    return decide(
        levels, Criteria(**criteria), needed=0.97, cost_of_step=3.0, cost_unit="steps", reference=levels[-1].level
    )


FIELD = [level(0, 0.4, 0.0, tau=0.7), level(100, 0.02, 0.6), level(1000, 0.001, 0.98, tau=0.95), level(4000, 0.0, 1.0)]


def test_the_least_measured_level_that_is_enough_is_recommended():
    found = decided(FIELD)
    assert (found.action, found.level, found.cost) == ("tune before the test", 1000, 3000.0)
    assert "1,000 steps" in found.sentence and "40 %" in found.sentence and "3,000 steps" in found.sentence
    assert found.incentive == FIELD[2].incentive.share and found.incentive_before == FIELD[0].incentive.share
    assert found.ties == 1 and found.measure_to is None


def test_a_level_between_the_measured_ones_is_never_recommended():
    found = decided([FIELD[0], level(500, 0.001, 0.99, measured=False), *FIELD[2:]])
    assert found.level == 1000


def test_direct_evaluation_is_kept_where_it_is_enough():
    found = decided([level(0, 0.0, 1.0), level(100, 0.0, 1.0)])
    assert (found.action, found.level, found.cost) == ("keep direct evaluation", 0, 0.0)
    assert found.sentence.startswith("Keep direct evaluation")


def test_where_the_data_cannot_say_the_next_measurement_is_named():
    found = decided(FIELD[:2])
    assert (found.action, found.level, found.cost, found.measure_to) == ("measure more", None, None, 200.0)
    assert "cannot say" in found.sentence and "200 steps" in found.sentence and "60 %" in found.sentence


def test_direct_evaluation_is_never_named_where_it_was_not_measured():
    found = decided([level(10, 0.4, 0.0), *FIELD[2:]])
    assert "direct evaluation" not in found.sentence and under(10.0) in found.sentence


@pytest.mark.parametrize(
    ("criteria", "words"),
    [({"least_tau": 0.99}, "0.99 is asked for"), ({"budget": 100.0}, "the budget is 100"), ({"budget": 299.0}, "299")],
)
def test_a_requirement_that_no_level_meets_is_named(criteria, words):
    found = decided(FIELD[:3], **criteria)
    assert found.level is None and words in found.sentence


def test_a_target_of_agreement_moves_the_level_up():
    levels = [*FIELD[:3], level(4000, 0.0, 1.0, tau=0.99)]
    assert decided(levels, least_tau=0.97).level == 4000


@pytest.mark.parametrize("value", [0.0, 0.0004, 0.003, 0.0123, 0.38])
def test_a_share_is_shown_inside_its_interval(value):
    text = share_with_interval(Estimate(value=value, low=value / 3, high=min(1.5 * value, 1.0)))
    shown, _, rest = text.partition(" %")
    if rest:
        low, high = rest.strip(" []%").replace(" %", "").split("–")
        assert float(low) <= float(shown) <= float(high)
