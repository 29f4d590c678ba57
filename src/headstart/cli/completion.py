"""What the shell may complete: names of columns and benchmarks in the file named on the command line, and choices."""

from __future__ import annotations

from collections.abc import Iterable

import typer

REWARDS = ("winner:", "linear:", "top:3:", "geometric:0.5:")
CLAIMS = ("pairs", "groups")
FORGETTING = ("keep", "exclude", "peak")
MISSING = ("drop-models", "drop-tasks", "refuse")


SCOPES = ("submit", "read", "worker", "admin")
EXPORTS = ("csv", "json", "ledger")


def complete_columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """``score=acc,model=``: a known field before each ``=``, a column of the file behind it."""
    from headstart.data.measurements import FIELDS

    return _columns_of_fields(ctx, incomplete, FIELDS)


def _columns_of_fields(ctx: typer.Context, incomplete: str, fields: Iterable[str]) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    name, equals, _ = last.partition("=")
    if not equals:
        return _starting(incomplete, (f"{before}{comma}{field}=" for field in fields))
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


def complete_claims(incomplete: str) -> list[str]:
    """What a published table may claim."""
    return _starting(incomplete, CLAIMS)


def complete_ranking_columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """``score=acc,model=`` of a published table."""
    from headstart.data.rankings import FIELDS

    return _columns_of_fields(ctx, incomplete, FIELDS)


def complete_forgetting(incomplete: str) -> list[str]:
    """What may be done with models that forget."""
    return _starting(incomplete, FORGETTING)


READING = ("metric", "task", "model", "step", "layout", "reader", "newest", "flip", "heading")
"""Keys of --read."""


def complete_reading(incomplete: str) -> list[str]:
    """A key of ``--read``, or a value of one that has few."""
    key, equals, _ = incomplete.partition("=")
    if not equals:
        return _starting(incomplete, (f"{name}=" for name in READING))
    if key in ("newest", "flip"):
        return _starting(incomplete, (f"{key}=yes", f"{key}=no"))
    if key == "reader":
        from headstart.data.readers import READERS

        return _starting(incomplete, (f"reader={name}" for name in READERS.names()))
    return []


def complete_writers(incomplete: str) -> list[str]:
    """The formats of published results."""
    from headstart.data.writers import WRITERS

    return _starting(incomplete, WRITERS.names())


def complete_aggregation(incomplete: str) -> list[str]:
    """The rules that make one ranking of many tasks."""
    from headstart.suite.aggregations import AGGREGATIONS

    return _starting(incomplete, AGGREGATIONS.names())


def complete_missing(incomplete: str) -> list[str]:
    """What may be done where a score is missing."""
    return _starting(incomplete, MISSING)


def complete_scope(incomplete: str) -> list[str]:
    """What a board's token may do."""
    return _starting(incomplete, SCOPES)


def complete_export(incomplete: str) -> list[str]:
    """What can be fetched from a board."""
    return _starting(incomplete, EXPORTS)


def _source(ctx: typer.Context) -> str | None:
    """The file named before the option that is completed; the parser leaves it among the words it has not assigned."""
    named = [*(ctx.params.get(name) for name in ("trajectories", "source", "ranking")), *ctx.args]
    return next((word for word in named if isinstance(word, str) and not word.startswith("-")), None)


def _columns(ctx: typer.Context) -> tuple[str, ...]:
    from headstart.data.readers.reader import Given

    source = _source(ctx)
    if source is None:
        return ()
    try:
        return Given(source).header
    except Exception:  # as above
        return ()


def _starting(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
