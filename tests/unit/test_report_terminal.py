"""The audit as text: plain in a pipe, complete at every width."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from headstart.auditing.values import Audit
from headstart.report.console import PIPE_WIDTH
from headstart.report.terminal import print_audit, print_decision
from report_cases import level, model, synthetic_audit

GOLDEN = Path(__file__).parents[1] / "golden" / "audit.txt"


def text(audit: Audit, width: int = PIPE_WIDTH, *, terminal: bool = False, full: bool = True) -> str:
    stream = io.StringIO()
    print_audit(audit, Console(file=stream, width=width, force_terminal=terminal, highlight=False), full=full)
    return stream.getvalue()


def large_audit() -> Audit:
    """Fifty-five models and ten levels, as a public leaderboard has."""
    names = tuple(f"some-family-{n}b-instruct" for n in range(55))
    audit = synthetic_audit()
    levels = tuple(replace(level(10.0 * at, names, []), level=10.0 * at) for at in range(10))
    models = tuple(model(name, n, (1, 55), n, (max(1, n - 9), 55)) for n, name in enumerate(names, start=1))
    return replace(audit, models=models, levels=levels, untunable=(), excluded=(), remarks=())


def test_the_text_is_the_one_agreed_on():
    """After a wanted change: write ``text(synthetic_audit())`` to the golden file and read the difference."""
    assert text(synthetic_audit()) == GOLDEN.read_text(encoding="utf-8")


def test_a_pipe_gets_plain_text_that_is_never_cut(capsys: pytest.CaptureFixture[str]):
    long = "a-model-with-a-rather-long-name/and-a-path-of-sixty-characters"
    print_audit(synthetic_audit(("large", long, "small", "tiny")), full=True)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert not set("│┃━─┏┡") & set(out)
    assert out.count(long) > 5


def test_a_terminal_gets_colour():
    assert "\x1b[" in text(synthetic_audit(), terminal=True)


def test_the_short_text_of_a_large_audit_fits_a_terminal():
    lines = text(large_audit(), 80, full=False).splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) <= 80
    assert "8 of 55 (--full: all)" in "\n".join(lines)
    assert "some-family-7b-instruct" in "\n".join(lines) and "some-family-8b-instruct" not in "\n".join(lines)


def test_the_decision_comes_first_and_stands_alone_when_asked_for(capsys: pytest.CaptureFixture[str]):
    audit = synthetic_audit()
    assert text(audit, full=False).startswith(audit.decision.headline)
    print_decision(audit)
    assert " ".join(capsys.readouterr().out.split()) == audit.decision.sentence


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_loses_no_character(width: int):
    lines = text(synthetic_audit(), width).splitlines()
    assert max(map(len, lines)) <= width
    words = "".join("".join(lines).split())
    for needed in ("Giveeverymodel1,000steps", "Left", "unfitted"):
        assert needed in words


def test_names_are_never_read_as_markup():
    hostile = ("[bold red]x[/bold red]", "[/]", "<script>alert(1)</script>", "\\[a]")
    shown = text(synthetic_audit(hostile))
    for name in hostile:
        assert name in shown


def test_prices_in_money_have_their_own_column():
    audit = synthetic_audit(cost_unit="USD")
    dear = replace(audit.levels[0].prices[0], cost=3.75)
    first = replace(audit.levels[0], prices=(dear, *audit.levels[0].prices[1:]))
    shown = text(replace(audit, levels=(first, *audit.levels[1:])))
    assert "price (USD)" in shown
    assert "3.75" in shown


def test_contestants_that_cannot_be_tuned_stand_in_no_other_table():
    shown = text(synthetic_audit())
    assert shown.count("tiny by API") == 2  # its own row, and the sentence about its noise
    assert "Cannot be tuned" not in text(synthetic_audit(untunable=()))


def test_an_audit_without_backtest_says_why():
    assert "Forecasts were not tested: switched off." in text(
        synthetic_audit(backtest=None, backtest_reason="switched off")
    )
