"""How far forecasts could be trusted on this benchmark: the backtest in words and rows."""

from __future__ import annotations

from headstart.fitting.backtest import IMPROBABLE, Backtest
from headstart.report.wording import count, number, share

NOMINAL = 0.95
"""Coverage that the intervals claim."""

SHORTFALL = 0.05
"""Coverage missing before the intervals are called too narrow."""


def backtest_words(test: Backtest) -> list[str]:
    """What the backtest says about the figures of the audit, in sentences."""
    sentences = [
        f"Forecasts from the earliest {share(test.fraction)} of the checkpoints of {count(len(test.models), 'model')} "
        "were compared with what was measured later."
    ]
    if test.score_coverage is not None:
        sentences.append(
            f"Of {count(test.scores, 'later score')}, {share(test.score_coverage)} lie inside their 95 % interval: "
            f"{_judged(test.score_coverage, 'scores')}."
        )
    return sentences + _effort_words(test)


def _effort_words(test: Backtest) -> list[str]:
    if test.pair_coverage is None:
        return ["The later checkpoints hold no overtake, made or missed, to compare a predicted effort with."]
    sentences = [
        f"Of {count(test.pairs, 'pair')} whose lower model might still pass the upper one, the interval of the effort "
        f"holds what happened in {share(test.pair_coverage)}: {_judged(test.pair_coverage, 'efforts')}."
    ]
    if test.catch_ups:
        sentences.append(f"{_overtakes(test)}.")
    if test.typical_effort_factor is not None:
        sentences.append(
            f"Where the effort was predicted ({test.predicted_efforts} of {test.catch_ups}), it is "
            f"typically off by a factor of {number(test.typical_effort_factor)}."
        )
    return sentences


def _overtakes(test: Backtest) -> str:
    words = f"The later checkpoints show {count(test.catch_ups, 'overtake')}; the forecasts, for which a probability "
    words += f"below {number(100 * IMPROBABLE)} % is out of reach, had called "
    words += f"{test.called_unreachable or 'none'} of them out of reach"
    if test.called_unreachable > 0.5 * test.catch_ups:
        words += ", so “out of reach” is to be read with great care here"
    return words


def _judged(coverage: float, what: str) -> str:
    if coverage < NOMINAL - SHORTFALL:
        return f"fewer than they claim, so the intervals of {what} are too narrow here"
    return "more than they claim" if coverage > 0.5 + NOMINAL / 2 else "about as many as they claim"


def backtest_rows(test: Backtest) -> list[tuple[str, int, str]]:
    """Every figure of the backtest: what was predicted, on how many cases, and how it went."""

    def figure(value: float | None) -> str:
        return "no cases" if value is None else number(value)

    def part(value: float | None) -> str:
        return "no cases" if value is None else share(value)

    return [
        ("Later scores: mean absolute error", test.scores, figure(test.mean_absolute_error)),
        ("Later scores: root mean squared error", test.scores, figure(test.root_mean_squared_error)),
        ("Later scores: predicted minus measured, mean", test.scores, figure(test.mean_error)),
        ("Later scores: typical measurement noise", test.scores, figure(test.typical_noise)),
        ("Later scores: error of a forecast of no change", test.scores, figure(test.carried_forward_error)),
        ("Later scores: inside the 95 % interval", test.scores, part(test.score_coverage)),
        ("Effort of an overtake: what happened meets the 95 % interval", test.pairs, part(test.pair_coverage)),
        ("Overtakes measured that had been called out of reach", test.catch_ups, str(test.called_unreachable)),
        (
            "Effort of an overtake: predicted divided by measured, median",
            test.predicted_efforts,
            figure(test.median_effort_ratio),
        ),
        (
            "Effort of an overtake: typical factor between the two",
            test.predicted_efforts,
            figure(test.typical_effort_factor),
        ),
        ("Effort of the overtakes measured: inside the 95 % interval", test.catch_ups, part(test.effort_coverage)),
        ("Overtakes predicted within the measured steps that did not happen", test.pairs, str(test.missed)),
    ]
