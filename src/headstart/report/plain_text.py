"""Folded sentences and tables for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from headstart.report.comparison_wording import fit

WIDTH = 80


def wrapped(text: str, indent: str = "") -> list[str]:
    """Text folded to ``WIDTH``; ``indent`` starts the later lines.

    >>> wrapped("one line")
    ['one line']
    """
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=True) or [""]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they need; the first, of names, takes what is left of ``WIDTH``.

    >>> table(("rule", "price"), [("mean", "12")])
    ['rule  price', 'mean     12']
    """
    widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header))]
    widths[0] = min(widths[0], WIDTH - sum(widths[1:]) - 2 * (len(header) - 1))
    lines: list[str] = []
    for row in [header, *rows]:
        cells = [fit(row[0], widths[0]).ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines
