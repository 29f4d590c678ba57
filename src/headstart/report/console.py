"""Standard output as the reports use it."""

from __future__ import annotations

from rich.console import Console

PIPE_WIDTH = 250
"""Room for a table in a pipe; more than any needs with names of ordinary length."""


def stdout() -> Console:
    """A console that shows names as they are: what looks like markup or an emoji code in a name is part of the name."""
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        return console
    return Console(highlight=False, markup=False, emoji=False, width=PIPE_WIDTH, color_system=None)
