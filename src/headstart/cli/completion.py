"""What the shell may complete: names of columns and benchmarks in the file named on the command line, and choices."""

from __future__ import annotations

from collections.abc import Iterable

import typer

REWARDS = ("winner:", "linear:", "top:3:", "geometric:0.5:")
FORGETTING = ("keep", "exclude", "peak")
SCOPES = ("submit", "read", "worker", "admin")
EXPORTS = ("csv", "json", "ledger")


def complete_columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """``score=acc,model=``: a known field before each ``=``, a column of the file behind it."""
    from headstart.data.measurements import FIELDS

    before, comma, last = incomplete.rpartition(",")
    name, equals, _ = last.partition("=")
    if not equals:
        return _starting(incomplete, (f"{before}{comma}{field}=" for field in FIELDS))
    return _starting(incomplete, (f"{before}{comma}{name}={column}" for column in _columns(ctx)))


def complete_benchmark(ctx: typer.Context, incomplete: str) -> list[str]:
    """The benchmarks of the file."""
    from headstart.data.trajectory_files import read_benchmarks

    source = _source(ctx)
    if source is None:
        return []
    try:
        return _starting(incomplete, read_benchmarks(source))
    except Exception:  # a shell that completes must stay silent, whatever is wrong with the file
        return []


def complete_rewards(incomplete: str) -> list[str]:
    """The shapes of rewards."""
    return _starting(incomplete, REWARDS)


def complete_forgetting(incomplete: str) -> list[str]:
    """What may be done with models that forget."""
    return _starting(incomplete, FORGETTING)


def complete_scope(incomplete: str) -> list[str]:
    """What a board's token may do."""
    return _starting(incomplete, SCOPES)


def complete_export(incomplete: str) -> list[str]:
    """What can be fetched from a board."""
    return _starting(incomplete, EXPORTS)


def _source(ctx: typer.Context) -> str | None:
    """The file named before the option that is completed; the parser leaves it among the words it has not assigned."""
    named = [ctx.params.get("trajectories"), ctx.params.get("source"), *ctx.args]
    return next((word for word in named if isinstance(word, str) and not word.startswith("-")), None)


def _columns(ctx: typer.Context) -> tuple[str, ...]:
    from headstart.io.tables import read_table

    source = _source(ctx)
    if source is None:
        return ()
    try:
        return read_table(source).columns
    except Exception:  # as above
        return ()


def _starting(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
