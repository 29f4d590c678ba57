"""Standard output as the reports use it."""

from __future__ import annotations

from textwrap import fill

from rich.console import Console
from rich.text import Text

PIPE_WIDTH = 250
"""Room for a table in a pipe; more than any needs with names of ordinary length."""

PROSE_WIDTH = 79
"""Sentences are no wider, however wide the window."""


def stdout() -> Console:
    """A console that shows names as they are: what looks like markup or an emoji code in a name is part of the name."""
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        return console
    return Console(highlight=False, markup=False, emoji=False, width=PIPE_WIDTH, color_system=None)


def say(out: Console, text: str, style: str = "") -> None:
    """Sentences as plain text, folded to a readable width: what looks like markup in a name is part of the name."""
    width = min(out.width, PROSE_WIDTH)
    out.print(Text(fill(text, width, break_on_hyphens=False, break_long_words=False), style=style))
