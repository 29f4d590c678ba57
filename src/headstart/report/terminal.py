"""The audit on a terminal or in a pipe: the verdict first, then the tables behind it.

In a pipe the text is plain and never cut to a width, so that it can be searched; on a terminal it wraps to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headstart.auditing.values import Audit, Interval, Level, ModelFit, Price
from headstart.report import wording, wording_runs
from headstart.report.console import stdout
from headstart.report.wording import EXTRAPOLATED, LEGEND, TIED, number
from headstart.report.wording_backtest import backtest_words

PROSE_WIDTH = 100
"""Sentences are no wider, however wide the window."""

OUTCOME_STYLES = {"pays": "bold red", "does not pay": "bold green", "undecided": "bold yellow"}


def print_audit(audit: Audit, console: Console | None = None) -> None:
    """Print the audit.

    Args:
        audit: What to print.
        console: Where; by default standard output, plain when that is no terminal.
    """
    out = console or stdout()
    _print_verdict(audit, out)
    _print_table(out, "Levels", _levels(audit))
    reference = _reference(audit)
    _print_table(out, f"Prices at {_level_name(audit.levels[0])}", _prices(audit.levels[0], audit.cost_unit))
    if reference is not audit.levels[0]:
        _print_table(out, f"Prices at {_level_name(reference)}", _prices(reference, audit.cost_unit))
    _print_table(out, f"Models, by rank at level {number(audit.reference_level)}", _models(audit, reference))
    _print_untunable(audit, out)
    _print_trust(audit, out)
    for name, reason in audit.excluded:
        _say(out, f"Left out: {name}: {reason}")
    for name, words in wording_runs.reported_outcomes(audit.outcomes):
        _say(out, f"Reported by the runner: {name}: {words}")
    for note in audit.notes:
        _say(out, f"Note: {note}")


def _say(out: Console, text: str, style: str = "") -> None:
    out.print(
        Text(fill(text, min(out.width, PROSE_WIDTH), break_on_hyphens=False, break_long_words=False), style=style)
    )


def _print_verdict(audit: Audit, out: Console) -> None:
    summary = wording.summarise(audit)
    _say(out, summary.headline, OUTCOME_STYLES[summary.outcome])
    out.print()
    for sentence in summary.sentences:
        _say(out, sentence)
    out.print()
    for line in LEGEND:
        _say(out, line, "dim")


def _print_untunable(audit: Audit, out: Console) -> None:
    if not audit.untunable:
        return
    _print_table(out, wording_runs.UNTUNABLE_TITLE, _untunable(audit), before=wording_runs.untunable_words(audit))


def _print_trust(audit: Audit, out: Console) -> None:
    out.print()
    out.print(Text("How far to trust this", style="bold"))
    if audit.backtest is None:
        _say(out, f"Not tested: {audit.backtest_reason}.")
    else:
        _say(out, " ".join(backtest_words(audit.backtest)))
    out.print()


def _print_table(out: Console, title: str, table: Table, *, before: Sequence[str] = ()) -> None:
    """A table under its title, with the sentences that say how to read it."""
    out.print()
    out.print(Text(title, style="bold"))
    for sentence in before:
        _say(out, sentence)
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    for line in captured.get().splitlines():  # without the padding of the last column
        out.print(Text(line.rstrip()), soft_wrap=True)


def _table(*columns: str, text: Sequence[str] = ()) -> Table:
    """A table without lines; the columns named in ``text`` are set left, the others are numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    for column in columns:
        table.add_column(Text(column), justify="left" if column in text else "right", overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    """A row of plain text: names are never read as markup."""
    table.add_row(*(Text(cell) for cell in cells))


def _levels(audit: Audit) -> Table:
    shapes = tuple(audit.levels[0].critical_stakes)
    unit = audit.cost_unit
    table = _table(
        "level",
        "verdict",
        "measured only",
        f"cheapest ({unit})",
        f"median ({unit})",
        "out of reach",
        f"tied {TIED}",
        *(f"stable up to, {shape} ({unit})" for shape in shapes),
        "tau",
        "95 %",
        text=("verdict", "measured only"),
    )
    for level in audit.levels:
        pairs = len(level.prices)
        _add(
            table,
            number(level.level) + _mark(level.extrapolated),
            wording.VERDICT_WORDS[level.verdict],
            wording.measured_verdict(level),
            "none" if level.cheapest_price is None else number(level.cheapest_price),
            "out of reach" if level.median_price is None else number(level.median_price),
            f"{level.unreachable} of {pairs}",
            f"{level.tied} of {pairs}",
            *(_stakes(level, shape) for shape in shapes),
            "-" if level.kendall_tau_to_reference is None else f"{level.kendall_tau_to_reference:.2f}",
            _tau(level.kendall_tau_interval),
        )
    return table


def _stakes(level: Level, shape: str) -> str:
    value = level.critical_stakes[shape]
    bounds = wording.interval(level.critical_stakes_interval[shape])
    return f"{'unbounded' if value is None else number(value)} [{bounds}]"


def _tau(bounds: Interval) -> str:
    return "-" if bounds.low is None or bounds.high is None else f"{bounds.low:.2f} to {bounds.high:.2f}"


def _prices(level: Level, unit: str) -> Table:
    in_money = unit != "steps"
    columns = [
        "rank",
        "model",
        "would overtake",
        "further steps",
        "95 %",
        *([f"price ({unit})"] if in_money else []),
        "",
    ]
    table = _table(*columns, text=("model", "would overtake", ""))
    for rank, price in enumerate(level.prices, start=2):
        effort = "out of reach" if price.effort is None else number(price.effort)
        cost = "out of reach" if price.cost is None else number(price.cost)
        _add(
            table,
            str(rank),
            price.model,
            price.overtakes,
            effort,
            wording.price_interval(price),
            *([cost] if in_money else []),
            _marks(price),
        )
    return table


def _marks(price: Price) -> str:
    return " ".join([*([TIED] if price.tied else []), *([EXTRAPOLATED] if price.extrapolated else [])])


def _models(audit: Audit, reference: Level) -> Table:
    tied = wording.tied_names(reference)
    table = _table(
        "tuned rank",
        "95 %",
        "direct rank",
        "95 %",
        "model",
        "floor",
        "ceiling",
        "log-odds at 0",
        "exponent",
        "rmse",
        "measured to",
        "flags",
        text=("model", "flags"),
    )
    for model in audit.models:
        _add(
            table,
            f"{model.tuned_rank}{f' {TIED}' if model.name in tied else ''}",
            wording.ranks(model.tuned_rank_interval),
            str(model.direct_rank),
            wording.ranks(model.direct_rank_interval),
            model.name,
            *(f"{model.curve[key]:.3f}" for key in ("L", "U", "alpha", "beta")),
            f"{model.rmse:.4f}",
            number(model.max_step),
            _flags(model),
        )
    return table


def _untunable(audit: Audit) -> Table:
    headings = [f"level {heading}" for heading in wording_runs.level_headings(audit)]
    table = _table("model", "direct score", "direct rank", "95 %", *headings, text=("model",))
    for one in audit.untunable:
        _add(
            table,
            one.name,
            wording_runs.direct_score(one),
            f"{one.direct_rank}{f' {TIED}' if one.direct_tied else ''}",
            wording.ranks(one.direct_rank_interval),
            *(wording_runs.rank_bound(bound) for bound in one.bounds if bound.level > 0),
        )
    return table


def _flags(model: ModelFit) -> str:
    return "; ".join([*model.flags, *([model.treatment] if model.treatment else [])])


def _reference(audit: Audit) -> Level:
    """The reference level where it is among the levels reported, else the highest of those."""
    return next((level for level in audit.levels if level.level == audit.reference_level), audit.levels[-1])


def _level_name(level: Level) -> str:
    name = "level 0 (direct evaluation)" if level.level == 0 else f"level {number(level.level)}"
    return name + _mark(level.extrapolated)


def _mark(extrapolated: bool) -> str:
    return f" {EXTRAPOLATED}" if extrapolated else ""
