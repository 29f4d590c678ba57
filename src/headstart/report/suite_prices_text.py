"""Prices of a suite on the terminal: rules side by side, then what they say."""

from __future__ import annotations

from headstart.report.console import stdout
from headstart.report.plain_text import table, wrapped
from headstart.report.suite_prices_wording import left_out, rule_row, summary
from headstart.report.wording import EXTRAPOLATED, count, number
from headstart.suite.price.pricing import SuitePricing


def print_prices(found: SuitePricing) -> None:
    """The prices as text; names are shown as they are."""
    console = stdout()
    for line in prices_lines(found):
        console.print(line, markup=False, soft_wrap=True)


def prices_lines(found: SuitePricing) -> list[str]:
    """The lines, none longer than that of the suite's text."""
    models = count(len(found.models), "model")
    title = (
        f"What places cost, in {found.cost_unit}: {models}, {count(len(found.tasks), 'task')}, effort spread as is best"
    )
    lines = ["", *wrapped(title)]
    header = ("rule", "first", "by", "half pay", "next", "half pay")
    for level in found.levels:
        lines += [f"level {number(level)}" + (" (direct evaluation)" if level == 0 else "")]
        rows = [
            (row[0], row[1], _fit(row[2]), *row[3:])
            for row in (rule_row(found.at(level, rule)) for rule in found.rules)
        ]
        lines += table(header, rows)
    legend = (
        "first, next: the cheapest price of first place and of passing the model above; half pay: half of the models "
    )
    legend += f"pay no more; a–b: proved bounds; {EXTRAPOLATED} beyond the measured steps"
    lines += wrapped(legend)
    for sentence in summary(found):
        lines += ["", *wrapped(sentence)]
    lines += ["", *(line for note in (*found.notes, *left_out(found, 3)) for line in wrapped(note))]
    return lines


def _fit(name: str, width: int = 24) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"
