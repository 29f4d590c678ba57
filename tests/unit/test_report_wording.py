"""The findings in words: what a maintainer reads in the first ten seconds must be true and complete."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.auditing.notes import diverged_note
from headstart.data.outcomes import Divergence, OutcomeName, RunOutcome
from headstart.report import wording
from headstart.report.wording_backtest import backtest_words
from headstart.report.wording_runs import reported_outcomes
from report_cases import BACKTEST, STABLE, synthetic_audit


def test_assumed_stakes_are_called_an_assumption():
    words = wording.stakes_in_words(synthetic_audit())
    assert "first place is worth 4,000 steps, every other place nothing" in words
    assert "assumed" in words
    assert "assumed" not in wording.stakes_in_words(synthetic_audit(rewards_assumed=False))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "from 1,250 steps on (95 % interval 700–beyond what was measured)"),
        ({"level": 0.0, "low": 0.0}, "under direct evaluation already"),
        ({"level": None, "low": None, "status": "unknown"}, "no level up to 1,000 steps"),
    ],
)
def test_the_strict_level_is_told_as_a_matter_of_exact_knowledge(changes: dict[str, object], says: str):
    words = wording.strict_in_words(replace(STABLE, **changes), 1000.0)
    assert words.startswith("With exact knowledge of the scores")
    assert says in words


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ((None, None, None, None), ""),
        ((0.0, 0.97, 0.99, 1.0), "From 100 steps on honesty is the only equilibrium"),
        ((0.97, 0.2, 0.99, 1.0), "From 1,000 steps on honesty is the only equilibrium"),
        ((1.0, 1.0, 1.0, 1.0), "At every level honesty is the only equilibrium"),
        ((1.0, 1.0, 1.0, 0.5), "At no level reported is honesty shown to be the only equilibrium"),
    ],
)
def test_where_honesty_is_the_only_equilibrium_is_told_from_there_on(shares: tuple[float | None, ...], says: str):
    audit = synthetic_audit()
    levels = tuple(replace(level, unique=share) for level, share in zip(audit.levels, shares, strict=True))
    words = wording.unique_in_words(replace(audit, levels=levels))
    assert words.startswith(says)
    assert (words == "") == (says == "")


@given(st.floats(min_value=0.0, max_value=1.0))
def test_a_probability_is_never_shown_larger_than_it_is(value: float):
    shown = wording.certainty(value)
    assert shown == "< 1 %" or float(shown.removesuffix(" %")) <= 100 * value + 1e-6
    assert (shown == "0 %") == (value == 0.0)
    assert (shown == "100 %") == (value >= 1.0 - 1e-9)


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
    def run(model: str, seed: str | None, outcome: OutcomeName) -> RunOutcome:
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
