"""The findings in words: what a maintainer reads in the first ten seconds must be true and complete."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.auditing.notes import diverged_note
from headstart.data.outcomes import Divergence, Outcome, RunOutcome
from headstart.report import wording
from headstart.report.wording_backtest import backtest_words
from headstart.report.wording_runs import reported_outcomes
from report_cases import BACKTEST, STABLE, level, price, synthetic_audit

WITNESS = "b takes a's place with 2 further steps: it costs 2 steps and gains 9 steps net"


def text_of(**changes: object) -> str:
    summary = wording.summarise(synthetic_audit(**changes))
    return " ".join([summary.headline, *summary.sentences])


def test_the_verdict_names_who_overtakes_whom_at_which_price():
    words = text_of()
    assert words.startswith("Gaming made-up pays under direct evaluation.")
    assert "medium takes large's place with 120 further steps" in words


def test_a_verdict_that_rests_on_a_tie_says_so():
    tied = level(0.0, ("a", "b"), [price("b", "a", effort=2.0, tied=True)], verdict="none", witness=WITNESS)
    clear = level(0.0, ("a", "b"), [price("b", "a", effort=2.0)], verdict="none", witness=WITNESS)
    assert "Noise cannot tell these two apart ≈." in text_of(levels=(tied,))
    assert "Noise cannot tell" not in text_of(levels=(clear,))


def test_assumed_stakes_are_called_an_assumption():
    assert "first place is worth 4,000 steps, every other place nothing" in text_of()
    assert "they are an assumption" in text_of()
    assert "assumption" not in text_of(rewards_assumed=False)


def test_the_level_stands_with_interval_mark_and_measured_answer():
    words = text_of()
    assert "ends gaming from 1,250 steps on (95 % interval 700–unbounded) †" in words
    assert "measured steps alone show that gaming pays up to level 640" in words
    assert "in 31 % of the posterior draws" in words


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("zero", "No tuning before testing is needed"),
        ("infinite", "No level of tune-before-test ends gaming"),
        ("unknown", "is not known"),
        ("union", "ends gaming only at levels 10–20 and 30–40"),
    ],
)
def test_a_level_that_does_not_exist_is_not_invented(status: str, says: str):
    stable = replace(STABLE, status=status, level=None, low=None, intervals=((10.0, 20.0), (30.0, 40.0)))
    assert says in text_of(stabilising_level=stable)


def test_a_union_tells_of_the_stable_stretches_before_its_last():
    stable = replace(STABLE, status="union", intervals=((10.0, 20.0), (1250.0, None)))
    assert "from 1,250 steps on" in text_of(stabilising_level=stable)
    assert "also at levels 10–20" in text_of(stabilising_level=stable)


def test_an_undecided_verdict_is_not_turned_into_one():
    undecided = level(0.0, ("a", "b"), [price("b", "a", effort=3.0)], verdict="undecided")
    summary = wording.summarise(synthetic_audit(levels=(undecided,)))
    assert summary.outcome == "undecided"
    assert "undecided" in summary.headline


def test_an_audit_whose_first_level_is_not_direct_evaluation_says_so():
    assert "at level 50" in text_of(levels=(level(50.0, ("a", "b"), [price("b", "a", effort=3.0)]),))


def test_tied_neighbours_are_not_the_cheapest_clear_overtake():
    direct = synthetic_audit().levels[0]
    assert wording.cheapest_clear_price(direct) == direct.prices[0]
    assert min(price.cost for price in direct.prices if price.cost is not None) == 2.5


@pytest.mark.parametrize(
    ("rewards", "words"),
    [
        ("winner:5000", "first place is worth 5,000 USD, every other place nothing"),
        ("top:3:5000", "each of the first 3 places is worth 5,000 USD, every other place nothing"),
        ("linear:5000", "first place is worth 5,000 USD, falling in equal parts to nothing at the last place"),
        ("geometric:0.5:5000", "first place is worth 5,000 USD, each further place 0.5 times the one above it"),
        ("[5, 3, 0]", "the rewards are [5, 3, 0]"),
    ],
)
def test_rewards_in_words(rewards: str, words: str):
    assert wording.rewards_in_words(rewards, "USD") == words


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_a_number_is_shown_within_half_a_per_cent(value: float):
    shown = wording.number(value)
    factor = 1e6 if shown.endswith(" million") else 1.0
    read = factor * float(shown.removesuffix(" million").replace(",", ""))
    tolerance = 0.05 if value >= 1e9 else 0.0051
    assert read == pytest.approx(value, rel=tolerance)


@given(st.floats(min_value=0.0, max_value=1.0))
def test_a_share_is_shown_as_certain_only_when_it_is(value: float):
    assert (wording.share(value) == "100 %") == (value == 1.0)
    assert (wording.share(value) == "0 %") == (value == 0.0)


def test_a_coverage_below_its_claim_is_called_too_narrow():
    assert "too narrow" in " ".join(backtest_words(BACKTEST))
    assert "too narrow" not in " ".join(backtest_words(replace(BACKTEST, score_coverage=0.94)))


def test_a_coverage_above_its_claim_is_not_called_right():
    assert "more than they claim" in " ".join(backtest_words(replace(BACKTEST, score_coverage=1.0)))


def test_overtakes_wrongly_called_out_of_reach_are_reported():
    assert "called 3 of them out of reach, so “out of reach” is to be read with great care" in " ".join(
        backtest_words(BACKTEST)
    )


def test_a_backtest_without_overtakes_makes_no_claim_about_prices():
    words = " ".join(
        backtest_words(
            replace(
                BACKTEST, pairs=0, pair_coverage=None, catch_ups=0, called_unreachable=0, typical_effort_factor=None
            )
        )
    )
    assert "no overtake, made or missed, to compare" in words
    assert "factor" not in words


def test_reported_outcomes_are_grouped_by_model_and_complete_models_only_counted():
    def run(model: str, seed: str | None, outcome: Outcome) -> RunOutcome:
        return RunOutcome(model=model, seed=seed, outcome=outcome)

    mixed = [run("a", "0", "complete"), run("b", "0", "complete"), run("b", "1", "forgets"), run("c", None, "complete")]
    assert reported_outcomes(mixed) == [
        ("b", "complete (seed 0); forgets (seed 1)"),
        ("2 more models", "complete"),
    ]
    assert reported_outcomes(mixed[:1]) == [("1 model", "complete")]
    assert reported_outcomes([]) == []


def test_a_diverged_run_is_named_by_model_seed_and_step():
    runs = (Divergence(model="a", seed="2", step=40.0), Divergence(model="b", seed=None, step=0.0))
    words = diverged_note(runs)
    assert "a, seed 2 (first step without a score: 40); b (first step without a score: 0)." in words
