"""The audit on a terminal or in a pipe: the decision first, then one table of levels and one of models.

It fits 80 columns; ``full`` adds every model, the prices and the other findings. In a pipe the text is plain, and
tables are never cut to a width, so that it can be searched.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headstart.auditing.decision import share_with_interval, under
from headstart.auditing.level_values import Level, Price
from headstart.auditing.values import Audit, ModelFit
from headstart.report import wording, wording_runs
from headstart.report.console import say, stdout
from headstart.report.wording import EXTRAPOLATED, TIED, number
from headstart.report.wording_backtest import backtest_words

FEW = 8
"""Models shown unless all are asked for."""


def print_audit(audit: Audit, console: Console | None = None, *, full: bool = False) -> None:
    """Print the audit.

    Args:
        audit: What to print.
        console: Where; by default standard output, plain when that is no terminal.
        full: Everything instead of the first models and the main findings.
    """
    out = console or stdout()
    print_decision(audit, out)
    say(out, f"{wording.stakes_in_words(audit)} {wording.noise_in_words(audit)}", "dim")
    _print_table(out, "What gaming gains, by level", _levels(audit))
    _print_table(out, _models_title(audit, full), _models(audit, full))
    for remark in audit.remarks:
        out.print()
        say(out, remark)
    _print_fallers(audit, out, full)
    _print_untunable(audit, out, full)
    for name, reason in audit.excluded:
        say(out, f"Left out: {name}: {reason}")
    if full:
        _print_rest(audit, out)


def print_decision(audit: Audit, console: Console | None = None) -> None:
    """Print what to do, and nothing else."""
    out = console or stdout()
    say(out, audit.decision.headline, "bold")
    say(out, " ".join(audit.decision.reasons))


def _print_rest(audit: Audit, out: Console) -> None:
    for level in _shown_levels(audit):
        _print_table(out, f"Prices of the next place {under(level.level)}", _prices(level, audit.cost_unit))
    out.print()
    if unique := wording.unique_in_words(audit):
        say(out, unique)
    say(out, wording.strict_in_words(audit.stabilising_level, audit.reference_level))
    if audit.backtest is None:
        say(out, f"Forecasts were not tested: {audit.backtest_reason}.")
    else:
        say(out, " ".join(backtest_words(audit.backtest)))
    for name, words in wording_runs.reported_outcomes(audit.outcomes):
        say(out, f"Reported by the runner: {name}: {words}")
    for note in audit.notes:
        say(out, f"Note: {note}")


def _print_fallers(audit: Audit, out: Console, full: bool) -> None:
    if not audit.fallers:
        return
    shown = audit.fallers if full else audit.fallers[:2]
    more = len(audit.fallers) - len(shown)
    words = "; ".join(wording.faller_in_words(one) for one in shown)
    out.print()
    say(out, f"Falls under the same tuning, look here first: {words}{f'; and {more} more' if more else ''}.")


def _print_untunable(audit: Audit, out: Console, full: bool) -> None:
    if audit.untunable:
        words = wording_runs.untunable_words(audit)[: None if full else 1]
        _print_table(out, wording_runs.UNTUNABLE_TITLE, _untunable(audit), before=words)


def _print_table(out: Console, title: str, table: Table, *, before: Sequence[str] = ()) -> None:
    """A table under its title, with the sentences that say how to read it."""
    out.print()
    out.print(Text(title, style="bold"))
    for sentence in before:
        say(out, sentence)
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
        table.add_column(
            Text(column),
            justify="left" if column in text else "right",
            overflow="ellipsis" if column in text else "fold",
            no_wrap=column in text,
        )
    return table


def _add(table: Table, *cells: str, style: str = "") -> None:
    """A row of plain text: names are never read as markup."""
    table.add_row(*(Text(cell) for cell in cells), style=style)


def _levels(audit: Audit) -> Table:
    certain = any(level.certain is not None for level in audit.levels)
    columns = ["level", "gain of first prize", "sure", "tau", *(["pairs certain"] if certain else []), "cost"]
    table = _table(*columns, "gains most", text=("gains most",))
    for level in audit.levels:
        chosen = level.level == audit.decision.level
        tau = level.kendall_tau_to_reference
        _add(
            table,
            number(level.level) + ("" if level.measured else f" {EXTRAPOLATED}"),
            share_with_interval(level.incentive.share),
            wording.certainty(level.incentive.suffices),
            "–" if tau is None else f"{tau:.2f}",
            *(["–" if level.certain is None else wording.share(level.certain)] if certain else []),
            number(wording.bill(audit, level.level)),
            "nobody" if level.incentive.model is None else level.incentive.model,
            style="bold" if chosen else "",
        )
    return table


def _models_title(audit: Audit, full: bool) -> str:
    shown = len(audit.models) if full else min(FEW, len(audit.models))
    return f"Ranks {under(audit.reference_level)} and {under(audit.levels[0].level)}" + (
        "" if shown == len(audit.models) else f": {shown} of {len(audit.models)} (--full: all)"
    )


def _models(audit: Audit, full: bool) -> Table:
    before = "direct" if audit.levels[0].level == 0 else "first"
    table = _table("tuned rank", "score", f"{before} rank", f"{before} score", "model", text=("model",))
    for model in audit.models if full else audit.models[:FEW]:
        _add(
            table,
            wording.rank_with_set(model.tuned_rank, model.tuned_rank_interval),
            wording.score_in_words(model.tuned_score),
            wording.rank_with_set(model.direct_rank, model.direct_rank_interval),
            wording.score_in_words(model.direct_score),
            model.name + (f" ({'; '.join(_remarks(model))})" if full and _remarks(model) else ""),
        )
    return table


def _remarks(model: ModelFit) -> list[str]:
    return [*model.flags, *([model.treatment] if model.treatment else [])]


def _shown_levels(audit: Audit) -> list[Level]:
    """The first level, the one recommended and the reference level: those whose prices a reader may want."""
    wanted = {audit.levels[0].level, audit.decision.level, audit.reference_level}
    return [level for level in audit.levels if level.level in wanted]


def _prices(level: Level, unit: str) -> Table:
    in_money = unit != "steps"
    columns = ["rank", "further steps", "95 %", *([f"price ({unit})"] if in_money else []), "", "model"]
    table = _table(*columns, "would overtake", text=("model", "would overtake", ""))
    for rank, price in enumerate(level.prices, start=2):
        _add(
            table,
            str(rank),
            "beyond" if price.effort is None else number(price.effort),
            wording.price_interval(price),
            *(["–" if price.cost is None else number(price.cost)] if in_money else []),
            _marks(price),
            price.model,
            price.overtakes,
        )
    return table


def _marks(price: Price) -> str:
    return " ".join([*([TIED] if price.tied else []), *([EXTRAPOLATED] if price.extrapolated else [])])


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
